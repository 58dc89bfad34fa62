/* Tempered chains (rbm.h): their betas, and what the visible layer has of its own at each. */

#pragma once

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "rbm/task.h"
#include "units/kinds.h"

/* Visible units at beta have the field base + beta (offset + hW) and, if Gaussian, the precision
 * precision_0 + beta gained. */
typedef struct {
    LW_REAL *offset;      /* n_visible */
    LW_REAL *precision_0; /* n_visible: of Gaussian units; zero of others */
    LW_REAL *gained;      /* n_visible */
    LW_REAL *ones;        /* n_visible */
    int gaussian;         /* whether some unit is */
} LW_(tempered);

static lw_scratch
LW_(tempered_place)(lw_shape shape, lw_scratch at, LW_(tempered) * tempered)
{
    tempered->offset = lw_slice(&at, shape.n_visible, sizeof(LW_REAL));
    tempered->precision_0 = lw_slice(&at, shape.n_visible, sizeof(LW_REAL));
    tempered->gained = lw_slice(&at, shape.n_visible, sizeof(LW_REAL));
    tempered->ones = lw_slice(&at, shape.n_visible, sizeof(LW_REAL));
    return at;
}

/* By all threads of a region. */
static void
LW_(tempered_open)(const LW_(task) * task, LW_(tempered) * tempered)
{
    const LW_(lw_rbm) rbm = task->rbm;

    tempered->gaussian = rbm.log_variance != NULL;
    LW_ONE_THREAD
    for (ptrdiff_t k = 0, i = 0; k < rbm.shape.n_visible_runs; k++) {
        const ptrdiff_t end = i + (ptrdiff_t)rbm.shape.visible[k].size;
        const int gaussian = rbm.shape.visible[k].kind == LW_GAUSSIAN;
        for (; i < end; i++) {
            tempered->offset[i] = rbm.intercept_visible[i] - task->tempering.base[i];
            tempered->ones[i] = 1;
            tempered->precision_0[i] = tempered->gained[i] = 0;
            if (gaussian) {
                tempered->precision_0[i] = LW_(lw_exp)(-task->tempering.base_log_variance[i]);
                tempered->gained[i] = LW_(lw_exp)(-rbm.log_variance[i]) - tempered->precision_0[i];
            }
        }
    }
}

/* Of step s of chain r. */
LW_INLINE LW_REAL
LW_(beta_of)(const LW_(task) * task, ptrdiff_t s, ptrdiff_t r)
{
    const LW_(lw_tempering) tempering = task->tempering;

    return (LW_REAL)tempering.beta[s * tempering.step_apart + r * tempering.chain_apart];
}

/* Fields of a row's visible units from offset + hW, in its place. */
LW_LOOP void
LW_(tempered_fields)(
    const LW_REAL *restrict base, ptrdiff_t n, LW_REAL beta, LW_REAL *restrict field)
{
    LW_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        field[i] = base[i] + beta * field[i];
    }
}

/* Each Gaussian unit's number times its standard deviation at beta: a field becomes that of a unit of
 * deviation 1 under which it has its own mean in units of its deviation, and the state of that unit
 * becomes its own. */
LW_LOOP void
LW_(tempered_scale)(
    const LW_(tempered) * tempered, ptrdiff_t n, LW_REAL beta, LW_REAL *restrict value)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const LW_REAL precision = tempered->precision_0[i] + beta * tempered->gained[i];
        value[i] /= precision > 0 ? LW_(lw_root)(precision) : 1;
    }
}

/* What log f gains by beta for a row's visible units, less what hidden units do. */
LW_LOOP double
LW_(tempered_gain)(const LW_(tempered) * tempered, ptrdiff_t n, const LW_REAL *restrict state)
{
    double part[8] = { 0 }, sum = 0;
    ptrdiff_t i = 0;

    for (; i + 8 <= n; i += 8) {
        LW_SIMD
        for (int k = 0; k < 8; k++) {
            const LW_REAL v = state[i + k];
            part[k] += (double)(v * (tempered->offset[i + k] - v * tempered->gained[i + k] / 2));
        }
    }
    for (; i < n; i++) {
        sum += (double)(state[i] * (tempered->offset[i] - state[i] * tempered->gained[i] / 2));
    }
    for (int k = 0; k < 8; k++) {
        sum += part[k];
    }
    return sum;
}
