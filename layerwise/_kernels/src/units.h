/* Means, states and free energies of layers of Bernoulli units, given their fields. */

#ifndef LW_UNITS_H
#define LW_UNITS_H

#include "philox.h"

/* All arrays are rows x units and contiguous. `step` and `lane` complete the address of a random
 * number: (unit, row, step, lane). */
#define LW_DECLARE_UNITS(real, suffix)                                                             \
    void lw_means_##suffix(const real *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads,  \
        real *mean);                                                                               \
    void lw_states_##suffix(const real *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key,     \
        uint32_t step, uint32_t lane, int n_threads, real *state);                                 \
    void lw_masked_##suffix(const real *input, ptrdiff_t n_rows, ptrdiff_t n_units,                \
        real probability, lw_key key, uint32_t step, uint32_t lane, int n_threads, real *output);  \
    void lw_softplus_sums_##suffix(const real *field, ptrdiff_t n_rows, ptrdiff_t n_units,         \
        int n_threads, real *sum);

LW_DECLARE_UNITS(float, f32)
LW_DECLARE_UNITS(double, f64)

/* The 32-bit numbers themselves, at rows 0 .. n_rows-1 and units 0 .. n_units-1. */
void lw_words(ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step, uint32_t lane,
    int n_threads, uint32_t *word);

#endif
