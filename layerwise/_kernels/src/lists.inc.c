/* Sums of rows of a matrix that a list chooses, the lists, and matrices turned, for one float type.
 *
 * A list holds how many numbers it has, and then these: the units of a row that are on, and last
 * one more that always is. Rows of matrices are padded to whole vectors. */

#include "real.h"

#undef LW_PART
#define LW_PART (64 / (ptrdiff_t)sizeof(LW_REAL)) /* numbers of a vector of 512 bits */
#ifndef LW_PARTS
#if defined(__AVX512F__)
#define LW_PARTS 8 /* sums at a time: registers enough, and the latency of additions hidden */
#elif defined(__AVX2__)
#define LW_PARTS 4
#else
#define LW_PARTS 2
#endif
#endif

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

/* Four rows of `to` from four columns of `from`: to[j][i] = from[i][j]. */
LW_INLINE void
LW_(turn_four)(
    const LW_REAL *restrict from, ptrdiff_t from_row, LW_REAL *restrict to, ptrdiff_t to_row)
{
#if defined(LW_SINGLE) && defined(LW_SHUFFLES)
    lw_four row[4], half[4];

    for (int i = 0; i < 4; i++) {
        memcpy(row + i, from + i * from_row, sizeof(lw_four));
    }
    half[0] = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    half[1] = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    half[2] = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    half[3] = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(half[0], half[2], 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(half[0], half[2], 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(half[1], half[3], 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(half[1], half[3], 2, 3, 6, 7);
    for (int j = 0; j < 4; j++) {
        memcpy(to + j * to_row, row + j, sizeof(lw_four));
    }
#else
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < 4; i++) {
            to[j * to_row + i] = from[i * from_row + j];
        }
    }
#endif
}

/* LW_UNITS_LANES columns of `to` from as many rows of `from`, or fewer: to[j][i] = from[i][j]. */
LW_LOOP void
LW_(turn_rows)(const LW_REAL *from, ptrdiff_t from_row, ptrdiff_t n_rows, ptrdiff_t n_columns,
    LW_REAL *to, ptrdiff_t to_row)
{
    ptrdiff_t j = 0;

    for (; n_rows == LW_UNITS_LANES && j + 4 <= n_columns; j += 4) {
        for (ptrdiff_t i = 0; i < LW_UNITS_LANES; i += 4) {
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
    for (ptrdiff_t i = 0; i < n_rows; i += LW_UNITS_LANES) {
        LW_(turn_rows)(from + i * from_row, from_row, lw_min(LW_UNITS_LANES, n_rows - i),
            n_columns, to + i, to_row);
    }
}
