"""Shadow training: each batch again, as the network turned upside down draws it."""

from numbers import Real

import numpy as np

from layerwise._sklearn import UNIT_INTERVAL, Interval
from layerwise.exceptions import Incompatible
from layerwise.models.chain import Predictor
from layerwise.models.reversal import other_than_relu, reversed_layer
from layerwise.numerics import units
from layerwise.numerics.network import network_pass
from layerwise.numerics.rows import dense
from layerwise.numerics.streams import STATE
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.base import unwatched

__all__ = ["Shadow"]


class Shadow(Backprop):
    """Fine-tuning on each batch and on its shadow: rows that the reversed network draws.

    A network of ReLU layers goes with a generative model, its weights transposed: from the last
    hidden layer down, h_below = r(alpha W h) with units dropped at random. Each batch is run to
    its last hidden layer, and from there down to synthetic rows, which are trained on with the
    labels of the rows that they come from (Arora, Liang and Ma, "Why are deep nets reversible: a
    simple theory, with implications for training", 2015, section 4).

    Parameters
    ----------
    loss : {"cross_entropy", "squared_error"}, default="cross_entropy"
        As in :class:`Backprop`; of synthetic rows and others alike.
    learning_rate : float, default=1e-3
    momentum : float, default=0.9
        Momentum of "sgd"; beta1 of "adam".
    weight_decay : float, default=0.0
        L2 on the weights.
    batch_size : int, default=20
        Rows of a batch; with its shadow, a step is of twice as many.
    n_passes : int, default=100
    optimizer : {"adam", "sgd"}, default="adam"
    schedule : {"constant", "linear", "warmup"} or callable, default="constant"
    resample : bool, default=True
    l1_decay : float, default=0.0
    dropout : float, default=0.5
        Probability with which a hidden unit is set to zero in a step, on the way up.
    input_dropout : float, default=0.0
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_passes_no_change : int, default=10
    shadow_weight : float, default=1.0
        Weight of a synthetic row in the mean over the step's rows; that of the others is 1.
    shadow_dropout : float, default=None
        Probability with which a hidden unit is dropped on the way down; that of ``dropout`` if
        None.

    Notes
    -----
    The scale alpha of each layer is that which brings the batch closest to itself, by least
    squares: the theory's 2 / (rho n) is for random weights. Synthetic rows of data that is not
    negative are not negative either; others are not rectified. Gradients do not pass through the
    making of synthetic rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import DeepClassifier, Dense, Shadow
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepClassifier([Dense(50), Dense(50)], fine_tuner=Shadow(n_passes=10))
    >>> bool(net.set_params(random_state=7).fit(X / 16, y).score(X / 16, y) > 0.9)
    True
    """

    needs = Predictor
    _parameter_constraints = Backprop._parameter_constraints | {
        "shadow_weight": [Interval(Real, 0, None, closed="neither")],
        "shadow_dropout": [None, UNIT_INTERVAL],
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
        dropout=0.5,
        input_dropout=0.0,
        early_stopping=False,
        validation_fraction=0.1,
        n_passes_no_change=10,
        shadow_weight=1.0,
        shadow_dropout=None,
    ):
        super().__init__(
            loss,
            learning_rate=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            batch_size=batch_size,
            n_passes=n_passes,
            optimizer=optimizer,
            schedule=schedule,
            resample=resample,
            l1_decay=l1_decay,
            dropout=dropout,
            input_dropout=input_dropout,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_passes_no_change=n_passes_no_change,
        )
        self.shadow_weight = shadow_weight
        self.shadow_dropout = shadow_dropout

    def _accept(self, model):
        super()._accept(model)
        other = other_than_relu(model.chain)
        if other:
            raise Incompatible(
                "Shadow turns a network of ReLU layers upside down, and this one has "
                f"{other} layers. Use layers Dense(n) or "
                "Supervised(n, activation='relu'), or train with Backprop()."
            )

    def _prepare(self, state, rows):
        model, optimizer, targets = state.model, state.optimizer, rows.targets.values
        chain, options = model.chain, self._options(model)
        dropout = self.dropout if self.shadow_dropout is None else self.shadow_dropout

        def step(X, order, rate, stream):
            total = weight = 0.0
            for batch, at in enumerate(range(0, len(order), self.batch_size)):
                some = order[at : at + self.batch_size]
                here = stream.child("batch", batch)
                inputs = dense(X[some], chain.parameters.dtype)
                both = np.concatenate([inputs, shadow(chain, inputs, dropout, here)])
                weights = np.ones(len(some)) if rows.weights is None else rows.weights[some]
                total += weights.sum() * network_pass(
                    chain.parameters, chain.layers, both, np.tile(targets[some], (2, 1)),
                    np.arange(len(both)), optimizer, rate=rate, stream=here,
                    weights=np.concatenate([weights, self.shadow_weight * weights]),
                    **{**options, "batch_size": len(both)},
                )  # fmt: skip
                weight += weights.sum()
            return total / weight

        return step, unwatched


def shadow(chain, X, dropout, stream):
    """Return rows that the reversed network draws from the last hidden layer of some rows.

    Parameters
    ----------
    chain : Chain
        Of ReLU layers under an output.
    X : ndarray of shape (n_rows, n_inputs)
    dropout : float
        Probability with which a hidden unit is dropped; the others are divided by 1 minus it.
    stream : Stream

    Returns
    -------
    ndarray of shape (n_rows, n_inputs), of the dtype of ``X``
    """
    values = [X]
    for k in range(chain.n_layers - 1):
        values.append(chain.forward(values[-1], k, k + 1))
    above = values[-1]
    for k in reversed(range(chain.n_layers - 1)):
        kept = np.full(above.shape, 1 - dropout, above.dtype)
        mask = units.draw(kept, stream.child("layer", k), step=0, lane=STATE) / kept
        rectified = k > 0 or X.min() >= 0
        above = reversed_layer(chain.weights(k), above * mask, values[k], rectified=rectified)
    return above
