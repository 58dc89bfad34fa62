/* Passes by table look-up (lookup.h), for batches of many rows and single precision.
 *
 * Everything stands as units x rows, so that a vector holds one unit of many rows: means of hidden
 * units (n_hidden x rows) and states in two forms, each the indices of a product's tables:
 *
 *     index    [part][group of LW_INPUTS units][row of the part], for fields: bit k is the group's
 *              unit k. What is read together lies in one piece: it comes from the second cache as
 *              fast as the look-ups go.
 *     across   [group of LW_INPUTS rows][visible unit], for the gradient: bit k is the group's row k
 *
 * The gradient of the weights of hidden unit j sums j's means over the rows in which a visible unit
 * is on: tables of LW_INPUTS rows' means, looked up by visible unit. With one more hidden unit
 * whose mean is always one, the same sum is the gradient of the visible intercepts. Weights are
 * read and written as they are. A tile is a block of LW_BLOCK units and at most LW_TILE_ROWS rows;
 * tables are built where they are used: that costs a third of looking up 112 rows, and hidden fields
 * of data and of chains share them. Only for many Gibbs steps with the same weights are they built
 * once and kept (lookup.h). */

#include "base/scratch.h"
#include "base/threads.h"
#include "linear/product.h"
#include "rbm/blocks.h"
#include "rbm/task.h"

/* The rows of a batch, or its chains. */
typedef struct {
    ptrdiff_t padded; /* rows, to whole vectors of LW_UNITS_LANES */
    ptrdiff_t apart;  /* rows of a part, as even as can be; LW_TILE_PARTS are a tile */
    float *mean;      /* (n_hidden + 1) x padded */
    uint32_t *index;  /* of visible units */
    uint32_t *across; /* groups of rows x wide */
    double *part;     /* of the free energies, for each tile of hidden units */
} lw_side;

typedef struct {
    ptrdiff_t wide; /* visible units, padded to whole vectors */
    lw_side data;
    lw_side chains;
    uint32_t *hidden;    /* the chains' index of hidden units */
    uint8_t *visible;    /* chains x wide: states */
    float *grey;         /* batch x n_visible, where rows are grey */
    float *gradient;     /* n_hidden + 1 rows of wide: their part of it */
    float *slope;        /* wide: the gradient of the visible intercepts */
    float *slope_hidden; /* n_hidden */
    lw_weights of_hidden;
    lw_weights of_visible;
    ptrdiff_t cleared; /* bytes that start with zeros */
} lw_lookup;

/* Tiles of some rows, or chains, and one block of units. */
LW_INLINE ptrdiff_t
tiles_of(const lw_side *side, ptrdiff_t n_rows)
{
    return lw_tiles(n_rows, LW_TILE_PARTS * side->apart);
}

static ptrdiff_t
index_size(const lw_side *side, ptrdiff_t n_units)
{
    return lw_tiles(side->padded, side->apart) * lw_tiles(n_units, LW_INPUTS) * side->apart;
}

/* Where an index of n_units units holds one of them, in one row. */
LW_INLINE ptrdiff_t
index_at(const lw_side *side, ptrdiff_t n_units, ptrdiff_t unit, ptrdiff_t row)
{
    const ptrdiff_t group = row / side->apart * lw_tiles(n_units, LW_INPUTS) + unit / LW_INPUTS;

    return group * side->apart + row % side->apart;
}

static void
lookup_side(lw_contrast pass, ptrdiff_t n, ptrdiff_t wide, lw_side *side, lw_scratch *at)
{
    side->padded = lw_tiles(n, LW_UNITS_LANES) * LW_UNITS_LANES;
    const ptrdiff_t parts = lw_tiles(side->padded, LW_PART_ROWS);
    side->apart = lw_tiles(side->padded, parts * LW_UNITS_LANES) * LW_UNITS_LANES;
    side->mean = lw_slice(at, (pass.n_hidden + 1) * side->padded + LW_INPUTS, sizeof(float));
    side->index = lw_slice(at, index_size(side, pass.n_visible), sizeof(uint32_t));
    side->across = lw_slice(at, lw_tiles(n, LW_INPUTS) * wide, sizeof(uint32_t));
    side->part
        = lw_slice(at, lw_tiles(pass.n_hidden, LW_BLOCK) * tiles_of(side, n), sizeof(double));
}

/* Slices of scratch memory from `at` on; returns where they end. */
static lw_scratch
lookup_slices(lw_contrast pass, lw_lookup *work, lw_scratch at)
{
    const ptrdiff_t n_data = lw_min(pass.batch_size, pass.n_rows);
    const ptrdiff_t n_chains = pass.n_chains ? pass.n_chains : n_data;
    const ptrdiff_t wide = lw_tiles(pass.n_visible, LW_UNITS_LANES) * LW_UNITS_LANES;

    work->wide = wide;
    lookup_side(pass, n_data, wide, &work->data, &at);
    lookup_side(pass, n_chains, wide, &work->chains, &at);
    work->hidden = lw_slice(&at, index_size(&work->chains, pass.n_hidden), sizeof(uint32_t));
    work->visible = lw_slice(&at, n_chains * wide, sizeof(uint8_t));
    work->grey = lw_slice(&at, n_data * pass.n_visible, sizeof(float));
    work->gradient = lw_slice(&at, (pass.n_hidden + 1) * wide, sizeof(float));
    work->slope = lw_slice(&at, wide, sizeof(float));
    work->slope_hidden = lw_slice(&at, pass.n_hidden, sizeof(float));
    work->cleared = at.used;
    work->of_hidden.kept = work->of_visible.kept = NULL;
    if (keeps_tables(pass)) {
        work->of_hidden.kept
            = lw_slice(&at, lw_layer_tables(pass.n_visible, pass.n_hidden), sizeof(float));
        work->of_visible.kept
            = lw_slice(&at, lw_layer_tables(pass.n_hidden, pass.n_visible), sizeof(float));
    }
    return at;
}

/* Both forms of one group of rows of data, or copies of them where they are grey. */
static void
take_group(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t group)
{
    const ptrdiff_t n_visible = task->pass.n_visible;
    const float *row[LW_INPUTS] = { NULL };

    for (ptrdiff_t k = 0; k < LW_INPUTS && group * LW_INPUTS + k < batch.n_data; k++) {
        const ptrdiff_t r = group * LW_INPUTS + k;
        row[k] = task->rows + task->order[batch.top + r] * n_visible;
        if (task->grey) {
            memcpy(work->grey + r * n_visible, row[k], (size_t)n_visible * sizeof(float));
            continue;
        }
        for (ptrdiff_t i = 0; i < n_visible; i += LW_INPUTS) {
            const ptrdiff_t units = lw_min(LW_INPUTS, n_visible - i);
            uint32_t bits = 0;
            for (ptrdiff_t u = 0; u < units; u++) {
                bits |= (uint32_t)(row[k][i + u] != 0) << u;
            }
            work->data.index[index_at(&work->data, n_visible, i, r)] = bits;
        }
    }
    if (!task->grey) {
        across_of_floats(row, n_visible, work->data.across + group * work->wide);
    }
}

static void
chain_group(const task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t group)
{
    const uint8_t *row[LW_INPUTS] = { NULL };

    for (ptrdiff_t k = 0; k < LW_INPUTS && group * LW_INPUTS + k < batch.n_chains; k++) {
        row[k] = work->visible + (group * LW_INPUTS + k) * work->wide;
    }
    across_of_bytes(row, task->pass.n_visible, work->chains.across + group * work->wide);
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

/* A tile of an index of n_units units, from its states. */
static void
index_tile(const lw_side *side, const uint8_t *on, ptrdiff_t n_units, ptrdiff_t unit,
    ptrdiff_t units, ptrdiff_t row, ptrdiff_t rows, uint32_t *index)
{
    for (ptrdiff_t r = 0; r < rows; r += side->apart) {
        index_of(on + r, units, lw_min(side->apart, rows - r),
            index + index_at(side, n_units, unit, row + r), side->apart);
    }
}

/* What a tile of hidden units asks for: means of data, of chains, and states drawn from one. */
typedef struct {
    int data;
    int chains;
    int draw_data;
    int draw_chains;
    uint32_t step;
} lw_wanted;

static void
lookup_hidden(const task_f32 *task, const lw_lookup *work, batch_f32 batch, lw_wanted wanted,
    ptrdiff_t across, ptrdiff_t tile)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t unit = tile / across * LW_BLOCK;
    const ptrdiff_t units = lw_min(LW_BLOCK, pass.n_hidden - unit);
    const lw_side *const side[2] = { &work->data, &work->chains };
    const int asked[2] = { wanted.data, wanted.chains };
    const int draw[2] = { wanted.draw_data, wanted.draw_chains };
    const ptrdiff_t n_rows[2] = { batch.n_data, batch.n_chains };
    lw_looked looked[2];
    ptrdiff_t row[2];

    for (int s = 0; s < 2; s++) {
        row[s] = tile % across * LW_TILE_PARTS * side[s]->apart;
        looked[s] = looked_at(side[s], side[s]->index, pass.n_visible, row[s],
            side[s]->mean + unit * side[s]->padded + row[s], side[s]->padded);
        looked[s].rows = asked[s] && !(s == 0 && task->grey) ? looked[s].rows : 0;
    }
    look_block(work->of_hidden, unit, units, looked);
    for (int s = 0; s < 2; s++) {
        const ptrdiff_t rows = lw_min(LW_TILE_PARTS * side[s]->apart, n_rows[s] - row[s]);
        uint8_t on[LW_BLOCK * LW_TILE_ROWS];
        if (asked[s] && rows > 0) {
            const ptrdiff_t at = unit / LW_BLOCK * tiles_of(side[s], n_rows[s]) + tile % across;
            side[s]->part[at] = means_of_block(
                looked[s].field, side[s]->padded, task->intercept_hidden + unit, units, rows);
        }
        if (draw[s] && rows > 0) {
            states_of_block(looked[s].field, side[s]->padded, units, rows, (uint32_t)unit,
                (uint32_t)row[s], task->key, wanted.step, task->hidden_lane, on, LW_TILE_ROWS);
            index_tile(&work->chains, on, pass.n_hidden, unit, units, row[s], rows, work->hidden);
        }
    }
}

/* Hidden means of the sides that are asked for, by all threads of a region. */
static void
share_hidden(const task_f32 *task, const lw_lookup *work, batch_f32 batch, lw_wanted wanted)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t of_data = tiles_of(&work->data, batch.n_data);
    const ptrdiff_t of_chains = tiles_of(&work->chains, batch.n_chains);
    const ptrdiff_t across = of_data > of_chains ? of_data : of_chains;

    if (wanted.data && task->grey) {
        share_product_f32(task->components, pass.n_visible, 1, work->grey, 1, pass.n_visible,
            pass.n_hidden, batch.n_data, pass.n_visible, 1, NULL, 0, work->data.mean,
            work->data.padded);
    }
    LW_SHARE_TILES(t, lw_tiles(pass.n_hidden, LW_BLOCK) * across,
        { lookup_hidden(task, work, batch, wanted, across, t); });
}

/* Visible states of a tile of the chains, given their hidden states; the last step's in bytes too. */
static void
lookup_visible(const task_f32 *task, const lw_lookup *work, batch_f32 batch, uint32_t step,
    int last, ptrdiff_t across, ptrdiff_t tile)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t most = LW_TILE_PARTS * work->chains.apart;
    const ptrdiff_t unit = tile / across * LW_BLOCK, row = tile % across * most;
    const ptrdiff_t units = lw_min(LW_BLOCK, pass.n_visible - unit);
    const ptrdiff_t rows = lw_min(most, batch.n_chains - row);
    float field[LW_BLOCK * LW_TILE_ROWS];
    uint8_t on[LW_BLOCK * LW_TILE_ROWS];
    const lw_looked looked[2]
        = { looked_at(&work->chains, work->hidden, pass.n_hidden, row, field, LW_TILE_ROWS),
              { NULL, 0, 0, NULL, 0 } };

    look_block(work->of_visible, unit, units, looked);
    means_of_block(field, LW_TILE_ROWS, task->intercept_visible + unit, units, rows);
    states_of_block(field, LW_TILE_ROWS, units, rows, (uint32_t)unit, (uint32_t)row, task->key,
        step, task->visible_lane, on, LW_TILE_ROWS);
    index_tile(&work->chains, on, pass.n_visible, unit, units, row, rows, work->chains.index);
    for (ptrdiff_t r = 0; r < rows && last; r++) {
        uint8_t *const to = work->visible + (row + r) * work->wide + unit;
        for (ptrdiff_t u = 0; u < units; u++) {
            to[u] = on[u * LW_TILE_ROWS + r];
        }
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

/* The gradients of three hidden units, and the optimiser's step down them; unit n_hidden is always
 * on, and its gradient that of the visible intercepts. */
static void
lookup_learn(task_f32 *task, const lw_lookup *work, batch_f32 batch, ptrdiff_t unit)
{
    const ptrdiff_t n_hidden = task->pass.n_hidden, n_visible = task->pass.n_visible;
    const lw_side *const side[2] = { &work->data, &work->chains };
    const ptrdiff_t n_rows[2] = { task->grey ? 0 : batch.n_data, batch.n_chains };
    const float scale[2] = { -1 / (float)batch.n_data, 1 / (float)batch.n_chains };
    const ptrdiff_t groups[2] = { lw_tiles(n_rows[0], LW_INPUTS), lw_tiles(n_rows[1], LW_INPUTS) };
    const int kept = groups[0] <= LW_GROUPS && groups[1] <= LW_GROUPS;
    const ptrdiff_t most = LW_ACROSS * LW_ENTRIES;
    float tables[2][LW_GROUPS * LW_OUTPUTS * LW_ENTRIES];

    for (ptrdiff_t i = 0; i < work->wide; i += most) {
        const ptrdiff_t padded = lw_min(most, work->wide - i);
        float gradient[LW_OUTPUTS][LW_ACROSS * LW_ENTRIES];
        float *const sum[LW_OUTPUTS] = { gradient[0], gradient[1], gradient[2] };
        for (int a = 0; a < LW_OUTPUTS; a++) {
            if (task->grey) {
                memcpy(sum[a], work->gradient + lw_min(unit + a, n_hidden) * work->wide + i,
                    (size_t)padded * sizeof(float));
            } else {
                memset(sum[a], 0, (size_t)padded * sizeof(float));
            }
        }
        for (int s = 0; s < 2; s++) {
            for (ptrdiff_t g = 0; g < groups[s]; g += LW_GROUPS) {
                const ptrdiff_t here = lw_min(LW_GROUPS, groups[s] - g);
                if (i == 0 || !kept) {
                    tables_of_means(
                        side[s], n_rows[s], unit, n_hidden, g, here, scale[s], tables[s]);
                }
                lw_look_across(padded / LW_ENTRIES, tables[s],
                    side[s]->across + g * work->wide + i, work->wide, here, sum);
            }
        }
        for (ptrdiff_t a = 0; a < LW_OUTPUTS && unit + a <= n_hidden; a++) {
            const ptrdiff_t units = lw_min(padded, n_visible - i);
            const ptrdiff_t at = (unit + a) * n_visible + i;
            if (unit + a == n_hidden) {
                memcpy(work->slope + i, sum[a], (size_t)units * sizeof(float));
            } else {
                update_tile_f32(sum[a], units, batch.rule, task->components + at, task->first + at,
                    task->second ? task->second + at : NULL);
            }
        }
    }
    for (ptrdiff_t a = 0; a < LW_OUTPUTS && unit + a < n_hidden; a++) {
        const ptrdiff_t at = unit + a;
        work->slope_hidden[at]
            = scale[0] * sum_of(work->data.mean + at * work->data.padded, batch.n_data)
            + scale[1] * sum_of(work->chains.mean + at * work->chains.padded, batch.n_chains);
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

/* One batch, by all threads of a region. */
static void
lookup_batch(task_f32 *task, const lw_lookup *work, batch_f32 batch, double *gap)
{
    const lw_contrast pass = task->pass;
    const int persistent = pass.n_chains > 0;
    const ptrdiff_t across = tiles_of(&work->chains, batch.n_chains);
    const ptrdiff_t at = (pass.n_hidden + 1) * pass.n_visible;
    const ptrdiff_t blocks = lw_tiles(pass.n_hidden, LW_BLOCK);

    LW_SHARE_TILES(g, lw_tiles(batch.n_data, LW_INPUTS), { take_group(task, work, batch, g); });
    share_tables(work);
    if (!persistent) {
        const lw_wanted start = { 1, 0, 1, 0, batch.step };
        share_hidden(task, work, batch, start);
    }
    for (ptrdiff_t k = 1; k <= pass.n_steps; k++) {
        const int last = k == pass.n_steps;
        const lw_wanted wanted
            = { last && persistent, 1, 0, !last || persistent, batch.step + (uint32_t)k };
        LW_SHARE_TILES(t, lw_tiles(pass.n_visible, LW_BLOCK) * across,
            { lookup_visible(task, work, batch, wanted.step, last, across, t); });
        share_hidden(task, work, batch, wanted);
    }
    LW_SHARE_TILES(g, lw_tiles(batch.n_chains, LW_INPUTS), { chain_group(task, work, batch, g); });
    if (task->grey) {
        share_product_f32(work->data.mean, work->data.padded, 1, work->grey, pass.n_visible, 1,
            pass.n_hidden + 1, pass.n_visible, batch.n_data, -1 / (float)batch.n_data, NULL, 0,
            work->gradient, work->wide);
    }
    LW_SHARE_TILES(t, lw_tiles(pass.n_hidden + 1, LW_BLOCK), {
        const ptrdiff_t to = lw_min((t + 1) * LW_BLOCK, pass.n_hidden + 1);
        for (ptrdiff_t j = t * LW_BLOCK; j < to; j += LW_OUTPUTS) {
            lookup_learn(task, work, batch, j);
        }
    });
    LW_ONE_THREAD
    {
        end_batch_f32(task, batch, work->slope, work->data.part,
            blocks * tiles_of(&work->data, batch.n_data), work->chains.part,
            blocks * tiles_of(&work->chains, batch.n_chains), gap);
        update_tile_f32(work->slope_hidden, pass.n_hidden, rule_without_decay_f32(batch.rule),
            task->intercept_hidden, task->first + at, task->second ? task->second + at : NULL);
    }
}

/* Hidden states of a chain, from numbers to indices and back. */
static void
hidden_to_index(const task_f32 *task, const lw_lookup *work, ptrdiff_t row)
{
    const ptrdiff_t n_hidden = task->pass.n_hidden;
    const float *const state = task->chains + row * n_hidden;

    for (ptrdiff_t j = 0; j < n_hidden; j += LW_INPUTS) {
        uint32_t bits = 0;
        for (ptrdiff_t k = 0; k < LW_INPUTS && j + k < n_hidden; k++) {
            bits |= (uint32_t)(state[j + k] != 0) << k;
        }
        work->hidden[index_at(&work->chains, n_hidden, j, row)] = bits;
    }
}

static void
index_to_hidden(const task_f32 *task, const lw_lookup *work, ptrdiff_t row)
{
    const ptrdiff_t n_hidden = task->pass.n_hidden;
    float *const state = task->chains + row * n_hidden;

    for (ptrdiff_t j = 0; j < n_hidden; j++) {
        const uint32_t bits = work->hidden[index_at(&work->chains, n_hidden, j, row)];
        state[j] = (float)(bits >> j % LW_INPUTS & 1);
    }
}

/* Where a pass starts: slices, and what is never written, rows and units that fill up vectors and
 * the unit that is always on. */
static void
lookup_open(const task_f32 *task, lw_lookup *work, char *scratch)
{
    const lw_contrast pass = task->pass;

    lookup_slices(pass, work, lw_scratch_from(scratch));
    work->of_hidden = (lw_weights) { task->components, pass.n_visible, 1, pass.n_visible,
        pass.n_hidden, work->of_hidden.kept };
    work->of_visible = (lw_weights) { task->components, 1, pass.n_visible, pass.n_hidden,
        pass.n_visible, work->of_visible.kept };
    LW_ONE_THREAD
    {
        memset(lw_scratch_from(scratch).block, 0, (size_t)work->cleared);
        for (ptrdiff_t r = 0; r < work->data.padded; r++) {
            work->data.mean[pass.n_hidden * work->data.padded + r] = 1;
        }
        for (ptrdiff_t r = 0; r < work->chains.padded; r++) {
            work->chains.mean[pass.n_hidden * work->chains.padded + r] = 1;
        }
    }
    LW_SHARE_TILES(i, pass.n_chains, { hidden_to_index(task, work, i); });
}

/* The pass, by all threads of a region. */
static void
lookup_pass(task_f32 *task, char *scratch)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t n_batches = lw_tiles(pass.n_rows, pass.batch_size);
    lw_lookup work;

    lookup_open(task, &work, scratch);
    for (ptrdiff_t index = 0; index < n_batches; index++) {
        lookup_batch(task, &work, batch_at_f32(task, index), task->gap + index);
    }
    LW_SHARE_TILES(i, pass.n_chains, { index_to_hidden(task, &work, i); });
}

/* Gibbs steps alone, by all threads of a region. */
static void
lookup_gibbs(const task_f32 *task, batch_f32 batch, char *scratch, float *visible)
{
    const lw_contrast pass = task->pass;
    lw_lookup work;

    lookup_open(task, &work, scratch);
    share_tables(&work);
    const ptrdiff_t across = tiles_of(&work.chains, pass.n_chains);
    for (ptrdiff_t k = 1; k <= pass.n_steps; k++) {
        const lw_wanted wanted = { 0, 1, 0, 1, batch.step + (uint32_t)k };
        LW_SHARE_TILES(t, lw_tiles(pass.n_visible, LW_BLOCK) * across,
            { lookup_visible(task, &work, batch, wanted.step, k == pass.n_steps, across, t); });
        share_hidden(task, &work, batch, wanted);
    }
    LW_SHARE_TILES(r, pass.n_chains, {
        index_to_hidden(task, &work, r);
        for (ptrdiff_t i = 0; i < pass.n_visible; i++) {
            visible[r * pass.n_visible + i] = work.visible[r * work.wide + i];
        }
    });
}
