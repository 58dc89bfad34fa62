"""Sums of exponentials over latent states, or over rows, in the log domain."""

from libc.stdint cimport int64_t

from layerwise._kernels._runtime cimport chosen_kernels, lw_point

lw_point(chosen_kernels())


cdef extern from "mixture/mixture.h" nogil:
    void lw_mixture_rows(
        const double *, const double *, const double *, const double *, ptrdiff_t, ptrdiff_t,
        ptrdiff_t, int, double *)
    void lw_mixture_shares(
        const double *, const double *, const double *, const double *, const double *, ptrdiff_t,
        ptrdiff_t, ptrdiff_t, int, double *, double *)
    void lw_mixture_pick(
        const double *, const double *, const int64_t *, const double *, ptrdiff_t, ptrdiff_t,
        int, int64_t *)
    void lw_mixture_cells(
        const double *, const double *, const int64_t *, ptrdiff_t, ptrdiff_t, ptrdiff_t, int,
        double *)


def rows(
    const double[:, ::1] low,       # in
    const double[:, ::1] high,      # in
    const double[:, ::1] table,     # in
    const double[::1] limit,        # in
    int n_threads,
    double[::1] sum,                # out
):
    """For each row, log of the sum over j and k of exp(high[., j] + table[j, k] + low[., k])."""
    cdef ptrdiff_t m = sum.shape[0], n = table.shape[0], depth = table.shape[1]
    assert low.shape[0] == high.shape[0] == m
    assert low.shape[1] == depth and high.shape[1] == limit.shape[0] == n
    if m and n and depth:
        with nogil:
            lw_mixture_rows(
                &low[0, 0], &high[0, 0], &table[0, 0], &limit[0], m, n, depth, n_threads,
                &sum[0])
    return 0


def shares(
    const double[:, ::1] low,       # in
    const double[:, ::1] high,      # in
    const double[:, ::1] table,     # in
    const double[::1] limit,        # in
    const double[::1] sum,          # in
    int n_threads,
    double[:, ::1] by_high,         # out
    double[:, ::1] by_low,          # out
):
    """For each row, the parts of exp(sum) by j, and by k, with sum as ``rows`` returns it."""
    cdef ptrdiff_t m = sum.shape[0], n = table.shape[0], depth = table.shape[1]
    assert low.shape[0] == high.shape[0] == by_high.shape[0] == by_low.shape[0] == m
    assert low.shape[1] == by_low.shape[1] == depth
    assert high.shape[1] == by_high.shape[1] == limit.shape[0] == n
    if m and n and depth:
        with nogil:
            lw_mixture_shares(
                &low[0, 0], &high[0, 0], &table[0, 0], &limit[0], &sum[0], m, n, depth, n_threads,
                &by_high[0, 0], &by_low[0, 0])
    return 0


def pick(
    const double[:, ::1] a,         # in
    const double[:, ::1] b,         # in
    const int64_t[::1] row,         # in
    const double[::1] uniform,      # in
    int n_threads,
    int64_t[::1] index,             # out
):
    """For each row of a, an index drawn by its weights times those of a row of b."""
    cdef ptrdiff_t m = a.shape[0], n = a.shape[1]
    cdef const int64_t *of = NULL
    assert index.shape[0] == uniform.shape[0] == m and b.shape[1] == n
    if row.shape[0]:
        assert row.shape[0] == m
        of = &row[0]
    else:
        assert b.shape[0] == m
    if m and n:
        with nogil:
            lw_mixture_pick(&a[0, 0], &b[0, 0], of, &uniform[0], m, n, n_threads, &index[0])
    return 0


def cells(
    const double[:, ::1] a,         # in
    const double[:, ::1] b,         # in
    const int64_t[::1] cell,        # in
    int n_threads,
    double[::1] sum,                # out
):
    """For each cell (i, j), log of the sum over k of exp(a[i, k] + b[j, k])."""
    cdef ptrdiff_t count = cell.shape[0], n = b.shape[0], depth = b.shape[1]
    assert sum.shape[0] == count and a.shape[1] == depth
    if count and depth:
        with nogil:
            lw_mixture_cells(
                &a[0, 0], &b[0, 0], &cell[0], count, n, depth, n_threads, &sum[0])
    return 0
