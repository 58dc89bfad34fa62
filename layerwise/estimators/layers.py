"""The layers of a deep model: each fits the one below it, and is trained on what that hands up."""

import numpy as np

from layerwise.exceptions import Incompatible
from layerwise.numerics.streams import Stream

__all__ = ["fit_layer", "layer_stream"]


def layer_stream(stream, depth):
    """Return the stream of the layer at a depth, of the stream of the whole."""
    return stream.child("layer", depth)


def fit_layer(name, layer, rows, stream, below=None, **options):
    """Train one layer on what the layers below it hand up, and return its p(x | h).

    Parameters
    ----------
    name : str
    layer : Layer
    rows : LayerInput
    stream : Stream
        Not used if the layer has a ``random_state`` of its own.
    below : Conditional, default=None
        p(x | h) of the layer below.
    **options : dict
        As in ``Layer.fit_input``.

    Returns
    -------
    Conditional

    Raises
    ------
    Incompatible
        If the layer does not fit the layer below, or has no p(x | h).
    """
    if below is not None:
        _check_units(name, layer, below.latent, below.n_latent)
    layer.check_parameters()
    if layer.random_state is not None:
        stream = Stream.from_random_state(layer.random_state)
    layer.fit_input(rows, stream, **options)
    return _conditional(name, layer)


def _conditional(name, layer):
    """Return p(x | h) of a fitted layer, or raise that it has none."""
    found = layer.conditional_
    if found is None:
        raise Incompatible(
            f"DBN asks each layer for its p(x | h) once it is fitted, and {name} "
            f"({type(layer.estimator).__name__}) has no conditional_. Use AutoEncoder or RBM, or "
            "add the attribute."
        )
    return found


def _check_units(name, layer, latent, n_latent):
    """Raise Incompatible if a layer's visible units are not what the latent units below it are."""
    visible = layer.data_units(n_latent)
    if not (visible.is_binary and np.array_equal(visible.bits(n_latent), latent.bits(n_latent))):
        raise Incompatible(
            f"DBN asks that a layer's visible units are the latent units of the layer below it: "
            f"those of {name} are {visible!r}, and those below it {latent!r}. Set both alike, as "
            "with hidden='spin' below and visible='spin' above."
        )
