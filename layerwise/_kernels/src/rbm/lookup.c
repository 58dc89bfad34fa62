/* The way by table look-up (tables.h), for batches of many rows and single precision.
 *
 * Everything stands as units x rows, so that a vector holds one unit of many rows: means of hidden
 * units (n_hidden x rows) and states in two forms, each the indices of a product's tables:
 *
 *     index    [part][group of LW_INPUTS units][row of the part], for fields: bit k is the group's
 *              unit k. What is read together lies in one piece: it comes from the L2 cache as
 *              fast as the look-ups go.
 *     across   [group of LW_INPUTS rows][visible unit], for the gradient: bit k is the group's row k
 *
 * The gradient of the weights of hidden unit j sums j's means over the rows in which a visible unit
 * is on: tables of LW_INPUTS rows' means, looked up by visible unit. With one more hidden unit
 * whose mean is always one, the same sum is the gradient of the visible intercepts. Weights are
 * read and written as they are. A tile is a block of LW_BLOCK units and at most LW_TILE_ROWS rows;
 * tables are built where they are used: that costs a third of looking up 112 rows, and hidden fields
 * of data and of persistent chains share them, so that those of data wait for the walk. Only for many
 * Gibbs steps with the same weights are tables built once and kept (way.h). */

#include "base/threads.h"
#include "optimizer/rule.h"
#include "rbm/blocks.h"
#include "rbm/index.h"
#include "rbm/way.h"

/* Both forms of one group of rows of data. */
static void
take_group(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t group)
{
    const ptrdiff_t n_visible = task->rbm.shape.n_visible;
    const float *row[LW_INPUTS] = { NULL };

    for (ptrdiff_t k = 0; k < LW_INPUTS && group * LW_INPUTS + k < batch.n_data; k++) {
        row[k] = row_of_f32(task, batch, group * LW_INPUTS + k);
        index_row(&work->data, row[k], n_visible, group * LW_INPUTS + k, work->data.index);
    }
    across_of_floats(row, n_visible, work->data.across + group * work->wide);
}

static void
chain_group(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t group)
{
    const uint8_t *row[LW_INPUTS] = { NULL };

    for (ptrdiff_t k = 0; k < LW_INPUTS && group * LW_INPUTS + k < batch.n_chains; k++) {
        row[k] = work->visible + (group * LW_INPUTS + k) * work->wide;
    }
    across_of_bytes(row, task->rbm.shape.n_visible, work->chains.across + group * work->wide);
}

/* The rows of a side from `from` on that are a tile, whose fields go to `field`; none if it has
 * fewer. */
static lw_looked
looked_at(const lw_side *side, const uint32_t *index, ptrdiff_t n_units, ptrdiff_t from,
    float *field, ptrdiff_t field_row)
{
    const ptrdiff_t rows = lw_min(LW_TILE_PARTS * side->apart, side->padded - from);
    const lw_looked looked = { index + index_at(side, n_units, 0, from), side->apart,
        rows > 0 ? rows : 0, field, field_row };

    return looked;
}

/* What is asked of the hidden units: means, and states drawn from them, of data and of chains. */
typedef struct {
    int means[2];
    int states[2];
    uint32_t step;
} lw_wanted;

static void
lookup_hidden(const task_f32 *task, const lw_lookup *work, batch_f32 batch, lw_wanted wanted,
    ptrdiff_t across, ptrdiff_t tile)
{
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t unit = tile / across * LW_BLOCK;
    const ptrdiff_t units = lw_min(LW_BLOCK, shape.n_hidden - unit);
    const lw_side *const side[2] = { &work->data, &work->chains };
    const ptrdiff_t n_rows[2] = { batch.n_data, batch.n_chains };
    lw_looked looked[2];
    ptrdiff_t row[2];

    for (int s = 0; s < 2; s++) {
        row[s] = tile % across * LW_TILE_PARTS * side[s]->apart;
        looked[s] = looked_at(side[s], side[s]->index, shape.n_visible, row[s],
            side[s]->mean + unit * side[s]->padded + row[s], side[s]->padded);
        looked[s].rows = wanted.means[s] ? looked[s].rows : 0;
    }
    look_block(work->of_hidden, unit, units, looked);
    for (int s = 0; s < 2; s++) {
        const ptrdiff_t rows = lw_min(LW_TILE_PARTS * side[s]->apart, n_rows[s] - row[s]);
        uint8_t on[LW_BLOCK * LW_TILE_ROWS];
        if (wanted.means[s] && rows > 0) {
            const ptrdiff_t at = unit / LW_BLOCK * tiles_of(side[s], n_rows[s]) + tile % across;
            side[s]->part[at] = means_of_block(
                looked[s].field, side[s]->padded, task->rbm.intercept_hidden + unit, units, rows);
        }
        if (wanted.states[s] && rows > 0) {
            states_of_block(looked[s].field, side[s]->padded, units, rows, (uint32_t)unit,
                (uint32_t)row[s], task->key, wanted.step, task->hidden_lane, on, LW_TILE_ROWS);
            index_tile(&work->chains, on, shape.n_hidden, unit, units, row[s], rows, work->hidden);
        }
    }
}

/* Hidden means of the sides that are asked for, by all threads of a region. */
static void
share_hidden(const task_f32 *task, const lw_lookup *work, batch_f32 batch, lw_wanted wanted)
{
    const ptrdiff_t across
        = lw_max(tiles_of(&work->data, batch.n_data), tiles_of(&work->chains, batch.n_chains));

    LW_SHARE_TILES(t, lw_tiles(task->rbm.shape.n_hidden, LW_BLOCK) * across,
        { lookup_hidden(task, work, batch, wanted, across, t); });
}

/* Visible states of a tile of the chains, given their hidden states; the last step's in bytes too. */
static void
lookup_visible(const task_f32 *task, const lw_lookup *work, batch_f32 batch, uint32_t step,
    int last, ptrdiff_t across, ptrdiff_t tile)
{
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t most = LW_TILE_PARTS * work->chains.apart;
    const ptrdiff_t unit = tile / across * LW_BLOCK, row = tile % across * most;
    const ptrdiff_t units = lw_min(LW_BLOCK, shape.n_visible - unit);
    const ptrdiff_t rows = lw_min(most, batch.n_chains - row);
    float field[LW_BLOCK * LW_TILE_ROWS];
    uint8_t on[LW_BLOCK * LW_TILE_ROWS];
    const lw_looked looked[2]
        = { looked_at(&work->chains, work->hidden, shape.n_hidden, row, field, LW_TILE_ROWS),
              { NULL, 0, 0, NULL, 0 } };

    look_block(work->of_visible, unit, units, looked);
    means_of_block(field, LW_TILE_ROWS, task->rbm.intercept_visible + unit, units, rows);
    states_of_block(field, LW_TILE_ROWS, units, rows, (uint32_t)unit, (uint32_t)row, task->key,
        step, task->visible_lane, on, LW_TILE_ROWS);
    index_tile(&work->chains, on, shape.n_visible, unit, units, row, rows, work->chains.index);
    for (ptrdiff_t r = 0; r < rows && last; r++) {
        uint8_t *const to = work->visible + (row + r) * work->wide + unit;
        for (ptrdiff_t u = 0; u < units; u++) {
            to[u] = on[u * LW_TILE_ROWS + r];
        }
    }
}

/* Tables of weights that stay, if they are kept. */
static void
share_tables(const lw_lookup *work)
{
    LW_SHARE_TILES(t, work->of_hidden.kept ? lw_tiles(work->of_hidden.n_units, LW_OUTPUTS) : 0,
        { keep_tables(work->of_hidden, t); });
    LW_SHARE_TILES(t, work->of_visible.kept ? lw_tiles(work->of_visible.n_units, LW_OUTPUTS) : 0,
        { keep_tables(work->of_visible, t); });
}

#include "rbm/lookup_anneal.h"

static void
lookup_take(const task_f32 *task, void *memory, batch_f32 batch)
{
    const lw_lookup *const work = memory;

    LW_SHARE_TILES(g, lw_tiles(batch.n_data, LW_INPUTS), { take_group(task, work, batch, g); });
    share_tables(work);
    if (!task->pass.n_chains) {
        const lw_wanted start = { .means = { 1, 0 }, .states = { 1, 0 }, .step = batch.step };
        share_hidden(task, work, batch, start);
    }
}

static void
lookup_walk(const task_f32 *task, void *memory, batch_f32 batch)
{
    const lw_lookup *const work = memory;
    const int persistent = task->pass.n_chains > 0;
    const ptrdiff_t across = tiles_of(&work->chains, batch.n_chains);

    if (!batch.n_data) { /* Gibbs steps alone: nothing was taken */
        share_tables(work);
    }
    for (ptrdiff_t k = 1; k <= task->pass.n_steps; k++) {
        const int last = k == task->pass.n_steps;
        const lw_wanted wanted = { .means = { last && persistent && batch.n_data, 1 },
            .states = { 0, !last || persistent },
            .step = batch.step + (uint32_t)k };
        LW_SHARE_TILES(t, lw_tiles(task->rbm.shape.n_visible, LW_BLOCK) * across,
            { lookup_visible(task, work, batch, wanted.step, last, across, t); });
        share_hidden(task, work, batch, wanted);
    }
}

/* Tables of one side's groups of rows from `group` on, scaled. */
static void
tables_of_means(const lw_side *side, ptrdiff_t n_rows, ptrdiff_t unit, ptrdiff_t last,
    ptrdiff_t group, ptrdiff_t groups, float scale, float *tables)
{
    const ptrdiff_t row = group * LW_INPUTS;
    const float *from[LW_OUTPUTS];

    for (int a = 0; a < LW_OUTPUTS; a++) {
        from[a] = side->mean + lw_min(unit + a, last) * side->padded + row;
    }
    lw_tables_of(from, 1, lw_min(groups * LW_INPUTS, n_rows - row), scale, tables);
}

/* The slopes of the weights of three hidden units to some visible ones; and tables of the hidden
 * units' means, for all groups of rows, if they are few enough. */
typedef struct {
    float slope[LW_OUTPUTS][LW_ACROSS * LW_ENTRIES];
    float table[2][LW_GROUPS * LW_OUTPUTS * LW_ENTRIES];
    int built;
} lw_three;

/* To `padded` visible units from i on. */
static void
slopes_of_three(const lw_lookup *work, batch_f32 batch, ptrdiff_t unit, ptrdiff_t n_hidden,
    ptrdiff_t i, ptrdiff_t padded, lw_three *three)
{
    float *const sum[LW_OUTPUTS] = { three->slope[0], three->slope[1], three->slope[2] };
    const lw_side *const side[2] = { &work->data, &work->chains };
    const ptrdiff_t n_rows[2] = { batch.n_data, batch.n_chains };
    const float scale[2] = { -1 / (float)batch.n_data, 1 / (float)batch.n_chains };
    int kept = 1;

    memset(three->slope, 0, sizeof(three->slope));
    for (int s = 0; s < 2; s++) {
        const ptrdiff_t groups = lw_tiles(n_rows[s], LW_INPUTS);
        kept &= groups <= LW_GROUPS;
        for (ptrdiff_t g = 0; g < groups; g += LW_GROUPS) {
            const ptrdiff_t here = lw_min(LW_GROUPS, groups - g);
            if (!three->built) {
                tables_of_means(
                    side[s], n_rows[s], unit, n_hidden, g, here, scale[s], three->table[s]);
            }
            lw_look_across(padded / LW_ENTRIES, 0, three->table[s],
                side[s]->across + g * work->wide + i, work->wide, here, sum);
        }
    }
    three->built = kept;
}

/* Slopes of the visible intercepts: those of the weights of a unit that is always on. */
static void
visible_slopes(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t tile)
{
    const ptrdiff_t most = LW_ACROSS * LW_ENTRIES, i = tile * most;
    const ptrdiff_t n_hidden = task->rbm.shape.n_hidden, padded = lw_min(most, work->wide - i);
    lw_three three;

    three.built = 0;
    slopes_of_three(work, batch, n_hidden, n_hidden, i, padded, &three);
    memcpy(work->slope + i, three.slope[0], (size_t)padded * sizeof(float));
}

static void
hidden_slope(const lw_lookup *work, batch_f32 batch, ptrdiff_t unit)
{
    work->slope_hidden[unit]
        = sum_of(work->chains.mean + unit * work->chains.padded, batch.n_chains)
            / (float)batch.n_chains
        - sum_of(work->data.mean + unit * work->data.padded, batch.n_data) / (float)batch.n_data;
}

/* The slopes of the weights of three hidden units, and the optimiser's step down them. */
static void
learn_three(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t unit)
{
    const lw_rbm_f32 rbm = task->rbm;
    const ptrdiff_t n_hidden = rbm.shape.n_hidden, n_visible = rbm.shape.n_visible;
    const ptrdiff_t most = LW_ACROSS * LW_ENTRIES;
    lw_three three;

    three.built = 0;
    for (ptrdiff_t i = 0; i < work->wide; i += most) {
        const ptrdiff_t padded = lw_min(most, work->wide - i);
        slopes_of_three(work, batch, unit, n_hidden, i, padded, &three);
        for (ptrdiff_t a = 0; a < LW_OUTPUTS && unit + a < n_hidden; a++) {
            const ptrdiff_t at = (unit + a) * n_visible + i;
            update_tile_f32(three.slope[a], lw_min(padded, n_visible - i), batch.rule,
                rbm.components + at, rbm.first + at, rbm.second ? rbm.second + at : NULL);
        }
    }
}

static void
lookup_learn(const task_f32 *task, void *memory, batch_f32 batch, double *gap)
{
    const lw_lookup *const work = memory;
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t blocks = lw_tiles(shape.n_hidden, LW_BLOCK), at = lw_visible_at(shape);

    LW_SHARE_TILES(g, lw_tiles(batch.n_chains, LW_INPUTS), { chain_group(task, work, batch, g); });
    LW_SHARE_TILES(t, lw_tiles(work->wide, LW_ACROSS * LW_ENTRIES),
        { visible_slopes(task, work, batch, t); });
    LW_SHARE_TILES(j, shape.n_hidden, { hidden_slope(work, batch, j); });
    LW_SHARE_TILES(t, blocks, {
        for (ptrdiff_t j = t * LW_BLOCK; j < lw_min((t + 1) * LW_BLOCK, shape.n_hidden);
            j += LW_OUTPUTS) {
            learn_three(task, work, batch, j);
        }
    });
    LW_ONE_THREAD
    {
        *gap = gap_of_f32(task, batch, work->slope, work->data.part,
            blocks * tiles_of(&work->data, batch.n_data), work->chains.part,
            blocks * tiles_of(&work->chains, batch.n_chains));
        step_intercepts_f32(
            task, batch, work->slope, shape.n_visible, at, task->rbm.intercept_visible);
        step_intercepts_f32(task, batch, work->slope_hidden, shape.n_hidden, at + shape.n_visible,
            task->rbm.intercept_hidden);
    }
}

/* What is never written starts right: rows and units that fill up vectors, and the unit that is always
 * on. */
static void
lookup_open(const task_f32 *task, void *memory)
{
    lw_lookup *const work = memory;
    const lw_shape shape = task->rbm.shape;

    work->of_hidden = (lw_weights) { .weights = task->rbm.components,
        .unit_apart = shape.n_visible,
        .input_apart = 1,
        .n_inputs = shape.n_visible,
        .n_units = shape.n_hidden,
        .kept = work->of_hidden.kept };
    work->of_visible = (lw_weights) { .weights = task->rbm.components,
        .unit_apart = 1,
        .input_apart = shape.n_visible,
        .n_inputs = shape.n_hidden,
        .n_units = shape.n_visible,
        .kept = work->of_visible.kept };
    LW_ONE_THREAD
    {
        memset(work->cleared_from, 0, (size_t)work->cleared);
        for (ptrdiff_t r = 0; r < work->data.padded; r++) {
            work->data.mean[shape.n_hidden * work->data.padded + r] = 1;
        }
        for (ptrdiff_t r = 0; r < work->chains.padded; r++) {
            work->chains.mean[shape.n_hidden * work->chains.padded + r] = 1;
        }
    }
    LW_SHARE_TILES(i, task->pass.n_chains, {
        index_row(
            &work->chains, task->chains + i * shape.n_hidden, shape.n_hidden, i, work->hidden);
    });
}

static void
lookup_close(const task_f32 *task, void *memory)
{
    const lw_lookup *const work = memory;
    const ptrdiff_t n_visible = task->rbm.shape.n_visible, n_hidden = task->rbm.shape.n_hidden;

    LW_SHARE_TILES(r, task->pass.n_chains, {
        for (ptrdiff_t j = 0; j < n_hidden; j++) {
            const uint32_t bits = work->hidden[index_at(&work->chains, n_hidden, j, r)];
            task->chains[r * n_hidden + j] = (float)(bits >> j % LW_INPUTS & 1);
        }
        for (ptrdiff_t i = 0; task->visible && i < n_visible; i++) {
            task->visible[r * n_visible + i] = work->visible[r * work->wide + i];
        }
    });
}

static const way_f32 lookup_way = {
    .place = lookup_place,
    .open = lookup_open,
    .take = lookup_take,
    .walk = lookup_walk,
    .anneal = lookup_anneal,
    .learn = lookup_learn,
    .close = lookup_close,
};
