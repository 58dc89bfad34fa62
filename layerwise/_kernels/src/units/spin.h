/* Spins, -1 and +1: p(+1 | field) = 1 / (1 + e^(-2 field)), and log(e^field + e^-field). A spin is
 * 2 s - 1, with s a Bernoulli unit under twice the field, and is drawn with its number. kinds.h says
 * what the arguments are. */

#pragma once

#include "base/philox.h"
#include "base/real.h"
#include "base/vmath.h"
#include "units/bernoulli.h"

/* p(+1 | field): twice the smallest field that rounds p to 0 or 1 is far from overflow, and beyond
 * it the result is clamped. */
LW_LOOP void
LW_(spin_shares)(const LW_REAL *field, ptrdiff_t n_units, LW_REAL *share)
{
    LW_SIMD
    for (ptrdiff_t j = 0; j < n_units; j++) {
        share[j] = LW_(lw_sigmoid)(2 * field[j]);
    }
}

/* From 0 and 1 to -1 and +1, and from shares to means. */
LW_LOOP void
LW_(spin_values)(ptrdiff_t n_units, LW_REAL *value)
{
    LW_SIMD
    for (ptrdiff_t j = 0; j < n_units; j++) {
        value[j] = 2 * value[j] - 1;
    }
}

static void
LW_(spin_means)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart, LW_REAL *mean)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_(spin_shares)(field + i * apart, n_units, mean + i * apart);
        LW_(spin_values)(n_units, mean + i * apart);
    }
}

static void
LW_(spin_draw)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t unit, ptrdiff_t n_units,
    ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *state)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_(spin_shares)(field + i * apart, n_units, state + i * apart);
    }
    LW_(states_tile)(state, n_rows, unit, n_units, apart, row, key, step, lane, state);
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_(spin_values)(n_units, state + i * apart);
    }
}

/* |field| + log(1 + e^(-2 |field|)). Eight partial sums, as in bernoulli.h. */
LW_LOOP void
LW_(spin_log_partition)(const LW_REAL *restrict field, ptrdiff_t n_rows, ptrdiff_t n_units,
    ptrdiff_t apart, double *restrict total)
{
    for (ptrdiff_t i = 0; i < n_rows; i++, field += apart) {
        LW_REAL partial[8] = { 0 }, rest = 0;
        ptrdiff_t j = 0;

        for (; j + 8 <= n_units; j += 8) {
            LW_SIMD
            for (int k = 0; k < 8; k++) {
                const LW_REAL x = field[j + k];
                partial[k] += LW_(lw_size)(x) + LW_(lw_log1p)(LW_(lw_exp_falling)(2 * x));
            }
        }
        for (; j < n_units; j++) {
            rest += LW_(lw_size)(field[j]) + LW_(lw_log1p)(LW_(lw_exp_falling)(2 * field[j]));
        }
        total[i] += (double)LW_(sum_of_eight)(rest, partial);
    }
}
