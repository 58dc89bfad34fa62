/* One chunk of states, forward: fields, the product over units, and its sum. */

#include "enumerate/chunk.h"

/* y for all slots: bias and centres, plus the weights of the chunk's top bits, with what rounding
 * takes. Recomputed for each chunk: nothing drifts, and chunks know nothing of each other. */
LW_LOOP void
fields(const lw_tables *tables, int64_t index, double *restrict field, double *restrict rest)
{
    const ptrdiff_t slots = tables->slots;
    const double *restrict high = tables->field_high;
    const double *restrict low = tables->field_low;

    for (ptrdiff_t u = 0; u < slots; u++) {
        field[u] = high[u];
        rest[u] = low[u];
    }
    for (ptrdiff_t j = 0; j < tables->n_top; j++) {
        if (index >> j & 1) {
            const double *restrict weight = tables->top + j * tables->stride;
            LW_SIMD
            for (ptrdiff_t u = 0; u < slots; u++) {
                const lw_pair sum = lw_plus((lw_pair) { field[u], rest[u] }, weight[u]);
                field[u] = sum.high;
                rest[u] = sum.low;
            }
        }
    }
}

/* This chunk's low table, and the bound of each slot's |log factor|. */
LW_LOOP void
low_tables(const lw_tables *tables, const double *restrict field, const double *restrict rest,
    double *restrict bound, double *restrict low)
{
    const double *restrict reach_mid = tables->reach_mid;
    const double *restrict reach_low = tables->reach_low;
    const double *restrict start = tables->low;
    const ptrdiff_t tame = tables->tame;

    for (ptrdiff_t first = 0; first < tame; first += 4) {
        double gain[4];
        LW_SIMD
        for (ptrdiff_t k = 0; k < 4; k++) {
            const ptrdiff_t u = first + k;
            const double limit = reach_mid[u] + reach_low[u] + 40;
            double y = field[u], more = rest[u];
            more = y > limit ? 0 : more;
            more = y < -limit ? 0 : more;
            y = y > limit ? limit : y;
            y = y < -limit ? -limit : y;
            const double high = y + reach_low[u];
            bound[u] = (high > reach_mid[u] ? high : reach_mid[u]) + 0.7;
            gain[k] = lw_exp_f64(y) * (1 + more);
        }
        for (ptrdiff_t k = 0; k < 4; k++) {
            const ptrdiff_t u = first + k;
            LW_SIMD
            for (ptrdiff_t l = 0; l < LW_LOW; l++) {
                low[u * LW_LOW + l] = gain[k] * start[u * LW_LOW + l];
            }
        }
    }
    for (ptrdiff_t u = tame; u < tables->slots; u++) {
        bound[u] = 0.7;
        LW_SIMD
        for (ptrdiff_t l = 0; l < LW_LOW; l++) {
            low[u * LW_LOW + l] = (start[u * LW_LOW + l] + rest[u]) + field[u];
        }
    }
}

/* What all states of the chunk share: the biases of its top bits, and what was cut off above. */
static void
chunk_factor(const lw_tables *tables, int64_t index, lw_chunk *chunk)
{
    lw_pair sum = { 0, 0 };

    for (ptrdiff_t j = 0; j < tables->n_top; j++) {
        if (index >> j & 1) {
            sum = lw_plus(sum, tables->top_bias[j]);
        }
    }
    for (ptrdiff_t u = 0; u < tables->n_tame; u++) {
        const double limit = tables->reach_mid[u] + tables->reach_low[u] + 40;
        if (chunk->field[u] > limit) {
            sum = lw_plus(sum, chunk->field[u]);
            sum = lw_plus(sum, -limit);
            sum.low += chunk->field_rest[u];
        }
    }
    chunk->factor = lw_power(sum, &chunk->factor_exponent);
}

/* product *= mid + low over some slots, one tile. The products of four rows by eight columns stay in
 * registers: the loop that all the rest exists to feed. */
LW_INLINE void
product_of(const double *restrict low, const double *restrict mid, ptrdiff_t slots, int together,
    double *restrict product)
{
    for (ptrdiff_t q = 0; q < LW_LOW; q += LW_LANES) {
        double p[LW_HIGH_MID][LW_LANES];
        for (int r = 0; r < LW_HIGH_MID; r++) {
            for (int l = 0; l < LW_LANES; l++) {
                p[r][l] = product[r * LW_LOW + q + l];
            }
        }
        for (ptrdiff_t u = 0; u < slots; u += together) {
            const double *restrict a = mid + u * LW_HIGH_MID, *restrict b = low + u * LW_LOW + q;
            for (int r = 0; r < LW_HIGH_MID; r++) {
                LW_SIMD
                for (int l = 0; l < LW_LANES; l++) {
                    const double factor = a[r] + b[l];
                    p[r][l]
                        *= together == 1 ? factor : factor * (a[LW_HIGH_MID + r] + b[LW_LOW + l]);
                }
            }
        }
        for (int r = 0; r < LW_HIGH_MID; r++) {
            for (int l = 0; l < LW_LANES; l++) {
                product[r * LW_LOW + q + l] = p[r][l];
            }
        }
    }
}

/* Where eight columns are one vector, a chain of one multiplication per slot leaves the processor
 * waiting: two slots' factors are multiplied with each other first (+12 %), unless there are few.
 * Where they are two or four vectors, that takes too many registers (-7 %). */
LW_INLINE void
tile_product(const double *restrict low, const double *restrict mid, ptrdiff_t slots,
    double *restrict product)
{
#if LW_PAIR_FACTORS
    if (slots >= 16) {
        const ptrdiff_t rest = slots % 2;
        product_of(low, mid, slots - rest, 2, product);
        low += (slots - rest) * LW_LOW;
        mid += (slots - rest) * LW_HIGH_MID;
        slots = rest;
    }
#endif
    if (slots) {
        product_of(low, mid, slots, 1, product);
    }
}

/* The same for wide slots: product and exponent take in e^(sum of max(z, 0)) prod (1 + e^-|z|).
 * Whole rows at a time: with eight columns gcc unrolls before it vectorises, and then cannot. */
LW_INLINE void
tile_logarithm(const double *restrict low, const double *restrict mid, ptrdiff_t slots,
    double *restrict product, int64_t *restrict exponent)
{
    for (int r = 0; r < LW_HIGH_MID; r++) {
        double p[LW_LOW], sum[LW_LOW];
        for (int l = 0; l < LW_LOW; l++) {
            p[l] = product[r * LW_LOW + l];
            sum[l] = 0;
        }
        for (ptrdiff_t u = 0; u < slots; u++) {
            const double *restrict b = low + u * LW_LOW;
            const double a = mid[u * LW_HIGH_MID + r];
            LW_SIMD
            for (int l = 0; l < LW_LOW; l++) {
                const double z = a + b[l];
                const double size = fabs(z);
                sum[l] += z + size; /* twice max(z, 0), without a branch */
                p[l] *= 1 + lw_exp_falling_f64(z);
            }
        }
        LW_SIMD
        for (int l = 0; l < LW_LOW; l++) {
            int64_t k;
            product[r * LW_LOW + l] = p[l] * lw_power((lw_pair) { 0.5 * sum[l], 0 }, &k);
            exponent[r * LW_LOW + l] += k;
        }
    }
}

LW_INLINE void
take_exponents(double *restrict product, int64_t *restrict exponent)
{
    LW_SIMD
    for (ptrdiff_t k = 0; k < LW_TILE; k++) {
        exponent[k] += lw_take_exponent(&product[k]);
    }
}

/* Every state's e^(linear terms). */
static void
start_chunk(const lw_tables *tables, lw_chunk *chunk)
{
    const double *restrict low = chunk->plain ? tables->low_plain : tables->low_mantissa;
    const double *restrict mid = chunk->plain ? tables->mid_plain : tables->mid_mantissa;
    const int64_t *restrict low_exponent = tables->low_exponent;
    const int64_t *restrict mid_exponent = tables->mid_exponent;

    for (ptrdiff_t row = 0; row < tables->n_tiles * LW_HIGH_MID; row++) {
        double *restrict product = chunk->product + row * LW_LOW;
        int64_t *restrict exponent = chunk->exponent + row * LW_LOW;
        LW_SIMD
        for (ptrdiff_t l = 0; l < LW_LOW; l++) {
            product[l] = mid[row] * low[l];
        }
        if (!chunk->plain) {
            LW_SIMD
            for (ptrdiff_t l = 0; l < LW_LOW; l++) {
                exponent[l] = mid_exponent[row] + low_exponent[l];
            }
        }
    }
}

/* The product over all units, block by block. Exponents are taken out between groups of units that
 * could leave the floating-point numbers together, and at the end. */
static void
multiply_chunk(const lw_tables *tables, lw_chunk *chunk)
{
    const double *bound = chunk->bound;
    double reach = 0;

    for (ptrdiff_t first = 0, last; first < tables->n_tame; first = last) {
        const ptrdiff_t end = lw_min((first / LW_SLOTS + 1) * LW_SLOTS, tables->n_tame);
        for (last = first; last < end && (chunk->plain || reach + bound[last] <= LW_MOST_LOG);) {
            reach += bound[last++];
        }
        const int full = !chunk->plain && (last < end || last == tables->n_tame);
        for (ptrdiff_t tile = 0; tile < tables->n_tiles; tile++) {
            double *product = chunk->product + tile * LW_TILE;
            tile_product(chunk->low + first * LW_LOW, tables->mid + lw_mid_at(tables, first, tile),
                last - first, product);
            if (full) {
                take_exponents(product, chunk->exponent + tile * LW_TILE);
            }
        }
        reach = full ? 0 : reach;
    }
    for (ptrdiff_t first = tables->tame, last; first < tables->slots; first = last) {
        last = lw_min((first / LW_SLOTS + 1) * LW_SLOTS, tables->slots);
        for (ptrdiff_t tile = 0; tile < tables->n_tiles; tile++) {
            double *product = chunk->product + tile * LW_TILE;
            int64_t *exponent = chunk->exponent + tile * LW_TILE;
            tile_logarithm(chunk->low + first * LW_LOW,
                tables->mid + lw_mid_at(tables, first, tile), last - first, product, exponent);
            take_exponents(product, exponent);
        }
    }
}

void
lw_enumerate_factors(const lw_tables *tables, int64_t index, lw_chunk *chunk)
{
    fields(tables, index, chunk->field, chunk->field_rest);
    low_tables(tables, chunk->field, chunk->field_rest, chunk->bound, chunk->low);
}

void
lw_enumerate_forward(const lw_tables *tables, int64_t index, lw_chunk *chunk)
{
    double reach = tables->spread;

    lw_enumerate_factors(tables, index, chunk);
    chunk_factor(tables, index, chunk);
    for (ptrdiff_t u = 0; u < tables->n_tame; u++) {
        reach += chunk->bound[u];
    }
    chunk->plain = tables->slots == tables->tame && reach <= LW_MOST_LOG;
    if (chunk->plain) {
        chunk->factor_exponent += tables->plain_exponent;
    }
    start_chunk(tables, chunk);
    multiply_chunk(tables, chunk);
}

LW_LOOP int64_t
largest_exponent(const int64_t *restrict exponent, ptrdiff_t n)
{
    int64_t most[LW_LANES];
    for (int l = 0; l < LW_LANES; l++) {
        most[l] = exponent[l];
    }
    for (ptrdiff_t k = LW_LANES; k < n; k += LW_LANES) {
        LW_SIMD
        for (int l = 0; l < LW_LANES; l++) {
            most[l] = exponent[k + l] > most[l] ? exponent[k + l] : most[l];
        }
    }
    for (int l = 1; l < LW_LANES; l++) {
        most[0] = most[l] > most[0] ? most[l] : most[0];
    }
    return most[0];
}

/* Weights that can be added, in place: 2^exponent taken out, the largest about 1. */
LW_LOOP void
scale_states(const int64_t *restrict exponent, int64_t most, ptrdiff_t n, double *restrict product)
{
    LW_SIMD
    for (ptrdiff_t k = 0; k < n; k++) {
        product[k] *= lw_two_to(exponent[k] - most);
    }
}

LW_LOOP double
tile_sums(const double *restrict product, ptrdiff_t n_tiles, double *restrict sum)
{
    double total = 0;
    for (ptrdiff_t tile = 0; tile < n_tiles; tile++) {
        double lane[LW_LANES] = { 0 };
        for (ptrdiff_t k = 0; k < LW_TILE; k += LW_LANES) {
            LW_SIMD
            for (int l = 0; l < LW_LANES; l++) {
                lane[l] += product[tile * LW_TILE + k + l];
            }
        }
        sum[tile] = lw_sum_of_eight(lane);
        total += sum[tile];
    }
    return total;
}

double
lw_enumerate_sum(const lw_tables *tables, lw_chunk *chunk, int64_t *exponent)
{
    int64_t most = 0;

    if (!chunk->plain) {
        const ptrdiff_t n = tables->n_tiles * LW_TILE;
        most = largest_exponent(chunk->exponent, n);
        scale_states(chunk->exponent, most, n, chunk->product);
    }
    double sum = tile_sums(chunk->product, tables->n_tiles, chunk->tile_sum) * chunk->factor;
    *exponent = most + chunk->factor_exponent + lw_take_exponent(&sum);
    /* Padded units are coupled to nothing: each doubles every sum. */
    *exponent -= tables->n_enumerated < 7 ? 7 - tables->n_enumerated : 0;
    return sum;
}
