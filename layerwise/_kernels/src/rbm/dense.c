/* The dense way: units of any kind, rows of any real numbers, by matrix products and the functions of
 * units/kinds.h on tiles of rows. It is the specification of the other ways. Everything is rows x
 * units. */

#pragma once

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "linear/columns.h"
#include "linear/product.h"
#include "optimizer/rule.h"
#include "rbm/dense_slopes.h"
#include "rbm/tempered.h"
#include "rbm/way.h"
#include "units/kinds.h"
#include "units/rise.h"

static lw_scratch
LW_(dense_place)(lw_shape shape, lw_contrast pass, lw_scratch at, void *work)
{
    LW_(dense) *const dense = work;
    const ptrdiff_t n_data = lw_most_data(pass), n_chains = lw_most_chains(pass);
    const size_t size = sizeof(LW_REAL);

    dense->rows = lw_slice(&at, n_data * shape.n_visible, size);
    dense->share = lw_slice(&at, n_data, size);
    dense->data_mean = lw_slice(&at, n_data * shape.n_hidden, size);
    dense->data_part = lw_slice(&at, n_data, sizeof(double));
    dense->visible = lw_slice(&at, n_chains * shape.n_visible, size);
    dense->hidden = lw_slice(&at, n_chains * shape.n_hidden, size);
    dense->mean = lw_slice(&at, n_chains * shape.n_hidden, size);
    dense->part = lw_slice(&at, n_chains, sizeof(double));
    dense->gradient = lw_slice(&at, shape.n_hidden * shape.n_visible, size);
    dense->slope = lw_slice(&at, shape.n_visible, size);
    dense->slope_hidden = lw_slice(&at, shape.n_hidden, size);
    dense->slope_variance = lw_slice(&at, shape.n_visible, size);
    dense->below = lw_slice(&at, shape.n_visible, size);
    dense->above = lw_slice(&at, shape.n_hidden, size);
    dense->scale = lw_slice(&at, shape.n_visible, size);
    return at;
}

/* Standard deviations of the visible units, by one thread. */
static void
LW_(dense_scale)(const LW_(task) * task, const LW_(dense) * dense)
{
    for (ptrdiff_t i = 0; i < task->rbm.shape.n_visible && task->rbm.log_variance; i++) {
        dense->scale[i] = LW_(lw_exp)(task->rbm.log_variance[i] / 2);
    }
}

static void
LW_(dense_open)(const LW_(task) * task, void *work)
{
    LW_(dense) *const dense = work;

    if (task->pass.n_chains) {
        dense->hidden = task->chains;
    }
    if (task->visible) {
        dense->visible = task->visible;
    }
    LW_ONE_THREAD
    LW_(dense_scale)(task, dense);
    if (!task->rbm.log_variance) {
        dense->scale = NULL;
    }
    if (!task->asked.weights) {
        dense->share = NULL;
    }
    dense->chain_share = task->pass.n_chains ? NULL : dense->share; /* CD's chains are the rows' */
}

/* Parts of the rows of a batch in its weights, by one thread. */
static void
LW_(dense_shares)(const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch)
{
    const int64_t *const order = task->order + batch.top;
    double total = 0;

    for (ptrdiff_t r = 0; r < batch.n_data; r++) {
        total += task->asked.weights[order[r]];
    }
    for (ptrdiff_t r = 0; r < batch.n_data; r++) {
        dense->share[r] = (LW_REAL)(task->asked.weights[order[r]] / total);
    }
}

/* Hidden means of some rows, given their visible units; log-partitions into `part`, and states into
 * `state` unless it is NULL. */
static void
LW_(dense_hidden)(const LW_(task) * task, const LW_REAL *visible, ptrdiff_t n_rows, uint32_t step,
    LW_REAL *mean, double *part, LW_REAL *state)
{
    const LW_(lw_rbm) rbm = task->rbm;
    const ptrdiff_t n_hidden = rbm.shape.n_hidden, n_visible = rbm.shape.n_visible;

    LW_(share_product)(visible, n_visible, 1, rbm.components, 1, n_visible, n_rows, n_hidden,
        n_visible, 1, rbm.intercept_hidden, 0, mean, n_hidden);
    LW_SHARE_TILES(t, lw_tiles(n_rows, LW_UNITS_TILE), {
        const ptrdiff_t from = t * LW_UNITS_TILE, rows = lw_min(LW_UNITS_TILE, n_rows - from);
        LW_REAL *const field = mean + from * n_hidden;
        LW_(units_log_partition)(
            rbm.shape.hidden, rbm.shape.n_hidden_runs, NULL, field, rows, n_hidden, part + from);
        if (state) {
            LW_(units_draw)(rbm.shape.hidden, rbm.shape.n_hidden_runs, NULL, field, rows, n_hidden,
                (uint32_t)from, task->key, step, task->hidden_lane, state + from * n_hidden);
        }
        LW_(units_means)(
            rbm.shape.hidden, rbm.shape.n_hidden_runs, NULL, field, rows, n_hidden, field);
    });
}

/* The rows of a batch, and what they count for. */
static void
LW_(dense_rows)(const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch)
{
    const ptrdiff_t n_visible = task->rbm.shape.n_visible;

    LW_SHARE_TILES(r, batch.n_data, {
        memcpy(dense->rows + r * n_visible, LW_(row_of)(task, batch, r),
            (size_t)n_visible * sizeof(LW_REAL));
    });
    if (dense->share) {
        LW_ONE_THREAD
        LW_(dense_shares)(task, dense, batch);
    }
}

static void
LW_(dense_take)(const LW_(task) * task, void *work, LW_(batch) batch)
{
    const LW_(dense) *const dense = work;

    LW_(dense_rows)(task, dense, batch);
    LW_(dense_hidden)(task, dense->rows, batch.n_data, batch.step, dense->data_mean,
        dense->data_part, task->pass.n_chains ? NULL : dense->hidden);
}

/* Visible states of the chains, from their fields. */
static void
LW_(dense_draw_visible)(
    const LW_(task) * task, const LW_(dense) * dense, ptrdiff_t n_chains, uint32_t step)
{
    const lw_shape shape = task->rbm.shape;

    LW_SHARE_TILES(t, lw_tiles(n_chains, LW_UNITS_TILE), {
        const ptrdiff_t from = t * LW_UNITS_TILE;
        LW_REAL *const field = dense->visible + from * shape.n_visible;
        LW_(units_draw)(shape.visible, shape.n_visible_runs, dense->scale, field,
            lw_min(LW_UNITS_TILE, n_chains - from), shape.n_visible, (uint32_t)from, task->key,
            step, task->visible_lane, field);
    });
}

/* Visible states of the chains, given states of the hidden units. */
static void
LW_(dense_visible)(const LW_(task) * task, const LW_(dense) * dense, const LW_REAL *hidden,
    ptrdiff_t n_chains, uint32_t step)
{
    const LW_(lw_rbm) rbm = task->rbm;
    const ptrdiff_t n_hidden = rbm.shape.n_hidden, n_visible = rbm.shape.n_visible;

    LW_(share_product)(hidden, n_hidden, 1, rbm.components, n_visible, 1, n_chains, n_visible,
        n_hidden, 1, rbm.intercept_visible, 0, dense->visible, n_visible);
    LW_(dense_draw_visible)(task, dense, n_chains, step);
}

static void
LW_(dense_walk)(const LW_(task) * task, void *work, LW_(batch) batch)
{
    const LW_(dense) *const dense = work;

    for (ptrdiff_t k = 1; k <= task->pass.n_steps; k++) {
        const uint32_t step = batch.step + (uint32_t)k;
        const int draw = k < task->pass.n_steps || task->pass.n_chains;
        LW_(dense_visible)(task, dense, dense->hidden, batch.n_chains, step);
        LW_(dense_hidden)(task, dense->visible, batch.n_chains, step, dense->mean, dense->part,
            draw ? dense->hidden : NULL);
    }
}

/* Visible states of tempered chains from offset + hW, and what log f gains by beta for them. */
static void
LW_(dense_tempered_visible)(const LW_(task) * task, const LW_(dense) * dense,
    const LW_(tempered) * tempered, ptrdiff_t n_chains, ptrdiff_t s, uint32_t step)
{
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t n = shape.n_visible;

    LW_SHARE_TILES(t, lw_tiles(n_chains, LW_UNITS_TILE), {
        const ptrdiff_t from = t * LW_UNITS_TILE, rows = lw_min(LW_UNITS_TILE, n_chains - from);
        LW_REAL *const field = dense->visible + from * n;
        for (ptrdiff_t r = 0; r < rows; r++) {
            const LW_REAL beta = LW_(beta_of)(task, s, from + r);
            LW_(tempered_fields)(task->tempering.base, n, beta, field + r * n);
            if (tempered->gaussian) {
                LW_(tempered_scale)(tempered, n, beta, field + r * n);
            }
        }
        LW_(units_draw)(shape.visible, shape.n_visible_runs, tempered->ones, field, rows, n,
            (uint32_t)from, task->key, step, task->visible_lane, field);
        for (ptrdiff_t r = 0; r < rows; r++) {
            if (tempered->gaussian) {
                LW_(tempered_scale)(tempered, n, LW_(beta_of)(task, s, from + r), field + r * n);
            }
            dense->part[from + r] = LW_(tempered_gain)(tempered, n, field + r * n);
        }
    });
}

/* Log weights from the fields of hidden units, and states of these at the next beta. */
static void
LW_(dense_tempered_hidden)(const LW_(task) * task, const LW_(dense) * dense, ptrdiff_t n_chains,
    ptrdiff_t s, uint32_t step)
{
    const lw_shape shape = task->rbm.shape;
    const ptrdiff_t n = shape.n_hidden;

    LW_SHARE_TILES(t, lw_tiles(n_chains, LW_UNITS_TILE), {
        const ptrdiff_t from = t * LW_UNITS_TILE, rows = lw_min(LW_UNITS_TILE, n_chains - from);
        LW_REAL *const field = dense->mean + from * n;
        for (ptrdiff_t r = 0; r < rows; r++) {
            const LW_REAL now = LW_(beta_of)(task, s, from + r);
            const LW_REAL then = LW_(beta_of)(task, s + 1, from + r);
            task->tempering.log_weight[from + r] += (double)(then - now) * dense->part[from + r]
                + LW_(units_rise)(shape.hidden, shape.n_hidden_runs, field + r * n, now, then);
            LW_(scale_row)(field + r * n, n, then);
        }
        LW_(units_draw)(shape.hidden, shape.n_hidden_runs, NULL, field, rows, n, (uint32_t)from,
            task->key, step, task->hidden_lane, dense->hidden + from * n);
    });
}

static void
LW_(dense_anneal)(
    const LW_(task) * task, void *work, const LW_(tempered) * tempered, LW_(batch) batch)
{
    const LW_(dense) *const dense = work;
    const LW_(lw_rbm) rbm = task->rbm;
    const ptrdiff_t n_hidden = rbm.shape.n_hidden, n_visible = rbm.shape.n_visible;

    for (ptrdiff_t s = 0; s < task->pass.n_steps; s++) {
        const uint32_t step = batch.step + (uint32_t)s + 1;
        LW_(share_product)(dense->hidden, n_hidden, 1, rbm.components, n_visible, 1,
            batch.n_chains, n_visible, n_hidden, 1, tempered->offset, 0, dense->visible,
            n_visible);
        LW_(dense_tempered_visible)(task, dense, tempered, batch.n_chains, s, step);
        LW_(share_product)(dense->visible, n_visible, 1, rbm.components, 1, n_visible,
            batch.n_chains, n_hidden, n_visible, 1, rbm.intercept_hidden, 0, dense->mean,
            n_hidden);
        LW_(dense_tempered_hidden)(task, dense, batch.n_chains, s, step);
    }
}

/* The step of a batch, where hidden units see patches of rows: `patch` and `patches` are of these, and
 * of the rows where they see all of a row. */
static void
LW_(dense_step)(const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch,
    const LW_(task) * seen, const LW_(dense) * patch, LW_(batch) patches, double *gap)
{
    const LW_(lw_rbm) rbm = task->rbm;
    const ptrdiff_t n_hidden = seen->rbm.shape.n_hidden, n_visible = rbm.shape.n_visible;
    const ptrdiff_t n_weights = lw_visible_at(seen->rbm.shape);

    LW_SHARE_TILES(t, lw_tiles(n_visible, LW_COLUMNS), {
        const ptrdiff_t i = t * LW_COLUMNS, n = lw_min(LW_COLUMNS, n_visible - i);
        LW_(dense_slopes_below)(task, dense, batch, i, n);
        if (dense->scale) {
            LW_(dense_variance_slopes)(task, dense, batch, i, n);
        }
    });
    LW_SHARE_TILES(t, lw_tiles(n_hidden, LW_COLUMNS), {
        const ptrdiff_t j = t * LW_COLUMNS;
        LW_(dense_slopes_above)(seen, patch, patches, j, lw_min(LW_COLUMNS, n_hidden - j));
    });
    LW_(dense_gradient)(seen, patch, patches);
    if (task->asked.mean_visible) {
        LW_ONE_THREAD
        *gap = LW_(dense_gap)(task, dense, patch, patches);
        LW_(dense_adjust)(task, dense, batch);
    }
    LW_(share_update)(
        patch->gradient, n_weights, batch.rule, rbm.components, rbm.first, rbm.second);
    LW_ONE_THREAD
    {
        const ptrdiff_t at = n_weights;
        if (!task->asked.mean_visible) {
            *gap = LW_(dense_gap)(task, dense, patch, patches);
        }
        if (dense->scale) {
            LW_(step_intercepts)(task, batch, dense->slope_variance, n_visible,
                at + n_visible + n_hidden, rbm.log_variance);
            LW_(dense_scale)(task, dense);
        }
        LW_(step_intercepts)(task, batch, dense->slope, n_visible, at, rbm.intercept_visible);
        LW_(step_intercepts)(
            task, batch, patch->slope_hidden, n_hidden, at + n_visible, rbm.intercept_hidden);
    }
}

static void
LW_(dense_learn)(const LW_(task) * task, void *work, LW_(batch) batch, double *gap)
{
    const LW_(dense) *const dense = work;

    LW_(dense_step)(task, dense, batch, task, dense, batch, gap);
}

/* Parameters and chains are moved where they stand. */
static void
LW_(dense_close)(const LW_(task) * task, void *work)
{
    (void)task;
    (void)work;
}

static const LW_(way) LW_(dense_way) = {
    .place = LW_(dense_place),
    .open = LW_(dense_open),
    .take = LW_(dense_take),
    .walk = LW_(dense_walk),
    .anneal = LW_(dense_anneal),
    .learn = LW_(dense_learn),
    .close = LW_(dense_close),
};
