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

from layerwise._kernels import _states
from layerwise.numerics import threads
from layerwise.numerics.status import check

# Log Z and moments, in sums of log Z alone.
MOMENTS_COST, SINGLE_COST = 5, 3


def _as_arrays(weights, analytic_bias, enumerated_bias):
    return (
        np.ascontiguousarray(weights, dtype=np.float64),
        np.ascontiguousarray(analytic_bias, dtype=np.float64),
        np.ascontiguousarray(enumerated_bias, dtype=np.float64),
    )


def _hire(m, n, cost):
    """Return the number of threads and their scratch memory."""
    n_threads = threads.count(cost * (m + 1) << n)
    return n_threads, np.empty(_states.scratch(m, n, n_threads))


def _ranges(n_chunks):
    """Cut chunks into calls of a fraction of a second: between two, Ctrl-C is heard."""
    for first in range(0, n_chunks, _states.MOST_CHUNKS):
        yield first, min(first + _states.MOST_CHUNKS, n_chunks)


def _fold(mantissa, exponent):
    """Return the sum of mantissa * 2**exponent, as a pair of the same kind."""
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
        Index behind the last state; None means ``2**n``.

    Returns
    -------
    ndarray of shape (last - first, n), float64
        Bit j of a state's index is column j.
    """
    index = np.arange(first, 2**n if last is None else last, dtype=np.int64)
    return (index[:, np.newaxis] >> np.arange(n) & 1).astype(np.float64)


def log_partition(weights, analytic_bias, enumerated_bias):
    """Log of the sum of f(h) over all states h: log Z, in nats.

    Memory does not grow with the number of states. The same bits are returned for any number of
    threads.

    Parameters
    ----------
    weights : array-like of shape (n_analytic, n_enumerated)
    analytic_bias : array-like of shape (n_analytic,)
    enumerated_bias : array-like of shape (n_enumerated,)

    Returns
    -------
    float
    """
    layers = _as_arrays(weights, analytic_bias, enumerated_bias)
    n_chunks = _states.chunks(layers[0].shape[1])
    n_threads, memory = _hire(*layers[0].shape, 1)
    parts = []
    for first, last in _ranges(n_chunks):
        mantissa = np.empty(last - first)
        exponent = np.empty(last - first, dtype=np.int64)
        check(_states.sums(*layers, first, last, n_threads, memory, mantissa, exponent))
        parts.append(_fold(mantissa, exponent))
    mantissas, exponents = zip(*parts)
    total, most = _fold(np.array(mantissas), np.array(exponents))
    return math.log(total) + most * math.log(2)


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
    n = layers[0].shape[1]
    n_chunks = _states.chunks(n)
    size = 2**n // n_chunks
    n_threads, memory = _hire(*layers[0].shape, 1)
    log_weight = np.empty(2**n)
    for first, last in _ranges(n_chunks):
        part = log_weight[first * size : last * size]
        check(_states.logs(*layers, first, last, n_threads, memory, part))
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
        self._n_threads, self._memory = _hire(m, n, SINGLE_COST if single else MOMENTS_COST)
        self._slab = np.empty(_states.slabs(m, n))
        self._log_z = np.empty(1)
        self._moments = np.empty(m), np.empty(n), np.empty((m, n))

    def __call__(self, weights, analytic_bias, enumerated_bias):
        """Return what ``moments`` returns, in arrays that the next call overwrites."""
        layers = _as_arrays(weights, analytic_bias, enumerated_bias)
        for first, last in _ranges(_states.chunks(layers[0].shape[1])):
            check(
                _states.moments(
                    *layers, first, last, self._single, self._n_threads, self._memory, self._slab
                )
            )
        check(_states.fold(self._slab, self._log_z, *self._moments))
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
