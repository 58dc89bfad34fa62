/* exp and log1p without a branch, a table or a call, so that the compiler vectorises the loops
 * they stand in. Arguments are clamped where the result would leave the normal numbers; NaN stays
 * NaN. Errors, measured by tests/test_units.py: at most 2 units in the last place. */

#pragma once

#include <math.h>

#include "base/kernel.h"
#include "base/real.h"

typedef union {
    uint64_t bits;
    double value;
} lw_pun_f64;

typedef union {
    uint32_t bits;
    float value;
} lw_pun_f32;

#define lw_bits_to_f64(number) ((lw_pun_f64) { .bits = (number) }.value)
#define lw_f64_to_bits(number) ((lw_pun_f64) { .value = (number) }.bits)
#define lw_bits_to_f32(number) ((lw_pun_f32) { .bits = (number) }.value)
#define lw_f32_to_bits(number) ((lw_pun_f32) { .value = (number) }.bits)

/* e^x = (1 + p) 2^k for x in [-708, 709]: p is returned, and `power` is 2^k. x = k log 2 + r with
 * |r| <= log(2)/2: adding 1.5 * 2^52 rounds k to the nearest integer and leaves it in the low bits.
 * 1 + p = e^r is 1 + r + r^2 times the polynomial of degree 9 whose largest relative error is least
 * (Remez): 4e-18. Its terms go in pairs, so that few wait for each other: a core looks ahead only so
 * far, and this takes a seventh off the time of a mean. */
LW_INLINE double
lw_exp_parts_f64(double x, double *power)
{
    const double magic = 0x1.8p52;
    const double shifted = x * 1.4426950408889634074 + magic;
    const double k = shifted - magic;
    const double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    const double r2 = r * r, r4 = r2 * r2;
    const double p2 = 5.0000000000000106246e-01 + r * 1.6666666666666412582e-01;
    const double p4 = 4.1666666666530184327e-02 + r * 8.3333333334944319757e-03;
    const double p6 = 1.3888888943622352603e-03 + r * 1.9841269506624243227e-04;
    const double p8 = 2.4801493107822676979e-05 + r * 2.7557586350412380330e-06;
    const double p10 = 2.7630244923889993837e-07 + r * 2.5000063460210032180e-08;
    *power = lw_bits_to_f64((lw_f64_to_bits(shifted) + 1023u) << 52);
    return r + r2 * ((p2 + r2 * p4) + r4 * ((p6 + r2 * p8) + r4 * p10));
}

/* The same for x in [-87, 88]; the polynomial's degree is 4, and its error 3e-9. */
LW_INLINE float
lw_exp_parts_f32(float x, float *power)
{
    const float magic = 0x1.8p23f;
    const float shifted = x * 1.44269504088896341f + magic;
    const float k = shifted - magic;
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    const float r2 = r * r;
    const float p2 = 4.9999993403e-01f + r * 1.6666519974e-01f;
    const float p4 = 4.1668395792e-02f + r * 8.3687966814e-03f;
    *power = lw_bits_to_f32((lw_f32_to_bits(shifted) + 127u) << 23);
    return r + r2 * (p2 + r2 * (p4 + r2 * 1.3814433362e-03f));
}

/* log(1 + u) for u in [0, 1]: twice the artanh of s = u / (2 + u), or, where u > sqrt(2) - 1, log 2
 * plus twice that of (u - 1) / (u + 3). So |s| < 0.1716, and a small u keeps its relative
 * accuracy. */
LW_INLINE double
lw_log1p_f64(double u)
{
    const int upper = u > 0.41421356237309515;
    const double s = (upper ? u - 1.0 : u) / (upper ? u + 3.0 : u + 2.0);
    const double q = s * s;
    double p = 1.0 / 21.0;
    p = p * q + 1.0 / 19.0;
    p = p * q + 1.0 / 17.0;
    p = p * q + 1.0 / 15.0;
    p = p * q + 1.0 / 13.0;
    p = p * q + 1.0 / 11.0;
    p = p * q + 1.0 / 9.0;
    p = p * q + 1.0 / 7.0;
    p = p * q + 1.0 / 5.0;
    p = p * q + 1.0 / 3.0;
    p = 2.0 * s + 2.0 * s * (q * p);
    return upper ? 6.93147180559945309417e-01 + p : p;
}

LW_INLINE float
lw_log1p_f32(float u)
{
    const int upper = u > 0.41421356f;
    const float s = (upper ? u - 1.0f : u) / (upper ? u + 3.0f : u + 2.0f);
    const float q = s * s;
    float p = 1.0f / 9.0f;
    p = p * q + 1.0f / 7.0f;
    p = p * q + 1.0f / 5.0f;
    p = p * q + 1.0f / 3.0f;
    p = 2.0f * s + 2.0f * s * (q * p);
    return upper ? 0.69314718f + p : p;
}

/* log x for normal x >= 1. */
LW_INLINE double
lw_log_f64(double x)
{
    const uint64_t bits = lw_f64_to_bits(x);
    const double mantissa = lw_bits_to_f64((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    const double exponent = (double)((int32_t)(bits >> 52) - 1023);

    return exponent * 6.93147180559945309417e-01 + lw_log1p_f64(mantissa - 1);
}

LW_INLINE float
lw_log_f32(float x)
{
    const uint32_t bits = lw_f32_to_bits(x);
    const float mantissa = lw_bits_to_f32((bits & 0x007fffffu) | 0x3f800000u);
    const float exponent = (float)((int32_t)(bits >> 23) - 127);

    return exponent * 0.69314718f + lw_log1p_f32(mantissa - 1);
}

/* log x for any normal x > 0, where `excess` is x - 1, known more accurately than x where x is near
 * 1: the logarithm then keeps its relative accuracy. x = m 2^k with m in [sqrt(1/2), sqrt(2)], and
 * log m is twice the artanh of (m - 1) / (m + 1). */
LW_INLINE double
lw_log_at_f64(double x, double excess)
{
    const uint64_t bits = lw_f64_to_bits(x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    const double k = (double)((int32_t)(bits >> 52) - 1023);
    const double m = lw_bits_to_f64((bits & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
    const double s = (k == 0 ? excess : m - 1) / (m + 1);
    const double q = s * s;
    double p = 1.0 / 21.0;
    p = p * q + 1.0 / 19.0;
    p = p * q + 1.0 / 17.0;
    p = p * q + 1.0 / 15.0;
    p = p * q + 1.0 / 13.0;
    p = p * q + 1.0 / 11.0;
    p = p * q + 1.0 / 9.0;
    p = p * q + 1.0 / 7.0;
    p = p * q + 1.0 / 5.0;
    p = p * q + 1.0 / 3.0;
    return k * 6.93147180559945309417e-01 + (2.0 * s + 2.0 * s * (q * p));
}

LW_INLINE float
lw_log_at_f32(float x, float excess)
{
    const uint32_t bits = lw_f32_to_bits(x) + (0x3f800000u - 0x3f3504f3u);
    const float k = (float)((int32_t)(bits >> 23) - 127);
    const float m = lw_bits_to_f32((bits & 0x007fffffu) + 0x3f3504f3u);
    const float s = (k == 0 ? excess : m - 1) / (m + 1);
    const float q = s * s;
    float p = 1.0f / 9.0f;
    p = p * q + 1.0f / 7.0f;
    p = p * q + 1.0f / 5.0f;
    p = p * q + 1.0f / 3.0f;
    return k * 0.69314718f + (2.0f * s + 2.0f * s * (q * p));
}

/* The cosine and the sine of `turn` right angles, for |turn| <= 2. The nearest whole number of right
 * angles is taken off, and the rest, at most an eighth of a turn, goes into the series of both;
 * those of float64 end where random numbers of 32 bits no longer tell. */
LW_INLINE void
lw_cos_sin_f64(double turn, double *cosine, double *sine)
{
    const double magic = 0x1.8p52;
    const double k = (turn + magic) - magic;
    const double x = (turn - k) * 1.57079632679489661923;
    const double q = x * x;
    double s = 1.0 / 6227020800.0, c = 1.0 / 479001600.0;
    s = s * q - 1.0 / 39916800.0;
    s = s * q + 1.0 / 362880.0;
    s = s * q - 1.0 / 5040.0;
    s = s * q + 1.0 / 120.0;
    s = s * q - 1.0 / 6.0;
    s = x + x * (q * s);
    c = c * q - 1.0 / 3628800.0;
    c = c * q + 1.0 / 40320.0;
    c = c * q - 1.0 / 720.0;
    c = c * q + 1.0 / 24.0;
    c = c * q - 1.0 / 2.0;
    c = 1.0 + q * c;
    const int odd = k == 1 || k == -1;
    *cosine = odd ? -k * s : (1 - fabs(k)) * c;
    *sine = odd ? k * c : (1 - fabs(k)) * s;
}

LW_INLINE void
lw_cos_sin_f32(float turn, float *cosine, float *sine)
{
    const float magic = 0x1.8p23f;
    const float k = (turn + magic) - magic;
    const float x = (turn - k) * 1.57079632679489661923f;
    const float q = x * x;
    float s = 1.0f / 362880.0f, c = 1.0f / 40320.0f;
    s = s * q - 1.0f / 5040.0f;
    s = s * q + 1.0f / 120.0f;
    s = s * q - 1.0f / 6.0f;
    s = x + x * (q * s);
    c = c * q - 1.0f / 720.0f;
    c = c * q + 1.0f / 24.0f;
    c = c * q - 1.0f / 2.0f;
    c = 1.0f + q * c;
    const int odd = k == 1 || k == -1;
    *cosine = odd ? -k * s : (1 - fabsf(k)) * c;
    *sine = odd ? k * c : (1 - fabsf(k)) * s;
}

/* |x|, and the root of x. */
#define lw_size_f64 fabs
#define lw_size_f32 fabsf
#define lw_root_f64 sqrt
#define lw_root_f32 sqrtf

/* From here on for the float type that is compiled. Exponents are clamped to where powers are normal
 * numbers. */
#ifdef LW_SINGLE
#define LW_LEAST_EXPONENT -87.0f
#define LW_MOST_EXPONENT 88.0f
#else
#define LW_LEAST_EXPONENT -708.0
#define LW_MOST_EXPONENT 709.0
#endif

/* e^x for x between these. */
LW_INLINE LW_REAL
LW_(lw_exp_within)(LW_REAL x)
{
    LW_REAL power;
    const LW_REAL p = LW_(lw_exp_parts)(x, &power);

    return (1 + p) * power;
}

LW_INLINE LW_REAL
LW_(lw_exp)(LW_REAL x)
{
    x = x < LW_LEAST_EXPONENT ? LW_LEAST_EXPONENT : x;
    return LW_(lw_exp_within)(x > LW_MOST_EXPONENT ? LW_MOST_EXPONENT : x);
}

/* e^-|x|, clamped once, as it never is large. */
LW_INLINE LW_REAL
LW_(lw_exp_falling)(LW_REAL x)
{
    x = -LW_(lw_size)(x);
    return LW_(lw_exp_within)(x < LW_LEAST_EXPONENT ? LW_LEAST_EXPONENT : x);
}

/* 1 - e^-x for x >= 0, which keeps its relative accuracy where x is small. */
LW_INLINE LW_REAL
LW_(lw_fallen)(LW_REAL x)
{
    LW_REAL power;
    const LW_REAL p = LW_(lw_exp_parts)(x > -LW_LEAST_EXPONENT ? LW_LEAST_EXPONENT : -x, &power);

    return (1 - power) - p * power;
}

/* log(1 + e^x), never overflowing. */
LW_INLINE LW_REAL
LW_(lw_softplus)(LW_REAL x)
{
    return (x > 0 ? x : 0) + LW_(lw_log1p)(LW_(lw_exp_falling)(x));
}

/* 1 / (1 + e^-x). */
LW_INLINE LW_REAL
LW_(lw_sigmoid)(LW_REAL x)
{
    return 1 / (1 + LW_(lw_exp)(-x));
}
