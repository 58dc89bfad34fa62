"""Back-propagation: a network learns to give back its input, or what is to be predicted."""

import math

import numpy as np

from layerwise._sklearn import UNIT_INTERVAL, StrOptions
from layerwise.exceptions import Incompatible
from layerwise.models.chain import CodedParams, NetworkParams
from layerwise.models.units import BITS
from layerwise.numerics.network import network_pass
from layerwise.numerics.rows import issparse
from layerwise.trainers import stopping
from layerwise.trainers.base import Trainer, unwatched, weighted_mean

__all__ = ["Backprop", "log_likelihoods"]


class Backprop(Trainer):
    """Gradient descent on the reconstruction error of an auto-encoder, or the loss of a predictor.

    Parameters
    ----------
    loss : {"cross_entropy", "squared_error"}, default="cross_entropy"
        Of a row, summed over its units: -log p(row | code) in nats, for units of any kind, or half
        the squared distance between the row and its reconstruction, for Bernoulli units. Of
        continuous units p is a density, and the loss may be negative. Of a classifier it is
        -log p(label | row), and its outputs take the place of the reconstruction; of a regressor
        it is half the squared distance, whatever is set.
    learning_rate : float, default=1e-3
    momentum : float, default=0.9
        Momentum of "sgd"; beta1 of "adam".
    weight_decay : float, default=0.0
        L2 on the weights, not on biases and variances. With "adam" it stands beside the step,
        decoupled from the gradient's scale (Loshchilov and Hutter, 2019).
    batch_size : int, default=20
        The last batch of a pass has the rows that are left, and divides by their number.
    n_passes : int, default=100
    optimizer : {"adam", "sgd"}, default="adam"
        Adam is that of Kingma and Ba (2015), with beta2=0.999 and epsilon=1e-8.
    schedule : {"constant", "linear", "warmup"} or callable, default="constant"
        Factor of the learning rate: 1; falling from 1 to 0 over the passes; the same, but rising
        over the first tenth of them; or a function of the pass, counted from 0.
    resample : bool, default=True
        Whether rows that are means are drawn as states, anew for each pass. False trains on the
        means themselves.
    l1_decay : float, default=0.0
        L1 on the weights: after each step, each is closer to zero by the learning rate times this,
        and zero if it was no further away (a proximal step, beside that of either optimiser).
    dropout : float, default=0.0
        Probability, below 1, with which a hidden unit of a predictor is set to zero in a step; the
        others are divided by 1 minus it. No units are dropped where it predicts. An auto-encoder
        has ``corruption`` instead.
    input_dropout : float, default=0.0
        The same of the predictor's inputs.
    early_stopping : bool, default=False
        Whether a predictor's training ends when the log-likelihood of the targets of held-out rows
        has not risen for ``n_passes_no_change`` passes; the parameters are then those of the best
        pass. The regressor's is that of outputs of variance 1. For auto-encoders there is the
        callback :class:`EarlyStopping`.
    validation_fraction : float, default=0.1
        Share of the labelled rows that is held out.
    n_passes_no_change : int, default=10

    Notes
    -----
    Batches are taken in an order drawn anew for each pass. Sparse rows are made dense some batches
    at a time. Where the code is sampled, the gradient
    goes straight through: the decoder sees states, the encoder the slope at their means (Bengio,
    Leonard and Courville, "Estimating or propagating gradients through stochastic neurons", 2013).
    Of a :class:`DeepAutoEncoder` the loss is that of the whole and those of its layers together.
    """

    objective = "reconstruction_error"
    needs = NetworkParams
    _parameter_constraints = (
        Trainer._parameter_constraints
        | stopping.CONSTRAINTS
        | {
            "loss": [StrOptions({"cross_entropy", "squared_error"})],
            "dropout": [UNIT_INTERVAL],
            "input_dropout": [UNIT_INTERVAL],
        }
    )

    def __init__(
        self,
        loss="cross_entropy",
        *,
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=0.0,
        batch_size=20,
        n_passes=100,
        optimizer="adam",
        schedule="constant",
        resample=True,
        l1_decay=0.0,
        dropout=0.0,
        input_dropout=0.0,
        early_stopping=False,
        validation_fraction=0.1,
        n_passes_no_change=10,
    ):
        self.loss = loss
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_passes = n_passes
        self.optimizer = optimizer
        self.schedule = schedule
        self.resample = resample
        self.l1_decay = l1_decay
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_passes_no_change = n_passes_no_change

    def _accept(self, model):
        if isinstance(model, CodedParams):
            self._accept_autoencoder(model)
        elif self.loss == "squared_error" and model.chain.outputs not in (None, BITS):
            raise Incompatible(
                "The squared error compares with numbers, and the outputs of this classifier are "
                f"{model.chain.outputs!r}. Use loss='cross_entropy'."
            )

    def _accept_autoencoder(self, model):
        chain = model.chain
        if self.dropout or self.input_dropout or self.early_stopping:
            raise Incompatible(
                "dropout, input_dropout and early_stopping of Backprop are for classifiers and "
                "regressors, and this is an auto-encoder. Use its corruption, and the callback "
                "EarlyStopping(X) with rows that are held out."
            )
        # Values between the layers of a deep one are no units, and have a squared error.
        if self.loss == "cross_entropy" and chain.output_units is None and not model.alone:
            raise Incompatible(
                "The cross-entropy is minus the log-likelihood of output units, and the output "
                f"{chain.activations[-1]!r} has none. Use loss='squared_error', or a 'sigmoid' "
                "output."
            )
        if self.loss == "squared_error" and chain.outputs not in (None, BITS):
            raise Incompatible(
                "The squared error compares with means of Bernoulli units, and the outputs "
                f"are {chain.outputs!r}. Use loss='cross_entropy', minus their log-likelihood."
            )

    def _outputs(self, model):
        """Return the kinds of the output units whose likelihood is the loss, or None."""
        chain = model.chain
        if self.loss == "squared_error" or chain.output_units is None:
            return None
        return chain.output_units.runs(chain.sizes[-1])

    def _stopping(self, state, rows, X, held):
        chain, targets = state.model.chain, held.targets.values

        def likelihood():
            return weighted_mean(log_likelihoods(chain, X, targets), held.weights)

        return stopping.EarlyStopping(state.model, likelihood, self.n_passes_no_change)

    def _options(self, model):
        """Return how batches of a model are trained on, as ``network_pass`` takes it."""
        options = {"batch_size": self.batch_size, "outputs": self._outputs(model)}
        if isinstance(model, CodedParams):
            options["corruption"] = model.corruption
            options["code"] = model.code if model.sample_code else -1
            options |= model.objective_of_layers
        if self.dropout or self.input_dropout:
            hidden = model.chain.n_layers - 1
            options["dropout"] = [self.input_dropout] + [self.dropout] * hidden
        return options

    def _prepare(self, state, rows):
        chain, optimizer = state.model.chain, state.optimizer
        options, targets = self._options(state.model), None
        if not isinstance(state.model, CodedParams):
            targets = rows.targets.values

        def step(X, order, rate, stream):
            if not issparse(X):
                X = np.ascontiguousarray(X, dtype=chain.parameters.dtype)
            return network_pass(
                chain.parameters, chain.layers, X, X if targets is None else targets, order,
                optimizer, rate=rate, stream=stream, weights=rows.weights, **options,
            )  # fmt: skip

        return step, unwatched


def log_likelihoods(chain, X, targets):
    """Return the log-likelihood of each row's target in nats, plain outputs having variance 1.

    Parameters
    ----------
    chain : Chain
        Of a predictor.
    X : ndarray or CSR of shape (n_rows, n_inputs)
    targets : ndarray of shape (n_rows, n_outputs)

    Returns
    -------
    ndarray of shape (n_rows,), float64
    """
    field = np.asarray(chain.field(X), dtype=np.float64)
    if chain.outputs is None:
        return -((field - targets) ** 2 + math.log(2 * math.pi)).sum(axis=1) / 2
    return (field * targets).sum(axis=1) - chain.outputs.log_partition_sums(field)
