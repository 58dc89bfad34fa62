"""Sums over the states of an RBM's layer, block by block, for any types of units.

They are the plain way. Layers of bits have kernels that are much faster (``numerics.enumerate``),
and to those layers of two-state units are brought (``RBMParams.in_bits``).
"""

import numpy as np

from layerwise.models.states import n_states, states_of_units
from layerwise.numerics.products import product

# States whose fields are held at a time. A function of nothing: sums have one order.
STATES_AT_A_TIME = 4096


def blocks(params, name):
    """Yield the states of one layer, "hidden" or "visible", a block at a time."""
    units = params.hidden if name == "hidden" else params.visible
    n_units = params.n_hidden if name == "hidden" else params.n_visible
    n = n_states(units, n_units)
    for first in range(0, n, STATES_AT_A_TIME):
        yield states_of_units(units, n_units, first, min(first + STATES_AT_A_TIME, n))


def log_weights(params, name, states):
    """Return log of the sum over the other layer of exp(-energy), for states of one layer.

    Parameters
    ----------
    params : RBMParams
        In float64.
    name : {"hidden", "visible"}
        The layer whose states are given.
    states : ndarray of shape (n_states, n_units)

    Returns
    -------
    ndarray of shape (n_states,)
    """
    if name == "visible":
        return -params.free_energy(states)
    partition = params.visible.log_partition_sums(
        params.visible_field(states), params.log_variance
    )
    return params.inference.row_part(states) + partition


def log_sum(params, name, progress=None):
    """Return log of the sum over all states of exp(-energy), one layer listed.

    Parameters
    ----------
    params : RBMParams
        In float64.
    name : {"hidden", "visible"}
        The layer that is listed.
    progress : callable, default=None
        Called after each block with the numbers of states done and to do.

    Returns
    -------
    float
    """
    total, done = -np.inf, 0
    units = params.hidden if name == "hidden" else params.visible
    n = n_states(units, params.n_hidden if name == "hidden" else params.n_visible)
    for states in blocks(params, name):
        total = np.logaddexp(total, np.logaddexp.reduce(log_weights(params, name, states)))
        done += len(states)
        if progress is not None:
            progress(done, n)
    return float(total)


def moments(params, name):
    """Return log Z and the moments of both layers, one layer listed.

    Parameters
    ----------
    params : RBMParams
        In float64.
    name : {"hidden", "visible"}
        The layer that is listed.

    Returns
    -------
    log_z : float
        In nats.
    products : ndarray of shape (n_hidden, n_visible)
        E[h v^T].
    visible : ndarray of shape (n_visible,)
        E[v].
    hidden : ndarray of shape (n_hidden,)
        E[h].
    squares : ndarray of shape (n_visible,)
        E[v^2].
    """
    log_z = log_sum(params, name)
    products = np.zeros(params.components.shape)
    visible, squares = np.zeros(params.n_visible), np.zeros(params.n_visible)
    hidden = np.zeros(params.n_hidden)
    for states in blocks(params, name):
        weight = np.exp(log_weights(params, name, states) - log_z)[:, None]
        if name == "hidden":
            h, field = states, params.visible_field(states)
            v = params.visible.mean(field, params.log_variance)
            squared = v**2 + params.visible.variance(field, params.log_variance)
        else:
            v, h, squared = states, params.hidden_mean(states), states**2
        products += product((weight * h).T, v)
        visible += np.sum(weight * v, axis=0)
        hidden += np.sum(weight * h, axis=0)
        squares += np.sum(weight * squared, axis=0)
    return log_z, products, visible, hidden, squares
