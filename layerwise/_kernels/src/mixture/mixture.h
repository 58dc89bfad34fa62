/* Sums of exponentials whose terms are too far apart for products of exponentials. */

#pragma once

#include "base/kernel.h"

/* Terms may be -inf, not +inf or NaN. All arrays are contiguous. A term that is less than e^-60 of
 * its sum may be left out: 2^30 of them do not reach the last place.
 *
 * lw_mixture_rows: sum[i] = log sum_j sum_k exp(high[i, j] + table[j, k] + low[i, k]), for i < m,
 * j < n, k < depth; limit[j] is max_k table[j, k].
 * lw_mixture_shares: with sum[i] as above, finite, the shares of its terms: of each j in by_high[i, j]
 * and of each k in by_low[i, k].
 * lw_mixture_pick: for i < m an index k < n of nonzero weight, drawn with uniform[i] in [0, 1) in
 * proportion to the weights a[i, k] b[row[i], k], which are not negative; NULL for row is i.
 * lw_mixture_cells: sum[c] = log sum_k exp(a[i, k] + b[j, k]) for the cells c < count, of which
 * (i, j) = (cell[c] / n, cell[c] % n). */
#define LW_MIXTURE(K)                                                                             \
    K(void, lw_mixture_rows,                                                                      \
        (const double *low, const double *high, const double *table, const double *limit,         \
            ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, int n_threads, double *sum))               \
    K(void, lw_mixture_shares,                                                                    \
        (const double *low, const double *high, const double *table, const double *limit,         \
            const double *sum, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, int n_threads,          \
            double *by_high, double *by_low))                                                     \
    K(void, lw_mixture_pick,                                                                      \
        (const double *a, const double *b, const int64_t *row, const double *uniform,             \
            ptrdiff_t m, ptrdiff_t n, int n_threads, int64_t *index))                             \
    K(void, lw_mixture_cells,                                                                     \
        (const double *a, const double *b, const int64_t *cell, ptrdiff_t count, ptrdiff_t n,     \
            ptrdiff_t depth, int n_threads, double *sum))

LW_ONE_TYPE(LW_MIXTURE, LW_KERNEL)
