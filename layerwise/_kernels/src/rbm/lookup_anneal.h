/* Annealed chains by table look-up: the tables are of the weights as they are, and fields are multiplied
 * by a chain's beta after they were looked up. A vector holds one unit of many chains, each of its own
 * beta. What log f gains comes in single precision from a block of units, and is added up over blocks
 * in double. */

#pragma once

#include "rbm/blocks.h"
#include "rbm/index.h"
#include "rbm/tempered.h"
#include "units/rise.h"

/* Betas of step s of the chains of a tile, in whole vectors: the last one's again, where there are
 * fewer. */
static void
betas_of_tile(const task_f32 *task, ptrdiff_t s, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t padded,
    float *beta)
{
    for (ptrdiff_t r = 0; r < padded; r++) {
        beta[r] = beta_of_f32(task, s, row + lw_min(r, rows - 1));
    }
}

/* Fields of a block of visible units from hW. */
LW_LOOP void
temper_block(const float *restrict base, const float *restrict offset, const float *restrict beta,
    ptrdiff_t n_units, ptrdiff_t n_rows, float *restrict field)
{
    for (ptrdiff_t u = 0; u < n_units; u++) {
        LW_SIMD
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            float *const here = field + u * LW_TILE_ROWS + r;
            *here = base[u] + beta[r] * (offset[u] + *here);
        }
    }
}

/* What log f gains by beta for a block of visible units. */
LW_LOOP void
gain_of_block(const float *restrict offset, const uint8_t *restrict on, ptrdiff_t n_units,
    ptrdiff_t n_rows, double *restrict gain)
{
    float part[LW_TILE_ROWS];

    memset(part, 0, sizeof part);
    for (ptrdiff_t u = 0; u < n_units; u++) {
        LW_SIMD
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            part[r] += offset[u] * (float)on[u * LW_TILE_ROWS + r];
        }
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        gain[r] = (double)part[r];
    }
}

/* What log f gains from one beta to another for a block of hidden units, whose means at the second
 * take the place of their fields without intercepts. */
LW_LOOP void
rise_of_block(const float *restrict bias, const float *restrict now, const float *restrict then,
    ptrdiff_t n_units, ptrdiff_t n_rows, float *restrict field, double *restrict gain)
{
    for (ptrdiff_t r = 0; r < n_rows; r += LW_UNITS_LANES) {
        rise_f32 rise;
        rise_start_f32(&rise);
        for (ptrdiff_t u = 0; u < n_units; u++) {
            float *const here = field + u * LW_TILE_ROWS + r;
            LW_SIMD
            for (int k = 0; k < LW_UNITS_LANES; k++) {
                here[k] += bias[u];
            }
            rise_lanes_f32(here, now + r, then + r, 0, &rise, here);
        }
        for (int k = 0; k < LW_UNITS_LANES; k++) {
            gain[r + k] = 0;
        }
        rise_add_f32(now + r, then + r, &rise, gain + r);
    }
}

/* Where a tile of chains and a block of units stand. */
typedef struct {
    ptrdiff_t unit;
    ptrdiff_t units;
    ptrdiff_t row;
    ptrdiff_t rows;
    ptrdiff_t padded;
} lw_annealed;

static lw_annealed
annealed_tile(const lw_lookup *work, batch_f32 batch, ptrdiff_t n_units, ptrdiff_t tile)
{
    const ptrdiff_t most = LW_TILE_PARTS * work->chains.apart;
    const ptrdiff_t across = tiles_of(&work->chains, batch.n_chains);
    const ptrdiff_t unit = tile / across * LW_BLOCK, row = tile % across * most;
    const ptrdiff_t rows = lw_min(most, batch.n_chains - row);

    return (lw_annealed) { unit, lw_min(LW_BLOCK, n_units - unit), row, rows,
        lw_padded(rows, LW_UNITS_LANES) };
}

/* Fields of a tile, without intercepts. */
static void
look_annealed(
    const lw_lookup *work, lw_weights layer, const uint32_t *index, lw_annealed at, float *field)
{
    const lw_looked looked[2] = { { index + index_at(&work->chains, layer.n_inputs, 0, at.row),
                                      work->chains.apart, at.padded, field, LW_TILE_ROWS },
        { NULL, 0, 0, NULL, 0 } };

    look_block(layer, at.unit, at.units, looked);
}

static void
anneal_visible(const task_f32 *task, const lw_lookup *work, const tempered_f32 *tempered,
    batch_f32 batch, ptrdiff_t s, uint32_t step, ptrdiff_t tile)
{
    const ptrdiff_t n = task->rbm.shape.n_visible;
    const lw_annealed at = annealed_tile(work, batch, n, tile);
    const int last = s + 1 == task->pass.n_steps;
    const float no_bias[LW_BLOCK] = { 0 };
    float field[LW_BLOCK * LW_TILE_ROWS], beta[LW_TILE_ROWS];
    uint8_t on[LW_BLOCK * LW_TILE_ROWS];

    look_annealed(work, work->of_visible, work->hidden, at, field);
    betas_of_tile(task, s, at.row, at.rows, at.padded, beta);
    temper_block(task->tempering.base + at.unit, tempered->offset + at.unit, beta, at.units,
        at.padded, field);
    means_of_block(field, LW_TILE_ROWS, no_bias, at.units, at.padded);
    states_of_block(field, LW_TILE_ROWS, at.units, at.rows, (uint32_t)at.unit, (uint32_t)at.row,
        task->key, step, task->visible_lane, on, LW_TILE_ROWS);
    index_tile(&work->chains, on, n, at.unit, at.units, at.row, at.rows, work->chains.index);
    gain_of_block(tempered->offset + at.unit, on, at.units, at.rows,
        work->gain + at.unit / LW_BLOCK * work->chains.padded + at.row);
    for (ptrdiff_t r = 0; r < at.rows && last; r++) {
        uint8_t *const to = work->visible + (at.row + r) * work->wide + at.unit;
        for (ptrdiff_t u = 0; u < at.units; u++) {
            to[u] = on[u * LW_TILE_ROWS + r];
        }
    }
}

static void
anneal_hidden(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t s,
    uint32_t step, ptrdiff_t tile)
{
    const lw_shape shape = task->rbm.shape;
    const lw_annealed at = annealed_tile(work, batch, shape.n_hidden, tile);
    const ptrdiff_t below = lw_tiles(shape.n_visible, LW_BLOCK);
    float field[LW_BLOCK * LW_TILE_ROWS], now[LW_TILE_ROWS], then[LW_TILE_ROWS];
    uint8_t on[LW_BLOCK * LW_TILE_ROWS];

    look_annealed(work, work->of_hidden, work->chains.index, at, field);
    betas_of_tile(task, s, at.row, at.rows, at.padded, now);
    betas_of_tile(task, s + 1, at.row, at.rows, at.padded, then);
    rise_of_block(task->rbm.intercept_hidden + at.unit, now, then, at.units, at.padded, field,
        work->gain + (below + at.unit / LW_BLOCK) * work->chains.padded + at.row);
    states_of_block(field, LW_TILE_ROWS, at.units, at.rows, (uint32_t)at.unit, (uint32_t)at.row,
        task->key, step, task->hidden_lane, on, LW_TILE_ROWS);
    index_tile(
        &work->chains, on, shape.n_hidden, at.unit, at.units, at.row, at.rows, work->hidden);
}

/* Log weights of the chains of a vector, whose parts come in the order of their blocks. */
static void
weigh_chains(
    const task_f32 *task, const lw_lookup *work, ptrdiff_t n_chains, ptrdiff_t s, ptrdiff_t row)
{
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t below = lw_tiles(shape.n_visible, LW_BLOCK);
    const ptrdiff_t blocks = below + lw_tiles(shape.n_hidden, LW_BLOCK);
    double parts[2][LW_UNITS_LANES] = { { 0 } };

    for (ptrdiff_t b = 0; b < blocks; b++) {
        const double *const gain = work->gain + b * work->chains.padded + row;
        LW_SIMD
        for (int k = 0; k < LW_UNITS_LANES; k++) {
            parts[b >= below][k] += gain[k];
        }
    }
    for (ptrdiff_t k = 0; k < lw_min(LW_UNITS_LANES, n_chains - row); k++) {
        const float rise = beta_of_f32(task, s + 1, row + k) - beta_of_f32(task, s, row + k);
        task->tempering.log_weight[row + k] += (double)rise * parts[0][k] + parts[1][k];
    }
}

static void
lookup_anneal(const task_f32 *task, void *memory, const tempered_f32 *tempered, batch_f32 batch)
{
    const lw_lookup *const work = memory;
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t across = tiles_of(&work->chains, batch.n_chains);

    share_tables(work);
    for (ptrdiff_t s = 0; s < task->pass.n_steps; s++) {
        const uint32_t step = batch.step + (uint32_t)s + 1;
        LW_SHARE_TILES(t, lw_tiles(shape.n_visible, LW_BLOCK) * across,
            { anneal_visible(task, work, tempered, batch, s, step, t); });
        LW_SHARE_TILES(t, lw_tiles(shape.n_hidden, LW_BLOCK) * across,
            { anneal_hidden(task, work, batch, s, step, t); });
        LW_SHARE_TILES(t, lw_tiles(batch.n_chains, LW_UNITS_LANES),
            { weigh_chains(task, work, batch.n_chains, s, t * LW_UNITS_LANES); });
    }
}
