"""Matrix products with the same bits for any number of threads."""

import numpy as np

from layerwise._kernels import _product
from layerwise.numerics import threads
from layerwise.numerics.status import check


def product(a, b, bias=None, *, transpose_a=False, transpose_b=False):
    """Return ``a @ b + bias``, each factor transposed if asked.

    The sum behind each element is taken in one order, whatever the number of threads; BLAS does
    not promise that. The result has the dtype of ``a``; the others are cast to it.

    Parameters
    ----------
    a : ndarray of shape (m, depth), or (depth, m) if ``transpose_a``; float32 or float64
    b : ndarray of shape (depth, n), or (n, depth) if ``transpose_b``
    bias : ndarray of shape (n,), default=None
        Zero if None.

    Returns
    -------
    ndarray of shape (m, n)
    """
    a = np.ascontiguousarray(a)
    b = np.ascontiguousarray(b, dtype=a.dtype)
    m, depth = a.shape[::-1] if transpose_a else a.shape
    n = b.shape[0] if transpose_b else b.shape[1]
    bias = np.zeros(n, a.dtype) if bias is None else np.ascontiguousarray(bias, dtype=a.dtype)
    out = np.empty((m, n), dtype=a.dtype)
    n_threads = threads.count(m * n * depth)
    check(_product.product(a, b, bias, transpose_a, transpose_b, n_threads, out))
    return out
