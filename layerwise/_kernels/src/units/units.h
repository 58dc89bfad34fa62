/* Means, states and log-partitions of layers of units, given their fields. */

#pragma once

#include "base/philox.h"

/* What a field says about a unit's states: kinds.h and the file of each kind. Codes are those of
 * numerics/units.py, and LW_KINDS is their number. */
enum { LW_BERNOULLI, LW_SPIN, LW_GAUSSIAN, LW_TRUNCATED_EXPONENTIAL, LW_SOFTMAX, LW_KINDS };

/* A run of neighbouring units of one kind. Runs cover the units of a layer, in order; the units of one
 * softmax group are one run. */
typedef struct {
    int64_t kind;
    int64_t size;
} lw_units;

/* Arrays are rows x units and contiguous; total[i] is the sum over the units of row i. `scale` holds
 * standard deviations, n_units of them, read for Gaussian units alone: NULL where there are none.
 * `step` and `lane` complete the address of a random number: (unit, row, step, lane). States are
 * drawn from fields; lw_states draws those of Bernoulli units from their means, of
 * rows from `first_row` on. */
#define LW_UNITS(K, real, type)                                                                   \
    K(void, lw_states_##type,                                                                     \
        (const real *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t first_row,   \
            uint32_t step, uint32_t lane, int n_threads, real *state))                            \
    K(void, lw_unit_means_##type,                                                                 \
        (const real *field, ptrdiff_t n_rows, ptrdiff_t n_units, const lw_units *units,           \
            ptrdiff_t n_runs, const real *scale, int n_threads, real *mean))                      \
    K(void, lw_unit_draws_##type,                                                                 \
        (const real *field, ptrdiff_t n_rows, ptrdiff_t n_units, const lw_units *units,           \
            ptrdiff_t n_runs, const real *scale, lw_key key, uint32_t step, uint32_t lane,        \
            int n_threads, real *state))                                                          \
    K(void, lw_unit_log_partitions_##type,                                                        \
        (const real *field, ptrdiff_t n_rows, ptrdiff_t n_units, const lw_units *units,           \
            ptrdiff_t n_runs, const real *scale, int n_threads, double *total))

LW_EACH_TYPE(LW_UNITS, LW_KERNEL)

/* The 32-bit numbers themselves, at rows 0 .. n_rows-1 and units 0 .. n_units-1. */
#define LW_WORDS(K)                                                                               \
    K(void, lw_words,                                                                             \
        (ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step, uint32_t lane,           \
            int n_threads, uint32_t *word))

LW_ONE_TYPE(LW_WORDS, LW_KERNEL)
