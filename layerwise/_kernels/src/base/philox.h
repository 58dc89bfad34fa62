/* Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * 2011): four 32-bit numbers as a function of a counter and a key. No state, so no order. */

#pragma once

#include "base/kernel.h"
#include "base/vector.h"

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

/* Many counters go through the rounds together, in lanes of 64 bits (base/vector.h). */
#if defined(LW_LANES_OF_WORDS)

typedef uint64_t lw_lane;
enum { LW_PHILOX_LANES = sizeof(lw_lanes) / sizeof(lw_lane) };

LW_INLINE lw_lanes
lw_all_lanes(uint32_t word)
{
    return (lw_lanes) { 0 } + (lw_lane)word;
}

/* `vectors` vectors of counters, a constant where this is called. */
LW_INLINE void
lw_words_of_vectors(int vectors, lw_key key, const lw_lane *group, const lw_lane *row,
    uint32_t step, uint32_t lane, int across, uint32_t *word)
{
    const lw_lanes factor0 = lw_all_lanes(0xD2511F53u), factor1 = lw_all_lanes(0xCD9E8D57u);
    const lw_lanes low = lw_all_lanes(0xFFFFFFFFu);
    uint32_t key0 = key.word[0], key1 = key.word[1];
    lw_lanes c[LW_PHILOX_VECTORS][4];

    LW_UNROLL(4)
    for (int v = 0; v < vectors; v++) {
        memcpy(&c[v][0], group + v * LW_PHILOX_LANES, sizeof(lw_lanes));
        memcpy(&c[v][1], row + v * LW_PHILOX_LANES, sizeof(lw_lanes));
        c[v][2] = lw_all_lanes(step ^ key.word[2]);
        c[v][3] = lw_all_lanes(lane ^ key.word[3]);
    }
    LW_UNROLL(10)
    for (int round = 0; round < 10; round++) {
        LW_UNROLL(4)
        for (int v = 0; v < vectors; v++) {
            const lw_lanes p0 = lw_lane_product(c[v][0], factor0),
                           p1 = lw_lane_product(c[v][2], factor1);
            c[v][0] = p1 >> 32 ^ c[v][1] ^ lw_all_lanes(key0);
            c[v][1] = p1; /* what stands above the word is not read */
            c[v][2] = p0 >> 32 ^ c[v][3] ^ lw_all_lanes(key1);
            c[v][3] = p0;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    LW_UNROLL(4)
    for (int v = 0; v < vectors && !across; v++) {
        lw_store_pairs((c[v][0] & low) | c[v][1] << 32, (c[v][2] & low) | c[v][3] << 32,
            word + 4 * v * LW_PHILOX_LANES);
    }
    LW_UNROLL(2)
    for (int v = 0; v < vectors && across; v += 2) {
        LW_UNROLL(4)
        for (int w = 0; w < 4; w++) {
            lw_store_lows(c[v][w], c[v + 1][w], word + w * across + v * LW_PHILOX_LANES);
        }
    }
}

#else

typedef uint32_t lw_lane;

#endif

/* Counters that fill the lanes twice or more, and their numbers. */
#define LW_PHILOX_GROUPS 32
#define LW_PHILOX_UNITS 128

/* The numbers at addresses (unit, row, step, lane): units 4g .. 4g+3 share the counter of group g.
 * Word w of counter k goes to word[4 * k + w], or with `across` to word[w * across + k]. As many
 * counters as are wanted, rounded up to LW_PHILOX_GROUPS or half of it. */
LW_INLINE void
lw_words_of(lw_key key, const lw_lane *group, const lw_lane *row, ptrdiff_t wanted, uint32_t step,
    uint32_t lane, int across, uint32_t *word)
{
    const int count = wanted > LW_PHILOX_GROUPS / 2 ? LW_PHILOX_GROUPS : LW_PHILOX_GROUPS / 2;
#if defined(LW_LANES_OF_WORDS)
    const int most = LW_PHILOX_VECTORS * LW_PHILOX_LANES;
    int k = 0;

    for (; k + most <= count; k += most) {
        lw_words_of_vectors(LW_PHILOX_VECTORS, key, group + k, row + k, step, lane, across,
            word + (across ? k : 4 * k));
    }
    for (; k < count; k += 2 * LW_PHILOX_LANES) {
        lw_words_of_vectors(
            2, key, group + k, row + k, step, lane, across, word + (across ? k : 4 * k));
    }
#else
    LW_SIMD
    for (int k = 0; k < count; k++) {
        const uint32_t counter[4] = { group[k], row[k], step ^ key.word[2], lane ^ key.word[3] };
        uint32_t out[4];
        lw_philox(counter, key.word[0], key.word[1], out);
        LW_UNROLL(4)
        for (int w = 0; w < 4; w++) {
            word[across ? w * across + k : 4 * k + w] = out[w];
        }
    }
#endif
}

/* The numbers of up to LW_PHILOX_UNITS units of one row, by which `word` is indexed. */
LW_INLINE void
lw_words_at(lw_key key, uint32_t first_group, uint32_t row, ptrdiff_t n_units, uint32_t step,
    uint32_t lane, uint32_t word[LW_PHILOX_UNITS])
{
    lw_lane group[LW_PHILOX_GROUPS], rows[LW_PHILOX_GROUPS];

    for (int k = 0; k < LW_PHILOX_GROUPS; k++) {
        group[k] = first_group + (uint32_t)k;
        rows[k] = row;
    }
    lw_words_of(key, group, rows, (n_units + 3) / 4, step, lane, 0, word);
}

/* The numbers of four units of up to LW_PHILOX_GROUPS rows, by which `word` is indexed as unit *
 * LW_PHILOX_GROUPS + row. */
LW_INLINE void
lw_words_across(lw_key key, uint32_t group, uint32_t first_row, ptrdiff_t n_rows, uint32_t step,
    uint32_t lane, uint32_t word[LW_PHILOX_UNITS])
{
    lw_lane groups[LW_PHILOX_GROUPS], row[LW_PHILOX_GROUPS];

    for (int k = 0; k < LW_PHILOX_GROUPS; k++) {
        groups[k] = group;
        row[k] = first_row + (uint32_t)k;
    }
    lw_words_of(key, groups, row, n_rows, step, lane, LW_PHILOX_GROUPS, word);
}
