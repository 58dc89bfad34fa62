/* Rows of a matrix product, as they are summed together, and what of them is not zero.
 *
 * Images are dark for the most part, and where one is, others are, and the pixels around: six rows at
 * a time, a batch of MNIST has 0.44 of its columns left, and its transpose, which gradients take,
 * 0.34. So columns in which all rows of a group are zero are left out, where they are an eighth or
 * more; a thread looks for them once for all panels that it multiplies the rows with. On one core
 * products with images take 0.6 of their time by that, others as long as before (AVX2). */

#pragma once

#include "base/kernel.h"
#include "base/real.h"
#include "base/vector.h"

#define LW_ROWS 120 /* of a block: a batch of 100 is one, of whole LW_PRODUCT_ROWS */
#define LW_DEEP (16384 / LW_PANEL_BYTES) /* a panel is 16 KB: half of a small L1 cache, or less */
#define LW_PRODUCT_GROUPS (LW_ROWS / LW_PRODUCT_ROWS + 2) /* of a block of rows, at most */
#define LW_SOUGHT 1024     /* columns of a in which zeros are looked for */
#define LW_FEWEST_PANELS 8 /* for fewer, looking would cost more than it saves */
#define LW_GLANCE 16       /* every such column is looked at first: are there zeros to look for? */

/* Columns of a block of rows, by its groups: n[g] of them are not all zero, those of at[g]; LW_ALL says
 * that all are taken. */
enum { LW_ALL = -1 };

typedef struct {
    int listed; /* whether any group is */
    int n[LW_PRODUCT_GROUPS];
    uint16_t at[LW_PRODUCT_GROUPS][LW_DEEP];
} lw_filled;

/* How many of `rows` keep their sums in registers next. Fewer than four wait for their own last
 * additions, so they are not left over: 20 rows as 6, 6, 4 and 4 take 0.95 of the time of 6, 6, 6 and
 * 2, and 8 as 4 and 4 0.9 of that of 6 and 2. */
LW_INLINE int
lw_rows_at_once(ptrdiff_t rows)
{
    if (rows == LW_PRODUCT_ROWS || rows >= LW_PRODUCT_ROWS + 4) {
        return LW_PRODUCT_ROWS;
    }
    if (rows == 6 || rows >= 10) {
        return 6;
    }
    return (int)(rows < 6 ? rows : (rows + 1) / 2);
}

/* The columns of `high` rows that are not all zero; their number, or LW_ALL. Where all are, the last is
 * taken nevertheless: a sum has a summand. */
LW_INLINE int
LW_(rows_filled)(int high, const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, ptrdiff_t depth,
    uint16_t *restrict at)
{
    uint32_t some[LW_DEEP] = { 0 };
    int n = 0, looked = 0;

    for (ptrdiff_t k = 0; k < depth; k += LW_GLANCE, looked++) {
        int any = 0;
        for (int r = 0; r < high; r++) {
            any |= a[r * a_row + k * a_col] != 0;
        }
        n += any;
    }
    if (n == looked) {
        return LW_ALL;
    }
    if (a_col == 1) {
        for (int r = 0; r < high; r++) {
            LW_SIMD
            for (ptrdiff_t k = 0; k < depth; k++) {
                some[k] |= a[r * a_row + k] != 0;
            }
        }
    } else {
        for (ptrdiff_t k = 0; k < depth; k++) {
            LW_UNROLL(LW_PRODUCT_ROWS)
            for (int r = 0; r < high; r++) {
                some[k] |= a[r * a_row + k * a_col] != 0;
            }
        }
    }
    n = 0;
    for (ptrdiff_t k = 0; k < depth; k++) {
        at[n] = (uint16_t)k;
        n += (int)some[k];
    }
    n += n == 0;
    return n > depth - depth / 8 ? LW_ALL : n;
}

/* The same for each group of a block of rows. */
LW_LOOP void
LW_(groups_filled)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, ptrdiff_t rows,
    ptrdiff_t depth, lw_filled *filled)
{
    filled->listed = 0;
    for (ptrdiff_t group = 0; rows > 0; group++) {
        const int high = lw_rows_at_once(rows);
        filled->n[group] = high == LW_PRODUCT_ROWS
            ? LW_(rows_filled)(LW_PRODUCT_ROWS, a, a_row, a_col, depth, filled->at[group])
            : LW_(rows_filled)(high, a, a_row, a_col, depth, filled->at[group]);
        filled->listed |= filled->n[group] != LW_ALL;
        a += high * a_row;
        rows -= high;
    }
}
