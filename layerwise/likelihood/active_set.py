"""Weights of states that make rows most likely: an active set, with steps of second order.

Bracketed by Lindsay's bound: at any weights Q the maximum is at most L(Q) + log max_h D(h), with
D(h) the mean over rows of p(x | h) / p_Q(x). Rows may have weights of their own, by which all
means over rows are taken: the bound holds for these as well.
"""

import math
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from layerwise.numerics.products import product
from layerwise.numerics.quadratic import gram, nonnegative_minimum
from layerwise.numerics.rows import mean_by_shares

__all__ = ["maximise"]

# Steps of EM before the support is taken over, the heaviest states it starts with, how many may
# join it in one round, and steps of EM that settle them.
WARM_UP, FIRST, NEWCOMERS, SETTLING = 10, 200, 200, 3
# What is added to the quadratic model's matrix, whose diagonal is 1: states of nearly the same
# p(x | h) make it singular. From 1e-6 up, weight moves between such states too slowly for brackets
# of 1e-9; at 1e-12 the rounding of its factor shows.
RIDGE = 1e-10
ROUNDS = 500


# Below, likelihood[h, x] is p(x | h) of a support's states, scaled for each row by any number, and
# parts are the rows' shares in a mean over them, or None where all count alike.


def _density(likelihood, weights):
    """Return sum_h weights[h] p(x | h) for each row, without BLAS (products.py says why)."""
    return product(weights[None], likelihood)[0]


def _em_step(likelihood, weights, parts):
    weights = weights * mean_by_shares(likelihood / _density(likelihood, weights), parts)
    return weights / weights.sum()


def _joined(likelihood, weights, shares, parts=None):
    """Return weights in which newcomers have settled, unless that lowers the likelihood.

    From no weight at all, one second-order step can at most double a row's p(x), and it takes
    many rounds to what EM reaches at once from a first guess.
    """
    joined = (weights + shares) / (weights + shares).sum()
    for _ in range(SETTLING):
        joined = _em_step(likelihood, joined, parts)
    # A row that a newcomer explains e^745 times better has had, in its scale, no density at all.
    with np.errstate(divide="ignore"):
        before = np.log(_density(likelihood, weights))
    gain = mean_by_shares(np.log(_density(likelihood, joined)) - before, parts)
    return joined if gain > 0 else weights


def _second_order_step(likelihood, weights, parts):
    """Return better weights, by one step of sequential quadratic programming.

    As in Kim, Carbonetto, Stephens and Anitescu (2020): at the weights w, with p = w L and
    R = L / p, the quadratic model of -mean log p + sum w has the matrix R R^T / N, or R S R^T with
    S the rows' shares, and its minimiser over y >= 0 is where the line search looks. y is taken in
    units that make the matrix's diagonal 1, so that the ridge means the same for states of many
    and of few rows.
    """
    density = _density(likelihood, weights)
    ratio = likelihood / density
    gain = mean_by_shares(ratio, parts)
    # R has no negative entry, so that y is 0 wherever the linear term is not above 0.
    able = gain > 0.5
    ratio = ratio[able]
    ratio = ratio / np.sqrt(ratio.shape[1]) if parts is None else ratio * np.sqrt(parts)
    size = np.sqrt(np.einsum("ij,ij->i", ratio, ratio))
    ratio /= size[:, None]
    matrix = gram(ratio)
    matrix[np.diag_indices_from(matrix)] += RIDGE
    linear = (2 * gain[able] - 1) / size + RIDGE * size * weights[able]
    proposal = np.zeros(len(weights))
    try:
        proposal[able] = nonnegative_minimum(matrix, linear, weights[able] > 0) / size
    except RuntimeError:  # a step of EM always improves
        return _em_step(likelihood, weights, parts)
    new = _line_search(likelihood, weights, proposal / proposal.sum(), density, parts)
    return _em_step(likelihood, weights, parts) if new is None else new


def _line_search(likelihood, weights, proposal, density, parts):
    """Return the first of halving steps that improves enough, or None."""
    change = _density(likelihood, proposal) / density - 1
    slope = mean_by_shares(change, parts)
    step = 1.0
    while step > 1e-8:
        ratio = 1 + step * change
        if ratio.min() > 0 and mean_by_shares(np.log(ratio), parts) >= 1e-4 * step * slope > 0:
            return weights + step * (proposal - weights)
        step /= 2
    return None


def _exact_mean(rows, parts):
    """Return the mean of numbers of rows, whose sum is rounded once."""
    if parts is None:
        return math.fsum(rows) / len(rows)
    return math.fsum(rows * parts) / math.fsum(parts)


def maximise(problem, tol, stacklevel):
    """Return the bracket of the largest mean log-likelihood, and the weights of its low end.

    Parameters
    ----------
    problem : object
        Its ``n_states`` and ``n_rows``; ``shares`` of the rows in all means over them, which are
        positive and sum to 1, or None for equal ones;
        ``log_likelihood(log_weights)``, of each row;
        ``log_gain(rows)``, log D(h) of each state at these log-likelihoods of the rows;
        ``log_probability(index)``, log p(x | h) of some states, of shape (n_states, n_rows);
        ``candidates(log_gain)``, indices of states worth joining the support; ``slack(n_terms)``,
        a bound of what rounding changes.
    tol : float
        Width of the bracket at which to stop, in nats.
    stacklevel : int
        Of a warning that the bracket is wider.

    Returns
    -------
    low, high : float
    support : ndarray of int
        Indices of states.
    weights : ndarray of shape (n_support,)
        Positive; they sum to 1.
    """
    parts = problem.shares
    log_weights = np.full(problem.n_states, -np.log(float(problem.n_states)))
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
            weights = _joined(likelihood, weights, shares, parts)
        weights = _second_order_step(likelihood, weights, parts)
        rows = np.log(_density(likelihood, weights)) + scale
        log_gain = problem.log_gain(rows)
        # Lindsay's bound holds for any numbers in the place of log p(x), so for these as they are:
        # of their own rounding the upper end knows nothing.
        mean, gap = _exact_mean(rows, parts), float(log_gain.max())
        slack = problem.slack(max(len(rows), len(support)))
        low = mean - math.log(math.fsum(weights)) - slack
        high = mean + gap + slack
        if best is None or high - low < best[1] - best[0]:
            best = low, high, support[weights > 0], weights[weights > 0]
        # Where rounding takes up what is asked for, the gap can still be brought down to it.
        if gap <= max(tol - 2 * slack, slack):
            break
        newcomers = problem.candidates(log_gain)
        newcomers = newcomers[log_gain[newcomers] > 0]
        newcomers = newcomers[np.argsort(log_gain[newcomers], kind="stable")[-NEWCOMERS:]]
        keep = weights > 0
        newcomers = np.setdiff1d(newcomers, support[keep])
        support = np.concatenate([support[keep], newcomers])
        weights = np.concatenate([weights[keep], np.zeros(len(newcomers))])
        # At most what explains one row; nothing where there is nothing to gain.
        shares = np.expm1(np.minimum(log_gain[support], np.log(2))) / problem.n_rows
        shares[: -len(newcomers) or None] = 0
    low, high, support, weights = best
    if high - low > tol:
        of_rounding = f", {2 * slack:.2g} of it for rounding" if 2 * slack > tol / 2 else ""
        warnings.warn(
            f"The bracket of the best latent marginal is still {high - low:.2g} nats wide"
            f"{of_rounding}, and tol={tol}. It holds all the same.",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
    return low, high, support, weights / math.fsum(weights)
