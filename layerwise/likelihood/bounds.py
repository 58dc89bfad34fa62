"""Lower bounds of log p(x) of deep models of any size, by draws of their inference."""

import math
from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

from layerwise.exceptions import Incompatible
from layerwise.likelihood.annealed import log_mean
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.latent_moves import LatentTarget, log_given, log_probability
from layerwise.models.units import BITS
from layerwise.numerics.products import product
from layerwise.numerics.rows import dense, mean_by_shares
from layerwise.numerics.streams import CODE

# Rows whose draws are taken together.
ROWS = 500
# Pairs of a draw and a row whose log q(h | x) are held: 64 MB.
PAIRS = 2**23


def log_weights(dbn, inferences, X, stream, n_draws, n_steps=0):
    """Return the log weights of draws of each row's latent states, of mean weight p*(x).

    Without steps they are log p*(x, h) - log q(h | x) of draws of q(h | x): p* is the probability
    without the top's partition function. With steps each draw is annealed to the posterior, by
    the way of q(h | x)^(1 - beta) p*(x, h)^beta, and its log weight is the sum of what log p* -
    log q grows by at each beta (annealed importance sampling; Neal, 2001).

    Parameters
    ----------
    dbn : DBNParams
    inferences : list
        q(h | x) of each conditional, with ``sample`` and ``log_odds``.
    X : ndarray of shape (n_rows, n_visible)
        States.
    stream : Stream
    n_draws : int
        Of each row.
    n_steps : int, default=0
        Betas between 0 and 1.

    Returns
    -------
    ndarray of shape (n_rows, n_draws), in nats
    """
    target, found = LatentTarget(dbn, inferences, X), np.zeros((len(X), n_draws))
    betas = np.linspace(0, 1, n_steps + 2)
    for draw in range(n_draws):
        states, below = [], X
        for depth, inference in enumerate(inferences):
            part = stream.child("layer", depth)
            below = inference.sample(below, part, step=draw, lane=CODE)
            states.append(np.asarray(below, dtype=np.float64))
        point, moves = target.at(states, with_slopes=n_steps > 0), stream.child("moves", draw)
        for step, (beta, following) in enumerate(pairwise(betas)):
            if step:
                point = target.move(point, beta, moves, step)
            found[:, draw] += (following - beta) * (point.log_p - point.log_q)
    return found


def check_inferences(inferences):
    """Raise Incompatible unless the probability of what each draws is known."""
    for depth, inference in enumerate(inferences, start=1):
        if not hasattr(inference, "log_odds"):
            raise Incompatible(
                f"A variational bound asks layer {depth} for log q(h | x) of latent units that "
                f"are independent given x, and its {type(inference).__name__} is no such q. "
                "Use an RBM or an AutoEncoder there, or likelihood='exact'."
            )


def bound(dbn, inferences, X, stream, n_draws, *, weighted=True, n_steps=0):
    """Return a lower bound of log p*(x) of each row, and its standard error.

    Parameters
    ----------
    dbn, inferences, stream, n_draws, n_steps
        As in ``log_weights``. At least 2 draws.
    X : ndarray or CSR of shape (n_rows, n_visible)
        States.
    weighted : bool, default=True
        Whether it is the log of the mean weight (Burda, Grosse and Salakhutdinov, 2016), which
        rises to log p*(x) with ``n_draws`` on average; or the mean of log weights, the variational
        bound. Of the same draws the first is never below the second.

    Returns
    -------
    value, error : ndarray of shape (n_rows,)
    """

    def of_rows(here, part):
        return log_weights(dbn, inferences, here, part, n_draws, n_steps)

    return _means(of_rows, X, stream, weighted)


def marginal_bound(conditional, inference, X, over, stream, n_draws, *, weighted=True):
    """Return lower bounds of log p(x) of rows under a layer and its own aggregated inference.

    The latent distribution is q_D, the mean of q(h | x) over rows, which of each draw of a row's
    own q(h | x) is summed over all these rows: p(x | h) q_D(h) / q(h | x) has the mean p(x).

    Parameters
    ----------
    conditional : Conditional
        In float64.
    inference : object with ``sample`` and ``log_odds``
    X : ndarray or CSR of shape (n_rows, n_visible)
        States.
    over : pair of ndarray or CSR of shape (n_aggregated, n_visible), and ndarray or None
        The rows that q(h | x) is aggregated over, and their shares; None is equal ones.
    stream, n_draws, weighted
        As in ``bound``.

    Returns
    -------
    value, error : ndarray of shape (n_rows,)
    """
    rows, shares = over
    low = conditional.latent.bits(conditional.n_latent)[0]
    odds = np.asarray(inference.log_odds(rows), dtype=np.float64)
    log_share = -np.log(len(odds)) if shares is None else np.log(shares)
    # log q(h | x) of bits h is linear in them, less the log-partition of the row's units.
    constant = log_share - BITS.log_partition_sums(odds)

    def log_aggregated(bits):
        at_a_time = max(1, PAIRS // len(odds))
        parts = [bits[first : first + at_a_time] for first in range(0, len(bits), at_a_time)]
        return np.concatenate([
            logsumexp(product(part, odds.T) + constant, axis=1) for part in parts
        ])  # fmt: skip

    def of_rows(here, part):
        found = np.empty((len(here), n_draws))
        own = np.asarray(inference.log_odds(here), dtype=np.float64)
        for draw in range(n_draws):
            above = np.asarray(inference.sample(here, part, step=draw, lane=CODE), dtype=float)
            bits = (above > low).astype(np.float64)
            found[:, draw] = log_given(conditional, here, above)[0] + log_aggregated(bits)
            found[:, draw] -= log_probability(own, bits)
        return found

    return _means(of_rows, X, stream, weighted)


def _means(of_rows, X, stream, weighted):
    """Return the mean of some rows' log weights, or the log of their mean, and its error."""
    n_rows = X.shape[0]
    value, error = np.empty(n_rows), np.empty(n_rows)
    for first in range(0, n_rows, ROWS):
        here = dense(X[first : first + ROWS], np.float64)
        of_draws = of_rows(here, stream.child("rows", first))
        at, n_draws = slice(first, first + len(here)), of_draws.shape[1]
        value[at] = of_draws.mean(axis=1)
        error[at] = of_draws.std(axis=1, ddof=1) / np.sqrt(n_draws)
        if weighted:
            value[at] = logsumexp(of_draws, axis=1) - np.log(n_draws)
            error[at] = [log_mean(each)[1] for each in of_draws]
    return value, error


def lower_estimate(values, errors, shares, told, log_z=None):
    """Return the mean of low estimates of rows.

    Parameters
    ----------
    values, errors : ndarray of shape (n_rows,)
    shares : ndarray of shape (n_rows,) or None
        Of the rows in the mean; None is equal ones.
    told : str
        How they were found.
    log_z : Estimate, default=None
        What each is too high by, whose bracket enters ``low``.

    Returns
    -------
    Estimate
    """
    share = np.full(len(values), 1 / len(values)) if shares is None else shares
    value, error = mean_by_shares(values, shares), float(np.linalg.norm(share * errors))
    low = value - 3 * error
    if log_z is not None:
        value, low = value - log_z.value, low - log_z.high
    return Estimate(float(value), float(low), math.inf, told, error=error)
