/* Moments: after each chunk's forward sweep, one backward sweep over its slots and states.
 *
 * With w the weight of a state, unit i's share is w sigma = w b / (a + b), a and b its entries of
 * the mid and low tables. Sums over the states of a chunk, with and without each bit, are added to
 * a slab: rows of units (the last is the one that is always on, which makes it the row of the
 * enumerated means), columns 1, h_0, ..., h_(n-1), and an exponent that all of them share. Where
 * weights are given there is no forward sweep, and no exponent. */

#include "enumerate/chunk.h"

enum {
    LW_SUMS = 1 + LW_MID_BITS, /* all states of a chunk; those with each mid bit set */
    LW_ROW = 12                /* two slots' four rows of a tile, and the tile's bits */
};

/* Tiles that weigh less than this part of the slab are left out: 2^23 of them (n = 30) weigh less
 * than 2^-41 together. */
#define LW_NEGLIGIBLE 0x1p-64

#define LW_SINGLE
#include "enumerate/pair.inc.c"
#undef LW_SINGLE
#include "enumerate/pair.inc.c"

/* One of two slots, for factors of any size and for wide slots: sums of w sigma, each quotient by
 * its own division. */
LW_INLINE void
one_by_one(const lw_tables *tables, const lw_chunk *chunk, ptrdiff_t slot, int wide,
    const ptrdiff_t *restrict tile, ptrdiff_t n_tiles, double *restrict sum)
{
    const double *restrict low = chunk->low + slot * LW_LOW;

    for (ptrdiff_t s = 0; s < LW_SUMS; s++) {
        for (ptrdiff_t l = 0; l < LW_LOW; l++) {
            sum[s * 2 * LW_LOW + l] = 0;
        }
    }
    for (ptrdiff_t k = 0; k < n_tiles * LW_HIGH_MID; k++) {
        const ptrdiff_t of = tile[k / LW_HIGH_MID], r = k % LW_HIGH_MID;
        const double a = tables->mid[lw_mid_at(tables, slot, of) + r];
        const double *restrict weight = chunk->product + k * LW_LOW;
        double part[LW_LOW];
        LW_SIMD
        for (ptrdiff_t l = 0; l < LW_LOW; l++) {
            const double sigma = wide ? lw_sigmoid_f64(a + low[l]) : low[l] / (a + low[l]);
            part[l] = weight[l] * sigma;
            sum[l] += part[l];
        }
        for (ptrdiff_t j = 0; j < LW_MID_BITS; j++) {
            if ((of * LW_HIGH_MID + r) >> j & 1) {
                double *restrict into = sum + (1 + j) * 2 * LW_LOW;
                LW_SIMD
                for (ptrdiff_t l = 0; l < LW_LOW; l++) {
                    into[l] += part[l];
                }
            }
        }
    }
}

/* bit[j] = sum of those of 32 values whose index has bit j set. */
LW_INLINE void
low_bits(const double *restrict value, double *restrict bit)
{
    double sixteen[16], eight[8], upper[8];

    for (int k = 0; k < 16; k++) {
        sixteen[k] = value[k] + value[16 + k];
    }
    for (int k = 0; k < 8; k++) {
        upper[k] = value[16 + k] + value[24 + k];
        eight[k] = sixteen[k] + sixteen[8 + k];
    }
    bit[4] = lw_sum_of_eight(upper);
    bit[3] = lw_sum_of_eight(sixteen + 8);
    bit[2] = (eight[4] + eight[5]) + (eight[6] + eight[7]);
    bit[1] = (eight[2] + eight[3]) + (eight[6] + eight[7]);
    bit[0] = (eight[1] + eight[3]) + (eight[5] + eight[7]);
}

/* In an order that the compiler knows how to add vectors in: with one that was spelled out, these
 * sums took longer than the quotients. */
LW_INLINE double
sum_of_low(const double *restrict value)
{
    double sum = 0;

    _Pragma("omp simd reduction(+ : sum)") for (int l = 0; l < LW_LOW; l++) { sum += value[l]; }
    return sum;
}

/* Two slots, all tiles that count; their rows of the slab grow by `scale` times the sums. */
static void
two_slots(const lw_tables *tables, const lw_chunk *chunk, ptrdiff_t slot, int64_t index,
    int single, const ptrdiff_t *restrict tile, ptrdiff_t n_tiles, double scale,
    double *restrict slab)
{
    const ptrdiff_t n = tables->n_enumerated;
    const int wide = slot >= tables->tame;
    double sum[LW_SUMS * 2 * LW_LOW];

    /* The slot that is always on makes log Z and the enumerated means: never in floats. */
    if (single && slot + 2 <= tables->n_tame && pair_fits_f32(tables, slot)) {
        pair_f32(tables, chunk, slot, chunk->single, tile, n_tiles, sum);
    } else if (pair_fits_f64(tables, slot)) {
        pair_f64(tables, chunk, slot, chunk->product, tile, n_tiles, sum);
    } else if (wide) {
        one_by_one(tables, chunk, slot, 1, tile, n_tiles, sum);
        one_by_one(tables, chunk, slot + 1, 1, tile, n_tiles, sum + LW_LOW);
    } else {
        one_by_one(tables, chunk, slot, 0, tile, n_tiles, sum);
        one_by_one(tables, chunk, slot + 1, 0, tile, n_tiles, sum + LW_LOW);
    }
    for (ptrdiff_t u = 0; u < 2; u++) {
        const int64_t unit = tables->unit[slot + u];
        double column[1 + LW_LOW_BITS + LW_MID_BITS];
        if (unit < 0) {
            continue;
        }
        double *restrict row = slab + unit * (n + 1);
        column[0] = sum_of_low(sum + u * LW_LOW);
        low_bits(sum + u * LW_LOW, column + 1);
        for (ptrdiff_t j = 0; j < tables->n_mid; j++) {
            column[1 + LW_LOW_BITS + j] = sum_of_low(sum + ((1 + j) * 2 + u) * LW_LOW);
        }
        /* A field that was clamped from below made b too large by this. */
        const double limit = tables->reach_mid[slot + u] + tables->reach_low[slot + u] + 40;
        const double over = wide ? 0 : chunk->field[slot + u] + limit;
        const double fade = over < 0 ? scale * lw_exp_f64(over) : scale;
        const ptrdiff_t inside = lw_min(n, LW_LOW_BITS + tables->n_mid);
        for (ptrdiff_t j = 0; j <= inside; j++) {
            row[j] += fade * column[j];
        }
        for (ptrdiff_t j = 0; j < tables->n_top; j++) {
            row[1 + inside + j] += index >> j & 1 ? fade * column[0] : 0;
        }
    }
}

static void
multiply_all(double *restrict x, ptrdiff_t n, double factor)
{
    LW_SIMD
    for (ptrdiff_t k = 0; k < n; k++) {
        x[k] *= factor;
    }
}

static void
add_chunk(const lw_tables *tables, int64_t index, int single, int is_first, lw_chunk *chunk,
    double *slab)
{
    const ptrdiff_t sums = (tables->n_analytic + 1) * (tables->n_enumerated + 1);
    ptrdiff_t tile[LW_MOST_TILES], n_tiles = 0;
    int64_t exponent;

    lw_enumerate_forward(tables, index, chunk);
    const double value = lw_enumerate_sum(tables, chunk, &exponent);
    /* Exponents are whole numbers below 2^53: a double holds them. */
    int64_t reference = is_first ? exponent : (int64_t)slab[sums];
    if (exponent > reference) {
        multiply_all(slab, sums, lw_two_to(reference - exponent));
        reference = exponent;
    }
    slab[sums] = (double)reference;

    /* The chunk's weights sum to `whole`; from here on, to a number in [1, 2). */
    double whole = 0;
    for (ptrdiff_t t = 0; t < tables->n_tiles; t++) {
        whole += chunk->tile_sum[t];
    }
    const double weight = value * lw_two_to(exponent - reference);
    const double so_far = slab[tables->n_analytic * (tables->n_enumerated + 1)] + weight;
    double mantissa = whole;
    const double shrink = lw_two_to(-lw_take_exponent(&mantissa));
    for (ptrdiff_t t = 0; t < tables->n_tiles; t++) {
        if (chunk->tile_sum[t] / whole * weight > LW_NEGLIGIBLE * so_far) {
            tile[n_tiles++] = t;
        }
    }
    if (n_tiles == 0) {
        return;
    }
    if (single) {
        weights_of_f32(chunk->product, tile, n_tiles, shrink, chunk->single);
    }
    weights_of_f64(chunk->product, tile, n_tiles, shrink, chunk->product);
    for (ptrdiff_t slot = 0; slot < tables->slots; slot += 2) {
        two_slots(tables, chunk, slot, index, single, tile, n_tiles, weight / mantissa, slab);
    }
}

/* The same with weights that are given, of either sign: `given` holds those of the chunk. */
static void
add_given(const lw_tables *tables, int64_t index, int single, const double *given, double least,
    lw_chunk *chunk, double *slab)
{
    double padded[LW_TILE] = { 0 };
    ptrdiff_t tile[LW_MOST_TILES], n_tiles = 0;
    double whole = 0;

    if (tables->n_enumerated < 7) {
        for (ptrdiff_t k = 0; k < (ptrdiff_t)1 << tables->n_enumerated; k++) {
            padded[k] = given[k];
        }
        given = padded;
    }
    for (ptrdiff_t t = 0; t < tables->n_tiles; t++) {
        const double size = lw_sum_of_sizes(given + t * LW_TILE, LW_TILE);
        if (size > least) {
            tile[n_tiles++] = t;
            whole += size;
        }
    }
    if (n_tiles == 0) {
        return;
    }
    const double scale = lw_two_to(lw_take_exponent(&whole));
    lw_enumerate_factors(tables, index, chunk);
    if (single) {
        weights_of_f32(given, tile, n_tiles, 1 / scale, chunk->single);
    }
    weights_of_f64(given, tile, n_tiles, 1 / scale, chunk->product);
    for (ptrdiff_t slot = 0; slot < tables->slots; slot += 2) {
        two_slots(tables, chunk, slot, index, single, tile, n_tiles, scale, slab);
    }
}

/* The chunks first <= k < last, each slab over its own share of them; `given` is NULL where each
 * state weighs what it weighs in the model. */
static void
sweep(lw_layers layers, const double *given, double least, int64_t first, int64_t last, int single,
    int n_threads, double *scratch, double *slabs)
{
    const int64_t states = (int64_t)1 << lw_min(layers.n_enumerated, LW_LOW_BITS + LW_MID_BITS);
    const ptrdiff_t n_slabs = lw_enumerate_slabs(layers.n_enumerated);
    const ptrdiff_t size = lw_enumerate_slab(layers.n_analytic, layers.n_enumerated);
    const int64_t chunks = (last - first) / n_slabs;
    lw_tables tables;
    int64_t next = 0;
    int worker;

    lw_enumerate_tables(layers, scratch, &tables);
    for (ptrdiff_t k = 0; first == 0 && k < n_slabs * size; k++) {
        slabs[k] = tables.finite ? 0 : NAN;
    }
    if (!tables.finite) {
        return;
    }
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (worker = 0; worker < n_threads; worker++) {
        lw_chunk chunk;
        lw_enumerate_worker(&tables, scratch, worker, &chunk);
        for (int64_t s; (s = lw_take_next(&next)) < n_slabs;) {
            for (int64_t k = 0; k < chunks; k++) {
                const int64_t index = first + s * chunks + k;
                if (given) {
                    add_given(&tables, index, single, given + index * states, least, &chunk,
                        slabs + s * size);
                } else {
                    add_chunk(
                        &tables, index, single, first == 0 && k == 0, &chunk, slabs + s * size);
                }
            }
        }
    }
}

void
lw_enumerate_moments(lw_layers layers, int64_t first, int64_t last, int single, int n_threads,
    double *scratch, double *slabs)
{
    sweep(layers, NULL, 0, first, last, single, n_threads, scratch, slabs);
}

void
lw_enumerate_under(lw_layers layers, const double *given, double least, int64_t first,
    int64_t last, int single, int n_threads, double *scratch, double *slabs)
{
    sweep(layers, given, least, first, last, single, n_threads, scratch, slabs);
}

void
lw_enumerate_fold(ptrdiff_t n_analytic, ptrdiff_t n_enumerated, const double *slabs, double *log_z,
    double *mean_analytic, double *mean_enumerated, double *correlation)
{
    const ptrdiff_t m = n_analytic, n = n_enumerated;
    const ptrdiff_t n_slabs = lw_enumerate_slabs(n);
    const ptrdiff_t size = lw_enumerate_slab(m, n);
    double scale[LW_STATES_SLABS];
    double most = slabs[size - 1], z = 0;

    for (ptrdiff_t s = 1; s < n_slabs; s++) {
        const double exponent = slabs[s * size + size - 1];
        most = exponent > most ? exponent : most;
    }
    for (ptrdiff_t s = 0; s < n_slabs; s++) {
        const double below = slabs[s * size + size - 1] - most;
        scale[s] = below > -1000 ? lw_two_to((int64_t)below) : 0 * below;
        z += scale[s] * slabs[s * size + m * (n + 1)];
    }
    *log_z = log(z) + most * LW_LN2;
    for (ptrdiff_t i = 0; i <= m; i++) {
        double *row = i < m ? correlation + i * n : mean_enumerated;
        for (ptrdiff_t j = 0; j <= n; j++) {
            double sum = 0;
            for (ptrdiff_t s = 0; s < n_slabs; s++) {
                sum += scale[s] * slabs[s * size + i * (n + 1) + j];
            }
            if (j > 0) {
                row[j - 1] = sum / z;
            } else if (i < m) {
                mean_analytic[i] = sum / z;
            }
        }
    }
}
