/* The matrix product of product.h.
 *
 * Columns of c are cut into panels of LW_WIDE, rows into blocks of LW_ROWS, the sum into blocks of
 * LW_DEEP. A thread owns a (row block, panel) tile. It copies the panel of b into its own stack,
 * contiguous and padded with zeros, and then LW_PRODUCT_ROWS rows at a time keep their sums in
 * registers while the panel streams by, and leave them in c itself: through a buffer, the short sums
 * of a gradient over a batch of 100 took 1.4 times as long. Copying costs one element per LW_ROWS
 * multiply-adds, and waits for the memory that b is in; so the next panel is fetched while a panel
 * streams by: batches of 100 of a net of 900,000 weights took 1.08 times as long without it. */

#include "linear/product.h"

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "base/vector.h"
#include "linear/transpose.h"

#define LW_ROWS 120 /* a batch of 100 is one block, of whole LW_PRODUCT_ROWS */
#define LW_DEEP (16384 / LW_PANEL_BYTES) /* a panel is 16 KB: half of a small L1 cache, or less */
#define LW_WIDE (LW_PANEL_BYTES / (ptrdiff_t)sizeof(LW_REAL)) /* columns of a panel */

/* c[r][j] = start[r][j] + scale * sum_k a[r, k] panel[k][j] for `high` rows, a constant where this
 * is called; start may be c. Loops over rows are unrolled, or the sums would be kept in memory. */
LW_INLINE void
LW_(product_rows)(int high, const LW_REAL *restrict a, ptrdiff_t a_row, ptrdiff_t a_col,
    const LW_REAL *restrict panel, ptrdiff_t depth, LW_REAL scale, const LW_REAL *start,
    ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
    LW_REAL sum[LW_PRODUCT_ROWS][LW_PANEL_BYTES / sizeof(LW_REAL)];

    LW_UNROLL(LW_PRODUCT_ROWS)
    for (int r = 0; r < high; r++) {
        LW_SIMD
        for (int j = 0; j < LW_WIDE; j++) {
            sum[r][j] = 0;
        }
    }
    for (ptrdiff_t k = 0; k < depth; k++) {
        LW_UNROLL(LW_PRODUCT_ROWS)
        for (int r = 0; r < high; r++) {
            const LW_REAL weight = a[r * a_row + k * a_col];
            LW_SIMD
            for (int j = 0; j < LW_WIDE; j++) {
                sum[r][j] += weight * panel[k * LW_WIDE + j];
            }
        }
    }
    LW_UNROLL(LW_PRODUCT_ROWS)
    for (int r = 0; r < high; r++) {
        LW_SIMD
        for (int j = 0; j < LW_WIDE; j++) {
            c[r * c_row + j] = start[r * start_row + j] + scale * sum[r][j];
        }
    }
}

/* What a panel is copied from, as it lies in memory: rows of b, or columns if those are whole. */
typedef struct {
    const char *at;
    ptrdiff_t step, n, bytes;
} lw_lines;

static lw_lines
LW_(product_lines)(
    const LW_REAL *b, ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t deep, ptrdiff_t wide)
{
    const ptrdiff_t size = (ptrdiff_t)sizeof(LW_REAL);

    if (b_row == 1) {
        return (lw_lines) { (const char *)b, b_col * size, wide, deep * size };
    }
    return (lw_lines) { (const char *)b, b_row * size, b_col == 1 ? deep : 0, wide * size };
}

LW_INLINE void
LW_(product_fetch)(lw_lines lines, ptrdiff_t from, ptrdiff_t to)
{
    for (ptrdiff_t i = from; i < lw_min(to, lines.n); i++) {
        for (ptrdiff_t byte = 0; byte < lines.bytes; byte += LW_LINE) {
            LW_PREFETCH(lines.at + i * lines.step + byte);
        }
    }
}

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

/* One block of rows times one panel, while the next one is fetched, in equal parts: at once they
 * would wait for each other. c has LW_WIDE columns here. */
LW_LOOP void
LW_(product_block)(const LW_REAL *restrict a, ptrdiff_t a_row, ptrdiff_t a_col,
    const LW_REAL *restrict panel, lw_lines next, ptrdiff_t rows, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
    const ptrdiff_t part = lw_tiles(next.n, lw_tiles(rows, LW_PRODUCT_ROWS));
    ptrdiff_t fetched = 0;

#define LW_TAKE_ROWS(high)                                                                        \
    do {                                                                                          \
        LW_(product_fetch)(next, fetched, fetched + part);                                        \
        fetched += part;                                                                          \
        LW_(product_rows)(                                                                        \
            high, a, a_row, a_col, panel, depth, scale, start, start_row, c, c_row);              \
        a += high * a_row;                                                                        \
        c += high * c_row;                                                                        \
        start += high * start_row;                                                                \
        rows -= high;                                                                             \
    } while (0)

    while (rows > 0) {
        switch (lw_rows_at_once(rows)) {
#if LW_PRODUCT_ROWS > 6
        case LW_PRODUCT_ROWS: LW_TAKE_ROWS(LW_PRODUCT_ROWS); break;
#endif
        case 6: LW_TAKE_ROWS(6); break;
        case 5: LW_TAKE_ROWS(5); break;
        case 4: LW_TAKE_ROWS(4); break;
        case 3: LW_TAKE_ROWS(3); break;
        case 2: LW_TAKE_ROWS(2); break;
        default: LW_TAKE_ROWS(1);
        }
    }
#undef LW_TAKE_ROWS
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

/* Some columns of rows from one place to another. */
LW_INLINE void
LW_(product_move)(const LW_REAL *from, ptrdiff_t from_row, ptrdiff_t rows, ptrdiff_t wide,
    LW_REAL *to, ptrdiff_t to_row)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        memcpy(to + i * to_row, from + i * from_row, (size_t)wide * sizeof(LW_REAL));
    }
}

/* A tile of c: LW_ROWS rows of one panel. A panel of fewer columns has its sums in `narrow`. */
static void
LW_(product_tile)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const LW_REAL *b,
    ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row, ptrdiff_t tile)
{
    /* A vector that crosses a cache line is read twice. */
    _Alignas(LW_LINE) LW_REAL panel[LW_DEEP * (LW_PANEL_BYTES / sizeof(LW_REAL))];
    _Alignas(LW_LINE) LW_REAL narrow[LW_ROWS * (LW_PANEL_BYTES / sizeof(LW_REAL))];
    static const LW_REAL zeros[LW_PANEL_BYTES / sizeof(LW_REAL)];
    const ptrdiff_t n_panels = lw_tiles(n, LW_WIDE);
    const ptrdiff_t top = tile / n_panels * LW_ROWS;
    const ptrdiff_t left = tile % n_panels * LW_WIDE;
    const ptrdiff_t rows = lw_min(LW_ROWS, m - top);
    const ptrdiff_t wide = lw_min(LW_WIDE, n - left);
    const LW_REAL *from = start ? start + top * start_row + left : zeros;
    ptrdiff_t from_row = start ? start_row : 0;
    LW_REAL *const to = wide < LW_WIDE ? narrow : c + top * c_row + left;
    const ptrdiff_t to_row = wide < LW_WIDE ? LW_WIDE : c_row;

    if (wide < LW_WIDE && start) {
        memset(narrow, 0, sizeof narrow);
        LW_(product_move)(from, from_row, rows, wide, narrow, LW_WIDE);
        from = narrow;
        from_row = LW_WIDE;
    }
    for (ptrdiff_t k = 0; k == 0 || k < depth;
        k += LW_DEEP) { /* c is set by a sum of nothing too */
        const ptrdiff_t deep = lw_min(LW_DEEP, depth - k);
        const ptrdiff_t next_k = k + deep < depth ? k + deep : 0;
        const ptrdiff_t next_left = next_k ? left : (tile + 1) % n_panels * LW_WIDE;
        const lw_lines next = LW_(product_lines)(b + next_k * b_row + next_left * b_col, b_row,
            b_col, lw_min(LW_DEEP, depth - next_k), lw_min(LW_WIDE, n - next_left));
        LW_(product_copy)(b + k * b_row + left * b_col, b_row, b_col, deep, wide, panel);
        LW_(product_block)(a + top * a_row + k * a_col, a_row, a_col, panel, next, rows, deep,
            scale, from, from_row, to, to_row);
        from = to;
        from_row = to_row;
    }
    if (wide < LW_WIDE) {
        LW_(product_move)(narrow, LW_WIDE, rows, wide, c + top * c_row + left, c_row);
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
