/* Random numbers of units: uniform ones from words, and the words of a tile of rows; and the order in
 * which sums over units end. */

#pragma once

#include "base/philox.h"
#include "base/threads.h"

#define LW_UNITS_TILE 16 /* rows a thread takes at a time */

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

/* A rest and eight partial sums, which made a loop over units a vector loop. */
LW_INLINE float
sum_of_eight_f32(float rest, const float partial[8])
{
    return rest + ((partial[0] + partial[4]) + (partial[2] + partial[6]))
        + ((partial[1] + partial[5]) + (partial[3] + partial[7]));
}

LW_INLINE double
sum_of_eight_f64(double rest, const double partial[8])
{
    return rest + ((partial[0] + partial[4]) + (partial[2] + partial[6]))
        + ((partial[1] + partial[5]) + (partial[3] + partial[7]));
}

/* The words of n_groups groups of units, at most LW_PHILOX_GROUPS, for each of n_rows rows: those of
 * a row stand one after the other, and rows fill the lanes of Philox together. */
LW_LOOP void
words_of_tile(ptrdiff_t n_rows, uint32_t first_group, ptrdiff_t n_groups, uint32_t row, lw_key key,
    uint32_t step, uint32_t lane, uint32_t word[LW_UNITS_TILE * LW_PHILOX_UNITS])
{
    lw_lane groups[LW_PHILOX_GROUPS], rows[LW_PHILOX_GROUPS];
    uint32_t group = 0, at = row;

    for (ptrdiff_t first = 0; first < n_rows * n_groups; first += LW_PHILOX_GROUPS) {
        for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
            const int last = group + 1 == n_groups;
            groups[g] = first_group + group;
            rows[g] = at;
            group = last ? 0 : group + 1;
            at += (uint32_t)last;
        }
        lw_words_of(key, groups, rows, LW_PHILOX_GROUPS, step, lane, 0, word + 4 * first);
    }
}
