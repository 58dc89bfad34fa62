#include "network.h"

#include <string.h>

#include "product.h"
#include "units.h"
#include "vmath.h"

#define LW_NETWORK_TILE 16 /* rows a thread takes at a time */
#define LW_NETWORK_COLUMNS 64
#define LW_LOSS_PARTS 16 /* partial sums of a row's loss: one vector of 512 bits of floats */

static ptrdiff_t
widest(const lw_layer *layers, ptrdiff_t n_layers)
{
    ptrdiff_t most = (ptrdiff_t)layers[0].n_inputs;

    for (ptrdiff_t k = 0; k < n_layers; k++) {
        most = layers[k].n_units > most ? (ptrdiff_t)layers[k].n_units : most;
    }
    return most;
}

/* Biases stand last, in the order of their layers. */
static ptrdiff_t
n_parameters(const lw_layer *layers, ptrdiff_t n_layers)
{
    return (ptrdiff_t)(layers[n_layers - 1].biases + layers[n_layers - 1].n_units);
}

ptrdiff_t
lw_network_scratch(const lw_layer *layers, ptrdiff_t n_layers, ptrdiff_t batch_size)
{
    ptrdiff_t width = 3 * widest(layers, n_layers) + (ptrdiff_t)layers[0].n_inputs;

    for (ptrdiff_t k = 0; k < n_layers; k++) {
        width += (ptrdiff_t)layers[k].n_units;
    }
    return batch_size * width + n_parameters(layers, n_layers);
}

/* The distance between rows, and between columns, of a layer's matrix. */
static ptrdiff_t
matrix_row(const lw_layer *layer)
{
    return layer->tied ? 1 : (ptrdiff_t)layer->n_units;
}

static ptrdiff_t
matrix_column(const lw_layer *layer)
{
    return layer->tied ? (ptrdiff_t)layer->n_inputs : 1;
}

#define LW_SINGLE
#include "network.inc.c"
#undef LW_SINGLE
#include "network.inc.c"
