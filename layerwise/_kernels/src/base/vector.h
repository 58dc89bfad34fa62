/* All code that names an instruction set: what the other sources cannot say in plain C, and the sizes
 * that suit a processor's registers. Elsewhere stand loops, which the compiler vectorises.
 *
 *     LW_VECTOR_BYTES       of a vector
 *     LW_SUMS_AT_A_TIME     vectors of sums that registers hold, and that hide an addition's latency
 *     LW_PRODUCT_ROWS       rows of a matrix product whose sums, LW_PANEL_BYTES each, registers hold
 *     LW_PANEL_BYTES        two vectors, so that a number that is read serves two multiply-adds
 *     LW_PAIR_FACTORS       whether a chain of products is better cut in two
 *     LW_PRESS              lw_press: the numbers whose bits are set, pressed together
 *     LW_BITS_OF_FLOATS     lw_bits_of_floats: a bit for each float, whether it is not zero
 *     LW_LANES_OF_WORDS     lw_lanes: words in lanes of 64 bits, for Philox
 *     LW_SHUFFLES           lw_turn_four_by_four: four rows of floats from four columns
 *     LW_LOOKUP             lw_look_up: a permutation that looks floats up in a register
 *
 * Where a macro is not defined, its user has plain C instead. */

#pragma once

#include "base/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LW_VECTOR_BYTES 64
#define LW_SUMS_AT_A_TIME 8
#define LW_PRODUCT_ROWS 12
#define LW_PANEL_BYTES 128
#define LW_PAIR_FACTORS 1
#elif defined(__AVX2__)
#define LW_VECTOR_BYTES 32
#define LW_SUMS_AT_A_TIME 4
#define LW_PRODUCT_ROWS 6
#define LW_PANEL_BYTES 64
#define LW_PAIR_FACTORS 0
#else
#define LW_VECTOR_BYTES 16
#define LW_SUMS_AT_A_TIME 2
#define LW_PRODUCT_ROWS 6
#define LW_PANEL_BYTES 64
#define LW_PAIR_FACTORS 0
#endif

/* Bits. */

#if defined(__AVX512F__)
#define LW_PRESS
/* Stores first + k for each bit k of 16 that is set, one after the other; 16 numbers are written. */
LW_INLINE void
lw_press(uint32_t bits, uint32_t first, uint32_t *to)
{
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i numbers = _mm512_add_epi32(steps, _mm512_set1_epi32((int)first));

    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32((__mmask16)bits, numbers));
}
#endif

/* A bit for each of n <= 64 floats, whether it is not zero. */
#if defined(__AVX512F__)
#define LW_BITS_OF_FLOATS
LW_INLINE uint64_t
lw_bits_of_floats(const float *value, ptrdiff_t n)
{
    uint64_t bits = 0;

    for (ptrdiff_t k = 0; k < n; k += 16) {
        const __mmask16 live = (__mmask16)(n - k >= 16 ? 0xFFFF : (1 << (n - k)) - 1);
        const __m512 here = _mm512_maskz_loadu_ps(live, value + k);
        bits |= (uint64_t)_mm512_cmp_ps_mask(here, _mm512_setzero_ps(), _CMP_NEQ_UQ) << k;
    }
    return bits;
}
#elif defined(__AVX2__)
#define LW_BITS_OF_FLOATS
LW_INLINE uint64_t
lw_bits_of_floats(const float *value, ptrdiff_t n)
{
    uint64_t bits = 0;
    ptrdiff_t k = 0;

    for (; k + 8 <= n; k += 8) {
        const __m256 on
            = _mm256_cmp_ps(_mm256_loadu_ps(value + k), _mm256_setzero_ps(), _CMP_NEQ_UQ);
        bits |= (uint64_t)_mm256_movemask_ps(on) << k;
    }
    for (; k < n; k++) {
        bits |= (uint64_t)(value[k] != 0) << k;
    }
    return bits;
}
#endif

/* Words in lanes of 64 bits, where a product of two words is one instruction (ns a number of Philox
 * with AVX-512, AVX2 and SSE2: 0.34, 0.55 and 1.0). Compilers do not find it, and multiply by 64
 * bits (0.52, 1.9 and 3.4). With it stand the two ways that words leave the lanes: the pairs of two
 * vectors in turn, or the low words of both. */

#if defined(__x86_64__) && defined(__GNUC__)
#define LW_LANES_OF_WORDS

#if defined(__AVX512F__)
typedef uint64_t lw_lanes __attribute__((vector_size(64)));
enum { LW_PHILOX_VECTORS = 4 }; /* vectors of counters at a time: none waits for another */

LW_INLINE lw_lanes
lw_lane_product(lw_lanes a, lw_lanes b)
{
    return (lw_lanes)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}

LW_INLINE void
lw_store_pairs(lw_lanes a, lw_lanes b, uint32_t *to)
{
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const __m512i high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);

    _mm512_storeu_si512(to, _mm512_permutex2var_epi64((__m512i)a, low, (__m512i)b));
    _mm512_storeu_si512(to + 16, _mm512_permutex2var_epi64((__m512i)a, high, (__m512i)b));
}

LW_INLINE void
lw_store_lows(lw_lanes a, lw_lanes b, uint32_t *to)
{
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi64_epi32((__m512i)a));
    _mm256_storeu_si256((__m256i *)(to + 8), _mm512_cvtepi64_epi32((__m512i)b));
}

#elif defined(__AVX2__)
typedef uint64_t lw_lanes __attribute__((vector_size(32)));
enum { LW_PHILOX_VECTORS = 2 };

LW_INLINE lw_lanes
lw_lane_product(lw_lanes a, lw_lanes b)
{
    return (lw_lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}

LW_INLINE void
lw_store_pairs(lw_lanes a, lw_lanes b, uint32_t *to)
{
    const __m256i even = _mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
    const __m256i odd = _mm256_unpackhi_epi64((__m256i)a, (__m256i)b);

    _mm256_storeu_si256((__m256i *)to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256((__m256i *)(to + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}

LW_INLINE void
lw_store_lows(lw_lanes a, lw_lanes b, uint32_t *to)
{
    const __m256 lows = _mm256_shuffle_ps((__m256)a, (__m256)b, 0x88);

    _mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64((__m256i)lows, 0xD8));
}

#else
typedef uint64_t lw_lanes __attribute__((vector_size(16)));
enum { LW_PHILOX_VECTORS = 2 };

LW_INLINE lw_lanes
lw_lane_product(lw_lanes a, lw_lanes b)
{
    return (lw_lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
}

LW_INLINE void
lw_store_pairs(lw_lanes a, lw_lanes b, uint32_t *to)
{
    _mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi64((__m128i)a, (__m128i)b));
    _mm_storeu_si128((__m128i *)(to + 4), _mm_unpackhi_epi64((__m128i)a, (__m128i)b));
}

LW_INLINE void
lw_store_lows(lw_lanes a, lw_lanes b, uint32_t *to)
{
    _mm_storeu_ps((float *)to, _mm_shuffle_ps((__m128)a, (__m128)b, 0x88));
}
#endif

#endif

/* Transposes. */

#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12)
#define LW_SHUFFLES
typedef float lw_four __attribute__((vector_size(16)));

/* Four rows of `to` from four columns of `from`: to[j][i] = from[i][j]. */
LW_INLINE void
lw_turn_four_by_four(
    const float *restrict from, ptrdiff_t from_row, float *restrict to, ptrdiff_t to_row)
{
    lw_four row[4], half[4];

    for (int i = 0; i < 4; i++) {
        memcpy(row + i, from + i * from_row, sizeof(lw_four));
    }
    half[0] = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    half[1] = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    half[2] = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    half[3] = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(half[0], half[2], 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(half[0], half[2], 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(half[1], half[3], 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(half[1], half[3], 2, 3, 6, 7);
    for (int j = 0; j < 4; j++) {
        memcpy(to + j * to_row, row + j, sizeof(lw_four));
    }
}
#endif

/* Look-up in a register: a table of 2^LW_INPUTS floats is exactly one vector. Without permutations
 * there is no LW_LOOKUP. */

#if defined(__AVX512F__)

#define LW_LOOKUP
enum {
    LW_INPUTS = 4,   /* units of a table */
    LW_ENTRIES = 16, /* entries of a table, and rows of a vector */
    LW_ACROSS = 7    /* vectors of rows at a time: 21 sums, 3 tables, an index: 25 of 32 */
};
typedef __m512 lw_floats;
typedef __m512i lw_indices;
#define lw_load_floats _mm512_loadu_ps
#define lw_store_floats _mm512_storeu_ps
#define lw_load_indices(from) _mm512_loadu_si512((const void *)(from))
#define lw_add_floats _mm512_add_ps
#define lw_fma_floats _mm512_fmadd_ps
#define lw_all_floats _mm512_set1_ps
#define lw_look_up(table, indices) _mm512_permutexvar_ps(indices, table)
/* The same addition on other pipes than the rest (Zen 4: a fifth faster). */
#define lw_add_beside(a, b) _mm512_fmadd_ps(a, _mm512_set1_ps(1), b)

/* The sums of all subsets: entry e is the sum of w[k * apart] over the bits k of e. */
LW_INLINE lw_floats
lw_subset_sums(const float *w, ptrdiff_t apart)
{
    lw_floats sums = _mm512_maskz_mov_ps(0xAAAA, _mm512_set1_ps(w[0]));

    sums = _mm512_mask_add_ps(sums, 0xCCCC, sums, _mm512_set1_ps(w[apart]));
    sums = _mm512_mask_add_ps(sums, 0xF0F0, sums, _mm512_set1_ps(w[2 * apart]));
    return _mm512_mask_add_ps(sums, 0xFF00, sums, _mm512_set1_ps(w[3 * apart]));
}

#elif defined(__AVX2__) && defined(__FMA__)

#define LW_LOOKUP
enum {
    LW_INPUTS = 3,
    LW_ENTRIES = 8,
    LW_ACROSS = 4 /* 12 sums, 3 tables and an index: all 16 */
};
typedef __m256 lw_floats;
typedef __m256i lw_indices;
#define lw_load_floats _mm256_loadu_ps
#define lw_store_floats _mm256_storeu_ps
#define lw_load_indices(from) _mm256_loadu_si256((const __m256i *)(from))
#define lw_add_floats _mm256_add_ps
#define lw_fma_floats _mm256_fmadd_ps
#define lw_all_floats _mm256_set1_ps
#define lw_look_up(table, indices) _mm256_permutevar8x32_ps(table, indices)
#define lw_add_beside _mm256_add_ps /* a factor of one would take a register too many */

LW_INLINE lw_floats
lw_subset_sums(const float *w, ptrdiff_t apart)
{
    const __m256 bit0 = _mm256_castsi256_ps(_mm256_setr_epi32(0, -1, 0, -1, 0, -1, 0, -1));
    const __m256 bit1 = _mm256_castsi256_ps(_mm256_setr_epi32(0, 0, -1, -1, 0, 0, -1, -1));
    const __m256 bit2 = _mm256_castsi256_ps(_mm256_setr_epi32(0, 0, 0, 0, -1, -1, -1, -1));
    const __m256 low = _mm256_add_ps(
        _mm256_and_ps(bit0, _mm256_set1_ps(w[0])), _mm256_and_ps(bit1, _mm256_set1_ps(w[apart])));

    return _mm256_add_ps(low, _mm256_and_ps(bit2, _mm256_set1_ps(w[2 * apart])));
}

#endif

#ifdef LW_LOOKUP
enum { LW_OUTPUTS = 3 }; /* units whose sums are taken together: they share the indices */
#endif
