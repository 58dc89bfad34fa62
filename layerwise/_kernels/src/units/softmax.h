/* A group of units of which exactly one is 1: p(unit k is 1) is proportional to e^(field of k). The
 * loops run over the rows of a tile, since groups are small: a vector has a number of each row, and
 * a sum over the group takes its terms in order. kinds.h says what the arguments are. */

#pragma once

#include "base/philox.h"
#include "base/real.h"
#include "base/vmath.h"
#include "units/numbers.h"

/* One unit's numbers of all rows; lanes without a row are left as they are. */
LW_INLINE void
LW_(take_lanes)(const LW_REAL *from, ptrdiff_t n_rows, ptrdiff_t apart, LW_REAL *lanes)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        lanes[i] = from[i * apart];
    }
}

LW_INLINE void
LW_(give_lanes)(const LW_REAL *lanes, ptrdiff_t n_rows, ptrdiff_t apart, LW_REAL *to)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        to[i * apart] = lanes[i];
    }
}

/* The largest field of each row's group. */
LW_LOOP void
LW_(softmax_largest)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart,
    LW_REAL largest[LW_UNITS_TILE])
{
    LW_REAL value[LW_UNITS_TILE] = { 0 };

    LW_(take_lanes)(field, n_rows, apart, largest);
    for (ptrdiff_t k = 1; k < n_units; k++) {
        LW_(take_lanes)(field + k, n_rows, apart, value);
        LW_SIMD
        for (int i = 0; i < LW_UNITS_TILE; i++) {
            largest[i] = value[i] > largest[i] ? value[i] : largest[i];
        }
    }
}

/* e^(field - largest) of each unit, and their sum over the group. */
LW_LOOP void
LW_(softmax_weights)(const LW_REAL *field, const LW_REAL *restrict largest, ptrdiff_t n_rows,
    ptrdiff_t n_units, ptrdiff_t apart, LW_REAL *weight, LW_REAL *restrict sum)
{
    LW_REAL value[LW_UNITS_TILE] = { 0 };

    for (int i = 0; i < LW_UNITS_TILE; i++) {
        sum[i] = 0;
    }
    for (ptrdiff_t k = 0; k < n_units; k++) {
        LW_(take_lanes)(field + k, n_rows, apart, value);
        LW_SIMD
        for (int i = 0; i < LW_UNITS_TILE; i++) {
            value[i] = LW_(lw_exp)(value[i] - largest[i]);
            sum[i] += value[i];
        }
        if (weight) {
            LW_(give_lanes)(value, n_rows, apart, weight + k);
        }
    }
}

LW_LOOP void
LW_(softmax_means)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart, LW_REAL *mean)
{
    LW_REAL largest[LW_UNITS_TILE] = { 0 }, sum[LW_UNITS_TILE], value[LW_UNITS_TILE] = { 0 };

    LW_(softmax_largest)(field, n_rows, n_units, apart, largest);
    LW_(softmax_weights)(field, largest, n_rows, n_units, apart, mean, sum);
    for (ptrdiff_t k = 0; k < n_units; k++) {
        LW_(take_lanes)(mean + k, n_rows, apart, value);
        LW_SIMD
        for (int i = 0; i < LW_UNITS_TILE; i++) {
            value[i] /= sum[i];
        }
        LW_(give_lanes)(value, n_rows, apart, mean + k);
    }
}

/* The first unit with which the cumulated weights exceed the uniform number of the group's first unit
 * times their sum. The number is below 1 by more than the product's rounding, so there is one. */
LW_LOOP void
LW_(softmax_draw)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t unit, ptrdiff_t n_units,
    ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *state)
{
    LW_REAL largest[LW_UNITS_TILE] = { 0 }, sum[LW_UNITS_TILE], value[LW_UNITS_TILE] = { 0 };
    LW_REAL cumulated[LW_UNITS_TILE] = { 0 }, before[LW_UNITS_TILE] = { 0 };
    uint32_t word[LW_PHILOX_UNITS];

    LW_(softmax_largest)(field, n_rows, n_units, apart, largest);
    LW_(softmax_weights)(field, largest, n_rows, n_units, apart, state, sum);
    lw_words_across(key, (uint32_t)(unit / 4), row, n_rows, step, lane, word);
    LW_SIMD
    for (int i = 0; i < LW_UNITS_TILE; i++) {
        sum[i] *= LW_(uniform)(word[unit % 4 * LW_PHILOX_GROUPS + i]);
    }
    for (ptrdiff_t k = 0; k < n_units; k++) {
        LW_(take_lanes)(state + k, n_rows, apart, value);
        LW_SIMD
        for (int i = 0; i < LW_UNITS_TILE; i++) {
            cumulated[i] += value[i];
            const LW_REAL now = cumulated[i] > sum[i] ? 1 : 0;
            value[i] = now - before[i];
            before[i] = now;
        }
        LW_(give_lanes)(value, n_rows, apart, state + k);
    }
}

/* A sum is at least 1, the largest unit's weight, or NaN. */
LW_LOOP void
LW_(softmax_log_partition)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart, double *total)
{
    LW_REAL largest[LW_UNITS_TILE] = { 0 }, sum[LW_UNITS_TILE];

    LW_(softmax_largest)(field, n_rows, n_units, apart, largest);
    LW_(softmax_weights)(field, largest, n_rows, n_units, apart, NULL, sum);
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        total[i] += (double)(largest[i] + (sum[i] >= 1 ? LW_(lw_log)(sum[i]) : sum[i]));
    }
}
