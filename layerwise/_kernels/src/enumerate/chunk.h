/* What the sources of enumerate.h share: the tables of a call, and one chunk of states.
 *
 * The bits of a state are low (5: a tile's columns), mid (2 to 6) and top (the chunk's index); n
 * is padded to 7 with units that are coupled to nothing. The field on analytic unit i is
 * z = y + s + t, where s (mid bits) and t (low bits) are centred, |s| <= S and |t| <= T, and y
 * holds the bias, the centres and the chunk's top bits. Then
 *
 *     1 + e^z = e^s (e^-s + e^(y + t)),
 *
 * and e^s, whose exponent is linear in the mid bits, leaves the product over units: what remains
 * for each (state, unit) is one addition and one multiplication of table entries, which many
 * processors start in the same cycle. y is clamped to +-(S + T + 40), where the other term is
 * below 2^-57 of the sum, and what was cut off above is a factor of the whole chunk.
 *
 * A unit whose factors could leave the floating-point numbers (S + 2T + 41 > 690) is wide. Its
 * logarithm is summed instead: max(z, 0) beside the product of 1 + e^-|z|.
 *
 * Units stand in slots: tame units, one that is always on (its factor is 1, and its correlations
 * are the means of the enumerated units), empty slots to a multiple of four, then wide units and
 * empty slots again. */

#pragma once

#include <math.h>

#include "base/threads.h"
#include "base/vmath.h"
#include "enumerate/enumerate.h"

enum {
    LW_LOW_BITS = 5,
    LW_LOW = 32,     /* columns of a tile */
    LW_MID_BITS = 6, /* at most */
    LW_HIGH_MID = 4, /* rows of a tile */
    LW_TILE = 128,   /* states of a tile */
    LW_MOST_TILES = 16,
    LW_LANES = 8, /* one vector of the widest kind */
    LW_SLOTS = 64 /* slots whose low table stays in the L1 cache (16 KB) */
};

#define LW_MOST_LOG 690.0 /* e^+-690, times a few, are normal numbers */
#define LW_LOG2E 1.4426950408889634074
#define LW_LN2 0x1.62e42fefa39efp-1
#define LW_LN2_REST 0x1.abc9e3b39803fp-56

/* A sum and what rounding took from it. */
typedef struct {
    double high;
    double low;
} lw_pair;

LW_INLINE lw_pair
lw_plus(lw_pair sum, double term)
{
    const double high = sum.high + term;
    const double part = high - sum.high;
    const lw_pair result = { high, sum.low + ((sum.high - (high - part)) + (term - part)) };
    return result;
}

/* e^x = mantissa 2^exponent, mantissa within a factor sqrt(2) of 1, for |x| < 2^50. */
LW_INLINE double
lw_power(lw_pair x, int64_t *exponent)
{
    const double k = rint(x.high * LW_LOG2E);
    *exponent = (int64_t)k;
    return lw_exp_f64(fma(-k, LW_LN2, x.high) - k * LW_LN2_REST + x.low);
}

/* 2^k, or 0 below the normal numbers; k <= 1023. */
LW_INLINE double
lw_two_to(int64_t k)
{
    k = k < -1023 ? -1023 : k;
    return lw_bits_to_f64((uint64_t)(k + 1023) << 52);
}

/* The exponent of a normal positive number, of which the mantissa in [1, 2) is left. */
LW_INLINE int64_t
lw_take_exponent(double *x)
{
    const uint64_t bits = lw_f64_to_bits(*x);
    *x = lw_bits_to_f64((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    return (int64_t)(bits >> 52) - 1023;
}

/* Partial sums in eight lanes, added in one order on every machine. */
LW_INLINE double
lw_sum_of_eight(const double *lane)
{
    const double even = (lane[0] + lane[4]) + (lane[2] + lane[6]);
    const double odd = (lane[1] + lane[5]) + (lane[3] + lane[7]);
    return even + odd;
}

LW_INLINE double
lw_sum_of_sizes(const double *restrict x, ptrdiff_t n)
{
    double sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (ptrdiff_t i = 0; i < n; i++) { sum += fabs(x[i]); }
    return sum;
}

typedef struct {
    ptrdiff_t n_analytic;
    ptrdiff_t n_enumerated;
    ptrdiff_t n_mid; /* bits */
    ptrdiff_t n_top;
    ptrdiff_t n_tiles; /* of a chunk */
    ptrdiff_t n_tame;  /* tame units */
    ptrdiff_t tame;    /* their slots and the constant ones: a multiple of 4 */
    ptrdiff_t slots;   /* all slots: a multiple of 4 */
    ptrdiff_t stride;  /* slots there is room for */
    int finite;        /* whether there is anything to compute */
    int64_t *unit;     /* of a slot; n_analytic where always on, -1 where empty */
    double *low;       /* slots x 32: e^t, or t where wide */
    double *mid;       /* per block of 64 slots: tiles x slots x 4: e^-s, or s where wide */
    double *top;       /* n_top x stride: weights of the top bits */
    double *field_high, *field_low; /* bias and centres */
    double *reach_mid, *reach_low;  /* S and T */
    const double *top_bias;
    double *low_mantissa, *mid_mantissa; /* e^(linear terms) as mantissa and exponent */
    int64_t *low_exponent, *mid_exponent;
    double *low_plain, *mid_plain; /* the same with the largest exponent taken out */
    int64_t plain_exponent;        /* which is the sum of the two largest */
    double spread;                 /* by how much the linear terms of a chunk's states differ */
} lw_tables;

/* A chunk of states: f(h) = product 2^exponent factor 2^factor_exponent. */
typedef struct {
    double *product;   /* tiles x 4 x 32 */
    float *single;     /* likewise: weights of the backward sweep */
    int64_t *exponent; /* likewise; not used if plain */
    int plain;         /* everything fits into the floating-point numbers */
    double factor;
    int64_t factor_exponent;
    double *low;                /* slots x 32: e^(y + t), or y + t where wide */
    double *field, *field_rest; /* y, not clamped */
    double *bound;              /* of |log| of a slot's factors */
    double tile_sum[LW_MOST_TILES];
} lw_chunk;

/* Where slot `slot`'s part of the mid table for tile `tile` begins; the slots after it follow, to
 * the end of its block of LW_SLOTS: the order in which the table is read. */
LW_INLINE ptrdiff_t
lw_mid_at(const lw_tables *tables, ptrdiff_t slot, ptrdiff_t tile)
{
    const ptrdiff_t block = slot / LW_SLOTS * LW_SLOTS;
    const ptrdiff_t wide = lw_min(LW_SLOTS, tables->slots - block);
    return (block * tables->n_tiles + tile * wide + (slot - block)) * LW_HIGH_MID;
}

/* The next of a range's things, for workers that share it. With equal shares instead, a core that
 * others use too keeps all the rest waiting (6 to 9 % of a sum on two busy cores). */
LW_INLINE int64_t
lw_take_next(int64_t *next)
{
    int64_t taken;

#pragma omp atomic capture
    taken = (*next)++;
    return taken;
}

/* Build the tables of a call at the start of its scratch memory. */
static void lw_enumerate_tables(lw_layers layers, double *scratch, lw_tables *tables);

/* The memory of worker `worker`, after the tables. */
static void lw_enumerate_worker(
    const lw_tables *tables, double *scratch, int worker, lw_chunk *chunk);

/* Fields and low tables of chunk `index`: what the factors of its states are made of. */
static void lw_enumerate_factors(const lw_tables *tables, int64_t index, lw_chunk *chunk);

/* Fill `chunk` with the states of chunk `index`. */
static void lw_enumerate_forward(const lw_tables *tables, int64_t index, lw_chunk *chunk);

/* sum of f over the chunk = returned value 2^exponent, the value in [1, 2). Products are left as
 * weights that can be added, with tile_sum their sums. */
static double lw_enumerate_sum(const lw_tables *tables, lw_chunk *chunk, int64_t *exponent);
