"""Lower bounds of log p(x) of deep models of any size, by draws of their inference."""

import numpy as np
from scipy.special import logsumexp

from layerwise.exceptions import Incompatible
from layerwise.likelihood.annealed import log_mean
from layerwise.numerics.rows import dense
from layerwise.numerics.streams import CODE

# Rows whose draws are taken together.
ROWS = 500


def _log_probability(conditional, visible, latent):
    """Return log p(x | h) in nats of rows x and their own states h, of shape (n_rows,)."""
    wide, visible = conditional.astype(float), np.asarray(visible, dtype=float)
    field = wide.field(latent)
    linear = np.sum(visible * field, axis=1) + wide.visible.log_base(visible, wide.log_variance)
    return linear - wide.visible.log_partition_sums(field, wide.log_variance)


def _log_inferred(inference, visible, latent):
    """Return log q(h | x) in nats of rows x and their own states h, of shape (n_rows,)."""
    log_odds = np.asarray(inference.log_odds(visible), dtype=float)
    return -np.logaddexp(0, np.where(latent > 0, -log_odds, log_odds)).sum(axis=1)


def log_weights(dbn, inferences, X, stream, n_draws):
    """Return log p*(x, h) - log q(h | x) of draws h of each row's latent states.

    The exponential of each has the mean p*(x), the probability of the row without the top's
    partition function.

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

    Returns
    -------
    ndarray of shape (n_rows, n_draws), in nats
    """
    found = np.empty((len(X), n_draws))
    for draw in range(n_draws):
        states, log_weight = X, np.zeros(len(X))
        for depth, (conditional, inference) in enumerate(zip(dbn.conditionals, inferences)):
            part = stream.child("layer", depth)
            above = inference.sample(states, part, step=draw, lane=CODE)
            log_weight += _log_probability(conditional, states, above)
            log_weight -= _log_inferred(inference, states, above)
            states = above
        found[:, draw] = log_weight - dbn.top.free_energy(states)
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


def bound(dbn, inferences, X, stream, n_draws, *, weighted=True):
    """Return a lower bound of log p*(x) of each row, and its standard error.

    Parameters
    ----------
    dbn, inferences, stream, n_draws
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
        of_draws = log_weights(dbn, inferences, here, part, n_draws)
        at = slice(first, first + len(here))
        value[at] = of_draws.mean(axis=1)
        error[at] = of_draws.std(axis=1, ddof=1) / np.sqrt(n_draws)
        if weighted:
            value[at] = logsumexp(of_draws, axis=1) - np.log(n_draws)
            error[at] = [log_mean(each)[1] for each in of_draws]
    return value, error
