/* Matrix products whose left factor holds states, zeros and ones: sums of chosen rows.
 *
 * A product with states needs no multiplication, and no addition for a zero: with a fifth of the
 * units on, a field costs a fifth of lw_product's. */

#ifndef LW_CHOSEN_H
#define LW_CHOSEN_H

#include "lw.h"

/* For each row, block after block of LW_CHOSEN_DEEP columns: how many are one, and which. */
#define LW_CHOSEN_DEEP 64

LW_INLINE ptrdiff_t
lw_chosen_row(ptrdiff_t depth)
{
    return lw_tiles(depth, LW_CHOSEN_DEEP) * (LW_CHOSEN_DEEP + 1);
}

/* lw_are_states returns whether all of n numbers are zero or one. lw_choose lists the ones of such
 * an m x depth matrix, of any strides, in m * lw_chosen_row(depth) bytes.
 *
 * lw_chosen_product: c[i, j] = start[i, j] + scale * sum of b[k, j] over the k chosen by row i.
 * `start` may be NULL (zero), c itself, or a bias (start_row = 0). All strides are free. The sum
 * over k is taken in order, block by block, whatever n_threads is. */
#define LW_CHOSEN(K, real, type)                                                                  \
    K(int, lw_are_states_##type, (const real *state, ptrdiff_t n))                                \
    K(void, lw_choose_##type,                                                                     \
        (const real *state, ptrdiff_t state_row, ptrdiff_t state_col, ptrdiff_t m,                \
            ptrdiff_t depth, int n_threads, uint8_t *chosen))                                     \
    K(void, lw_chosen_product_##type,                                                             \
        (const uint8_t *chosen, const real *b, ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m,     \
            ptrdiff_t n, ptrdiff_t depth, real scale, const real *start, ptrdiff_t start_row,     \
            ptrdiff_t start_col, int n_threads, real *c, ptrdiff_t c_row, ptrdiff_t c_col))

LW_BOTH(LW_CHOSEN, LW_KERNEL)

#endif
