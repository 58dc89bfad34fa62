"""Contrastive divergence: the data against where the model's chains go in a few steps."""

from numbers import Real

import numpy as np

from layerwise._sklearn import POSITIVE_INTEGER, UNIT_INTERVAL, Interval
from layerwise.models.rbm import RBMParams
from layerwise.numerics.rbm import contrastive_pass, contrastive_scratch
from layerwise.numerics.rows import column_moments, dense
from layerwise.trainers import stopping
from layerwise.trainers.base import Trainer
from layerwise.trainers.watch import Watch, looks, mean_log_likelihood

# Part of the time of training that held-out rows may take, after every pass, to be judged by their
# exact likelihood, and the multiply-adds that they may take in any case, a second's: what ends
# training in time saves more than that.
SHARE_OF_STOPPING, A_SECOND = 0.5, 20_000_000_000


class Contrastive(Trainer):
    """What CD and PCD share: all but where the chains start.

    The objective is the mean over rows of F(batch) - F(chains), in nats.
    """

    # It is what each step descends, but no measure of progress: it rises as chains come to mix
    # worse. On binary digits its rank correlation with the exact log-likelihood was +0.74.
    objective = "free_energy_gap"
    needs = RBMParams
    _parameter_constraints = (
        Trainer._parameter_constraints
        | stopping.CONSTRAINTS
        | {
            "n_steps": [POSITIVE_INTEGER],
            "averaging": [UNIT_INTERVAL],
            "centered": ["boolean"],
            "sparsity_target": [None, Interval(Real, 0, 1, closed="neither")],
            "sparsity_cost": [Interval(Real, 0, None, closed="left")],
        }
    )

    def _means(self, model, state=None, rows=None):
        if not self.centered and self.sparsity_target is None:
            return None
        if state is None:  # the first batches set them
            return tuple(np.zeros_like(array) for array in model.arrays()[1:3])
        if state.means is not None:
            return tuple(map(np.copy, state.means))
        X, dtype = rows.expected(), model.components.dtype
        total = len(rows) if rows.weights is None else rows.weights.sum()
        both = X, model.hidden_mean(X)
        return tuple((column_moments(each, rows.weights) / total).astype(dtype) for each in both)

    def _cost(self, state, rows):
        """Return what a pass costs, as ``watch.looks`` counts it."""
        n_chains = 0 if state.chains is None else len(state.chains)
        # Hidden means of the batch and two slopes; then each chain's steps, down and up.
        walks = self.n_steps * (n_chains / min(self.batch_size, len(rows)) if n_chains else 1)
        return {"products": 3 + 2 * walks, "drawn": walks}

    def _stopping(self, state, rows, X, held):
        params, n_held, weights = state.model, X.shape[0], held.weights
        every = looks(
            params, len(rows), n_held, self.n_passes, share=SHARE_OF_STOPPING,
            unnoticed=A_SECOND, **self._cost(state, rows),
        )  # fmt: skip
        if every == 1:
            return stopping.EarlyStopping(
                params, lambda: mean_log_likelihood(params, X, weights), self.n_passes_no_change
            )
        stream = state.stream.child("validation", "others")
        chosen = stream.generator().permutation(len(rows))[:n_held]
        others = rows.take(np.sort(chosen))
        states = others.draw(stream.child("rows"))
        return stopping.GapStopping(
            params,
            lambda: stopping.free_energy_gap(params, (X, weights), (states, others.weights)),
            self.n_passes_no_change,
        )

    def _prepare(self, state, rows, chains=None):
        params, target = state.model, None
        chains = state.chains if chains is None else chains
        if self.sparsity_target is not None:
            low, up = params.hidden.bits(params.n_hidden)
            target = low + up * self.sparsity_target
        step = rbm_step(
            self, params, state.optimizer, rows, chains, means=state.means, centered=self.centered,
            target=target, cost=self.sparsity_cost,
        )  # fmt: skip
        watch = Watch(
            params, rows, self.n_passes, resample=self.resample, **self._cost(state, rows)
        )
        return step, watch


def rbm_step(trainer, rbm, optimizer, rows, chains, **asked):
    """Return what takes a trainer's pass of CD or PCD over an RBM, as ``_prepare`` returns it.

    Parameters
    ----------
    trainer : Trainer
        With ``n_steps`` and ``batch_size``.
    rbm : RBMParams
    optimizer : Optimizer
        Updated.
    rows : LayerInput
    chains : ndarray of shape (n_chains, n_hidden) or None
    **asked : dict
        What else ``contrastive_pass`` takes.
    """
    visible, hidden = rbm.runs()
    n_chains = 0 if chains is None else len(chains)
    scratch = contrastive_scratch(
        rbm.components, len(rows), n_chains, trainer.batch_size, trainer.n_steps, visible, hidden
    )

    def step(X, order, rate, stream):
        return contrastive_pass(
            *rbm.arrays()[:3], X, order, chains, optimizer, rate=rate,
            n_steps=trainer.n_steps, batch_size=trainer.batch_size, stream=stream,
            visible=visible, hidden=hidden, log_variance=rbm.log_variance, weights=rows.weights,
            scratch=scratch, **asked,
        )  # fmt: skip

    return step


class CD(Contrastive):
    """Contrastive divergence, CD-k: short chains, started anew from each batch.

    Each batch is a step down the mean free energy of its rows minus that of the states which
    ``n_steps`` Gibbs steps reach from them. Data count by the means of their hidden units; chains
    walk by states, and count by the hidden means where they end.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps, k.
    learning_rate : float, default=0.05
    momentum : float, default=0.5
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only.
    batch_size : int, default=100
        Rows of a step. A shorter last batch counts its own rows.
    n_passes : int, default=50
    optimizer : {"sgd", "adam"}, default="sgd"
    schedule : {"constant", "linear", "warmup"} or callable, default="constant"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    averaging : float, default=0.0
        In [0, 1): of the passes of ``fit``, the last ones over which the parameters after each are
        averaged, and their mean taken in the end. Chains leave noise in parameters, which the mean
        is rid of, at no cost; a quarter is a good choice for large models. ``partial_fit`` does
        not average.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    l1_decay : float, default=0.0
        L1, on weights only: after each step, each weight is closer to zero by the learning rate
        times this, and zero if it was no further away (a proximal step).
    centered : bool, default=False
        Step down the centred gradient: the slopes by the parameters of an energy of
        ``v - mean_v`` and ``h - mean_h``, mapped to those of the plain one, which the model keeps.
        The means are of the data's visible units and hidden means, running over the batches: each
        moves them by a hundredth, the first hundred by equal parts. It makes training indifferent
        to which states are called 0 and 1 (Melchior, Fischer and Wiskott, 2016).
    sparsity_target : float, default=None
        In (0, 1): how often each hidden unit should be in its upper state. To the slope of its
        field in each row, ``sparsity_cost * (mean - target)`` is added, with the unit's mean over
        the data, running as above; so its intercept has this slope, and its weights this times
        the batch's mean of the visible units. It is the derivative of the cross-entropy between
        target and mean by the unit's field, taken alike for intercept and weights, as Hinton
        (2012, section 11) advises; the penalty is in the spirit of Lee, Ekanadham and Ng (2008).
        None asks for nothing.
    sparsity_cost : float, default=0.1
    early_stopping : bool, default=False
        Hold rows out, and end when they gain no more. Where their exact log-likelihood costs at
        most half of the time of training, or about a second, the parameters are kept under which
        it is highest; training ends when it has not risen for ``n_passes_no_change`` passes. Else
        the mean free energy of the held-out rows is compared with that of as many training rows:
        the latest parameters are kept for as long as the gap is not wider than the smallest one
        seen by more than 3 standard errors; training ends after ``n_passes_no_change`` passes in a
        row where it is (Hinton, 2012, section 6). ``history_`` says which it was, by the name
        ``"validation_log_likelihood"`` or ``"validation_free_energy_gap"``.
    validation_fraction : float, default=0.1
        Part of the rows that is held out.
    n_passes_no_change : int, default=10

    Notes
    -----
    Rows with weights, centring and a sparsity target are trained by matrix products, which on
    rows of zeros and ones are slower than what is used without them. Sparse rows are made dense
    some batches at a time.

    References
    ----------
    Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
    Hinton, "A practical guide to training restricted Boltzmann machines", 2012.
    Lee, Ekanadham and Ng, "Sparse deep belief net model for visual area V2", 2008.
    Melchior, Fischer and Wiskott, "How to center deep Boltzmann machines", 2016.
    """

    def __init__(
        self, n_steps=1, *, learning_rate=0.05, momentum=0.5, weight_decay=0.0, batch_size=100,
        n_passes=50, optimizer="sgd", schedule="constant", averaging=0.0, resample=True,
        l1_decay=0.0, centered=False, sparsity_target=None, sparsity_cost=0.1,
        early_stopping=False, validation_fraction=0.1, n_passes_no_change=10,
    ):  # fmt: skip
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.averaging = averaging
        self.resample = resample
        self.l1_decay = l1_decay
        self.centered = centered
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change


class PCD(Contrastive):
    """Persistent contrastive divergence, PCD-k: chains that go on from batch to batch.

    As ``CD``, but the model's states come from ``n_chains`` chains of their own, which start from
    rows of the data and take ``n_steps`` Gibbs steps per batch. Their number need not be the
    batch's: each mean is over its own rows.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps per batch, k.
    n_chains : int, default=100
    learning_rate : float, default=0.05
    momentum : float, default=0.5
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only.
    batch_size : int, default=100
        Rows of a step. A shorter last batch counts its own rows.
    n_passes : int, default=50
    optimizer : {"sgd", "adam"}, default="sgd"
    schedule : {"constant", "linear", "warmup"} or callable, default="constant"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    averaging : float, default=0.0
        In [0, 1): of the passes of ``fit``, the last ones over which the parameters after each are
        averaged, and their mean taken in the end. Chains leave noise in parameters, which the mean
        is rid of, at no cost; a quarter is a good choice for large models. ``partial_fit`` does
        not average.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    l1_decay : float, default=0.0
        L1, on weights only: after each step, each weight is closer to zero by the learning rate
        times this, and zero if it was no further away (a proximal step).
    centered : bool, default=False
        Step down the centred gradient: the slopes by the parameters of an energy of
        ``v - mean_v`` and ``h - mean_h``, mapped to those of the plain one, which the model keeps.
        The means are of the data's visible units and hidden means, running over the batches: each
        moves them by a hundredth, the first hundred by equal parts. It makes training indifferent
        to which states are called 0 and 1 (Melchior, Fischer and Wiskott, 2016).
    sparsity_target : float, default=None
        In (0, 1): how often each hidden unit should be in its upper state. To the slope of its
        field in each row, ``sparsity_cost * (mean - target)`` is added, with the unit's mean over
        the data, running as above; so its intercept has this slope, and its weights this times
        the batch's mean of the visible units. It is the derivative of the cross-entropy between
        target and mean by the unit's field, taken alike for intercept and weights, as Hinton
        (2012, section 11) advises; the penalty is in the spirit of Lee, Ekanadham and Ng (2008).
        None asks for nothing.
    sparsity_cost : float, default=0.1
    early_stopping : bool, default=False
        Hold rows out, and end when they gain no more. Where their exact log-likelihood costs at
        most half of the time of training, or about a second, the parameters are kept under which
        it is highest; training ends when it has not risen for ``n_passes_no_change`` passes. Else
        the mean free energy of the held-out rows is compared with that of as many training rows:
        the latest parameters are kept for as long as the gap is not wider than the smallest one
        seen by more than 3 standard errors; training ends after ``n_passes_no_change`` passes in a
        row where it is (Hinton, 2012, section 6). ``history_`` says which it was, by the name
        ``"validation_log_likelihood"`` or ``"validation_free_energy_gap"``.
    validation_fraction : float, default=0.1
        Part of the rows that is held out.
    n_passes_no_change : int, default=10

    Notes
    -----
    A long training of a large RBM can begin with few chains and end with many, while the rate
    falls to 0: one that was fitted goes on by ``rbm.set_params(warm_start=True,
    trainer__n_chains=500, trainer__n_steps=4, trainer__learning_rate=0.03).fit(X)``.

    Rows with weights, centring and a sparsity target are trained by matrix products, which on
    rows of zeros and ones are slower than what is used without them. Sparse rows are made dense
    some batches at a time.

    References
    ----------
    Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient", 2008.
    Hinton, "A practical guide to training restricted Boltzmann machines", 2012.
    Lee, Ekanadham and Ng, "Sparse deep belief net model for visual area V2", 2008.
    Melchior, Fischer and Wiskott, "How to center deep Boltzmann machines", 2016.
    """

    _parameter_constraints = Contrastive._parameter_constraints | {"n_chains": [POSITIVE_INTEGER]}

    def __init__(
        self, n_steps=1, *, n_chains=100, learning_rate=0.05, momentum=0.5, weight_decay=0.0,
        batch_size=100, n_passes=50, optimizer="sgd", schedule="constant", averaging=0.0,
        resample=True, l1_decay=0.0, centered=False, sparsity_target=None, sparsity_cost=0.1,
        early_stopping=False, validation_fraction=0.1, n_passes_no_change=10,
    ):  # fmt: skip
        self.n_steps = n_steps
        self.n_chains = n_chains
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.averaging = averaging
        self.resample = resample
        self.l1_decay = l1_decay
        self.centered = centered
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change

    def _chains(self, model, rows, stream):
        return first_chains(self.n_chains, model, rows, stream)


def first_chains(n_chains, model, rows, stream):
    """Return hidden states for chains to start from, drawn given rows of the data.

    Each row is taken once while they last; by their weights, if there are any.
    """
    states = rows.draw(stream.child("states"))
    generator = stream.child("rows").generator()
    if rows.weights is None:
        chosen = generator.choice(len(rows), n_chains, replace=n_chains > len(rows))
    else:
        chosen = generator.choice(len(rows), n_chains, p=rows.weights / rows.weights.sum())
    states = dense(states[chosen], model.arrays()[0].dtype)
    return model.sample_hidden(states, stream.child("hidden"), step=0)
