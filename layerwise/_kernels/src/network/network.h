/* One pass of back-propagation through a chain of affine layers. */

#pragma once

#include "base/philox.h"
#include "optimizer/optimizer.h"
#include "units/units.h"

/* From the field on a unit to its mean. */
enum { LW_SIGMOID = 0, LW_TANH = 1, LW_RELU = 2, LW_IDENTITY = 3 };

/* A layer: fields = inputs . matrix + biases, of n_inputs x n_units, and values = activation(fields).
 * All matrices and biases stand in one array of parameters, matrices first; `weights` and `biases`
 * say where. A tied layer has no matrix of its own: its matrix is the transpose of the one that a
 * later layer keeps at `weights`. */
typedef struct {
    int64_t n_inputs;
    int64_t n_units;
    int64_t activation;
    int64_t tied;
    int64_t weights;
    int64_t biases;
} lw_layer;

/* A layer's own loss, times `weight`: how well layer `decoder` gives back what `layer` takes in, each
 * of them zero with the probability `corruption` (lane_branch + layer). It compares with the same
 * values as they are; those of layer 0, which has no corruption of its own, with the row's target. */
typedef struct {
    int64_t layer;
    int64_t decoder;
    double weight;
    double corruption;
} lw_branch;

/* The layers, and the kinds of the last one's units, in runs; without runs the outputs are plain.
 * Where there are Gaussian runs, the logarithms of the variances of all outputs stand after the
 * biases. `dropout` has a probability for the inputs of each layer, and is NULL where no unit is
 * dropped. Branches are in the order of their layers, at most one for each. `contraction` has a
 * weight for each layer, zero of the last, and is NULL where all are zero. */
typedef struct {
    const lw_layer *layers;
    ptrdiff_t n_layers;
    const double *dropout;
    const lw_units *outputs;
    ptrdiff_t n_runs;
    const lw_branch *branches;
    ptrdiff_t n_branches;
    const double *contraction;
} lw_chain;

/* lw_affine: fields of a layer's units, rows x n_units, given its inputs, rows x n_inputs.
 * lw_activate: from fields to means, in place.
 * lw_network_scratch: bytes that `scratch` must hold.
 *
 * lw_network_pass: for each batch of the rows that `order` lists, one step of the optimiser down
 * the gradient of the mean loss over the batch's own rows. A row's loss is a sum over the outputs:
 *
 *     log-partition(field) - target field - log base(target)     of units: minus their log-likelihood
 *     (value - target)^2 / 2                                     of plain outputs
 *
 * With corruption > 0 each input is first set to zero with that probability (lane_corruption); the
 * loss compares with the target as it is. With code > 0 the inputs of layer `code` are states
 * (lane_code), drawn from the means of layer code - 1; the gradient passes straight through, as if
 * they were the means. Each input of layer k is zero with the probability dropout[k], and else
 * divided by 1 minus it (lane_dropout + k); means and slopes below go by the same units. Where
 * dropout[code] is positive, code is 0. The random numbers of row i of batch s stand at (unit, i, first_step + s,
 * lane): a pass may be cut into calls of whole batches. With `weights` (NULL: without), of the rows
 * as they lie, the mean over a batch is by their weights.
 *
 * To a row's loss are added those of branches, of values between layers the cross-entropy where the
 * outputs are units and the values are means by a sigmoid, and else the squared error; the values
 * that are to be given back count as constants. And times contraction[k] the sum over the units j of layer k of
 * (d mean_j / d field_j)^2 times the squared weights of j: the squared derivatives of the layer's
 * means by its inputs.
 *
 * row_loss[i] is the loss of row order[i] before the step of its batch. `optimizer.count` is the
 * number of the first step. Weight decay leaves biases and log variances alone. */
#define LW_NETWORK(K, real, type)                                                                 \
    K(void, lw_affine_##type,                                                                     \
        (const real *parameter, const lw_layer *layer, const real *input, ptrdiff_t n_rows,       \
            int n_threads, real *field))                                                          \
    K(void, lw_activate_##type,                                                                   \
        (ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation, int n_threads, real *value))    \
    K(ptrdiff_t, lw_network_scratch_##type, (lw_chain chain, ptrdiff_t batch_size))               \
    K(int, lw_network_pass_##type,                                                                \
        (const real *input, const real *target, const int64_t *order, const double *weights,      \
            ptrdiff_t n_rows, lw_chain chain, ptrdiff_t batch_size, double corruption,            \
            ptrdiff_t code, lw_optimizer optimizer, lw_key key, uint32_t first_step,              \
            uint32_t lane_corruption, uint32_t lane_code, uint32_t lane_dropout,                  \
            uint32_t lane_branch, int n_threads, real *parameter, real *first, real *second,      \
            void *scratch, real *row_loss))

LW_EACH_TYPE(LW_NETWORK, LW_KERNEL)
