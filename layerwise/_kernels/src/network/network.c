#include "network/network.h"

#include <string.h>

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "linear/product.h"
#include "network/branch.h"
#include "network/contraction.h"
#include "network/layer.h"
#include "network/lesson.h"
#include "network/loss.h"
#include "optimizer/rule.h"
#include "units/bernoulli.h"
#include "units/units.h"

ptrdiff_t
LW_(lw_network_scratch)(lw_chain chain, ptrdiff_t batch_size)
{
    LW_(lesson) pass = { .chain = chain, .batch_size = batch_size };

    return lw_scratch_size(LW_(lesson_place)(&pass, NULL));
}

/* From the inputs of a batch to the fields of the last layer, which are returned. */
static LW_REAL *
LW_(share_forward)(const LW_(lesson) * pass, ptrdiff_t at, ptrdiff_t rows, uint32_t step)
{
    const lw_layer *const layers = pass->chain.layers;
    const ptrdiff_t n_inputs = (ptrdiff_t)layers[0].n_inputs;
    LW_REAL *value = pass->value;

    LW_SHARE_TILES(i, rows, {
        const LW_REAL *const row = pass->input + pass->order[at + i] * n_inputs;
        LW_REAL *const input = pass->value + i * n_inputs;
        if (pass->corruption > 0) {
            LW_(masked_row)(row, n_inputs, (LW_REAL)pass->corruption, 1, (uint32_t)i, pass->key,
                step, pass->lane_corruption, input);
        } else {
            memcpy(input, row, (size_t)n_inputs * sizeof(LW_REAL));
        }
    });
    for (ptrdiff_t k = 0; k < pass->chain.n_layers; k++) {
        const lw_layer *layer = layers + k;
        LW_REAL *const above = value + pass->batch_size * layer->n_inputs;
        if (k > 0) {
            LW_(share_activate)(rows, layer->n_inputs, layer[-1].activation, value);
        }
        if (k == pass->code) {
            LW_(share_states)(
                value, rows, layer->n_inputs, pass->key, 0, step, pass->lane_code, pass->drawn);
        }
        if (LW_(drops)(pass, k)) {
            LW_(share_dropout)(pass, k, rows, step, value, LW_(inputs_of)(pass, k, value));
        }
        LW_(share_affine)(pass->parameter, layer, LW_(inputs_of)(pass, k, value), rows, above);
        value = above;
    }
    return value;
}

/* A step of the parameters from `from` on. */
static void
LW_(share_step)(const LW_(lesson) * pass, ptrdiff_t from, ptrdiff_t n, LW_(rule) rule)
{
    LW_(share_update)(pass->gradient + from, n, rule, pass->parameter + from, pass->first + from,
        rule.adam ? pass->second + from : NULL);
}

static int
has_tied_layers(lw_chain chain)
{
    int found = 0;

    for (ptrdiff_t k = 0; k < chain.n_layers; k++) {
        found |= chain.layers[k].tied != 0;
    }
    return found;
}

/* Losses of a batch, and a step down the gradient of their mean. A matrix takes its step as soon as
 * nothing below needs it as it was: its gradient still is in the second cache then. A matrix that
 * layers share waits for all of them. Branches are done with by then. */
static void
LW_(share_backward)(const LW_(lesson) * pass, ptrdiff_t at, ptrdiff_t rows, uint32_t step,
    LW_(rule) rule, LW_REAL *value)
{
    const ptrdiff_t n_weights = (ptrdiff_t)pass->chain.layers[0].biases;
    const int shared = has_tied_layers(pass->chain);
    const lw_chain chain = pass->chain;
    LW_REAL *slope = pass->slopes[0], *below = pass->slopes[1];
    const LW_(losses) batch = LW_(losses_of)(pass, at, rows);

    if (chain.n_branches) {
        LW_(share_branches)(pass, &batch, step);
    }
    LW_(share_losses)(&batch, value, slope, pass->row_loss + at, has_branch_at_rows(chain),
        pass->gradient + variances_at(chain));
    if (chain.n_branches) {
        LW_(share_sum)(pass->extra_loss, rows, 1, pass->row_loss + at);
    }
    for (ptrdiff_t k = chain.n_layers - 1; k >= 0; k--) {
        const lw_layer *layer = chain.layers + k;
        LW_REAL *const swapped = below, *const mean = value;
        value -= pass->batch_size * layer->n_inputs;
        if (contracts(chain, k)) {
            LW_(share_contraction)(pass, &batch, k, mean, slope, pass->row_loss + at);
        }
        if (k > 0) {
            LW_(share_product)(slope, layer->n_units, 1, pass->parameter + layer->weights,
                matrix_column(layer), matrix_row(layer), rows, layer->n_inputs, layer->n_units, 1,
                NULL, 0, below, layer->n_inputs);
            if (LW_(drops)(pass, k)) {
                LW_(share_dropout)(pass, k, rows, step, below, below);
            }
            if (chain.n_branches) {
                LW_(share_sum)(LW_(extra_at)(pass, value), rows, layer->n_inputs, below);
            }
            LW_(share_slopes)(value, rows, layer->n_inputs, layer[-1].activation, below);
        }
        LW_(share_gradient)(LW_(inputs_of)(pass, k, value), slope, rows, layer,
            learns_in_branch(chain, k), pass->gradient);
        if (contracts(chain, k)) {
            LW_(share_matrix_contraction)(pass, k);
        }
        if (!shared) {
            LW_(share_step)(pass, layer->weights, layer->n_inputs * layer->n_units, rule);
        }
        below = slope;
        slope = swapped;
    }
    if (shared) {
        LW_(share_step)(pass, 0, n_weights, rule);
    }
    LW_(share_step)(
        pass, n_weights, n_parameters(chain) - n_weights, LW_(rule_without_decay)(rule));
}

/* All batches, by all threads of a region. */
static void
LW_(share_lesson)(const LW_(lesson) * pass)
{
    lw_optimizer optimizer = pass->optimizer;
    uint32_t step = pass->first_step;

    for (ptrdiff_t at = 0; at < pass->n_rows; at += pass->batch_size, step++, optimizer.count++) {
        const ptrdiff_t rows = lw_min(pass->batch_size, pass->n_rows - at);
        const LW_(rule) rule = LW_(rule_of)(optimizer);
        LW_(share_backward)(pass, at, rows, step, rule, LW_(share_forward)(pass, at, rows, step));
    }
}

int
LW_(lw_network_pass)(const LW_REAL *input, const LW_REAL *target, const int64_t *order,
    const double *weights, ptrdiff_t n_rows, lw_chain chain, ptrdiff_t batch_size,
    double corruption, ptrdiff_t code, lw_optimizer optimizer, lw_key key, uint32_t first_step,
    uint32_t lane_corruption, uint32_t lane_code, uint32_t lane_dropout, uint32_t lane_branch,
    int n_threads, LW_REAL *parameter, LW_REAL *first, LW_REAL *second, void *scratch,
    LW_REAL *row_loss)
{
    LW_(lesson)
    pass = { .input = input,
        .target = target,
        .order = order,
        .n_rows = n_rows,
        .chain = chain,
        .batch_size = batch_size,
        .corruption = corruption,
        .code = code,
        .weights = weights,
        .optimizer = optimizer,
        .key = key,
        .first_step = first_step,
        .lane_corruption = lane_corruption,
        .lane_code = lane_code,
        .lane_dropout = lane_dropout,
        .lane_branch = lane_branch,
        .parameter = parameter,
        .first = first,
        .second = second,
        .row_loss = row_loss };

    LW_(lesson_place)(&pass, scratch);
    LW_WITH_THREADS(LW_(share_lesson)(&pass));
    return LW_(have_diverged)(parameter, n_parameters(chain)) ? LW_DIVERGED : LW_OK;
}
