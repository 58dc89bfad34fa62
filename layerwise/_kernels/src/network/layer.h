/* A layer of a chain: where its matrix stands, its fields and its activations. */

#pragma once

#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "linear/product.h"
#include "network/network.h"

#define LW_NETWORK_TILE 16 /* rows a thread takes at a time */

static const lw_layer *
last_layer(lw_chain chain)
{
    return chain.layers + chain.n_layers - 1;
}

static ptrdiff_t
widest(lw_chain chain)
{
    ptrdiff_t most = (ptrdiff_t)chain.layers[0].n_inputs;

    for (ptrdiff_t k = 0; k < chain.n_layers; k++) {
        most = lw_max(most, (ptrdiff_t)chain.layers[k].n_units);
    }
    return most;
}

static int
has_variances(lw_chain chain)
{
    int found = 0;

    for (ptrdiff_t k = 0; k < chain.n_runs; k++) {
        found |= chain.outputs[k].kind == LW_GAUSSIAN;
    }
    return found;
}

/* Where the log variances stand, after all biases, which are in the order of their layers. */
static ptrdiff_t
variances_at(lw_chain chain)
{
    return (ptrdiff_t)(last_layer(chain)->biases + last_layer(chain)->n_units);
}

static ptrdiff_t
n_parameters(lw_chain chain)
{
    return variances_at(chain)
        + (has_variances(chain) ? (ptrdiff_t)last_layer(chain)->n_units : 0);
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

static void
LW_(share_affine)(const LW_REAL *parameter, const lw_layer *layer, const LW_REAL *input,
    ptrdiff_t n_rows, LW_REAL *field)
{
    LW_(share_product)(input, layer->n_inputs, 1, parameter + layer->weights, matrix_row(layer),
        matrix_column(layer), n_rows, layer->n_units, layer->n_inputs, 1,
        parameter + layer->biases, 0, field, layer->n_units);
}

void
LW_(lw_affine)(const LW_REAL *parameter, const lw_layer *layer, const LW_REAL *input,
    ptrdiff_t n_rows, int n_threads, LW_REAL *field)
{
    LW_WITH_THREADS(LW_(share_affine)(parameter, layer, input, n_rows, field));
}

/* From fields to means. A comparison that fails on NaN keeps it. */
LW_LOOP void
LW_(activate_tile)(ptrdiff_t n, int64_t activation, LW_REAL *restrict value)
{
    if (activation == LW_SIGMOID) {
        LW_SIMD
        for (ptrdiff_t i = 0; i < n; i++) {
            value[i] = LW_(lw_sigmoid)(value[i]);
        }
    } else if (activation == LW_TANH) {
        LW_SIMD
        for (ptrdiff_t i = 0; i < n; i++) {
            value[i] = 2 * LW_(lw_sigmoid)(2 * value[i]) - 1;
        }
    } else if (activation == LW_RELU) {
        LW_SIMD
        for (ptrdiff_t i = 0; i < n; i++) {
            value[i] = value[i] < 0 ? 0 : value[i];
        }
    }
}

static void
LW_(share_activate)(ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation, LW_REAL *value)
{
    const ptrdiff_t tile = LW_NETWORK_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_NETWORK_TILE),
        LW_(activate_tile)(
            lw_min(tile, n_rows * n_units - t * tile), activation, value + t * tile));
}

void
LW_(lw_activate)(
    ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation, int n_threads, LW_REAL *value)
{
    LW_WITH_THREADS(LW_(share_activate)(n_rows, n_units, activation, value));
}

/* slope *= d mean / d field, which every activation knows from its mean. */
LW_LOOP void
LW_(slope_tile)(
    const LW_REAL *restrict mean, ptrdiff_t n, int64_t activation, LW_REAL *restrict slope)
{
    if (activation == LW_SIGMOID) {
        LW_SIMD
        for (ptrdiff_t i = 0; i < n; i++) {
            slope[i] *= mean[i] * (1 - mean[i]);
        }
    } else if (activation == LW_TANH) {
        LW_SIMD
        for (ptrdiff_t i = 0; i < n; i++) {
            slope[i] *= (1 - mean[i]) * (1 + mean[i]);
        }
    } else if (activation == LW_RELU) {
        LW_SIMD
        for (ptrdiff_t i = 0; i < n; i++) {
            slope[i] = mean[i] > 0 ? slope[i] : 0;
        }
    }
}

static void
LW_(share_slopes)(
    const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation, LW_REAL *slope)
{
    const ptrdiff_t tile = LW_NETWORK_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_NETWORK_TILE),
        LW_(slope_tile)(mean + t * tile, lw_min(tile, n_rows * n_units - t * tile), activation,
            slope + t * tile));
}
