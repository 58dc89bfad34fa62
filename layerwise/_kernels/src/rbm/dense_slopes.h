/* What a batch of the dense way teaches: its workspace, and the slopes of the gap by every parameter;
 * centred, or with a target of the hidden means, where that is asked (rbm.h). */

#pragma once

#include "base/real.h"
#include "base/threads.h"
#include "linear/columns.h"
#include "linear/product.h"
#include "rbm/task.h"
#include "units/units.h"

typedef struct {
    LW_REAL *rows;  /* of data: n_data x n_visible */
    LW_REAL *share; /* n_data: a row's part of the batch's weights; NULL where rows have none */
    LW_REAL *chain_share; /* n_chains: the same of chains; NULL where they count alike */
    LW_REAL *data_mean;   /* n_data x n_hidden */
    double *data_part;    /* n_data: log-partitions of the hidden units */
    LW_REAL *visible;     /* states of the chains: n_chains x n_visible */
    LW_REAL *hidden;      /* n_chains x n_hidden */
    LW_REAL *mean;        /* n_chains x n_hidden */
    double *part;         /* n_chains */
    LW_REAL *gradient;    /* of the weights */
    LW_REAL *slope;       /* of the visible intercepts */
    LW_REAL *slope_hidden;
    LW_REAL *slope_variance;
    LW_REAL *below; /* means of the batch's data: n_visible, n_hidden */
    LW_REAL *above;
    LW_REAL *scale; /* standard deviations of visible units; NULL where none is Gaussian */
} LW_(dense);

/* Means of some columns over rows that count alike, or by their shares. */
static void
LW_(dense_means)(const LW_REAL *value, const LW_REAL *share, ptrdiff_t n_rows, ptrdiff_t apart,
    ptrdiff_t n, LW_REAL *mean)
{
    if (share) {
        LW_(weighted_sums)(value, share, n_rows, apart, n, mean);
        return;
    }
    LW_(column_sums)(value, n_rows, apart, n, mean);
    for (ptrdiff_t j = 0; j < n; j++) {
        mean[j] /= (LW_REAL)n_rows;
    }
}

/* The same of their squares. */
static void
LW_(dense_mean_squares)(const LW_REAL *value, const LW_REAL *share, ptrdiff_t n_rows,
    ptrdiff_t apart, ptrdiff_t n, LW_REAL *mean)
{
    if (share) {
        LW_(weighted_squares)(value, share, n_rows, apart, n, mean);
        return;
    }
    LW_(column_squares)(value, n_rows, apart, n, mean);
    for (ptrdiff_t j = 0; j < n; j++) {
        mean[j] /= (LW_REAL)n_rows;
    }
}

/* Slopes of some visible units' intercepts: the mean over the chains minus that over the data. */
static void
LW_(dense_slopes_below)(
    const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch, ptrdiff_t i, ptrdiff_t n)
{
    const ptrdiff_t apart = task->rbm.shape.n_visible;

    LW_(dense_means)(dense->rows + i, dense->share, batch.n_data, apart, n, dense->below + i);
    LW_(dense_means)(
        dense->visible + i, dense->chain_share, batch.n_chains, apart, n, dense->slope + i);
    for (ptrdiff_t j = i; j < i + n; j++) {
        dense->slope[j] -= dense->below[j];
    }
}

/* The same of hidden units. */
static void
LW_(dense_slopes_above)(
    const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch, ptrdiff_t i, ptrdiff_t n)
{
    const ptrdiff_t apart = task->rbm.shape.n_hidden;

    LW_(dense_means)(dense->data_mean + i, dense->share, batch.n_data, apart, n, dense->above + i);
    LW_(dense_means)(
        dense->mean + i, dense->chain_share, batch.n_chains, apart, n, dense->slope_hidden + i);
    for (ptrdiff_t j = i; j < i + n; j++) {
        dense->slope_hidden[j] -= dense->above[j];
    }
}

/* Slopes of the log variances z of some visible units: of half the squares times e^-z. */
static void
LW_(dense_variance_slopes)(
    const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch, ptrdiff_t i, ptrdiff_t n)
{
    const ptrdiff_t apart = task->rbm.shape.n_visible;
    LW_REAL of_data[LW_COLUMNS], *const slope = dense->slope_variance + i;

    LW_(dense_mean_squares)(dense->rows + i, dense->share, batch.n_data, apart, n, of_data);
    LW_(dense_mean_squares)(
        dense->visible + i, dense->chain_share, batch.n_chains, apart, n, slope);
    for (ptrdiff_t j = 0; j < n; j++) {
        const LW_REAL precision = 1 / (dense->scale[i + j] * dense->scale[i + j]);
        slope[j] = precision / 2 * (slope[j] - of_data[j]);
    }
}

/* Log variances of units of other kinds stay zero. */
static void
LW_(dense_only_gaussian)(lw_shape shape, LW_REAL *slope)
{
    ptrdiff_t at = 0;

    for (ptrdiff_t k = 0; k < shape.n_visible_runs; k++) {
        if (shape.visible[k].kind != LW_GAUSSIAN) {
            memset(slope + at, 0, (size_t)shape.visible[k].size * sizeof(LW_REAL));
        }
        at += (ptrdiff_t)shape.visible[k].size;
    }
}

/* Hidden means of some rows, each row times its share. */
static void
LW_(dense_weigh)(const LW_REAL *share, ptrdiff_t n_rows, ptrdiff_t n_hidden, LW_REAL *mean)
{
    LW_SHARE_TILES(r, n_rows, { LW_(scale_row)(mean + r * n_hidden, n_hidden, share[r]); });
}

/* The slopes of the weights: mean of h v^T over the chains minus that over the data. */
static void
LW_(dense_gradient)(const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch)
{
    const ptrdiff_t n_hidden = task->rbm.shape.n_hidden, n_visible = task->rbm.shape.n_visible;
    const LW_REAL of_chains = dense->chain_share ? 1 : 1 / (LW_REAL)batch.n_chains;
    const LW_REAL of_data = dense->share ? -1 : -1 / (LW_REAL)batch.n_data;

    if (dense->share) {
        LW_(dense_weigh)(dense->share, batch.n_data, n_hidden, dense->data_mean);
    }
    if (dense->chain_share) {
        LW_(dense_weigh)(dense->chain_share, batch.n_chains, n_hidden, dense->mean);
    }
    LW_(share_product)(dense->mean, 1, n_hidden, dense->visible, n_visible, 1, n_hidden, n_visible,
        batch.n_chains, of_chains, NULL, 0, dense->gradient, n_visible);
    LW_(share_product)(dense->data_mean, 1, n_hidden, dense->rows, n_visible, 1, n_hidden,
        n_visible, batch.n_data, of_data, dense->gradient, n_visible, dense->gradient, n_visible);
}

/* Running means, a part of the way to the batch's. */
LW_LOOP void
LW_(run_means)(const LW_REAL *restrict of_batch, ptrdiff_t n, LW_REAL part, LW_REAL *restrict mean)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        mean[i] += part * (of_batch[i] - mean[i]);
    }
}

/* The slopes of a hidden unit's weights, with `excess` of its field's beside them; centred, if there
 * are offsets, but for what its own intercept's slope has to do with them. */
LW_LOOP void
LW_(adjust_row)(const LW_REAL *restrict below, const LW_REAL *restrict slope_below,
    const LW_REAL *restrict offset, ptrdiff_t n, LW_REAL excess, LW_REAL slope,
    LW_REAL offset_above, LW_REAL *restrict gradient)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        gradient[i] += excess * below[i];
    }
    for (ptrdiff_t i = 0; i < n && offset; i++) {
        gradient[i] -= slope * offset[i] + offset_above * slope_below[i];
    }
}

/* A target's slopes beside those of the gap, then centred ones in their place (rbm.h). */
static void
LW_(dense_adjust)(const LW_(task) * task, const LW_(dense) * dense, LW_(batch) batch)
{
    const ptrdiff_t n_hidden = task->rbm.shape.n_hidden, n_visible = task->rbm.shape.n_visible;
    const LW_(lw_asked) asked = task->asked;
    const LW_REAL *const offset = asked.centered ? asked.mean_visible : NULL;

    LW_ONE_THREAD
    {
        const double newest = 1 / (double)batch.count;
        const LW_REAL part = (LW_REAL)(newest > LW_RUNNING ? newest : LW_RUNNING);
        LW_(run_means)(dense->below, n_visible, part, asked.mean_visible);
        LW_(run_means)(dense->above, n_hidden, part, asked.mean_hidden);
    }
    LW_SHARE_TILES(j, n_hidden, {
        LW_REAL *const slope = dense->slope_hidden + j;
        const LW_REAL mean = asked.mean_hidden[j];
        const LW_REAL excess = asked.target ? asked.cost * (mean - asked.target[j]) : 0;
        *slope += excess;
        LW_(adjust_row)(dense->below, dense->slope, offset, n_visible, excess, *slope, mean,
            dense->gradient + j * n_visible);
    });
    if (offset) {
        LW_(share_product)(dense->gradient, n_visible, 1, offset, 1, 1, n_hidden, 1, n_visible, -1,
            dense->slope_hidden, 1, dense->slope_hidden, 1);
        LW_(share_product)(asked.mean_hidden, n_hidden, 1, dense->gradient, n_visible, 1, 1,
            n_visible, n_hidden, -1, dense->slope, n_visible, dense->slope, n_visible);
    }
}

/* A batch's gap, of its plain slopes, by one thread: of visible units of rows, and of hidden units of
 * their patches, which may be the rows. */
static double
LW_(dense_gap)(
    const LW_(task) * task, const LW_(dense) * dense, const LW_(dense) * patch, LW_(batch) patches)
{
    double gap = 0;

    if (patch->share) {
        gap = LW_(weighted_gap)(task, patches, dense->slope, patch->data_part, patch->share,
            patch->part, patch->chain_share);
    } else {
        gap = LW_(gap_of)(task, patches, dense->slope, patch->data_part, patches.n_data,
            patch->part, patches.n_chains);
    }
    if (dense->scale) {
        LW_(dense_only_gaussian)(task->rbm.shape, dense->slope_variance);
        for (ptrdiff_t i = 0; i < task->rbm.shape.n_visible; i++) {
            gap -= dense->slope_variance[i];
        }
    }
    return gap;
}
