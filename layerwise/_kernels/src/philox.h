/* Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * 2011): four 32-bit numbers as a function of a counter and a key. No state, so no order. */

#ifndef LW_PHILOX_H
#define LW_PHILOX_H

#include "lw.h"

/* A stream's 128 bits: the first two words are Philox's key, the other two are XORed into the
 * counter, so that streams differ in all of their bits. */
typedef struct {
    uint32_t word[4];
} lw_key;

LW_INLINE void
lw_philox(const uint32_t counter[4], uint32_t key0, uint32_t key1, uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)p0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The numbers at address (unit, row, step, lane): units 4g .. 4g+3 share one counter. Sixteen
 * counters, that is 64 units, are taken through the rounds together: round by round, so that the
 * inner loop is a vector loop. `word` is indexed by unit - 4 * first_group. */
#define LW_PHILOX_GROUPS 16
#define LW_PHILOX_UNITS 64

LW_INLINE void
lw_words_at(lw_key key, uint32_t first_group, uint32_t row, uint32_t step, uint32_t lane,
    uint32_t word[LW_PHILOX_UNITS])
{
    uint32_t c0[LW_PHILOX_GROUPS], c1[LW_PHILOX_GROUPS];
    uint32_t c2[LW_PHILOX_GROUPS], c3[LW_PHILOX_GROUPS];

    for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
        c0[g] = first_group + (uint32_t)g;
        c1[g] = row;
        c2[g] = step ^ key.word[2];
        c3[g] = lane ^ key.word[3];
    }
    for (uint32_t round = 0; round < 10; round++) {
        const uint32_t key0 = key.word[0] + round * 0x9E3779B9u;
        const uint32_t key1 = key.word[1] + round * 0xBB67AE85u;
        LW_SIMD
        for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[g];
            const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2[g];
            c0[g] = (uint32_t)(p1 >> 32) ^ c1[g] ^ key0;
            c1[g] = (uint32_t)p1;
            c2[g] = (uint32_t)(p0 >> 32) ^ c3[g] ^ key1;
            c3[g] = (uint32_t)p0;
        }
    }
    for (int g = 0; g < LW_PHILOX_GROUPS; g++) {
        word[4 * g] = c0[g];
        word[4 * g + 1] = c1[g];
        word[4 * g + 2] = c2[g];
        word[4 * g + 3] = c3[g];
    }
}

#endif
