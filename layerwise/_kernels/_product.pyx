"""Matrix products whose every element is one sum in one order."""

from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport real

lw_point(chosen_kernels())


cdef extern from "linear/product.h" nogil:
    void lw_product_f32(
        const float *, ptrdiff_t, ptrdiff_t, const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        ptrdiff_t, ptrdiff_t, float, const float *, ptrdiff_t, int, float *, ptrdiff_t)
    void lw_product_f64(
        const double *, ptrdiff_t, ptrdiff_t, const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        ptrdiff_t, ptrdiff_t, double, const double *, ptrdiff_t, int, double *, ptrdiff_t)


def product(
    const real[:, :] a,             # in
    const real[:, :] b,             # in
    const real[:, :] start,         # in
    double scale,
    int n_threads,
    real[:, ::1] c,                 # out
):
    """The matrix ``start + scale * a b``, with any strides of a and b.

    ``start`` has contiguous rows, maybe the same row again and again (a bias), or no rows at all
    (zero).
    """
    cdef ptrdiff_t m = c.shape[0], n = c.shape[1], depth = a.shape[1], size = sizeof(real)
    cdef ptrdiff_t a_row = a.strides[0] // size, a_col = a.strides[1] // size
    cdef ptrdiff_t b_row = b.strides[0] // size, b_col = b.strides[1] // size
    cdef ptrdiff_t start_row = start.strides[0] // size
    cdef const real *given = NULL
    cdef const real *left = NULL
    cdef const real *right = NULL
    assert a.shape[0] == m and b.shape[1] == n and b.shape[0] == depth
    assert a.strides[0] % size == a.strides[1] % size == 0
    assert b.strides[0] % size == b.strides[1] % size == start.strides[0] % size == 0
    if m == 0 or n == 0:
        return 0
    if start.shape[0]:
        assert start.shape[0] == m and start.shape[1] == n
        assert n == 1 or start.strides[1] == size
        given = &start[0, 0]
    if depth:
        left, right = &a[0, 0], &b[0, 0]
    with nogil:
        if real is float:
            lw_product_f32(
                left, a_row, a_col, right, b_row, b_col, m, n, depth, <float> scale, given,
                start_row, n_threads, &c[0, 0], n)
        else:
            lw_product_f64(
                left, a_row, a_col, right, b_row, b_col, m, n, depth, scale, given,
                start_row, n_threads, &c[0, 0], n)
    return 0
