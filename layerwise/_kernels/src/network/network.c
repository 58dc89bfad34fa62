#include "network/network.h"

#include <string.h>

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "linear/product.h"
#include "network/layer.h"
#include "network/loss.h"
#include "optimizer/rule.h"
#include "units/bernoulli.h"
#include "units/units.h"

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

/* The gradient of one layer's parameters, given the slope of the loss by its fields. A tied layer
 * adds to the matrix of the later layer, which has been here before. */
static void
LW_(share_gradient)(const LW_REAL *input, const LW_REAL *slope, ptrdiff_t n_rows,
    const lw_layer *layer, LW_REAL *gradient)
{
    const ptrdiff_t n_inputs = layer->n_inputs, n_units = layer->n_units;
    LW_REAL *matrix = gradient + layer->weights;

    if (layer->tied) {
        LW_(share_product)(slope, 1, n_units, input, n_inputs, 1, n_units, n_inputs, n_rows, 1,
            matrix, n_inputs, matrix, n_inputs);
    } else {
        LW_(share_product)(input, 1, n_inputs, slope, n_units, 1, n_inputs, n_units, n_rows, 1,
            NULL, 0, matrix, n_units);
    }
    LW_SHARE_TILES(t, lw_tiles(n_units, LW_COLUMNS), {
        const ptrdiff_t from = t * LW_COLUMNS;
        LW_(column_sums)(slope + from, n_rows, n_units, lw_min(LW_COLUMNS, n_units - from),
            gradient + layer->biases + from);
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
} LW_(lesson);

static lw_scratch
LW_(lesson_place)(LW_(lesson) * pass, void *scratch)
{
    const lw_chain chain = pass->chain;
    const ptrdiff_t part = pass->batch_size * widest(chain);
    const ptrdiff_t n_outputs = (ptrdiff_t)last_layer(chain)->n_units;
    const size_t size = sizeof(LW_REAL);
    lw_scratch at = lw_scratch_from(scratch);
    ptrdiff_t width = (ptrdiff_t)chain.layers[0].n_inputs;

    for (ptrdiff_t k = 0; k < chain.n_layers; k++) {
        width += (ptrdiff_t)chain.layers[k].n_units;
    }
    pass->value = lw_slice(&at, pass->batch_size * width, size);
    pass->dropped = lw_slice(&at, chain.dropout ? pass->batch_size * width : 0, size);
    pass->drawn = lw_slice(&at, part, size);
    pass->slopes[0] = lw_slice(&at, part, size);
    pass->slopes[1] = lw_slice(&at, part, size);
    pass->gradient = lw_slice(&at, n_parameters(chain), size);
    pass->scale = lw_slice(&at, n_outputs, size);
    pass->precision = lw_slice(&at, n_outputs, size);
    return at;
}

ptrdiff_t
LW_(lw_network_scratch)(lw_chain chain, ptrdiff_t batch_size)
{
    LW_(lesson) pass = { .chain = chain, .batch_size = batch_size };

    return lw_scratch_size(LW_(lesson_place)(&pass, NULL));
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
 * layers share waits for all of them. */
static void
LW_(share_backward)(const LW_(lesson) * pass, ptrdiff_t at, ptrdiff_t rows, uint32_t step,
    LW_(rule) rule, LW_REAL *value)
{
    const ptrdiff_t n_weights = (ptrdiff_t)pass->chain.layers[0].biases;
    const int shared = has_tied_layers(pass->chain);
    const lw_chain chain = pass->chain;
    LW_REAL *slope = pass->slopes[0], *below = pass->slopes[1];
    const LW_(losses) batch = { .target = pass->target,
        .order = pass->order + at,
        .n_rows = rows,
        .chain = chain,
        .log_variance = has_variances(chain) ? pass->parameter + variances_at(chain) : NULL,
        .scale = pass->scale,
        .precision = pass->precision,
        .share = 1 / (LW_REAL)rows,
        .weights = pass->weights,
        .total = LW_(weight_of)(pass, at, rows) };

    if (chain.n_runs) {
        LW_(share_likelihoods)(
            &batch, value, slope, pass->row_loss + at, pass->gradient + variances_at(chain));
    } else {
        LW_(share_squared_errors)(&batch, value, slope, pass->row_loss + at);
    }
    for (ptrdiff_t k = chain.n_layers - 1; k >= 0; k--) {
        const lw_layer *layer = chain.layers + k;
        LW_REAL *const swapped = below;
        value -= pass->batch_size * layer->n_inputs;
        if (k > 0) {
            LW_(share_product)(slope, layer->n_units, 1, pass->parameter + layer->weights,
                matrix_column(layer), matrix_row(layer), rows, layer->n_inputs, layer->n_units, 1,
                NULL, 0, below, layer->n_inputs);
            if (LW_(drops)(pass, k)) {
                LW_(share_dropout)(pass, k, rows, step, below, below);
            }
            LW_(share_slopes)(value, rows, layer->n_inputs, layer[-1].activation, below);
        }
        LW_(share_gradient)(LW_(inputs_of)(pass, k, value), slope, rows, layer, pass->gradient);
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
    uint32_t lane_corruption, uint32_t lane_code, uint32_t lane_dropout, int n_threads,
    LW_REAL *parameter, LW_REAL *first, LW_REAL *second, void *scratch, LW_REAL *row_loss)
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
        .parameter = parameter,
        .first = first,
        .second = second,
        .row_loss = row_loss };

    LW_(lesson_place)(&pass, scratch);
    LW_WITH_THREADS(LW_(share_lesson)(&pass));
    return LW_(have_diverged)(parameter, n_parameters(chain)) ? LW_DIVERGED : LW_OK;
}
