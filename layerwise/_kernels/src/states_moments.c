/* Moments: behind each chunk's forward sweep, one backward sweep over its slots and states.
 *
 * With w the weight of a state, unit i's share is w sigma = w b / (a + b), a and b its entries of
 * the mid and low tables. Sums over the states of a chunk, with and without each bit, are added to
 * a slab: rows of units (the last is the one that is always on, which makes it the row of the
 * enumerated means), columns 1, h_0, ..., h_(n-1), and an exponent that all of them share. */

#include "states_chunk.h"

enum {
    LW_FOUR = 4,               /* slots that are taken together */
    LW_SUMS = 1 + LW_MID_BITS, /* all states of a chunk; those with each mid bit set */
    LW_WIDTH = LW_FOUR * LW_LANES
};

/* Tiles that weigh less than this part of the slab are left out: 2^23 of them (n = 30) weigh less
 * than 2^-41 together. */
#define LW_NEGLIGIBLE 0x1p-64

/* Four quotients by one division: 1 / (f0 f1 f2 f3) and products. It is right while no product of
 * four factors leaves e^+-300, so that weights down to e^-400 keep their figures. */
#define LW_MOST_LOG_OF_FOUR 300.0

/* sum[r][u] = sum over low of w b / (a + b), by lanes; high[u][low] += w / (a + b). */
LW_INLINE void
tile_of_four(const double *restrict low, const double *restrict mid, const double *restrict weight,
    double *restrict high, double *restrict sum)
{
    for (int r = 0; r < LW_HIGH_MID; r++) {
        const double a0 = mid[r], a1 = mid[4 + r], a2 = mid[8 + r], a3 = mid[12 + r];
        double s0[LW_LANES] = { 0 }, s1[LW_LANES] = { 0 }, s2[LW_LANES] = { 0 },
               s3[LW_LANES] = { 0 };
        for (ptrdiff_t q = 0; q < LW_LOW; q += LW_LANES) {
            LW_SIMD
            for (int l = 0; l < LW_LANES; l++) {
                const double *restrict b = low + q + l;
                double *restrict h = high + q + l;
                const double f0 = a0 + b[0];
                const double f1 = a1 + b[LW_LOW];
                const double f2 = a2 + b[2 * LW_LOW];
                const double f3 = a3 + b[3 * LW_LOW];
                const double f01 = f0 * f1;
                const double f23 = f2 * f3;
                const double part = weight[r * LW_LOW + q + l] / (f01 * f23);
                const double part01 = part * f23;
                const double part23 = part * f01;
                const double r0 = part01 * f1;
                const double r1 = part01 * f0;
                const double r2 = part23 * f3;
                const double r3 = part23 * f2;
                h[0] += r0;
                h[LW_LOW] += r1;
                h[2 * LW_LOW] += r2;
                h[3 * LW_LOW] += r3;
                s0[l] += r0 * b[0];
                s1[l] += r1 * b[LW_LOW];
                s2[l] += r2 * b[2 * LW_LOW];
                s3[l] += r3 * b[3 * LW_LOW];
            }
        }
        for (int l = 0; l < LW_LANES; l++) {
            sum[r * LW_WIDTH + l] = s0[l];
            sum[r * LW_WIDTH + LW_LANES + l] = s1[l];
            sum[r * LW_WIDTH + 2 * LW_LANES + l] = s2[l];
            sum[r * LW_WIDTH + 3 * LW_LANES + l] = s3[l];
        }
    }
}

/* The same one by one, for factors of any size and for wide slots; high[u][low] += w sigma. Whole
 * rows at a time: with eight columns gcc unrolls before it vectorises, and then cannot. */
LW_INLINE void
tile_one_by_one(const double *restrict low, const double *restrict mid,
    const double *restrict weight, int wide, double *restrict high, double *restrict sum)
{
    double part[LW_LOW];

    for (int u = 0; u < LW_FOUR; u++) {
        for (int r = 0; r < LW_HIGH_MID; r++) {
            const double a = mid[u * LW_HIGH_MID + r];
            LW_SIMD
            for (int l = 0; l < LW_LOW; l++) {
                const double b = low[u * LW_LOW + l];
                const double sigma = wide ? lw_sigmoid_f64(a + b) : b / (a + b);
                part[l] = weight[r * LW_LOW + l] * sigma;
                high[u * LW_LOW + l] += part[l];
            }
            for (int l = 0; l < LW_LANES; l++) {
                sum[r * LW_WIDTH + u * LW_LANES + l] = (part[l] + part[LW_LANES + l])
                    + (part[2 * LW_LANES + l] + part[3 * LW_LANES + l]);
            }
        }
    }
}

/* Add a tile's sums to the sums over all mid values and over those with each bit set. */
LW_INLINE void
add_tile(const double *restrict sum, ptrdiff_t tile, ptrdiff_t n_mid, double *restrict total)
{
    double whole[LW_WIDTH];

    LW_SIMD
    for (int k = 0; k < LW_WIDTH; k++) {
        const double s1 = sum[LW_WIDTH + k], s2 = sum[2 * LW_WIDTH + k],
                     s3 = sum[3 * LW_WIDTH + k];
        const double odd = s1 + s3;
        whole[k] = (sum[k] + s2) + odd;
        total[k] += whole[k];
        total[LW_WIDTH + k] += odd;
        total[2 * LW_WIDTH + k] += s2 + s3;
    }
    for (ptrdiff_t j = 2; j < n_mid; j++) {
        if (tile >> (j - 2) & 1) {
            double *restrict into = total + (1 + j) * LW_WIDTH;
            LW_SIMD
            for (int k = 0; k < LW_WIDTH; k++) {
                into[k] += whole[k];
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

/* Four slots, all tiles that count; their rows of the slab grow by `scale` times the sums. */
static void
four_slots(const lw_tables *tables, const lw_chunk *chunk, ptrdiff_t slot, int64_t index,
    const ptrdiff_t *restrict tile, ptrdiff_t n_tiles, double scale, double *restrict slab)
{
    const ptrdiff_t n = tables->n_enumerated;
    const int wide = slot >= tables->tame;
    const double *bound = chunk->bound + slot;
    const double together = bound[0] + bound[1] + bound[2] + bound[3];
    const int four = !wide && together <= LW_MOST_LOG_OF_FOUR;
    const double *restrict low = chunk->low + slot * LW_LOW;
    double high[LW_FOUR * LW_LOW] = { 0 }, total[LW_SUMS * LW_WIDTH] = { 0 };
    double sum[LW_HIGH_MID * LW_WIDTH];

    for (ptrdiff_t k = 0; k < n_tiles; k++) {
        const double *mid = tables->mid + lw_mid_at(tables, slot, tile[k]);
        const double *weight = chunk->product + tile[k] * LW_TILE;
        if (four) {
            tile_of_four(low, mid, weight, high, sum);
        } else if (wide) {
            tile_one_by_one(low, mid, weight, 1, high, sum);
        } else {
            tile_one_by_one(low, mid, weight, 0, high, sum);
        }
        add_tile(sum, tile[k], tables->n_mid, total);
    }
    if (four) {
        for (int k = 0; k < LW_FOUR * LW_LOW; k++) {
            high[k] *= low[k];
        }
    }
    for (int u = 0; u < LW_FOUR; u++) {
        const int64_t unit = tables->unit[slot + u];
        double column[1 + LW_LOW_BITS + LW_MID_BITS];
        if (unit < 0) {
            continue;
        }
        double *restrict row = slab + unit * (n + 1);
        column[0] = lw_sum_of_eight(total + u * LW_LANES);
        low_bits(high + u * LW_LOW, column + 1);
        for (ptrdiff_t j = 0; j < tables->n_mid; j++) {
            const double *lanes = total + (1 + j) * LW_WIDTH + u * LW_LANES;
            column[1 + LW_LOW_BITS + j] = lw_sum_of_eight(lanes);
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
add_chunk(const lw_tables *tables, int64_t index, int is_first, lw_chunk *chunk, double *slab)
{
    const ptrdiff_t sums = (tables->n_analytic + 1) * (tables->n_enumerated + 1);
    ptrdiff_t tile[LW_MOST_TILES], n_tiles = 0;
    int64_t exponent;

    lw_states_forward(tables, index, chunk);
    const double value = lw_states_sum(tables, chunk, &exponent);
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
    multiply_all(chunk->product, tables->n_tiles * LW_TILE, shrink);
    for (ptrdiff_t slot = 0; slot < tables->slots; slot += LW_FOUR) {
        four_slots(tables, chunk, slot, index, tile, n_tiles, weight / mantissa, slab);
    }
}

void
lw_states_moments(
    lw_layers layers, int64_t first, int64_t last, int n_threads, double *scratch, double *slabs)
{
    const ptrdiff_t n_slabs = lw_states_slabs(layers.n_enumerated);
    const ptrdiff_t size = lw_states_slab(layers.n_analytic, layers.n_enumerated);
    const int64_t chunks = (last - first) / n_slabs;
    lw_tables tables;
    int worker;

    lw_states_tables(layers, scratch, &tables);
    for (ptrdiff_t k = 0; first == 0 && k < n_slabs * size; k++) {
        slabs[k] = tables.finite ? 0 : NAN;
    }
    if (!tables.finite) {
        return;
    }
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (worker = 0; worker < n_threads; worker++) {
        const ptrdiff_t to = n_slabs * (worker + 1) / n_threads;
        lw_chunk chunk;
        lw_states_worker(&tables, scratch, worker, &chunk);
        for (ptrdiff_t s = n_slabs * worker / n_threads; s < to; s++) {
            for (int64_t k = 0; k < chunks; k++) {
                add_chunk(&tables, first + s * chunks + k, first == 0 && k == 0, &chunk,
                    slabs + s * size);
            }
        }
    }
}

void
lw_states_fold(ptrdiff_t n_analytic, ptrdiff_t n_enumerated, const double *slabs, double *log_z,
    double *mean_analytic, double *mean_enumerated, double *correlation)
{
    const ptrdiff_t m = n_analytic, n = n_enumerated;
    const ptrdiff_t n_slabs = lw_states_slabs(n);
    const ptrdiff_t size = lw_states_slab(m, n);
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
