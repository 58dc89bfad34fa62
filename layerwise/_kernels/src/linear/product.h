/* Matrix products whose every element is one sum in one order. */

#pragma once

#include "base/kernel.h"

/* c[i, j] = start[i, j] + scale * sum_k a[i, k] b[k, j], for i < m, j < n, k < depth.
 *
 * a and b are read with any strides (row, column), so a transpose is a pair of swapped strides;
 * c has contiguous rows of length c_row. `start` may be NULL (zero), c itself (accumulate), or a
 * bias (start_row = 0). The sum over k is taken in order, block by block, whatever n_threads is:
 * that is why we do not call BLAS, whose results change with its threads (and whose threads fight
 * with OpenMP's). Zeros of a may be left out, so that what is not finite in b may pass unseen there. */
#define LW_PRODUCT(K, real, type)                                                                 \
    K(void, lw_product_##type,                                                                    \
        (const real *a, ptrdiff_t a_row, ptrdiff_t a_col, const real *b, ptrdiff_t b_row,         \
            ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, real scale,               \
            const real *start, ptrdiff_t start_row, int n_threads, real *c, ptrdiff_t c_row))

LW_EACH_TYPE(LW_PRODUCT, LW_KERNEL)

#ifdef LW_ISA
/* The same by all threads of the region that it is called in. */
#define LW_SHARE_PRODUCT(K, real, type)                                                           \
    K(void, share_product_##type,                                                                 \
        (const real *a, ptrdiff_t a_row, ptrdiff_t a_col, const real *b, ptrdiff_t b_row,         \
            ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, real scale,               \
            const real *start, ptrdiff_t start_row, real *c, ptrdiff_t c_row))

LW_EACH_TYPE(LW_SHARE_PRODUCT, LW_KERNEL)
#endif
