"""Back-propagation: an auto-encoder learns to give back its input."""

import numpy as np

from layerwise._sklearn import StrOptions
from layerwise.exceptions import Incompatible
from layerwise.models.chain import AutoEncoderParams
from layerwise.models.units import BITS
from layerwise.numerics.network import network_pass
from layerwise.numerics.rows import issparse
from layerwise.trainers.base import Trainer, unwatched

__all__ = ["Backprop"]


class Backprop(Trainer):
    """Gradient descent on the reconstruction error of an auto-encoder.

    Parameters
    ----------
    loss : {"cross_entropy", "squared_error"}, default="cross_entropy"
        Of a row, summed over its units: -log p(row | code) in nats, for units of any kind, or half
        the squared distance between the row and its reconstruction, for Bernoulli units. Of
        continuous units p is a density, and the loss may be negative.
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

    Notes
    -----
    Batches are taken in an order drawn anew for each pass. Sparse rows are made dense some batches
    at a time. Where the code is sampled, the gradient
    goes straight through: the decoder sees states, the encoder the slope at their means (Bengio,
    Leonard and Courville, "Estimating or propagating gradients through stochastic neurons", 2013).
    """

    objective = "reconstruction_error"
    needs = AutoEncoderParams
    _parameter_constraints = Trainer._parameter_constraints | {
        "loss": [StrOptions({"cross_entropy", "squared_error"})]
    }

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

    def _accept(self, model):
        chain = model.chain
        if self.loss == "cross_entropy" and chain.output_units is None:
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

    def _prepare(self, state, rows):
        network, optimizer = state.model, state.optimizer
        chain = network.chain
        outputs = None
        if self.loss == "cross_entropy":
            outputs = chain.output_units.runs(chain.sizes[-1])

        def step(X, order, rate, stream):
            if not issparse(X):
                X = np.ascontiguousarray(X, dtype=chain.parameters.dtype)
            return network_pass(
                chain.parameters, chain.layers, X, X, order, optimizer, rate=rate,
                batch_size=self.batch_size, outputs=outputs, stream=stream,
                corruption=network.corruption, code=network.code if network.sample_code else -1,
                weights=rows.weights,
            )  # fmt: skip

        return step, unwatched
