/* The way by lists of the units that are on: products with states are sums of rows.
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

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "linear/transpose.h"
#include "optimizer/rule.h"
#include "rbm/masks.h"
#include "rbm/sums.h"
#include "rbm/way.h"
#include "units/bernoulli.h"

typedef struct {
    ptrdiff_t visible_wide; /* units, padded to whole vectors */
    ptrdiff_t hidden_wide;
    ptrdiff_t listed;      /* numbers of a list */
    ptrdiff_t chains_from; /* row of data.mean where chains.mean starts */
    LW_REAL *up;           /* (n_visible + 1) x hidden_wide */
    LW_REAL *first;        /* likewise */
    LW_REAL *second;       /* likewise */
    LW_REAL *down;         /* (n_hidden + 1) x visible_wide */
    LW_REAL *slope;        /* n_visible: of the visible intercepts */
    LW_REAL *above;        /* hidden_wide: of the hidden intercepts */
    LW_(side) data;
    LW_(side) chains;
    LW_REAL *hidden;  /* chains x hidden_wide: states */
    LW_REAL *visible; /* chains x visible_wide: states */
    LW_REAL *field;   /* chains x visible_wide: fields, then means */
} LW_(lists);

static void
LW_(side_place)(lw_shape shape, ptrdiff_t n, ptrdiff_t listed, LW_(side) * side, lw_scratch *at)
{
    side->list = lw_slice(at, n * listed, sizeof(uint32_t));
    side->mask = lw_slice(at, lw_tiles(n, 64) * shape.n_visible * 8, sizeof(uint8_t));
    side->part = lw_slice(at, n, sizeof(double));
}

static lw_scratch
LW_(lists_place)(lw_shape shape, lw_contrast pass, lw_scratch at, void *work)
{
    LW_(lists) *const lists = work;
    const ptrdiff_t n_data = lw_most_data(pass), n_chains = lw_most_chains(pass);
    const ptrdiff_t visible_wide = lw_padded(shape.n_visible, LW_UNITS_LANES);
    const ptrdiff_t hidden_wide = lw_padded(shape.n_hidden, LW_UNITS_LANES);
    const ptrdiff_t ups = (shape.n_visible + 1) * hidden_wide;
    const size_t size = sizeof(LW_REAL);

    lists->visible_wide = visible_wide;
    lists->hidden_wide = hidden_wide;
    lists->listed = lw_max(visible_wide, hidden_wide) + LW_APPENDED;
    lists->chains_from = n_data;
    lists->up = lw_slice(&at, ups, size);
    lists->first = lw_slice(&at, ups, size);
    lists->second = lw_slice(&at, ups, size);
    lists->down = lw_slice(&at, (shape.n_hidden + 1) * visible_wide, size);
    lists->slope = lw_slice(&at, shape.n_visible, size);
    lists->above = lw_slice(&at, hidden_wide, size);
    LW_(side_place)(shape, n_data, lists->listed, &lists->data, &at);
    LW_(side_place)(shape, n_chains, lists->listed, &lists->chains, &at);
    /* Together: row `chains_from` + k of the data's means is row k of the chains'. */
    lists->data.mean = lw_slice(&at, (n_data + n_chains) * hidden_wide, size);
    lists->chains.mean = lists->data.mean ? lists->data.mean + n_data * hidden_wide : NULL;
    lists->hidden = lw_slice(&at, n_chains * hidden_wide, size);
    lists->visible = lw_slice(&at, n_chains * visible_wide, size);
    lists->field = lw_slice(&at, n_chains * visible_wide, size);
    return at;
}

/* Hidden means of a tile, given the lists of its visible units; and states, if asked. */
static void
LW_(hidden_tile)(const LW_(task) * task, const LW_(lists) * lists, LW_(side) side, ptrdiff_t from,
    ptrdiff_t n_rows, uint32_t step, int draw)
{
    const ptrdiff_t wide = lists->hidden_wide, n_hidden = task->rbm.shape.n_hidden;
    LW_REAL *const mean = side.mean + from * wide;

    LW_(fields)(side.list + from * lists->listed, lists->listed, n_rows, lists->up, wide, mean);
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        LW_(means_of_row)(mean + r * wide, n_hidden, side.part + from + r);
    }
    if (draw) {
        LW_(states_tile)(mean, n_rows, 0, n_hidden, wide, (uint32_t)from, task->key, step,
            task->hidden_lane, lists->hidden + from * wide);
    }
}

/* A tile of the batch: lists, masks, hidden means, and CD's first states. */
static void
LW_(take_tile)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t tile)
{
    const ptrdiff_t n_visible = task->rbm.shape.n_visible, from = tile * LW_FEW;
    const ptrdiff_t n_rows = lw_min(LW_FEW, batch.n_data - from);

    for (ptrdiff_t r = from; r < from + n_rows; r++) {
        LW_(list_row)(
            LW_(row_of)(task, batch, r), n_visible, lists->data.list + r * lists->listed);
    }
    LW_(mask_tile)(lists->data, lists->listed, n_visible, from, n_rows);
    LW_(hidden_tile)(task, lists, lists->data, from, n_rows, batch.step, !task->pass.n_chains);
}

static void
LW_(lists_take)(const LW_(task) * task, void *work, LW_(batch) batch)
{
    LW_SHARE_TILES(t, lw_tiles(batch.n_data, LW_FEW), { LW_(take_tile)(task, work, batch, t); });
}

/* The Gibbs steps of a tile of the chains, from their hidden states on. */
static void
LW_(walk_tile)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t tile)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t n_visible = task->rbm.shape.n_visible, n_hidden = task->rbm.shape.n_hidden;
    const ptrdiff_t from = tile * LW_FEW, n_rows = lw_min(LW_FEW, batch.n_chains - from);
    const ptrdiff_t visible_wide = lists->visible_wide, hidden_wide = lists->hidden_wide;
    uint32_t *const list = lists->chains.list + from * lists->listed;
    LW_REAL *const field = lists->field + from * visible_wide;
    LW_REAL *const visible = lists->visible + from * visible_wide;

    for (ptrdiff_t k = 1; k <= pass.n_steps; k++) {
        const uint32_t step = batch.step + (uint32_t)k;
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            LW_(list_row)(
                lists->hidden + (from + r) * hidden_wide, n_hidden, list + r * lists->listed);
        }
        LW_(fields)(list, lists->listed, n_rows, lists->down, visible_wide, field);
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            LW_(means_of_row)(field + r * visible_wide, n_visible, NULL);
        }
        LW_(states_tile)(field, n_rows, 0, n_visible, visible_wide, (uint32_t)from, task->key,
            step, task->visible_lane, visible);
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            LW_(list_row)(visible + r * visible_wide, n_visible, list + r * lists->listed);
        }
        LW_(hidden_tile)(
            task, lists, lists->chains, from, n_rows, step, k < pass.n_steps || pass.n_chains);
    }
    LW_(mask_tile)(lists->chains, lists->listed, n_visible, from, n_rows);
}

static void
LW_(lists_walk)(const LW_(task) * task, void *work, LW_(batch) batch)
{
    LW_SHARE_TILES(t, lw_tiles(batch.n_chains, LW_FEW), { LW_(walk_tile)(task, work, batch, t); });
}

/* Slopes of the visible intercepts from `from` on: how often each unit is on, in data and chains. */
LW_LOOP void
LW_(slopes_below)(
    const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t from, ptrdiff_t to, ptrdiff_t n_visible)
{
    const LW_REAL of_data = -1 / (LW_REAL)batch.n_data, of_chains = 1 / (LW_REAL)batch.n_chains;

    for (ptrdiff_t i = from; i < to; i++) {
        lists->slope[i] = of_chains * LW_(count_on)(lists->chains, n_visible, i, batch.n_chains)
            + of_data * LW_(count_on)(lists->data, n_visible, i, batch.n_data);
    }
}

/* The slopes of some rows of `up`, of visible units from `from` on, in the rows of data and chains in
 * which they are on, and the optimiser's step down them. Means come scaled: minus one over the rows of
 * data, one over the chains. A plain step is taken while the sums are in registers: they need not be
 * kept. */
LW_LOOP void
LW_(learn_rows)(const LW_(lists) * lists, const LW_(batch) * batch, ptrdiff_t from, ptrdiff_t to,
    ptrdiff_t n_visible, ptrdiff_t n_hidden)
{
    const ptrdiff_t wide = lists->hidden_wide, most = LW_PARTS * LW_PART;
    const ptrdiff_t rows = lw_max(batch->n_data, batch->n_chains);
    const LW_(rule) rule = batch->rule;
    const int plain = rows <= 64 && !rule.adam && rule.momentum == 0 && rule.less == 0;
    LW_REAL sum[LW_PARTS * (64 / sizeof(LW_REAL))];
    uint32_t list[2 * 64 + LW_APPENDED];
    ptrdiff_t count = 0;

    for (ptrdiff_t i = from; i < to; i++) {
        for (ptrdiff_t j = 0; j < wide; j += most) {
            const ptrdiff_t n = lw_min(most, wide - j), at = i * wide + j;
            for (ptrdiff_t k = 0; k < n && !plain; k++) {
                sum[k] = 0;
            }
            for (ptrdiff_t b = 0; 64 * b < rows; b++) {
                if (j == 0 || rows > 64) {
                    count = LW_(rows_on)(lists->data, batch->n_data, lists->chains,
                        batch->n_chains, lists->chains_from, n_visible, i, b, list);
                }
                if (plain) {
                    LW_(step_rows)(list, count, lists->data.mean + j, wide, n, rule.rate,
                        rule.decay, lists->up + at);
                } else {
                    LW_(add_rows)(list, count, lists->data.mean + j, wide, n, sum);
                }
            }
            if (!plain) {
                LW_(update_tile)(sum, lw_min(n, n_hidden - j), rule, lists->up + at,
                    lists->first + at, lists->second + at);
            }
        }
    }
}

/* Some columns of the slope of the hidden intercepts, from scaled means: their sums over all rows. */
static void
LW_(slopes_above)(const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t j, ptrdiff_t n)
{
    const ptrdiff_t wide = lists->hidden_wide;
    LW_REAL of_chains[LW_COLUMNS];

    LW_(column_sums)(lists->data.mean + j, batch.n_data, wide, n, lists->above + j);
    LW_(column_sums)(lists->chains.mean + j, batch.n_chains, wide, n, of_chains);
    for (ptrdiff_t k = 0; k < n; k++) {
        lists->above[j + k] += of_chains[k];
    }
}

static void
LW_(lists_learn)(const LW_(task) * task, void *work, LW_(batch) batch, double *gap)
{
    const LW_(lists) *const lists = work;
    const ptrdiff_t n_visible = task->rbm.shape.n_visible, n_hidden = task->rbm.shape.n_hidden;
    const ptrdiff_t visible_wide = lists->visible_wide, wide = lists->hidden_wide;
    const LW_REAL of_data = -1 / (LW_REAL)batch.n_data, of_model = 1 / (LW_REAL)batch.n_chains;

    LW_SHARE_TILES(r, batch.n_data + batch.n_chains, {
        if (r < batch.n_data) {
            LW_(scale_row)(lists->data.mean + r * wide, wide, of_data);
        } else {
            LW_(scale_row)(lists->chains.mean + (r - batch.n_data) * wide, wide, of_model);
        }
    });
    LW_SHARE_TILES(t, lw_tiles(wide, LW_COLUMNS), {
        LW_(slopes_above)(lists, batch, t * LW_COLUMNS, lw_min(LW_COLUMNS, wide - t * LW_COLUMNS));
    });
    LW_SHARE_TILES(t, lw_tiles(n_visible, LW_COLUMNS), {
        LW_(slopes_below)(
            lists, batch, t * LW_COLUMNS, lw_min((t + 1) * LW_COLUMNS, n_visible), n_visible);
    });
    LW_SHARE_TILES(t, lw_tiles(n_visible, LW_TURNED), {
        const ptrdiff_t from = t * LW_TURNED, n = lw_min(LW_TURNED, n_visible - from);
        LW_(learn_rows)(lists, &batch, from, from + n, n_visible, n_hidden);
        LW_(turn_rows)(
            lists->up + from * wide, wide, n, n_hidden, lists->down + from, visible_wide);
    });
    LW_ONE_THREAD
    {
        const ptrdiff_t last = n_visible * wide;
        *gap = LW_(gap_of)(task, batch, lists->slope, lists->data.part, batch.n_data,
            lists->chains.part, batch.n_chains);
        LW_(step_intercepts)(task, batch, lists->slope, n_visible, lw_visible_at(task->rbm.shape),
            task->rbm.intercept_visible);
        memcpy(lists->down + n_hidden * visible_wide, task->rbm.intercept_visible,
            (size_t)n_visible * sizeof(LW_REAL));
        LW_(update_tile)(lists->above, n_hidden, LW_(rule_without_decay)(batch.rule),
            lists->up + last, lists->first + last, lists->second + last);
    }
}

/* The components and hidden intercepts, and what the optimiser keeps of them, into the workspace or
 * back from it. */
static void
LW_(turn_all)(const LW_(task) * task, const LW_(lists) * lists, int back)
{
    const LW_(lw_rbm) rbm = task->rbm;
    const ptrdiff_t n_visible = rbm.shape.n_visible, n_hidden = rbm.shape.n_hidden;
    const ptrdiff_t at = lw_visible_at(rbm.shape) + n_visible, wide = lists->hidden_wide;
    const int kept = task->optimizer.kind == LW_ADAM ? 2 : task->optimizer.momentum != 0;
    LW_REAL *const ups[3] = { lists->up, lists->first, lists->second };
    LW_REAL *const weights[3] = { rbm.components, rbm.first, rbm.second };

    for (int k = 0; k <= (rbm.first ? kept : 0); k++) {
        LW_REAL *const above = k ? weights[k] + at : rbm.intercept_hidden;
        LW_REAL *const last = ups[k] + n_visible * wide;
        if (back) {
            LW_(turn)(ups[k], wide, n_visible, n_hidden, weights[k], n_visible);
            memcpy(above, last, (size_t)n_hidden * sizeof(LW_REAL));
        } else {
            LW_(turn)(weights[k], n_visible, n_hidden, n_visible, ups[k], wide);
            memcpy(last, above, (size_t)n_hidden * sizeof(LW_REAL));
        }
    }
}

static void
LW_(lists_open)(const LW_(task) * task, void *work)
{
    const LW_(lists) *const lists = work;
    const LW_(lw_rbm) rbm = task->rbm;
    const ptrdiff_t n_visible = rbm.shape.n_visible, n_hidden = rbm.shape.n_hidden;
    const ptrdiff_t wide = lists->hidden_wide, visible_wide = lists->visible_wide;

    LW_ONE_THREAD
    {
        /* Zeros are what fills up vectors. */
        memset(lists->up, 0, (size_t)((n_visible + 1) * wide) * sizeof(LW_REAL));
        memset(lists->down, 0, (size_t)((n_hidden + 1) * visible_wide) * sizeof(LW_REAL));
        LW_(turn_all)(task, lists, 0);
        for (ptrdiff_t j = 0; j <= n_hidden; j++) {
            memcpy(lists->down + j * visible_wide,
                j < n_hidden ? rbm.components + j * n_visible : rbm.intercept_visible,
                (size_t)n_visible * sizeof(LW_REAL));
        }
        for (ptrdiff_t i = 0; i < task->pass.n_chains; i++) {
            memcpy(lists->hidden + i * wide, task->chains + i * n_hidden,
                (size_t)n_hidden * sizeof(LW_REAL));
        }
    }
}

static void
LW_(lists_close)(const LW_(task) * task, void *work)
{
    const LW_(lists) *const lists = work;
    const ptrdiff_t n_visible = task->rbm.shape.n_visible, n_hidden = task->rbm.shape.n_hidden;

    LW_ONE_THREAD
    {
        for (ptrdiff_t i = 0; i < task->pass.n_chains; i++) {
            memcpy(task->chains + i * n_hidden, lists->hidden + i * lists->hidden_wide,
                (size_t)n_hidden * sizeof(LW_REAL));
            if (task->visible) {
                memcpy(task->visible + i * n_visible, lists->visible + i * lists->visible_wide,
                    (size_t)n_visible * sizeof(LW_REAL));
            }
        }
        if (task->rbm.first) { /* else they were only read */
            LW_(turn_all)(task, lists, 1);
        }
    }
}

static const LW_(way) LW_(lists_way) = {
    .place = LW_(lists_place),
    .open = LW_(lists_open),
    .take = LW_(lists_take),
    .walk = LW_(lists_walk),
    .learn = LW_(lists_learn),
    .close = LW_(lists_close),
};
