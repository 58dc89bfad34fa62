/* Exact sums over all 2^n states of the enumerated layer of two coupled layers of 0/1 units.
 *
 * With weights W (n_analytic x n_enumerated), the analytic units are summed in closed form:
 *
 *     f(h) = exp(c.h) prod_i (1 + exp(a_i + (W h)_i)),    h in {0, 1}^n_enumerated,
 *
 * and bit j of a state's index is unit j. States are taken in chunks of at most LW_STATES_CHUNK:
 * a chunk is one value of the bits above. */

#pragma once

#include "base/kernel.h"

enum {
    LW_STATES_CHUNK = 2048, /* most states of a chunk */
    LW_STATES_SLABS = 16    /* most partial sums of the moments, each over its own chunks */
};

typedef struct {
    const double *weights;         /* n_analytic x n_enumerated, contiguous */
    const double *analytic_bias;   /* a */
    const double *enumerated_bias; /* c */
    ptrdiff_t n_analytic;
    ptrdiff_t n_enumerated;
} lw_layers;

/* lw_enumerate_chunks: chunks of all states together, a power of two.
 * lw_enumerate_scratch: doubles of scratch memory that each of the functions below takes.
 * lw_enumerate_slab: doubles of one slab of moments, the last of which is its exponent.
 * lw_enumerate_slabs: slabs of a call, a function of n alone, never of the number of threads.
 *
 * lw_enumerate_sums: for each chunk first <= k < last, sum of f over the chunk = mantissa 2^exponent.
 * lw_enumerate_logs: log f of all states of the chunks first <= k < last, in order.
 * lw_enumerate_moments: add the chunks first <= k < last (one whole range) to the slabs. The first
 * range starts them. With `single`, weights and log Z are sums in doubles, but shares of weights are
 * computed and summed over a chunk in floats, where a unit's factors allow it.
 * lw_enumerate_under: the same for states h that weigh given[h], of either sign: sums of given times
 * 1, E[v | h], h and E[v | h] h, with the exponent 0. Tiles of states whose sizes sum to at most
 * `least`, a normal number, are left out. c is not used.
 * lw_enumerate_fold: moments under p(v, h) ~ exp(a.v + c.h + v.W h), from the slabs: log Z (1), E[v],
 * E[h] and E[v h] (n_analytic x n_enumerated). */
#define LW_ENUMERATE(K)                                                                           \
    K(int64_t, lw_enumerate_chunks, (ptrdiff_t n_enumerated))                                     \
    K(ptrdiff_t, lw_enumerate_scratch,                                                            \
        (ptrdiff_t n_analytic, ptrdiff_t n_enumerated, int n_threads))                            \
    K(ptrdiff_t, lw_enumerate_slab, (ptrdiff_t n_analytic, ptrdiff_t n_enumerated))               \
    K(ptrdiff_t, lw_enumerate_slabs, (ptrdiff_t n_enumerated))                                    \
    K(void, lw_enumerate_sums,                                                                    \
        (lw_layers layers, int64_t first, int64_t last, int n_threads, double *scratch,           \
            double *mantissa, int64_t *exponent))                                                 \
    K(void, lw_enumerate_logs,                                                                    \
        (lw_layers layers, int64_t first, int64_t last, int n_threads, double *scratch,           \
            double *log_weight))                                                                  \
    K(void, lw_enumerate_moments,                                                                 \
        (lw_layers layers, int64_t first, int64_t last, int single, int n_threads,                \
            double *scratch, double *slabs))                                                      \
    K(void, lw_enumerate_under,                                                                   \
        (lw_layers layers, const double *given, double least, int64_t first, int64_t last,        \
            int single, int n_threads, double *scratch, double *slabs))                           \
    K(void, lw_enumerate_fold,                                                                    \
        (ptrdiff_t n_analytic, ptrdiff_t n_enumerated, const double *slabs, double *log_z,        \
            double *mean_analytic, double *mean_enumerated, double *correlation))

LW_ONE_TYPE(LW_ENUMERATE, LW_KERNEL)
