/* The functions of units.h, for one float type. */

#include "real.h"

static void
LW_(means_tile)(const LW_REAL *restrict field, ptrdiff_t n, LW_REAL *restrict mean)
{
    LW_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        mean[i] = LW_(lw_sigmoid)(field[i]);
    }
}

void
LW_(lw_means)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads, LW_REAL *mean)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_FOR_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(means_tile)(
            field + t * tile, lw_min(tile, n_rows * n_units - t * tile), mean + t * tile));
}

static void
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

/* The same for a tile of rows of a narrow layer, whose counters fill the lanes row after row: a row
 * of 16 units alone would use a quarter of them. */
static void
LW_(states_narrow)(const LW_REAL *restrict mean, ptrdiff_t n_rows, ptrdiff_t n_units, uint32_t row,
    lw_key key, uint32_t step, uint32_t lane, LW_REAL *restrict state)
{
    const ptrdiff_t n_groups = lw_tiles(n_units, 4);
    uint32_t word[LW_UNITS_TILE * LW_PHILOX_UNITS];
    uint32_t groups[LW_PHILOX_GROUPS], rows[LW_PHILOX_GROUPS], group = 0, at = row;

    for (ptrdiff_t first = 0; first < n_rows * n_groups; first += LW_PHILOX_GROUPS) {
        for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
            const int last = group + 1 == n_groups;
            groups[g] = group;
            rows[g] = at;
            group = last ? 0 : group + 1;
            at += (uint32_t)last;
        }
        lw_words_of(key, groups, rows, step, lane, word + 4 * first);
    }
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_units; j++) {
            state[i * n_units + j]
                = LW_(uniform)(word[4 * i * n_groups + j]) < mean[i * n_units + j] ? 1 : 0;
        }
    }
}

void
LW_(lw_states)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step,
    uint32_t lane, int n_threads, LW_REAL *state)
{
    if (n_units <= LW_PHILOX_UNITS) {
        LW_FOR_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
            LW_(states_narrow)(mean + t * LW_UNITS_TILE * n_units,
                lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units,
                (uint32_t)(t * LW_UNITS_TILE), key, step, lane,
                state + t * LW_UNITS_TILE * n_units));
        return;
    }
    LW_FOR_TILES(i, n_rows,
        LW_(states_row)(
            mean + i * n_units, n_units, (uint32_t)i, key, step, lane, state + i * n_units));
}

static void
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
    LW_FOR_TILES(i, n_rows,
        LW_(masked_row)(input + i * n_units, n_units, probability, (uint32_t)i, key, step, lane,
            output + i * n_units));
}

/* Eight partial sums, so that the loop is a vector loop without reordering anything. */
static LW_REAL
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
LW_(lw_softplus_sums)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads, LW_REAL *sum)
{
    LW_FOR_TILES(i, n_rows, sum[i] = LW_(softplus_sum_row)(field + i * n_units, n_units));
}
