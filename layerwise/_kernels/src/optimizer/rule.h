/* The step of an optimiser over parameters: a tile of them, or all, shared by threads. */

#pragma once

#include <math.h>

#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "optimizer/optimizer.h"

#define LW_UPDATE_TILE 4096
#define LW_TINY ((LW_REAL)1e-35) /* moments below it are zero */

/* A moment, zero if it is tiny: those of a gradient that stays zero, as of a unit that is never on,
 * would decay into denormal numbers, on which arithmetic takes many times as long. NaN stays. */
LW_INLINE LW_REAL
LW_(settled)(LW_REAL moment)
{
    return ((moment > LW_TINY) | (moment < -LW_TINY) | (moment != moment)) ? moment : 0;
}

/* Whether some number is not within +-LW_LARGEST_PARAMETER: NaN is within nothing. */
LW_LOOP int
LW_(have_diverged)(const LW_REAL *restrict value, ptrdiff_t n)
{
    int lost = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        lost |= !(value[i] > -LW_LARGEST_PARAMETER && value[i] < LW_LARGEST_PARAMETER);
    }
    return lost;
}

/* One tile by each rule. */
LW_LOOP void
LW_(sgd_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL momentum,
    LW_REAL decay, LW_REAL *restrict parameter, LW_REAL *restrict velocity)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const LW_REAL slope = gradient[i] + decay * parameter[i];
        velocity[i] = LW_(settled)(momentum * velocity[i] - rate * slope);
        parameter[i] += velocity[i];
    }
}

/* Without momentum the velocity is neither read nor written: half of the memory. */
LW_LOOP void
LW_(plain_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL decay,
    LW_REAL *restrict parameter)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        parameter[i] -= rate * (gradient[i] + decay * parameter[i]);
    }
}

LW_LOOP void
LW_(adam_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL shrink,
    LW_REAL beta1, LW_REAL correction2, LW_REAL *restrict parameter, LW_REAL *restrict first,
    LW_REAL *restrict second)
{
    const LW_REAL beta2 = (LW_REAL)0.999;

    for (ptrdiff_t i = 0; i < n; i++) {
        const LW_REAL square = gradient[i] * gradient[i];
        first[i] = LW_(settled)(beta1 * first[i] + (1 - beta1) * gradient[i]);
        second[i] = LW_(settled)(beta2 * second[i] + (1 - beta2) * square);
        parameter[i] = parameter[i] * shrink
            - rate * first[i] / (LW_(lw_root)(second[i] * correction2) + (LW_REAL)1e-8);
    }
}

/* Parameters of a tile, each closer to zero by `less`, but not past it. */
LW_LOOP void
LW_(shrink_tile)(ptrdiff_t n, LW_REAL less, LW_REAL *restrict parameter)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const LW_REAL at = parameter[i];
        parameter[i] = at > less ? at - less : at < -less ? at + less : at - at; /* or NaN */
    }
}

/* A step's numbers, in the type that it is taken in. */
typedef struct {
    int adam;
    LW_REAL rate;
    LW_REAL momentum;
    LW_REAL decay; /* SGD: a slope; Adam: what is left of a parameter */
    LW_REAL correction2;
    LW_REAL less; /* that L1 takes off a parameter's size */
} LW_(rule);

static LW_(rule) LW_(rule_of)(lw_optimizer optimizer)
{
    const int adam = optimizer.kind == LW_ADAM;
    const double count = (double)optimizer.count;
    const double correction1 = adam ? 1 / (1 - pow(optimizer.momentum, count)) : 1;
    const double correction2 = adam ? 1 / (1 - pow(0.999, count)) : 1;
    const double shrink = 1 - optimizer.rate * optimizer.decay;
    const LW_(rule) rule = { .adam = adam,
        .rate = (LW_REAL)(optimizer.rate * correction1),
        .momentum = (LW_REAL)optimizer.momentum,
        .decay = (LW_REAL)(adam ? shrink : optimizer.decay),
        .correction2 = (LW_REAL)correction2,
        .less = (LW_REAL)(optimizer.rate * optimizer.l1_decay) };

    return rule;
}

/* The same step for parameters that do not decay. */
static LW_(rule) LW_(rule_without_decay)(LW_(rule) rule)
{
    rule.decay = rule.adam ? 1 : 0;
    rule.less = 0;
    return rule;
}

/* One tile by its rule. Whether parameters have diverged is asked once a pass: one that
 * is seldom comes back, and asking here took as long as the step. */
static void
LW_(update_tile)(const LW_REAL *gradient, ptrdiff_t n, LW_(rule) rule, LW_REAL *parameter,
    LW_REAL *first, LW_REAL *second)
{
    if (rule.adam) {
        LW_(adam_tile)(gradient, n, rule.rate, rule.decay, rule.momentum, rule.correction2,
            parameter, first, second);
    } else if (rule.momentum == 0) {
        LW_(plain_tile)(gradient, n, rule.rate, rule.decay, parameter);
    } else {
        LW_(sgd_tile)(gradient, n, rule.rate, rule.momentum, rule.decay, parameter, first);
    }
    if (rule.less > 0) {
        LW_(shrink_tile)(n, rule.less, parameter);
    }
}

/* All tiles, by all threads of the region that this is called in. */
static void
LW_(share_update)(const LW_REAL *gradient, ptrdiff_t n, LW_(rule) rule, LW_REAL *parameter,
    LW_REAL *first, LW_REAL *second)
{
    LW_SHARE_TILES(t, lw_tiles(n, LW_UPDATE_TILE), {
        const ptrdiff_t at = t * LW_UPDATE_TILE;
        LW_(update_tile)(gradient + at, lw_min(LW_UPDATE_TILE, n - at), rule, parameter + at,
            first + at, rule.adam ? second + at : NULL);
    });
}
