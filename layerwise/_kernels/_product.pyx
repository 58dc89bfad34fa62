"""Matrix products whose every element is one sum in one order."""

from layerwise._kernels._typedefs cimport real


cdef extern from "product.h" nogil:
    void lw_product_f32(
        const float *, ptrdiff_t, ptrdiff_t, const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        ptrdiff_t, ptrdiff_t, float, const float *, ptrdiff_t, int, float *, ptrdiff_t)
    void lw_product_f64(
        const double *, ptrdiff_t, ptrdiff_t, const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        ptrdiff_t, ptrdiff_t, double, const double *, ptrdiff_t, int, double *, ptrdiff_t)


def product(
    const real[:, ::1] a,           # in
    const real[:, ::1] b,           # in
    const real[::1] bias,           # in, one per column of the product
    bint transpose_a,
    bint transpose_b,
    int n_threads,
    real[:, ::1] out,               # out
):
    """The product of a and b, each perhaps transposed, plus a bias on every row."""
    cdef ptrdiff_t a_row = 1 if transpose_a else a.shape[1]
    cdef ptrdiff_t a_col = a.shape[1] if transpose_a else 1
    cdef ptrdiff_t b_row = 1 if transpose_b else b.shape[1]
    cdef ptrdiff_t b_col = b.shape[1] if transpose_b else 1
    cdef ptrdiff_t m = out.shape[0], n = out.shape[1]
    cdef ptrdiff_t depth = a.shape[0] if transpose_a else a.shape[1]
    assert (a.shape[1] if transpose_a else a.shape[0]) == m
    assert (b.shape[0] if transpose_b else b.shape[1]) == n
    assert (b.shape[1] if transpose_b else b.shape[0]) == depth
    assert bias.shape[0] == n
    cdef const real *a_data = &a[0, 0] if m and depth else NULL
    cdef const real *b_data = &b[0, 0] if n and depth else NULL
    if m and n:
        with nogil:
            if real is float:
                lw_product_f32(
                    a_data, a_row, a_col, b_data, b_row, b_col, m, n, depth, 1,
                    &bias[0], 0, n_threads, &out[0, 0], n)
            else:
                lw_product_f64(
                    a_data, a_row, a_col, b_data, b_row, b_col, m, n, depth, 1,
                    &bias[0], 0, n_threads, &out[0, 0], n)
    return 0
