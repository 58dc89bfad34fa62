/* The one allocator of scratch memory: slices of a block that the caller owns.
 *
 * A function that lays out a workspace takes slices one after the other. Called with a block of NULL
 * it only counts, so that a workspace's size is what its slices come to: lw_scratch_size. */

#pragma once

#include "base/kernel.h"

typedef struct {
    char *block;    /* on a whole cache line, or NULL */
    ptrdiff_t used; /* bytes */
} lw_scratch;

/* A block from its first whole cache line on: up to 63 bytes before it are unused. */
LW_INLINE lw_scratch
lw_scratch_from(void *block)
{
    const lw_scratch scratch
        = { .block = block ? (char *)block + (64 - (uintptr_t)block % 64) % 64 : NULL };

    return scratch;
}

/* The next `count` things of `size` bytes, from a whole cache line on. */
LW_INLINE void *
lw_slice(lw_scratch *scratch, ptrdiff_t count, size_t size)
{
    char *const slice = scratch->block ? scratch->block + scratch->used : NULL;

    scratch->used += (ptrdiff_t)(((size_t)count * size + 63) / 64 * 64);
    return slice;
}

/* Bytes of a block that holds what has been sliced, wherever it starts. */
LW_INLINE ptrdiff_t
lw_scratch_size(lw_scratch scratch)
{
    return scratch.used + 63;
}
