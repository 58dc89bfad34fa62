/* The tables of chunk.h, and the layout of scratch memory. */

#include "base/scratch.h"
#include "base/threads.h"
#include "enumerate/chunk.h"

#define LW_LARGEST 0x1p50 /* of the sum of all parameters: above, exponents leave their integers */

static ptrdiff_t
padded_bits(ptrdiff_t n_enumerated)
{
    return n_enumerated < 7 ? 7 : n_enumerated;
}

static ptrdiff_t
mid_bits(ptrdiff_t n_enumerated)
{
    return lw_min(LW_MID_BITS, padded_bits(n_enumerated) - LW_LOW_BITS);
}

int64_t
lw_enumerate_chunks(ptrdiff_t n_enumerated)
{
    return (int64_t)1 << (padded_bits(n_enumerated) - LW_LOW_BITS - mid_bits(n_enumerated));
}

ptrdiff_t
lw_enumerate_slabs(ptrdiff_t n_enumerated)
{
    const int64_t chunks = lw_enumerate_chunks(n_enumerated);
    return chunks < LW_STATES_SLABS ? (ptrdiff_t)chunks : LW_STATES_SLABS;
}

ptrdiff_t
lw_enumerate_slab(ptrdiff_t n_analytic, ptrdiff_t n_enumerated)
{
    return (n_analytic + 1) * (n_enumerated + 1) + 1;
}

static double *
doubles(lw_scratch *scratch, ptrdiff_t count)
{
    return lw_slice(scratch, count, sizeof(double));
}

/* Sizes and places of the tables. */
static void
place_tables(ptrdiff_t n_analytic, ptrdiff_t n_enumerated, lw_scratch *scratch, lw_tables *tables)
{
    const ptrdiff_t n_mid = mid_bits(n_enumerated);
    const ptrdiff_t mids = (ptrdiff_t)1 << n_mid;

    tables->n_analytic = n_analytic;
    tables->n_enumerated = n_enumerated;
    tables->n_mid = n_mid;
    tables->n_top = padded_bits(n_enumerated) - LW_LOW_BITS - n_mid;
    tables->n_tiles = mids / LW_HIGH_MID;
    /* One slot is always on, and each of the two kinds may end in three empty ones. */
    tables->stride = lw_tiles(n_analytic + 7, LW_LANES) * LW_LANES;
    tables->unit = lw_slice(scratch, tables->stride, sizeof(int64_t));
    tables->low = doubles(scratch, tables->stride * LW_LOW);
    tables->mid = doubles(scratch, tables->stride * mids);
    tables->top = doubles(scratch, tables->stride * tables->n_top);
    tables->field_high = doubles(scratch, tables->stride);
    tables->field_low = doubles(scratch, tables->stride);
    tables->reach_mid = doubles(scratch, tables->stride);
    tables->reach_low = doubles(scratch, tables->stride);
    tables->low_mantissa = doubles(scratch, LW_LOW);
    tables->low_plain = doubles(scratch, LW_LOW);
    tables->low_exponent = lw_slice(scratch, LW_LOW, sizeof(int64_t));
    tables->mid_mantissa = doubles(scratch, mids);
    tables->mid_plain = doubles(scratch, mids);
    tables->mid_exponent = lw_slice(scratch, mids, sizeof(int64_t));
}

static void
place_worker(const lw_tables *tables, lw_scratch *scratch, lw_chunk *chunk)
{
    chunk->product = doubles(scratch, LW_STATES_CHUNK);
    chunk->exponent = lw_slice(scratch, LW_STATES_CHUNK, sizeof(int64_t));
    chunk->single = lw_slice(scratch, LW_STATES_CHUNK, sizeof(float));
    chunk->low = doubles(scratch, tables->stride * LW_LOW);
    chunk->field = doubles(scratch, tables->stride);
    chunk->field_rest = doubles(scratch, tables->stride);
    chunk->bound = doubles(scratch, tables->stride);
}

ptrdiff_t
lw_enumerate_scratch(ptrdiff_t n_analytic, ptrdiff_t n_enumerated, int n_threads)
{
    lw_scratch scratch = lw_scratch_from(NULL);
    lw_tables tables;
    lw_chunk chunk;

    place_tables(n_analytic, n_enumerated, &scratch, &tables);
    for (int worker = 0; worker < n_threads; worker++) {
        place_worker(&tables, &scratch, &chunk);
    }
    return lw_tiles(lw_scratch_size(scratch), sizeof(double));
}

void
lw_enumerate_worker(const lw_tables *tables, double *block, int worker, lw_chunk *chunk)
{
    lw_scratch scratch = lw_scratch_from(block);
    lw_tables places;

    place_tables(tables->n_analytic, tables->n_enumerated, &scratch, &places);
    for (int k = 0; k <= worker; k++) {
        place_worker(tables, &scratch, chunk);
    }
}

/* Half the sum, and half the sum of sizes, of the weights to bits first <= j < last: the centre
 * and the reach of what those bits add to a field. */
LW_INLINE void
centre(const double *row, ptrdiff_t first, ptrdiff_t last, double *middle, double *reach)
{
    double sum = 0, size = 0;
    for (ptrdiff_t j = first; j < last; j++) {
        sum += row[j];
        size += fabs(row[j]);
    }
    *middle = 0.5 * sum;
    *reach = 0.5 * size;
}

/* What `bits` bits add to a field, for all their values, from `start` up. */
LW_INLINE void
subset_sums(const double *row, ptrdiff_t bits, double start, double *restrict sum)
{
    sum[0] = start;
    for (ptrdiff_t j = 0; j < bits; j++) {
        const ptrdiff_t half = (ptrdiff_t)1 << j;
        for (ptrdiff_t k = 0; k < half; k++) {
            sum[half + k] = sum[k] + row[j];
        }
    }
}

/* The tables of one slot, from a row of weights padded to whole low and mid bits. */
static void
slot_tables(const double *restrict row, ptrdiff_t n_mid, double low_centre, double mid_centre,
    int tame, double *restrict low, double *restrict mid)
{
    subset_sums(row, LW_LOW_BITS, -low_centre, low);
    subset_sums(row + LW_LOW_BITS, n_mid, -mid_centre, mid);
    if (tame) {
        const ptrdiff_t mids = (ptrdiff_t)1 << n_mid;
        LW_SIMD
        for (ptrdiff_t k = 0; k < LW_LOW; k++) {
            low[k] = lw_exp_f64(low[k]);
        }
        LW_SIMD
        for (ptrdiff_t k = 0; k < mids; k++) {
            mid[k] = lw_exp_f64(-mid[k]);
        }
    }
}

static void
store_mid(lw_tables *tables, ptrdiff_t slot, const double *mid)
{
    for (ptrdiff_t tile = 0; tile < tables->n_tiles; tile++) {
        double *at = tables->mid + lw_mid_at(tables, slot, tile);
        for (ptrdiff_t r = 0; r < LW_HIGH_MID; r++) {
            at[r] = mid[tile * LW_HIGH_MID + r];
        }
    }
}

/* A slot that belongs to no unit: its factors are mid + low at y = `field`. */
static void
constant_slot(
    lw_tables *tables, ptrdiff_t slot, int64_t unit, double field, double low, double mid)
{
    double mids[1 << LW_MID_BITS];

    tables->unit[slot] = unit;
    tables->field_high[slot] = field;
    tables->field_low[slot] = tables->reach_mid[slot] = tables->reach_low[slot] = 0;
    for (ptrdiff_t j = 0; j < tables->n_top; j++) {
        tables->top[j * tables->stride + slot] = 0;
    }
    for (ptrdiff_t k = 0; k < LW_LOW; k++) {
        tables->low[slot * LW_LOW + k] = low;
    }
    for (ptrdiff_t k = 0; k < 1 << LW_MID_BITS; k++) {
        mids[k] = mid;
    }
    store_mid(tables, slot, mids);
}

static void
unit_slot(lw_layers layers, ptrdiff_t unit, ptrdiff_t slot, int tame, lw_tables *tables)
{
    const ptrdiff_t inside = LW_LOW_BITS + tables->n_mid;
    const double *weights = layers.weights + unit * layers.n_enumerated;
    double row[LW_LOW_BITS + LW_MID_BITS] = { 0 };
    double mid[1 << LW_MID_BITS];
    double low_centre, mid_centre;

    for (ptrdiff_t j = 0; j < lw_min(inside, layers.n_enumerated); j++) {
        row[j] = weights[j];
    }
    centre(row, 0, LW_LOW_BITS, &low_centre, &tables->reach_low[slot]);
    centre(row, LW_LOW_BITS, inside, &mid_centre, &tables->reach_mid[slot]);
    const lw_pair bias = { layers.analytic_bias[unit], 0 };
    const lw_pair field = lw_plus(lw_plus(bias, low_centre), mid_centre);
    tables->unit[slot] = unit;
    tables->field_high[slot] = field.high;
    tables->field_low[slot] = field.low;
    for (ptrdiff_t j = 0; j < tables->n_top; j++) {
        tables->top[j * tables->stride + slot] = weights[inside + j];
    }
    slot_tables(
        row, tables->n_mid, low_centre, mid_centre, tame, tables->low + slot * LW_LOW, mid);
    store_mid(tables, slot, mid);
}

static int
is_tame(lw_layers layers, ptrdiff_t unit, ptrdiff_t inside)
{
    const double *row = layers.weights + unit * layers.n_enumerated;
    double middle, reach_low, reach_mid;

    centre(row, 0, lw_min(LW_LOW_BITS, layers.n_enumerated), &middle, &reach_low);
    centre(row, LW_LOW_BITS, lw_min(inside, layers.n_enumerated), &middle, &reach_mid);
    return reach_mid + 2 * reach_low + 41 <= LW_MOST_LOG;
}

/* e^(linear term) of all values of some bits, from `start` up, for sums of pairs `slope`. */
static double
linear_table(const lw_pair *slope, ptrdiff_t bits, lw_pair start, double *mantissa,
    int64_t *exponent, double *plain, int64_t *largest)
{
    const ptrdiff_t values = (ptrdiff_t)1 << bits;
    int64_t most, least;

    for (ptrdiff_t k = 0; k < values; k++) {
        lw_pair sum = start;
        for (ptrdiff_t j = 0; j < bits; j++) {
            if (k >> j & 1) {
                sum = lw_plus(sum, slope[j].high);
                sum.low += slope[j].low;
            }
        }
        mantissa[k] = lw_power(sum, &exponent[k]);
    }
    most = least = exponent[0];
    for (ptrdiff_t k = 1; k < values; k++) {
        most = exponent[k] > most ? exponent[k] : most;
        least = exponent[k] < least ? exponent[k] : least;
    }
    for (ptrdiff_t k = 0; k < values; k++) {
        plain[k] = mantissa[k] * lw_two_to(exponent[k] - most);
    }
    *largest = most;
    return (double)(most - least + 1) * LW_LN2;
}

/* The enumerated biases, and the e^s that left the products of the tame units. */
static void
linear_tables(lw_layers layers, lw_tables *tables)
{
    const lw_pair zero = { 0, 0 };
    lw_pair low[LW_LOW_BITS], mid[LW_MID_BITS], start = zero;
    int64_t low_largest, mid_largest;

    for (ptrdiff_t j = 0; j < LW_LOW_BITS; j++) {
        low[j] = j < layers.n_enumerated ? lw_plus(zero, layers.enumerated_bias[j]) : zero;
    }
    for (ptrdiff_t j = 0; j < tables->n_mid; j++) {
        mid[j] = zero;
    }
    const ptrdiff_t n_mid = lw_min(tables->n_mid, layers.n_enumerated - LW_LOW_BITS);
    for (ptrdiff_t slot = 0; slot < tables->n_tame; slot++) {
        const double *row = layers.weights + tables->unit[slot] * layers.n_enumerated;
        for (ptrdiff_t j = 0; j < n_mid; j++) {
            mid[j] = lw_plus(mid[j], row[LW_LOW_BITS + j]);
        }
    }
    for (ptrdiff_t j = 0; j < n_mid; j++) {
        start = lw_plus(start, -0.5 * mid[j].high);
        start.low -= 0.5 * mid[j].low;
        mid[j] = lw_plus(mid[j], layers.enumerated_bias[LW_LOW_BITS + j]);
    }
    tables->spread = linear_table(low, LW_LOW_BITS, zero, tables->low_mantissa,
        tables->low_exponent, tables->low_plain, &low_largest);
    tables->spread += linear_table(mid, tables->n_mid, start, tables->mid_mantissa,
        tables->mid_exponent, tables->mid_plain, &mid_largest);
    tables->plain_exponent = low_largest + mid_largest;
}

void
lw_enumerate_tables(lw_layers layers, double *block, lw_tables *tables)
{
    const ptrdiff_t m = layers.n_analytic, n = layers.n_enumerated;
    lw_scratch scratch = lw_scratch_from(block);
    ptrdiff_t slot = 0, n_wide = 0;

    place_tables(m, n, &scratch, tables);
    tables->finite = lw_sum_of_sizes(layers.weights, m * n)
            + lw_sum_of_sizes(layers.analytic_bias, m) + lw_sum_of_sizes(layers.enumerated_bias, n)
        < LW_LARGEST;
    if (!tables->finite) {
        return;
    }
    const ptrdiff_t inside = LW_LOW_BITS + tables->n_mid;
    for (ptrdiff_t i = 0; i < m; i++) {
        n_wide += !is_tame(layers, i, inside);
    }
    tables->n_tame = m - n_wide;
    tables->tame = lw_tiles(tables->n_tame + 1, 4) * 4;
    tables->slots = tables->tame + lw_tiles(n_wide, 4) * 4;
    tables->top_bias = tables->n_top ? layers.enumerated_bias + inside : NULL;
    for (ptrdiff_t i = 0; i < m; i++) {
        if (n_wide == 0 || is_tame(layers, i, inside)) {
            unit_slot(layers, i, slot++, 1, tables);
        }
    }
    constant_slot(tables, slot++, m, 0, 1, 0);
    while (slot < tables->tame) {
        constant_slot(tables, slot++, -1, 0, 0, 1);
    }
    for (ptrdiff_t i = 0; n_wide && i < m; i++) {
        if (!is_tame(layers, i, inside)) {
            unit_slot(layers, i, slot++, 0, tables);
        }
    }
    while (slot < tables->slots) {
        constant_slot(tables, slot++, -1, -1e4, 0, 0); /* 1 + e^-10000 = 1 */
    }
    linear_tables(layers, tables);
}
