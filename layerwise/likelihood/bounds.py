"""Lower bounds of log p(x) of deep models of any size, by draws of their inference."""

from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

from layerwise.exceptions import Incompatible
from layerwise.likelihood.annealed import log_mean
from layerwise.likelihood.latent_moves import LatentTarget
from layerwise.numerics.rows import dense
from layerwise.numerics.streams import CODE

# Rows whose draws are taken together.
ROWS = 500


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
    n_rows = X.shape[0]
    value, error = np.empty(n_rows), np.empty(n_rows)
    for first in range(0, n_rows, ROWS):
        here = dense(X[first : first + ROWS], np.float64)
        part = stream.child("rows", first)
        of_draws = log_weights(dbn, inferences, here, part, n_draws, n_steps)
        at = slice(first, first + len(here))
        value[at] = of_draws.mean(axis=1)
        error[at] = of_draws.std(axis=1, ddof=1) / np.sqrt(n_draws)
        if weighted:
            value[at] = logsumexp(of_draws, axis=1) - np.log(n_draws)
            error[at] = [log_mean(each)[1] for each in of_draws]
    return value, error
