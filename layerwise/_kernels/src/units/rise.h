/* How much the log-partitions of two-state units rise where their fields are multiplied by another
 * number: what importance weights of annealed chains are made of, tens of thousands of them a chain.
 *
 *     A(to x) - A(from x) = (to - from) max(x, 0) + log (1 + e^-|to x|) - log (1 + e^-|from x|)
 *
 * of a Bernoulli unit; of a spin, |x| stands for max(x, 0) and twice the fields for the fields. The
 * sign of x is that of both fields, so that the first part loses no digit however close `from` and
 * `to` are; factors of the other parts are multiplied, and logarithms are taken once for many. */

#pragma once

#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "units/bernoulli.h"
#include "units/units.h"

typedef struct {
    LW_REAL above[LW_UNITS_LANES];
    LW_REAL whole_from[LW_UNITS_LANES];
    LW_REAL whole_to[LW_UNITS_LANES];
} LW_(rise);

LW_INLINE void
LW_(rise_start)(LW_(rise) * rise)
{
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        rise->above[k] = 0;
        rise->whole_from[k] = rise->whole_to[k] = 1;
    }
}

/* One vector of fields, each with its own numbers: at most LW_UNITS_LOGS of them between two starts.
 * `mean`, the shares of upper states at `to`, may be NULL, and may be the fields. */
LW_INLINE void
LW_(rise_lanes)(const LW_REAL *field, const LW_REAL *from, const LW_REAL *to, int spin,
    LW_(rise) * rise, LW_REAL *mean)
{
    const LW_REAL steep = spin ? 2 : 1;
    LW_REAL e_from[LW_UNITS_LANES], e_to[LW_UNITS_LANES];

    /* A loop for each: with both in one, the compiler makes branches of their clamps. */
    LW_SIMD
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        e_from[k] = LW_(lw_exp_falling)(steep * from[k] * field[k]);
    }
    LW_SIMD
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        e_to[k] = LW_(lw_exp_falling)(steep * to[k] * field[k]);
    }
    LW_SIMD
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        const LW_REAL x = field[k], size = LW_(lw_size)(x), upper = 1 / (1 + e_to[k]);
        rise->whole_from[k] *= 1 + e_from[k];
        rise->whole_to[k] *= 1 + e_to[k];
        rise->above[k] += spin ? size : (x + size) / 2;
        if (mean) {
            mean[k] = x < 0 ? e_to[k] * upper : upper;
        }
    }
}

/* The rise of each lane, added to its total; then lanes start anew. */
LW_INLINE void
LW_(rise_add)(const LW_REAL *from, const LW_REAL *to, LW_(rise) * rise, double *total)
{
    LW_SIMD
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        /* Not 1 + more, which is zero where `to` has far the smaller product: 2^-32 of 500 units. */
        const LW_REAL times = rise->whole_to[k] / rise->whole_from[k];
        const LW_REAL more = (rise->whole_to[k] - rise->whole_from[k]) / rise->whole_from[k];
        total[k] += (double)((to[k] - from[k]) * rise->above[k] + LW_(lw_log_at)(times, more));
    }
    LW_(rise_start)(rise);
}

/* Of a row of units. */
LW_LOOP double
LW_(rise_of_row)(
    const LW_REAL *restrict field, ptrdiff_t n_units, LW_REAL from, LW_REAL to, int spin)
{
    LW_REAL froms[LW_UNITS_LANES], tos[LW_UNITS_LANES], last[LW_UNITS_LANES] = { 0 };
    double total[LW_UNITS_LANES] = { 0 }, sum = 0;
    LW_(rise) rise;

    for (int k = 0; k < LW_UNITS_LANES; k++) {
        froms[k] = from;
        tos[k] = to;
    }
    LW_(rise_start)(&rise);
    for (ptrdiff_t j = 0, taken = 0; j < n_units; j += LW_UNITS_LANES, taken++) {
        const LW_REAL *here = field + j;
        if (n_units - j < LW_UNITS_LANES) { /* a field of zero does not rise */
            memcpy(last, here, (size_t)(n_units - j) * sizeof(LW_REAL));
            here = last;
        }
        if (taken == LW_UNITS_LOGS) {
            LW_(rise_add)(froms, tos, &rise, total);
            taken = 0;
        }
        if (spin) {
            LW_(rise_lanes)(here, froms, tos, 1, &rise, NULL);
        } else {
            LW_(rise_lanes)(here, froms, tos, 0, &rise, NULL);
        }
    }
    LW_(rise_add)(froms, tos, &rise, total);
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        sum += total[k];
    }
    return sum;
}

/* Of a row of a layer of two-state units. */
static double
LW_(units_rise)(
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *field, LW_REAL from, LW_REAL to)
{
    double sum = 0;
    ptrdiff_t unit = 0;

    for (ptrdiff_t k = 0; k < n_runs; k++) {
        sum += LW_(rise_of_row)(
            field + unit, (ptrdiff_t)units[k].size, from, to, units[k].kind == LW_SPIN);
        unit += (ptrdiff_t)units[k].size;
    }
    return sum;
}
