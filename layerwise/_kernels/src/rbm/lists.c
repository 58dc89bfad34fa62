/* Passes by lists of the units that are on: products with states are sums of rows.
 *
 * It is the way for small batches, for float64, and for machines without table look-up. A sum of
 * the chosen rows of a matrix needs no multiplication, and nothing at all for a zero: with a fifth
 * of the visible units on, a hidden field costs a fifth of a product. So the weights are kept
 * twice: `up`, a row for each visible unit, and `down`, a row for each hidden unit, which is turned
 * from `up` after each step (a third of a cycle a weight). Each has one more row for a unit that is
 * always on, the intercepts of the other layer. The gradient of a row of `up` is a sum of the
 * hidden means of the rows in which its unit is on.
 *
 *     list   of a row of units: how many are on, and which; the last is the one always on
 *     mask   of a visible unit: a bit for each of 64 rows of data or chains
 *
 * A tile of LW_FEW rows is walked to its end by one thread: chains know nothing of each other.
 * Rows of units are padded to whole vectors. */

#include "base/bits.h"
#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "linear/product.h"
#include "linear/transpose.h"
#include "optimizer/rule.h"
#include "rbm/sums.h"
#include "rbm/task.h"
#include "units/bernoulli.h"

#define LW_FEW 8 /* rows of a tile: the bits of one byte of a mask */

/* Rows of data or chains. */
typedef struct {
    uint32_t *list; /* rows x listed */
    uint8_t *mask;  /* blocks of 64 rows x (n_visible + 1) x 8 */
    LW_REAL *mean;  /* rows x hidden_wide */
    double *part;   /* of the free energy, for each row */
} LW_(side);

typedef struct {
    ptrdiff_t visible_wide; /* units, padded to whole vectors */
    ptrdiff_t hidden_wide;
    ptrdiff_t listed;  /* numbers of a list */
    ptrdiff_t behind;  /* rows of data.mean before those of chains.mean */
    LW_REAL *up;       /* (n_visible + 1) x hidden_wide */
    LW_REAL *first;    /* likewise */
    LW_REAL *second;   /* likewise */
    LW_REAL *down;     /* (n_hidden + 1) x visible_wide */
    LW_REAL *slope;    /* n_visible: the gradient of the visible intercepts */
    LW_REAL *grey;     /* batch x n_visible, where rows are grey */
    LW_REAL *gradient; /* n_visible x hidden_wide, their part of it */
    LW_(side) data;
    LW_(side) chains;
    LW_REAL *hidden;  /* chains x hidden_wide: states */
    LW_REAL *visible; /* chains x visible_wide: states */
    LW_REAL *field;   /* chains x visible_wide: fields, then means */
} LW_(lists);

static void
LW_(side_slices)(lw_contrast pass, ptrdiff_t n, ptrdiff_t listed, LW_(side) * side, lw_scratch *at)
{
    const ptrdiff_t blocks = lw_tiles(n, 64);

    side->list = lw_slice(at, n * listed, sizeof(uint32_t));
    side->mask = lw_slice(at, blocks * (pass.n_visible + 1) * 8, sizeof(uint8_t));
    side->part = lw_slice(at, n, sizeof(double));
}

/* Slices of scratch memory from `at` on; returns where they end. */
static lw_scratch
LW_(lists_slices)(lw_contrast pass, LW_(lists) * lists, lw_scratch at)
{
    const ptrdiff_t n_data = lw_min(pass.batch_size, pass.n_rows);
    const ptrdiff_t n_chains = pass.n_chains ? pass.n_chains : n_data;
    const ptrdiff_t visible_wide = lw_tiles(pass.n_visible, LW_UNITS_LANES) * LW_UNITS_LANES;
    const ptrdiff_t hidden_wide = lw_tiles(pass.n_hidden, LW_UNITS_LANES) * LW_UNITS_LANES;
    const ptrdiff_t ups = (pass.n_visible + 1) * hidden_wide;
    const size_t size = sizeof(LW_REAL);

    lists->visible_wide = visible_wide;
    lists->hidden_wide = hidden_wide;
    lists->listed = (visible_wide > hidden_wide ? visible_wide : hidden_wide) + LW_APPENDED;
    lists->behind = n_data;
    lists->up = lw_slice(&at, ups, size);
    lists->first = lw_slice(&at, ups, size);
    lists->second = lw_slice(&at, ups, size);
    lists->down = lw_slice(&at, (pass.n_hidden + 1) * visible_wide, size);
    lists->slope = lw_slice(&at, pass.n_visible, size);
    lists->grey = lw_slice(&at, n_data * pass.n_visible, size);
    lists->gradient = lw_slice(&at, pass.n_visible * hidden_wide, size);
    LW_(side_slices)(pass, n_data, lists->listed, &lists->data, &at);
    LW_(side_slices)(pass, n_chains, lists->listed, &lists->chains, &at);
    lists->data.mean = lw_slice(&at, (n_data + n_chains) * hidden_wide, size);
    lists->chains.mean = lists->data.mean ? lists->data.mean + n_data * hidden_wide : NULL;
    lists->hidden = lw_slice(&at, n_chains * hidden_wide, size);
    lists->visible = lw_slice(&at, n_chains * visible_wide, size);
    lists->field = lw_slice(&at, n_chains * visible_wide, size);
    return at;
}

/* The bits of one tile in the masks of its block, from its lists. */
static void
LW_(mask_tile)(
    const LW_(lists) * lists, LW_(side) side, ptrdiff_t n_units, ptrdiff_t from, ptrdiff_t n_rows)
{
    uint8_t *const mask = side.mask + from / 64 * n_units * 8 + from / LW_FEW % 8;

    for (ptrdiff_t i = 0; i < n_units; i++) {
        mask[8 * i] = 0;
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const uint32_t *const list = side.list + (from + r) * lists->listed;
        for (uint32_t k = 1; k <= list[0]; k++) {
            mask[8 * list[k]] |= (uint8_t)(1 << r);
        }
    }
}

/* Hidden means of a tile, given the lists of its visible units; and states, if asked. */
static void
LW_(hidden_tile)(const LW_(task) * task, const LW_(lists) * lists, LW_(side) side, int known,
    ptrdiff_t from, ptrdiff_t n_rows, uint32_t step, int draw)
{
    const ptrdiff_t wide = lists->hidden_wide, n_hidden = task->pass.n_hidden;
    LW_REAL *const mean = side.mean + from * wide;

    if (!known) {
        LW_(fields)(
            side.list + from * lists->listed, lists->listed, n_rows, lists->up, wide, mean);
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        LW_(means_of_row)(mean + r * wide, n_hidden, side.part + from + r);
    }
    if (draw) {
        LW_(states_tile)(mean, n_rows, n_hidden, wide, (uint32_t)from, task->key, step,
            task->hidden_lane, lists->hidden + from * wide);
    }
}

/* A tile of the batch: lists, masks, hidden means, and CD's first states. */
static void
LW_(data_tile)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t tile)
{
    const ptrdiff_t n_visible = task->pass.n_visible, from = tile * LW_FEW;
    const ptrdiff_t n_rows = lw_min(LW_FEW, batch.n_data - from);

    for (ptrdiff_t r = from; r < from + n_rows; r++) {
        uint32_t *const list = lists->data.list + r * lists->listed;
        if (task->grey) { /* only the unit that is always on */
            list[0] = 1;
            list[1] = (uint32_t)n_visible;
        } else {
            LW_(list_row)(task->rows + task->order[batch.top + r] * n_visible, n_visible, list);
        }
    }
    LW_(mask_tile)(lists, lists->data, n_visible + 1, from, n_rows);
    LW_(hidden_tile)(
        task, lists, lists->data, task->grey, from, n_rows, batch.step, !task->pass.n_chains);
}

/* The Gibbs steps of a tile of the chains, from their hidden states on. */
static void
LW_(walk_tile)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t tile)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t from = tile * LW_FEW, n_rows = lw_min(LW_FEW, batch.n_chains - from);
    const ptrdiff_t visible_wide = lists->visible_wide, hidden_wide = lists->hidden_wide;
    uint32_t *const list = lists->chains.list + from * lists->listed;
    LW_REAL *const field = lists->field + from * visible_wide;
    LW_REAL *const visible = lists->visible + from * visible_wide;

    for (ptrdiff_t k = 1; k <= pass.n_steps; k++) {
        const uint32_t step = batch.step + (uint32_t)k;
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            LW_(list_row)(
                lists->hidden + (from + r) * hidden_wide, pass.n_hidden, list + r * lists->listed);
        }
        LW_(fields)(list, lists->listed, n_rows, lists->down, visible_wide, field);
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            LW_(means_of_row)(field + r * visible_wide, pass.n_visible, NULL);
        }
        LW_(states_tile)(field, n_rows, pass.n_visible, visible_wide, (uint32_t)from, task->key,
            step, task->visible_lane, visible);
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            LW_(list_row)(visible + r * visible_wide, pass.n_visible, list + r * lists->listed);
        }
        LW_(hidden_tile)(
            task, lists, lists->chains, 0, from, n_rows, step, k < pass.n_steps || pass.n_chains);
    }
    LW_(mask_tile)(lists, lists->chains, pass.n_visible + 1, from, n_rows);
}

/* The mask of unit i in block `block` of 64 rows, of which there are n_rows in all. */
LW_INLINE uint64_t
LW_(mask_of)(LW_(side) side, ptrdiff_t n_units, ptrdiff_t i, ptrdiff_t block, ptrdiff_t n_rows)
{
    const ptrdiff_t rows = lw_min(64, n_rows - 64 * block);

    return rows > 0
        ? lw_eight_bytes(side.mask + (block * n_units + i) * 8) & ~(uint64_t)0 >> (64 - rows)
        : 0;
}

/* The rows of a block in which unit i is on: of data, then of the chains behind them. */
LW_INLINE ptrdiff_t
LW_(rows_on)(const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t n_units, ptrdiff_t i,
    ptrdiff_t block, uint32_t list[2 * 64 + LW_APPENDED])
{
    const ptrdiff_t data = 64 * block, chains = lists->behind + data;
    const ptrdiff_t count = lw_append_bits(
        LW_(mask_of)(lists->data, n_units, i, block, batch.n_data), (uint32_t)data, list, 0);

    return lw_append_bits(LW_(mask_of)(lists->chains, n_units, i, block, batch.n_chains),
        (uint32_t)chains, list, count);
}

/* In how many of a side's rows unit i is on. */
LW_INLINE LW_REAL
LW_(count_on)(LW_(side) side, ptrdiff_t n_units, ptrdiff_t i, ptrdiff_t n_rows)
{
    ptrdiff_t count = 0;

    for (ptrdiff_t b = 0; 64 * b < n_rows; b++) {
        count += lw_count_bits(LW_(mask_of)(side, n_units, i, b, n_rows));
    }
    return (LW_REAL)count;
}

/* The gradient of visible unit i, and the optimiser's step down it; the last row is the hidden
 * intercepts. Means come scaled: minus one over the rows of data, one over the chains. A plain step
 * is taken while the sums are at hand: they need not be kept. */
static void
LW_(learn_row)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t i)
{
    const ptrdiff_t n_visible = task->pass.n_visible, n_hidden = task->pass.n_hidden;
    const ptrdiff_t wide = lists->hidden_wide, most = LW_PARTS * LW_PART;
    const ptrdiff_t rows = batch.n_data > batch.n_chains ? batch.n_data : batch.n_chains;
    const int grey = task->grey && i < n_visible;
    const LW_(rule) rule = i < n_visible ? batch.rule : LW_(rule_without_decay)(batch.rule);
    const int plain = rows <= 64 && !grey && !rule.adam && rule.momentum == 0;
    LW_REAL sum[LW_PARTS * (64 / sizeof(LW_REAL))];
    uint32_t list[2 * 64 + LW_APPENDED];
    ptrdiff_t count = 0;

    for (ptrdiff_t j = 0; j < wide; j += most) {
        const ptrdiff_t n = lw_min(most, wide - j), at = i * wide + j;
        for (ptrdiff_t k = 0; k < n && !plain; k++) {
            sum[k] = grey ? lists->gradient[at + k] : 0;
        }
        for (ptrdiff_t b = 0; 64 * b < rows; b++) {
            if (j == 0 || rows > 64) {
                count = LW_(rows_on)(lists, batch, n_visible + 1, i, b, list);
            }
            if (plain) {
                LW_(step_rows)(list, count, lists->data.mean + j, wide, n, rule.rate, rule.decay,
                    lists->up + at);
            } else {
                LW_(add_rows)(list, count, lists->data.mean + j, wide, n, sum);
            }
        }
        if (!plain) {
            LW_(update_tile)(sum, lw_min(n, n_hidden - j), rule, lists->up + at, lists->first + at,
                lists->second + at);
        }
    }
    if (i < n_visible) {
        LW_REAL data = LW_(count_on)(lists->data, n_visible + 1, i, batch.n_data);
        for (ptrdiff_t r = 0; r < batch.n_data && grey; r++) {
            data += lists->grey[r * n_visible + i];
        }
        lists->slope[i] = LW_(count_on)(lists->chains, n_visible + 1, i, batch.n_chains)
                / (LW_REAL)batch.n_chains
            - data / (LW_REAL)batch.n_data;
    }
}

LW_LOOP void
LW_(scale_row)(LW_REAL *restrict row, ptrdiff_t n, LW_REAL scale)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        row[j] *= scale;
    }
}

/* One batch, by all threads of a region. */
static void
LW_(lists_batch)(LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, double *gap)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t n_visible = pass.n_visible, n_hidden = pass.n_hidden;
    const ptrdiff_t visible_wide = lists->visible_wide, hidden_wide = lists->hidden_wide;
    const LW_REAL of_data = -1 / (LW_REAL)batch.n_data, of_model = 1 / (LW_REAL)batch.n_chains;

    if (task->grey) {
        LW_SHARE_TILES(r, batch.n_data, {
            memcpy(lists->grey + r * n_visible,
                task->rows + task->order[batch.top + r] * n_visible,
                (size_t)n_visible * sizeof(LW_REAL));
        });
        LW_(share_product)(lists->grey, n_visible, 1, lists->up, hidden_wide, 1, batch.n_data,
            hidden_wide, n_visible, 1, lists->up + n_visible * hidden_wide, 0, lists->data.mean,
            hidden_wide);
    }
    LW_SHARE_TILES(t, lw_tiles(batch.n_data, LW_FEW), {
        LW_(data_tile)(task, lists, batch, t);
        if (!pass.n_chains) {
            LW_(walk_tile)(task, lists, batch, t);
        }
    });
    LW_SHARE_TILES(t, pass.n_chains ? lw_tiles(pass.n_chains, LW_FEW) : 0,
        { LW_(walk_tile)(task, lists, batch, t); });
    LW_SHARE_TILES(r, batch.n_data + batch.n_chains, {
        if (r < batch.n_data) {
            LW_(scale_row)(lists->data.mean + r * hidden_wide, hidden_wide, of_data);
        } else {
            LW_(scale_row)(
                lists->chains.mean + (r - batch.n_data) * hidden_wide, hidden_wide, of_model);
        }
    });
    if (task->grey) {
        LW_(share_product)(lists->grey, 1, n_visible, lists->data.mean, hidden_wide, 1, n_visible,
            hidden_wide, batch.n_data, 1, NULL, 0, lists->gradient, hidden_wide);
    }
    LW_SHARE_TILES(t, lw_tiles(n_visible + 1, LW_UNITS_LANES), {
        const ptrdiff_t from = t * LW_UNITS_LANES;
        const ptrdiff_t to = lw_min(from + LW_UNITS_LANES, n_visible + 1);
        for (ptrdiff_t i = from; i < to; i++) {
            LW_(learn_row)(task, lists, batch, i);
        }
        LW_(turn_rows)(lists->up + from * hidden_wide, hidden_wide, lw_min(to, n_visible) - from,
            n_hidden, lists->down + from, visible_wide);
    });
    LW_ONE_THREAD
    {
        LW_(end_batch)(task, batch, lists->slope, lists->data.part, batch.n_data,
            lists->chains.part, batch.n_chains, gap);
        memcpy(lists->down + n_hidden * visible_wide, task->intercept_visible,
            (size_t)n_visible * sizeof(LW_REAL));
    }
}

/* Weights in both orders, the optimiser's arrays (of them all, n_arrays), and the chains' states:
 * where a pass starts. */
static void
LW_(lists_open)(const LW_(task) * task, const LW_(lists) * lists, LW_REAL *const arrays[3],
    LW_REAL *const intercepts[3], int n_arrays)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t wide = lists->hidden_wide, last = pass.n_visible * wide;
    const size_t hidden_size = (size_t)pass.n_hidden * sizeof(LW_REAL);
    const size_t visible_size = (size_t)pass.n_visible * sizeof(LW_REAL);
    LW_REAL *const ups[3] = { lists->up, lists->first, lists->second };

    /* Zeros are what fills up vectors. */
    memset(lists->up, 0, (size_t)(last + wide) * sizeof(LW_REAL));
    memset(lists->down, 0, (size_t)((pass.n_hidden + 1) * lists->visible_wide) * sizeof(LW_REAL));
    for (int k = 0; k < n_arrays; k++) {
        LW_(turn)(arrays[k], pass.n_visible, pass.n_hidden, pass.n_visible, ups[k], wide);
        memcpy(ups[k] + last, intercepts[k], hidden_size);
    }
    for (ptrdiff_t j = 0; j < pass.n_hidden; j++) {
        memcpy(lists->down + j * lists->visible_wide, task->components + j * pass.n_visible,
            visible_size);
    }
    memcpy(
        lists->down + pass.n_hidden * lists->visible_wide, task->intercept_visible, visible_size);
    for (ptrdiff_t i = 0; i < pass.n_chains; i++) {
        memcpy(lists->hidden + i * wide, task->chains + i * pass.n_hidden, hidden_size);
    }
}

/* And back, where it ends. */
static void
LW_(lists_close)(const LW_(task) * task, const LW_(lists) * lists, LW_REAL *const arrays[3],
    LW_REAL *const intercepts[3], int n_arrays)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t wide = lists->hidden_wide;
    const size_t hidden_size = (size_t)pass.n_hidden * sizeof(LW_REAL);
    LW_REAL *const ups[3] = { lists->up, lists->first, lists->second };

    for (ptrdiff_t i = 0; i < pass.n_chains; i++) {
        memcpy(task->chains + i * pass.n_hidden, lists->hidden + i * wide, hidden_size);
    }
    for (int k = 0; k < n_arrays; k++) {
        LW_(turn)(ups[k], wide, pass.n_visible, pass.n_hidden, arrays[k], pass.n_visible);
        memcpy(intercepts[k], ups[k] + pass.n_visible * wide, hidden_size);
    }
}

/* The pass, by all threads of a region. */
static void
LW_(lists_pass)(LW_(task) * task, char *scratch)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t n_batches = lw_tiles(pass.n_rows, pass.batch_size);
    const ptrdiff_t of_hidden = (pass.n_hidden + 1) * pass.n_visible;
    const int adam = task->optimizer.kind == LW_ADAM;
    const int n_arrays = adam ? 3 : task->optimizer.momentum == 0 ? 1 : 2;
    LW_REAL *const arrays[3] = { task->components, task->first, task->second };
    LW_REAL *const intercepts[3] = { task->intercept_hidden, task->first + of_hidden,
        adam ? task->second + of_hidden : NULL };
    LW_(lists) lists;

    LW_(lists_slices)(pass, &lists, lw_scratch_from(scratch));
    LW_ONE_THREAD
    LW_(lists_open)(task, &lists, arrays, intercepts, n_arrays);
    for (ptrdiff_t index = 0; index < n_batches; index++) {
        LW_(lists_batch)(task, &lists, LW_(batch_at)(task, index), task->gap + index);
    }
    LW_ONE_THREAD
    LW_(lists_close)(task, &lists, arrays, intercepts, n_arrays);
}

/* Gibbs steps alone, by all threads of a region. */
static void
LW_(lists_gibbs)(const LW_(task) * task, LW_(batch) batch, char *scratch, LW_REAL *visible)
{
    const lw_contrast pass = task->pass;
    LW_REAL *const arrays[3] = { task->components, NULL, NULL };
    LW_REAL *const intercepts[3] = { task->intercept_hidden, NULL, NULL };
    LW_(lists) lists;

    LW_(lists_slices)(pass, &lists, lw_scratch_from(scratch));
    LW_ONE_THREAD
    LW_(lists_open)(task, &lists, arrays, intercepts, 1);
    LW_SHARE_TILES(
        t, lw_tiles(pass.n_chains, LW_FEW), { LW_(walk_tile)(task, &lists, batch, t); });
    LW_ONE_THREAD
    {
        LW_(lists_close)(task, &lists, arrays, intercepts, 0);
        for (ptrdiff_t i = 0; i < pass.n_chains; i++) {
            memcpy(visible + i * pass.n_visible, lists.visible + i * lists.visible_wide,
                (size_t)pass.n_visible * sizeof(LW_REAL));
        }
    }
}
