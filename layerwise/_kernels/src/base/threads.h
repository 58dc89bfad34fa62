/* Tiles, and the threads that share them. */

#pragma once

#include "base/kernel.h"

/* How many tiles of `size` cover `n`. A tile's size is never a function of the number of threads:
 * that is why results are not either. */
LW_INLINE ptrdiff_t
lw_tiles(ptrdiff_t n, ptrdiff_t size)
{
    return (n + size - 1) / size;
}

/* `n` rounded up to whole tiles. */
LW_INLINE ptrdiff_t
lw_padded(ptrdiff_t n, ptrdiff_t size)
{
    return lw_tiles(n, size) * size;
}

/* A kernel's functions are called by all threads of one parallel region, or by one thread without a
 * region: even an empty one costs 0.36 us, as much as the means of a thousand units. They share
 * tiles among them, and all wait for the last; what one alone does, the others wait for too. */
#define LW_WITH_THREADS(...)                                                                      \
    do {                                                                                          \
        if (n_threads > 1) {                                                                      \
            _Pragma("omp parallel num_threads(n_threads)") __VA_ARGS__;                           \
        } else {                                                                                  \
            __VA_ARGS__;                                                                          \
        }                                                                                         \
    } while (0)

#define LW_SHARE_TILES(t, n_tiles, ...)                                                           \
    do {                                                                                          \
        ptrdiff_t t;                                                                              \
        _Pragma("omp for schedule(static)") for (t = 0; t < (n_tiles); t++) __VA_ARGS__;          \
    } while (0)

#define LW_ONE_THREAD _Pragma("omp single")
