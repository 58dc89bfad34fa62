/* Matrix products with 0/1 states by table look-up in registers ("the method of four Russians").
 *
 * LW_INPUTS units that are on or off select one of 2^LW_INPUTS subset sums of their weights, and so
 * many floats are exactly one vector: a permutation of the vector by a vector of indices looks up
 * the sums of LW_ENTRIES rows at once. For four units (AVX-512) that is a permutation and an addition
 * for 64 multiply-adds. The sums are exact sums of floats, in an order of their own. Tables are built
 * for each product, for all of its rows, or kept (way.h); kept ones have eight times the size of the
 * weights. Without permutations there is no LW_LOOKUP. */

#pragma once

#include "base/kernel.h"
#include "base/threads.h"
#include "base/vector.h"

#ifdef LW_LOOKUP

#define LW_GROUPS 128 /* groups of LW_INPUTS units whose tables stay in the L1 cache: 24 KB */
#define LW_AHEAD 24   /* groups whose tables are on their way, if they are kept */

/* Floats of the tables of a whole layer: for every LW_OUTPUTS units, those of all their inputs. */
LW_INLINE ptrdiff_t
lw_layer_tables(ptrdiff_t n_inputs, ptrdiff_t n_units)
{
    return lw_tiles(n_units, LW_OUTPUTS) * lw_tiles(n_inputs, LW_INPUTS) * LW_OUTPUTS * LW_ENTRIES;
}

/* Tables of up to LW_GROUPS groups of LW_INPUTS units and LW_OUTPUTS outputs. Weight (unit k, output
 * a) is w[a][k * apart]; of the last group there may be fewer than LW_INPUTS, n_inputs in all. */
LW_INLINE void
lw_tables_of(const float *const w[LW_OUTPUTS], ptrdiff_t apart, ptrdiff_t n_inputs, float scale,
    float *restrict tables)
{
    const ptrdiff_t whole = n_inputs / LW_INPUTS, rest = n_inputs % LW_INPUTS;
    const lw_floats factor = lw_all_floats(scale);
    const lw_floats zero = lw_all_floats(0);

    for (ptrdiff_t g = 0; g < whole; g++) {
        LW_UNROLL(3)
        for (int a = 0; a < LW_OUTPUTS; a++) {
            const lw_floats sums = lw_subset_sums(w[a] + g * LW_INPUTS * apart, apart);
            lw_store_floats(
                tables + (g * LW_OUTPUTS + a) * LW_ENTRIES, lw_fma_floats(sums, factor, zero));
        }
    }
    for (int a = 0; rest && a < LW_OUTPUTS; a++) {
        float last[LW_INPUTS] = { 0 };
        for (ptrdiff_t k = 0; k < rest; k++) {
            last[k] = scale * w[a][(whole * LW_INPUTS + k) * apart];
        }
        lw_store_floats(tables + (whole * LW_OUTPUTS + a) * LW_ENTRIES, lw_subset_sums(last, 1));
    }
}

/* sum[a][c] += table entry index[g][c], over groups g: `across` vectors of rows c. Kept tables come
 * from far away, and are fetched before they are read: without that annealing 784 x 500 units took as
 * long where the third cache was quiet, and 1.4 to 1.9 times as long where it was not. Both are
 * constants where this is called. */
LW_INLINE void
lw_look(int across, int kept, const float *restrict tables, const uint32_t *restrict index,
    ptrdiff_t index_row, ptrdiff_t groups, float *const sum[LW_OUTPUTS])
{
    const ptrdiff_t floats = LW_OUTPUTS * LW_ENTRIES; /* of a group's tables */
    lw_floats part[LW_OUTPUTS][LW_ACROSS];

    LW_UNROLL(8)
    for (int c = 0; c < across; c++) {
        LW_UNROLL(3)
        for (int a = 0; a < LW_OUTPUTS; a++) {
            part[a][c] = lw_load_floats(sum[a] + c * LW_ENTRIES);
        }
    }
    for (ptrdiff_t g = 0; g < groups; g++) {
        const float *const table = tables + g * floats;
        for (ptrdiff_t k = 0; kept && k < floats; k += LW_LINE / (ptrdiff_t)sizeof(float)) {
            LW_PREFETCH(table + LW_AHEAD * floats + k);
        }
        const lw_floats table0 = lw_load_floats(table);
        const lw_floats table1 = lw_load_floats(table + LW_ENTRIES);
        const lw_floats table2 = lw_load_floats(table + 2 * LW_ENTRIES);
        LW_UNROLL(8)
        for (int c = 0; c < across; c++) {
            const lw_indices at = lw_load_indices(index + g * index_row + c * LW_ENTRIES);
            part[0][c] = lw_add_floats(part[0][c], lw_look_up(table0, at));
            part[1][c] = lw_add_beside(lw_look_up(table1, at), part[1][c]);
            part[2][c] = lw_add_floats(part[2][c], lw_look_up(table2, at));
        }
    }
    LW_UNROLL(8)
    for (int c = 0; c < across; c++) {
        LW_UNROLL(3)
        for (int a = 0; a < LW_OUTPUTS; a++) {
            lw_store_floats(sum[a] + c * LW_ENTRIES, part[a][c]);
        }
    }
}

/* The same for any number of vectors, as evenly as can be. */
LW_INLINE void
lw_look_across(ptrdiff_t vectors, int kept, const float *tables, const uint32_t *index,
    ptrdiff_t index_row, ptrdiff_t groups, float *const sum[LW_OUTPUTS])
{
    const ptrdiff_t parts = lw_tiles(vectors, LW_ACROSS);

    for (ptrdiff_t p = 0; p < parts; p++) {
        const ptrdiff_t from = vectors * p / parts, to = vectors * (p + 1) / parts;
        float *const here[LW_OUTPUTS] = { sum[0] + from * LW_ENTRIES, sum[1] + from * LW_ENTRIES,
            sum[2] + from * LW_ENTRIES };
        const uint32_t *const at = index + from * LW_ENTRIES;
        switch (to - from) {
        case 1: lw_look(1, kept, tables, at, index_row, groups, here); break;
        case 2: lw_look(2, kept, tables, at, index_row, groups, here); break;
        case 3: lw_look(3, kept, tables, at, index_row, groups, here); break;
        case 4: lw_look(4, kept, tables, at, index_row, groups, here); break;
#if LW_VECTOR_BYTES == 64
        case 5: lw_look(5, kept, tables, at, index_row, groups, here); break;
        case 6: lw_look(6, kept, tables, at, index_row, groups, here); break;
        case 7: lw_look(7, kept, tables, at, index_row, groups, here); break;
#endif
        }
    }
}

#endif
