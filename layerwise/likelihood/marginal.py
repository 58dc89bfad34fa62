"""The best latent marginal: what the best of all upper layers could reach, with a certificate."""

from numbers import Real

import numpy as np

from layerwise.likelihood.active_set import maximise
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.mixtures import mixture_of
from layerwise.likelihood.partition import TABLE_LIMIT, refuse
from layerwise.likelihood.rounding import rounding
from layerwise.numerics.mixture import Factors, Table
from layerwise.numerics.products import product
from layerwise.numerics.rows import mean_by_shares

WAY_OUT = "Give the layer fewer units."
SAMPLE = "Give the layer fewer units, or ask for a lower bound over some states, as n_draws=2000."


def log_aggregated_posterior(fields, weights=None):
    """Return log q_D(h), the mean over rows of q(h | x), for all states h.

    Parameters
    ----------
    fields : ndarray of shape (n_rows, n)
        Log-odds of q(h = 1 | x).
    weights : ndarray of shape (n_rows,), default=None
        Of the rows in the mean: they sum to 1. None is equal ones.

    Returns
    -------
    ndarray of shape (2**n,)
    """
    fields = np.asarray(fields, dtype=float)
    refuse(fields.shape[1], TABLE_LIMIT, "The aggregated inference", WAY_OUT)
    log_norm = np.logaddexp(0, fields).sum(axis=1)
    log_norm += np.log(len(fields)) if weights is None else -np.log(weights)
    return Factors(fields).log_sums_over_rows(-log_norm)


def log_inferred(inference, X, weights=None):
    """Return log of the mean over rows of q(h | x), for all states h.

    Parameters
    ----------
    inference : object with ``log_aggregated``, or with ``log_odds`` of independent units
    X : ndarray or CSR of shape (n_rows, n_visible)
        States.
    weights : ndarray of shape (n_rows,), default=None
        As in ``log_aggregated_posterior``.

    Returns
    -------
    ndarray of shape (2**n,)
    """
    if hasattr(inference, "log_aggregated"):
        return inference.log_aggregated(X, *(() if weights is None else (weights,)))
    return log_aggregated_posterior(inference.log_odds(X), weights)


def divergence(weights, log_p):
    """Return KL(Q || P) in nats, of weights Q over all states and the logarithms of P.

    The theorem of Arnold and Ollivier (2013, section 2): where Q is the best latent marginal of
    some rows, upper layers that have learnt P lose at most this to it on them.
    """
    some = weights > 0
    return float(weights[some] @ (np.log(weights[some]) - log_p[some]))


class _Problem:
    """max over weights of mean_x log sum_h weights[h] p(x | h), over all states h."""

    def __init__(self, conditional, X, shares):
        self.given, self.given_rows, self.shares = conditional, X, shares
        self.conditional, rows = conditional.in_bits(), conditional.bits_of(X)
        self.factors = Factors(self.conditional.latent_field(rows))
        self.row_part = self.conditional.row_part(rows)
        self.state_part = self.conditional.state_part()
        self.n_states, self.n_rows = len(self.state_part), X.shape[0]
        # Of the rows, in a mean over them.
        self.log_share = -np.log(self.n_rows) if shares is None else np.log(shares)

    def log_likelihood(self, log_weights):
        """Return log p(x) of each row."""
        return self.factors.log_sums(Table(log_weights - self.state_part)) + self.row_part

    def log_gain(self, row_log_likelihood):
        """Return log D(h), with D(h) the mean over rows of p(x | h) / p(x).

        Where D is below 1e-9 an upper bound is enough: such a state is neither the maximum nor
        a newcomer.
        """
        shift = self.row_part - row_log_likelihood + self.log_share
        floor = self.state_part + np.log(1e-9)
        return self.factors.log_sums_over_rows(shift, floor) - self.state_part

    def log_probability(self, index):
        """Return log p(x | h) for the states at ``index``, of shape (n_states, n_rows)."""
        latent = (index[:, None] >> np.arange(self.conditional.n_latent) & 1).astype(float)
        linear = product(latent, self.factors.fields.T, start=self.row_part)
        return linear - self.state_part[index, None]

    def candidates(self, log_gain):
        """Return the indices of states that no single flip of a unit improves."""
        cube = log_gain.reshape((2,) * self.conditional.n_latent)
        best = np.ones(cube.shape, dtype=bool)
        for axis in range(cube.ndim):
            best &= cube >= np.flip(cube, axis)
        return np.flatnonzero(best.ravel())

    def slack(self, n_terms):
        """Return a bound of what rounding changes in an end of the bracket."""
        return rounding(self.given, n_terms, self.given_rows, self.shares)


def check_tol(tol):
    """Raise ``ValueError`` unless a width of a bracket can be asked for."""
    if not (isinstance(tol, Real) and tol > 0):
        raise ValueError(f"The 'tol' parameter must be a float above 0. Got {tol!r} instead.")


def best_latent_marginal(conditional, X, tol=1e-3, *, shares=None):
    """Return the bracket of the best mean log-likelihood over all latent distributions.

    ``layerwise.best_latent_marginal`` says more.

    Parameters
    ----------
    conditional : Conditional
        In float64, of at most 24 latent units, of two states each.
    X : ndarray or CSR of shape (n_rows, n_visible), float64
        States.
    tol : float, default=1e-3
    shares : ndarray of shape (n_rows,), default=None
        Of the rows in the mean: positive, and they sum to 1. None is equal ones.

    Returns
    -------
    Estimate
    """
    check_tol(tol)
    n = conditional.n_latent
    refuse(n, TABLE_LIMIT, "The best latent marginal", SAMPLE)
    problem = _Problem(conditional, X, shares)
    low, high, support, weights = maximise(problem, tol, stacklevel=4)
    table = np.zeros(2**n)
    table[support] = weights
    return Estimate(low, low, high, "active set on the latent states", table)


def latent_marginal_bound(conditional, log_inferred, X, *, shares=None):
    """Return the mean log-likelihood of rows under the inference aggregated over some rows.

    ``layerwise.latent_marginal_bound`` says more.

    Parameters
    ----------
    conditional : Conditional
        In float64, of at most 24 latent units.
    log_inferred : ndarray of shape (2**n_latent,)
        log q_D(h), as ``log_inferred`` returns it.
    X : ndarray or CSR of shape (n_rows, n_visible), float64
        States.
    shares : ndarray of shape (n_rows,), default=None
        As in ``best_latent_marginal``, in the mean over ``X``.

    Returns
    -------
    Estimate
    """
    value = float(mean_by_shares(mixture_of(conditional, log_inferred)(X), shares))
    return Estimate(value, value, value, "sum over all latent states", np.exp(log_inferred))
