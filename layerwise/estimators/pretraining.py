"""How the layers of a deep predictor are trained before the whole is."""

from contextlib import contextmanager

import numpy as np

from layerwise.estimators.checks import refuse_trainer
from layerwise.exceptions import Incompatible
from layerwise.models.chain import Chain, Predictor
from layerwise.models.inputs import LayerInput, Targets
from layerwise.models.units import BITS
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.base import Trainer
from layerwise.trainers.supervision import Supervision

__all__ = ["affine_layers", "check_fits", "check_supervised", "supervised", "train_together"]

# The smallest and the largest value of an activation's units; layers are asked about both.
RANGES = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 1000)}
# Steps that find the weights whose means are closest to those of a posterior that has none, and
# the rows of each: a convex problem.
DISTILLING_STEPS, DISTILLING_ROWS = 2000, 100


def check_fits(name, layer, below, n_below):
    """Raise ``Incompatible`` if a layer does not fit into a network, on what is below it.

    Parameters
    ----------
    name : str
    layer : Layer or NetworkLayer
    below : str or None
        The activation of the units below; None of the data.
    n_below : int
        Their number.
    """
    if any(activation is None for _, activation in layer.network_part):
        raise Incompatible(
            "A network gives the means of a layer's units by one activation, and those of "
            f"{name}, {layer.estimator!r}, have none. Use units of one kind, Bernoulli or spin."
        )
    if below is None:
        return
    units = layer.data_units(n_below)
    for end in RANGES[below]:
        try:
            units.check(np.full((1, n_below), float(end)))
        except ValueError as error:
            low, high = RANGES[below]
            raise Incompatible(
                f"{name} has visible units {units!r}, and the layer below it hands up units "
                f"{below!r}, from {low} to {'infinity' if below == 'relu' else high}. "
                "Set visible='gaussian', or use Dense or Supervised there."
            ) from error


@contextmanager
def supervised(layer, tuner, share):
    """Let a layer be trained towards the target too inside, if its share is not zero.

    Parameters
    ----------
    layer : Layer or NetworkLayer
    tuner : Backprop
        Takes the steps towards the target.
    share : float
        As in ``Supervision``.
    """
    if not share:
        yield
        return
    own = layer.trainer
    layer.trainer = Supervision(layer._trainer, tuner, share)
    try:
        yield
    finally:
        layer.trainer = own


def check_supervised(name, layer):
    """Raise ``Incompatible`` if a layer cannot be trained towards the target beside its own way.

    Parameters
    ----------
    name : str
    layer : Layer
    """
    trainer = getattr(layer, "_trainer", None)
    has_weights = hasattr(getattr(layer, "_trained_by", (object,))[0], "affine_layers")
    if isinstance(trainer, type):
        refuse_trainer(layer, trainer)
    if has_weights and isinstance(trainer, Trainer) and getattr(trainer, "batch_size", None):
        return
    raise Incompatible(
        "supervision takes a step after each batch of a layer's own trainer, for the weights of "
        f"its inference, and {name}, {layer.estimator!r}, lacks one of these. Use RBM or "
        "AutoEncoder with a trainer that takes batches, or supervision=0 for this layer."
    )


def train_together(layers, rows, streams, **options):
    """Train all layers at once: a pass of each, then the next pass of each.

    Each layer's rows are samples of the layers below as they stand, so that all layers follow
    each other (the "continuous" training of Bengio et al., 2007, section 5).

    Parameters
    ----------
    layers : list of Layer or NetworkLayer
        Each for as many passes as its trainer has.
    rows : LayerInput
    streams : list of Stream
        Of each layer.
    **options : dict
        As in ``Trains.fit_input``.
    """
    most = [getattr(getattr(layer, "_trainer", None), "n_passes", 1) for layer in layers]
    for index in range(max(most)):
        here = rows
        for layer, stream, n_passes in zip(layers, streams, most):
            if index < n_passes:
                after = layer if index else None
                layer.fit_input(here, stream, after=after, one_pass=True, **options)
            here = here.above(layer.inference_)


def affine_layers(layer, rows, stream):
    """Return weights, biases and activation of each layer of a fitted layer's inference.

    Where it has no weights of its own, as the posterior of :class:`LatentLayer`, they are those of
    a single layer of sigmoids whose means come closest to its means on the rows, by cross-entropy.

    Parameters
    ----------
    layer : Layer or NetworkLayer
    rows : LayerInput
    stream : Stream

    Returns
    -------
    list of (ndarray, ndarray, str)
    """
    inference = layer.inference_
    if hasattr(inference, "affine_layers"):
        return inference.affine_layers
    states = rows.expected()
    means = np.clip(np.asarray(inference.mean(states), dtype=states.dtype), 0, 1)
    sizes = states.shape[1], means.shape[1]
    chain = Chain.init(sizes, (), stream, dtype=states.dtype, outputs=BITS)
    targets = LayerInput(
        rows.means, rows.inference, rows.units, rows.weights, Targets(means, BITS)
    )
    trainer = Backprop(
        learning_rate=1e-2, batch_size=DISTILLING_ROWS, schedule="linear", resample=False,
        n_passes=max(20, DISTILLING_STEPS * DISTILLING_ROWS // len(rows)),
    )  # fmt: skip
    for _ in trainer.passes(Predictor(chain), targets, stream.child("distil")):
        pass
    return [(chain.weights(0), chain.biases(0), "sigmoid")]
