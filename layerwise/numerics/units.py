"""Fields, means, states and log-partitions of layers of units."""

from functools import cache

import numpy as np

from layerwise._kernels import _units
from layerwise.numerics import runtime
from layerwise.numerics.layouts import agreed
from layerwise.numerics.products import product
from layerwise.numerics.rows import blocks, by_blocks, dense, issparse
from layerwise.numerics.status import check

# Multiply-adds that cost about as much as one exponential or one random number.
EXP_COST, RANDOM_COST = 20, 30

# A run of neighbouring units of one kind, lw_units of src/units/units.h; the codes of its kinds.
RUN = agreed(np.dtype([("kind", np.int64), ("size", np.int64)]), _units.size_of_run)
BERNOULLI, SPIN, GAUSSIAN, TRUNCATED_EXPONENTIAL, SOFTMAX = range(5)


@cache
def bernoulli_run(n_units):
    """Return the runs of a layer of Bernoulli units; not to be written to."""
    return runs_of([(BERNOULLI, n_units)] if n_units else [])


def affine(x, weights, bias, *, transpose=False):
    """Fields of a layer: a bias plus its weighted neighbours.

    Parameters
    ----------
    x : ndarray or CSR of shape (n_rows, n_in), float32 or float64
        States or means of the neighbours.
    weights : ndarray of shape (n_units, n_in), or (n_in, n_units) if transposed
        Cast to the dtype of ``x``, as is the bias.
    bias : ndarray of shape (n_units,)
    transpose : bool, default=False

    Returns
    -------
    ndarray of shape (n_rows, n_units), of the dtype of ``x``
    """
    weights = weights if transpose else weights.T
    return by_blocks(lambda rows: product(rows, weights, start=bias), x)


def means(field):
    """Means of Bernoulli units, given the field on each of them.

    Parameters
    ----------
    field : ndarray of shape (n_rows, n_units), float32 or float64

    Returns
    -------
    ndarray of shape (n_rows, n_units), of the same dtype
    """
    return unit_means(field, bernoulli_run(field.shape[1]))


def draw(mean, stream, *, step, lane):
    """States of Bernoulli units, given their means: 1 where the number at the address is below.

    Parameters
    ----------
    mean : ndarray or CSR of shape (n_rows, n_units), float32 or float64
    stream : Stream
    step, lane : int
        They complete the address (unit, row, step, lane).

    Returns
    -------
    ndarray or CSR of shape (n_rows, n_units), of the same dtype, of zeros and ones
        Of sparse means the same states, of those that are stored: zeros stay zeros.
    """
    if issparse(mean):
        return _drawn_of_sparse(mean, stream, step, lane)
    return _drawn(np.ascontiguousarray(mean), 0, stream, step, lane)


def _drawn(mean, first_row, stream, step, lane):
    state = np.empty_like(mean)
    n_threads = runtime.count(RANDOM_COST * mean.size)
    check(_units.states(mean, stream.as_array(), first_row, step, lane, n_threads, state))
    return state


def _drawn_of_sparse(mean, stream, step, lane):
    states = mean.copy()
    for here in blocks(*mean.shape, mean.dtype.itemsize):
        rows = mean[here]
        drawn = _drawn(dense(rows), here.start, stream, step, lane)
        stored = slice(mean.indptr[here.start], mean.indptr[here.stop])
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        states.data[stored] = drawn[row, mean.indices[stored]]
    return states


def uniforms(n_rows, n_units, stream, *, step, lane):
    """Numbers in [0, 1) at the addresses (unit, row, step, lane), with 32 random bits each.

    Returns
    -------
    ndarray of shape (n_rows, n_units), float64
    """
    word = np.empty((n_rows, n_units), dtype=np.uint32)
    check(
        _units.words(stream.as_array(), step, lane, runtime.count(RANDOM_COST * word.size), word)
    )
    return word * 2.0**-32


def runs_of(pairs):
    """Return runs of units from pairs of a kind's code and a number of units.

    Returns
    -------
    ndarray of shape (n_runs,), of dtype RUN
    """
    return np.array([tuple(pair) for pair in pairs], dtype=RUN)


def gaussian_units(runs):
    """Return which units are Gaussian and have a variance, of shape (n_units,)."""
    return np.repeat(runs["kind"] == GAUSSIAN, runs["size"])


def _scale_of(scale, dtype):
    return np.empty(0, dtype) if scale is None else np.ascontiguousarray(scale, dtype=dtype)


def unit_means(field, runs, scale=None):
    """Expected states of units of any kinds, given the field on each of them.

    Parameters
    ----------
    field : ndarray of shape (n_rows, n_units), float32 or float64
    runs : ndarray of shape (n_runs,), of dtype RUN
        The kinds of the units, in order; one softmax group is one run.
    scale : ndarray of shape (n_units,), default=None
        Standard deviations, read for Gaussian units alone. None where there are none.

    Returns
    -------
    ndarray of shape (n_rows, n_units), of the same dtype
    """
    field = np.ascontiguousarray(field)
    mean = np.empty_like(field)
    n_threads = runtime.count(EXP_COST * field.size)
    check(_units.unit_means(field, runs, _scale_of(scale, field.dtype), n_threads, mean))
    return mean


def unit_draws(field, runs, scale, stream, *, step, lane):
    """States of units of any kinds, drawn given the field on each of them.

    Parameters
    ----------
    field, runs, scale
        As in ``unit_means``.
    stream : Stream
    step, lane : int
        They complete the address (unit, row, step, lane), of which a draw is a function.

    Returns
    -------
    ndarray of shape (n_rows, n_units), of the same dtype
    """
    field = np.ascontiguousarray(field)
    state = np.empty_like(field)
    n_threads = runtime.count((EXP_COST + RANDOM_COST) * field.size)
    scale = _scale_of(scale, field.dtype)
    key = stream.as_array()
    check(_units.unit_draws(field, runs, scale, key, step, lane, n_threads, state))
    return state


def unit_log_partitions(field, runs, scale=None):
    """Sum over units of log sum (or integral) over states of base(state) exp(field state).

    Parameters
    ----------
    field, runs, scale
        As in ``unit_means``.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        In nats; each unit's term has the precision of the field's dtype.
    """
    field = np.ascontiguousarray(field)
    total = np.zeros(len(field))
    n_threads = runtime.count(EXP_COST * field.size)
    check(_units.unit_log_partitions(field, runs, _scale_of(scale, field.dtype), n_threads, total))
    return total
