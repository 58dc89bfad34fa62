"""How the layers of a deep predictor are trained before the whole is."""

import numpy as np

from layerwise.estimators.callbacks import as_task
from layerwise.estimators.checks import refuse_trainer
from layerwise.estimators.stacking import layer_stream
from layerwise.exceptions import Incompatible
from layerwise.models.chain import Chain, Predictor
from layerwise.models.inputs import LayerInput, Targets
from layerwise.models.units import BITS
from layerwise.numerics.streams import Stream
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.base import Trainer
from layerwise.trainers.supervision import Supervision

__all__ = ["affine_layers", "check_fits", "check_supervised", "pretrained", "together"]

# The smallest and the largest value of an activation's units; layers are asked about both.
RANGES = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 1000)}
# Steps that find the weights whose means are closest to those of a posterior that has none, and
# the rows of each: a convex problem.
DISTILLING_STEPS, DISTILLING_ROWS = 2000, 100


def check_fits(name, layer, below, n_below):
    """Raise ``Incompatible`` if a layer does not take what the layer below hands up.

    Parameters
    ----------
    name : str
    layer : Layer or NetworkLayer
    below : str
        The activation of the units below.
    n_below : int
        Their number.
    """
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


def pretrained(layer, rows, stream, *, supervised=None, share=0.0, task=None, **options):
    """Train a layer on what the layers below it hand up.

    Parameters
    ----------
    layer : Layer or NetworkLayer
    rows : LayerInput
        With targets.
    stream : Stream
        Not used if the layer has a ``random_state`` of its own.
    supervised : Backprop, default=None
    share : float, default=0.0
        As in ``Supervision``; with zero, the layer is trained by its own trainer alone.
    task : CallbackContext, default=None
        Of the layer.
    **options : dict
        As in ``Trains.fit_input``, and ``whole`` and ``X``, which callbacks hear of.
    """
    whole, X, y = options.pop("whole"), options.pop("X"), options["y"]
    with as_task(task, whole, layer.estimator, X=X, y=y):
        own = getattr(layer, "trainer", None)
        if share:
            layer.trainer = Supervision(layer._trainer, supervised, share)
        try:
            layer.fit_input(rows, stream, **options)
        finally:
            if share:
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


def together(layers, rows, stream, *, most, **options):
    """Train all layers at once: a pass of each, then the next pass of each.

    Each layer's rows are samples of the layers below as they stand, so that all layers follow
    each other (the "continuous" training of Bengio et al., 2007, section 5).

    Parameters
    ----------
    layers : list of (str, Layer or NetworkLayer)
    rows : LayerInput
    stream : Stream
    most : list of int
        Passes of each layer.
    **options : dict
        As in ``Trains.fit_input``.
    """
    streams = [
        layer_stream(stream, depth)
        if layer.random_state is None
        else Stream.from_random_state(layer.random_state)
        for depth, (_, layer) in enumerate(layers)
    ]
    for index in range(max(most)):
        here = rows
        for (_, layer), own, n_passes in zip(layers, streams, most):
            if index < n_passes or index == 0:
                after = layer if index else None
                layer.fit_input(here, own, after=after, one_pass=True, **options)
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
    found = getattr(inference, "affine_layers", None)
    if found:
        return found
    if found is not None:
        raise Incompatible(
            f"A deep predictor goes through its layers by activations of fields, and the units of "
            f"{layer!r} have none. Use layers of Bernoulli or of spin units."
        )
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
