"""The partition function of an RBM: exact sums over the states of its smaller layer."""

import math
from itertools import pairwise

import numpy as np
from joblib import effective_n_jobs

from layerwise.exceptions import TooManyStates
from layerwise.likelihood import plain
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import jobs

# As powers of 2. A sum over 2**30 states times 100 units takes seconds; a table of 2**24 numbers
# takes 134 MB; pushing a marginal down through 2**40 pairs of states takes minutes.
SUM_LIMIT, TABLE_LIMIT, PAIRS_LIMIT = 30, 24, 40
# Jobs of one sum for each worker: the last to finish keeps the others waiting for half of one.
JOBS_OF_WORKER = 16


def refuse(n, limit, what, way_out):
    """Raise TooManyStates if ``what`` asks for more than 2**limit states."""
    if n > limit:
        raise TooManyStates(
            f"{what} asks for 2**{n:.4g} states and the limit is 2**{limit}. {way_out}"
        )


def listed_layer(params):
    """Return which layer of an RBM an exact sum lists, "hidden" or "visible", and its states.

    The value does not depend on the layer that is listed; the time does, exponentially.

    Returns
    -------
    name : str
        The layer with fewer states; the hidden one where visible states cannot be listed.
    bits : float
        The logarithm of its number of states, by base 2.
    """
    visible = params.visible.factors(params.n_visible)
    if visible is not None:
        bits = sum(math.log2(len(factor)) for factor in visible)
        if bits < params.n_hidden:
            return "visible", bits
    return "hidden", float(params.n_hidden)


def smaller_listed(params):
    """Return an RBM of bits as (weights, analytic bias, enumerated bias): the smaller listed."""
    W, b, c = params.components, params.intercept_visible, params.intercept_hidden
    if listed_layer(params)[0] == "hidden":
        return np.ascontiguousarray(W.T), b, c
    return W, c, b


def log_z(params, *, n_jobs=1, progress=None):
    """Return log of the sum over all states of both layers of exp(-energy), as a float.

    Of continuous units the sum is an integral. ``n_jobs`` and ``progress`` are as in
    ``log_partition`` and ``enumeration.partial_sums``.
    """
    params, constant = params.in_bits()
    name, bits = listed_layer(params)
    layer = "smaller" if params.visible.factors(params.n_visible) else "hidden"
    refuse(
        bits,
        SUM_LIMIT,
        "log Z",
        f"Give the {layer} layer at most {SUM_LIMIT} units, or estimate log Z of the RBM: "
        "RBM(likelihood='auto'), log_partition(rbm, method=AIS()). transform and sample need no "
        "such sum.",
    )
    if params.over_bits:
        value = constant + _log_z(smaller_listed(params), n_jobs, progress)
    else:
        value = constant + plain.log_sum(params, name, progress)
    return _checked(value)


def _checked(value):
    if not np.isfinite(value):
        raise ValueError(
            "log Z asks for weights and intercepts whose sizes sum to less than 2**50, and these "
            "are larger. Train with a lower learning rate or weight decay."
        )
    return value


def _log_z(terms, n_jobs, progress):
    n_parts = enumeration.n_parts(*terms[0].shape)
    n_workers = min(n_parts, effective_n_jobs(n_jobs))
    if n_workers == 1:
        return enumeration.log_partition(*terms, progress=progress)
    n_pieces = min(n_parts, JOBS_OF_WORKER * n_workers)
    cuts = [n_parts * piece // n_pieces for piece in range(n_pieces + 1)]
    pieces = [(*terms, first, last) for first, last in pairwise(cuts)]
    found = []
    for piece in jobs.run(enumeration.partial_sums, pieces, n_jobs):
        found.append(piece)
        if progress is not None:
            progress(len(found), n_pieces)
    return enumeration.fold(*map(np.concatenate, zip(*found)))


def visible_log_marginal(params):
    """Return log p(v) of an RBM for all states v of its bits, of shape (2**n_visible,).

    The visible units have two states each, of which bit j of an index says unit j's.
    """
    bits, _ = params.in_bits()
    refuse(
        bits.n_visible,
        TABLE_LIMIT,
        "The marginal of an RBM's visible units",
        "Give the layer below it fewer units, or bound it by VariationalBound().",
    )
    table = enumeration.log_weights(bits.components, bits.intercept_hidden, bits.intercept_visible)
    # All weights are there: their sum is log Z, without another sum over states.
    top = _checked(float(table.max()))
    return table - (top + math.log(float(np.exp(table - top).sum())))
