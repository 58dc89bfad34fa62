"""Exact ascent: of a deep model's likelihood, of the best latent marginal, of its bound."""

from abc import abstractmethod
from itertools import pairwise
from numbers import Integral

from layerwise._sklearn import POSITIVE_INTEGER, UNIT_INTERVAL, HasMethods, Interval, StrOptions
from layerwise.exceptions import Incompatible
from layerwise.likelihood.deep import bound_gradient, conditional_gradient, minus_log_likelihood
from layerwise.likelihood.marginal import log_aggregated_posterior
from layerwise.likelihood.mixtures import Mixture, log_density
from layerwise.likelihood.partition import refuse
from layerwise.likelihood.posterior import Posterior
from layerwise.models.chain import AutoEncoderParams, Encoder
from layerwise.models.dbn import DBNParams
from layerwise.models.latent import LatentParams
from layerwise.numerics.rows import dense
from layerwise.trainers import stopping
from layerwise.trainers.base import Trainer, shares, unwatched, weighted_mean
from layerwise.trainers.smoothing import BROAD, flipped, log_with_broad

__all__ = ["BoundAscent", "LikelihoodAscent", "MarginalAscent"]

# As powers of 2, in every step: states of a latent layer, and pairs of states of two.
LIMIT, PAIRS_LIMIT = 20, 30


class _Ascent(Trainer):
    """What trainers that step up a likelihood summed over latent states share."""

    objective = "negative_log_likelihood"
    _parameter_constraints = Trainer._parameter_constraints | stopping.CONSTRAINTS

    @abstractmethod
    def _likelihood(self, state, X, weights=None):
        """Return the mean log-likelihood of states X, by weights, under the model as it stands."""

    def _refuse(self, n, limit=LIMIT, of=""):
        refuse(n, limit, f"A step of {type(self).__name__}{of}", "Use fewer latent units.")


class LikelihoodAscent(_Ascent):
    """Ascent of a deep model's exact log-likelihood, all layers at once.

    Each step lists all states of every latent layer. To the layers above, the latent states are
    rows weighted by their aggregated posterior: so the gradient goes up layer by layer, and is
    exact. Training by layers finds the place to start from.

    Parameters
    ----------
    learning_rate : float, default=0.01
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.05
        L2, on weights only. With "adam" it stands beside the step (Loshchilov and Hutter, 2019).
    batch_size : int, default=100
    n_passes : int, default=200
    optimizer : {"adam", "sgd"}, default="adam"
    schedule : {"constant", "linear", "warmup"} or callable, default="warmup"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    early_stopping : bool, default=False
        Hold rows out, keep the parameters under which their likelihood is highest, and end when
        it has not risen for ``n_passes_no_change`` passes.
    validation_fraction : float, default=0.1
        Part of the rows that is held out.
    n_passes_no_change : int, default=10
    l1_decay : float, default=0.0
        L1, on weights only: after each step, each weight is closer to zero by the learning rate
        times this, and zero if it was no further away (a proximal step).

    See Also
    --------
    DBN : ``DBN(layers, fine_tuner=LikelihoodAscent())``.
    """

    needs = DBNParams

    def __init__(
        self, *, learning_rate=0.01, momentum=0.9, weight_decay=0.05, batch_size=100,
        n_passes=200, optimizer="adam", schedule="warmup", resample=True, early_stopping=False,
        validation_fraction=0.1, n_passes_no_change=10, l1_decay=0.0,
    ):  # fmt: skip
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change
        self.l1_decay = l1_decay

    def _accept(self, model):
        self.check_sizes([conditional.n_latent for conditional in model.conditionals])

    def check_sizes(self, sizes):
        """Raise why a model with latent layers of these sizes cannot be trained, if it cannot.

        Parameters
        ----------
        sizes : list of int
            From the bottom up, without the top's hidden layer.
        """
        if not sizes:
            raise Incompatible(
                "LikelihoodAscent trains at least one layer below the RBM, and there is none. "
                "Train the RBM with ExactGradient()."
            )
        for n in sizes:
            self._refuse(n)
        for below, above in pairwise(sizes):
            self._refuse(below + above, PAIRS_LIMIT, " on two latent layers")

    def _likelihood(self, state, X, weights=None):
        return weighted_mean(log_density(state.model)(X), weights)

    def _prepare(self, state, rows):
        def step(X, order, rate, stream):
            def slopes(batch, part):
                return minus_log_likelihood(state.model, dense(X[batch]), part)

            return self._descend(state, order, rate, slopes, rows.weights)

        return step, unwatched


class MarginalAscent(_Ascent):
    """Ascent of the best latent marginal: p(x | h) and a free weight of each latent state.

    Steps on minibatches go up the likelihood under the latent marginal as it is; after each pass
    the marginal becomes the aggregated posterior over all rows, a step of EM, smoothed over
    neighbouring states: 2**n free weights fit the rows of training too well. What is learnt is the
    criterion of Arnold and Ollivier (2013) itself.

    Parameters
    ----------
    learning_rate : float, default=0.02
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.05
        L2, on weights only. With "adam" it stands beside the step (Loshchilov and Hutter, 2019).
    batch_size : int, default=50
    n_passes : int, default=400
    optimizer : {"adam", "sgd"}, default="adam"
    schedule : {"constant", "linear", "warmup"} or callable, default="warmup"
        As in ``LikelihoodAscent``.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    smoothing : float, default=0.04
        Probability with which each unit of a state is flipped, so that states near those of the
        rows have weight too. Without it an RBM on the layer ends 0.1 (digits, Cmnist) to 1.2
        nats (Tea) lower on held-out rows.
    broad : float, default=0.03
        Part of the marginal that is the distribution of independent units with the same means: a
        state of weight zero would stay so.
    early_stopping : bool or "auto", default="auto"
        As in ``LikelihoodAscent``: 2**n free weights overfit. "auto" is False where there is a
        single row, and after a layer's ``init``, which has seen all rows: on digits, after an
        auto-encoder, held-out rows end training at once, 0.01 nats up the criterion, while 400
        passes gain 0.9.
    validation_fraction : float, default=0.1
        Part of the rows that is held out.
    n_passes_no_change : int, default=40
    n_final_passes : int, default=40
        Where rows were held out, passes over all rows that follow, from the best parameters on and
        at most as many as led there, while the rate falls from what it was there to zero. They
        gain the layer alone 0.03 to 0.11 nats on test rows of digits.
    l1_decay : float, default=0.0
        L1, on weights only: after each step, each weight is closer to zero by the learning rate
        times this, and zero if it was no further away (a proximal step).

    See Also
    --------
    LatentLayer : The layer that it trains.
    """

    needs = LatentParams
    _parameter_constraints = _Ascent._parameter_constraints | {
        "smoothing": [UNIT_INTERVAL],
        "broad": [UNIT_INTERVAL],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "n_final_passes": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, *, learning_rate=0.02, momentum=0.9, weight_decay=0.05, batch_size=50,
        n_passes=400, optimizer="adam", schedule="warmup", resample=True, smoothing=0.04,
        broad=BROAD, early_stopping="auto", validation_fraction=0.1, n_passes_no_change=40,
        n_final_passes=40, l1_decay=0.0,
    ):  # fmt: skip
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample
        self.smoothing = smoothing
        self.broad = broad
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change
        self.n_final_passes = n_final_passes
        self.l1_decay = l1_decay

    def _accept(self, model):
        self._refuse(model.conditional.n_latent)

    def _learned(self, model):
        return model.conditional.arrays()

    def _likelihood(self, state, X, weights=None):
        density = Posterior(state.model.conditional, state.model.log_marginal)
        return weighted_mean(density(X), weights)

    def _prepare(self, state, rows):
        conditional, log_marginal = state.model.conditional, state.model.log_marginal
        parts = rows.shares

        def step(X, order, rate, stream):
            def slopes(batch, part):
                posterior = Posterior(conditional, log_marginal)
                return conditional_gradient(posterior, dense(X[batch]), part)[:2]

            objective = self._descend(state, order, rate, slopes, rows.weights)
            aggregated = Posterior(conditional, log_marginal).expectations(X, parts)[2]
            log_marginal[...] = log_with_broad(flipped(aggregated, self.smoothing), self.broad)
            return objective

        return step, unwatched


class BoundAscent(_Ascent):
    """Ascent of an auto-encoder's bound of the best latent marginal, exactly.

    Encoder and decoder go up the mean log-likelihood of each batch's rows under their own
    aggregated inference, summed over all latent states: the criterion Uhat of Arnold and Ollivier
    (2013), of which the reconstruction error that :class:`Backprop` descends is a bound in turn.
    The ``code`` that the decoder would be trained on plays no part.

    Parameters
    ----------
    after : Backprop, default=None
        Trains the auto-encoder before, on passes of its own, which ``history_`` does not tell of.
        None starts from random weights, from where the bound is harder to ascend.
    learning_rate : float, default=3e-3
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only. With "adam" it stands beside the step (Loshchilov and Hutter, 2019).
    batch_size : int or None, default=None
        Rows of a step, over which the inference is aggregated; None takes all. The bound of a
        part of the rows is lower than that of all. Sparse rows of a batch are made dense.
    n_passes : int, default=500
    optimizer : {"adam", "sgd"}, default="adam"
    schedule : {"constant", "linear", "warmup"} or callable, default="linear"
        As in ``LikelihoodAscent``.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    early_stopping : bool, default=False
        As in ``LikelihoodAscent``; the likelihood of the held-out rows is under the inference
        aggregated over themselves.
    validation_fraction : float, default=0.1
        Part of the rows that is held out.
    n_passes_no_change : int, default=10
    l1_decay : float, default=0.0
        L1, on weights only: after each step, each weight is closer to zero by the learning rate
        times this, and zero if it was no further away (a proximal step).

    See Also
    --------
    latent_marginal_bound : The bound, of a fitted layer on any rows.
    """

    objective = "negative_marginal_bound"
    needs = AutoEncoderParams
    _parameter_constraints = _Ascent._parameter_constraints | {
        "after": [None, HasMethods(["passes", "check"])],
        "batch_size": [POSITIVE_INTEGER, None],
    }

    def __init__(
        self, after=None, *, learning_rate=3e-3, momentum=0.9, weight_decay=0.0, batch_size=None,
        n_passes=500, optimizer="adam", schedule="linear", resample=True, early_stopping=False,
        validation_fraction=0.1, n_passes_no_change=10, l1_decay=0.0,
    ):  # fmt: skip
        self.after = after
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change
        self.l1_decay = l1_decay

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        super().check()
        if self.after is None:
            return
        if not issubclass(AutoEncoderParams, self.after.needs):
            raise Incompatible(
                f"BoundAscent goes on from a trainer of auto-encoders, and after={self.after!r} "
                f"trains {self.after.needs.__name__}. Use after=Backprop()."
            )
        self.after.check()

    def start(self, model, rows, stream):
        """Return the state before the first pass, after the passes of the trainer before.

        Parameters
        ----------
        model : AutoEncoderParams
        rows : LayerInput
        stream : Stream

        Returns
        -------
        TrainingState
        """
        state = super().start(model, rows, stream)
        if self.after is not None:
            for _ in self.after.passes(model, rows, stream.child("after")):
                pass
        return state

    def _accept(self, model):
        chain = model.chain
        self._refuse(chain.sizes[model.code])
        if chain.n_layers != model.code + 1 or set(chain.activations[: model.code]) != {"sigmoid"}:
            raise Incompatible(
                "BoundAscent trains a decoder of one layer under an encoder of sigmoid layers, "
                f"and the chain has the activations {chain.activations}. Use Backprop()."
            )
        if model.corruption:
            raise Incompatible(
                "BoundAscent asks the inference of the rows as they are, and "
                f"corruption={model.corruption} hides a part of them. Use corruption=0, or "
                "Backprop()."
            )

    def _learned(self, model):
        chain = model.chain
        own = [k for k in range(chain.n_layers) if not chain.layers["tied"][k]]
        arrays = [chain.weights(k) for k in own] + [chain.biases(k) for k in range(chain.n_layers)]
        return arrays if chain.log_variance is None else [*arrays, chain.log_variance]

    def _likelihood(self, state, X, weights=None):
        model = state.model
        fields = Encoder(model.chain, 0, model.code).field(X)
        inferred = log_aggregated_posterior(fields, shares(weights, slice(None)))
        return weighted_mean(Mixture(model.conditional, inferred)(X), weights)

    def _prepare(self, state, rows):
        model, encoder = state.model, Encoder(state.model.chain, 0, state.model.code)

        def slopes(X, part):
            fields, back = encoder.field_and_gradients(X)
            value, (weights, *others), by_fields = bound_gradient(
                model.conditional, fields, X, part
            )
            matrices, biases = back(by_fields)
            if model.chain.tied:
                weights = weights + matrices.pop(0).T
            return value, [*matrices, weights, *biases, *others]

        def step(X, order, rate, stream):
            return self._descend(
                state, order, rate, lambda batch, part: slopes(dense(X[batch]), part), rows.weights
            )

        return step, unwatched
