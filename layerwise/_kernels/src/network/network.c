#include "network/network.h"

#include <string.h>

#include "base/real.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "linear/product.h"
#include "network/layer.h"
#include "network/loss.h"
#include "optimizer/rule.h"
#include "units/bernoulli.h"
#include "units/units.h"

/* A row of inputs, each of them zero with the probability. */
LW_LOOP void
LW_(masked_row)(const LW_REAL *restrict input, ptrdiff_t n_units, LW_REAL probability,
    uint32_t row, lw_key key, uint32_t step, uint32_t lane, LW_REAL *restrict output)
{
    uint32_t word[LW_PHILOX_UNITS];

    for (ptrdiff_t first = 0; first < n_units; first += LW_PHILOX_UNITS) {
        const ptrdiff_t units = lw_min(LW_PHILOX_UNITS, n_units - first);
        lw_words_at(key, (uint32_t)(first / 4), row, units, step, lane, word);
        LW_SIMD
        for (ptrdiff_t j = 0; j < units; j++) {
            output[first + j] = LW_(uniform)(word[j]) < probability ? 0 : input[first + j];
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

/* The slope of the loss by a layer's inputs, given that by its fields. */
static void
LW_(share_slope_below)(const LW_REAL *parameter, const lw_layer *layer, const LW_REAL *slope,
    ptrdiff_t n_rows, LW_REAL *below)
{
    LW_(share_product)(slope, layer->n_units, 1, parameter + layer->weights, matrix_column(layer),
        matrix_row(layer), n_rows, layer->n_inputs, layer->n_units, 1, NULL, 0, below,
        layer->n_inputs);
}

/* The rows of one batch, corrupted where that is asked for. */
static void
LW_(share_input)(const LW_REAL *input, const int64_t *order, ptrdiff_t n_rows, ptrdiff_t n_units,
    LW_REAL corruption, lw_key key, uint32_t step, uint32_t lane, LW_REAL *bottom)
{
    LW_SHARE_TILES(i, n_rows, {
        const LW_REAL *const row = input + order[i] * n_units;
        if (corruption > 0) {
            LW_(masked_row)(
                row, n_units, corruption, (uint32_t)i, key, step, lane, bottom + i * n_units);
        } else {
            memcpy(bottom + i * n_units, row, (size_t)n_units * sizeof(LW_REAL));
        }
    });
}

/* A pass's arguments, as in network.h. */
typedef struct {
    const LW_REAL *input;
    const LW_REAL *target;
    const int64_t *order;
    ptrdiff_t n_rows;
    const lw_layer *layers;
    ptrdiff_t n_layers;
    ptrdiff_t batch_size;
    int loss;
    double corruption;
    ptrdiff_t code;
    lw_optimizer optimizer;
    lw_key key;
    uint32_t lane_corruption;
    uint32_t lane_code;
    LW_REAL *parameter;
    LW_REAL *first;
    LW_REAL *second;
    LW_REAL *scratch;
    LW_REAL *row_loss;
} LW_(lesson);

/* One batch, by all threads of a region. */
static void
LW_(share_batch)(const LW_(lesson) * pass, ptrdiff_t at, uint32_t step, LW_(rule) rule)
{
    const lw_layer *const layers = pass->layers;
    const ptrdiff_t n_layers = pass->n_layers, code = pass->code;
    const ptrdiff_t rows = lw_min(pass->batch_size, pass->n_rows - at);
    const ptrdiff_t n_all = n_parameters(layers, n_layers), n_weights = layers[0].biases;
    const ptrdiff_t part = pass->batch_size * widest(layers, n_layers);
    LW_REAL *const gradient = pass->scratch;
    LW_REAL *const drawn = gradient + n_all; /* states of the code */
    LW_REAL *slope = drawn + part;
    LW_REAL *below = slope + part;
    LW_REAL *value = below + part; /* inputs, and after them the values of every layer */

    LW_(share_input)(pass->input, pass->order + at, rows, layers[0].n_inputs,
        (LW_REAL)pass->corruption, pass->key, step, pass->lane_corruption, value);
    for (ptrdiff_t k = 0; k < n_layers; k++) {
        const lw_layer *layer = layers + k;
        LW_REAL *const above = value + pass->batch_size * layer->n_inputs;
        if (k > 0) {
            LW_(share_activate)(rows, layer->n_inputs, layer[-1].activation, value);
        }
        if (k == code) {
            LW_(share_states)(
                value, rows, layer->n_inputs, pass->key, step, pass->lane_code, drawn);
        }
        LW_(share_affine)(pass->parameter, layer, k == code ? drawn : value, rows, above);
        value = above;
    }
    LW_(share_losses)(pass->target, pass->order + at, rows, layers + n_layers - 1, pass->loss,
        value, slope, pass->row_loss + at);
    for (ptrdiff_t k = n_layers - 1; k >= 0; k--) {
        const lw_layer *layer = layers + k;
        LW_REAL *const swapped = below;
        value -= pass->batch_size * layer->n_inputs;
        LW_(share_gradient)(k == code ? drawn : value, slope, rows, layer, gradient);
        if (k > 0) {
            LW_(share_slope_below)(pass->parameter, layer, slope, rows, below);
            LW_(share_slopes)(value, rows, layer->n_inputs, layer[-1].activation, below);
        }
        below = slope;
        slope = swapped;
    }
    LW_(share_update)(gradient, n_weights, rule, pass->parameter, pass->first, pass->second);
    LW_(share_update)(gradient + n_weights, n_all - n_weights, LW_(rule_without_decay)(rule),
        pass->parameter + n_weights, pass->first + n_weights,
        rule.adam ? pass->second + n_weights : NULL);
}

static void
LW_(share_lesson)(const LW_(lesson) * pass)
{
    lw_optimizer optimizer = pass->optimizer;
    uint32_t step = 0;

    for (ptrdiff_t at = 0; at < pass->n_rows; at += pass->batch_size, step++) {
        LW_(share_batch)(pass, at, step, LW_(rule_of)(optimizer));
        optimizer.count++;
    }
}

int
LW_(lw_network_pass)(const LW_REAL *input, const LW_REAL *target, const int64_t *order,
    ptrdiff_t n_rows, const lw_layer *layers, ptrdiff_t n_layers, ptrdiff_t batch_size, int loss,
    double corruption, ptrdiff_t code, lw_optimizer optimizer, lw_key key,
    uint32_t lane_corruption, uint32_t lane_code, int n_threads, LW_REAL *parameter,
    LW_REAL *first, LW_REAL *second, LW_REAL *scratch, LW_REAL *row_loss)
{
    const LW_(lesson) pass = { input, target, order, n_rows, layers, n_layers, batch_size, loss,
        corruption, code, optimizer, key, lane_corruption, lane_code, parameter, first, second,
        scratch, row_loss };

    LW_WITH_THREADS(LW_(share_lesson)(&pass));
    return LW_(are_lost)(parameter, n_parameters(layers, n_layers)) ? LW_LOST : LW_OK;
}
