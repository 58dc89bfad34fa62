"""Sums over the states of an RBM's layer, block by block, for any types of units.

They are the plain way. Layers of bits have kernels that are much faster (``numerics.enumerate``),
and to those layers of two-state units are brought (``RBMParams.in_bits``).
"""

import numpy as np

from layerwise.models.states import blocks_of_states, n_states
from layerwise.numerics.products import product


def _listed(params, name):
    """Return the units of one layer, "hidden" or "visible", and how many they are."""
    if name == "hidden":
        return params.hidden, params.n_hidden
    return params.visible, params.n_visible


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


def table(params, name):
    """Return ``log_weights`` of all states of one layer, in their order."""
    listed = blocks_of_states(*_listed(params, name))
    return np.concatenate([log_weights(params, name, states) for _, states in listed])


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
    total, layer = -np.inf, _listed(params, name)
    for here, states in blocks_of_states(*layer):
        total = np.logaddexp(total, np.logaddexp.reduce(log_weights(params, name, states)))
        if progress is not None:
            progress(here.stop, n_states(*layer))
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
    weights = (
        (states, np.exp(log_weights(params, name, states) - log_z))
        for _, states in blocks_of_states(*_listed(params, name))
    )
    if name == "hidden":
        products, visible, hidden, squares, _ = sums_under(params.conditional, weights)
        return log_z, products, visible, hidden, squares
    products, hidden, visible, _, squares = sums_under(params.inference, weights)
    return log_z, products.T, visible, hidden, squares


def sums_under(conditional, weighted):
    """Return sums over latent states h, under weights, of h E[x|h]^T, E[x|h], h, E[x^2|h] and h^2.

    Parameters
    ----------
    conditional : Conditional
        p(x | h), in float64.
    weighted : iterable of (ndarray of shape (n_states, n_latent), ndarray of shape (n_states,))
        Latent states and their weights, some at a time.

    Returns
    -------
    products : ndarray of shape (n_latent, n_visible)
    visible : ndarray of shape (n_visible,)
    latent : ndarray of shape (n_latent,)
    squares : ndarray of shape (n_visible,)
    latent_squares : ndarray of shape (n_latent,)
    """
    units, log_variance = conditional.visible, conditional.log_variance
    products = np.zeros(conditional.weights.shape)
    visible, squares = np.zeros(conditional.n_visible), np.zeros(conditional.n_visible)
    latent, latent_squares = np.zeros(conditional.n_latent), np.zeros(conditional.n_latent)
    for states, weights in weighted:
        field = conditional.field(states)
        mean, weights = units.mean(field, log_variance), weights[:, None]
        products += product((weights * states).T, mean)
        visible += np.sum(weights * mean, axis=0)
        latent += np.sum(weights * states, axis=0)
        squares += np.sum(weights * (mean**2 + units.variance(field, log_variance)), axis=0)
        latent_squares += np.sum(weights * states**2, axis=0)
    return products, visible, latent, squares, latent_squares
