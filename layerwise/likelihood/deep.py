"""The exact gradient of a deep model's likelihood, layer by layer.

To the layers above, the latent states of a layer are rows, whose weights are its aggregated
posterior: the step that takes a gradient on the data, taken on those rows, gives the gradient of
the next layer.
"""

import numpy as np

from layerwise.likelihood import plain
from layerwise.likelihood.gradient import from_bits
from layerwise.likelihood.marginal import log_aggregated_posterior
from layerwise.likelihood.mixtures import FACTOR_ROWS, latent_log_marginals
from layerwise.likelihood.posterior import Posterior
from layerwise.models.states import blocks_of_states
from layerwise.models.units import BITS
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import units
from layerwise.numerics.mixture import Factors, Table
from layerwise.numerics.products import product

__all__ = ["bound_gradient", "conditional_gradient", "minus_log_likelihood"]

# Latent states whose weights are below this part of all, all together, are no rows to the layers
# above; it is what is lost of the sum of weights.
NEGLIGIBLE = 1e-15


def minus_log_likelihood(dbn, X, weights=None):
    """Return minus the mean log-likelihood of rows under a deep model, and its gradients.

    Parameters
    ----------
    dbn : DBNParams
        Of at least one conditional.
    X : ndarray of shape (n_rows, n_visible)
        States.
    weights : ndarray of shape (n_rows,), default=None
        As in ``Posterior.expectations``.

    Returns
    -------
    value : float
        In nats per row.
    gradients : list of ndarray
        By the arrays of ``dbn``, in their order, in float64.
    """
    log_marginals = latent_log_marginals(dbn)
    posterior = Posterior(dbn.bottom, log_marginals[0])
    value, gradients, aggregated = conditional_gradient(posterior, X, weights)
    for conditional, log_marginal in zip(dbn.conditionals[1:], log_marginals[1:]):
        kept = np.flatnonzero(aggregated > NEGLIGIBLE / len(aggregated))
        rows, weights = posterior.states(kept), aggregated[kept]
        posterior = Posterior(conditional, log_marginal)
        _, slopes, aggregated = conditional_gradient(posterior, rows, weights / weights.sum())
        gradients += slopes
    # Below the top: how much more the rows weigh each state than the model does.
    excess = aggregated / aggregated.sum() - np.exp(log_marginals[-1])
    return value, gradients + _top_gradient(dbn.top, excess)


def conditional_gradient(posterior, X, weights=None):
    """Return minus the mean log-likelihood of rows, and its gradients by p(x | h).

    Parameters
    ----------
    posterior : Posterior
    X, weights
        As in ``Posterior.expectations``.

    Returns
    -------
    value : float
        In nats per row.
    gradients : list of ndarray
        By the arrays of the conditional, in float64.
    aggregated : ndarray of shape (2**n_latent,)
        The aggregated posterior.
    """
    given = posterior.given
    likelihood, means, aggregated = posterior.expectations(X, weights)
    weights = np.full(len(X), 1 / len(X)) if weights is None else weights
    low, step = given.latent.bits(given.n_latent)
    X = np.asarray(X, dtype=float)
    of_rows = product(((low + step * means) * weights[:, None]).T, X)
    products, visible, squares = _visible_moments(posterior, aggregated)
    gradients = [products - of_rows, visible - weights @ X]
    if given.log_variance is not None:
        gap = (squares - weights @ X**2) / (2 * np.exp(given.log_variance.astype(float)))
        gradients.append(np.where(given.visible.gaussian(given.n_visible), gap, 0.0))
    return -float(weights @ likelihood), gradients, aggregated


def bound_gradient(conditional, fields, X, weights=None):
    """Return minus the bound of the best latent marginal on some rows, and its gradients.

    The bound is the mean log-likelihood of the rows under their own aggregated inference, q_D.

    Parameters
    ----------
    conditional : Conditional
    fields : ndarray of shape (n_rows, n_latent), float64
        Log-odds of q(h = 1 | x) for each row.
    X, weights
        As in ``Posterior.expectations``.

    Returns
    -------
    value : float
        In nats per row.
    gradients : list of ndarray
        By the arrays of the conditional, in float64.
    by_fields : ndarray of shape (n_rows, n_latent)
        By the log-odds.
    """
    log_inferred = log_aggregated_posterior(fields, weights)
    posterior = Posterior(conditional, log_inferred)
    value, gradients, aggregated = conditional_gradient(posterior, X, weights)
    # Of each state the ratio of the posterior and the inference, both aggregated. Under it, the
    # inference of a row weighs `share` times what it weighed, and has other means.
    with np.errstate(divide="ignore"):
        ratio = Table(np.log(aggregated) - log_inferred)
    by_fields = np.empty_like(fields)
    for first in range(0, len(X), FACTOR_ROWS):
        here = fields[first : first + FACTOR_ROWS]
        sums, means = Factors(here).log_sums_and_means(ratio)
        share = np.exp(sums - np.logaddexp(0, here).sum(axis=1))
        share = share / len(X) if weights is None else share * weights[first : first + len(here)]
        by_fields[first : first + len(here)] = share[:, None] * (units.means(here) - means)
    return value, gradients, by_fields


def _visible_moments(posterior, weights):
    """Return E[h x^T], E[x] and E[x^2] (None of bits) where latent states have these weights."""
    given, bits = posterior.given, posterior.conditional
    if bits.visible == BITS:
        under = enumeration.MomentsUnder(
            bits.n_visible, bits.n_latent, single=given.weights.dtype == np.float32
        )
        total, visible, latent, products = under(bits.weights.T, bits.bias, weights)
        products, visible, _ = from_bits(given, products.T, visible, latent, total)
        return products, visible, None
    listed = blocks_of_states(given.latent, given.n_latent)
    weighted = ((states, weights[here]) for here, states in listed)
    products, visible, _, squares, _ = plain.sums_under(given.astype(float), weighted)
    return products, visible, squares


def _top_gradient(top, excess):
    """Return the gradients by an RBM's arrays of minus the sum of excess(v) log p(v)."""
    bits, _ = top.in_bits()
    under = enumeration.MomentsUnder(
        bits.n_hidden, bits.n_visible, single=top.components.dtype == np.float32
    )
    total, hidden, visible, products = under(bits.components, bits.intercept_hidden, excess)
    products, visible, hidden = from_bits(top.conditional, products, visible, hidden, total)
    return [-products, -visible, -hidden]
