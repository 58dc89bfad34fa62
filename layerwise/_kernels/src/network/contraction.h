/* The penalty of a contractive layer: the squared derivatives of its means by its inputs. */

#pragma once

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "network/layer.h"
#include "network/lesson.h"
#include "network/loss.h"

static int
contracts(lw_chain chain, ptrdiff_t k)
{
    return chain.contraction && chain.contraction[k] > 0;
}

/* Of a unit of this mean: d mean / d field, and how it changes with the field over itself, both as
 * every activation knows them from the mean. */
LW_INLINE LW_REAL
LW_(steepness_of)(LW_REAL mean, int64_t activation, LW_REAL *change)
{
    switch (activation) {
    case LW_SIGMOID: *change = 1 - 2 * mean; return mean * (1 - mean);
    case LW_TANH: *change = -2 * mean; return (1 - mean) * (1 + mean);
    case LW_RELU: *change = 0; return mean > 0;
    default: *change = 0; return 1;
    }
}

/* The squared weights of some units of a layer, summed over its inputs. */
static void
LW_(squares_of_units)(
    const LW_REAL *parameter, const lw_layer *layer, ptrdiff_t first, ptrdiff_t n, LW_REAL *square)
{
    const ptrdiff_t n_inputs = (ptrdiff_t)layer->n_inputs, n_units = (ptrdiff_t)layer->n_units;
    const LW_REAL *const matrix = parameter + layer->weights;

    if (!layer->tied) {
        LW_(column_squares)(matrix + first, n_inputs, n_units, n, square + first);
        return;
    }
    for (ptrdiff_t j = first; j < first + n; j++) {
        square[j] = 0;
        for (ptrdiff_t i = 0; i < n_inputs; i++) {
            square[j] += matrix[j * n_inputs + i] * matrix[j * n_inputs + i];
        }
    }
}

/* A row's penalty, which is returned, and its slopes by the fields, which are added. */
LW_LOOP LW_REAL
LW_(contraction_row)(const LW_REAL *restrict mean, const LW_REAL *restrict square, ptrdiff_t n,
    int64_t activation, LW_REAL weight, LW_REAL share, LW_REAL *restrict slope)
{
    LW_REAL total = 0;

    for (ptrdiff_t j = 0; j < n; j++) {
        LW_REAL change;
        const LW_REAL steepness = LW_(steepness_of)(mean[j], activation, &change);
        const LW_REAL own = weight * steepness * steepness * square[j];
        total += own;
        slope[j] += 2 * share * change * own;
    }
    return total;
}

/* The squared steepness of some units, summed over rows by their shares. */
LW_LOOP void
LW_(steepness_sums)(const LW_(losses) * batch, const LW_REAL *restrict mean, ptrdiff_t n_units,
    int64_t activation, ptrdiff_t n, LW_REAL *restrict sum)
{
    memset(sum, 0, (size_t)n * sizeof(LW_REAL));
    for (ptrdiff_t i = 0; i < batch->n_rows; i++) {
        const LW_REAL share = LW_(share_of)(batch, i);
        for (ptrdiff_t j = 0; j < n; j++) {
            LW_REAL change;
            const LW_REAL steepness
                = LW_(steepness_of)(mean[i * n_units + j], activation, &change);
            sum[j] += share * steepness * steepness;
        }
    }
}

/* sum += twice steepness * weight, of one input's weights. */
LW_LOOP void
LW_(steep_row)(const LW_REAL *restrict weight, const LW_REAL *restrict steepness, ptrdiff_t n,
    LW_REAL twice, LW_REAL *restrict sum)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        sum[j] += twice * steepness[j] * weight[j];
    }
}

/* The penalty of layer k, added to the losses of the rows, and its slopes, added to those by the
 * layer's fields. */
static void
LW_(share_contraction)(const LW_(lesson) * pass, const LW_(losses) * batch, ptrdiff_t k,
    const LW_REAL *mean, LW_REAL *slope, LW_REAL *row_loss)
{
    const lw_layer *const layer = pass->chain.layers + k;
    const ptrdiff_t n_units = (ptrdiff_t)layer->n_units;

    LW_SHARE_TILES(t, lw_tiles(n_units, LW_COLUMNS), {
        const ptrdiff_t first = t * LW_COLUMNS, n = lw_min(LW_COLUMNS, n_units - first);
        LW_(squares_of_units)(pass->parameter, layer, first, n, pass->squares);
        LW_(steepness_sums)(
            batch, mean + first, n_units, layer->activation, n, pass->steepness + first);
    });
    LW_SHARE_TILES(i, batch->n_rows,
        row_loss[i]
        += LW_(contraction_row)(mean + i * n_units, pass->squares, n_units, layer->activation,
            (LW_REAL)pass->chain.contraction[k], LW_(share_of)(batch, i), slope + i * n_units));
}

/* Its gradient by the matrix, added: twice each weight times its unit's steepness. */
static void
LW_(share_matrix_contraction)(const LW_(lesson) * pass, ptrdiff_t k)
{
    const lw_layer *const layer = pass->chain.layers + k;
    const ptrdiff_t n_inputs = (ptrdiff_t)layer->n_inputs, n_units = (ptrdiff_t)layer->n_units;
    const LW_REAL twice = 2 * (LW_REAL)pass->chain.contraction[k];
    const LW_REAL *const weight = pass->parameter + layer->weights;
    LW_REAL *const gradient = pass->gradient + layer->weights;

    if (layer->tied) {
        LW_SHARE_TILES(j, n_units,
            LW_(add_row)(weight + j * n_inputs, n_inputs, twice * pass->steepness[j],
                gradient + j * n_inputs));
    } else {
        LW_SHARE_TILES(i, n_inputs,
            LW_(steep_row)(
                weight + i * n_units, pass->steepness, n_units, twice, gradient + i * n_units));
    }
}
