"""Exact sums over all states of an enumerated layer.

Two layers of 0/1 units are coupled by weights W: m *analytic* units, which are summed in closed
form, and n *enumerated* units, all of whose states h are listed,

    f(h) = exp(c.h) prod_i (1 + exp(a_i + (W h)_i)).

Bit j of a state's index is unit j. Sums cost about 2**n * m multiplications; callers decide how
many states are too many. Logarithms are natural, so results are in nats. Weights and biases may
be any finite numbers whose sizes sum to less than 2**50; for others, results are NaN.
"""

import math

import numpy as np

from layerwise._kernels import _enumerate
from layerwise.numerics import runtime
from layerwise.numerics.status import check

# Log Z and moments, in sums of log Z alone.
MOMENTS_COST, SINGLE_COST = 5, 3

# States under given weights are left out in tiles that weigh less than this part of all: 2**17
# tiles (24 units) weigh less than 2**-47 together. Below LEAST sizes are no normal numbers.
NEGLIGIBLE, LEAST = 2.0**-64, 2.0**-1000

# Most pairs of a state and a unit in one call: between two, Ctrl-C is heard. They take a core
# 0.02 s, their moments 0.1 s, wide units 0.3 s; the tables of the call, built anew, take less than
# a hundredth of that. Never more than MOST_CHUNKS, and enough for all threads.
CALL_WORK, LEAST_CHUNKS, MOST_CHUNKS = 2**28, 16, 1024


def _as_arrays(weights, analytic_bias, enumerated_bias):
    return (
        np.ascontiguousarray(weights, dtype=np.float64),
        np.ascontiguousarray(analytic_bias, dtype=np.float64),
        np.ascontiguousarray(enumerated_bias, dtype=np.float64),
    )


def _workspace(m, n, cost):
    """Return the number of threads and their scratch memory."""
    n_threads = runtime.count(cost * (m + 1) << n)
    return n_threads, np.empty(_enumerate.scratch(m, n, n_threads))


def _chunks_of_call(m, n):
    """Return how many chunks a call takes, a power of two: a function of the sizes alone."""
    n_chunks = _enumerate.chunks(n)
    size = MOST_CHUNKS
    while size > LEAST_CHUNKS and size * (m + 1) * (2**n // n_chunks) > CALL_WORK:
        size //= 2
    return min(size, n_chunks)


def _ranges(m, n):
    """Cut chunks into calls of a fraction of a second."""
    size = _chunks_of_call(m, n)
    for first in range(0, _enumerate.chunks(n), size):
        yield first, first + size


def _fold(mantissa, exponent):
    """Return the sum of mantissa * 2**exponent, as a pair of the same kind.

    It is rounded once, so that it does not depend on the order.
    """
    most = int(exponent.max())
    # Below 2**-1100 nothing is left of a mantissa; the clip keeps exponents small integers.
    below = np.maximum(exponent - most, -1100)
    return math.fsum(np.ldexp(mantissa, below).tolist()), most


def all_states(n, first=0, last=None):
    """States of ``n`` 0/1 units, in the order of their index.

    Parameters
    ----------
    n : int
    first : int, default=0
        Index of the first state.
    last : int, default=None
        Index after the last state; None means ``2**n``.

    Returns
    -------
    ndarray of shape (last - first, n), float64
        Bit j of a state's index is column j.
    """
    index = np.arange(first, 2**n if last is None else last, dtype=np.int64)
    return (index[:, np.newaxis] >> np.arange(n) & 1).astype(np.float64)


def n_parts(n_analytic, n_enumerated):
    """Number of parts of the sum whose logarithm is log Z: a power of two, 1 of small sums.

    Parameters
    ----------
    n_analytic, n_enumerated : int
        Sizes of the layers.

    Returns
    -------
    int
        Part k holds the states whose top bits are k.
    """
    return _enumerate.chunks(n_enumerated) // _chunks_of_call(n_analytic, n_enumerated)


def partial_sums(weights, analytic_bias, enumerated_bias, first=0, last=None, *, progress=None):
    """Some of the parts of the sum whose logarithm is log Z, each as mantissa * 2**exponent.

    Each part is a function of its index alone. So a sum may be spread over machines by hand, and
    ``fold`` returns the bits of one machine with the same instruction set.

    Parameters
    ----------
    weights : array-like of shape (n_analytic, n_enumerated)
    analytic_bias : array-like of shape (n_analytic,)
    enumerated_bias : array-like of shape (n_enumerated,)
    first : int, default=0
    last : int, default=None
        After the last part; None means ``n_parts(n_analytic, n_enumerated)``.
    progress : callable, default=None
        Called after each part with the numbers of parts done and to do.

    Returns
    -------
    mantissa : ndarray of shape (last - first,), float64
    exponent : ndarray of shape (last - first,), int64
    """
    layers = _as_arrays(weights, analytic_bias, enumerated_bias)
    m, n = layers[0].shape
    last = n_parts(m, n) if last is None else last
    n_threads, memory = _workspace(m, n, 1)
    size = _chunks_of_call(m, n)
    chunk_mantissa, chunk_exponent = np.empty(size), np.empty(size, dtype=np.int64)
    mantissa, exponent = np.empty(last - first), np.empty(last - first, dtype=np.int64)
    for part in range(first, last):
        status = _enumerate.sums(
            *layers, part * size, (part + 1) * size, n_threads, memory, chunk_mantissa,
            chunk_exponent,
        )  # fmt: skip
        check(status)
        mantissa[part - first], exponent[part - first] = _fold(chunk_mantissa, chunk_exponent)
        if progress is not None:
            progress(part + 1 - first, last - first)
    return mantissa, exponent


def fold(mantissa, exponent):
    """Log of the sum of mantissa * 2**exponent: log Z, in nats, from all its parts.

    Parameters
    ----------
    mantissa : ndarray of shape (n_parts,), float64
    exponent : ndarray of shape (n_parts,), int64
        In any order: the sum is rounded once.

    Returns
    -------
    float
    """
    total, most = _fold(mantissa, exponent)
    return math.log(total) + most * math.log(2)


def log_partition(weights, analytic_bias, enumerated_bias, *, progress=None):
    """Log of the sum of f(h) over all states h: log Z, in nats.

    Memory does not grow with the number of states. The same bits are returned for any number of
    threads.

    Parameters
    ----------
    weights : array-like of shape (n_analytic, n_enumerated)
    analytic_bias : array-like of shape (n_analytic,)
    enumerated_bias : array-like of shape (n_enumerated,)
    progress : callable, default=None
        As in ``partial_sums``.

    Returns
    -------
    float
    """
    return fold(*partial_sums(weights, analytic_bias, enumerated_bias, progress=progress))


def log_weights(weights, analytic_bias, enumerated_bias):
    """Table of log f(h) for all states h, in nats.

    With ``enumerated_bias`` 0 this is the sum over analytic units of softplus(a_i + (W h)_i).

    Parameters
    ----------
    weights : array-like of shape (n_analytic, n_enumerated)
    analytic_bias : array-like of shape (n_analytic,)
    enumerated_bias : array-like of shape (n_enumerated,)

    Returns
    -------
    ndarray of shape (2**n_enumerated,), float64
        Bit j of an index is the state of enumerated unit j.
    """
    layers = _as_arrays(weights, analytic_bias, enumerated_bias)
    m, n = layers[0].shape
    size = 2**n // _enumerate.chunks(n)
    n_threads, memory = _workspace(m, n, 1)
    log_weight = np.empty(2**n)
    for first, last in _ranges(m, n):
        part = log_weight[first * size : last * size]
        check(_enumerate.logs(*layers, first, last, n_threads, memory, part))
    return log_weight


class Moments:
    """The moments of two layers, again and again in the same memory.

    Parameters
    ----------
    n_analytic, n_enumerated : int
        Sizes of the layers.
    single : bool, default=False
        As in ``moments``.
    """

    def __init__(self, n_analytic, n_enumerated, *, single=False):
        m, n = n_analytic, n_enumerated
        self._single = single
        self._n_threads, self._memory = _workspace(m, n, SINGLE_COST if single else MOMENTS_COST)
        self._slab = np.empty(_enumerate.slabs(m, n))
        self._log_z = np.empty(1)
        self._moments = np.empty(m), np.empty(n), np.empty((m, n))

    def __call__(self, weights, analytic_bias, enumerated_bias):
        """Return what ``moments`` returns, in arrays that the next call overwrites."""
        layers = _as_arrays(weights, analytic_bias, enumerated_bias)
        for first, last in _ranges(*layers[0].shape):
            check(
                _enumerate.moments(
                    *layers, first, last, self._single, self._n_threads, self._memory, self._slab
                )
            )
        check(_enumerate.fold(self._slab, self._log_z, *self._moments))
        return float(self._log_z[0]), *self._moments


def moments(weights, analytic_bias, enumerated_bias, *, single=False):
    """log Z and the first and cross moments of two coupled layers, by one sweep over all states.

    The states v of the analytic and h of the enumerated units have the distribution
    p(v, h) = exp(a.v + c.h + v.W h) / Z. States are left out where they weigh, together, less
    than 2**-40 of Z.

    Parameters
    ----------
    weights : array-like of shape (n_analytic, n_enumerated)
    analytic_bias : array-like of shape (n_analytic,)
    enumerated_bias : array-like of shape (n_enumerated,)
    single : bool, default=False
        Whether E[v] and E[v h^T] may have relative errors of about 3e-7 (never above 2e-6) for
        the sake of speed: the states' weights, log Z and E[h] are computed in float64, the shares
        of the analytic units in float32.

    Returns
    -------
    log_z : float
        In nats.
    mean_analytic : ndarray of shape (n_analytic,)
        E[v].
    mean_enumerated : ndarray of shape (n_enumerated,)
        E[h].
    correlation : ndarray of shape (n_analytic, n_enumerated)
        E[v h^T]. With the means, the derivatives of log Z by weights and biases.
    """
    layers = _as_arrays(weights, analytic_bias, enumerated_bias)
    return Moments(*layers[0].shape, single=single)(*layers)


class MomentsUnder:
    """Moments of analytic units under given weights of the states, again in the same memory.

    Parameters
    ----------
    n_analytic, n_enumerated : int
        Sizes of the layers.
    single : bool, default=False
        Whether shares of the analytic units may have errors of float32, as in ``moments``.
    """

    def __init__(self, n_analytic, n_enumerated, *, single=False):
        m, n = self._sizes = n_analytic, n_enumerated
        self._single = single
        self._n_threads, self._memory = _workspace(m, n, SINGLE_COST if single else MOMENTS_COST)
        self._slab = np.empty(_enumerate.slabs(m, n))

    def __call__(self, weights, analytic_bias, given):
        """Return sums over all states h: of g, g E[v | h], g h and g E[v | h] h^T, with g given.

        Parameters
        ----------
        weights : array-like of shape (n_analytic, n_enumerated)
            The analytic units v have the log-odds ``analytic_bias + weights @ h``.
        analytic_bias : array-like of shape (n_analytic,)
        given : ndarray of shape (2**n_enumerated,), float64
            Finite; of either sign. Bit j of an index is the state of enumerated unit j.

        Returns
        -------
        total : float
        analytic : ndarray of shape (n_analytic,)
        enumerated : ndarray of shape (n_enumerated,)
        products : ndarray of shape (n_analytic, n_enumerated)
        """
        m, n = self._sizes
        weights, analytic_bias, nothing = _as_arrays(weights, analytic_bias, np.zeros(n))
        given = np.ascontiguousarray(given, dtype=np.float64)
        least = max(NEGLIGIBLE * float(np.abs(given).sum()), LEAST)
        for first, last in _ranges(m, n):
            check(
                _enumerate.under(
                    weights, analytic_bias, nothing, given, least, first, last, self._single,
                    self._n_threads, self._memory, self._slab,
                )
            )  # fmt: skip
        sums = self._slab[:, :-1].sum(axis=0).reshape(m + 1, n + 1)
        return float(sums[m, 0]), sums[:m, 0].copy(), sums[m, 1:].copy(), sums[:m, 1:].copy()


def moments_under(weights, analytic_bias, given):
    """Moments of analytic units under given weights of the states: see ``MomentsUnder``."""
    weights = np.asarray(weights)
    return MomentsUnder(*weights.shape)(weights, analytic_bias, given)
