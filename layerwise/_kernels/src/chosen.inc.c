/* The functions of chosen.h, for one float type. */

#include "real.h"

#undef LW_PART
#define LW_PART (LW_CHOSEN_BYTES / (ptrdiff_t)sizeof(LW_REAL))
#undef LW_WIDE
#define LW_WIDE (LW_CHOSEN_PARTS * (LW_CHOSEN_BYTES / sizeof(LW_REAL)))

static int
LW_(strange)(const LW_REAL *restrict state, ptrdiff_t n)
{
    int strange = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        strange |= !((state[i] == 0) | (state[i] == 1));
    }
    return strange;
}

int
LW_(lw_are_states)(const LW_REAL *state, ptrdiff_t n)
{
    return !LW_(strange)(state, n);
}

static void
LW_(choose_row)(
    const LW_REAL *restrict state, ptrdiff_t state_col, ptrdiff_t depth, uint8_t *restrict chosen)
{
    for (ptrdiff_t k = 0; k < depth; k += LW_CHOSEN_DEEP) {
        const ptrdiff_t deep = lw_min(LW_CHOSEN_DEEP, depth - k);
        int count = 0;
        for (ptrdiff_t n = 0; n < deep; n++) {
            chosen[1 + count] = (uint8_t)n; /* overwritten by the next one, unless it counts */
            count += (int)state[(k + n) * state_col];
        }
        chosen[0] = (uint8_t)count;
        chosen += LW_CHOSEN_DEEP + 1;
    }
}

void
LW_(lw_choose)(const LW_REAL *state, ptrdiff_t state_row, ptrdiff_t state_col, ptrdiff_t m,
    ptrdiff_t depth, int n_threads, uint8_t *chosen)
{
    const ptrdiff_t row = lw_chosen_row(depth);

    LW_FOR_TILES(i, m, LW_(choose_row)(state + i * state_row, state_col, depth, chosen + i * row));
}

/* sums[i][j] += b[k, j] for the k chosen by row i in one block. */
LW_INLINE void
LW_(chosen_rows)(const uint8_t *restrict chosen, ptrdiff_t chosen_row, const LW_REAL *restrict b,
    ptrdiff_t b_row, ptrdiff_t rows, ptrdiff_t parts, LW_REAL *restrict sums)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        const uint8_t *const list = chosen + i * chosen_row;
        const int count = list[0];
        LW_REAL sum[LW_CHOSEN_PARTS][LW_CHOSEN_BYTES / sizeof(LW_REAL)];
        for (ptrdiff_t p = 0; p < parts; p++) {
            for (ptrdiff_t j = 0; j < LW_PART; j++) {
                sum[p][j] = sums[(i * parts + p) * LW_PART + j];
            }
        }
        for (int n = 1; n <= count; n++) {
            const LW_REAL *const row = b + list[n] * b_row;
            for (ptrdiff_t p = 0; p < parts; p++) {
                LW_SIMD
                for (ptrdiff_t j = 0; j < LW_PART; j++) {
                    sum[p][j] += row[p * LW_PART + j];
                }
            }
        }
        for (ptrdiff_t p = 0; p < parts; p++) {
            for (ptrdiff_t j = 0; j < LW_PART; j++) {
                sums[(i * parts + p) * LW_PART + j] = sum[p][j];
            }
        }
    }
}

static void
LW_(chosen_wide)(const uint8_t *restrict chosen, ptrdiff_t chosen_row, const LW_REAL *restrict b,
    ptrdiff_t b_row, ptrdiff_t rows, LW_REAL *restrict sums)
{
    LW_(chosen_rows)(chosen, chosen_row, b, b_row, rows, LW_CHOSEN_PARTS, sums);
}

static void
LW_(chosen_slim)(const uint8_t *restrict chosen, ptrdiff_t chosen_row, const LW_REAL *restrict b,
    ptrdiff_t b_row, ptrdiff_t rows, LW_REAL *restrict sums)
{
    LW_(chosen_rows)(chosen, chosen_row, b, b_row, rows, 1, sums);
}

/* A panel of b, contiguous and padded with zeros. */
static void
LW_(chosen_copy)(const LW_REAL *restrict b, ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t deep,
    ptrdiff_t cols, ptrdiff_t wide, LW_REAL *restrict panel)
{
    for (ptrdiff_t k = 0; k < deep; k++) {
        for (ptrdiff_t j = cols; j < wide; j++) {
            panel[k * wide + j] = 0;
        }
    }
    if (b_col == 1) {
        for (ptrdiff_t k = 0; k < deep; k++) {
            for (ptrdiff_t j = 0; j < cols; j++) {
                panel[k * wide + j] = b[k * b_row + j];
            }
        }
        return;
    }
    for (ptrdiff_t j = 0; j < cols; j++) {
        for (ptrdiff_t k = 0; k < deep; k++) {
            panel[k * wide + j] = b[k * b_row + j * b_col];
        }
    }
}

/* A tile of c: LW_CHOSEN_ROWS rows of `wide` columns. */
static void
LW_(chosen_tile)(const uint8_t *chosen, const LW_REAL *b, ptrdiff_t b_row, ptrdiff_t b_col,
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale, const LW_REAL *start,
    ptrdiff_t start_row, ptrdiff_t start_col, LW_REAL *c, ptrdiff_t c_row, ptrdiff_t c_col,
    ptrdiff_t wide, ptrdiff_t tile)
{
    _Alignas(64) LW_REAL panel[LW_CHOSEN_DEEP * LW_WIDE];
    _Alignas(64) LW_REAL sums[LW_CHOSEN_ROWS * LW_WIDE];
    const ptrdiff_t n_panels = lw_tiles(n, wide);
    const ptrdiff_t top = tile / n_panels * LW_CHOSEN_ROWS;
    const ptrdiff_t left = tile % n_panels * wide;
    const ptrdiff_t rows = lw_min(LW_CHOSEN_ROWS, m - top);
    const ptrdiff_t cols = lw_min(wide, n - left);
    const ptrdiff_t chosen_row = lw_chosen_row(depth);

    for (ptrdiff_t i = 0; i < rows * wide; i++) {
        sums[i] = 0;
    }
    chosen += top * chosen_row;
    for (ptrdiff_t k = 0; k < depth; k += LW_CHOSEN_DEEP) {
        const LW_REAL *from = b + k * b_row + left * b_col;
        ptrdiff_t from_row = b_row;
        if (b_col != 1 || cols < wide || rows >= LW_CHOSEN_COPY) {
            LW_(chosen_copy)(
                from, b_row, b_col, lw_min(LW_CHOSEN_DEEP, depth - k), cols, wide, panel);
            from = panel;
            from_row = wide;
        }
        if (wide > LW_PART) {
            LW_(chosen_wide)(chosen, chosen_row, from, from_row, rows, sums);
        } else {
            LW_(chosen_slim)(chosen, chosen_row, from, from_row, rows, sums);
        }
        chosen += LW_CHOSEN_DEEP + 1;
    }
    c += top * c_row + left * c_col;
    start = start ? start + top * start_row + left * start_col : NULL;
    if (c_col == 1) {
        for (ptrdiff_t i = 0; i < rows; i++) {
            for (ptrdiff_t j = 0; j < cols; j++) {
                const LW_REAL from = start ? start[i * start_row + j * start_col] : 0;
                c[i * c_row + j] = from + scale * sums[i * wide + j];
            }
        }
    } else {
        for (ptrdiff_t j = 0; j < cols; j++) {
            for (ptrdiff_t i = 0; i < rows; i++) {
                const LW_REAL from = start ? start[i * start_row + j * start_col] : 0;
                c[i * c_row + j * c_col] = from + scale * sums[i * wide + j];
            }
        }
    }
}

void
LW_(lw_chosen_product)(const uint8_t *chosen, const LW_REAL *b, ptrdiff_t b_row, ptrdiff_t b_col,
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale, const LW_REAL *start,
    ptrdiff_t start_row, ptrdiff_t start_col, int n_threads, LW_REAL *c, ptrdiff_t c_row,
    ptrdiff_t c_col)
{
    const ptrdiff_t wide = n <= 2 * LW_PART ? LW_PART : LW_CHOSEN_PARTS * LW_PART;

    LW_FOR_TILES(tile, lw_tiles(n, wide) * lw_tiles(m, LW_CHOSEN_ROWS),
        LW_(chosen_tile)(chosen, b, b_row, b_col, m, n, depth, scale, start, start_row, start_col,
            c, c_row, c_col, wide, tile));
}
