"""Exact draws from models whose states can be listed."""

import numpy as np

from layerwise.likelihood.partition import smaller_listed
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import units
from layerwise.numerics.streams import STATE, VISIBLE


def exact_states(params, n_samples, stream, *, limit):
    """Return exact draws of an RBM's visible units, or None if that lists over 2**limit states."""
    n_hidden, n_visible = params.components.shape
    n = min(n_hidden, n_visible)
    if n > limit:
        return None
    table = enumeration.log_weights(*smaller_listed(params))
    cumulated = np.cumsum(np.exp(table - table.max()))
    number = units.uniforms(n_samples, 1, stream, step=0, lane=STATE)[:, 0]
    index = np.searchsorted(cumulated, number * cumulated[-1], side="right")
    index = np.minimum(index, len(table) - 1)
    listed = (index[:, None] >> np.arange(n) & 1).astype(params.components.dtype)
    if n_hidden > n_visible:
        return listed
    return units.draw(params.visible_mean(listed), stream, step=0, lane=VISIBLE)
