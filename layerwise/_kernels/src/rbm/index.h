/* The workspace of look-up, and states as indices of tables. */

#pragma once

#include "base/scratch.h"
#include "base/threads.h"
#include "rbm/blocks.h"
#include "rbm/way.h"

/* The rows of a batch, or its chains. */
typedef struct {
    ptrdiff_t padded; /* rows, to whole vectors of LW_UNITS_LANES */
    ptrdiff_t apart;  /* rows of a part, as even as can be; LW_TILE_PARTS are a tile */
    float *mean;      /* (n_hidden + 1) x padded */
    uint32_t *index;  /* of visible units */
    uint32_t *across; /* groups of rows x wide */
    double *part;     /* of the free energies, for each tile of hidden units */
} lw_side;

typedef struct {
    ptrdiff_t wide; /* visible units, padded to whole vectors */
    lw_side data;
    lw_side chains;
    uint32_t *hidden;    /* the chains' index of hidden units */
    uint8_t *visible;    /* chains x wide: states */
    float *slope;        /* wide: of the visible intercepts */
    float *slope_hidden; /* n_hidden */
    double *gain;        /* blocks of visible, then of hidden units x padded: of annealed chains */
    lw_weights of_hidden;
    lw_weights of_visible;
    char *cleared_from; /* what starts with zeros, */
    ptrdiff_t cleared;  /* so many bytes */
} lw_lookup;

/* Tiles of some rows, or chains, and one block of units. */
LW_INLINE ptrdiff_t
tiles_of(const lw_side *side, ptrdiff_t n_rows)
{
    return lw_tiles(n_rows, LW_TILE_PARTS * side->apart);
}

static ptrdiff_t
index_size(const lw_side *side, ptrdiff_t n_units)
{
    return lw_tiles(side->padded, side->apart) * lw_tiles(n_units, LW_INPUTS) * side->apart;
}

/* Where an index of n_units units holds one of them, in one row. */
LW_INLINE ptrdiff_t
index_at(const lw_side *side, ptrdiff_t n_units, ptrdiff_t unit, ptrdiff_t row)
{
    const ptrdiff_t group = row / side->apart * lw_tiles(n_units, LW_INPUTS) + unit / LW_INPUTS;

    return group * side->apart + row % side->apart;
}

static void
side_place(lw_shape shape, ptrdiff_t n, ptrdiff_t wide, lw_side *side, lw_scratch *at)
{
    side->padded = lw_padded(n, LW_UNITS_LANES);
    side->apart
        = lw_padded(lw_tiles(side->padded, lw_tiles(side->padded, LW_PART_ROWS)), LW_UNITS_LANES);
    side->mean = lw_slice(at, (shape.n_hidden + 1) * side->padded + LW_INPUTS, sizeof(float));
    side->index = lw_slice(at, index_size(side, shape.n_visible), sizeof(uint32_t));
    side->across = lw_slice(at, lw_tiles(n, LW_INPUTS) * wide, sizeof(uint32_t));
    side->part
        = lw_slice(at, lw_tiles(shape.n_hidden, LW_BLOCK) * tiles_of(side, n), sizeof(double));
}

static lw_scratch
lookup_place(lw_shape shape, lw_contrast pass, lw_scratch at, void *work)
{
    lw_lookup *const lookup = work;
    const ptrdiff_t n_data = lw_most_data(pass), n_chains = lw_most_chains(pass);
    const ptrdiff_t wide = lw_padded(shape.n_visible, LW_UNITS_LANES);
    const ptrdiff_t hidden_tables = lw_layer_tables(shape.n_visible, shape.n_hidden);
    const ptrdiff_t visible_tables = lw_layer_tables(shape.n_hidden, shape.n_visible);
    const int kept = lw_keeps_tables(shape, pass);

    lookup->wide = wide;
    lookup->cleared_from = at.block ? at.block + at.used : NULL;
    lookup->cleared = -at.used;
    side_place(shape, n_data, wide, &lookup->data, &at);
    side_place(shape, n_chains, wide, &lookup->chains, &at);
    lookup->hidden = lw_slice(&at, index_size(&lookup->chains, shape.n_hidden), sizeof(uint32_t));
    lookup->visible = lw_slice(&at, n_chains * wide, sizeof(uint8_t));
    lookup->slope = lw_slice(&at, wide, sizeof(float));
    lookup->slope_hidden = lw_slice(&at, shape.n_hidden, sizeof(float));
    lookup->cleared += at.used;
    lookup->gain = lw_slice(&at,
        (lw_tiles(shape.n_visible, LW_BLOCK) + lw_tiles(shape.n_hidden, LW_BLOCK))
            * lookup->chains.padded,
        sizeof(double));
    lookup->of_hidden.kept = kept ? lw_slice(&at, hidden_tables, sizeof(float)) : NULL;
    lookup->of_visible.kept = kept ? lw_slice(&at, visible_tables, sizeof(float)) : NULL;
    return at;
}

/* A row of an index of n_units units, from its states. */
static void
index_row(
    const lw_side *side, const float *state, ptrdiff_t n_units, ptrdiff_t row, uint32_t *index)
{
    for (ptrdiff_t j = 0; j < n_units; j += LW_INPUTS) {
        const ptrdiff_t units = lw_min(LW_INPUTS, n_units - j);
        uint32_t bits = 0;
        for (ptrdiff_t k = 0; k < units; k++) {
            bits |= (uint32_t)(state[j + k] != 0) << k;
        }
        index[index_at(side, n_units, j, row)] = bits;
    }
}

/* A tile of an index of n_units units, from its states. */
static void
index_tile(const lw_side *side, const uint8_t *on, ptrdiff_t n_units, ptrdiff_t unit,
    ptrdiff_t units, ptrdiff_t row, ptrdiff_t rows, uint32_t *index)
{
    for (ptrdiff_t r = 0; r < rows; r += side->apart) {
        index_of(on + r, units, lw_min(side->apart, rows - r),
            index + index_at(side, n_units, unit, row + r), side->apart);
    }
}
