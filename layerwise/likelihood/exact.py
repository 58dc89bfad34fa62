"""Exact sums: log Z, moments, samples, and latent marginals pushed down layer by layer."""

import sys
import time
from itertools import pairwise
from numbers import Integral

import numpy as np
from joblib import effective_n_jobs

from layerwise.exceptions import TooManyStates
from layerwise.likelihood.estimate import Estimate
from layerwise.models.rbm import RBMParams
from layerwise.numerics import jobs, layers, states
from layerwise.numerics.mixture import Factors, Table
from layerwise.numerics.streams import STATE, VISIBLE

# As powers of 2. A sum over 2**30 states times 100 units takes seconds; a table of 2**24 numbers
# takes 134 MB; pushing a marginal down through 2**40 pairs of states takes minutes.
SUM_LIMIT, TABLE_LIMIT, PAIRS_LIMIT = 30, 24, 40
# Jobs of one sum for each worker: the last to finish keeps the others waiting for half of one.
JOBS_OF_WORKER = 16
# Seconds between two lines of progress.
PROGRESS_EVERY = 3.0
# Rows that are made at a time where a latent layer's states are the rows.
ROWS = 4096
# Rows whose factors are held at a time, so that memory does not grow with the number of rows. With
# 16 latent units these are 2 MB, which stay near the processor, and which the allocator gives back
# for the next rows: twice as fast as all of 2,000 rows at once, whose pages were new each time.
FACTOR_ROWS = 480


def refuse(n, limit, what, way_out):
    """Raise TooManyStates if ``what`` asks for more than 2**limit states."""
    if n > limit:
        raise TooManyStates(
            f"{what} asks for 2**{n} states and the limit is 2**{limit}. {way_out}"
        )


def float64(params):
    """Return components and both intercepts of an RBM as float64."""
    return (
        np.ascontiguousarray(params.components, dtype=float),
        np.asarray(params.intercept_visible, dtype=float),
        np.asarray(params.intercept_hidden, dtype=float),
    )


def smaller_first(params):
    """Return the RBM's sum as (weights, analytic bias, enumerated bias): the smaller layer listed.

    The value does not depend on the layer that is listed; the time does, exponentially.
    """
    components, visible, hidden = float64(params)
    if components.shape[0] <= components.shape[1]:
        return np.ascontiguousarray(components.T), visible, hidden
    return components, hidden, visible


def log_z(params, *, n_jobs=1, progress=None):
    """Return log of the sum over all states of both layers of exp(-energy), as a float.

    ``n_jobs`` and ``progress`` are as in ``log_partition`` and ``states.partial_sums``.
    """
    refuse(
        min(params.components.shape),
        SUM_LIMIT,
        "log Z",
        f"Give the smaller layer at most {SUM_LIMIT} units; transform, free_energy and sampling "
        "need no such sum.",
    )
    terms = smaller_first(params)
    n_parts = states.n_parts(*terms[0].shape)
    n_workers = min(n_parts, effective_n_jobs(n_jobs))
    if n_workers == 1:
        return states.log_partition(*terms, progress=progress)
    n_pieces = min(n_parts, JOBS_OF_WORKER * n_workers)
    cuts = [n_parts * piece // n_pieces for piece in range(n_pieces + 1)]
    pieces = [(*terms, first, last) for first, last in pairwise(cuts)]
    found = []
    for piece in jobs.run(states.partial_sums, pieces, n_jobs):
        found.append(piece)
        if progress is not None:
            progress(len(found), n_pieces)
    return states.fold(*map(np.concatenate, zip(*found)))


def lines_of_progress(what):
    """Return a function of (done, total) that prints to stderr, but seldom."""
    start = last = time.monotonic()

    def progress(done, total):
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_EVERY:
            last = now
            left = (now - start) * (total - done) / done
            print(
                f"layerwise: {what}: {100 * done // total} % done, {left:.0f} s left",
                file=sys.stderr,
            )

    return progress


def visible_log_marginal(params):
    """Return log p(v) of an RBM for all states v, of shape (2**n_visible,)."""
    components, visible, hidden = float64(params)
    refuse(
        len(visible),
        TABLE_LIMIT,
        "The marginal of an RBM's visible units",
        "Give the layer below it fewer units.",
    )
    return states.log_weights(components, hidden, visible) - log_z(params)


def mixture_log_likelihood(conditional, log_marginal, X):
    """Return log sum_h p(x | h) exp(log_marginal[h]) for rows x, of shape (n_rows,)."""
    table = Table(log_marginal - conditional.state_part())
    parts = [
        Factors(conditional.latent_field(X[at : at + FACTOR_ROWS])).log_sums(table)
        for at in range(0, len(X), FACTOR_ROWS)
    ]
    return np.concatenate([*parts, np.empty(0)]) + conditional.row_part(X)


def latent_log_marginal(belief):
    """Return log p(h1) of the bottom conditional's latent units, of shape (2**n_latent,).

    The top's marginal is pushed down: p(h1) = sum over h2 of p(h1 | h2) p(h2), and so on.
    """
    log_marginal = visible_log_marginal(belief.top)
    for conditional in reversed(belief.conditionals[1:]):
        n = conditional.n_visible
        refuse(n, TABLE_LIMIT, "The marginal of a latent layer", "Give it fewer units.")
        refuse(
            n + conditional.n_latent,
            PAIRS_LIMIT,
            "Pushing a marginal down through two latent layers",
            "Give them fewer units.",
        )
        parts = [
            mixture_log_likelihood(
                conditional, log_marginal, states.all_states(n, at, min(at + ROWS, 2**n))
            )
            for at in range(0, 2**n, ROWS)
        ]
        log_marginal = np.concatenate(parts)
    return log_marginal


def belief_log_likelihood(belief, X):
    """Return log p(x) in nats for rows x of zeros and ones, of shape (n_rows,)."""
    if not belief.conditionals:
        return -belief.top.free_energy(X) - log_z(belief.top)
    return mixture_log_likelihood(belief.conditionals[0], latent_log_marginal(belief), X)


def exact_states(params, n_samples, stream, *, limit):
    """Return exact draws of an RBM's visible units, or None if that lists over 2**limit states."""
    n_hidden, n_visible = params.components.shape
    n = min(n_hidden, n_visible)
    if n > limit:
        return None
    table = states.log_weights(*smaller_first(params))
    cumulated = np.cumsum(np.exp(table - table.max()))
    number = layers.uniforms(n_samples, 1, stream, step=0, lane=STATE)[:, 0]
    index = np.searchsorted(cumulated, number * cumulated[-1], side="right")
    index = np.minimum(index, len(table) - 1)
    listed = (index[:, None] >> np.arange(n) & 1).astype(params.components.dtype)
    if n_hidden > n_visible:
        return listed
    return layers.draw(params.visible_mean(listed), stream, step=0, lane=VISIBLE)


def log_partition(model, *, n_jobs=None, verbose=0):
    """Log of the partition function of an RBM, in nats, exactly.

    Parameters
    ----------
    model : RBM or RBMParams
        A fitted :class:`RBM`, or its parameters. The smaller layer is listed: at most 30 units.
    n_jobs : int, default=None
        Over how many joblib workers a large sum is spread: None means 1 unless in a
        ``joblib.parallel_config``, which may also name a cluster; -1 means all processors. One
        worker already uses all processors of one machine, by threads. The same bits are returned
        for any number of workers on machines with the same instructions.
    verbose : int, default=0
        If positive, what is done and the time left are printed to stderr every few seconds.

    Returns
    -------
    Estimate
        Exact: relative error at most 1e-12.

    Raises
    ------
    TooManyStates
        If both layers have more than 30 units.
    TypeError
        If the model is not a fitted RBM, or ``n_jobs`` not an int or None.
    """
    params = getattr(model, "params_", model)
    if not isinstance(params, RBMParams):
        raise TypeError(
            f"log_partition takes a fitted RBM or an RBMParams, and got {model!r}. "
            "Fit an RBM first."
        )
    if not (n_jobs is None or isinstance(n_jobs, Integral)):
        raise TypeError(f"n_jobs must be an int or None, and is {n_jobs!r}.")
    progress = lines_of_progress("log Z") if verbose > 0 else None
    value = log_z(params, n_jobs=n_jobs, progress=progress)
    return Estimate.exact(value, "sum over all states of the smaller layer")


def log_likelihood(model, X):
    """Mean log-likelihood of rows under a fitted model, in nats per row, exactly.

    Parameters
    ----------
    model : RBM, AutoEncoder or DBN
        Fitted.
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    Estimate
        Exact.

    Raises
    ------
    TooManyStates
        If the model is too large to be summed.
    """
    return Estimate.exact(float(np.mean(model.score_samples(X))), "sum over all latent states")
