"""The exact gradient of a deep model's likelihood, layer by layer.

To the layers above, the latent states of a layer are rows, whose weights are its aggregated
posterior: the step that takes a gradient on the data, taken on those rows, gives the gradient of
the next layer.
"""

import numpy as np

from layerwise.likelihood.marginal import log_aggregated_posterior
from layerwise.likelihood.mixtures import FACTOR_ROWS, latent_log_marginals
from layerwise.likelihood.posterior import Posterior
from layerwise.models.states import n_states, states_of_units
from layerwise.models.units import BITS
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import units
from layerwise.numerics.mixture import Factors, Table
from layerwise.numerics.products import product

__all__ = ["bound_gradient", "conditional_gradient", "minus_log_likelihood"]

# Latent states whose weights are below this part of all, all together, are no rows to the layers
# above; it is what is lost of the sum of weights.
NEGLIGIBLE = 1e-15
STATES_AT_A_TIME = 4096


def minus_log_likelihood(dbn, X):
    """Return minus the mean log-likelihood of rows under a deep model, and its gradients.

    Parameters
    ----------
    dbn : DBNParams
        Of at least one conditional.
    X : ndarray of shape (n_rows, n_visible)
        States.

    Returns
    -------
    value : float
        In nats per row.
    gradients : list of ndarray
        By the arrays of ``dbn``, in their order, in float64.
    """
    log_marginals = latent_log_marginals(dbn)
    posterior = Posterior(dbn.bottom, log_marginals[0])
    value, gradients, aggregated = conditional_gradient(posterior, X)
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


def bound_gradient(conditional, fields, X):
    """Return minus the bound of the best latent marginal on some rows, and its gradients.

    The bound is the mean log-likelihood of the rows under their own aggregated inference, q_D.

    Parameters
    ----------
    conditional : Conditional
    fields : ndarray of shape (n_rows, n_latent), float64
        Log-odds of q(h = 1 | x) for each row.
    X : ndarray of shape (n_rows, n_visible)
        States.

    Returns
    -------
    value : float
        In nats per row.
    gradients : list of ndarray
        By the arrays of the conditional, in float64.
    by_fields : ndarray of shape (n_rows, n_latent)
        By the log-odds.
    """
    log_inferred = log_aggregated_posterior(fields)
    posterior = Posterior(conditional, log_inferred)
    value, gradients, aggregated = conditional_gradient(posterior, X)
    # Of each state the ratio of the posterior and the inference, both aggregated. Under it, the
    # inference of a row weighs `share` times what it weighed, and has other means.
    with np.errstate(divide="ignore"):
        ratio = Table(np.log(aggregated) - log_inferred)
    by_fields = np.empty_like(fields)
    for first in range(0, len(X), FACTOR_ROWS):
        here = fields[first : first + FACTOR_ROWS]
        sums, means = Factors(here).log_sums_and_means(ratio)
        share = np.exp(sums - np.logaddexp(0, here).sum(axis=1)) / len(X)
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
        products, latent, visible = _from_bits(given, total, products.T, latent, visible)
        return products, visible, None
    wide = given.astype(float)
    products = np.zeros(wide.weights.shape)
    visible, squares = np.zeros(wide.n_visible), np.zeros(wide.n_visible)
    for first in range(0, n_states(given.latent, given.n_latent), STATES_AT_A_TIME):
        share = weights[first : first + STATES_AT_A_TIME, None]
        states = states_of_units(given.latent, given.n_latent, first, first + len(share))
        field = wide.field(states)
        mean = wide.visible.mean(field, wide.log_variance)
        products += product((share * states).T, mean)
        visible += np.sum(share * mean, axis=0)
        squares += np.sum(
            share * (mean**2 + wide.visible.variance(field, wide.log_variance)), axis=0
        )
    return products, visible, squares


def _from_bits(given, total, products, latent, visible):
    """Return sums of weight h x^T, weight h and weight x, from those where all units are bits."""
    low, step = given.visible.bits(given.n_visible)
    products, visible = latent[:, None] * low + products * step, total * low + visible * step
    low, step = given.latent.bits(given.n_latent)
    products, latent = (
        low[:, None] * visible + step[:, None] * products,
        total * low + step * latent,
    )
    return products, latent, visible


def _top_gradient(top, excess):
    """Return the gradients by an RBM's arrays of minus the sum of excess(v) log p(v)."""
    bits, _ = top.in_bits()
    under = enumeration.MomentsUnder(
        bits.n_hidden, bits.n_visible, single=top.components.dtype == np.float32
    )
    total, hidden, visible, products = under(bits.components, bits.intercept_hidden, excess)
    products, hidden, visible = _from_bits(top.conditional, total, products, hidden, visible)
    return [-products, -visible, -hidden]
