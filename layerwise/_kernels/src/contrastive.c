#include "contrastive.h"

#include <string.h>

#include "chosen.h"
#include "product.h"
#include "units.h"

LW_INLINE ptrdiff_t
most(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}

/* Sizes that follow from a pass: rows of a whole batch, of the chains, of either; units of the wider
 * layer; bytes of the longest lists. */
typedef struct {
    ptrdiff_t batch;
    ptrdiff_t chains;
    ptrdiff_t rows;
    ptrdiff_t wide;
    ptrdiff_t parameters;
    ptrdiff_t chosen;
} lw_sizes;

static lw_sizes
sizes_of(lw_contrast pass)
{
    lw_sizes size;

    size.batch = lw_min(pass.batch_size, pass.n_rows);
    size.chains = pass.n_chains ? pass.n_chains : size.batch;
    size.rows = most(size.batch, size.chains);
    size.wide = most(pass.n_visible, pass.n_hidden);
    size.parameters = pass.n_hidden * pass.n_visible + pass.n_visible + pass.n_hidden;
    size.chosen
        = most(size.rows * lw_chosen_row(size.wide), pass.n_visible * lw_chosen_row(size.rows));
    return size;
}

ptrdiff_t
lw_contrastive_scratch(lw_contrast pass)
{
    const lw_sizes size = sizes_of(pass);

    return (size.batch + size.chains) * (pass.n_visible + pass.n_hidden)
        + (size.rows + size.chains) * size.wide + size.parameters + size.rows
        + lw_tiles(size.chosen, (ptrdiff_t)sizeof(float));
}

#define LW_SINGLE
#include "contrastive.inc.c"
#undef LW_SINGLE
#include "contrastive.inc.c"
