/* One step of an optimiser over a flat array of parameters, in place. */

#pragma once

#include "base/kernel.h"

enum { LW_SGD = 0, LW_ADAM = 1 };

/* The step of a descent. With SGD `rate` is the learning rate and `momentum` its momentum; with
 * Adam (Kingma and Ba, 2015) they are the rate and beta1, beta2 is 0.999, and `count` is the number
 * of this step, from 1. `decay` pulls parameters towards zero: it is added to the gradient as
 * decay * parameter with SGD, and applied beside the step (decoupled) with Adam. After either step
 * `l1_decay` takes rate * l1_decay off a parameter's size, and at most all of it: the step of an L1
 * penalty that is zero at zero, and stays there. */
typedef struct {
    int64_t kind;
    double rate;
    double momentum;
    double decay;
    double l1_decay;
    int64_t count;
} lw_optimizer;

/* A parameter beyond this has diverged. Exact sums take parameters whose sizes sum to less than 2^50,
 * and a million of this size do. */
#define LW_LARGEST_PARAMETER 0x1p30f

/* `first` is the velocity (SGD; with no momentum it is left alone) or the mean gradient (Adam);
 * `second` the mean squared gradient, unused by SGD. Returns LW_DIVERGED if a parameter has
 * diverged. */
#define LW_UPDATE(K, real, type)                                                                  \
    K(int, lw_update_##type,                                                                      \
        (const real *gradient, ptrdiff_t n, lw_optimizer optimizer, int n_threads,                \
            real *parameter, real *first, real *second))

LW_EACH_TYPE(LW_UPDATE, LW_KERNEL)
