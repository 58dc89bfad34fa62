/* The random numbers themselves. */

#include "base/philox.h"
#include "base/threads.h"
#include "units/units.h"

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

void
lw_words(ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step, uint32_t lane,
    int n_threads, uint32_t *word)
{
    LW_WITH_THREADS(LW_SHARE_TILES(
        i, n_rows, words_row(key, n_units, (uint32_t)i, step, lane, word + i * n_units)));
}
