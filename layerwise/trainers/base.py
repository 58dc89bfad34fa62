"""What all trainers share: the training loop, its state, and what a parameter may be."""

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from layerwise._saving import WithDefaults
from layerwise._sklearn import POSITIVE, POSITIVE_INTEGER, UNIT_INTERVAL, Interval, StrOptions
from layerwise.exceptions import Diverged
from layerwise.numerics.optimizer import Optimizer, descend
from layerwise.trainers.averaging import Averaging
from layerwise.trainers.state import Pass, TrainingState
from layerwise.trainers.stopping import EarlyStopping, held_out

# Of the logarithm of a variance, in size: precisions still are normal numbers of float32.
MOST_LOG_VARIANCE = 80


def shares(weights, batch):
    """Return the parts of some rows in the sum of their weights; None where all count alike."""
    if weights is None:
        return None
    return weights[batch] / weights[batch].sum()


def weighted_mean(values, weights):
    """Return the mean of values by their weights, which are equal if None."""
    return float(values.mean() if weights is None else np.average(values, weights=weights))


def unwatched(index, X):
    """Return that nothing is known of the likelihood after a pass."""
    return math.nan


class Trainer(WithDefaults, ABC, BaseEstimator):
    """An iterator over passes: ``passes(model, rows, stream)`` improves ``model`` and yields.

    A trainer is a value: parameters only; what changes is a :class:`TrainingState`. ``objective``
    is the name, in ``history_``, of what it minimises, and ``needs`` is the type of model that it
    improves. A subclass says what a pass does (``_prepare``).
    """

    objective = ""
    needs = object
    # Whether rows are held out, to end when their likelihood rises no more. Trainers that can have
    # this parameter, and say what it is (``_likelihood``).
    early_stopping = False
    # Passes over all rows after that, those held out among them, from the best parameters on.
    n_final_passes = 0
    # L1, on weights only. Trainers that can have this parameter.
    l1_decay = 0.0
    # Of the passes, the last ones over which parameters are averaged. Trainers that can have it.
    averaging = 0.0
    # Persistent chains, of trainers that have some.
    n_chains = 0
    _parameter_constraints: ClassVar = {
        "learning_rate": [POSITIVE],
        "momentum": [UNIT_INTERVAL],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "l1_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [POSITIVE_INTEGER],
        "n_passes": [POSITIVE_INTEGER],
        "optimizer": [StrOptions({"adam", "sgd"})],
        "schedule": [StrOptions({"constant", "linear", "warmup"}), callable],
        "resample": ["boolean"],
    }

    def passes(self, model, rows, stream, state=None):
        """Improve a model in place, one pass over the rows at a time.

        Whoever takes the passes may end them by ``send(True)``: training is over then as it is
        after the last pass, but for the final passes.

        Parameters
        ----------
        model : instance of ``needs``
        rows : LayerInput
            States are drawn anew for each pass, or means taken if ``resample`` is False.
        stream : Stream
        state : TrainingState, default=None
            Where to go on, which ``start`` returned and earlier passes improved: of this model.
            None starts anew.

        Yields
        ------
        Pass
            Its objective is the mean over rows, each batch measured before its step.

        Raises
        ------
        ValueError
            If a parameter of the trainer is not what it must be.
        Incompatible, TooManyStates
            If the trainer cannot train such a model.
        Diverged
            If the objective or a parameter is not finite, a parameter grows beyond 2**30, or the
            logarithm of a variance beyond 80.
        """
        self.check()
        if state is None:
            state = self.start(model, rows, stream)
        stopping, part, best = None, rows, -1
        if self.early_stopping:
            part, stopping = held_out(self, state, rows)
        step, watch = self._prepare(state, part)
        averaging = Averaging(model, self.averaging, self.n_passes) if self.averaging else None
        ended = False
        while state.since < self.n_passes and not ended:
            since = state.since
            done, X = self._take(state, part, step, self.rate(since))
            if averaging is not None:
                averaging.add(since)
            done = done._replace(log_likelihood=watch(since, X))
            if stopping is None:
                ended = yield done
                continue
            done = done._replace(**{stopping.name: stopping.judge()})
            best = best if stopping.waited else since
            ended = yield done
            if stopping.is_over:
                break
        if averaging is not None:
            averaging.finish()
        if stopping is not None:
            stopping.restore()
            yield from self._finish(state, rows, -1 if ended else best)

    def _finish(self, state, rows, best):
        """Take the last passes, over all rows, at a rate that falls from that of pass ``best``."""
        n_passes = min(self.n_final_passes, best + 1)
        state.optimizer = self._optimizer(state.model)
        step, watch = self._prepare(state, rows)
        for left in range(n_passes, 0, -1):
            since = state.since
            done, X = self._take(state, rows, step, self.rate(best) * left / n_passes)
            if (yield done._replace(log_likelihood=watch(since, X))):
                return

    def one_pass(self, state, rows):
        """Improve a state by one pass, whatever ``n_passes`` says; no rows are held out.

        Parameters
        ----------
        state : TrainingState
        rows : LayerInput
            Of any number: they need not be those of the passes before.

        Returns
        -------
        Pass
        """
        self.check()
        step, watch = self._prepare(state, rows)
        since = state.since
        done, X = self._take(state, rows, step, self.rate(since))
        return done._replace(log_likelihood=watch(since, X))

    @property
    def most_passes(self):
        """The most passes that there can be, final ones included."""
        return self.n_passes + (self.n_final_passes if self.early_stopping else 0)

    def _take(self, state, rows, step, rate):
        """Take one pass, and return what it told and the states that it was trained on."""
        index, stream = state.n_passes, state.stream
        X = rows.draw(stream.child("rows", index), resample=self.resample)
        order = stream.child("order", index).generator().permutation(X.shape[0])
        try:
            objective = step(X, order, rate, stream.child("pass", index))
        except Diverged:
            raise self.diverged(index) from None
        if not np.isfinite(objective):
            raise self.diverged(index)
        self._check_variances(state.model.log_variance, index)
        state.n_passes += 1
        return Pass(index, objective, swap_rate=state.swap_rate), X

    def start(self, model, rows, stream):
        """Return the state before the first pass, or raise why there cannot be one.

        Parameters
        ----------
        model : instance of ``needs``
        rows : LayerInput
        stream : Stream

        Returns
        -------
        TrainingState
        """
        self._accept(model)
        chains = self._chains(model, rows, stream.child("chains"))
        means = self._means(model)
        return TrainingState(model, self._optimizer(model), stream, chains, means=means)

    def resumed(self, state, model, rows):
        """Return a state from which this trainer can go on, in arrays of its own.

        Parameters
        ----------
        state : TrainingState
            Where another training stood; it is left as it is.
        model : instance of ``needs``
            Of the sizes of the state's model.
        rows : LayerInput

        Returns
        -------
        TrainingState
            The optimiser has this trainer's momentum and weight decay; it starts anew where the
            trainer has another optimiser, and chains do where their number is another.
        """
        self._accept(model)
        optimizer, before = self._optimizer(model), state.optimizer
        if optimizer.kind == before.kind and optimizer.first.shape == before.first.shape:
            optimizer.first, optimizer.second = before.first.copy(), before.second.copy()
            optimizer.count = before.count
        chains = state.chains
        if self._n_kept != (0 if chains is None else len(chains)):
            chains = self._chains(model, rows, state.stream.child("chains", state.n_passes))
        elif chains is not None:
            chains = chains.copy()
        means = self._means(model, state, rows)
        ladder = None if state.ladder is None else state.ladder.copy()
        return replace(
            state, model=model, optimizer=optimizer, chains=chains, means=means, ladder=ladder
        )

    def _optimizer(self, model):
        """Return the state of the optimiser before its first step."""
        parameters = self._learned(model)
        return Optimizer.start(
            self.optimizer,
            sum(array.size for array in parameters),
            parameters[0].dtype,
            momentum=self.momentum,
            decay=self.weight_decay,
            l1_decay=self.l1_decay,
        )

    def _learned(self, model):
        """Return the arrays that the optimiser moves."""
        return model.arrays()

    def _accept(self, model):
        """Raise why this model cannot be trained, if it cannot."""

    @property
    def _n_kept(self):
        """How many chains a state keeps."""
        return self.n_chains

    def _chains(self, model, rows, stream):
        """Return the hidden states of persistent chains at their start, if there are chains."""
        return None

    def _means(self, model, state=None, rows=None):
        """Return running means before the first batch, or to go on from a state, if any."""
        return None

    def _stopping(self, state, rows, X, held):
        """Return the judge of states ``X`` of held-out rows while ``rows`` are trained on."""
        given = (X,) if held.weights is None else (X, held.weights)
        return EarlyStopping(
            state.model, lambda: self._likelihood(state, *given), self.n_passes_no_change
        )

    @abstractmethod
    def _prepare(self, state, rows):
        """Return what takes a pass, and what looks at the likelihood after one.

        Both keep their memory from pass to pass. ``step(X, order, rate, stream)`` takes a pass
        over ``X[order]`` and returns its objective; ``watch(index, X)`` returns the exact mean
        log-likelihood of the pass's rows, or NaN, as ``unwatched`` does.
        """

    def _descend(self, state, order, rate, slopes, weights=None):
        """Take a step for each batch of a pass, and return the mean of the objective over rows.

        Parameters
        ----------
        state : TrainingState
        order : ndarray of int
            Of the rows.
        rate : float
        slopes : callable
            From the indices of a batch's rows and their ``shares`` to the objective, their mean,
            and its gradients by the arrays that are learned.
        weights : ndarray of shape (n_rows,), default=None
            Of the rows; None is equal ones.
        """
        size = len(order) if self.batch_size is None else self.batch_size
        learned, total = self._learned(state.model), 0.0
        weight = len(order) if weights is None else weights[order].sum()
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            value, gradients = slopes(batch, shares(weights, batch))
            total += value * (len(batch) if weights is None else weights[batch].sum())
            descend(learned, gradients, state.optimizer, rate=rate)
        return total / weight

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self._validate_params()
        if self.averaging and self.early_stopping:
            raise ValueError(
                f"averaging={self.averaging} takes the mean of the last passes' parameters, and "
                "early_stopping keeps those of the best pass. Set one of the two to zero or False."
            )

    def rate(self, index):
        """Return the learning rate of a pass.

        Parameters
        ----------
        index : int
            Which pass, from 0. A schedule that ends stays at the rate of its last pass for those
            beyond it; a function is called with the pass itself.

        Returns
        -------
        float
        """
        if callable(self.schedule):
            return self.learning_rate * self.schedule(index)
        index, rate = min(index, self.n_passes - 1), self.learning_rate
        if self.schedule != "constant":
            rate *= 1 - index / self.n_passes
        if self.schedule == "warmup":
            rate *= min(1, (index + 1) / max(1, self.n_passes // 10))
        return rate

    def _check_variances(self, log_variance, index):
        """Raise Diverged if a variance of Gaussian units has run away."""
        if log_variance is not None and not np.abs(log_variance).max() <= MOST_LOG_VARIANCE:
            raise Diverged(
                f"{type(self).__name__} took a variance beyond e**{MOST_LOG_VARIANCE}, or as far "
                f"below 1, in pass {index} (learning_rate={self.learning_rate}). Standardise the "
                "columns, as StandardScaler() does, or lower the learning rate."
            )

    def diverged(self, index):
        """Return the error of a pass after which the model is of no use.

        Parameters
        ----------
        index : int
            Which pass, from 0.

        Returns
        -------
        Diverged
        """
        decay = f", weight_decay={self.weight_decay}" if self.weight_decay else ""
        return Diverged(
            f"{type(self).__name__} left the finite numbers, or a parameter grew beyond 2**30, in "
            f"pass {index} (learning_rate={self.learning_rate}{decay}). "
            f"Lower the learning rate{' or the weight decay' if decay else ''}."
        )
