"""The best latent marginal: what the best of all upper layers could reach, with a certificate."""

import math
import warnings
from numbers import Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.mixtures import Mixture
from layerwise.likelihood.partition import TABLE_LIMIT, refuse
from layerwise.likelihood.rounding import rounding
from layerwise.numerics.mixture import Factors, Table
from layerwise.numerics.products import product
from layerwise.numerics.quadratic import gram, nonnegative_minimum

WAY_OUT = "Give the layer fewer units."
# Steps of EM before the support is taken over, the heaviest states it starts with, how many may
# join it in one round, and steps of EM that settle them.
WARM_UP, FIRST, NEWCOMERS, SETTLING = 10, 200, 200, 3
# What is added to the quadratic model's matrix, whose diagonal is 1: states of nearly the same
# p(x | h) make it singular. From 1e-6 up, weight moves between such states too slowly for brackets
# of 1e-9; at 1e-12 the rounding of its factor shows.
RIDGE = 1e-10
ROUNDS = 500


def log_aggregated_posterior(fields):
    """Return log q_D(h), the mean over rows of q(h | x), for all states h.

    Parameters
    ----------
    fields : ndarray of shape (n_rows, n)
        Log-odds of q(h = 1 | x).

    Returns
    -------
    ndarray of shape (2**n,)
    """
    fields = np.asarray(fields, dtype=float)
    refuse(fields.shape[1], TABLE_LIMIT, "The aggregated inference", WAY_OUT)
    log_norm = np.logaddexp(0, fields).sum(axis=1) + np.log(len(fields))
    return Factors(fields).log_sums_over_rows(-log_norm)


def log_inferred(inference, X):
    """Return log of the mean over rows of q(h | x), for all states h.

    Parameters
    ----------
    inference : object with ``log_aggregated``, or with ``log_odds`` of independent units
    X : ndarray of shape (n_rows, n_visible)
        States.

    Returns
    -------
    ndarray of shape (2**n,)
    """
    if hasattr(inference, "log_aggregated"):
        return inference.log_aggregated(X)
    return log_aggregated_posterior(inference.log_odds(X))


class _Problem:
    """max over weights of mean_x log sum_h weights[h] p(x | h), over all states h."""

    def __init__(self, conditional, X):
        self.X = conditional.bits_of(X)
        self.conditional = conditional.in_bits()
        self.factors = Factors(self.conditional.latent_field(self.X))
        self.row_part = self.conditional.row_part(self.X)
        self.state_part = self.conditional.state_part()

    def log_likelihood(self, log_weights):
        """Return log p(x) of each row."""
        return self.factors.log_sums(Table(log_weights - self.state_part)) + self.row_part

    def log_gain(self, row_log_likelihood):
        """Return log D(h), with D(h) the mean over rows of p(x | h) / p(x).

        Where D is below 1e-9 an upper bound is enough: such a state is neither the maximum nor
        a newcomer.
        """
        shift = self.row_part - row_log_likelihood - np.log(len(self.X))
        floor = self.state_part + np.log(1e-9)
        return self.factors.log_sums_over_rows(shift, floor) - self.state_part

    def log_probability(self, index):
        """Return log p(x | h) for the states at ``index``, of shape (n_states, n_rows)."""
        latent = (index[:, None] >> np.arange(self.conditional.n_latent) & 1).astype(float)
        linear = product(latent, self.factors.fields.T, start=self.row_part)
        return linear - self.state_part[index, None]


def _local_maxima(values, n):
    """Return the indices of states that no single flip of a unit improves."""
    cube = values.reshape((2,) * n)
    best = np.ones(cube.shape, dtype=bool)
    for axis in range(n):
        best &= cube >= np.flip(cube, axis)
    return np.flatnonzero(best.ravel())


# Below, likelihood[h, x] is p(x | h) of a support's states, scaled for each row by any number.


def _density(likelihood, weights):
    """Return sum_h weights[h] p(x | h) for each row, without BLAS (products.py says why)."""
    return product(weights[None], likelihood)[0]


def _em_step(likelihood, weights):
    weights = weights * (likelihood / _density(likelihood, weights)).mean(axis=1)
    return weights / weights.sum()


def _joined(likelihood, weights, shares):
    """Return weights in which newcomers have settled, unless that lowers the likelihood.

    From no weight at all, one second-order step can at most double a row's p(x), and it takes
    many rounds to what EM reaches at once from a first guess.
    """
    joined = (weights + shares) / (weights + shares).sum()
    for _ in range(SETTLING):
        joined = _em_step(likelihood, joined)
    # A row that a newcomer explains e^745 times better has had, in its scale, no density at all.
    with np.errstate(divide="ignore"):
        before = np.log(_density(likelihood, weights))
    gain = (np.log(_density(likelihood, joined)) - before).mean()
    return joined if gain > 0 else weights


def _second_order_step(likelihood, weights):
    """Return better weights, by one step of sequential quadratic programming.

    As in Kim, Carbonetto, Stephens and Anitescu (2020): at the weights w, with p = w L and
    R = L / p, the quadratic model of -mean log p + sum w has the matrix R R^T / N, and its
    minimiser over y >= 0 is where the line search looks. y is taken in units that make the
    matrix's diagonal 1, so that the ridge means the same for states of many and of few rows.
    """
    n_rows = likelihood.shape[1]
    density = _density(likelihood, weights)
    ratio = likelihood / density
    gain = ratio.mean(axis=1)
    # R has no negative entry, so that y is 0 wherever the linear term is not above 0.
    able = gain > 0.5
    ratio = ratio[able] / np.sqrt(n_rows)
    size = np.sqrt(np.einsum("ij,ij->i", ratio, ratio))
    ratio /= size[:, None]
    matrix = gram(ratio)
    matrix[np.diag_indices_from(matrix)] += RIDGE
    linear = (2 * gain[able] - 1) / size + RIDGE * size * weights[able]
    proposal = np.zeros(len(weights))
    try:
        proposal[able] = nonnegative_minimum(matrix, linear, weights[able] > 0) / size
    except RuntimeError:  # a step of EM always improves
        return _em_step(likelihood, weights)
    new = _line_search(likelihood, weights, proposal / proposal.sum(), density)
    return _em_step(likelihood, weights) if new is None else new


def _line_search(likelihood, weights, proposal, density):
    """Return the first of halving steps that improves enough, or None."""
    change = _density(likelihood, proposal) / density - 1
    slope = change.mean()
    step = 1.0
    while step > 1e-8:
        ratio = 1 + step * change
        if ratio.min() > 0 and np.log(ratio).mean() >= 1e-4 * step * slope > 0:
            return weights + step * (proposal - weights)
        step /= 2
    return None


def best_latent_marginal(conditional, X, tol=1e-3):
    """Return the bracket of the best mean log-likelihood over all latent distributions.

    ``layerwise.best_latent_marginal`` says more.

    Parameters
    ----------
    conditional : Conditional
        In float64, of at most 24 latent units, of two states each.
    X : ndarray of shape (n_rows, n_visible), float64
        States.
    tol : float, default=1e-3

    Returns
    -------
    Estimate
    """
    if not (isinstance(tol, Real) and tol > 0):
        raise ValueError(f"The 'tol' parameter must be a float above 0. Got {tol!r} instead.")
    n = conditional.n_latent
    refuse(n, TABLE_LIMIT, "The best latent marginal", WAY_OUT)
    problem = _Problem(conditional, X)
    log_weights = np.full(2**n, -n * np.log(2))
    for _ in range(WARM_UP):
        log_weights = log_weights + problem.log_gain(problem.log_likelihood(log_weights))
    support = np.argsort(log_weights, kind="stable")[-FIRST:]
    weights = np.exp(log_weights[support] - log_weights[support].max())
    weights /= weights.sum()
    shares = np.zeros(len(support))

    best = None
    for _ in range(ROUNDS):
        log_probability = problem.log_probability(support)
        scale = log_probability.max(axis=0)
        likelihood = np.exp(log_probability - scale)
        if shares.any():
            weights = _joined(likelihood, weights, shares)
        weights = _second_order_step(likelihood, weights)
        rows = np.log(_density(likelihood, weights)) + scale
        log_gain = problem.log_gain(rows)
        # Lindsay's bound holds for any numbers in the place of log p(x), so for these as they are:
        # of their own rounding the upper end knows nothing.
        mean, gap = math.fsum(rows) / len(rows), float(log_gain.max())
        slack = rounding(conditional, max(len(rows), len(support)), X)
        low = mean - math.log(math.fsum(weights)) - slack
        high = mean + gap + slack
        if best is None or high - low < best[1] - best[0]:
            best = low, high, support[weights > 0], weights[weights > 0]
        # Where rounding takes up what is asked for, the gap can still be brought down to it.
        if gap <= max(tol - 2 * slack, slack):
            break
        newcomers = _local_maxima(log_gain, n)
        newcomers = newcomers[log_gain[newcomers] > 0]
        newcomers = newcomers[np.argsort(log_gain[newcomers], kind="stable")[-NEWCOMERS:]]
        keep = weights > 0
        newcomers = np.setdiff1d(newcomers, support[keep])
        support = np.concatenate([support[keep], newcomers])
        weights = np.concatenate([weights[keep], np.zeros(len(newcomers))])
        # At most what explains one row; nothing where there is nothing to gain.
        shares = np.expm1(np.minimum(log_gain[support], np.log(2))) / len(X)
        shares[: -len(newcomers) or None] = 0
    low, high, support, weights = best
    if high - low > tol:
        of_rounding = f", {2 * slack:.2g} of it for rounding" if 2 * slack > tol / 2 else ""
        warnings.warn(
            f"The bracket of the best latent marginal is still {high - low:.2g} nats wide"
            f"{of_rounding}, and tol={tol}. It holds all the same.",
            ConvergenceWarning,
            stacklevel=3,
        )
    table = np.zeros(2**n)
    table[support] = weights / math.fsum(weights)
    return Estimate(low, low, high, "active set on the latent states", table)


def latent_marginal_bound(conditional, fields, X):
    """Return the mean log-likelihood of rows under the inference aggregated over some rows.

    ``layerwise.latent_marginal_bound`` says more.

    Parameters
    ----------
    conditional : Conditional
        In float64, of at most 24 latent units.
    fields : ndarray of shape (n_inference_rows, n_latent)
        Log-odds of q(h = 1 | x).
    X : ndarray of shape (n_rows, n_visible), float64
        States.

    Returns
    -------
    Estimate
    """
    log_marginal = log_aggregated_posterior(fields)
    value = float(Mixture(conditional, log_marginal)(X).mean())
    return Estimate(value, value, value, "sum over all latent states", np.exp(log_marginal))
