/* Two slots of a chunk, backward, in one float type: sums of w sigma for each value of the low
 * bits. Included for both types by moments.c. */

#include "base/real.h"

#ifdef LW_SINGLE
#define LW_SMALLEST_WEIGHT 0x1p-56 /* 2048 of them: 2^-45 of a chunk */
#define LW_REACH 20.0              /* S + 2T of a unit, at most */
#else
#define LW_SMALLEST_WEIGHT 0.0
#define LW_REACH 150.0
#endif

/* The bits above the lowest two of a mid value: those of its tile. */
static const LW_REAL LW_(tile_bits)[LW_MOST_TILES][LW_MID_BITS - 2] = {
    { 0, 0, 0, 0 },
    { 1, 0, 0, 0 },
    { 0, 1, 0, 0 },
    { 1, 1, 0, 0 },
    { 0, 0, 1, 0 },
    { 1, 0, 1, 0 },
    { 0, 1, 1, 0 },
    { 1, 1, 1, 0 },
    { 0, 0, 0, 1 },
    { 1, 0, 0, 1 },
    { 0, 1, 0, 1 },
    { 1, 1, 0, 1 },
    { 0, 0, 1, 1 },
    { 1, 0, 1, 1 },
    { 0, 1, 1, 1 },
    { 1, 1, 1, 1 },
};

/* A vector of the path's width, as it lies in memory: operators work on all its elements, and take a
 * scalar as a vector of equal ones. */
#if defined(__GNUC__)
typedef LW_REAL LW_(vector)
    __attribute__((vector_size(LW_VECTOR_BYTES), aligned(sizeof(LW_REAL)), may_alias));
#else
typedef LW_REAL LW_(vector);
#endif

/* sum[s][u][low] = sum of w / (a_u + b_u) over the mid values of n_tiles tiles: s = 0 all, s = 1 + j
 * those with bit j set. Row k holds tile k's a of both slots and its bits. Both quotients take one
 * division: w / f0 = w / (f0 f1) f1. The sums of a vector of low values stay in registers. */
static void
LW_(pair_sums)(const LW_REAL *restrict low, const LW_REAL *restrict row,
    const LW_REAL *restrict weight, ptrdiff_t n_tiles, LW_REAL *restrict sum)
{
    typedef LW_(vector) vector;

    for (ptrdiff_t l = 0; l < LW_LOW; l += sizeof(vector) / sizeof(LW_REAL)) {
        const vector b0 = *(const vector *)(low + l), b1 = *(const vector *)(low + LW_LOW + l);
        vector s0[LW_SUMS], s1[LW_SUMS];
        LW_UNROLL(7)
        for (int s = 0; s < LW_SUMS; s++) {
            s0[s] = s1[s] = (vector) { 0 };
        }
        for (ptrdiff_t k = 0; k < n_tiles; k++) {
            const LW_REAL *a = row + k * LW_ROW, *bit = a + 2 * LW_HIGH_MID;
            const LW_REAL *w = weight + k * LW_TILE + l;
            vector r0[LW_HIGH_MID], r1[LW_HIGH_MID];
            LW_UNROLL(4)
            for (int r = 0; r < LW_HIGH_MID; r++) {
                const vector f0 = a[r] + b0, f1 = a[LW_HIGH_MID + r] + b1;
                const vector part = *(const vector *)(w + r * LW_LOW) / (f0 * f1);
                r0[r] = part * f1;
                r1[r] = part * f0;
            }
            const vector odd0 = r0[1] + r0[3], odd1 = r1[1] + r1[3];
            const vector all0 = (r0[0] + r0[2]) + odd0, all1 = (r1[0] + r1[2]) + odd1;
            s0[0] += all0;
            s1[0] += all1;
            s0[1] += odd0;
            s1[1] += odd1;
            s0[2] += r0[2] + r0[3];
            s1[2] += r1[2] + r1[3];
            LW_UNROLL(4)
            for (int j = 0; j < LW_MID_BITS - 2; j++) {
                s0[3 + j] += bit[j] * all0;
                s1[3 + j] += bit[j] * all1;
            }
        }
        LW_UNROLL(7)
        for (int s = 0; s < LW_SUMS; s++) {
            *(vector *)(sum + s * 2 * LW_LOW + l) = s0[s];
            *(vector *)(sum + s * 2 * LW_LOW + LW_LOW + l) = s1[s];
        }
    }
}

/* sum[s][u][low] = sum of w sigma, likewise. a and b are divided by e^y where y > 0, so that a + b
 * lies between e^-(S + 2T) and 2 e^(S + 2T), and the smaller of a and b above e^-(2S + 2T + 40):
 * with a reach of LW_REACH no figure is lost in either type. */
static void
LW_(pair)(const lw_tables *tables, const lw_chunk *chunk, ptrdiff_t slot,
    const LW_REAL *restrict weight, const ptrdiff_t *restrict tile, ptrdiff_t n_tiles,
    double *restrict sum)
{
    LW_REAL low[2 * LW_LOW], row[LW_MOST_TILES * LW_ROW], quotient[LW_SUMS * 2 * LW_LOW];
    double shrink[2 * LW_HIGH_MID];

    for (ptrdiff_t u = 0; u < 2; u++) {
        const double y = chunk->field[slot + u];
        const double limit = tables->reach_mid[slot + u] + tables->reach_low[slot + u] + 40;
        const double factor = y > 0 ? lw_exp_f64(y < limit ? -y : -limit) : 1;
        const double *restrict from = chunk->low + (slot + u) * LW_LOW;
        LW_SIMD
        for (ptrdiff_t l = 0; l < LW_LOW; l++) {
            low[u * LW_LOW + l] = (LW_REAL)(factor * from[l]);
        }
        for (ptrdiff_t r = 0; r < LW_HIGH_MID; r++) {
            shrink[u * LW_HIGH_MID + r] = factor;
        }
    }
    for (ptrdiff_t k = 0; k < n_tiles; k++) {
        const double *restrict mid = tables->mid + lw_mid_at(tables, slot, tile[k]);
        const LW_REAL *restrict bit = LW_(tile_bits)[tile[k]];
        LW_SIMD
        for (ptrdiff_t r = 0; r < 2 * LW_HIGH_MID; r++) {
            row[k * LW_ROW + r] = (LW_REAL)(shrink[r] * mid[r]);
        }
        for (ptrdiff_t j = 0; j < LW_MID_BITS - 2; j++) {
            row[k * LW_ROW + 2 * LW_HIGH_MID + j] = bit[j];
        }
    }
    LW_(pair_sums)(low, row, weight, n_tiles, quotient);
    for (ptrdiff_t s = 0; s < LW_SUMS; s++) {
        LW_SIMD
        for (ptrdiff_t l = 0; l < 2 * LW_LOW; l++) {
            sum[s * 2 * LW_LOW + l] = (double)quotient[s * 2 * LW_LOW + l] * (double)low[l];
        }
    }
}

/* The weights of the tiles that count, one after the other; in place if the type allows. */
static void
LW_(weights_of)(const double *product, const ptrdiff_t *restrict tile, ptrdiff_t n_tiles,
    double factor, LW_REAL *weight)
{
    for (ptrdiff_t k = 0; k < n_tiles; k++) {
        const double *from = product + tile[k] * LW_TILE;
        LW_REAL *into = weight + k * LW_TILE;
        LW_SIMD
        for (ptrdiff_t l = 0; l < LW_TILE; l++) {
            const double w = factor * from[l];
            into[l] = (LW_REAL)(fabs(w) < LW_SMALLEST_WEIGHT ? 0 : w);
        }
    }
}

static int
LW_(pair_fits)(const lw_tables *tables, ptrdiff_t slot)
{
    const double *mid = tables->reach_mid + slot, *low = tables->reach_low + slot;
    return slot < tables->tame && mid[0] + 2 * low[0] <= LW_REACH
        && mid[1] + 2 * low[1] <= LW_REACH;
}

#undef LW_SMALLEST_WEIGHT
#undef LW_REACH
