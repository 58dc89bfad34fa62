/* States as bits, and bits as lists of those that are set. */

#ifndef LW_BITS_H
#define LW_BITS_H

#include "lw.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* The index of the lowest bit of a number that is not zero. */
LW_INLINE int
lw_lowest_bit(uint64_t bits)
{
#if defined(__GNUC__)
    return __builtin_ctzll(bits);
#else
    int index = 0;

    for (; !(bits & 1); bits >>= 1) {
        index++;
    }
    return index;
#endif
}

LW_INLINE int
lw_count_bits(uint64_t bits)
{
#if defined(__GNUC__)
    return __builtin_popcountll(bits);
#else
    int count = 0;

    for (; bits; bits &= bits - 1) {
        count++;
    }
    return count;
#endif
}

/* Puts first + k behind a list of `count` numbers for each bit k that is set, and returns how many
 * there are then. The list has room for LW_APPENDED more. With AVX-512 sixteen bits go at once, by
 * a vector of all sixteen numbers pressed together. */
#define LW_APPENDED 16

LW_INLINE ptrdiff_t
lw_append_bits(uint64_t bits, uint32_t first, uint32_t *list, ptrdiff_t count)
{
#if defined(__AVX512F__)
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    for (; bits; bits >>= 16, first += 16) {
        const __m512i numbers = _mm512_add_epi32(steps, _mm512_set1_epi32((int)first));
        const __mmask16 on = (__mmask16)bits;
        _mm512_storeu_si512(list + count, _mm512_maskz_compress_epi32(on, numbers));
        count += lw_count_bits(on);
    }
#else
    for (; bits; bits &= bits - 1) {
        list[count++] = first + (uint32_t)lw_lowest_bit(bits);
    }
#endif
    return count;
}

/* Eight bytes as a number, the first one lowest. */
LW_INLINE uint64_t
lw_eight_bytes(const uint8_t *bytes)
{
    uint64_t eight = 0;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&eight, bytes, sizeof(eight));
#else
    for (int k = 0; k < 8; k++) {
        eight |= (uint64_t)bytes[k] << 8 * k;
    }
#endif
    return eight;
}

/* A bit for each of n <= 64 bytes that are zero or one; all 64 can be read. The product gathers the
 * lowest bits of eight bytes: bit 8k moves by 7(8 - k) to bit 56 + k, and below bit 56 nothing
 * meets that could carry. */
LW_INLINE uint64_t
lw_bits_of_bytes(const uint8_t *restrict on, ptrdiff_t n)
{
    uint64_t bits = 0;

    for (ptrdiff_t k = 0; k < n; k += 8) {
        bits |= (lw_eight_bytes(on + k) * 0x0102040810204080u >> 56) << k;
    }
    return bits & ~(uint64_t)0 >> (64 - n);
}

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

#endif
