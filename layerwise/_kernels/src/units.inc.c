/* The functions of units.h, for one float type. */

#include "real.h"

LW_MULTIVERSION static void
LW_(means_tile)(const LW_REAL *restrict field, ptrdiff_t n, LW_REAL *restrict mean)
{
    LW_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        mean[i] = LW_(lw_sigmoid)(field[i]);
    }
}

void
LW_(lw_means)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads,
    LW_REAL *mean)
{
    const ptrdiff_t n_tiles = lw_tiles(n_rows, LW_UNITS_TILE);
    ptrdiff_t t;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (t = 0; t < n_tiles; t++) {
        const ptrdiff_t first = t * LW_UNITS_TILE;
        const ptrdiff_t rows = lw_min(LW_UNITS_TILE, n_rows - first);
        LW_(means_tile)(field + first * n_units, rows * n_units, mean + first * n_units);
    }
}

LW_MULTIVERSION static void
LW_(states_row)(const LW_REAL *restrict mean, ptrdiff_t n_units, uint32_t row, lw_key key,
    uint32_t step, uint32_t lane, LW_REAL *restrict state)
{
    uint32_t word[LW_PHILOX_UNITS];

    for (ptrdiff_t first = 0; first < n_units; first += LW_PHILOX_UNITS) {
        const ptrdiff_t units = lw_min(LW_PHILOX_UNITS, n_units - first);
        lw_words_at(key, (uint32_t)(first / 4), row, step, lane, word);
        LW_SIMD
        for (ptrdiff_t j = 0; j < units; j++) {
            state[first + j] = LW_(uniform)(word[j]) < mean[first + j] ? 1 : 0;
        }
    }
}

void
LW_(lw_states)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step,
    uint32_t lane, int n_threads, LW_REAL *state)
{
    ptrdiff_t i;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (i = 0; i < n_rows; i++) {
        LW_(states_row)
        (mean + i * n_units, n_units, (uint32_t)i, key, step, lane, state + i * n_units);
    }
}

LW_MULTIVERSION static void
LW_(masked_row)(const LW_REAL *restrict input, ptrdiff_t n_units, LW_REAL probability,
    uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *restrict output)
{
    uint32_t word[LW_PHILOX_UNITS];

    for (ptrdiff_t first = 0; first < n_units; first += LW_PHILOX_UNITS) {
        const ptrdiff_t units = lw_min(LW_PHILOX_UNITS, n_units - first);
        lw_words_at(key, (uint32_t)(first / 4), row, step, lane, word);
        LW_SIMD
        for (ptrdiff_t j = 0; j < units; j++) {
            output[first + j] = LW_(uniform)(word[j]) < probability ? 0 : input[first + j];
        }
    }
}

void
LW_(lw_masked)(const LW_REAL *input, ptrdiff_t n_rows, ptrdiff_t n_units, LW_REAL probability,
    lw_key key, uint32_t step, uint32_t lane, int n_threads, LW_REAL *output)
{
    ptrdiff_t i;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (i = 0; i < n_rows; i++) {
        LW_(masked_row)
        (input + i * n_units, n_units, probability, (uint32_t)i, key, step, lane,
            output + i * n_units);
    }
}

/* Eight partial sums, so that the loop is a vector loop without reordering anything. */
LW_MULTIVERSION static LW_REAL
LW_(softplus_sum_row)(const LW_REAL *restrict field, ptrdiff_t n_units)
{
    LW_REAL partial[8] = { 0 };
    LW_REAL rest = 0;
    ptrdiff_t j = 0;

    for (; j + 8 <= n_units; j += 8) {
        LW_SIMD
        for (int k = 0; k < 8; k++) {
            partial[k] += LW_(lw_softplus)(field[j + k]);
        }
    }
    for (; j < n_units; j++) {
        rest += LW_(lw_softplus)(field[j]);
    }
    return rest + ((partial[0] + partial[4]) + (partial[2] + partial[6]))
        + ((partial[1] + partial[5]) + (partial[3] + partial[7]));
}

void
LW_(lw_softplus_sums)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads,
    LW_REAL *sum)
{
    ptrdiff_t i;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (i = 0; i < n_rows; i++) {
        sum[i] = LW_(softplus_sum_row)(field + i * n_units, n_units);
    }
}
