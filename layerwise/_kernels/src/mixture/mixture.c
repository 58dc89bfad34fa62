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

LW_INLINE double
sum_of_lanes(double *lane)
{
    for (int width = LW_ADDERS / 2; width; width /= 2) {
        for (int l = 0; l < width; l++) {
            lane[l] += lane[l + width];
        }
    }
    return lane[0];
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
    return sum_of_lanes(lane);
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

/* Add exp(a[k] + b[k] - top) to each share[k], and return the sum of these, for n <= LW_TERMS. */
LW_LOOP double
add_shares(const double *restrict a, const double *restrict b, ptrdiff_t n, double top,
    double *restrict share)
{
    double term[LW_TERMS], lane[LW_ADDERS] = { 0 };
    ptrdiff_t k = 0;

    LW_SIMD
    for (ptrdiff_t l = 0; l < n; l++) {
        term[l] = lw_exp_f64(a[l] + b[l] - top);
        share[l] += term[l];
    }
    for (; k + LW_ADDERS <= n; k += LW_ADDERS) {
        LW_SIMD
        for (int l = 0; l < LW_ADDERS; l++) {
            lane[l] += term[k + l];
        }
    }
    for (int l = 0; k < n; k++, l++) {
        lane[l] += term[k];
    }
    return sum_of_lanes(lane);
}

static void
row_of_shares(const double *low, const double *high, const double *table, const double *limit,
    double sum, ptrdiff_t n, ptrdiff_t depth, double *by_high, double *by_low)
{
    double most = -INFINITY;

    for (ptrdiff_t k = 0; k < depth; k++) {
        by_low[k] = 0;
        most = low[k] > most ? low[k] : most;
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        by_high[j] = 0;
        if (high[j] + limit[j] + most <= sum - LW_FAR) {
            continue;
        }
        for (ptrdiff_t k = 0; k < depth; k += LW_TERMS) {
            const ptrdiff_t count = lw_min(LW_TERMS, depth - k);
            const double *row = table + j * depth + k;
            if (high[j] + largest_term(low + k, row, count) > sum - LW_FAR) {
                by_high[j] += add_shares(low + k, row, count, sum - high[j], by_low + k);
            }
        }
    }
}

static void
share_shares(const double *low, const double *high, const double *table, const double *limit,
    const double *sum, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, double *by_high, double *by_low)
{
    LW_SHARE_TILES(i, m, {
        row_of_shares(low + i * depth, high + i * n, table, limit, sum[i], n, depth,
            by_high + i * n, by_low + i * depth);
    });
}

void
lw_mixture_shares(const double *low, const double *high, const double *table, const double *limit,
    const double *sum, ptrdiff_t m, ptrdiff_t n, ptrdiff_t depth, int n_threads, double *by_high,
    double *by_low)
{
    LW_WITH_THREADS(share_shares(low, high, table, limit, sum, m, n, depth, by_high, by_low));
}

LW_LOOP double
sum_of_products(const double *restrict a, const double *restrict b, ptrdiff_t n)
{
    double lane[LW_ADDERS] = { 0 };
    ptrdiff_t k = 0;

    for (; k + LW_ADDERS <= n; k += LW_ADDERS) {
        LW_SIMD
        for (int l = 0; l < LW_ADDERS; l++) {
            lane[l] += a[k + l] * b[k + l];
        }
    }
    for (int l = 0; k < n; k++, l++) {
        lane[l] += a[k] * b[k];
    }
    return sum_of_lanes(lane);
}

/* Blocks are walked first, by their sums; then the weights of the block that the number is in, of
 * which rounding may leave it past the last. */
static int64_t
picked(const double *a, const double *b, double uniform, ptrdiff_t n)
{
    double sum = 0, block = 0;
    ptrdiff_t first = 0, most = 0;

    for (ptrdiff_t k = 0; k < n; k += LW_NEAR) {
        sum += sum_of_products(a + k, b + k, lw_min(LW_NEAR, n - k));
    }
    const double target = uniform * sum;
    for (sum = 0; first < n; first += LW_NEAR) {
        block = sum_of_products(a + first, b + first, lw_min(LW_NEAR, n - first));
        if (sum + block > target) {
            break;
        }
        sum += block;
    }
    for (ptrdiff_t k = first; k < lw_min(first + LW_NEAR, n); k++) {
        const double weight = a[k] * b[k];
        most = weight > 0 ? k : most;
        sum += weight;
        if (sum > target) {
            break;
        }
    }
    return most;
}

static void
share_picks(const double *a, const double *b, const int64_t *row, const double *uniform,
    ptrdiff_t m, ptrdiff_t n, int64_t *index)
{
    LW_SHARE_TILES(tile, lw_tiles(m, LW_MIXTURE_ROWS), {
        const ptrdiff_t last = lw_min((tile + 1) * LW_MIXTURE_ROWS, m);
        for (ptrdiff_t i = tile * LW_MIXTURE_ROWS; i < last; i++) {
            index[i] = picked(a + i * n, b + (row ? row[i] : i) * n, uniform[i], n);
        }
    });
}

void
lw_mixture_pick(const double *a, const double *b, const int64_t *row, const double *uniform,
    ptrdiff_t m, ptrdiff_t n, int n_threads, int64_t *index)
{
    LW_WITH_THREADS(share_picks(a, b, row, uniform, m, n, index));
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
