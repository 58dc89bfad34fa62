/* Bernoulli units: means, states and log-partitions, by vectors, rows and tiles of rows. */

#pragma once

#include "base/philox.h"
#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "units/numbers.h"

#define LW_UNITS_LANES 16 /* one vector of 512 bits of floats, and a call of Philox */
#define LW_UNITS_LOGS 64  /* factors below 2 of a product whose logarithm is taken */

/* States of up to LW_UNITS_TILE rows, `apart` numbers from each other, given their means; `row` is the
 * first one's address, and `unit` the first unit's. */
LW_LOOP void
LW_(states_tile)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t unit, ptrdiff_t n_units,
    ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *state)
{
    lw_tile_words words;

    for (ptrdiff_t first = 0; first < n_units; first += words.units) {
        words_of_tile(n_rows, unit + first, n_units - first, row, key, step, lane, &words);
        for (ptrdiff_t i = 0; i < n_rows; i++) {
            const uint32_t *const word = words.word + i * words.apart + words.skip;
            const ptrdiff_t at = i * apart + first;
            LW_SIMD
            for (ptrdiff_t j = 0; j < words.units; j++) {
                state[at + j] = LW_(uniform)(word[j]) < mean[at + j] ? 1 : 0;
            }
        }
    }
}

/* Of all rows of a layer, by all threads of a region. */
static void
LW_(share_states)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key,
    uint32_t first_row, uint32_t step, uint32_t lane, LW_REAL *state)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(states_tile)(mean + t * tile, lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), 0,
            n_units, n_units, first_row + (uint32_t)(t * LW_UNITS_TILE), key, step, lane,
            state + t * tile));
}

/* One vector of fields: means in their place. Each lane multiplies `whole` by 1 + e^-|field| and adds
 * what is above zero to `above`: together softplus, whose logarithms are taken once for many. */
LW_INLINE void
LW_(means_lanes)(LW_REAL *restrict field, LW_REAL bias, LW_REAL whole[LW_UNITS_LANES],
    LW_REAL above[LW_UNITS_LANES])
{
    LW_SIMD
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        const LW_REAL x = field[k] + bias;
        const LW_REAL e = LW_(lw_exp_falling)(x);
        const LW_REAL mean = 1 / (1 + e);
        field[k] = x < 0 ? e * mean : mean;
        whole[k] *= 1 + e;
        above[k] += x < 0 ? 0 : x;
    }
}

/* The sum over `live` lanes of above + log(whole), which start anew. Each log is of at most
 * 2^LW_UNITS_LOGS. */
LW_INLINE double
LW_(softplus_lanes)(int live, LW_REAL whole[LW_UNITS_LANES], LW_REAL above[LW_UNITS_LANES])
{
    double part[LW_UNITS_LANES];

    LW_SIMD
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        const double sum = (double)(above[k] + LW_(lw_log)(whole[k]));
        part[k] = k < live ? sum : 0;
        whole[k] = 1;
        above[k] = 0;
    }
    for (int width = LW_UNITS_LANES / 2; width; width /= 2) {
        for (int k = 0; k < width; k++) {
            part[k] += part[k + width];
        }
    }
    return part[0];
}

/* Means of a row of units in the place of their fields, and the sum of softplus(field) where that is
 * asked for. The row has room for whole vectors, and its last lanes are left at zero. */
LW_LOOP void
LW_(means_of_row)(LW_REAL *restrict field, ptrdiff_t n_units, double *softplus)
{
    LW_REAL whole[LW_UNITS_LANES], above[LW_UNITS_LANES];
    const ptrdiff_t room = lw_tiles(n_units, LW_UNITS_LANES) * LW_UNITS_LANES;
    double sum = 0;

    for (int k = 0; k < LW_UNITS_LANES; k++) {
        whole[k] = 1;
        above[k] = 0;
    }
    for (ptrdiff_t j = n_units; j < room; j++) {
        field[j] = -1e4; /* softplus is zero */
    }
    for (ptrdiff_t j = 0; j < room; j += LW_UNITS_LANES) {
        LW_(means_lanes)(field + j, 0, whole, above);
        if ((j / LW_UNITS_LANES + 1) % LW_UNITS_LOGS == 0) {
            sum += LW_(softplus_lanes)(LW_UNITS_LANES, whole, above);
        }
    }
    for (ptrdiff_t j = n_units; j < room; j++) {
        field[j] = 0;
    }
    if (softplus) {
        *softplus = sum + LW_(softplus_lanes)(LW_UNITS_LANES, whole, above);
    }
}

/* As a kind of units (kinds.h says what the arguments are). */

/* Rows that stand side by side are one, so that those of narrow layers fill vectors. Here and below,
 * what is written may be what is read: each number depends on the one in its place, which LW_SIMD
 * says to the compiler. */
LW_LOOP void
LW_(bernoulli_means)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart, LW_REAL *mean)
{
    const ptrdiff_t wide = apart == n_units ? n_rows * n_units : n_units;

    for (ptrdiff_t from = 0; from < n_rows * apart; from += lw_max(apart, wide)) {
        LW_SIMD
        for (ptrdiff_t j = from; j < from + wide; j++) {
            mean[j] = LW_(lw_sigmoid)(field[j]);
        }
    }
}

static void
LW_(bernoulli_draw)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t unit, ptrdiff_t n_units,
    ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *state)
{
    LW_(bernoulli_means)(field, n_rows, n_units, apart, state);
    LW_(states_tile)(state, n_rows, unit, n_units, apart, row, key, step, lane, state);
}

/* Eight partial sums, so that the loop is a vector loop without reordering anything. */
LW_LOOP void
LW_(bernoulli_log_partition)(const LW_REAL *restrict field, ptrdiff_t n_rows, ptrdiff_t n_units,
    ptrdiff_t apart, double *restrict total)
{
    for (ptrdiff_t i = 0; i < n_rows; i++, field += apart) {
        LW_REAL partial[8] = { 0 }, rest = 0;
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
        total[i] += (double)LW_(sum_of_eight)(rest, partial);
    }
}
