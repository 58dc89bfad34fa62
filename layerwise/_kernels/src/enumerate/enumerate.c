/* Sums and tables over ranges of chunks (enumerate.h). Each worker has its own scratch memory and takes
 * the next chunk that nobody has; a chunk's result is a function of its index alone. */

#include "enumerate/enumerate.h"

#include "enumerate/chunk.h"

void
lw_enumerate_sums(lw_layers layers, int64_t first, int64_t last, int n_threads, double *scratch,
    double *mantissa, int64_t *exponent)
{
    lw_tables tables;
    int64_t next = first;
    int worker;

    lw_enumerate_tables(layers, scratch, &tables);
    if (!tables.finite) {
        for (int64_t k = 0; k < last - first; k++) {
            mantissa[k] = NAN;
            exponent[k] = 0;
        }
        return;
    }
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (worker = 0; worker < n_threads; worker++) {
        lw_chunk chunk;
        lw_enumerate_worker(&tables, scratch, worker, &chunk);
        for (int64_t k; (k = lw_take_next(&next)) < last;) {
            lw_enumerate_forward(&tables, k, &chunk);
            mantissa[k - first] = lw_enumerate_sum(&tables, &chunk, &exponent[k - first]);
        }
    }
}

/* log of product 2^exponent factor 2^factor_exponent; exponents are added before the logarithm,
 * so that large ones may cancel. */
LW_LOOP void
logs(const double *restrict product, int64_t *restrict exponent, int plain, double factor,
    int64_t factor_exponent, ptrdiff_t n, double *restrict log_weight)
{
    for (ptrdiff_t k = 0; plain && k < n; k++) {
        exponent[k] = 0;
    }
    LW_SIMD
    for (ptrdiff_t k = 0; k < n; k++) {
        double mantissa = product[k];
        int64_t power = factor_exponent + exponent[k];
        power += lw_take_exponent(&mantissa);
        mantissa *= factor;
        power += lw_take_exponent(&mantissa);
        log_weight[k] = lw_log1p_f64(mantissa - 1) + (double)power * LW_LN2;
    }
}

void
lw_enumerate_logs(lw_layers layers, int64_t first, int64_t last, int n_threads, double *scratch,
    double *log_weight)
{
    lw_tables tables;
    int64_t next = first;
    int worker;

    lw_enumerate_tables(layers, scratch, &tables);
    const int64_t size = (int64_t)1 << lw_min(layers.n_enumerated, tables.n_mid + LW_LOW_BITS);
    if (!tables.finite) {
        for (int64_t k = 0; k < (last - first) * size; k++) {
            log_weight[k] = NAN;
        }
        return;
    }
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (worker = 0; worker < n_threads; worker++) {
        lw_chunk chunk;
        lw_enumerate_worker(&tables, scratch, worker, &chunk);
        for (int64_t k; (k = lw_take_next(&next)) < last;) {
            lw_enumerate_forward(&tables, k, &chunk);
            logs(chunk.product, chunk.exponent, chunk.plain, chunk.factor, chunk.factor_exponent,
                size, log_weight + (k - first) * size);
        }
    }
}
