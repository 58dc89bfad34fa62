"""The exact gradient of an RBM's likelihood, for any types of units."""

import numpy as np

from layerwise.likelihood import plain
from layerwise.likelihood.partition import listed_layer, smaller_listed
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.products import product


def model_moments(params):
    """Return log Z and the moments of both layers of an RBM, by a sum over one layer's states.

    Two-state layers go through the kernel of bits, from whose moments theirs follow.

    Parameters
    ----------
    params : RBMParams

    Returns
    -------
    log_z, products, visible, hidden, squares
        As of ``plain.moments``; squares are None where no unit is Gaussian.
    """
    bits, constant = params.in_bits()
    if bits.over_bits:
        log_z, *first, products = enumeration.moments(*smaller_listed(bits))
        if listed_layer(bits)[0] == "hidden":
            visible, hidden, products = *first, products.T
        else:
            hidden, visible = first
        squares = None
    else:
        log_z, products, visible, hidden, squares = plain.moments(bits, listed_layer(bits)[0])
    products, visible, hidden = from_bits(params.conditional, products, visible, hidden)
    return log_z + constant, products, visible, hidden, squares


def from_bits(conditional, products, visible, latent, total=1.0):
    """Return sums over states of weight h x^T, weight x and weight h, from those over bits.

    Parameters
    ----------
    conditional : Conditional
        p(x | h), whose units the sums are to be of.
    products, visible, latent : ndarray
        Sums over its units as ``Conditional.in_bits`` has them.
    total : float, default=1.0
        Sum of the weights.

    Returns
    -------
    products, visible, latent : ndarray
    """
    if conditional.visible.is_binary:
        low, step = conditional.visible.bits(conditional.n_visible)
        products = latent[:, None] * low + products * step
        visible = total * low + visible * step
    low, step = conditional.latent.bits(conditional.n_latent)
    products = low[:, None] * visible + step[:, None] * products
    return products, visible, total * low + step * latent


def minus_log_likelihood(params, X, weights=None):
    """Return minus the mean log-likelihood of rows, and its gradients.

    Parameters
    ----------
    params : RBMParams
    X : ndarray of shape (n_rows, n_visible)
        States, or means of them.
    weights : ndarray of shape (n_rows,), default=None
        Of the rows in the mean: they sum to 1. None is equal ones.

    Returns
    -------
    value : float
        In nats per row; of continuous units the likelihood is a density.
    gradients : list of ndarray
        By the arrays of ``params``, in float64. By a Gaussian unit's log-variance z it is
        (E[v**2] of the model minus that of the rows) / (2 exp(z)).
    """
    wide, X = params.astype(np.float64), np.asarray(X, dtype=np.float64)
    log_z, products, visible, hidden, squares = model_moments(wide)
    mean = wide.hidden_mean(X)
    gradients = [
        products - _mean_products(mean, X, weights),
        visible - _mean(X, weights),
        hidden - _mean(mean, weights),
    ]
    if params.log_variance is not None:
        gap = (squares - _mean(X**2, weights)) / (2 * np.exp(wide.log_variance))
        gradients.append(np.where(params.visible.gaussian(params.n_visible), gap, 0.0))
    return float(_mean(wide.free_energy(X), weights)) + log_z, gradients


def _mean(values, weights):
    """Return the mean over rows, by weights that sum to 1 unless they are None."""
    if weights is None:
        return values.mean(axis=0)
    return (values.T * weights).T.sum(axis=0)


def _mean_products(mean, X, weights):
    """Return the mean over rows of h v^T, from the hidden means."""
    if weights is None:
        return product(mean.T, X, scale=1 / len(X))
    return product((mean * weights[:, None]).T, X)
