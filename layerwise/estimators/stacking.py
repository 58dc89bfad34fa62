"""How layers are put on each other: each one trained, or fitted already."""

from functools import cache
from itertools import pairwise

import numpy as np

from layerwise._sklearn import check_is_fitted
from layerwise.estimators.base import Layer
from layerwise.estimators.foreign import Frozen, as_layer
from layerwise.estimators.rbm import RBM
from layerwise.exceptions import Incompatible
from layerwise.likelihood.mixtures import latent_log_marginals
from layerwise.models.rbm import hidden_units_of
from layerwise.models.recognition import RecognizedDBN
from layerwise.numerics.streams import Stream

__all__ = [
    "adopted",
    "check_layers",
    "check_transposed",
    "fit_layer",
    "fitted_layers",
    "layer_stream",
    "layers_by_hand",
    "own_stream",
    "transposed",
]


def layer_stream(stream, depth):
    """Return the stream of the layer at a depth, of the stream of the whole."""
    return stream.child("layer", depth)


def own_stream(layer, stream):
    """Return the stream of a layer's ``random_state``, or the one that the whole has for it."""
    seed = layer.random_state
    return stream if seed is None else Stream.from_random_state(seed)


def check_layers(named, *, tuner=None):
    """Raise ``Incompatible`` for the first layer that cannot be one.

    Parameters
    ----------
    named : list of (str, estimator)
        From the bottom up.
    tuner : trainer, default=None
        Of the layers as a whole.
    """
    for name, layer in named:
        if not (hasattr(layer, "fit") and hasattr(layer, "transform")):
            raise Incompatible(
                f"DBN asks for layers with fit and transform, and {name} is {layer!r}. "
                "Use AutoEncoder or RBM."
            )
        if tuner is not None and not (isinstance(layer, Layer) and layer.is_affine):
            raise Incompatible(
                f"fine_tuner trains the layers of this package, and {name} is "
                f"{type(layer).__name__}. Use AutoEncoder, LatentLayer or RBM, or "
                "fine_tuner=None."
            )
        needs = getattr(tuner, "needs", object)
        if issubclass(needs, RecognizedDBN) and not layer.has_network:
            raise Incompatible(
                f"{type(tuner).__name__} trains q(h | x) of each layer, and that of {name}, "
                f"{type(layer).__name__}, is the exact posterior. Use LikelihoodAscent() there, "
                "or an AutoEncoder or an RBM."
            )
    name, last = named[-1]
    if not isinstance(last, RBM):
        raise Incompatible(
            f"DBN asks for an RBM as its last layer, and {name} is {type(last).__name__}. "
            "Append RBM(): it gives the distribution over the units below it."
        )


def check_transposed(layers, n_features):
    """Raise ``Incompatible`` unless each RBM above the first can start as the one below it.

    Parameters
    ----------
    layers : list of (str, Layer)
        From the bottom up.
    n_features : int
        Of the data.
    """
    for depth, (name, layer) in enumerate(layers):
        if not isinstance(layer.estimator if depth else _thawed(layer), RBM):
            raise Incompatible(
                f"init='transposed' starts each layer as the RBM below it, turned over, and "
                f"{name} is {type(layer.estimator).__name__}. Use layers of RBM, or init='random'."
            )
        layer.check_parameters()
    n_visible = n_features
    for (_, below), (name, layer) in pairwise(layers):
        visible, n_hidden = below.data_units(n_visible), layer.n_components
        hidden = hidden_units_of(layer.hidden, n_hidden)
        if n_hidden < n_visible:
            raise Incompatible(
                f"init='transposed' asks that {name} has as many components as the RBM below it "
                f"has visible units, or more: it has {n_hidden}, and there are {n_visible}. Set "
                f"n_components to {n_visible} or more, or init='random'."
            )
        same = np.asarray(hidden.bits(n_hidden))[:, :n_visible]
        if not (visible.is_binary and np.array_equal(visible.bits(n_visible), same)):
            raise Incompatible(
                f"init='transposed' makes hidden units of {name} of the visible units of the RBM "
                f"below it: those are {visible!r}, and {name} has hidden={layer.hidden!r}. Set "
                "both alike, of two states, or init='random'."
            )
        n_visible = _thawed(below).n_components


def transposed(layer, below, stream):
    """Return what an RBM starts from: the fitted one below it, turned over."""
    stream = own_stream(layer, stream).child("init")
    return _thawed(below).params_.turned_over(layer.n_components, stream, layer.hidden)


def _thawed(layer):
    """Return the estimator that a layer is, or the one that it keeps frozen."""
    return layer.estimator.estimator if isinstance(layer, Frozen) else layer.estimator


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
        _check_fits(name, layer.data_units(below.n_latent), below.n_latent, below)
    layer.check_parameters()
    layer.fit_input(rows, own_stream(layer, stream), **options)
    return _conditional(name, layer)


def layers_by_hand(layers):
    """Return layers as ``DBN`` takes them: triples of arrays become RBMs, others stay."""
    if not isinstance(layers, (list, tuple)):
        raise TypeError(f"DBN is made of a list of layers from the bottom up, not {layers!r}.")
    of_arrays = [isinstance(entry, (list, tuple)) and len(entry) == 3 for entry in layers]
    return [
        RBM.from_parameters(*entry) if given else entry for entry, given in zip(layers, of_arrays)
    ]


def fitted_layers(named):
    """Return layers that are fitted already, or raise why they do not make a deep model.

    Parameters
    ----------
    named : list of (str, estimator)
        From the bottom up.

    Returns
    -------
    list of (str, Layer)
    """
    layers, below = [], None
    for name, estimator in named:
        check_is_fitted(estimator)
        layer = as_layer(estimator)
        found = _conditional(name, layer)
        if below is not None:
            _check_fits(name, found.visible, found.n_visible, below)
        layers.append((name, layer))
        below = found
    return layers


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


def _check_fits(name, visible, n_visible, below):
    """Raise Incompatible if a layer's visible units are not what the latent units below it are."""
    latent, n_latent = below.latent, below.n_latent
    if n_visible != n_latent:
        raise Incompatible(
            f"DBN asks that a layer has as many visible units as the layer below it has latent "
            f"ones: {name} has {n_visible}, and there are {n_latent} below it. Give layers of "
            "sizes that fit."
        )
    if not (visible.is_binary and np.array_equal(visible.bits(n_latent), latent.bits(n_latent))):
        raise Incompatible(
            f"DBN asks that a layer's visible units are the latent units of the layer below it: "
            f"those of {name} are {visible!r}, and those below it {latent!r}. Set both alike, as "
            "with hidden='spin' below and visible='spin' above."
        )


def adopted(layers, model):
    """Give fitted layers the parameters of a deep model that was trained as a whole."""
    # They are sums over all states, for which layers of any size do not ask.
    marginals = cache(lambda: latent_log_marginals(model))
    for depth, (layer, conditional) in enumerate(zip(layers, model.conditionals)):
        layer.adopt(conditional, lambda depth=depth: marginals()[depth])
    layers[-1].adopt_params(model.top)
