#include "units/units.h"

#include "base/philox.h"
#include "base/real.h"
#include "base/threads.h"
#include "units/bernoulli.h"
#include "units/kinds.h"

static void
LW_(share_means)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, LW_REAL *mean)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(means_tile)(
            field + t * tile, lw_min(tile, n_rows * n_units - t * tile), mean + t * tile));
}

void
LW_(lw_means)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads, LW_REAL *mean)
{
    LW_WITH_THREADS(LW_(share_means)(field, n_rows, n_units, mean));
}

static void
LW_(share_states)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key,
    uint32_t step, uint32_t lane, LW_REAL *state)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(states_tile)(mean + t * tile, lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE),
            n_units, n_units, (uint32_t)(t * LW_UNITS_TILE), key, step, lane, state + t * tile));
}

void
LW_(lw_states)(const LW_REAL *mean, ptrdiff_t n_rows, ptrdiff_t n_units, lw_key key, uint32_t step,
    uint32_t lane, int n_threads, LW_REAL *state)
{
    LW_WITH_THREADS(LW_(share_states)(mean, n_rows, n_units, key, step, lane, state));
}

static void
LW_(share_softplus_sums)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, LW_REAL *sum)
{
    LW_SHARE_TILES(i, n_rows, sum[i] = LW_(softplus_sum_row)(field + i * n_units, n_units));
}

void
LW_(lw_softplus_sums)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads, LW_REAL *sum)
{
    LW_WITH_THREADS(LW_(share_softplus_sums)(field, n_rows, n_units, sum));
}

static void
LW_(share_unit_means)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, LW_REAL *mean)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(units_means)(units, n_runs, scale, field + t * tile,
            lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units, mean + t * tile));
}

void
LW_(lw_unit_means)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, int n_threads, LW_REAL *mean)
{
    LW_WITH_THREADS(LW_(share_unit_means)(field, n_rows, n_units, units, n_runs, scale, mean));
}

static void
LW_(share_unit_draws)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, lw_key key, uint32_t step,
    uint32_t lane, LW_REAL *state)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(units_draw)(units, n_runs, scale, field + t * tile,
            lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units,
            (uint32_t)(t * LW_UNITS_TILE), key, step, lane, state + t * tile));
}

void
LW_(lw_unit_draws)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, lw_key key, uint32_t step,
    uint32_t lane, int n_threads, LW_REAL *state)
{
    LW_WITH_THREADS(LW_(share_unit_draws)(
        field, n_rows, n_units, units, n_runs, scale, key, step, lane, state));
}

static void
LW_(share_unit_log_partitions)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, double *total)
{
    const ptrdiff_t tile = LW_UNITS_TILE * n_units;

    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE),
        LW_(units_log_partition)(units, n_runs, scale, field + t * tile,
            lw_min(LW_UNITS_TILE, n_rows - t * LW_UNITS_TILE), n_units,
            total + t * LW_UNITS_TILE));
}

void
LW_(lw_unit_log_partitions)(const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units,
    const lw_units *units, ptrdiff_t n_runs, const LW_REAL *scale, int n_threads, double *total)
{
    LW_WITH_THREADS(
        LW_(share_unit_log_partitions)(field, n_rows, n_units, units, n_runs, scale, total));
}
