/* The matrix product of product.h.
 *
 * Columns of c are cut into panels of LW_WIDE, rows into blocks of LW_ROWS, the sum into blocks of
 * LW_DEEP. A thread owns a (row block, panel) tile. It copies the panel of b into its own stack,
 * contiguous and padded with zeros, and then LW_PRODUCT_ROWS rows at a time keep their sums in registers
 * while the panel streams by. Copying costs one element per LW_ROWS multiply-adds. */

#include "linear/product.h"

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "base/vector.h"
#include "linear/transpose.h"

#define LW_ROWS 120 /* a batch of 100 is one block, of whole LW_PRODUCT_ROWS */
#define LW_DEEP 256 /* panel of 256 x 16 floats = 16 KB: half of the L1 cache */
#define LW_BYTES 64 /* width of a panel */
#define LW_WIDE (LW_BYTES / (ptrdiff_t)sizeof(LW_REAL))

/* c[r][j] += scale * sum_k a[r, k] panel[k][j] for `high` rows, a constant where this is called. */
LW_INLINE void
LW_(product_rows)(int high, const LW_REAL *restrict a, ptrdiff_t a_row, ptrdiff_t a_col,
    const LW_REAL *restrict panel, ptrdiff_t depth, LW_REAL scale, LW_REAL *restrict c,
    ptrdiff_t c_row)
{
    LW_REAL sum[LW_PRODUCT_ROWS][LW_BYTES / sizeof(LW_REAL)];

    for (int r = 0; r < high; r++) {
        for (int j = 0; j < LW_WIDE; j++) {
            sum[r][j] = 0;
        }
    }
    for (ptrdiff_t k = 0; k < depth; k++) {
        for (int r = 0; r < high; r++) {
            const LW_REAL weight = a[r * a_row + k * a_col];
            LW_SIMD
            for (int j = 0; j < LW_WIDE; j++) {
                sum[r][j] += weight * panel[k * LW_WIDE + j];
            }
        }
    }
    for (int r = 0; r < high; r++) {
        for (int j = 0; j < LW_WIDE; j++) {
            c[r * c_row + j] += scale * sum[r][j];
        }
    }
}

/* One block of rows times one panel; c has LW_WIDE columns here. */
LW_LOOP void
LW_(product_block)(const LW_REAL *restrict a, ptrdiff_t a_row, ptrdiff_t a_col,
    const LW_REAL *restrict panel, ptrdiff_t rows, ptrdiff_t depth, LW_REAL scale,
    LW_REAL *restrict c, ptrdiff_t c_row)
{
    ptrdiff_t i = 0;

    for (; i + LW_PRODUCT_ROWS <= rows; i += LW_PRODUCT_ROWS) {
        LW_(product_rows)(LW_PRODUCT_ROWS, a + i * a_row, a_row, a_col, panel, depth, scale,
            c + i * c_row, c_row);
    }
    for (; i + 6 <= rows; i += 6) {
        LW_(product_rows)(
            6, a + i * a_row, a_row, a_col, panel, depth, scale, c + i * c_row, c_row);
    }
    a += i * a_row;
    c += i * c_row;
    /* Together, not one by one: a single row's sum waits for its own last addition. */
    switch (rows - i) {
    case 5: LW_(product_rows)(5, a, a_row, a_col, panel, depth, scale, c, c_row); break;
    case 4: LW_(product_rows)(4, a, a_row, a_col, panel, depth, scale, c, c_row); break;
    case 3: LW_(product_rows)(3, a, a_row, a_col, panel, depth, scale, c, c_row); break;
    case 2: LW_(product_rows)(2, a, a_row, a_col, panel, depth, scale, c, c_row); break;
    case 1: LW_(product_rows)(1, a, a_row, a_col, panel, depth, scale, c, c_row); break;
    }
}

LW_LOOP void
LW_(product_copy)(const LW_REAL *restrict b, ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t depth,
    ptrdiff_t wide, LW_REAL *restrict panel)
{
    if (b_col == 1 && wide == LW_WIDE) {
        for (ptrdiff_t k = 0; k < depth; k++) {
            for (int j = 0; j < LW_WIDE; j++) {
                panel[k * LW_WIDE + j] = b[k * b_row + j];
            }
        }
        return;
    }
    if (b_row == 1 && wide == LW_WIDE) {
        LW_(turn)(b, b_col, LW_WIDE, depth, panel, LW_WIDE);
        return;
    }
    for (ptrdiff_t j = 0; j < LW_WIDE; j++) {
        for (ptrdiff_t k = 0; k < depth; k++) {
            panel[k * LW_WIDE + j] = j < wide ? b[k * b_row + j * b_col] : 0;
        }
    }
}

/* The first values of a tile, padded with zeros up to LW_WIDE columns. A full tile is copied in
 * whole vectors: short sums, as in a gradient over a batch of 20, spend as much here as in them. */
static void
LW_(product_start)(const LW_REAL *restrict start, ptrdiff_t start_row, ptrdiff_t rows,
    ptrdiff_t wide, LW_REAL *restrict out)
{
    if (!start || wide < LW_WIDE) {
        memset(out, 0, (size_t)(rows * LW_WIDE) * sizeof(LW_REAL));
    }
    if (!start) {
        return;
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (wide == LW_WIDE) {
            memcpy(out + i * LW_WIDE, start + i * start_row, LW_BYTES);
        } else {
            memcpy(out + i * LW_WIDE, start + i * start_row, (size_t)wide * sizeof(LW_REAL));
        }
    }
}

/* A tile of c: LW_ROWS rows of one panel. */
static void
LW_(product_tile)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const LW_REAL *b,
    ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row, ptrdiff_t tile)
{
    LW_REAL panel[LW_DEEP * (LW_BYTES / sizeof(LW_REAL))];
    LW_REAL out[LW_ROWS * (LW_BYTES / sizeof(LW_REAL))];
    const ptrdiff_t n_panels = lw_tiles(n, LW_WIDE);
    const ptrdiff_t top = tile / n_panels * LW_ROWS;
    const ptrdiff_t left = tile % n_panels * LW_WIDE;
    const ptrdiff_t rows = lw_min(LW_ROWS, m - top);
    const ptrdiff_t wide = lw_min(LW_WIDE, n - left);

    LW_(product_start)(start ? start + top * start_row + left : NULL, start_row, rows, wide, out);
    for (ptrdiff_t k = 0; k < depth; k += LW_DEEP) {
        const ptrdiff_t deep = lw_min(LW_DEEP, depth - k);
        LW_(product_copy)(b + k * b_row + left * b_col, b_row, b_col, deep, wide, panel);
        LW_(product_block)(
            a + top * a_row + k * a_col, a_row, a_col, panel, rows, deep, scale, out, LW_WIDE);
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        memcpy(c + (top + i) * c_row + left, out + i * LW_WIDE, (size_t)wide * sizeof(LW_REAL));
    }
}

/* lw_product by all threads of the region that this is called in. */
static void
LW_(share_product)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const LW_REAL *b,
    ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
    LW_SHARE_TILES(tile, lw_tiles(n, LW_WIDE) * lw_tiles(m, LW_ROWS),
        LW_(product_tile)(a, a_row, a_col, b, b_row, b_col, m, n, depth, scale, start, start_row,
            c, c_row, tile));
}

void
LW_(lw_product)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const LW_REAL *b,
    ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, int n_threads, LW_REAL *c, ptrdiff_t c_row)
{
    LW_WITH_THREADS(LW_(share_product)(
        a, a_row, a_col, b, b_row, b_col, m, n, depth, scale, start, start_row, c, c_row));
}
