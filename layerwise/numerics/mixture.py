"""Sums over 2^n latent states for many rows at once, as matrix products.

For rows x and states h let e(x, h) = exp(field_x . h). With the bits of h split into a low and a
high half, e(x, h) = high[x, h_high] * low[x, h_low]: two small tables instead of one of 2^n. Then

    sum_h table(h) e(x, h)    = rowsums of (high @ table) * low
    sum_x weight(x) e(x, h)   = (high * weight)^T @ low

are products of matrices, with no exponential per row and state. Both factors are scaled by their
own maxima, so all of their values lie in [0, 1], and what underflows is below 1e-307. So a sum
that comes out above ``SAFE`` has lost less than one unit in the last place; where it does not, the
row (or the state) is summed again in the log domain, which is exact at any finite fields. Logs of
weights may be -inf.
"""

import numpy as np

from layerwise._kernels import _mixture
from layerwise.numerics import runtime
from layerwise.numerics.products import product
from layerwise.numerics.special import log
from layerwise.numerics.status import check

# Below this a sum of up to 2**26 terms, each of them off by at most 1e-307, could have lost more
# than one part in 1e16.
SAFE = 1e-280


def _bits(states, n):
    """Return the states of n units at some indices, as columns."""
    return (states >> np.arange(n)[:, None] & 1).astype(float)


def _scaled_exponentials(fields):
    """Return exp(field . h) over its maximum over all states h, for each row.

    One exponential per unit instead of one per state: each state's is a product of theirs.
    """
    n_rows, n = fields.shape
    on, off = np.exp(np.minimum(fields, 0)), np.exp(-np.maximum(fields, 0))
    values = np.empty((n_rows, 2**n))
    values[:, 0] = 1
    for j in range(n):
        without = values[:, : 2**j]
        np.multiply(without, on[:, j : j + 1], out=values[:, 2**j : 2 ** (j + 1)])
        without *= off[:, j : j + 1]
    return values


def _picked(a, b, uniforms, row=None):
    """Return for each row an index, drawn in proportion to a[i] * b[i], or a[i] * b[row[i]]."""
    index = np.empty(len(a), dtype=np.int64)
    row = index[:0] if row is None else row
    n_threads = runtime.count(2 * a.size)
    check(_mixture.pick(a, b, row, np.ascontiguousarray(uniforms), n_threads, index))
    return index


class Table:
    """Weights of all states h, ready to be summed over for any rows.

    Parameters
    ----------
    log_weights : ndarray of shape (2**n,), float64
        Bit j of an index is the state of unit j.
    """

    def __init__(self, log_weights):
        n = len(log_weights).bit_length() - 1
        self.log_weights = log_weights.reshape(-1, 2 ** (n // 2))
        self.limit = self.log_weights.max(axis=1)
        self.top = self.limit.max()
        if np.isfinite(self.top):
            self.weights = np.exp(self.log_weights - self.top)


class Factors:
    """exp(field . h) for rows and all states h, kept as two factors.

    Parameters
    ----------
    fields : ndarray of shape (n_rows, n), float64
        Memory is two arrays of n_rows x 2**(n/2) values, and up to three more during a call.
    """

    def __init__(self, fields):
        self.fields = fields
        self.n = fields.shape[1]
        self.half = self.n // 2
        # The largest exponent is the sum of the positive fields: what every factor is scaled by.
        self.scale = np.maximum(fields, 0).sum(axis=1)
        self.low = _scaled_exponentials(fields[:, : self.half])
        self.high = _scaled_exponentials(fields[:, self.half :])

    def log_sums(self, table):
        """Return log sum_h weight(h) exp(field . h), for each row.

        Parameters
        ----------
        table : Table

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        return self._summed(table)[0]

    def _summed(self, table):
        """Return the sums' logarithms, their terms by low state, scaled, and rows done apart."""
        if not np.isfinite(table.top):
            return np.full(len(self.fields), table.top), None, np.arange(len(self.fields))
        by_low = product(self.high, table.weights)
        sums = np.einsum("ij,ij->i", by_low, self.low)
        result = log(sums) + self.scale + table.top
        again = np.flatnonzero(sums <= SAFE)  # a sum that is NaN stays so
        if len(again):
            result[again] = self._log_sums_apart(again, table)
        return result, by_low, again

    def _exponents(self, rows, table):
        """Return fields . h of some rows, for all states of the low and of the high half."""
        n_high, n_low = table.log_weights.shape
        low, high = np.split(self.fields[rows], [self.half], axis=1)
        low = product(low, _bits(np.arange(n_low), self.half))
        return low, product(high, _bits(np.arange(n_high), self.n - self.half))

    def _log_sums_apart(self, rows, table):
        low, high = self._exponents(rows, table)
        sums = np.empty(len(rows))
        n_threads = runtime.count(len(rows) << self.n)
        check(_mixture.rows(low, high, table.log_weights, table.limit, n_threads, sums))
        return sums

    def log_sums_and_means(self, table):
        """Return the sums of ``log_sums``, and the means of h under their terms.

        Parameters
        ----------
        table : Table
            Of which not all weights are zero.

        Returns
        -------
        sums : ndarray of shape (n_rows,)
        means : ndarray of shape (n_rows, n)
        """
        sums, by_low, again = self._summed(table)
        by_low *= self.low
        by_high = product(self.low, table.weights.T) * self.high
        means = np.empty((len(self.fields), self.n))
        halves = (by_low, slice(0, self.half)), (by_high, slice(self.half, self.n))
        for share, columns in halves:
            with np.errstate(invalid="ignore", divide="ignore"):
                share /= share.sum(axis=1, keepdims=True)
            n = columns.stop - columns.start
            means[:, columns] = product(share, _bits(np.arange(2**n), n).T)
        if len(again):
            means[again] = self._means_apart(again, table, sums[again])
        return sums, means

    def _shares_apart(self, rows, table, sums):
        low, high = self._exponents(rows, table)
        by_low, by_high = np.empty_like(low), np.empty_like(high)
        n_threads = runtime.count(len(rows) << self.n)
        check(
            _mixture.shares(
                low, high, table.log_weights, table.limit, sums, n_threads, by_high, by_low
            )
        )
        return by_low, by_high

    def _means_apart(self, rows, table, sums):
        by_low, by_high = self._shares_apart(rows, table, sums)
        low = product(by_low, _bits(np.arange(by_low.shape[1]), self.half).T)
        high = product(by_high, _bits(np.arange(by_high.shape[1]), self.n - self.half).T)
        return np.hstack([low, high])

    def draw(self, table, uniforms):
        """Return the index of a state of each row, drawn by the terms of its sum.

        The high half is drawn by its share of the sum, then the low half given the high one.

        Parameters
        ----------
        table : Table
            Of which not all weights are zero.
        uniforms : ndarray of shape (n_rows, 2)
            In [0, 1).

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        first, second = uniforms.T
        by_high = product(self.low, table.weights.T)
        high = _picked(by_high, self.high, first)
        low = _picked(self.low, table.weights, second, high)
        again = np.flatnonzero(~(np.einsum("ij,ij->i", by_high, self.high) > SAFE))
        if len(again):
            high[again], low[again] = self._drawn_apart(again, table, uniforms[again])
        return high << self.half | low

    def _drawn_apart(self, rows, table, uniforms):
        first, second = uniforms.T
        by_high = self._shares_apart(rows, table, self._log_sums_apart(rows, table))[1]
        high = _picked(by_high, np.ones_like(by_high), first)
        exponents = table.log_weights[high] + self._exponents(rows, table)[0]
        by_low = np.exp(exponents - exponents.max(axis=1, keepdims=True))
        return high, _picked(by_low, np.ones_like(by_low), second)

    def log_sums_over_rows(self, log_weights, floor=-np.inf):
        """Return log sum_x exp(log_weights[x] + field_x . h), for each state h.

        Parameters
        ----------
        log_weights : ndarray of shape (n_rows,)
        floor : float or ndarray of shape (2**n,), default=-inf
            A state whose sum is certainly below its floor need not be exact: an upper bound of it
            that is below the floor is returned.

        Returns
        -------
        ndarray of shape (2**n,)
        """
        exponents = log_weights + self.scale
        top = exponents.max(initial=-np.inf)
        if not np.isfinite(top):
            return np.full(2**self.n, top)
        weighted = self.high * np.exp(exponents - top)[:, None]
        sums = product(weighted.T, self.low).ravel()
        result = log(np.maximum(sums, SAFE)) + top
        again = np.flatnonzero((sums <= SAFE) & (result > floor))
        if len(again):
            result[again] = self._log_sums_over_rows_apart(again, log_weights)
        return result

    def _log_sums_over_rows_apart(self, states, log_weights):
        highs, i = np.unique(states >> self.half, return_inverse=True)
        lows, j = np.unique(states & (1 << self.half) - 1, return_inverse=True)
        low, high = np.split(self.fields.T, [self.half])
        low = product(_bits(lows, self.half).T, low)
        high = product(_bits(highs, self.n - self.half).T, high, start=log_weights)
        sums = np.empty(len(states))
        n_threads = runtime.count(len(states) * len(self.fields))
        check(_mixture.cells(high, low, i * len(lows) + j, n_threads, sums))
        return sums
