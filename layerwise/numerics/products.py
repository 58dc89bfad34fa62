"""Matrix products with the same bits for any number of threads."""

import numpy as np

from layerwise._kernels import _product
from layerwise.numerics import runtime
from layerwise.numerics.status import check


def product(a, b, *, scale=1.0, start=None):
    """Return ``start + scale * a @ b``, with the same bits for any number of threads.

    The sum of each element is taken in one order; BLAS does not promise that.

    Parameters
    ----------
    a : ndarray of shape (m, depth), float32 or float64
        With any strides: pass ``a.T`` freely.
    b : ndarray of shape (depth, n), of the same dtype
    scale : float, default=1.0
    start : ndarray broadcastable to (m, n), default=None
        None is zero.

    Returns
    -------
    ndarray of shape (m, n), of the dtype of ``a``
    """
    c = np.empty((a.shape[0], b.shape[1]), dtype=a.dtype)
    if start is None:
        start = c[:0]
    else:
        start = np.broadcast_to(np.ascontiguousarray(start, dtype=a.dtype), c.shape)
    n_threads = runtime.count(c.size * a.shape[1])
    check(_product.product(a, b.astype(a.dtype, copy=False), start, scale, n_threads, c))
    return c
