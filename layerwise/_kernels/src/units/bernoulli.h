/* Bernoulli units: means, states and log-partitions, by vectors, rows and tiles of rows. */

#ifndef LW_UNITS_BERNOULLI_H
#define LW_UNITS_BERNOULLI_H

#include "base/philox.h"
#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"

#define LW_UNITS_TILE 16  /* rows a thread takes at a time */
#define LW_UNITS_LANES 16 /* one vector of 512 bits of floats, and a call of Philox */
#define LW_UNITS_LOGS 64  /* factors below 2 of a product whose logarithm is taken */

/* A uniform number in [0, 1) from 32 bits: never 1, so that a mean of 1 is always drawn. */
LW_INLINE float
uniform_f32(uint32_t word)
{
    return (float)(int32_t)(word >> 8) * 0x1p-24f;
}

/* The signed conversion is the one that every instruction set has. */
LW_INLINE double
uniform_f64(uint32_t word)
{
    return ((double)(int32_t)(word ^ 0x80000000u) + 0x1p31) * 0x1p-32;
}

LW_LOOP void
LW_(means_tile)(const LW_REAL *restrict field, ptrdiff_t n, LW_REAL *restrict mean)
{
    LW_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        mean[i] = LW_(lw_sigmoid)(field[i]);
    }
}

LW_LOOP void
LW_(states_row)(const LW_REAL *restrict mean, ptrdiff_t n_units, uint32_t row, lw_key key,
    uint32_t step, uint32_t lane, LW_REAL *restrict state)
{
    uint32_t word[LW_PHILOX_UNITS];

    for (ptrdiff_t first = 0; first < n_units; first += LW_PHILOX_UNITS) {
        const ptrdiff_t units = lw_min(LW_PHILOX_UNITS, n_units - first);
        lw_words_at(key, (uint32_t)(first / 4), row, units, step, lane, word);
        LW_SIMD
        for (ptrdiff_t j = 0; j < units; j++) {
            state[first + j] = LW_(uniform)(word[j]) < mean[first + j] ? 1 : 0;
        }
    }
}

/* The same for a tile of rows of a narrow layer, whose counters fill the lanes row after row: a row
 * of 16 units alone would use an eighth of them. */
LW_LOOP void
LW_(states_narrow)(const LW_REAL *restrict mean, ptrdiff_t n_rows, ptrdiff_t n_units,
    ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane,
    LW_REAL *restrict state)
{
    const ptrdiff_t n_groups = lw_tiles(n_units, 4);
    uint32_t word[LW_UNITS_TILE * LW_PHILOX_UNITS];
    lw_lane groups[LW_PHILOX_GROUPS], rows[LW_PHILOX_GROUPS];
    uint32_t group = 0, at = row;

    for (ptrdiff_t first = 0; first < n_rows * n_groups; first += LW_PHILOX_GROUPS) {
        for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
            const int last = group + 1 == n_groups;
            groups[g] = group;
            rows[g] = at;
            group = last ? 0 : group + 1;
            at += (uint32_t)last;
        }
        lw_words_of(key, groups, rows, LW_PHILOX_GROUPS, step, lane, 0, word + 4 * first);
    }
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_units; j++) {
            state[i * apart + j]
                = LW_(uniform)(word[4 * i * n_groups + j]) < mean[i * apart + j] ? 1 : 0;
        }
    }
}

/* Up to LW_UNITS_TILE rows, `apart` numbers from each other; `row` is the first one's address. */
static void
LW_(states_tile)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart,
    uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *state)
{
    if (n_units <= LW_PHILOX_UNITS) {
        LW_(states_narrow)(mean, n_rows, n_units, apart, row, key, step, lane, state);
        return;
    }
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_(states_row)(
            mean + i * apart, n_units, row + (uint32_t)i, key, step, lane, state + i * apart);
    }
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

/* Eight partial sums, so that the loop is a vector loop without reordering anything. */
LW_LOOP LW_REAL
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

#endif
