/* Patches of rows that are grids: taken out of them, and put back. */

#pragma once

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "rbm/stack.h"

/* What is done with a line of a patch. */
enum { LW_TAKEN, LW_ADDED };

/* All lines of the patches of one row: copied to the patches, or added to the row. */
static void
LW_(patches_of_row)(const lw_stack_layer *layer, int what, LW_REAL *row, LW_REAL *patch)
{
    const ptrdiff_t line = (ptrdiff_t)(layer->size * layer->channels);
    const ptrdiff_t apart = (ptrdiff_t)(layer->width * layer->channels);

    for (int64_t y = 0; y + layer->size <= layer->height; y += layer->stride) {
        for (int64_t x = 0; x + layer->size <= layer->width; x += layer->stride) {
            for (int64_t k = 0; k < layer->size; k++, patch += line) {
                LW_REAL *const here = row + (y + k) * apart + x * layer->channels;
                if (what == LW_TAKEN) {
                    memcpy(patch, here, (size_t)line * sizeof(LW_REAL));
                } else {
                    LW_(add_row)(patch, line, 1, here);
                }
            }
        }
    }
}

/* The patches of some rows. */
static void
LW_(share_take_patches)(
    const lw_stack_layer *layer, const LW_REAL *rows, ptrdiff_t n_rows, LW_REAL *patches)
{
    const ptrdiff_t size = lw_patches_of(layer) * lw_patch_size(layer);

    LW_SHARE_TILES(i, n_rows,
        LW_(patches_of_row)(
            layer, LW_TAKEN, (LW_REAL *)rows + i * layer->n_visible, patches + i * size));
}

/* Sums of patches over the rows' units, beside the same number for each unit of all rows. */
static void
LW_(share_add_patches)(const lw_stack_layer *layer, LW_REAL *patches, ptrdiff_t n_rows,
    const LW_REAL *start, LW_REAL *rows)
{
    const ptrdiff_t size = lw_patches_of(layer) * lw_patch_size(layer);

    LW_SHARE_TILES(i, n_rows, {
        LW_REAL *const row = rows + i * layer->n_visible;
        memcpy(row, start, (size_t)layer->n_visible * sizeof(LW_REAL));
        LW_(patches_of_row)(layer, LW_ADDED, row, patches + i * size);
    });
}
