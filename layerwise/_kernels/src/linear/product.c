/* The matrix product of product.h.
 *
 * Columns of c are cut into panels of LW_WIDE, rows into blocks of LW_ROWS, the sum into blocks of
 * LW_DEEP. A thread owns a (row block, panel) tile. It copies the panel of b into its own stack,
 * contiguous and padded with zeros, and then LW_PRODUCT_ROWS rows at a time keep their sums in
 * registers while the panel streams by, and leave them in c itself: through a buffer, the short sums
 * of a gradient over a batch of 100 took 1.4 times as long. Copying costs one element per LW_ROWS
 * multiply-adds, and waits for the memory that b is in; so the next panel is fetched while a panel
 * streams by: batches of 100 of a net of 900,000 weights took 1.08 times as long without it.
 *
 * What is zero in all rows of a group is left out (groups.h). */

#include "linear/product.h"

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "base/vector.h"
#include "linear/groups.h"
#include "linear/transpose.h"

#define LW_WIDE (LW_PANEL_BYTES / (ptrdiff_t)sizeof(LW_REAL)) /* columns of a panel */

/* c = start + scale * a b, as in product.h. */
typedef struct {
    const LW_REAL *a;
    ptrdiff_t a_row, a_col;
    const LW_REAL *b;
    ptrdiff_t b_row, b_col;
    ptrdiff_t m, n, depth;
    LW_REAL scale;
    const LW_REAL *start;
    ptrdiff_t start_row;
    LW_REAL *c;
    ptrdiff_t c_row;
} LW_(factors);

/* c[r][j] = start[r][j] + scale * sum_k a[r, k] panel[k][j] for `high` rows, a constant where this
 * is called, over the k < n, or those of at[n]; start may be c. Loops over rows are unrolled, and n is
 * not zero, or the sums would be kept in memory. */
LW_INLINE void
LW_(product_rows)(int high, const LW_REAL *restrict a, ptrdiff_t a_row, ptrdiff_t a_col,
    const LW_REAL *restrict panel, const uint16_t *restrict at, ptrdiff_t n, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
    LW_REAL sum[LW_PRODUCT_ROWS][LW_PANEL_BYTES / sizeof(LW_REAL)];

    LW_ASSUME(n > 0);
    LW_UNROLL(LW_PRODUCT_ROWS)
    for (int r = 0; r < high; r++) {
        LW_SIMD
        for (int j = 0; j < LW_WIDE; j++) {
            sum[r][j] = 0;
        }
    }
    for (ptrdiff_t t = 0; t < n; t++) {
        const ptrdiff_t k = at ? at[t] : t;
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

/* Calls `TAKE` with `high` as a constant. */
#if LW_PRODUCT_ROWS > 6
#define LW_MOST_ROWS(TAKE)                                                                        \
    case LW_PRODUCT_ROWS: TAKE(LW_PRODUCT_ROWS); break;
#else
#define LW_MOST_ROWS(TAKE)
#endif

#define LW_BY_ROWS(high, TAKE)                                                                    \
    switch (high) {                                                                               \
        LW_MOST_ROWS(TAKE)                                                                        \
    case 6: TAKE(6); break;                                                                       \
    case 5: TAKE(5); break;                                                                       \
    case 4: TAKE(4); break;                                                                       \
    case 3: TAKE(3); break;                                                                       \
    case 2: TAKE(2); break;                                                                       \
    default: TAKE(1);                                                                             \
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

#define LW_TAKE(high)                                                                             \
    do {                                                                                          \
        LW_(product_fetch)(next, fetched, fetched + part);                                        \
        fetched += part;                                                                          \
        LW_(product_rows)(                                                                        \
            high, a, a_row, a_col, panel, NULL, depth, scale, start, start_row, c, c_row);        \
        a += high * a_row;                                                                        \
        c += high * c_row;                                                                        \
        start += high * start_row;                                                                \
        rows -= high;                                                                             \
    } while (0)

    while (rows > 0) {
        LW_BY_ROWS(lw_rows_at_once(rows), LW_TAKE)
    }
#undef LW_TAKE
}

/* One group of rows, by the columns of a that are listed. */
LW_LOOP void
LW_(product_some)(int high, const LW_REAL *restrict a, ptrdiff_t a_row, ptrdiff_t a_col,
    const LW_REAL *restrict panel, const uint16_t *restrict at, ptrdiff_t n, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
#define LW_TAKE(high)                                                                             \
    LW_(product_rows)(high, a, a_row, a_col, panel, at, n, scale, start, start_row, c, c_row)

    LW_BY_ROWS(high, LW_TAKE)
#undef LW_TAKE
}

/* A block of rows of which some groups have their columns listed. */
static void
LW_(product_groups)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const lw_filled *filled,
    const LW_REAL *panel, lw_lines next, ptrdiff_t rows, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
    const ptrdiff_t part = lw_tiles(next.n, lw_tiles(rows, LW_PRODUCT_ROWS));
    const lw_lines none = { NULL, 0, 0, 0 };

    for (ptrdiff_t group = 0; rows > 0; group++) {
        const int high = lw_rows_at_once(rows), n = filled->n[group];
        LW_(product_fetch)(next, group * part, (group + 1) * part);
        if (n == LW_ALL) {
            LW_(product_block)(
                a, a_row, a_col, panel, none, high, depth, scale, start, start_row, c, c_row);
        } else {
            LW_(product_some)(high, a, a_row, a_col, panel, filled->at[group], n, scale, start,
                start_row, c, c_row);
        }
        a += high * a_row;
        c += high * c_row;
        start += high * start_row;
        rows -= high;
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

/* Some columns of rows from one place to another. */
LW_INLINE void
LW_(product_move)(const LW_REAL *from, ptrdiff_t from_row, ptrdiff_t rows, ptrdiff_t wide,
    LW_REAL *to, ptrdiff_t to_row)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        memcpy(to + i * to_row, from + i * from_row, (size_t)wide * sizeof(LW_REAL));
    }
}

/* A tile of c: LW_ROWS rows of one panel. A panel of fewer columns has its sums in `narrow`. What is
 * filled of the first `sought` columns of a is known. */
static void
LW_(product_tile)(
    const LW_(factors) * of, ptrdiff_t tile, ptrdiff_t sought, const lw_filled *filled)
{
    /* A vector that crosses a cache line is read twice. */
    _Alignas(LW_LINE) LW_REAL panel[LW_DEEP * (LW_PANEL_BYTES / sizeof(LW_REAL))];
    _Alignas(LW_LINE) LW_REAL narrow[LW_ROWS * (LW_PANEL_BYTES / sizeof(LW_REAL))];
    static const LW_REAL zeros[LW_PANEL_BYTES / sizeof(LW_REAL)];
    const ptrdiff_t n_panels = lw_tiles(of->n, LW_WIDE);
    const ptrdiff_t top = tile / n_panels * LW_ROWS;
    const ptrdiff_t left = tile % n_panels * LW_WIDE;
    const ptrdiff_t rows = lw_min(LW_ROWS, of->m - top);
    const ptrdiff_t wide = lw_min(LW_WIDE, of->n - left);
    const LW_REAL *from = of->start ? of->start + top * of->start_row + left : zeros;
    ptrdiff_t from_row = of->start ? of->start_row : 0;
    LW_REAL *const to = wide < LW_WIDE ? narrow : of->c + top * of->c_row + left;
    const ptrdiff_t to_row = wide < LW_WIDE ? LW_WIDE : of->c_row;

    if (wide < LW_WIDE && of->start) {
        memset(narrow, 0, sizeof narrow);
        LW_(product_move)(from, from_row, rows, wide, narrow, LW_WIDE);
        from = narrow;
        from_row = LW_WIDE;
    }
    if (of->depth == 0 && from != to) { /* a sum of nothing is one too */
        LW_(product_move)(from, from_row, rows, wide, to, to_row);
    }
    for (ptrdiff_t k = 0; k < of->depth; k += LW_DEEP) {
        const ptrdiff_t deep = lw_min(LW_DEEP, of->depth - k);
        const ptrdiff_t next_k = k + deep < of->depth ? k + deep : 0;
        const ptrdiff_t next_left = next_k ? left : (tile + 1) % n_panels * LW_WIDE;
        const lw_lines next = LW_(product_lines)(
            of->b + next_k * of->b_row + next_left * of->b_col, of->b_row, of->b_col,
            lw_min(LW_DEEP, of->depth - next_k), lw_min(LW_WIDE, of->n - next_left));
        LW_(product_copy)(
            of->b + k * of->b_row + left * of->b_col, of->b_row, of->b_col, deep, wide, panel);
        const LW_REAL *const a = of->a + top * of->a_row + k * of->a_col;
        if (k < sought && filled[k / LW_DEEP].listed) {
            LW_(product_groups)(a, of->a_row, of->a_col, filled + k / LW_DEEP, panel, next, rows,
                deep, of->scale, from, from_row, to, to_row);
        } else {
            LW_(product_block)(a, of->a_row, of->a_col, panel, next, rows, deep, of->scale, from,
                from_row, to, to_row);
        }
        from = to;
        from_row = to_row;
    }
    if (wide < LW_WIDE) {
        LW_(product_move)(narrow, LW_WIDE, rows, wide, of->c + top * of->c_row + left, of->c_row);
    }
}

/* lw_product by all threads of the region that this is called in. Tiles of a thread are neighbours, so
 * that what it knows of rows serves for many of them. */
static void
LW_(share_product)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const LW_REAL *b,
    ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, LW_REAL *c, ptrdiff_t c_row)
{
    const LW_(factors) of
        = { a, a_row, a_col, b, b_row, b_col, m, n, depth, scale, start, start_row, c, c_row };
    const ptrdiff_t n_panels = lw_tiles(of.n, LW_WIDE);
    const ptrdiff_t sought = n_panels < LW_FEWEST_PANELS ? 0 : lw_min(LW_SOUGHT, of.depth);
    ptrdiff_t known = -1;
    lw_filled filled[LW_SOUGHT / LW_DEEP];

    LW_SHARE_TILES(tile, n_panels * lw_tiles(of.m, LW_ROWS), {
        const ptrdiff_t block = tile / n_panels, top = block * LW_ROWS;
        if (block != known) {
            for (ptrdiff_t k = 0; k < sought; k += LW_DEEP) {
                LW_(groups_filled)(of.a + top * of.a_row + k * of.a_col, of.a_row, of.a_col,
                    lw_min(LW_ROWS, of.m - top), lw_min(LW_DEEP, of.depth - k),
                    filled + k / LW_DEEP);
            }
            known = block;
        }
        LW_(product_tile)(&of, tile, sought, filled);
    });
}

void
LW_(lw_product)(const LW_REAL *a, ptrdiff_t a_row, ptrdiff_t a_col, const LW_REAL *b,
    ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, LW_REAL scale,
    const LW_REAL *start, ptrdiff_t start_row, int n_threads, LW_REAL *c, ptrdiff_t c_row)
{
    LW_WITH_THREADS(LW_(share_product)(
        a, a_row, a_col, b, b_row, b_col, m, n, depth, scale, start, start_row, c, c_row));
}
