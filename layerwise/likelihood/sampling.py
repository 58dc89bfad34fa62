"""Exact draws from models whose states can be listed."""

import numpy as np

from layerwise.likelihood import plain
from layerwise.likelihood.partition import listed_layer, smaller_listed
from layerwise.models.states import states_of_units
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import units
from layerwise.numerics.streams import STATE, VISIBLE


def exact_states(params, n_samples, stream, *, limit):
    """Return exact draws of an RBM's visible units, or None if that lists over 2**limit states.

    Parameters
    ----------
    params : RBMParams
    n_samples : int
    stream : Stream
    limit : int

    Returns
    -------
    ndarray of shape (n_samples, n_visible), of the RBM's dtype, or None
    """
    name, n_bits = listed_layer(params)
    if n_bits > limit:
        return None
    bits, _ = params.in_bits()
    if bits.over_bits:
        table = enumeration.log_weights(*smaller_listed(bits))
    else:
        table = plain.table(bits, name)
    index = drawn_index(table, n_samples, stream, lane=STATE)
    dtype = params.components.dtype
    if name == "visible":
        return states_of_units(params.visible, params.n_visible, at=index).astype(dtype)
    hidden = states_of_units(params.hidden, params.n_hidden, at=index).astype(dtype)
    return params.sample_visible(hidden, stream, step=0, lane=VISIBLE)


def first_states(params, n_chains, stream):
    """Return visible states for Gibbs chains to start from, of shape (n_chains, n_visible)."""
    # Two-state units start with even odds, others where no hidden unit moves them.
    field = np.zeros((n_chains, params.n_visible), params.components.dtype)
    if not params.visible.is_binary:
        field += params.intercept_visible
    return params.visible.sample(
        field, stream, step=0, lane=VISIBLE, log_variance=params.log_variance
    )


def drawn_index(log_weights, n_samples, stream, *, lane):
    """Return indices drawn with probabilities proportional to weights, as (n_samples,) ints."""
    cumulated = np.cumsum(np.exp(log_weights - log_weights.max()))
    number = units.uniforms(n_samples, 1, stream, step=0, lane=lane)[:, 0]
    index = np.searchsorted(cumulated, number * cumulated[-1], side="right")
    return np.minimum(index, len(cumulated) - 1)
