/* What a way is told: a call's arguments, and one batch of it. */

#pragma once

#include "base/real.h"
#include "base/threads.h"
#include "optimizer/rule.h"
#include "rbm/rbm.h"

typedef struct {
    LW_(lw_rbm) rbm;
    lw_contrast pass;
    const LW_REAL *rows;
    const int64_t *order;
    lw_optimizer optimizer;
    lw_key key;
    uint32_t hidden_lane;
    uint32_t visible_lane;
    LW_(lw_asked) asked;
    LW_(lw_tempering) tempering; /* of annealed chains */
    LW_REAL *chains;             /* n_chains x n_hidden */
    LW_REAL *visible;            /* n_chains x n_visible: where Gibbs steps leave them, or NULL */
} LW_(task);

/* A batch: its rows in `order`, its chains, and the step of its random numbers. */
typedef struct {
    ptrdiff_t top;
    ptrdiff_t n_data;
    ptrdiff_t n_chains;
    uint32_t step;
    int64_t count; /* of the optimiser's steps, this one among them */
    LW_(rule) rule;
} LW_(batch);

/* The most rows of data, and of chains, of a batch. */
LW_INLINE ptrdiff_t
lw_most_data(lw_contrast pass)
{
    return lw_min(pass.batch_size, pass.n_rows);
}

LW_INLINE ptrdiff_t
lw_most_chains(lw_contrast pass)
{
    return pass.n_chains ? pass.n_chains : lw_most_data(pass);
}

static LW_(batch) LW_(batch_at)(const LW_(task) * task, ptrdiff_t index)
{
    const lw_contrast pass = task->pass;
    lw_optimizer optimizer = task->optimizer;
    LW_(batch)
    batch = { .top = index * pass.batch_size,
        .step = (uint32_t)((pass.first_batch + index) * (pass.n_steps + 1)) };

    batch.n_data = lw_min(pass.batch_size, pass.n_rows - batch.top);
    batch.n_chains = pass.n_chains ? pass.n_chains : batch.n_data;
    optimizer.count += index + 1;
    batch.count = optimizer.count;
    batch.rule = LW_(rule_of)(optimizer);
    return batch;
}

/* Row r of a batch. */
LW_INLINE const LW_REAL *
LW_(row_of)(const LW_(task) * task, LW_(batch) batch, ptrdiff_t r)
{
    return task->rows + task->order[batch.top + r] * task->rbm.shape.n_visible;
}

/* Where the optimiser's arrays have the visible intercepts; the hidden ones and the log variances
 * follow. */
LW_INLINE ptrdiff_t
lw_visible_at(lw_shape shape)
{
    return shape.n_hidden * shape.n_visible;
}

/* One step of parameters that do not decay; `at` is their place in the optimiser's arrays. */
static void
LW_(step_intercepts)(const LW_(task) * task, LW_(batch) batch, const LW_REAL *slope, ptrdiff_t n,
    ptrdiff_t at, LW_REAL *parameter)
{
    LW_(update_tile)(slope, n, LW_(rule_without_decay)(batch.rule), parameter,
        task->rbm.first + at, task->rbm.second ? task->rbm.second + at : NULL);
}

/* The gap of a batch: the part that is linear in the visible units, whose slope is given, and the
 * log-partitions of hidden units, in parts of their sums over the rows of data and of chains. */
static double
LW_(gap_of)(const LW_(task) * task, LW_(batch) batch, const LW_REAL *slope, const double *data,
    ptrdiff_t n_data_parts, const double *chains, ptrdiff_t n_chain_parts)
{
    double linear = 0, of_data = 0, of_chains = 0;

    for (ptrdiff_t i = 0; i < task->rbm.shape.n_visible; i++) {
        linear += (double)task->rbm.intercept_visible[i] * slope[i];
    }
    for (ptrdiff_t k = 0; k < n_data_parts; k++) {
        of_data += data[k];
    }
    for (ptrdiff_t k = 0; k < n_chain_parts; k++) {
        of_chains += chains[k];
    }
    /* b.(mean visible - mean data) is b times the slope of b. */
    return linear + of_chains / (double)batch.n_chains - of_data / (double)batch.n_data;
}

/* The same where rows of data, and chains unless `by_chains` is NULL, count by their shares. */
static double
LW_(weighted_gap)(const LW_(task) * task, LW_(batch) batch, const LW_REAL *slope,
    const double *data, const LW_REAL *by_data, const double *chains, const LW_REAL *by_chains)
{
    double total = 0;

    for (ptrdiff_t i = 0; i < task->rbm.shape.n_visible; i++) {
        total += (double)task->rbm.intercept_visible[i] * slope[i];
    }
    for (ptrdiff_t r = 0; r < batch.n_data; r++) {
        total -= (double)by_data[r] * data[r];
    }
    for (ptrdiff_t k = 0; k < batch.n_chains; k++) {
        total += chains[k] * (by_chains ? (double)by_chains[k] : 1 / (double)batch.n_chains);
    }
    return total;
}
