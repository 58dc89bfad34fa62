/* Units on [0, 1] with a density proportional to e^(field v). Under a field of the other sign the
 * distribution is that of 1 - v, so all is written for the falling density e^(-b v), b = |field|,
 * with f = 1 - e^-b: mean 1/b - e^-b / f, log-partition log(f / b), and the inverse of the
 * distribution function at u is -log(1 - u f) / b. kinds.h says what the arguments are. */

#pragma once

#include "base/philox.h"
#include "base/real.h"
#include "base/vmath.h"
#include "units/numbers.h"

/* |field|, but never so small that a product with a random number leaves the normal numbers: what
 * changes by that is below any rounding. A comparison that fails on NaN keeps it. */
LW_INLINE LW_REAL
LW_(fall_of)(LW_REAL field)
{
    const LW_REAL least = (LW_REAL)(sizeof(LW_REAL) == sizeof(float) ? 1e-30 : 1e-290);
    const LW_REAL b = LW_(lw_size)(field);

    return b < least ? least : b;
}

/* The mean under the falling density. Below b = 1, where the two terms cancel, the series
 * 1/2 - b/12 + b^3/720 - ..., whose terms fall by 4 pi^2: as many as reach the last place. */
LW_INLINE LW_REAL
LW_(falling_mean)(LW_REAL b)
{
    const LW_REAL q = b * b;
#ifdef LW_SINGLE
    LW_REAL p = 1.0f / 47900160.0f;
#else
    LW_REAL p = -174611.0 / 802857662698291200000.0;
    p = p * q + 43867.0 / 5109094217170944000.0;
    p = p * q - 3617.0 / 10670622842880000.0;
    p = p * q + 1.0 / 74724249600.0;
    p = p * q - 691.0 / 1307674368000.0;
    p = p * q + 1.0 / 47900160.0;
#endif
    p = p * q - (LW_REAL)1 / 1209600;
    p = p * q + (LW_REAL)1 / 30240;
    p = p * q - (LW_REAL)1 / 720;
    p = p * q + (LW_REAL)1 / 12;
    return b < 1 ? (LW_REAL)0.5 - b * p : 1 / b - LW_(lw_exp_falling)(b) / LW_(lw_fallen)(b);
}

LW_LOOP void
LW_(truncated_exponential_means)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart, LW_REAL *mean)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_units; j++) {
            const LW_REAL x = field[i * apart + j];
            const LW_REAL falling = LW_(falling_mean)(LW_(fall_of)(x));
            mean[i * apart + j] = x > 0 ? 1 - falling : falling;
        }
    }
}

/* 1 - u f is (1 - u) + u e^-b, a sum of two numbers that are not negative, and its distance from 1 is
 * u f: so the logarithm has its relative accuracy for any b. Rounding might lead past 1. */
LW_LOOP void
LW_(truncated_exponential_states)(
    const LW_REAL *field, const uint32_t *restrict word, ptrdiff_t n_units, LW_REAL *state)
{
    LW_SIMD
    for (ptrdiff_t j = 0; j < n_units; j++) {
        const LW_REAL x = field[j], b = LW_(fall_of)(x), u = LW_(uniform)(word[j]);
        const LW_REAL left = (1 - u) + u * LW_(lw_exp_falling)(b);
        const LW_REAL fallen = -LW_(lw_log_at)(left, -u * LW_(lw_fallen)(b)) / b;
        const LW_REAL inside = fallen > 1 ? 1 : fallen;
        state[j] = x > 0 ? 1 - inside : inside;
    }
}

static void
LW_(truncated_exponential_draw)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t unit,
    ptrdiff_t n_units, ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane,
    LW_REAL *state)
{
    lw_tile_words words;

    for (ptrdiff_t first = 0; first < n_units; first += words.units) {
        words_of_tile(n_rows, unit + first, n_units - first, row, key, step, lane, &words);
        for (ptrdiff_t i = 0; i < n_rows; i++) {
            LW_(truncated_exponential_states)(field + i * apart + first,
                words.word + i * words.apart + words.skip, words.units, state + i * apart + first);
        }
    }
}

/* log of the integral of e^(field v): max(field, 0) + log(f / b). The comparison keeps NaN. */
LW_LOOP void
LW_(truncated_exponential_log_partition)(const LW_REAL *restrict field, ptrdiff_t n_rows,
    ptrdiff_t n_units, ptrdiff_t apart, double *restrict total)
{
    for (ptrdiff_t i = 0; i < n_rows; i++, field += apart) {
        LW_REAL partial[8] = { 0 };

        for (ptrdiff_t j = 0; j < n_units; j += 8) {
            const ptrdiff_t live = lw_min(8, n_units - j);
            LW_SIMD
            for (ptrdiff_t k = 0; k < live; k++) {
                const LW_REAL x = field[j + k], b = LW_(fall_of)(x);
                const LW_REAL share = LW_(lw_fallen)(b) / b;
                partial[k] += (x < 0 ? 0 : x) + LW_(lw_log_at)(share, share - 1);
            }
        }
        total[i] += (double)LW_(sum_of_eight)(0, partial);
    }
}
