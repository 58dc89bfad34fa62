#include "units/units.h"

#include "base/philox.h"
#include "base/real.h"
#include "base/threads.h"
#include "units/bernoulli.h"
#include "units/kinds.h"

void
LW_(lw_states)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key,
    uint32_t first_row, uint32_t step, uint32_t lane, int n_threads, LW_REAL *state)
{
    LW_WITH_THREADS(LW_(share_states)(mean, n_rows, n_units, key, first_row, step, lane, state));
}

void
LW_(lw_unit_means)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, int n_threads, LW_REAL *mean)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_WITH_THREADS(LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(units_means)(units, n_runs, scale, field + t * tile,
            lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units, mean + t * tile)));
}

void
LW_(lw_unit_draws)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, lw_key key, uint32_t step,
    uint32_t lane, int n_threads, LW_REAL *state)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_WITH_THREADS(LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(units_draw)(units, n_runs, scale, field + t * tile,
            lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units,
            (uint32_t)(t * LW_UNITS_TILE), key, step, lane, state + t * tile)));
}

void
LW_(lw_unit_log_partitions)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, int n_threads, double *total)
{
    LW_WITH_THREADS(LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(units_log_partition)(units, n_runs, scale, field + t * LW_UNITS_TILE * n_units,
            lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units,
            total + t * LW_UNITS_TILE)));
}
