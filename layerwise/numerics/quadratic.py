"""Convex quadratic forms over non-negative numbers, with the same bits for any number of threads.

LAPACK would not promise those. All work of third order is our own matrix product; what is left to
numpy is of second.
"""

import numpy as np
from scipy.optimize import nnls

from layerwise.numerics.products import product

# Columns of a triangular factor that are found one by one, and columns of a Gram matrix that are
# found together: narrower ones copy more, wider ones do more above the diagonal for nothing.
NARROW, WIDE = 32, 128
# Exchanges of blocks that may get no nearer.
PATIENCE = 3


def gram(rows):
    """Return rows @ rows.T, for rows of shape (n, depth)."""
    n = len(rows)
    products = np.empty((n, n))
    for k in range(0, n, WIDE):
        products[k:, k : k + WIDE] = product(rows[k:], rows[k : k + WIDE].T)
        products[k : k + WIDE, k:] = products[k:, k : k + WIDE].T
    return products


class Cholesky:
    """A symmetric positive definite matrix as lower @ lower.T, found in blocks of columns.

    Where the matrix is not positive definite there are NaN in the factor.
    """

    def __init__(self, matrix):
        n = len(matrix)
        self.lower = np.zeros_like(matrix)
        # Of the blocks on the diagonal: (first, last, inverse).
        self.blocks = []
        for k in range(0, n, NARROW):
            to = min(k + NARROW, n)
            done = self.lower[k:, :k]
            panel = product(done, done[: to - k].T, scale=-1.0, start=matrix[k:, k:to])
            inverse = _inverse_factor(panel[: to - k])
            self.lower[k:, k:to] = np.tril(product(panel, inverse.T))
            self.blocks.append((k, to, inverse))

    def half_solve(self, right):
        """Return x with lower @ x = right."""
        x = right.copy()
        for k, to, inverse in self.blocks:
            x[k:to] = _times(inverse, x[k:to] - _times(self.lower[k:to, :k], x[:k]))
        return x

    def solve(self, right):
        """Return x with lower @ lower.T @ x = right."""
        x = self.half_solve(right)
        for k, to, inverse in self.blocks[::-1]:
            x[k:to] = _times(inverse.T, x[k:to] - _times(self.lower[to:, k:to].T, x[to:]))
        return x


def _inverse_factor(block):
    """Return the inverse of Cholesky's factor of a small block, by elimination beside ones."""
    n = len(block)
    both = np.hstack([block, np.eye(n)])
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(n):
            both[j] /= np.sqrt(both[j, j])
            both[j + 1 :] -= both[j, j + 1 : n, None] * both[j]
    return both[:, n:]


def _times(matrix, vector):
    return product(matrix, vector[:, None])[:, 0]


def nonnegative_minimum(matrix, linear, free):
    """Return the minimiser of y @ matrix @ y / 2 - linear @ y over y >= 0.

    Principal pivoting in blocks (Kim and Park, 2011): where ``free`` is right about which entries
    are positive, one linear system is the answer; else all that it was wrong about are exchanged.
    That takes a few systems where an active set, one entry at a time, takes as many as there are
    positive entries; but where many of the columns are nearly dependent it does not end. Positive
    entries are few then, and the active set is taken.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), symmetric positive definite
    linear : ndarray of shape (n,)
    free : ndarray of shape (n,), bool
        A guess of the entries that are positive.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    RuntimeError
        If neither ends.
    """
    slack = 1e-12 * np.abs(linear).max()
    fewest, patience = len(linear) + 1, PATIENCE
    while patience:
        y = np.zeros(len(linear))
        y[free] = Cholesky(matrix[np.ix_(free, free)]).solve(linear[free])
        wrong = np.where(free, y < 0, _times(matrix, y) - linear < -slack)
        n_wrong = np.count_nonzero(wrong)
        if n_wrong == 0:
            return y
        patience = PATIENCE if n_wrong < fewest else patience - 1
        fewest = min(fewest, n_wrong)
        free = free ^ wrong
    whole = Cholesky(matrix)
    return nnls(whole.lower.T, whole.half_solve(linear))[0]
