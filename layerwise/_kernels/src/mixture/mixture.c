/* Sums in the log domain (mixture.h), LW_TERMS terms at a time. The largest of them is found by
 * additions and maxima alone. Unless it is far below the sum so far, which is kept as
 * sum * e^top with the largest term's exponent for top, those of the terms that count are taken
 * to exponentials, and the others are skipped LW_NEAR at a time. Where this is needed terms lie
 * hundreds apart, so a term mostly costs an addition and a maximum, a tenth of its exponential. */

#include "mixture/mixture.h"

#include <math.h>

#include "base/threads.h"
#include "base/vmath.h"

enum {
    LW_TERMS = 256, /* 2 KB of both factors: the second look at them is in the L1 cache */
    LW_NEAR = 32,   /* terms that are skipped together */
    LW_ADDERS = 8,  /* sums side by side, folded in one order on all machines */
    LW_MIXTURE_ROWS = 8,
    LW_MIXTURE_CELLS = 64
};
#define LW_FAR 60.0

typedef struct {
    double top;
    double sum;
} lw_log_sum;

LW_LOOP double
largest_term(const double *restrict a, const double *restrict b, ptrdiff_t n)
{
    double most[LW_NEAR];
    ptrdiff_t k = 0;

    for (int l = 0; l < LW_NEAR; l++) {
        most[l] = -INFINITY;
    }
    for (; k + LW_NEAR <= n; k += LW_NEAR) {
        LW_SIMD
        for (int l = 0; l < LW_NEAR; l++) {
            const double term = a[k + l] + b[k + l];
            most[l] = term > most[l] ? term : most[l];
        }
    }
    for (int l = 0; k + l < n; l++) {
        const double term = a[k + l] + b[k + l];
        most[l] = term > most[l] ? term : most[l];
    }
    for (int width = LW_NEAR / 2; width; width /= 2) {
        LW_SIMD
        for (int l = 0; l < width; l++) {
            most[l] = most[l + width] > most[l] ? most[l + width] : most[l];
        }
    }
    return most[0];
}

/* The sum of exp(a[k] + b[k] - top). */
LW_LOOP double
sum_of_near(const double *restrict a, const double *restrict b, ptrdiff_t n, double top)
{
    double lane[LW_ADDERS] = { 0 };
    ptrdiff_t k = 0;

    for (; k + LW_NEAR <= n; k += LW_NEAR) {
        double term[LW_NEAR];
        int64_t near = 0; /* as wide as a term; clang folds no maximum, for the sake of NaN */
#pragma omp simd reduction(| : near)
        for (int l = 0; l < LW_NEAR; l++) {
            term[l] = a[k + l] + b[k + l] - top;
            near |= term[l] > -LW_FAR;
        }
        for (int q = 0; near && q < LW_NEAR; q += LW_ADDERS) {
            LW_SIMD
            for (int l = 0; l < LW_ADDERS; l++) {
                lane[l] += lw_exp_f64(term[q + l]);
            }
        }
    }
    for (int l = 0; k < n; k++, l = (l + 1) % LW_ADDERS) {
        lane[l] += lw_exp_f64(a[k] + b[k] - top);
    }
    for (int width = LW_ADDERS / 2; width; width /= 2) {
        for (int l = 0; l < width; l++) {
            lane[l] += lane[l + width];
        }
    }
    return lane[0];
}

/* Add exp(shift + a[k] + b[k]) for n <= LW_TERMS terms. */
LW_INLINE void
add_terms(const double *a, const double *b, ptrdiff_t n, double shift, lw_log_sum *into)
{
    const double top = largest_term(a, b, n) + shift;

    if (top <= into->top - LW_FAR) { /* so are -inf and -inf */
        return;
    }
    if (top > into->top) {
        into->sum *= lw_exp_f64(into->top - top);
        into->top = top;
    }
    into->sum += sum_of_near(a, b, n, into->top - shift);
}

static void
tile_of_rows(const double *low, const double *high, const double *table, const double *limit,
    ptrdiff_t rows, ptrdiff_t n, ptrdiff_t depth, double *sum)
{
    lw_log_sum into[LW_MIXTURE_ROWS];
    double most[LW_MIXTURE_ROWS];

    for (ptrdiff_t i = 0; i < rows; i++) {
        into[i] = (lw_log_sum) { -INFINITY, 0 };
        most[i] = -INFINITY;
        for (ptrdiff_t k = 0; k < depth; k++) {
            most[i] = low[i * depth + k] > most[i] ? low[i * depth + k] : most[i];
        }
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        for (ptrdiff_t i = 0; i < rows; i++) {
            const double shift = high[i * n + j];
            if (shift + limit[j] + most[i] <= into[i].top - LW_FAR) {
                continue;
            }
            for (ptrdiff_t k = 0; k < depth; k += LW_TERMS) {
                add_terms(low + i * depth + k, table + j * depth + k, lw_min(LW_TERMS, depth - k),
                    shift, &into[i]);
            }
        }
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        sum[i] = into[i].top + log(into[i].sum);
    }
}

void
lw_mixture_rows(const double *low, const double *high, const double *table, const double *limit,
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, int n_threads, double *sum)
{
    LW_WITH_THREADS(LW_SHARE_TILES(tile, lw_tiles(m, LW_MIXTURE_ROWS), {
        const ptrdiff_t i = tile * LW_MIXTURE_ROWS;
        tile_of_rows(low + i * depth, high + i * n, table, limit, lw_min(LW_MIXTURE_ROWS, m - i),
            n, depth, sum + i);
    }));
}

static void
tile_of_cells(const double *a, const double *b, const int64_t *cell, ptrdiff_t count, ptrdiff_t n,
    ptrdiff_t depth, double *sum)
{
    lw_log_sum into[LW_MIXTURE_CELLS];

    for (ptrdiff_t c = 0; c < count; c++) {
        into[c] = (lw_log_sum) { -INFINITY, 0 };
    }
    for (ptrdiff_t k = 0; k < depth; k += LW_TERMS) {
        for (ptrdiff_t c = 0; c < count; c++) {
            add_terms(a + cell[c] / n * depth + k, b + cell[c] % n * depth + k,
                lw_min(LW_TERMS, depth - k), 0, &into[c]);
        }
    }
    for (ptrdiff_t c = 0; c < count; c++) {
        sum[c] = into[c].top + log(into[c].sum);
    }
}

void
lw_mixture_cells(const double *a, const double *b, const int64_t *cell, ptrdiff_t count,
    ptrdiff_t n, ptrdiff_t depth, int n_threads, double *sum)
{
    LW_WITH_THREADS(LW_SHARE_TILES(tile, lw_tiles(count, LW_MIXTURE_CELLS), {
        const ptrdiff_t c = tile * LW_MIXTURE_CELLS;
        tile_of_cells(a, b, cell + c, lw_min(LW_MIXTURE_CELLS, count - c), n, depth, sum + c);
    }));
}
