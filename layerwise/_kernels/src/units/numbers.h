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

/* Words of some units of a tile of rows: word[i * apart + skip + j] is that of row i and unit j. */
typedef struct {
    uint32_t word[LW_UNITS_TILE * LW_PHILOX_UNITS];
    ptrdiff_t units;
    ptrdiff_t apart;
    ptrdiff_t skip; /* words of the first group that belong to units before */
} lw_tile_words;

/* As many of n_units units as there is room for; `unit` and `row` are the addresses of the first
 * ones. Rows fill the lanes of Philox together: one of 16 units alone would use an eighth of them. */
LW_LOOP void
words_of_tile(ptrdiff_t n_rows, ptrdiff_t unit, ptrdiff_t n_units, uint32_t row, lw_key key,
    uint32_t step, uint32_t lane, lw_tile_words *words)
{
    const ptrdiff_t skip = unit % 4, units = lw_min(LW_PHILOX_UNITS - skip, n_units);
    const ptrdiff_t n_groups = lw_tiles(skip + units, 4);
    const uint32_t first_group = (uint32_t)(unit / 4);
    lw_lane groups[LW_PHILOX_GROUPS], rows[LW_PHILOX_GROUPS];
    uint32_t group = 0, at = row;

    words->units = units;
    words->apart = 4 * n_groups;
    words->skip = skip;
    for (ptrdiff_t i = 0; n_groups == LW_PHILOX_GROUPS && i < n_rows; i++) {
        lw_words_at(key, first_group, row + (uint32_t)i, LW_PHILOX_UNITS, step, lane,
            words->word + i * LW_PHILOX_UNITS);
    }
    for (ptrdiff_t first = 0; n_groups < LW_PHILOX_GROUPS && first < n_rows * n_groups;
        first += LW_PHILOX_GROUPS) {
        for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
            const int last = group + 1 == n_groups;
            groups[g] = first_group + group;
            rows[g] = at;
            group = last ? 0 : group + 1;
            at += (uint32_t)last;
        }
        lw_words_of(key, groups, rows, LW_PHILOX_GROUPS, step, lane, 0, words->word + 4 * first);
    }
}
