/* Blocks of units x rows by table look-up (tables.h), in single precision: fields, means, states, and
 * states as indices. A block has at most LW_BLOCK units and LW_TILE_ROWS rows, and a vector holds
 * one unit of many rows. */

#pragma once

#include "base/philox.h"
#include "base/threads.h"
#include "rbm/tables.h"
#include "units/bernoulli.h"

#define LW_BLOCK 12      /* units of a block: whole tables, triples of outputs, fours of Philox */
#define LW_PART_ROWS 112 /* that an index holds in one piece, at most */
#define LW_TILE_PARTS 4  /* that share tables */
#define LW_TILE_ROWS (LW_TILE_PARTS * LW_PART_ROWS) /* of a block, at most */

/* One layer's weights from the other: (input k, unit u) is weights[u * unit_apart + k *
 * input_apart]. Weights that stay have their tables kept. */
typedef struct {
    const float *weights;
    ptrdiff_t unit_apart;
    ptrdiff_t input_apart;
    ptrdiff_t n_inputs;
    ptrdiff_t n_units;
    float *kept; /* or NULL */
} lw_weights;

/* Fields without intercepts of a block of units, of some rows of up to two sides. */
typedef struct {
    const uint32_t *index; /* of the first part */
    ptrdiff_t apart;       /* rows of a part */
    ptrdiff_t rows;        /* in whole vectors; none: no such side */
    float *field;
    ptrdiff_t field_row;
} lw_looked;

/* Tables of inputs from `input` on and of LW_OUTPUTS units from `unit` on: the last unit again,
 * where there are fewer. */
LW_INLINE void
unit_tables(lw_weights layer, ptrdiff_t unit, ptrdiff_t input, ptrdiff_t n_inputs, float *tables)
{
    const float *from[LW_OUTPUTS];

    for (int a = 0; a < LW_OUTPUTS; a++) {
        from[a] = layer.weights + lw_min(unit + a, layer.n_units - 1) * layer.unit_apart
            + input * layer.input_apart;
    }
    lw_tables_of(from, layer.input_apart, n_inputs, 1, tables);
}

/* The `index`-th part of a layer's tables. */
LW_LOOP void
keep_tables(lw_weights layer, ptrdiff_t index)
{
    unit_tables(layer, index * LW_OUTPUTS, 0, layer.n_inputs,
        layer.kept + index * lw_layer_tables(layer.n_inputs, 1));
}

/* Some groups of inputs, of all there are, looked up for LW_OUTPUTS units from `unit` on of a block;
 * sums of units that it does not have go to `unused`. */
LW_INLINE void
look_side(lw_looked side, int kept, const float *tables, ptrdiff_t all_groups, ptrdiff_t group,
    ptrdiff_t groups, ptrdiff_t unit, ptrdiff_t n_units, float *unused)
{
    for (ptrdiff_t r = 0, part = 0; r < side.rows; r += side.apart, part++) {
        float *sum[LW_OUTPUTS];
        for (int a = 0; a < LW_OUTPUTS; a++) {
            sum[a] = unit + a < n_units ? side.field + (unit + a) * side.field_row + r : unused;
        }
        lw_look_across(lw_min(side.apart, side.rows - r) / LW_ENTRIES, kept, tables,
            side.index + (part * all_groups + group) * side.apart, side.apart, groups, sum);
    }
}

LW_LOOP void
look_block(lw_weights layer, ptrdiff_t unit, ptrdiff_t n_units, const lw_looked sides[2])
{
    float built[LW_GROUPS * LW_OUTPUTS * LW_ENTRIES];
    float unused[LW_PART_ROWS];

    for (int s = 0; s < 2; s++) {
        for (ptrdiff_t u = 0; sides[s].rows && u < n_units; u++) {
            memset(
                sides[s].field + u * sides[s].field_row, 0, (size_t)sides[s].rows * sizeof(float));
        }
    }
    memset(unused, 0, sizeof(unused));
    for (ptrdiff_t k = 0; k < layer.n_inputs; k += LW_GROUPS * LW_INPUTS) {
        const ptrdiff_t inputs = lw_min(LW_GROUPS * LW_INPUTS, layer.n_inputs - k);
        for (ptrdiff_t u = 0; u < n_units; u += LW_OUTPUTS) {
            const ptrdiff_t all = lw_tiles(layer.n_inputs, LW_INPUTS), from = k / LW_INPUTS;
            const ptrdiff_t groups = lw_tiles(inputs, LW_INPUTS);
            if (!layer.kept) {
                unit_tables(layer, unit + u, k, inputs, built);
            }
            for (int s = 0; s < 2; s++) {
                if (layer.kept) {
                    const float *const tables = layer.kept
                        + ((unit + u) / LW_OUTPUTS * all + from) * LW_OUTPUTS * LW_ENTRIES;
                    look_side(sides[s], 1, tables, all, from, groups, u, n_units, unused);
                } else {
                    look_side(sides[s], 0, built, all, from, groups, u, n_units, unused);
                }
            }
        }
    }
}

/* Means of a block of units x rows in the place of their fields, to which `bias` is added; returns
 * the sum of softplus(field). Units are `apart` numbers from each other, with room for whole vectors
 * of rows. */
LW_LOOP double
means_of_block(float *restrict field, ptrdiff_t apart, const float *restrict bias,
    ptrdiff_t n_units, ptrdiff_t n_rows)
{
    float whole[LW_UNITS_LANES], above[LW_UNITS_LANES];
    double sum = 0;

    for (int k = 0; k < LW_UNITS_LANES; k++) {
        whole[k] = 1;
        above[k] = 0;
    }
    for (ptrdiff_t i = 0; i < n_rows; i += LW_UNITS_LANES) {
        for (ptrdiff_t j = 0; j < n_units; j++) {
            means_lanes_f32(field + j * apart + i, bias[j], whole, above);
        }
        sum += softplus_lanes_f32((int)lw_min(LW_UNITS_LANES, n_rows - i), whole, above);
    }
    return sum;
}

/* Whether rows are on, in whole vectors of them. */
LW_INLINE void
draw_lanes(const uint32_t *restrict word, const float *restrict mean, ptrdiff_t n_rows,
    uint8_t *restrict on)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LW_UNITS_LANES) {
        LW_SIMD
        for (int k = 0; k < LW_UNITS_LANES; k++) {
            on[i + k] = uniform_f32(word[i + k]) < mean[i + k];
        }
    }
}

/* States of a block of units x rows; `unit`, a multiple of four, and `row` are the first ones'
 * addresses. `on` has room for whole vectors of rows, `on_apart` from unit to unit. */
LW_LOOP void
states_of_block(const float *restrict mean, ptrdiff_t apart, ptrdiff_t n_units, ptrdiff_t n_rows,
    uint32_t unit, uint32_t row, lw_key key, uint32_t step, uint32_t lane, uint8_t *restrict on,
    ptrdiff_t on_apart)
{
    uint32_t word[LW_PHILOX_UNITS];

    for (ptrdiff_t j = 0; j < n_units; j += 4) {
        const ptrdiff_t units = lw_min(4, n_units - j);
        for (ptrdiff_t i = 0; i < n_rows; i += LW_PHILOX_GROUPS) {
            const ptrdiff_t rows = lw_min(LW_PHILOX_GROUPS, n_rows - i);
            lw_words_across(
                key, (unit + (uint32_t)j) / 4, row + (uint32_t)i, rows, step, lane, word);
            for (ptrdiff_t u = 0; u < units; u++) {
                draw_lanes(word + u * LW_PHILOX_GROUPS, mean + (j + u) * apart + i, rows,
                    on + (j + u) * on_apart + i);
            }
        }
    }
}

/* Indices of a block of units, from their states: units x LW_TILE_ROWS. */
LW_LOOP void
index_of(const uint8_t *restrict on, ptrdiff_t n_units, ptrdiff_t n_rows, uint32_t *restrict index,
    ptrdiff_t index_row)
{
    for (ptrdiff_t u = 0; u < n_units; u += LW_INPUTS) {
        const ptrdiff_t units = lw_min(LW_INPUTS, n_units - u);
        uint32_t *const here = index + u / LW_INPUTS * index_row;
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            here[r] = on[u * LW_TILE_ROWS + r];
        }
        for (ptrdiff_t k = 1; k < units; k++) {
            for (ptrdiff_t r = 0; r < n_rows; r++) {
                here[r] |= (uint32_t)on[(u + k) * LW_TILE_ROWS + r] << k;
            }
        }
    }
}

/* across[i], bit k: whether unit i is on in row k of a group of rows, of bytes or of floats. */
#define LW_DEFINE_ACROSS(name, type)                                                              \
    LW_LOOP void name(                                                                            \
        const type *const row[LW_INPUTS], ptrdiff_t n_units, uint32_t *restrict across)           \
    {                                                                                             \
        for (ptrdiff_t i = 0; i < n_units; i++) {                                                 \
            across[i] = row[0][i] != 0;                                                           \
        }                                                                                         \
        for (int k = 1; k < LW_INPUTS && row[k]; k++) {                                           \
            const type *const restrict here = row[k];                                             \
            for (ptrdiff_t i = 0; i < n_units; i++) {                                             \
                across[i] |= (uint32_t)(here[i] != 0) << k;                                       \
            }                                                                                     \
        }                                                                                         \
    }

LW_DEFINE_ACROSS(across_of_floats, float)
LW_DEFINE_ACROSS(across_of_bytes, uint8_t)

LW_LOOP float
sum_of(const float *restrict value, ptrdiff_t n)
{
    float lane[LW_UNITS_LANES] = { 0 }, sum = 0;
    ptrdiff_t i = 0;

    for (; i + LW_UNITS_LANES <= n; i += LW_UNITS_LANES) {
        LW_SIMD
        for (int k = 0; k < LW_UNITS_LANES; k++) {
            lane[k] += value[i + k];
        }
    }
    for (; i < n; i++) {
        sum += value[i];
    }
    for (int k = 0; k < LW_UNITS_LANES; k++) {
        sum += lane[k];
    }
    return sum;
}
