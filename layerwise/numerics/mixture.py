"""Sums over 2^n latent states for many rows at once, as matrix products.

For rows x and states h let e(x, h) = exp(field_x . h). With the bits of h split into a low and a
high half, e(x, h) = high[x, h_high] * low[x, h_low]: two small tables instead of one of 2^n. Then

    sum_h table(h) e(x, h)    = rowsums of (high @ table) * low
    sum_x weight(x) e(x, h)   = (high * weight)^T @ low

are products of matrices, with no exponential per row and state. Both factors are scaled by their
own maxima, so all of their values lie in [0, 1], and what underflows is below 1e-307. So a sum that
comes out above ``SAFE`` has lost less than one unit in the last place; where it does not, the row
(or the state) is summed again in the log domain, which is slower and exact at any field.
"""

import numpy as np

from layerwise.numerics.products import product
from layerwise.numerics.special import log, log_sum_exp

# Below this a sum of up to 2**26 terms, each of them off by at most 1e-307, could have lost more
# than one part in 1e16.
SAFE = 1e-280
LOG_SAFE = np.log(SAFE)
# Values of one block on the log-domain path: 8 MB, so that it stays near the processor.
BLOCK = 2**20


def linear_sums(fields):
    """Return field . h for all states h of the units, for each row.

    Parameters
    ----------
    fields : ndarray of shape (n_rows, n)

    Returns
    -------
    ndarray of shape (n_rows, 2**n)
        Bit j of the column's index is the state of unit j.
    """
    n_rows, n = fields.shape
    sums = np.zeros((n_rows, 2**n))
    for j in range(n):
        np.add(sums[:, : 2**j], fields[:, j : j + 1], out=sums[:, 2**j : 2 ** (j + 1)])
    return sums


class Factors:
    """exp(field . h) for rows and all states h, kept as two factors.

    Parameters
    ----------
    fields : ndarray of shape (n_rows, n), float64
        Memory is two arrays of n_rows x 2**(n/2) values.
    """

    def __init__(self, fields):
        self.fields = fields
        self.n = fields.shape[1]
        half = self.n // 2
        # The largest exponent is the sum of the positive fields: what every factor is scaled by.
        self.scale = np.maximum(fields, 0).sum(axis=1)
        self.low = self._factor(fields[:, :half])
        self.high = self._factor(fields[:, half:])

    @staticmethod
    def _factor(fields):
        exponents = linear_sums(fields)
        exponents -= np.maximum(fields, 0).sum(axis=1, keepdims=True)
        return np.exp(exponents, out=exponents)

    def log_sums(self, log_table):
        """Return log sum_h exp(log_table[h] + field . h), for each row.

        Parameters
        ----------
        log_table : ndarray of shape (2**n,)

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        top = log_table.max()
        if not np.isfinite(top):
            return np.full(len(self.fields), top)
        table = np.exp(log_table - top).reshape(self.high.shape[1], self.low.shape[1])
        sums = np.einsum("ij,ij->i", product(self.high, table), self.low)
        with np.errstate(invalid="ignore"):
            result = log(sums) + self.scale + top
        for row in np.flatnonzero(~(sums > SAFE)):
            result[row] = self._log_sum_of_row(row, log_table)
        return result

    def _log_sum_of_row(self, row, log_table):
        half = self.n // 2
        low = linear_sums(self.fields[row : row + 1, :half])[0]
        high = linear_sums(self.fields[row : row + 1, half:])[0]
        table = log_table.reshape(len(high), len(low))
        step = max(1, BLOCK // len(low))
        parts = [
            log_sum_exp(table[at : at + step] + high[at : at + step, None] + low)
            for at in range(0, len(high), step)
        ]
        return log_sum_exp(np.array(parts))

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
        top = exponents.max()
        weighted = self.high * np.exp(exponents - top)[:, None]
        sums = product(weighted.T, self.low).ravel()
        result = log(np.maximum(sums, SAFE)) + top
        again = np.flatnonzero(~(sums > SAFE) & (result > floor))
        step = max(1, BLOCK // max(1, len(self.fields)))
        for at in range(0, len(again), step):
            index = again[at : at + step]
            states = (index[:, None] >> np.arange(self.n) & 1).astype(float)
            terms = product(states, self.fields.T, start=log_weights)
            result[index] = log_sum_exp(terms, axis=1)
        return result
