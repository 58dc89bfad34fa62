/* Layers' own losses: how well each gives back what it takes in. What is to be given back counts as
 * constant: with slopes through it too the least of all losses is that of values that never change,
 * and on digits, at any weight from 0.1 up, all codes became one. */

#pragma once

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "linear/product.h"
#include "network/layer.h"
#include "network/lesson.h"
#include "network/loss.h"

#define LW_SUM_TILE 1024 /* numbers a thread adds at a time */

/* Whether a branch gives back the rows themselves, and so has the outputs' units. */
static int
has_branch_at_rows(lw_chain chain)
{
    return chain.n_branches && chain.branches[0].layer == 0;
}

/* Whether a branch has left a gradient of layer k, to which others add. */
static int
learns_in_branch(lw_chain chain, ptrdiff_t k)
{
    int found = 0;

    for (ptrdiff_t b = 0; b < chain.n_branches; b++) {
        const lw_branch branch = chain.branches[b];
        found |= branch.decoder == k || (branch.layer == k && branch.corruption > 0);
    }
    return found;
}

/* Where slopes by some values of the layers stand. */
static LW_REAL *
LW_(extra_at)(const LW_(lesson) * pass, const LW_REAL *value)
{
    return pass->extra + (value - pass->value);
}

/* sum += value, rows x n_units. */
static void
LW_(share_sum)(const LW_REAL *value, ptrdiff_t rows, ptrdiff_t n_units, LW_REAL *sum)
{
    LW_SHARE_TILES(t, lw_tiles(rows * n_units, LW_SUM_TILE), {
        const ptrdiff_t from = t * LW_SUM_TILE;
        LW_(add_row)(value + from, lw_min(LW_SUM_TILE, rows * n_units - from), 1, sum + from);
    });
}

/* One branch: its losses are added to `extra_loss`, its slopes to `extra`, and its gradients to those
 * of other branches. Where the layer's inputs are not corrupted, its units are what they are on the
 * way through all layers. */
static void
LW_(share_branch)(
    const LW_(lesson) * pass, lw_branch branch, LW_(losses) batch, uint32_t step, LW_REAL *value)
{
    const lw_chain chain = pass->chain;
    const lw_layer *const layer = chain.layers + branch.layer;
    const lw_layer *const decoder = chain.layers + branch.decoder;
    const ptrdiff_t n_inputs = (ptrdiff_t)layer->n_inputs, n_units = (ptrdiff_t)layer->n_units;
    const ptrdiff_t rows = batch.n_rows;
    const lw_units bits = { LW_BERNOULLI, n_inputs };
    LW_REAL *const above = value + pass->batch_size * n_inputs;
    LW_REAL *const back = pass->slopes[0], *const slope = pass->slopes[1];
    LW_REAL *hidden = above;

    batch.factor = (LW_REAL)branch.weight;
    if (branch.layer > 0) {
        batch.target = value;
        batch.in_batch = 1;
        batch.n_units = n_inputs;
        batch.activation = layer[-1].activation;
        batch.runs = &bits;
        batch.n_runs = chain.n_runs && layer[-1].activation == LW_SIGMOID;
        batch.log_variance = NULL;
    }
    if (branch.corruption > 0) {
        hidden = pass->own_hidden;
        LW_SHARE_TILES(i, rows,
            LW_(masked_row)(value + i * n_inputs, n_inputs, (LW_REAL)branch.corruption, 1,
                (uint32_t)i, pass->key, step, pass->lane_branch + (uint32_t)branch.layer,
                pass->own_input + i * n_inputs));
        LW_(share_affine)(pass->parameter, layer, pass->own_input, rows, hidden);
        LW_(share_activate)(rows, n_units, layer->activation, hidden);
    }
    LW_(share_affine)(pass->parameter, decoder, hidden, rows, back);
    /* No branch before the first has left slopes of log variances. */
    LW_(share_losses)(
        &batch, back, slope, pass->own_loss, 0, pass->gradient + variances_at(chain));
    LW_SHARE_TILES(t, lw_tiles(rows, LW_SUM_TILE), {
        const ptrdiff_t from = t * LW_SUM_TILE;
        LW_(add_row)(pass->own_loss + from, lw_min(LW_SUM_TILE, rows - from), batch.factor,
            pass->extra_loss + from);
    });
    LW_(share_gradient)(hidden, slope, rows, decoder, 0, pass->gradient);
    if (branch.corruption > 0) {
        LW_(share_product)(slope, n_inputs, 1, pass->parameter + decoder->weights,
            matrix_column(decoder), matrix_row(decoder), rows, n_units, n_inputs, 1, NULL, 0, back,
            n_units);
        LW_(share_slopes)(hidden, rows, n_units, layer->activation, back);
        LW_(share_gradient)(pass->own_input, back, rows, layer, 0, pass->gradient);
        LW_(share_product)(back, n_units, 1, pass->parameter + layer->weights,
            matrix_column(layer), matrix_row(layer), rows, n_inputs, n_units, 1, NULL, 0, slope,
            n_inputs);
        LW_SHARE_TILES(i, rows,
            LW_(masked_row)(slope + i * n_inputs, n_inputs, (LW_REAL)branch.corruption, 1,
                (uint32_t)i, pass->key, step, pass->lane_branch + (uint32_t)branch.layer,
                slope + i * n_inputs));
        LW_(share_sum)(slope, rows, n_inputs, LW_(extra_at)(pass, value));
    } else {
        LW_REAL *const sum = LW_(extra_at)(pass, above);
        LW_(share_product)(slope, n_inputs, 1, pass->parameter + decoder->weights,
            matrix_column(decoder), matrix_row(decoder), rows, n_units, n_inputs, 1, sum, n_units,
            sum, n_units);
    }
}

/* All branches of a batch, whose values stand in the lesson. */
static void
LW_(share_branches)(const LW_(lesson) * pass, const LW_(losses) * batch, uint32_t step)
{
    const lw_chain chain = pass->chain;
    const ptrdiff_t width = n_values(chain);
    LW_REAL *value = pass->value;
    ptrdiff_t k = 0;

    LW_SHARE_TILES(i, pass->batch_size, {
        memset(pass->extra + i * width, 0, (size_t)width * sizeof(LW_REAL));
        pass->extra_loss[i] = 0;
    });
    for (ptrdiff_t b = 0; b < chain.n_branches; b++) {
        for (; k < chain.branches[b].layer; k++) {
            value += pass->batch_size * chain.layers[k].n_inputs;
        }
        LW_(share_branch)(pass, chain.branches[b], *batch, step, value);
    }
}
