/* States as bits, and bits as lists of those that are set. */

#pragma once

#include "base/kernel.h"
#include "base/vector.h"

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

/* Appends first + k to a list of `count` numbers for each bit k that is set, and returns how many
 * there are then. The list has room for LW_APPENDED more. Sixteen bits go at once where
 * an instruction presses numbers together. */
#define LW_APPENDED 16

LW_INLINE ptrdiff_t
lw_append_bits(uint64_t bits, uint32_t first, uint32_t *list, ptrdiff_t count)
{
#if defined(LW_PRESS)
    for (; bits; bits >>= 16, first += 16) {
        const uint32_t on = (uint32_t)(bits & 0xFFFF);
        lw_press(on, first, list + count);
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
