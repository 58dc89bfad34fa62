/* What both ways through a pass share, for one float type: its arguments, a batch, and its end. */

#ifndef LW_RBM_TASK_H
#define LW_RBM_TASK_H

#include "base/real.h"
#include "optimizer/rule.h"
#include "rbm/rbm.h"

typedef struct {
    const LW_REAL *rows;
    const int64_t *order;
    lw_contrast pass;
    lw_optimizer optimizer;
    lw_key key;
    uint32_t hidden_lane;
    uint32_t visible_lane;
    LW_REAL *components;
    LW_REAL *intercept_visible;
    LW_REAL *intercept_hidden;
    LW_REAL *chains;
    LW_REAL *first;
    LW_REAL *second;
    double *gap;
    int grey; /* some row is not of zeros and ones */
} LW_(task);

/* A batch: its rows in order, its chains, and the step of its random numbers. */
typedef struct {
    ptrdiff_t top;
    ptrdiff_t n_data;
    ptrdiff_t n_chains;
    uint32_t step;
    LW_(rule) rule;
} LW_(batch);

static LW_(batch) LW_(batch_at)(const LW_(task) * task, ptrdiff_t index)
{
    LW_(batch) batch;
    lw_optimizer optimizer = task->optimizer;

    batch.top = index * task->pass.batch_size;
    batch.n_data = lw_min(task->pass.batch_size, task->pass.n_rows - batch.top);
    batch.n_chains = task->pass.n_chains ? task->pass.n_chains : batch.n_data;
    batch.step = (uint32_t)(index * (task->pass.n_steps + 1));
    optimizer.count += index + 1;
    batch.rule = LW_(rule_of)(optimizer);
    return batch;
}

/* The batch's gap, and the step of the visible intercepts. */
static void
LW_(end_batch)(LW_(task) * task, LW_(batch) batch, const LW_REAL *slope, const double *data_part,
    ptrdiff_t n_data_parts, const double *part, ptrdiff_t n_parts, double *gap)
{
    const ptrdiff_t at = task->pass.n_hidden * task->pass.n_visible;
    double linear = 0, of_data = 0, of_model = 0;

    for (ptrdiff_t i = 0; i < task->pass.n_visible; i++) {
        linear += (double)task->intercept_visible[i] * slope[i];
    }
    for (ptrdiff_t k = 0; k < n_data_parts; k++) {
        of_data += data_part[k];
    }
    for (ptrdiff_t k = 0; k < n_parts; k++) {
        of_model += part[k];
    }
    /* Its part b.(mean visible - mean data) is b times its own gradient. */
    *gap = linear + of_model / (double)batch.n_chains - of_data / (double)batch.n_data;
    LW_(update_tile)(slope, task->pass.n_visible, LW_(rule_without_decay)(batch.rule),
        task->intercept_visible, task->first + at, task->second ? task->second + at : NULL);
}

#endif
