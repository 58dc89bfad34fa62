/* In which rows a visible unit is on: a bit for each row of data or chains, beside their lists. */

#pragma once

#include "base/bits.h"
#include "base/real.h"

#define LW_FEW 8 /* rows of a tile: the bits of one byte of a mask */

/* Rows of data or chains. */
typedef struct {
    uint32_t *list; /* rows x listed */
    uint8_t *mask;  /* blocks of 64 rows x n_visible x 8 */
    LW_REAL *mean;  /* rows x hidden_wide */
    double *part;   /* of the free energy, for each row */
} LW_(side);

/* The bits of one tile in the masks of its block, from its lists: all but the unit always on. */
static void
LW_(mask_tile)(
    LW_(side) side, ptrdiff_t listed, ptrdiff_t n_units, ptrdiff_t from, ptrdiff_t n_rows)
{
    uint8_t *const mask = side.mask + from / 64 * n_units * 8 + from / LW_FEW % 8;

    for (ptrdiff_t i = 0; i < n_units; i++) {
        mask[8 * i] = 0;
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const uint32_t *const list = side.list + (from + r) * listed;
        for (uint32_t k = 1; k < list[0]; k++) {
            mask[8 * list[k]] |= (uint8_t)(1 << r);
        }
    }
}

/* The mask of unit i in block `block` of 64 rows, of which there are n_rows in all. */
LW_INLINE uint64_t
LW_(mask_of)(LW_(side) side, ptrdiff_t n_units, ptrdiff_t i, ptrdiff_t block, ptrdiff_t n_rows)
{
    const ptrdiff_t rows = lw_min(64, n_rows - 64 * block);

    return rows > 0
        ? lw_eight_bytes(side.mask + (block * n_units + i) * 8) & ~(uint64_t)0 >> (64 - rows)
        : 0;
}

/* The rows of a block in which unit i is on: of n_data rows of data, and of n_chains chains, which
 * count from `chains_from` on. */
LW_INLINE ptrdiff_t
LW_(rows_on)(LW_(side) data_side, ptrdiff_t n_data, LW_(side) chains_side, ptrdiff_t n_chains,
    ptrdiff_t chains_from, ptrdiff_t n_units, ptrdiff_t i, ptrdiff_t block,
    uint32_t list[2 * 64 + LW_APPENDED])
{
    const ptrdiff_t data = 64 * block, chains = chains_from + data;
    const ptrdiff_t count = lw_append_bits(
        LW_(mask_of)(data_side, n_units, i, block, n_data), (uint32_t)data, list, 0);

    return lw_append_bits(
        LW_(mask_of)(chains_side, n_units, i, block, n_chains), (uint32_t)chains, list, count);
}

/* In how many of a side's rows unit i is on. */
LW_INLINE LW_REAL
LW_(count_on)(LW_(side) side, ptrdiff_t n_units, ptrdiff_t i, ptrdiff_t n_rows)
{
    ptrdiff_t count = 0;

    for (ptrdiff_t b = 0; 64 * b < n_rows; b++) {
        count += lw_count_bits(LW_(mask_of)(side, n_units, i, b, n_rows));
    }
    return (LW_REAL)count;
}
