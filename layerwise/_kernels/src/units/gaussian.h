/* Gaussian units, with the density of base e^(-v^2 / (2 s^2)) and a field: mean s^2 field, standard
 * deviation s, and log-partition s^2 field^2 / 2 + log(2 pi s^2) / 2. `scale` holds each unit's s.
 * kinds.h says what the other arguments are. */

#pragma once

#include "base/philox.h"
#include "base/real.h"
#include "base/vmath.h"
#include "units/numbers.h"

/* What a lane is changed to where normal numbers are made. */
#define LW_LANE_OF_NORMALS 0x80000000u

LW_LOOP void
LW_(gaussian_means)(const LW_REAL *restrict scale, const LW_REAL *field, ptrdiff_t n_rows,
    ptrdiff_t n_units, ptrdiff_t apart, LW_REAL *mean)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_units; j++) {
            mean[i * apart + j] = scale[j] * scale[j] * field[i * apart + j];
        }
    }
}

/* Standard normal numbers by the transformation of Box and Muller (1958). The units of addresses 2k
 * and 2k + 1 share their two words: the first is sqrt(-2 log(1 - u)) cos(2 pi w), the second the same
 * with the sine, where u is the uniform number of the first word and w the second word, a signed
 * number, times 2^-32. The words stand in a lane of their own: the other unit may be of a kind that
 * reads its word where it stands. `n_words` is even, and the first word is that of an even unit. The
 * largest number has the size 6.7 in float64 and 5.8 in float32, beyond which a normal number lies
 * once in 10^10 and 10^8. */
LW_LOOP void
LW_(normals)(const uint32_t *restrict word, ptrdiff_t n_words, LW_REAL *restrict normal)
{
    LW_SIMD
    for (ptrdiff_t k = 0; k < n_words / 2; k++) {
        const LW_REAL u = LW_(uniform)(word[2 * k]);
        const LW_REAL length = LW_(lw_root)(-2 * LW_(lw_log_at)(1 - u, -u));
        LW_REAL cosine, sine;
        LW_(lw_cos_sin)((LW_REAL)(int32_t)word[2 * k + 1] * (LW_REAL)0x1p-30, &cosine, &sine);
        normal[2 * k] = length * cosine;
        normal[2 * k + 1] = length * sine;
    }
}

LW_LOOP void
LW_(gaussian_states)(const LW_REAL *restrict scale, const LW_REAL *field,
    const LW_REAL *restrict normal, ptrdiff_t n_units, LW_REAL *state)
{
    LW_SIMD
    for (ptrdiff_t j = 0; j < n_units; j++) {
        state[j] = scale[j] * (scale[j] * field[j] + normal[j]);
    }
}

static void
LW_(gaussian_draw)(const LW_REAL *scale, const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t unit,
    ptrdiff_t n_units, ptrdiff_t apart, uint32_t row, lw_key key, uint32_t step, uint32_t lane,
    LW_REAL *state)
{
    LW_REAL normal[LW_PHILOX_UNITS];
    lw_tile_words words;

    for (ptrdiff_t first = 0; first < n_units; first += words.units) {
        words_of_tile(n_rows, unit + first, n_units - first, row, key, step,
            lane ^ LW_LANE_OF_NORMALS, &words);
        for (ptrdiff_t i = 0; i < n_rows; i++) {
            LW_(normals)(words.word + i * words.apart, words.apart, normal);
            LW_(gaussian_states)(scale + first, field + i * apart + first, normal + words.skip,
                words.units, state + i * apart + first);
        }
    }
}

/* Sums over units run in float64: the square of a field of float32 may be beyond float32. */
LW_LOOP void
LW_(gaussian_log_partition)(const LW_REAL *restrict scale, const LW_REAL *restrict field,
    ptrdiff_t n_rows, ptrdiff_t n_units, ptrdiff_t apart, double *restrict total)
{
    for (ptrdiff_t i = 0; i < n_rows; i++, field += apart) {
        double partial[8] = { 0 };

        for (ptrdiff_t j = 0; j < n_units; j += 8) {
            const ptrdiff_t live = lw_min(8, n_units - j);
            LW_SIMD
            for (ptrdiff_t k = 0; k < live; k++) {
                const double s = (double)scale[j + k], shift = s * (double)field[j + k];
                partial[k] += shift * shift / 2 + lw_log_at_f64(s, s - 1);
            }
        }
        total[i] += sum_of_eight_f64(0.918938533204672741780 * (double)n_units, partial);
    }
}
