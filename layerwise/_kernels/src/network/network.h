/* One pass of back-propagation through a chain of affine layers. */

#ifndef LW_NETWORK_NETWORK_H
#define LW_NETWORK_NETWORK_H

#include "base/philox.h"
#include "optimizer/optimizer.h"

/* From the field on a unit to its mean. */
enum { LW_SIGMOID = 0, LW_TANH = 1, LW_RELU = 2, LW_IDENTITY = 3 };

/* Loss of one row, a sum over the output units. Cross-entropy belongs to LW_SIGMOID. */
enum { LW_CROSS_ENTROPY = 0, LW_SQUARED_ERROR = 1 };

/* A layer: units = activation(inputs . matrix + biases), matrix of n_inputs x n_units. All matrices
 * and biases stand in one array of parameters, matrices first; `weights` and `biases` say where.
 * A tied layer has no matrix of its own: its matrix is the transpose of the one that a later layer
 * keeps at `weights`. */
typedef struct {
    int64_t n_inputs;
    int64_t n_units;
    int64_t activation;
    int64_t tied;
    int64_t weights;
    int64_t biases;
} lw_layer;

/* How many reals a pass needs beside its arguments. */
#define LW_NETWORK_SIZES(K)                                                                       \
    K(ptrdiff_t, lw_network_scratch,                                                              \
        (const lw_layer *layers, ptrdiff_t n_layers, ptrdiff_t batch_size))

LW_ONE_TYPE(LW_NETWORK_SIZES, LW_KERNEL)

/* lw_affine: fields of a layer's units, rows x n_units, given its inputs, rows x n_inputs.
 * lw_activate: from fields to means, in place.
 *
 * lw_network_pass: for each batch of the rows that `order` lists, one step of the optimiser down
 * the gradient of the mean loss over the batch's own rows. With corruption > 0 each input is first
 * set to zero with that probability (lane_corruption); the loss compares with the target as it is.
 * With code > 0 the inputs of layer `code` are states (lane_code), drawn from the means of layer
 * code - 1; the gradient passes straight through, as if they were the means. The random numbers of
 * row i of batch s stand at (unit, i, s, lane). row_loss[i] is the loss of row order[i] before the
 * step of its batch. `optimizer.count` is the number of the first step. Weight decay leaves the
 * biases alone. */
#define LW_NETWORK(K, real, type)                                                                 \
    K(void, lw_affine_##type,                                                                     \
        (const real *parameter, const lw_layer *layer, const real *input, ptrdiff_t n_rows,       \
            int n_threads, real *field))                                                          \
    K(void, lw_activate_##type,                                                                   \
        (ptrdiff_t n_rows, ptrdiff_t n_units, int64_t activation, int n_threads, real *value))    \
    K(int, lw_network_pass_##type,                                                                \
        (const real *input, const real *target, const int64_t *order, ptrdiff_t n_rows,           \
            const lw_layer *layers, ptrdiff_t n_layers, ptrdiff_t batch_size, int loss,           \
            double corruption, ptrdiff_t code, lw_optimizer optimizer, lw_key key,                \
            uint32_t lane_corruption, uint32_t lane_code, int n_threads, real *parameter,         \
            real *first, real *second, real *scratch, real *row_loss))

LW_EACH_TYPE(LW_NETWORK, LW_KERNEL)

#endif
