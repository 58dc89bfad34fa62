/* Sums of rows of a matrix that a list chooses, the lists, and matrices turned, for one float type.
 *
 * A list holds how many numbers it has, and then these: the units of a row that are on, and last
 * one more that always is. Rows of matrices are padded to whole vectors. */

#pragma once

#include "base/bits.h"
#include "base/real.h"
#include "base/threads.h"
#include "base/vector.h"

#define LW_PART (64 / (ptrdiff_t)sizeof(LW_REAL)) /* numbers of a cache line */
#define LW_PARTS LW_SUMS_AT_A_TIME

/* What becomes of sums of rows: they are kept, or added to what stands there, or are the slope that
 * parameters take a plain step down. */
typedef enum { LW_SUM, LW_ADD, LW_STEP } lw_use;

/* Sums of rows[list[k]] over the list, for `parts` vectors of columns, and what becomes of them; both
 * are constants where this is called. */
LW_INLINE void
LW_(sum_parts)(int parts, lw_use use, const uint32_t *restrict list, ptrdiff_t count,
    const LW_REAL *restrict rows, ptrdiff_t wide, LW_REAL rate, LW_REAL decay,
    LW_REAL *restrict to)
{
    LW_REAL part[LW_PARTS][64 / sizeof(LW_REAL)];

    LW_UNROLL(8)
    for (int p = 0; p < parts; p++) {
        for (ptrdiff_t j = 0; j < LW_PART; j++) {
            part[p][j] = use == LW_ADD ? to[p * LW_PART + j] : 0;
        }
    }
    for (ptrdiff_t k = 0; k < count; k++) {
        const LW_REAL *const row = rows + (ptrdiff_t)list[k] * wide;
        LW_UNROLL(8)
        for (int p = 0; p < parts; p++) {
            LW_SIMD
            for (ptrdiff_t j = 0; j < LW_PART; j++) {
                part[p][j] += row[p * LW_PART + j];
            }
        }
    }
    LW_UNROLL(8)
    for (int p = 0; p < parts; p++) {
        for (ptrdiff_t j = 0; j < LW_PART; j++) {
            LW_REAL *const at = to + p * LW_PART + j;
            *at = use == LW_STEP ? *at - rate * (part[p][j] + decay * *at) : part[p][j];
        }
    }
}

/* The same for n columns, at most LW_PARTS vectors of them. */
LW_INLINE void
LW_(sum_columns)(lw_use use, const uint32_t *list, ptrdiff_t count, const LW_REAL *rows,
    ptrdiff_t wide, ptrdiff_t n, LW_REAL rate, LW_REAL decay, LW_REAL *to)
{
    ptrdiff_t j = 0;

    if (n == LW_PARTS * LW_PART) {
        LW_(sum_parts)(LW_PARTS, use, list, count, rows, wide, rate, decay, to);
        return;
    }
    for (; n - j >= 2 * LW_PART; j += 2 * LW_PART) {
        LW_(sum_parts)(2, use, list, count, rows + j, wide, rate, decay, to + j);
    }
    for (; j < n; j += LW_PART) {
        LW_(sum_parts)(1, use, list, count, rows + j, wide, rate, decay, to + j);
    }
}

LW_LOOP void
LW_(sum_rows)(const uint32_t *list, ptrdiff_t count, const LW_REAL *rows, ptrdiff_t wide,
    ptrdiff_t n, LW_REAL *sum)
{
    LW_(sum_columns)(LW_SUM, list, count, rows, wide, n, 0, 0, sum);
}

LW_LOOP void
LW_(add_rows)(const uint32_t *list, ptrdiff_t count, const LW_REAL *rows, ptrdiff_t wide,
    ptrdiff_t n, LW_REAL *sum)
{
    LW_(sum_columns)(LW_ADD, list, count, rows, wide, n, 0, 0, sum);
}

LW_LOOP void
LW_(step_rows)(const uint32_t *list, ptrdiff_t count, const LW_REAL *rows, ptrdiff_t wide,
    ptrdiff_t n, LW_REAL rate, LW_REAL decay, LW_REAL *parameter)
{
    LW_(sum_columns)(LW_STEP, list, count, rows, wide, n, rate, decay, parameter);
}

/* Fields of a tile of rows, given their lists: a part of the columns for all rows, then the next, so
 * that it stays in the cache. */
static void
LW_(fields)(const uint32_t *lists, ptrdiff_t listed, ptrdiff_t n_rows, const LW_REAL *weights,
    ptrdiff_t wide, LW_REAL *field)
{
    const ptrdiff_t most = LW_PARTS * LW_PART;

    for (ptrdiff_t j = 0; j < wide; j += most) {
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            const uint32_t *const list = lists + r * listed;
            LW_(sum_rows)(list + 1, list[0], weights + j, wide, lw_min(most, wide - j),
                field + r * wide + j);
        }
    }
}

/* A bit for each of n <= 64 numbers, whether it is not zero. */
LW_INLINE uint64_t
LW_(bits_of)(const LW_REAL *restrict value, ptrdiff_t n)
{
#if defined(LW_BITS_OF_FLOATS) && defined(LW_SINGLE)
    return lw_bits_of_floats(value, n);
#else
    uint8_t on[64] = { 0 };

    for (ptrdiff_t k = 0; k < n; k++) {
        on[k] = value[k] != 0;
    }
    return lw_bits_of_bytes(on, n);
#endif
}

/* The list of the units of a row that are on. */
LW_LOOP void
LW_(list_row)(const LW_REAL *restrict row, ptrdiff_t n_units, uint32_t *restrict list)
{
    ptrdiff_t count = 0;

    for (ptrdiff_t i = 0; i < n_units; i += 64) {
        const uint64_t bits = LW_(bits_of)(row + i, lw_min(64, n_units - i));
        count = lw_append_bits(bits, (uint32_t)i, list + 1, count);
    }
    list[1 + count] = (uint32_t)n_units;
    list[0] = (uint32_t)count + 1;
}
