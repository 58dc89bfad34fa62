"""Rows that are dense, or sparse (CSR): sparse ones are made dense a block at a time."""

import numpy as np
from scipy.sparse import hstack, issparse

__all__ = [
    "blocks",
    "by_blocks",
    "calls",
    "column_moments",
    "column_variances",
    "dense",
    "issparse",
    "mean_by_shares",
    "share_of_ones",
    "side_by_side",
]

# Of rows that are made dense at a time: they stay near the processor, and are some batches.
BLOCK_BYTES = 2**24
# Multiply-adds of a call in training, of which a core does some 40 in a nanosecond: 0.2 s.
CALL_WORK = 2**33


def dense(X, dtype=None):
    """Return rows as an ndarray, C-contiguous: dense ones as they are, but for the dtype."""
    X = X.toarray(order="C") if issparse(X) else X
    return np.ascontiguousarray(X, dtype=dtype)


def blocks(n_rows, n_columns, itemsize, multiple=1):
    """Return slices of rows that are few enough to be made dense.

    Parameters
    ----------
    n_rows, n_columns, itemsize : int
    multiple : int, default=1
        All blocks begin at such a multiple, and have as many rows at least, unless there are fewer
        in all.

    Returns
    -------
    list of slice
    """
    size = max(1, BLOCK_BYTES // (multiple * max(1, n_columns) * itemsize)) * multiple
    starts = [at for at in range(0, n_rows, size) if at == 0 or n_rows - at >= multiple]
    return [slice(at, end) for at, end in zip(starts, [*starts[1:], n_rows])]


def calls(n_rows, batch_size, work):
    """Return slices of a pass's rows that take a call each: between two, Ctrl-C is heard.

    Parameters
    ----------
    n_rows, batch_size : int
    work : int
        Multiply-adds of a batch.

    Returns
    -------
    list of slice
        Of whole batches; a call's part of the last one would be moved another way.
    """
    size = batch_size * max(1, CALL_WORK // max(1, work))
    starts = [at for at in range(0, n_rows, size) if at == 0 or n_rows - at >= batch_size]
    return [slice(at, end) for at, end in zip(starts, [*starts[1:], n_rows])]


def by_blocks(function, X):
    """Return ``function(X)``, of which each row of the result depends on the same row of X alone.

    Parameters
    ----------
    function : callable
        Takes dense rows, and returns an ndarray of as many.
    X : ndarray or sparse of shape (n_rows, n_columns)

    Returns
    -------
    ndarray
    """
    if not issparse(X):
        return function(X)
    here = blocks(*X.shape, X.dtype.itemsize)
    return np.concatenate([function(dense(X[rows])) for rows in here or [slice(0, 0)]])


def column_moments(X, weights=None, power=1):
    """Return the sums over rows of weight times value, or times a power of it.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_columns)
    weights : ndarray of shape (n_rows,), default=None
        All 1 if None.
    power : int, default=1

    Returns
    -------
    ndarray of shape (n_columns,), float64
        Summed row by row: the same bits for sparse rows as for dense ones.
    """
    if not issparse(X) or X.shape[1] == 1:  # numpy sums a single column in another order
        X = dense(X)
        X = X if power == 1 else X.astype(np.float64) ** power
        return (X if weights is None else weights[:, None] * X).sum(axis=0, dtype=np.float64)
    values = X.data.astype(np.float64) ** power
    if weights is not None:
        values *= np.repeat(weights, np.diff(X.indptr))
    return np.bincount(X.indices, values, minlength=X.shape[1])


def column_variances(X, weights=None):
    """Return the variances of columns, by their definition, as ``column_moments`` sums.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_columns)
    weights : ndarray of shape (n_rows,), default=None
        All 1 if None.

    Returns
    -------
    ndarray of shape (n_columns,), float64
    """
    if issparse(X):
        columns = X.tocsc()  # two at a time at least: a single one is summed in another order
        here = blocks(X.shape[1], X.shape[0], 8, multiple=2)
        parts = [column_variances(dense(columns[:, some]), weights) for some in here]
        return np.concatenate(parts)
    if weights is None:
        return X.var(axis=0, dtype=np.float64)
    mean = column_moments(X, weights) / weights.sum()
    return column_moments(X - mean, weights, power=2) / weights.sum()


def mean_by_shares(values, shares):
    """Return the mean over the last axis, whose parts in it are shares, or equal if None."""
    return values.mean(axis=-1) if shares is None else (values * shares).sum(axis=-1)


def side_by_side(parts):
    """Return the columns of some matrices in one, which is sparse (CSR) if they are."""
    if issparse(parts[0]):
        return hstack(parts, format="csr")
    return np.concatenate(parts, axis=1)


def share_of_ones(X):
    """Return the share of ones of all numbers, or -1 if some are neither zero nor one.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_columns)

    Returns
    -------
    float
    """
    values = X.data if issparse(X) else X
    ones = np.count_nonzero(values == 1)
    if ones + np.count_nonzero(values == 0) < values.size:
        return -1.0
    return ones / (X.shape[0] * X.shape[1])
