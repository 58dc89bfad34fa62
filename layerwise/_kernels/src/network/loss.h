/* Losses of rows, and their slopes. */

#pragma once

#include "base/real.h"
#include "base/threads.h"
#include "base/vmath.h"
#include "linear/columns.h"
#include "network/layer.h"
#include "units/kinds.h"
#include "units/numbers.h"

/* Rows of units of any kinds that a thread takes at a time, so few that batches of 20 are shared
 * evenly; at most LW_UNITS_TILE. */
#define LW_LOSS_TILE 4
#define LW_LOSS_PARTS 16 /* partial sums of a row's loss: one vector of 512 bits of floats */

/* The loss of a Bernoulli unit, softplus(field) - target * field, and its derivative times `share`.
 * One exponential serves both: with e = exp(-|field|), softplus is max(field, 0) + log(1 + e). */
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

/* Losses of a batch of rows, which `order` lists, at some layer of `n_units`: of units of `runs`, or
 * without runs of means by an activation. `share` is one over the number of rows, `total` the sum of
 * their weights, and slopes are times `factor`. */
typedef struct {
    const LW_REAL *target;
    int in_batch; /* whether targets are the batch's own rows, or those that `order` lists */
    const int64_t *order;
    ptrdiff_t n_rows;
    ptrdiff_t n_units;
    int64_t activation;
    const lw_units *runs;
    ptrdiff_t n_runs;
    const LW_REAL *log_variance; /* NULL where no unit is Gaussian */
    LW_REAL *scale;              /* standard deviations of the units, 1 of those of other kinds */
    LW_REAL *precision;          /* half of their inverse squares, 0 of those of other kinds */
    LW_REAL share;
    LW_REAL factor;
    const double *weights; /* of all rows; NULL where they count alike */
    double total;
} LW_(losses);

static const LW_REAL *
LW_(target_of)(const LW_(losses) * batch, ptrdiff_t i)
{
    return batch->target + (batch->in_batch ? i : batch->order[i]) * batch->n_units;
}

/* What the slopes of row i are times: its part of the batch, and the factor. */
LW_INLINE LW_REAL
LW_(share_of)(const LW_(losses) * batch, ptrdiff_t i)
{
    return batch->factor
        * (batch->weights ? (LW_REAL)(batch->weights[batch->order[i]] / batch->total)
                          : batch->share);
}

/* By one thread: the outputs' standard deviations and precisions, from their log variances. */
static void
LW_(read_variances)(const LW_(losses) * batch)
{
    ptrdiff_t j = 0;

    for (ptrdiff_t k = 0; k < batch->n_runs; k++) {
        const int gaussian = batch->runs[k].kind == LW_GAUSSIAN;
        for (const ptrdiff_t end = j + (ptrdiff_t)batch->runs[k].size; j < end; j++) {
            const LW_REAL scale = gaussian ? LW_(lw_exp)(batch->log_variance[j] / 2) : 1;
            batch->scale[j] = scale;
            batch->precision[j] = gaussian ? 1 / (2 * scale * scale) : 0;
        }
    }
}

/* What the target adds to a row's loss: minus its log base density, and minus target * field. Means
 * become slopes. Sums run in float64, as the terms of Gaussian units cancel. */
LW_LOOP double
LW_(targets_row)(const LW_REAL *restrict field, const LW_REAL *restrict target,
    const LW_REAL *restrict precision, ptrdiff_t n, LW_REAL share, LW_REAL *restrict slope)
{
    double partial[8] = { 0 };

    for (ptrdiff_t j = 0; j < n; j += 8) {
        const ptrdiff_t live = lw_min(8, n - j);
        LW_SIMD
        for (ptrdiff_t k = 0; k < live; k++) {
            const double t = (double)target[j + k];
            partial[k] += t * ((double)precision[j + k] * t - (double)field[j + k]);
            slope[j + k] = share * (slope[j + k] - target[j + k]);
        }
    }
    return sum_of_eight_f64(0, partial);
}

/* Up to LW_LOSS_TILE rows of units of any kinds. */
static void
LW_(likelihood_tile)(const LW_(losses) * batch, ptrdiff_t first, ptrdiff_t rows,
    const LW_REAL *field, LW_REAL *slope, LW_REAL *row_loss)
{
    const ptrdiff_t n_units = batch->n_units;
    double partition[LW_LOSS_TILE];

    LW_(units_log_partition)(
        batch->runs, batch->n_runs, batch->scale, field, rows, n_units, partition);
    LW_(units_means)(batch->runs, batch->n_runs, batch->scale, field, rows, n_units, slope);
    for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t at = i * n_units;
        row_loss[i] = (LW_REAL)(partition[i]
            + LW_(targets_row)(field + at, LW_(target_of)(batch, first + i), batch->precision,
                n_units, LW_(share_of)(batch, first + i), slope + at));
    }
}

/* The slopes of the losses' mean by some columns' log variances, added where `adds`: of Gaussian units
 * the mean of 1/2 + (mean^2 - target^2) / (2 variance), of others zero. */
LW_LOOP void
LW_(variance_slopes)(const LW_(losses) * batch, const LW_REAL *restrict field, ptrdiff_t first,
    ptrdiff_t n, int adds, LW_REAL *restrict slope)
{
    const ptrdiff_t n_units = batch->n_units;
    const LW_REAL *restrict scale = batch->scale + first;
    const LW_REAL *restrict precision = batch->precision + first;
    const LW_REAL share = batch->weights ? 1 : batch->share * batch->factor;
    LW_REAL sum[LW_COLUMNS] = { 0 };

    for (ptrdiff_t i = 0; i < batch->n_rows; i++) {
        const LW_REAL *restrict target = LW_(target_of)(batch, i) + first;
        const LW_REAL weight = batch->weights ? LW_(share_of)(batch, i) : 1;
        LW_SIMD
        for (ptrdiff_t j = 0; j < n; j++) {
            const LW_REAL mean = scale[j] * scale[j] * field[i * n_units + first + j];
            sum[j] += weight * ((mean - target[j]) * (mean + target[j]));
        }
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        const LW_REAL own
            = precision[j] > 0 ? share * precision[j] * sum[j] + batch->factor / 2 : 0;
        slope[j] = adds ? slope[j] + own : own;
    }
}

/* Of units whose log-likelihood is compared. Bernoulli units alone have a loop of their own, with
 * one exponential where the others take two. */
static void
LW_(share_likelihoods)(const LW_(losses) * batch, const LW_REAL *field, LW_REAL *slope,
    LW_REAL *row_loss, int adds, LW_REAL *variance_slope)
{
    const ptrdiff_t n_units = batch->n_units;

    if (batch->n_runs == 1 && batch->runs[0].kind == LW_BERNOULLI) {
        LW_SHARE_TILES(i, batch->n_rows, {
            row_loss[i] = LW_(cross_entropy_row)(field + i * n_units, LW_(target_of)(batch, i),
                n_units, LW_(share_of)(batch, i), slope + i * n_units);
        });
        return;
    }
    LW_ONE_THREAD
    LW_(read_variances)(batch);
    LW_SHARE_TILES(t, lw_tiles(batch->n_rows, LW_LOSS_TILE), {
        const ptrdiff_t first = t * LW_LOSS_TILE;
        LW_(likelihood_tile)(batch, first, lw_min(LW_LOSS_TILE, batch->n_rows - first),
            field + first * n_units, slope + first * n_units, row_loss + first);
    });
    if (batch->log_variance) {
        LW_SHARE_TILES(t, lw_tiles(n_units, LW_COLUMNS), {
            const ptrdiff_t first = t * LW_COLUMNS;
            LW_(variance_slopes)(batch, field, first, lw_min(LW_COLUMNS, n_units - first), adds,
                variance_slope + first);
        });
    }
}

/* Of plain values: their squared errors. Values take the place of fields. */
static void
LW_(share_squared_errors)(
    const LW_(losses) * batch, LW_REAL *value, LW_REAL *slope, LW_REAL *row_loss)
{
    const ptrdiff_t n_units = batch->n_units;

    LW_(share_activate)(batch->n_rows, n_units, batch->activation, value);
    LW_SHARE_TILES(i, batch->n_rows, {
        row_loss[i] = LW_(squared_error_row)(value + i * n_units, LW_(target_of)(batch, i),
            n_units, LW_(share_of)(batch, i), slope + i * n_units);
    });
    LW_(share_slopes)(value, batch->n_rows, n_units, batch->activation, slope);
}

/* The losses of a batch's rows, and their slopes by fields, and by log variances where there are some,
 * added to what stands there where `adds`. */
static void
LW_(share_losses)(const LW_(losses) * batch, LW_REAL *value, LW_REAL *slope, LW_REAL *row_loss,
    int adds, LW_REAL *variance_slope)
{
    if (batch->n_runs) {
        LW_(share_likelihoods)(batch, value, slope, row_loss, adds, variance_slope);
    } else {
        LW_(share_squared_errors)(batch, value, slope, row_loss);
    }
}
