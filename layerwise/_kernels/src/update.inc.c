/* The function of update.h, for one float type. */

#include "real.h"

/* One parameter's step. The result is 0 * parameter: zero, or NaN where it is not finite. */
LW_INLINE LW_REAL
LW_(sgd_step)(LW_REAL gradient, LW_REAL rate, LW_REAL momentum, LW_REAL decay,
    LW_REAL *restrict parameter, LW_REAL *restrict velocity)
{
    const LW_REAL slope = gradient + decay * *parameter;
    *velocity = momentum * *velocity - rate * slope;
    *parameter += *velocity;
    return 0 * *parameter;
}

LW_INLINE LW_REAL
LW_(adam_step)(LW_REAL gradient, LW_REAL rate, LW_REAL shrink, LW_REAL beta1, LW_REAL correction2,
    LW_REAL *restrict parameter, LW_REAL *restrict first, LW_REAL *restrict second)
{
    const LW_REAL beta2 = (LW_REAL)0.999;
    *first = beta1 * *first + (1 - beta1) * gradient;
    *second = beta2 * *second + (1 - beta2) * (gradient * gradient);
    *parameter = *parameter * shrink
        - rate * *first / (LW_(lw_root)(*second * correction2) + (LW_REAL)1e-8);
    return 0 * *parameter;
}

/* Each tile returns the sum of its zeros, in LW_UPDATE_LANES partial sums so that it is a vector loop. */
static LW_REAL
LW_(sgd_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL momentum,
    LW_REAL decay, LW_REAL *restrict parameter, LW_REAL *restrict velocity)
{
    LW_REAL wrong[LW_UPDATE_LANES] = { 0 }, sum = 0;
    ptrdiff_t i = 0;

    for (; i + LW_UPDATE_LANES <= n; i += LW_UPDATE_LANES) {
        LW_SIMD
        for (int k = 0; k < LW_UPDATE_LANES; k++) {
            wrong[k] += LW_(sgd_step)(
                gradient[i + k], rate, momentum, decay, parameter + i + k, velocity + i + k);
        }
    }
    for (; i < n; i++) {
        sum += LW_(sgd_step)(gradient[i], rate, momentum, decay, parameter + i, velocity + i);
    }
    for (int k = 0; k < LW_UPDATE_LANES; k++) {
        sum += wrong[k];
    }
    return sum;
}

static LW_REAL
LW_(adam_tile)(const LW_REAL *restrict gradient, ptrdiff_t n, LW_REAL rate, LW_REAL shrink,
    LW_REAL beta1, LW_REAL correction2, LW_REAL *restrict parameter, LW_REAL *restrict first,
    LW_REAL *restrict second)
{
    LW_REAL wrong[LW_UPDATE_LANES] = { 0 }, sum = 0;
    ptrdiff_t i = 0;

    for (; i + LW_UPDATE_LANES <= n; i += LW_UPDATE_LANES) {
        LW_SIMD
        for (int k = 0; k < LW_UPDATE_LANES; k++) {
            wrong[k] += LW_(adam_step)(gradient[i + k], rate, shrink, beta1, correction2,
                parameter + i + k, first + i + k, second + i + k);
        }
    }
    for (; i < n; i++) {
        sum += LW_(adam_step)(
            gradient[i], rate, shrink, beta1, correction2, parameter + i, first + i, second + i);
    }
    for (int k = 0; k < LW_UPDATE_LANES; k++) {
        sum += wrong[k];
    }
    return sum;
}

/* One tile by either rule. Returns whether a parameter is not finite. */
static int
LW_(update_tile)(const LW_REAL *gradient, ptrdiff_t n, lw_optimizer optimizer, double correction1,
    double correction2, LW_REAL *parameter, LW_REAL *first, LW_REAL *second)
{
    const LW_REAL momentum = (LW_REAL)optimizer.momentum;
    LW_REAL zero;

    if (optimizer.kind == LW_ADAM) {
        zero = LW_(adam_tile)(gradient, n, (LW_REAL)(optimizer.rate * correction1),
            (LW_REAL)(1 - optimizer.rate * optimizer.decay), momentum, (LW_REAL)correction2,
            parameter, first, second);
    } else {
        zero = LW_(sgd_tile)(gradient, n, (LW_REAL)optimizer.rate, momentum,
            (LW_REAL)optimizer.decay, parameter, first);
    }
    return !(zero == 0);
}

int
LW_(lw_update)(const LW_REAL *gradient, ptrdiff_t n, lw_optimizer optimizer, int n_threads,
    LW_REAL *parameter, LW_REAL *first, LW_REAL *second)
{
    const int adam = optimizer.kind == LW_ADAM;
    const double count = (double)optimizer.count;
    const double correction1 = adam ? 1 / (1 - pow(optimizer.momentum, count)) : 1;
    const double correction2 = adam ? 1 / (1 - pow(0.999, count)) : 1;
    int wrong = 0;

    LW_FOR_TILES(t, lw_tiles(n, LW_UPDATE_TILE), {
        const ptrdiff_t at = t * LW_UPDATE_TILE;
        if (LW_(update_tile)(gradient + at, lw_min(LW_UPDATE_TILE, n - at), optimizer, correction1,
                correction2, parameter + at, first + at, adam ? second + at : NULL)) {
            LW_ATOMIC_WRITE
            wrong = 1;
        }
    });
    return wrong ? LW_NOT_FINITE : LW_OK;
}
