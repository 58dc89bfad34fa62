"""The best latent marginal over some of the latent states: lower bounds for layers of any size."""

import math

import numpy as np

from layerwise.likelihood.active_set import maximise
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.marginal import check_tol
from layerwise.likelihood.rounding import rounding
from layerwise.numerics.rows import mean_by_shares

__all__ = ["best_latent_marginal", "drawn_states", "latent_marginal_bound"]

# Pairs of a state and a row whose p(x | h) are held: 1 GB.
MOST_PAIRS = 2**27
# Parts of the draws whose spread is the error of all.
PARTS = 4


class _Problem:
    """max over weights of mean_x log sum_h weights[h] p(x | h), over some states h."""

    def __init__(self, conditional, X, states, shares):
        self.n_states, self.n_rows, self.shares = len(states), X.shape[0], shares
        if self.n_states * self.n_rows > MOST_PAIRS:
            raise ValueError(
                f"p(x | h) of {self.n_rows} rows and {self.n_states} latent states are more than "
                f"{MOST_PAIRS} numbers. Give fewer rows, or a smaller n_draws."
            )
        self.slack = lambda n_terms: rounding(conditional, n_terms, X, shares)
        self.table = conditional.log_probability(X, states).T
        self.limit = self.table.max(axis=0)
        self.scaled = np.exp(self.table - self.limit)

    def log_likelihood(self, log_weights):
        weights = np.exp(log_weights - log_weights.max())
        with np.errstate(divide="ignore"):
            rows = np.log(weights @ self.scaled) + self.limit + log_weights.max()
        for row in np.flatnonzero(~np.isfinite(rows)):  # what explains it has hardly any weight
            rows[row] = np.logaddexp.reduce(log_weights + self.table[:, row])
        return rows

    def log_gain(self, row_log_likelihood):
        excess = self.table - row_log_likelihood
        top = excess.max(axis=1)
        return np.log(mean_by_shares(np.exp(excess - top[:, None]), self.shares)) + top

    def log_probability(self, index):
        return self.table[index]

    def candidates(self, log_gain):
        return np.arange(self.n_states)


def drawn_states(inference, X, n_draws, stream, *, lane, shares=None):
    """Return states drawn from the inference of rows: of each row as often, to within one draw.

    Parameters
    ----------
    inference : object with ``sample``
    X : ndarray or CSR of shape (n_rows, n_visible)
        States.
    n_draws : int
    stream : Stream
    lane : int
    shares : ndarray of shape (n_rows,), default=None
        Of the rows, positive: of each as many draws as its share is of all, to within one. None
        is equal ones.

    Returns
    -------
    ndarray of shape (n_draws, n_latent)
    """
    generator = stream.child("order").generator()
    order = generator.permutation(X.shape[0])
    if shares is None:
        place = np.arange(n_draws) % len(order)
    else:  # where one of as many equal steps ends, in the sum of the shares
        ends = np.cumsum(shares[order])
        steps = (np.arange(n_draws) + generator.uniform()) / n_draws
        place = np.minimum(np.searchsorted(ends, steps * ends[-1], side="right"), len(ends) - 1)
    return inference.sample(X[order[place]], stream, step=0, lane=lane)


def best_latent_marginal(conditional, X, states, tol=1e-3, *, shares=None):
    """Return a lower bound of the best latent marginal: the best one over some states.

    Parameters
    ----------
    conditional : Conditional
        In float64.
    X : ndarray or CSR of shape (n_rows, n_visible), float64
        States.
    states : ndarray of shape (n_draws, n_latent)
        Drawn one independently of the other; a state may be there more than once.
    tol : float, default=1e-3
        Within how many nats of the best over these states the search may end.
    shares : ndarray of shape (n_rows,), default=None
        Of the rows in the mean: positive, and they sum to 1. None is equal ones.

    Returns
    -------
    Estimate
        Its ``error`` is an upper estimate of the standard error of ``value``, from how the values
        of four parts of the draws differ.
    """
    check_tol(tol)
    low, kept, weights = _best(conditional, X, states, tol, shares)
    parts = [_best(conditional, X, states[k::PARTS], tol, shares)[0] for k in range(PARTS)]
    return Estimate(
        low, low, math.inf,
        f"best weights of {len(states)} draws of q(h | x): a lower bound, certain",
        weights, kept, float(np.std(parts, ddof=1) / math.sqrt(PARTS)),
    )  # fmt: skip


def _best(conditional, X, states, tol, shares):
    states = np.unique(states, axis=0)
    problem = _Problem(conditional, X, states, shares)
    low, _, support, weights = maximise(problem, tol, stacklevel=6)
    return low, states[support], weights


def latent_marginal_bound(conditional, X, states, *, shares=None):
    """Return the mean log-likelihood of rows where the latent states are draws of the inference.

    Parameters
    ----------
    conditional : Conditional
        In float64.
    X : ndarray or CSR of shape (n_rows, n_visible), float64
        States.
    states : ndarray of shape (n_draws, n_latent)
    shares : ndarray of shape (n_rows,), default=None
        As in ``best_latent_marginal``.

    Returns
    -------
    Estimate
        Its ``error`` is the standard error of ``value``, to first order, as if the draws were
        independent: spread evenly over rows they differ by less.
    """
    n_draws = len(states)
    states, counts = np.unique(states, axis=0, return_counts=True)
    weights = counts / n_draws
    problem = _Problem(conditional, X, states, shares)
    rows = problem.log_likelihood(np.log(weights))
    value = float(mean_by_shares(rows, shares))
    # Each of n draws moves the value by (D(h) - 1) / n, D(h) being the mean of p(x | h) / p(x).
    gain = np.exp(problem.log_gain(rows))
    error = math.sqrt(float(weights @ (gain - 1) ** 2) / n_draws)
    return Estimate(
        value, value - problem.slack(max(len(rows), len(states))), math.inf,
        f"{n_draws} draws of q(h | x): a lower bound of the best latent marginal, certain",
        weights, states, error,
    )  # fmt: skip
