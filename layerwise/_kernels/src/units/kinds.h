/* Means, draws and log-partitions of a tile of rows: Bernoulli units so far. */

#ifndef LW_UNITS_KINDS_H
#define LW_UNITS_KINDS_H
#include "base/real.h"
#include "units/bernoulli.h"
#include "units/units.h"
static void
LW_(units_means)(const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale,
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t apart, LW_REAL *mean)
{
    (void)units;
    (void)n_runs;
    (void)scale;
    for (ptrdiff_t r = 0; r < n_rows * apart; r++)
        mean[r] = LW_(lw_sigmoid)(field[r]);
}
static void
LW_(units_draw)(const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale,
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t apart, uint32_t row, lw_key key,
    uint32_t step, uint32_t lane, LW_REAL *state)
{
    LW_(units_means)(units, n_runs, scale, field, n_rows, apart, state);
    LW_(states_tile)(state, n_rows, apart, apart, row, key, step, lane, state);
}
static void
LW_(units_log_partition)(const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale,
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t apart, double *total)
{
    (void)units;
    (void)n_runs;
    (void)scale;
    for (ptrdiff_t r = 0; r < n_rows; r++)
        total[r] = (double)LW_(softplus_sum_row)(field + r * apart, apart);
}
#endif
