/* Means, states and log-partitions of a tile of rows of a layer, whatever kinds its units are of.
 *
 * A layer is an array of runs, which cover its units in order (units.h). There is one switch for each
 * run of a tile, and a file for each kind, with
 *
 *     <kind>_means            the expected states, given the fields
 *     <kind>_draw             states drawn from the fields
 *     <kind>_log_partition    log of the sum, or integral, over states of base e^(field state), added
 *                             for all units of a row to the row's total
 *
 * Up to LW_UNITS_TILE rows are `apart` numbers from each other. `row` is the address of the first row,
 * `unit` that of the first unit: the numbers of unit j of row i stand at (j, i, step, lane), and what
 * is drawn is a function of the address and of the field. `scale` holds the units' standard
 * deviations, read for Gaussian units alone, and may be NULL where there are none. What is written may
 * be what is read. */

#pragma once

#include "base/philox.h"
#include "base/real.h"
#include "units/bernoulli.h"
#include "units/gaussian.h"
#include "units/softmax.h"
#include "units/spin.h"
#include "units/truncated_exponential.h"
#include "units/units.h"

static void
LW_(units_means)(const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale,
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t apart, LW_REAL *mean)
{
    ptrdiff_t unit = 0;

    for (ptrdiff_t k = 0; k < n_runs; k++) {
        const ptrdiff_t size = (ptrdiff_t)units[k].size;
        switch (units[k].kind) {
        case LW_BERNOULLI:
            LW_(bernoulli_means)(field + unit, n_rows, size, apart, mean + unit);
            break;
        case LW_SPIN: LW_(spin_means)(field + unit, n_rows, size, apart, mean + unit); break;
        case LW_GAUSSIAN:
            LW_(gaussian_means)(scale + unit, field + unit, n_rows, size, apart, mean + unit);
            break;
        case LW_TRUNCATED_EXPONENTIAL:
            LW_(truncated_exponential_means)(field + unit, n_rows, size, apart, mean + unit);
            break;
        case LW_SOFTMAX: LW_(softmax_means)(field + unit, n_rows, size, apart, mean + unit); break;
        }
        unit += size;
    }
}

static void
LW_(units_draw)(const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale,
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t apart, uint32_t row, lw_key key,
    uint32_t step, uint32_t lane, LW_REAL *state)
{
    ptrdiff_t unit = 0;

    for (ptrdiff_t k = 0; k < n_runs; k++) {
        const ptrdiff_t size = (ptrdiff_t)units[k].size;
        const LW_REAL *const from = field + unit;
        LW_REAL *const to = state + unit;
        switch (units[k].kind) {
        case LW_BERNOULLI:
            LW_(bernoulli_draw)(from, n_rows, unit, size, apart, row, key, step, lane, to);
            break;
        case LW_SPIN:
            LW_(spin_draw)(from, n_rows, unit, size, apart, row, key, step, lane, to);
            break;
        case LW_GAUSSIAN:
            LW_(gaussian_draw)(
                scale + unit, from, n_rows, unit, size, apart, row, key, step, lane, to);
            break;
        case LW_TRUNCATED_EXPONENTIAL:
            LW_(truncated_exponential_draw)(
                from, n_rows, unit, size, apart, row, key, step, lane, to);
            break;
        case LW_SOFTMAX:
            LW_(softmax_draw)(from, n_rows, unit, size, apart, row, key, step, lane, to);
            break;
        }
        unit += size;
    }
}

static void
LW_(units_log_partition)(const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale,
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t apart, double *total)
{
    ptrdiff_t unit = 0;

    for (ptrdiff_t i = 0; i < n_rows; i++) {
        total[i] = 0;
    }
    for (ptrdiff_t k = 0; k < n_runs; k++) {
        const ptrdiff_t size = (ptrdiff_t)units[k].size;
        const LW_REAL *const from = field + unit;
        switch (units[k].kind) {
        case LW_BERNOULLI: LW_(bernoulli_log_partition)(from, n_rows, size, apart, total); break;
        case LW_SPIN: LW_(spin_log_partition)(from, n_rows, size, apart, total); break;
        case LW_GAUSSIAN:
            LW_(gaussian_log_partition)(scale + unit, from, n_rows, size, apart, total);
            break;
        case LW_TRUNCATED_EXPONENTIAL:
            LW_(truncated_exponential_log_partition)(from, n_rows, size, apart, total);
            break;
        case LW_SOFTMAX: LW_(softmax_log_partition)(from, n_rows, size, apart, total); break;
        }
        unit += size;
    }
}
