/* What a pass of back-propagation works on, and the gradient of one layer. */

#pragma once

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "linear/product.h"
#include "network/layer.h"
#include "network/loss.h"

/* A row of numbers, each of them zero with the probability, and else times `scale`. */
LW_LOOP void
LW_(masked_row)(const LW_REAL *input, ptrdiff_t n_units, LW_REAL probability, LW_REAL scale,
    uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *output)
{
    uint32_t word[LW_PHILOX_UNITS];

    for (ptrdiff_t first = 0; first < n_units; first += LW_PHILOX_UNITS) {
        const ptrdiff_t units = lw_min(LW_PHILOX_UNITS, n_units - first);
        lw_words_at(key, (uint32_t)(first / 4), row, units, step, lane, word);
        LW_SIMD
        for (ptrdiff_t j = 0; j < units; j++) {
            output[first + j] = LW_(uniform)(word[j]) < probability ? 0 : scale * input[first + j];
        }
    }
}

/* The gradient of one layer's parameters, given the slope of the loss by its fields; where `adds`, it
 * is added to what stands there. A tied layer adds to the matrix of the later layer, which has been
 * here before. */
static void
LW_(share_gradient)(const LW_REAL *input, const LW_REAL *slope, ptrdiff_t n_rows,
    const lw_layer *layer, int adds, LW_REAL *gradient)
{
    const ptrdiff_t n_inputs = layer->n_inputs, n_units = layer->n_units;
    LW_REAL *matrix = gradient + layer->weights;

    if (layer->tied) {
        LW_(share_product)(slope, 1, n_units, input, n_inputs, 1, n_units, n_inputs, n_rows, 1,
            matrix, n_inputs, matrix, n_inputs);
    } else {
        LW_(share_product)(input, 1, n_inputs, slope, n_units, 1, n_inputs, n_units, n_rows, 1,
            adds ? matrix : NULL, n_units, matrix, n_units);
    }
    LW_SHARE_TILES(t, lw_tiles(n_units, LW_COLUMNS), {
        const ptrdiff_t from = t * LW_COLUMNS, n = lw_min(LW_COLUMNS, n_units - from);
        LW_REAL *const bias = gradient + layer->biases + from;
        LW_REAL sum[LW_COLUMNS];
        LW_(column_sums)(slope + from, n_rows, n_units, n, sum);
        for (ptrdiff_t j = 0; j < n; j++) {
            bias[j] = adds ? bias[j] + sum[j] : sum[j];
        }
    });
}

/* A pass's arguments, as in network.h, and its scratch memory, which holds a batch. */
typedef struct {
    const LW_REAL *input;
    const LW_REAL *target;
    const int64_t *order;
    ptrdiff_t n_rows;
    lw_chain chain;
    ptrdiff_t batch_size;
    double corruption;
    ptrdiff_t code;
    const double *weights;
    lw_optimizer optimizer;
    lw_key key;
    uint32_t first_step;
    uint32_t lane_corruption;
    uint32_t lane_code;
    uint32_t lane_dropout;
    uint32_t lane_branch;
    LW_REAL *parameter;
    LW_REAL *first;
    LW_REAL *second;
    LW_REAL *row_loss;
    LW_REAL *value;   /* inputs, and after them the values of every layer */
    LW_REAL *dropped; /* the same where some are dropped, laid out alike */
    LW_REAL *drawn;   /* states of the code */
    LW_REAL *slopes[2];
    LW_REAL *gradient;
    LW_REAL *scale; /* of the outputs, as in loss.h */
    LW_REAL *precision;
    LW_REAL *extra;      /* slopes by the values of every layer, from branches */
    LW_REAL *extra_loss; /* of the rows */
    LW_REAL *own_loss;   /* of one branch */
    LW_REAL *own_input;
    LW_REAL *own_hidden;
    LW_REAL *squares;   /* of the weights of each unit of a layer */
    LW_REAL *steepness; /* the sum of its squared slopes */
} LW_(lesson);

/* Numbers of a row's inputs and of the values of every layer. */
static ptrdiff_t
n_values(lw_chain chain)
{
    ptrdiff_t width = (ptrdiff_t)chain.layers[0].n_inputs;

    for (ptrdiff_t k = 0; k < chain.n_layers; k++) {
        width += (ptrdiff_t)chain.layers[k].n_units;
    }
    return width;
}

static lw_scratch
LW_(lesson_place)(LW_(lesson) * pass, void *scratch)
{
    const lw_chain chain = pass->chain;
    const ptrdiff_t part = pass->batch_size * widest(chain);
    const ptrdiff_t n_outputs = (ptrdiff_t)last_layer(chain)->n_units;
    const size_t size = sizeof(LW_REAL);
    const ptrdiff_t width = n_values(chain);
    lw_scratch at = lw_scratch_from(scratch);

    pass->value = lw_slice(&at, pass->batch_size * width, size);
    pass->dropped = lw_slice(&at, chain.dropout ? pass->batch_size * width : 0, size);
    pass->drawn = lw_slice(&at, part, size);
    pass->slopes[0] = lw_slice(&at, part, size);
    pass->slopes[1] = lw_slice(&at, part, size);
    pass->gradient = lw_slice(&at, n_parameters(chain), size);
    pass->scale = lw_slice(&at, n_outputs, size);
    pass->precision = lw_slice(&at, n_outputs, size);
    if (chain.n_branches) {
        pass->extra = lw_slice(&at, pass->batch_size * width, size);
        pass->extra_loss = lw_slice(&at, pass->batch_size, size);
        pass->own_loss = lw_slice(&at, pass->batch_size, size);
        pass->own_input = lw_slice(&at, part, size);
        pass->own_hidden = lw_slice(&at, part, size);
    }
    if (chain.contraction) {
        pass->squares = lw_slice(&at, widest(chain), size);
        pass->steepness = lw_slice(&at, widest(chain), size);
    }
    return at;
}

static int
LW_(drops)(const LW_(lesson) * pass, ptrdiff_t k)
{
    return pass->chain.dropout && pass->chain.dropout[k] > 0;
}

/* What layer k takes in, where the values below it are `value`. */
static LW_REAL *
LW_(inputs_of)(const LW_(lesson) * pass, ptrdiff_t k, LW_REAL *value)
{
    if (k == pass->code) {
        return pass->drawn;
    }
    return LW_(drops)(pass, k) ? pass->dropped + (value - pass->value) : value;
}

/* Drop inputs of layer k, or the slopes by the same inputs: `to` may be `from`. */
static void
LW_(share_dropout)(const LW_(lesson) * pass, ptrdiff_t k, ptrdiff_t rows, uint32_t step,
    const LW_REAL *from, LW_REAL *to)
{
    const ptrdiff_t n_units = (ptrdiff_t)pass->chain.layers[k].n_inputs;
    const double dropout = pass->chain.dropout[k];

    LW_SHARE_TILES(i, rows,
        LW_(masked_row)(from + i * n_units, n_units, (LW_REAL)dropout,
            (LW_REAL)(1 / (1 - dropout)), (uint32_t)i, pass->key, step,
            pass->lane_dropout + (uint32_t)k, to + i * n_units));
}

/* The sum of the weights of a batch's rows, if they have some. */
static double
LW_(weight_of)(const LW_(lesson) * pass, ptrdiff_t at, ptrdiff_t rows)
{
    double total = 0;

    for (ptrdiff_t i = at; pass->weights && i < at + rows; i++) {
        total += pass->weights[pass->order[i]];
    }
    return total;
}

/* The losses of a batch at the outputs, before a branch makes them its own. */
static LW_(losses) LW_(losses_of)(const LW_(lesson) * pass, ptrdiff_t at, ptrdiff_t rows)
{
    const lw_chain chain = pass->chain;

    return (LW_(losses)) { .target = pass->target,
        .order = pass->order + at,
        .n_rows = rows,
        .n_units = (ptrdiff_t)last_layer(chain)->n_units,
        .activation = last_layer(chain)->activation,
        .runs = chain.outputs,
        .n_runs = chain.n_runs,
        .log_variance = has_variances(chain) ? pass->parameter + variances_at(chain) : NULL,
        .scale = pass->scale,
        .precision = pass->precision,
        .share = 1 / (LW_REAL)rows,
        .factor = 1,
        .weights = pass->weights,
        .total = LW_(weight_of)(pass, at, rows) };
}
