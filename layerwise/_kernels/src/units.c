#include "units.h"

#include "vmath.h"

#define LW_UNITS_TILE 16  /* rows a thread takes at a time */
#define LW_UNITS_LANES 16 /* one vector of 512 bits of floats, and a call of Philox */
#define LW_UNITS_LOGS 64  /* factors below 2 of a product whose logarithm is taken */

LW_LOOP void
words_row(lw_key key, ptrdiff_t n_units, uint32_t row, uint32_t step, uint32_t lane,
    uint32_t *restrict word)
{
    uint32_t block[LW_PHILOX_UNITS];

    for (ptrdiff_t first = 0; first < n_units; first += LW_PHILOX_UNITS) {
        const ptrdiff_t units = lw_min(LW_PHILOX_UNITS, n_units - first);
        lw_words_at(key, (uint32_t)(first / 4), row, units, step, lane, block);
        for (ptrdiff_t j = 0; j < units; j++) {
            word[first + j] = block[j];
        }
    }
}

static void
share_words(
    ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step, uint32_t lane, uint32_t *word)
{
    LW_SHARE_TILES(
        i, n_rows, words_row(key, n_units, (uint32_t)i, step, lane, word + i * n_units));
}

void
lw_words(ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step, uint32_t lane,
    int n_threads, uint32_t *word)
{
    LW_WITH_THREADS(share_words(n_rows, n_units, key, step, lane, word));
}

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

#define LW_SINGLE
#include "units.inc.c"
#undef LW_SINGLE
#include "units.inc.c"
