/* The function of update.h, for one float type. */

#include "real.h"

/* Each tile returns the sum of 0 * parameter: zero, or NaN where one is not finite. */
LW_MULTIVERSION static LW_REAL
LW_(sgd_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL momentum,
    LW_REAL decay, LW_REAL *restrict parameter, LW_REAL *restrict velocity)
{
    LW_REAL wrong[8] = { 0 };

    for (ptrdiff_t first = 0; first < n; first += 8) {
        const ptrdiff_t length = lw_min(8, n - first);
        LW_SIMD
        for (ptrdiff_t k = 0; k < length; k++) {
            const ptrdiff_t i = first + k;
            const LW_REAL slope = gradient[i] + decay * parameter[i];
            velocity[i] = momentum * velocity[i] - rate * slope;
            parameter[i] += velocity[i];
            wrong[k] += 0 * parameter[i];
        }
    }
    return wrong[0] + wrong[1] + wrong[2] + wrong[3] + wrong[4] + wrong[5] + wrong[6] + wrong[7];
}

LW_MULTIVERSION static LW_REAL
LW_(adam_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL shrink,
    LW_REAL beta1, LW_REAL correction2, LW_REAL *restrict parameter, LW_REAL *restrict first_moment,
    LW_REAL *restrict second_moment)
{
    const LW_REAL beta2 = (LW_REAL)0.999;
    LW_REAL wrong[8] = { 0 };

    for (ptrdiff_t first = 0; first < n; first += 8) {
        const ptrdiff_t length = lw_min(8, n - first);
        LW_SIMD
        for (ptrdiff_t k = 0; k < length; k++) {
            const ptrdiff_t i = first + k;
            const LW_REAL slope = gradient[i];
            const LW_REAL mean = beta1 * first_moment[i] + (1 - beta1) * slope;
            const LW_REAL square = beta2 * second_moment[i] + (1 - beta2) * (slope * slope);
            first_moment[i] = mean;
            second_moment[i] = square;
            parameter[i] = parameter[i] * shrink
                - rate * mean / (LW_(lw_root)(square * correction2) + (LW_REAL)1e-8);
            wrong[k] += 0 * parameter[i];
        }
    }
    return wrong[0] + wrong[1] + wrong[2] + wrong[3] + wrong[4] + wrong[5] + wrong[6] + wrong[7];
}

int
LW_(lw_update)(const LW_REAL *gradient, ptrdiff_t n, lw_optimizer optimizer, int n_threads,
    LW_REAL *parameter, LW_REAL *first, LW_REAL *second)
{
    const ptrdiff_t n_tiles = lw_tiles(n, LW_UPDATE_TILE);
    const LW_REAL rate = (LW_REAL)optimizer.rate;
    const LW_REAL momentum = (LW_REAL)optimizer.momentum;
    const LW_REAL decay = (LW_REAL)optimizer.decay;
    const LW_REAL adam_rate = (LW_REAL)(optimizer.rate
        / (1 - pow(optimizer.momentum, (double)optimizer.count)));
    const LW_REAL correction2 = (LW_REAL)(1 / (1 - pow(0.999, (double)optimizer.count)));
    const LW_REAL shrink = (LW_REAL)(1 - optimizer.rate * optimizer.decay);
    int wrong = 0;
    ptrdiff_t t;

#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)                \
    reduction(| : wrong)
    for (t = 0; t < n_tiles; t++) {
        const ptrdiff_t at = t * LW_UPDATE_TILE;
        const ptrdiff_t length = lw_min(LW_UPDATE_TILE, n - at);
        LW_REAL zero;
        if (optimizer.kind == LW_ADAM) {
            zero = LW_(adam_tile)(gradient + at, length, adam_rate, shrink, momentum, correction2,
                parameter + at, first + at, second + at);
        } else {
            zero = LW_(sgd_tile)(
                gradient + at, length, rate, momentum, decay, parameter + at, first + at);
        }
        wrong |= !(zero == 0);
    }
    return wrong ? LW_NOT_FINITE : LW_OK;
}
