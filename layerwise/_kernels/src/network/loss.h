/* Losses of rows, and their slopes. */

#ifndef LW_NETWORK_LOSS_H
#define LW_NETWORK_LOSS_H

#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "network/layer.h"

#define LW_LOSS_PARTS 16 /* partial sums of a row's loss: one vector of 512 bits of floats */

/* softplus(field) - target * field, and its derivative times `share`. One exponential serves both:
 * with e = exp(-|field|), softplus is max(field, 0) + log(1 + e). */
LW_INLINE LW_REAL
LW_(cross_entropy)(LW_REAL field, LW_REAL target, LW_REAL share, LW_REAL *slope)
{
    const LW_REAL e = LW_(lw_exp_falling)(field), mean = 1 / (1 + e);

    *slope = share * ((field < 0 ? e * mean : mean) - target);
    return (field > 0 ? field : 0) + LW_(lw_log1p)(e) - target * field;
}

/* Half the squared distance, and its derivative times `share`. */
LW_INLINE LW_REAL
LW_(squared_error)(LW_REAL mean, LW_REAL target, LW_REAL share, LW_REAL *slope)
{
    const LW_REAL error = mean - target;

    *slope = share * error;
    return error * error / 2;
}

/* A row's loss is a sum of LW_LOSS_PARTS partial sums and of what is left, always in one order. */
#define LW_DEFINE_LOSS_ROW(unit)                                                                  \
    LW_LOOP LW_REAL LW_(unit##_row)(const LW_REAL *restrict value,                                \
        const LW_REAL *restrict target, ptrdiff_t n, LW_REAL share, LW_REAL *restrict slope)      \
    {                                                                                             \
        LW_REAL partial[LW_LOSS_PARTS] = { 0 };                                                   \
        LW_REAL total = 0;                                                                        \
        ptrdiff_t j = 0;                                                                          \
                                                                                                  \
        for (; j + LW_LOSS_PARTS <= n; j += LW_LOSS_PARTS) {                                      \
            LW_SIMD                                                                               \
            for (int k = 0; k < LW_LOSS_PARTS; k++) {                                             \
                partial[k] += LW_(unit)(value[j + k], target[j + k], share, slope + j + k);       \
            }                                                                                     \
        }                                                                                         \
        for (; j < n; j++) {                                                                      \
            total += LW_(unit)(value[j], target[j], share, slope + j);                            \
        }                                                                                         \
        for (int k = 0; k < LW_LOSS_PARTS; k++) {                                                 \
            total += partial[k];                                                                  \
        }                                                                                         \
        return total;                                                                             \
    }

LW_DEFINE_LOSS_ROW(cross_entropy)
LW_DEFINE_LOSS_ROW(squared_error)
#undef LW_DEFINE_LOSS_ROW

/* The losses of a batch, and the slope of their mean by the output layer's fields, given these
 * fields; the squared error leaves means in their place. */
static void
LW_(share_losses)(const LW_REAL *target, const int64_t *order, ptrdiff_t n_rows,
    const lw_layer *layer, int loss, LW_REAL *value, LW_REAL *slope, LW_REAL *row_loss)
{
    const ptrdiff_t n_units = layer->n_units;
    const LW_REAL share = 1 / (LW_REAL)n_rows;

    if (loss == LW_SQUARED_ERROR) {
        LW_(share_activate)(n_rows, n_units, layer->activation, value);
    }
    LW_SHARE_TILES(i, n_rows, {
        const LW_REAL *goal = target + order[i] * n_units;
        const ptrdiff_t at = i * n_units;
        if (loss == LW_SQUARED_ERROR) {
            row_loss[i] = LW_(squared_error_row)(value + at, goal, n_units, share, slope + at);
        } else {
            row_loss[i] = LW_(cross_entropy_row)(value + at, goal, n_units, share, slope + at);
        }
    });
    if (loss == LW_SQUARED_ERROR) {
        LW_(share_slopes)(value, n_rows, n_units, layer->activation, slope);
    }
}

#endif
