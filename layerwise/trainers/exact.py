"""The exact gradient of the likelihood, for machines whose smaller layer can be enumerated."""

import numpy as np

from layerwise._sklearn import POSITIVE_INTEGER
from layerwise.exceptions import TooManyStates
from layerwise.likelihood.gradient import minus_log_likelihood
from layerwise.likelihood.partition import listed_layer
from layerwise.models.rbm import RBMParams
from layerwise.numerics.gradient import LikelihoodGradient
from layerwise.numerics.rows import dense
from layerwise.trainers import stopping
from layerwise.trainers.base import Trainer
from layerwise.trainers.watch import Watch, mean_log_likelihood

LIMIT = 20  # 2**20 states, in every step


class ExactGradient(Trainer):
    """Descent of minus the mean log-likelihood, by its exact gradient.

    The model's half of the gradient is a sum over all states of the smaller layer, or of the
    hidden layer where visible states cannot be listed. In a float32 RBM of Bernoulli units its
    relative errors are about 3e-7, as those of the parameters; the objective, and all else, is
    computed in float64.

    Parameters
    ----------
    learning_rate : float, default=0.05
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1); beta1 of "adam".
    weight_decay : float, default=0.0
        L2, on weights only.
    batch_size : int or None, default=None
        Rows of a step; None takes all. Sparse rows of a batch are made dense.
    n_passes : int, default=500
    optimizer : {"sgd", "adam"}, default="adam"
    schedule : {"constant", "linear", "warmup"} or callable, default="linear"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    resample : bool, default=True
        Draw the rows' states anew for each pass; False trains on their means.
    l1_decay : float, default=0.0
        L1, on weights only: after each step, each weight is closer to zero by the learning rate
        times this, and zero if it was no further away (a proximal step).
    early_stopping : bool, default=False
        Hold rows out, keep the parameters under which their exact likelihood is highest, and end
        when it has not risen for ``n_passes_no_change`` passes.
    validation_fraction : float, default=0.1
        Part of the rows that is held out.
    n_passes_no_change : int, default=10
    """

    objective = "negative_log_likelihood"
    needs = RBMParams
    _parameter_constraints = (
        Trainer._parameter_constraints
        | stopping.CONSTRAINTS
        | {"batch_size": [POSITIVE_INTEGER, None]}
    )

    def __init__(
        self, *, learning_rate=0.05, momentum=0.9, weight_decay=0.0, batch_size=None,
        n_passes=500, optimizer="adam", schedule="linear", resample=True, l1_decay=0.0,
        early_stopping=False, validation_fraction=0.1, n_passes_no_change=10,
    ):  # fmt: skip
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample
        self.l1_decay = l1_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change

    def _accept(self, model):
        n = listed_layer(model)[1]
        if n > LIMIT:
            raise TooManyStates(
                f"ExactGradient sums over 2**{n:.4g} states in each step and the limit is "
                f"2**{LIMIT}. Use at most {LIMIT} hidden units, or train with PCD() or CD()."
            )

    def _likelihood(self, state, X, weights=None):
        return mean_log_likelihood(state.model, X, weights)

    def _prepare(self, state, rows):
        params = state.model
        size = len(rows) if self.batch_size is None else min(self.batch_size, len(rows))
        gradient = None

        def step(X, order, rate, stream):
            nonlocal gradient
            if gradient is None and params.over_bits:
                gradient = LikelihoodGradient(params.components, size, X.dtype)

            def slopes(batch, part):
                if params.over_bits:
                    return gradient(*params.arrays(), X, batch, part), gradient.gradients
                return minus_log_likelihood(params, dense(X[batch]), part)

            return self._descend(state, order, rate, slopes, rows.weights)

        # Moments cost five sums of log Z in float64, three in float32, at each step.
        n, dtype = listed_layer(params)[1], params.components.dtype
        sums = (5 if dtype == np.float64 else 3) * -(-len(rows) // size)
        products = 3 + sums * 2**n / len(rows) / max(1.0, n)
        watch = Watch(
            params, rows, self.n_passes, resample=self.resample, products=products, drawn=0
        )
        return step, watch
