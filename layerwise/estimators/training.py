"""How a layer is trained: anew, or on from where it stands, with callbacks told of each pass."""

from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from layerwise._sklearn import has_callbacks
from layerwise.estimators.callbacks import TakesCallbacks, opened, with_callbacks
from layerwise.estimators.checks import check_trainer, refuse_trainer
from layerwise.estimators.passes import Audience, Lines, certain, run_passes
from layerwise.exceptions import Incompatible
from layerwise.numerics.streams import Stream

__all__ = ["Trained", "Trains", "kept_log_variance"]


@dataclass(eq=False)
class Trained:
    """Where the training of a layer stands, for ``partial_fit`` and ``warm_start``.

    Parameters
    ----------
    asked : dict of str to object
        What made the sizes and units of the model: training goes on where it is the same.
    stream : Stream
        Where the random numbers of all calls come from.
    state : TrainingState or None
        None of a trainer that has none.
    """

    asked: dict
    stream: Any
    state: Any


class Trains(TakesCallbacks, ABC):
    """What trains a layer, and goes on training it.

    A subclass says what training starts from and what it leaves: ``_trained_by``, ``_asked``,
    ``_first``, ``_as_it_stands`` and ``_attributes``.
    """

    # Of layers that do not have these parameters.
    warm_start = False
    verbose = 0
    # What a trainer has to train, and a sentence's names of those that do.
    _trained_by = (object, "")
    _trained = None

    def set_params(self, **params):
        """Set parameters, the trainer's too: ``trainer__learning_rate``.

        Parameters
        ----------
        **params : dict
            Where ``trainer`` is None, its parameters are set on a new default trainer, whether it
            was None before or is set to it here.

        Returns
        -------
        self
            This estimator.
        """
        if any(name.startswith("trainer__") for name in params):
            trainer = params.get("trainer", self.trainer)
            if trainer is None:
                params["trainer"] = self._default_trainer()
            elif isinstance(trainer, type) or not hasattr(trainer, "set_params"):
                refuse_trainer(self, trainer)
        return super().set_params(**params)

    @property
    def _trainer(self):
        return self._default_trainer() if self.trainer is None else self.trainer

    def fit_input(
        self, rows, stream, *, y=None, verbose=0, after=None, start=None, one_pass=False
    ):
        """Train on what is drawn anew for each pass, as a layer of a deep model.

        Parameters
        ----------
        rows : LayerInput
        stream : Stream
            Where all random numbers come from.
        y : default=None
            What callbacks are told of.
        verbose : int, default=0
            Lines are printed if this or the layer's own ``verbose`` is positive.
        after : Layer, default=None
            A fitted layer of the same kind, which training goes on from.
        start : model, default=None
            What training starts from, in the place of the layer's own first model.
        one_pass : bool, default=False
            Whether to train by a single pass, as ``partial_fit`` does.

        Returns
        -------
        self
            This estimator.
        """
        if after is not None:
            vars(self).update(after._fitted_attributes())

        def train(self):
            states = rows.means if not rows.inference else lambda: rows.draw(stream.child("told"))
            task = "partial_fit" if one_pass else "fit"
            audience = self._audience(states, y, task=task, verbose=verbose)
            goes_on = after is not None
            return self._train(
                rows, stream, audience, goes_on=goes_on, start=start, one_pass=one_pass
            )

        return with_callbacks(train, self) if has_callbacks(self) else train(self)

    def _audience(self, X, y, *, task="fit", verbose=0):
        """Return who hears of a training, and tell callbacks of its beginning."""
        trainer, context, lines = self._trainer, None, None
        check_trainer(self, trainer, *self._trained_by)
        one, most = task == "partial_fit", getattr(trainer, "most_passes", None)
        n_passes = 1 if one else most if isinstance(most, Integral) else None
        if has_callbacks(self):
            context = opened(self, n_passes, task=task, X=X, y=y)
        if self.verbose > 0 or verbose > 0:
            lines = self._lines(trainer, n_passes)
        n_certain = 1 if one else certain(trainer)
        return Audience(self, n_certain, context, X=X, y=y, lines=lines)

    def _lines(self, trainer, n_passes):
        """Return who prints lines on the passes, of at most so many."""
        return Lines(type(self).__name__, getattr(trainer, "objective", ""), n_passes)

    def _train(self, rows, stream, audience, *, goes_on=False, start=None, one_pass=False):
        """Train, and set what was fitted: from the beginning, or from what was fitted before."""
        trainer = self._trainer
        self._check_parts()
        means = rows.expected()
        asked = self._asked(means.shape[1])
        if goes_on:
            stream, state = self._going_on(asked, trainer, rows)
            model, before = state.model, getattr(self, "history_", None)
            if not one_pass:
                state.first = state.n_passes
        else:
            model, before = start or self._first(rows, means, stream), None
            state = self._started(trainer, model, rows, stream)
        # Of other units before: it must not be there while callbacks see what is fitted so far.
        vars(self).pop("noise_variance_", None)

        def fitted(history):
            now = self._attributes(deepcopy(model), rows, stream)
            return {**now, "history_": history, "_trained": None}

        if one_pass:
            passes = self._one(trainer, state, rows)
        else:
            state_or_none = () if state is None else (state,)
            passes = trainer.passes(model, rows, stream.child("train"), *state_or_none)
        self.history_ = run_passes(trainer.objective, passes, audience, fitted, before)
        vars(self).update(self._attributes(model, rows, stream))
        self._trained = Trained(asked, stream, state)
        if audience.context is not None:
            audience.context.call_on_fit_task_end(**audience.data, reconstruction_attributes={})
        return self

    def _check_parts(self):
        """Raise which parameters do not go together."""

    @abstractmethod
    def _asked(self, n_features):
        """Return what the parameters ask for that training cannot change later, by name."""

    @abstractmethod
    def _first(self, rows, means, stream):
        """Return the model that training starts from."""

    @abstractmethod
    def _as_it_stands(self, model):
        """Return the fitted model, in arrays of its own, as the attributes are now.

        ``model`` is what training left, or None. Where an attribute is a function of one of its
        arrays, and has that value still, the array is taken: to invert the function would round.
        """

    @abstractmethod
    def _attributes(self, model, rows, stream):
        """Return what is set once a model is trained on such rows, by name."""

    def _fitted_attributes(self):
        """Return all that fitting has set, by name."""
        own = vars(self).items()
        return {name: value for name, value in own if name.endswith("_") or name == "_trained"}

    def _started(self, trainer, model, rows, stream):
        """Return the state before the first pass, or None of a trainer that has none."""
        if not hasattr(trainer, "start"):
            return None
        return trainer.start(model, rows, stream.child("train"))

    def _one(self, trainer, state, rows):
        if not hasattr(trainer, "one_pass"):
            raise Incompatible(
                f"partial_fit asks the trainer for a single pass, and {type(trainer).__name__} "
                f"has no one_pass. Use {self._trained_by[1]}, or fit."
            )
        yield trainer.one_pass(state, rows)

    def _going_on(self, asked, trainer, rows):
        """Return the stream and a copy of the state of what was fitted, for a trainer to go on."""
        trained, name = self._trained, type(self).__name__
        found = {} if trained is None else trained.asked
        other = [each for each in found if found[each] != asked[each]]
        n_components = len(self.components_)
        if trained is None and asked.get("n_components", n_components) != n_components:
            other, found = ["n_components"], {"n_components": n_components}
        if other:
            was = ", ".join(f"{each}={found[each]!r}" for each in other)
            now = ", ".join(f"{each}={asked[each]!r}" for each in other)
            raise Incompatible(
                f"{name} is to go on from what was fitted with {was}, and now has {now}. "
                "Set them as they were, or train anew: fit with warm_start=False."
            )
        if not hasattr(trainer, "resumed"):
            raise Incompatible(
                f"{name} is to go on from what was fitted, and {type(trainer).__name__} keeps no "
                f"state. Use {self._trained_by[1]}, or fit with warm_start=False."
            )
        state = None if trained is None else trained.state
        model = self._as_it_stands(getattr(state, "model", None))
        seed = self.random_state
        stream = Stream.from_random_state(seed) if trained is None else trained.stream
        if state is None:
            return stream, self._started(trainer, model, rows, stream)
        return stream, trainer.resumed(state, model, rows)


def kept_log_variance(layer, model, log_variance):
    """Return the logarithms of a layer's variances, in a list: an empty one where there are none.

    Parameters
    ----------
    layer : Layer
        Fitted; its ``noise_variance_`` may come from a user's hand.
    model : object with ``log_variance``, or None
        What training left. Its logarithms are taken as they are if the variances are theirs still.
    log_variance : ndarray or None
        Logarithms of the variances.
    """
    if log_variance is None:
        return []
    left = None if model is None else model.log_variance
    same = left is not None and np.array_equal(np.exp(left), layer.noise_variance_)
    return [left if same else log_variance]
