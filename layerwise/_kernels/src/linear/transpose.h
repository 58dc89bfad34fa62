/* Transposes of matrices, a few rows at a time. */

#pragma once

#include "base/kernel.h"
#include "base/real.h"
#include "base/threads.h"
#include "base/vector.h"

#define LW_TURNED 16 /* columns of `to` that are filled together: a cache line of floats */

/* Four rows of `to` from four columns of `from`: to[j][i] = from[i][j]. */
LW_INLINE void
LW_(turn_four)(
    const LW_REAL *restrict from, ptrdiff_t from_row, LW_REAL *restrict to, ptrdiff_t to_row)
{
#if defined(LW_SINGLE) && defined(LW_SHUFFLES)
    lw_turn_four_by_four(from, from_row, to, to_row);
#else
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < 4; i++) {
            to[j * to_row + i] = from[i * from_row + j];
        }
    }
#endif
}

/* LW_TURNED columns of `to` from as many rows of `from`, or fewer: to[j][i] = from[i][j]. */
LW_LOOP void
LW_(turn_rows)(const LW_REAL *from, ptrdiff_t from_row, ptrdiff_t n_rows, ptrdiff_t n_columns,
    LW_REAL *to, ptrdiff_t to_row)
{
    ptrdiff_t j = 0;

    for (; n_rows == LW_TURNED && j + 4 <= n_columns; j += 4) {
        for (ptrdiff_t i = 0; i < LW_TURNED; i += 4) {
            LW_(turn_four)(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
        }
    }
    for (; j < n_columns; j++) {
        for (ptrdiff_t i = 0; i < n_rows; i++) {
            to[j * to_row + i] = from[i * from_row + j];
        }
    }
}

/* The transpose of a matrix: to[j][i] = from[i][j]. */
static void
LW_(turn)(const LW_REAL *from, ptrdiff_t from_row, ptrdiff_t n_rows, ptrdiff_t n_columns,
    LW_REAL *to, ptrdiff_t to_row)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LW_TURNED) {
        LW_(turn_rows)(from + i * from_row, from_row, lw_min(LW_TURNED, n_rows - i), n_columns,
            to + i, to_row);
    }
}
