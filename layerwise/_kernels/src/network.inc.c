/* The functions of network.h, for one float type. */

#include "real.h"

void
LW_(lw_affine)(const LW_REAL *parameter, const lw_layer *layer, const LW_REAL *input,
    ptrdiff_t n_rows, int n_threads, LW_REAL *field)
{
    LW_(lw_product)(input, layer->n_inputs, 1, parameter + layer->weights, matrix_row(layer),
        matrix_column(layer), n_rows, layer->n_units, layer->n_inputs, 1,
        parameter + layer->biases, 0, n_threads, field, layer->n_units);
}

/* From fields to means. A comparison that fails on NaN keeps it. */
static void
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

void
LW_(lw_activate)(
    ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation, int n_threads, LW_REAL *value)
{
    const ptrdiff_t n_tiles = lw_tiles(n_rows, LW_NETWORK_TILE);
    ptrdiff_t t;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (t = 0; t < n_tiles; t++) {
        const ptrdiff_t first = t * LW_NETWORK_TILE;
        const ptrdiff_t rows = lw_min(LW_NETWORK_TILE, n_rows - first);
        LW_(activate_tile)(rows * n_units, activation, value + first * n_units);
    }
}

/* slope *= d mean / d field, which every activation knows from its mean. */
static void
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
LW_(slopes)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation,
    int n_threads, LW_REAL *slope)
{
    const ptrdiff_t n_tiles = lw_tiles(n_rows, LW_NETWORK_TILE);
    ptrdiff_t t;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (t = 0; t < n_tiles; t++) {
        const ptrdiff_t at = t * LW_NETWORK_TILE * n_units;
        const ptrdiff_t rows = lw_min(LW_NETWORK_TILE, n_rows - t * LW_NETWORK_TILE);
        LW_(slope_tile)(mean + at, rows * n_units, activation, slope + at);
    }
}

/* softplus(field) - target * field, and its derivative times `share`. One exponential serves both:
 * with e = exp(-|field|), softplus is max(field, 0) + log(1 + e). */
LW_INLINE LW_REAL
LW_(cross_entropy)(LW_REAL field, LW_REAL target, LW_REAL share, LW_REAL *slope)
{
    const LW_REAL e = LW_(lw_exp)(field > 0 ? -field : field);

    *slope = share * ((field > 0 ? 1 : e) / (1 + e) - target);
    return (field > 0 ? field : 0) + LW_(lw_log1p)(e) - target * field;
}

/* Half the squared distance, and its derivative times `share`. */
LW_INLINE LW_REAL
LW_(squared_error)(LW_REAL mean, LW_REAL target, LW_REAL share, LW_REAL *slope)
{
    const LW_REAL error = mean - target;

    *slope = share * error;
    return error * error / 2;
}

/* A row's loss is a sum of LW_LOSS_PARTS partial sums and of what is left, always in one order. */
#define LW_DEFINE_LOSS_ROW(unit)                                                                  \
    static LW_REAL LW_(unit##_row)(const LW_REAL *restrict value, const LW_REAL *restrict target, \
        ptrdiff_t n, LW_REAL share, LW_REAL *restrict slope)                                      \
    {                                                                                             \
        LW_REAL partial[LW_LOSS_PARTS] = { 0 };                                                   \
        LW_REAL total = 0;                                                                        \
        ptrdiff_t j = 0;                                                                          \
                                                                                                  \
        for (; j + LW_LOSS_PARTS <= n; j += LW_LOSS_PARTS) {                                      \
            LW_SIMD                                                                               \
            for (int k = 0; k < LW_LOSS_PARTS; k++) {                                             \
                partial[k] += LW_(unit)(value[j + k], target[j + k], share, slope + j + k);       \
            }                                                                                     \
        }                                                                                         \
        for (; j < n; j++) {                                                                      \
            total += LW_(unit)(value[j], target[j], share, slope + j);                            \
        }                                                                                         \
        for (int k = 0; k < LW_LOSS_PARTS; k++) {                                                 \
            total += partial[k];                                                                  \
        }                                                                                         \
        return total;                                                                             \
    }

LW_DEFINE_LOSS_ROW(cross_entropy)
LW_DEFINE_LOSS_ROW(squared_error)
#undef LW_DEFINE_LOSS_ROW

/* The losses of a batch, and the slope of their mean by the output layer's fields, given these
 * fields; the squared error leaves means in their place. */
static void
LW_(losses)(const LW_REAL *target, const int64_t *order, ptrdiff_t n_rows, const lw_layer *layer,
    int loss, int n_threads, LW_REAL *value, LW_REAL *slope, LW_REAL *row_loss)
{
    const ptrdiff_t n_units = layer->n_units;
    const LW_REAL share = 1 / (LW_REAL)n_rows;
    ptrdiff_t i;

    if (loss == LW_SQUARED_ERROR) {
        LW_(lw_activate)(n_rows, n_units, layer->activation, n_threads, value);
    }
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (i = 0; i < n_rows; i++) {
        const LW_REAL *goal = target + order[i] * n_units;
        const ptrdiff_t at = i * n_units;
        if (loss == LW_SQUARED_ERROR) {
            row_loss[i] = LW_(squared_error_row)(value + at, goal, n_units, share, slope + at);
        } else {
            row_loss[i] = LW_(cross_entropy_row)(value + at, goal, n_units, share, slope + at);
        }
    }
    if (loss == LW_SQUARED_ERROR) {
        LW_(slopes)(value, n_rows, n_units, layer->activation, n_threads, slope);
    }
}

static void
LW_(column_sums)(
    const LW_REAL *restrict slope, ptrdiff_t n_rows, ptrdiff_t n_units, LW_REAL *restrict sum)
{
    for (ptrdiff_t j = 0; j < n_units; j++) {
        sum[j] = slope[j];
    }
    for (ptrdiff_t i = 1; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_units; j++) {
            sum[j] += slope[i * n_units + j];
        }
    }
}

/* The gradient of one layer's parameters, given the slope of the loss by its fields. A tied layer
 * adds to the matrix of the later layer, which has been here before. */
static void
LW_(layer_gradient)(const LW_REAL *input, const LW_REAL *slope, ptrdiff_t n_rows,
    const lw_layer *layer, int n_threads, LW_REAL *gradient)
{
    const ptrdiff_t n_inputs = layer->n_inputs, n_units = layer->n_units;
    LW_REAL *matrix = gradient + layer->weights;

    if (layer->tied) {
        LW_(lw_product)(slope, 1, n_units, input, n_inputs, 1, n_units, n_inputs, n_rows, 1,
            matrix, n_inputs, n_threads, matrix, n_inputs);
    } else {
        LW_(lw_product)(input, 1, n_inputs, slope, n_units, 1, n_inputs, n_units, n_rows, 1, NULL,
            0, n_threads, matrix, n_units);
    }
    LW_(column_sums)(slope, n_rows, n_units, gradient + layer->biases);
}

/* The slope of the loss by a layer's inputs, given that by its fields. */
static void
LW_(slope_below)(const LW_REAL *parameter, const lw_layer *layer, const LW_REAL *slope,
    ptrdiff_t n_rows, int n_threads, LW_REAL *below)
{
    LW_(lw_product)(slope, layer->n_units, 1, parameter + layer->weights, matrix_column(layer),
        matrix_row(layer), n_rows, layer->n_inputs, layer->n_units, 1, NULL, 0, n_threads, below,
        layer->n_inputs);
}

/* The rows of one batch, corrupted where that is asked for. `drawn` has room for them. */
static void
LW_(batch_input)(const LW_REAL *input, const int64_t *order, ptrdiff_t n_rows, ptrdiff_t n_units,
    LW_REAL corruption, lw_key key, uint32_t step, uint32_t lane, int n_threads, LW_REAL *drawn,
    LW_REAL *bottom)
{
    LW_REAL *row = corruption > 0 ? drawn : bottom;

    for (ptrdiff_t i = 0; i < n_rows; i++) {
        memcpy(row + i * n_units, input + order[i] * n_units, (size_t)n_units * sizeof(LW_REAL));
    }
    if (corruption > 0) {
        LW_(lw_masked)(drawn, n_rows, n_units, corruption, key, step, lane, n_threads, bottom);
    }
}

int
LW_(lw_network_pass)(const LW_REAL *input, const LW_REAL *target, const int64_t *order,
    ptrdiff_t n_rows, const lw_layer *layers, ptrdiff_t n_layers, ptrdiff_t batch_size, int loss,
    double corruption, ptrdiff_t code, lw_optimizer optimizer, lw_key key,
    uint32_t lane_corruption, uint32_t lane_code, int n_threads, LW_REAL *parameter,
    LW_REAL *first, LW_REAL *second, LW_REAL *scratch, LW_REAL *row_loss)
{
    const ptrdiff_t n_all = n_parameters(layers, n_layers);
    const ptrdiff_t n_weights = layers[0].biases;
    const ptrdiff_t part = batch_size * widest(layers, n_layers);
    LW_REAL *gradient = scratch;
    LW_REAL *drawn = gradient + n_all; /* rows before corruption, and then states of the code */
    LW_REAL *slope = drawn + part;
    LW_REAL *below = slope + part;
    LW_REAL *bottom = below + part; /* inputs, and after them the values of every layer */
    uint32_t step = 0;

    for (ptrdiff_t at = 0; at < n_rows; at += batch_size, step++) {
        const LW_(rule) rule = LW_(rule_of)(optimizer);
        const ptrdiff_t rows = lw_min(batch_size, n_rows - at);
        LW_REAL *value = bottom;

        LW_(batch_input)(input, order + at, rows, layers[0].n_inputs, (LW_REAL)corruption, key,
            step, lane_corruption, n_threads, drawn, bottom);
        for (ptrdiff_t k = 0; k < n_layers; k++) {
            const lw_layer *layer = layers + k;
            LW_REAL *above = value + batch_size * layer->n_inputs;
            if (k > 0) {
                LW_(lw_activate)(rows, layer->n_inputs, layer[-1].activation, n_threads, value);
            }
            if (k == code) {
                LW_(lw_states)(
                    value, rows, layer->n_inputs, key, step, lane_code, n_threads, drawn);
            }
            LW_(lw_affine)(parameter, layer, k == code ? drawn : value, rows, n_threads, above);
            value = above;
        }
        LW_(losses)(target, order + at, rows, layers + n_layers - 1, loss, n_threads, value, slope,
            row_loss + at);
        for (ptrdiff_t k = n_layers - 1; k >= 0; k--) {
            const lw_layer *layer = layers + k;
            LW_REAL *swapped = below;
            value -= batch_size * layer->n_inputs;
            LW_(layer_gradient)(
                k == code ? drawn : value, slope, rows, layer, n_threads, gradient);
            if (k > 0) {
                LW_(slope_below)(parameter, layer, slope, rows, n_threads, below);
                LW_(slopes)(value, rows, layer->n_inputs, layer[-1].activation, n_threads, below);
            }
            below = slope;
            slope = swapped;
        }
        LW_(update)(gradient, n_weights, rule, n_threads, parameter, first, second);
        LW_(update)(gradient + n_weights, n_all - n_weights, LW_(rule_without_decay)(rule),
            n_threads, parameter + n_weights, first + n_weights,
            rule.adam ? second + n_weights : NULL);
        optimizer.count++;
    }
    return LW_(are_lost)(parameter, n_all) ? LW_NOT_FINITE : LW_OK;
}
