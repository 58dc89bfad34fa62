/* Passes by lists of the units that are on: products with states are sums of rows.
 *
 * It is the way for small batches, for float64, and for machines without table look-up. A sum of
 * the chosen rows of a matrix needs no multiplication, and nothing at all for a zero: with a fifth
 * of the visible units on, a hidden field costs a fifth of a product. So weights are kept
 * transposed during the pass, a row for each visible unit, with one more row for a unit that is
 * always on: the hidden intercepts. The gradient of a row is a sum of the hidden means of the rows
 * in which its unit is on. Only the visible fields, given about half of the hidden units, are an
 * ordinary product.
 *
 *     lists    of each row of data or chain: how many units are on, and which; then the last one
 *     masks    of each visible unit: a bit for each of 64 rows
 *
 * Rows of hidden units are padded to whole vectors (`wide`). */

#include "real.h"

#undef LW_PART
#define LW_PART (64 / (ptrdiff_t)sizeof(LW_REAL)) /* numbers of a vector of 512 bits */
#ifndef LW_PARTS
#if defined(__AVX512F__)
#define LW_PARTS 8 /* sums at a time: registers enough, and the latency of additions hidden */
#elif defined(__AVX2__)
#define LW_PARTS 4
#else
#define LW_PARTS 2
#endif
#endif

typedef struct {
    const LW_REAL *rows;
    const int64_t *order;
    lw_contrast pass;
    lw_optimizer optimizer;
    lw_key key;
    uint32_t hidden_lane;
    uint32_t visible_lane;
    LW_REAL *components;
    LW_REAL *intercept_visible;
    LW_REAL *intercept_hidden;
    LW_REAL *chains;
    LW_REAL *first;
    LW_REAL *second;
    double *gap;
    int grey; /* some row is not of zeros and ones */
} LW_(task);

/* A batch: its rows in order, its chains, and the step of its random numbers. */
typedef struct {
    ptrdiff_t top;
    ptrdiff_t n_data;
    ptrdiff_t n_chains;
    uint32_t step;
    LW_(rule) rule;
} LW_(batch);

static LW_(batch) LW_(batch_at)(const LW_(task) * task, ptrdiff_t index)
{
    LW_(batch) batch;
    lw_optimizer optimizer = task->optimizer;

    batch.top = index * task->pass.batch_size;
    batch.n_data = lw_min(task->pass.batch_size, task->pass.n_rows - batch.top);
    batch.n_chains = task->pass.n_chains ? task->pass.n_chains : batch.n_data;
    batch.step = (uint32_t)(index * (task->pass.n_steps + 1));
    optimizer.count += index + 1;
    batch.rule = LW_(rule_of)(optimizer);
    return batch;
}

typedef struct {
    ptrdiff_t wide;     /* numbers of a row of hidden units */
    ptrdiff_t across;   /* chains, padded to whole vectors */
    ptrdiff_t listed;   /* numbers of a list */
    ptrdiff_t behind;   /* rows of data_mean before those of mean */
    LW_REAL *weights;   /* (n_visible + 1) x wide, the last row the hidden intercepts */
    LW_REAL *first;     /* likewise */
    LW_REAL *second;    /* likewise */
    LW_REAL *data;      /* batch x n_visible, where rows are grey */
    LW_REAL *gradient;  /* n_visible x wide, their part of it */
    LW_REAL *slope;     /* n_visible: the gradient of the visible intercepts */
    LW_REAL *data_mean; /* batch x wide */
    LW_REAL *mean;      /* chains x wide, right behind it */
    LW_REAL *hidden;    /* chains x wide: states */
    LW_REAL *visible;   /* n_visible x across: fields, then means */
    uint32_t *data_list, *list;
    uint64_t *data_mask, *mask;
    double *data_part, *part; /* of the free energies, for each row */
} LW_(lists);

/* Slices of scratch memory from `at` on; returns where they end. */
static char *
LW_(lists_slices)(lw_contrast pass, LW_(lists) * lists, char *at)
{
    const ptrdiff_t n_data = lw_min(pass.batch_size, pass.n_rows);
    const ptrdiff_t n_chains = pass.n_chains ? pass.n_chains : n_data;
    const ptrdiff_t wide = lw_tiles(pass.n_hidden, LW_UNITS_LANES) * LW_UNITS_LANES;
    const ptrdiff_t across = lw_tiles(n_chains, LW_UNITS_LANES) * LW_UNITS_LANES;
    const ptrdiff_t units = pass.n_visible + 1;
    const size_t size = sizeof(LW_REAL);

    lists->wide = wide;
    lists->across = across;
    lists->listed = units + 1;
    lists->weights = lw_slice(&at, units * wide, size);
    lists->first = lw_slice(&at, units * wide, size);
    lists->second = lw_slice(&at, units * wide, size);
    lists->data = lw_slice(&at, n_data * pass.n_visible, size);
    lists->gradient = lw_slice(&at, pass.n_visible * wide, size);
    lists->slope = lw_slice(&at, pass.n_visible, size);
    lists->data_mean = lw_slice(&at, (n_data + n_chains) * wide, size);
    lists->mean = lists->data_mean + n_data * wide;
    lists->behind = n_data;
    lists->hidden = lw_slice(&at, n_chains * wide, size);
    lists->visible = lw_slice(&at, pass.n_visible * across, size);
    lists->data_list = lw_slice(&at, n_data * lists->listed, sizeof(uint32_t));
    lists->list = lw_slice(&at, n_chains * lists->listed, sizeof(uint32_t));
    lists->data_mask = lw_slice(&at, lw_tiles(n_data, LW_ROWS_OF_MASK) * units, sizeof(uint64_t));
    lists->mask = lw_slice(&at, lw_tiles(n_chains, LW_ROWS_OF_MASK) * units, sizeof(uint64_t));
    lists->data_part = lw_slice(&at, n_data, sizeof(double));
    lists->part = lw_slice(&at, n_chains, sizeof(double));
    return at;
}

/* The pass's copy of an array laid out as the parameters: one row for each visible unit. */
static void
LW_(turn_row)(const LW_REAL *restrict components, const LW_REAL *restrict intercept_hidden,
    lw_contrast pass, ptrdiff_t wide, ptrdiff_t i, LW_REAL *restrict turned)
{
    const ptrdiff_t apart = i < pass.n_visible ? pass.n_visible : 1;
    const LW_REAL *const from = i < pass.n_visible ? components + i : intercept_hidden;

    for (ptrdiff_t j = 0; j < pass.n_hidden; j++) {
        turned[i * wide + j] = from[j * apart];
    }
    for (ptrdiff_t j = pass.n_hidden; j < wide; j++) {
        turned[i * wide + j] = 0;
    }
}

static void
LW_(turn_back)(const LW_REAL *restrict turned, lw_contrast pass, ptrdiff_t wide, ptrdiff_t j,
    LW_REAL *restrict components, LW_REAL *restrict intercept_hidden)
{
    for (ptrdiff_t i = 0; i < pass.n_visible; i++) {
        components[j * pass.n_visible + i] = turned[i * wide + j];
    }
    intercept_hidden[j] = turned[pass.n_visible * wide + j];
}

/* sum[j] += rows[list[k]][j] over the list, for `parts` vectors, a constant where this is called. */
LW_INLINE void
LW_(add_listed)(int parts, const uint32_t *restrict list, ptrdiff_t count,
    const LW_REAL *restrict rows, ptrdiff_t wide, LW_REAL *restrict sum)
{
    LW_REAL part[LW_PARTS][64 / sizeof(LW_REAL)];

    LW_UNROLL(8)
    for (int p = 0; p < parts; p++) {
        for (ptrdiff_t j = 0; j < LW_PART; j++) {
            part[p][j] = sum[p * LW_PART + j];
        }
    }
    for (ptrdiff_t k = 0; k < count; k++) {
        const LW_REAL *const row = rows + (ptrdiff_t)list[k] * wide;
        LW_UNROLL(8)
        for (int p = 0; p < parts; p++) {
            LW_SIMD
            for (ptrdiff_t j = 0; j < LW_PART; j++) {
                part[p][j] += row[p * LW_PART + j];
            }
        }
    }
    LW_UNROLL(8)
    for (int p = 0; p < parts; p++) {
        for (ptrdiff_t j = 0; j < LW_PART; j++) {
            sum[p * LW_PART + j] = part[p][j];
        }
    }
}

/* The same for any number of vectors. */
static void
LW_(add_rows)(const uint32_t *list, ptrdiff_t count, const LW_REAL *rows, ptrdiff_t wide,
    ptrdiff_t n, LW_REAL *sum)
{
    ptrdiff_t j = 0;

    for (; n - j >= LW_PARTS * LW_PART; j += LW_PARTS * LW_PART) {
        LW_(add_listed)(LW_PARTS, list, count, rows + j, wide, sum + j);
    }
    for (; n - j >= 2 * LW_PART; j += 2 * LW_PART) {
        LW_(add_listed)(2, list, count, rows + j, wide, sum + j);
    }
    for (; j < n; j += LW_PART) {
        LW_(add_listed)(1, list, count, rows + j, wide, sum + j);
    }
}

/* A bit for each of up to 64 numbers, whether it is not zero. */
static uint64_t
LW_(bits_of)(const LW_REAL *restrict value, ptrdiff_t n)
{
    uint8_t on[64] = { 0 };

    for (ptrdiff_t k = 0; k < n; k++) {
        on[k] = value[k] != 0;
    }
    return bits_of_bytes(on, n);
}

/* The list of the units of a row that are on. */
static void
LW_(list_row)(const LW_REAL *restrict row, ptrdiff_t n_units, uint32_t *restrict list)
{
    uint32_t count = 0;

    for (ptrdiff_t i = 0; i < n_units; i += 64) {
        const ptrdiff_t units = lw_min(64, n_units - i);
        for (uint64_t bits = LW_(bits_of)(row + i, units); bits; bits &= bits - 1) {
            list[++count] = (uint32_t)i + (uint32_t)lw_lowest_bit(bits);
        }
    }
    list[++count] = (uint32_t)n_units;
    list[0] = count;
}

/* Lists and masks of 64 rows of data, or copies of them where they are grey. */
static void
LW_(take_rows)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t block)
{
    const ptrdiff_t n_visible = task->pass.n_visible;
    const ptrdiff_t from = block * LW_ROWS_OF_MASK;
    const ptrdiff_t to = lw_min(from + LW_ROWS_OF_MASK, batch.n_data);
    uint64_t *const mask = lists->data_mask + block * (n_visible + 1);

    memset(mask, 0, (size_t)(n_visible + 1) * sizeof(uint64_t));
    for (ptrdiff_t r = from; r < to; r++) {
        const LW_REAL *const row = task->rows + task->order[batch.top + r] * n_visible;
        uint32_t *const list = lists->data_list + r * lists->listed;
        if (task->grey) {
            memcpy(lists->data + r * n_visible, row, (size_t)n_visible * sizeof(LW_REAL));
            mask[n_visible] |= (uint64_t)1 << (r - from);
            continue;
        }
        LW_(list_row)(row, n_visible, list);
        for (uint32_t k = 1; k <= list[0]; k++) {
            mask[list[k]] |= (uint64_t)1 << (r - from);
        }
    }
}

/* Lists of 64 chains, from their masks. */
static void
LW_(list_chains)(
    const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t block)
{
    const ptrdiff_t n_visible = task->pass.n_visible;
    const ptrdiff_t from = block * LW_ROWS_OF_MASK;
    const ptrdiff_t rows = lw_min(LW_ROWS_OF_MASK, batch.n_chains - from);
    uint64_t *const mask = lists->mask + block * (n_visible + 1);
    uint32_t *const list = lists->list + from * lists->listed;

    mask[n_visible] = ~(uint64_t)0 >> (LW_ROWS_OF_MASK - rows);
    for (ptrdiff_t r = 0; r < rows; r++) {
        list[r * lists->listed] = 0;
    }
    for (ptrdiff_t i = 0; i <= n_visible; i++) {
        for (uint64_t bits = mask[i]; bits; bits &= bits - 1) {
            uint32_t *const here = list + lw_lowest_bit(bits) * lists->listed;
            here[++here[0]] = (uint32_t)i;
        }
    }
}

/* Hidden means of up to LW_UNITS_TILE rows of data or chains, and states drawn from them if asked. */
static void
LW_(hidden_rows)(const LW_(task) * task, const LW_(lists) * lists, int of_data, ptrdiff_t n_rows,
    uint32_t step, int draw, ptrdiff_t tile)
{
    const ptrdiff_t wide = lists->wide, n_hidden = task->pass.n_hidden;
    const ptrdiff_t from = tile * LW_UNITS_TILE, to = lw_min(from + LW_UNITS_TILE, n_rows);
    LW_REAL *const mean = of_data ? lists->data_mean : lists->mean;
    double *const part = of_data ? lists->data_part : lists->part;
    const uint32_t *const lists_of = of_data ? lists->data_list : lists->list;

    for (ptrdiff_t r = from; r < to; r++) {
        const uint32_t *const list = lists_of + r * lists->listed;
        if (!(of_data && task->grey)) {
            memset(mean + r * wide, 0, (size_t)wide * sizeof(LW_REAL));
            LW_(add_rows)(list + 1, list[0], lists->weights, wide, wide, mean + r * wide);
        }
        part[r] = LW_(means_of_row)(mean + r * wide, n_hidden);
    }
    if (draw) {
        LW_(states_tile)(mean + from * wide, to - from, n_hidden, wide, (uint32_t)from, task->key,
            step, task->hidden_lane, lists->hidden + from * wide);
    }
}

/* Masks of a block of visible units of all chains, drawn given the fields. */
static void
LW_(visible_units)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch,
    uint32_t step, ptrdiff_t tile)
{
    const ptrdiff_t n_visible = task->pass.n_visible, across = lists->across;
    const ptrdiff_t from = tile * LW_BLOCK, units = lw_min(LW_BLOCK, n_visible - from);
    LW_REAL *const mean = lists->visible + from * across;
    uint8_t on[LW_BLOCK * LW_ROWS_OF_MASK] = { 0 };

    LW_(means_of_block)(mean, across, task->intercept_visible + from, units, batch.n_chains);
    for (ptrdiff_t r = 0; r < batch.n_chains; r += LW_ROWS_OF_MASK) {
        const ptrdiff_t rows = lw_min(LW_ROWS_OF_MASK, batch.n_chains - r);
        LW_(states_of_block)(mean + r, across, units, rows, (uint32_t)from, (uint32_t)r, task->key,
            step, task->visible_lane, on, LW_ROWS_OF_MASK);
        for (ptrdiff_t u = 0; u < units; u++) {
            lists->mask[r / LW_ROWS_OF_MASK * (n_visible + 1) + from + u]
                = bits_of_bytes(on + u * LW_ROWS_OF_MASK, rows);
        }
    }
}

/* Rows of the batch and the chains in which unit i is on, of block `block` of 64 of each, as rows of
 * data_mean. */
static ptrdiff_t
LW_(rows_with)(const LW_(lists) * lists, ptrdiff_t n_data, ptrdiff_t n_chains, ptrdiff_t units,
    ptrdiff_t i, ptrdiff_t block, uint32_t *restrict list)
{
    const uint32_t from = (uint32_t)(block * LW_ROWS_OF_MASK);
    ptrdiff_t count = 0;

    if (from < n_data) {
        for (uint64_t bits = lists->data_mask[block * units + i]; bits; bits &= bits - 1) {
            list[count++] = from + (uint32_t)lw_lowest_bit(bits);
        }
    }
    if (from < n_chains) {
        for (uint64_t bits = lists->mask[block * units + i]; bits; bits &= bits - 1) {
            list[count++] = (uint32_t)lists->behind + from + (uint32_t)lw_lowest_bit(bits);
        }
    }
    return count;
}

/* The gradient of visible unit i, and the optimiser's step down it; the last row is the hidden
 * intercepts. Means come scaled: minus one over the rows of data, one over the chains. */
static void
LW_(learn_row)(LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t i)
{
    const ptrdiff_t n_visible = task->pass.n_visible, n_hidden = task->pass.n_hidden;
    const ptrdiff_t wide = lists->wide, most = LW_PARTS * LW_PART;
    const ptrdiff_t rows = batch.n_data > batch.n_chains ? batch.n_data : batch.n_chains;
    const int grey = task->grey && i < n_visible;
    const LW_(rule) rule = i < n_visible ? batch.rule : LW_(rule_without_decay)(batch.rule);
    LW_REAL sum[LW_PARTS * (64 / sizeof(LW_REAL))];
    uint32_t list[2 * LW_ROWS_OF_MASK];
    ptrdiff_t count = 0;

    for (ptrdiff_t j = 0; j < wide; j += most) {
        const ptrdiff_t n = lw_min(most, wide - j), at = i * wide + j;
        for (ptrdiff_t k = 0; k < n; k++) {
            sum[k] = grey ? lists->gradient[at + k] : 0;
        }
        for (ptrdiff_t r = 0; r < rows; r += LW_ROWS_OF_MASK) {
            if (j == 0 || rows > LW_ROWS_OF_MASK) {
                count = LW_(rows_with)(lists, grey ? 0 : batch.n_data, batch.n_chains,
                    n_visible + 1, i, r / LW_ROWS_OF_MASK, list);
            }
            LW_(add_rows)(list, count, lists->data_mean + j, wide, n, sum);
        }
        LW_(update_tile)(sum, lw_min(n, n_hidden - j), rule, lists->weights + at,
            lists->first + at, lists->second + at);
    }
}

/* The gradient of the intercept of visible unit i. */
static void
LW_(learn_slope)(const LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, ptrdiff_t i)
{
    const ptrdiff_t n_visible = task->pass.n_visible;
    LW_REAL data = 0, model = 0;

    for (ptrdiff_t r = 0; r < batch.n_chains; r += LW_ROWS_OF_MASK) {
        model += (LW_REAL)lw_count_bits(lists->mask[r / LW_ROWS_OF_MASK * (n_visible + 1) + i]);
    }
    if (task->grey) {
        for (ptrdiff_t r = 0; r < batch.n_data; r++) {
            data += lists->data[r * n_visible + i];
        }
    } else {
        for (ptrdiff_t r = 0; r < batch.n_data; r += LW_ROWS_OF_MASK) {
            data += (LW_REAL)lw_count_bits(
                lists->data_mask[r / LW_ROWS_OF_MASK * (n_visible + 1) + i]);
        }
    }
    lists->slope[i] = model / (LW_REAL)batch.n_chains - data / (LW_REAL)batch.n_data;
}

static void
LW_(scale_row)(LW_REAL *restrict row, ptrdiff_t n, LW_REAL scale)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        row[j] *= scale;
    }
}

/* The batch's gap, and the step of the visible intercepts. */
static void
LW_(end_batch)(LW_(task) * task, LW_(batch) batch, const LW_REAL *slope, const double *data_part,
    ptrdiff_t n_data_parts, const double *part, ptrdiff_t n_parts, double *gap)
{
    const ptrdiff_t at = task->pass.n_hidden * task->pass.n_visible;
    double linear = 0, of_data = 0, of_model = 0;

    for (ptrdiff_t i = 0; i < task->pass.n_visible; i++) {
        linear += (double)task->intercept_visible[i] * slope[i];
    }
    for (ptrdiff_t k = 0; k < n_data_parts; k++) {
        of_data += data_part[k];
    }
    for (ptrdiff_t k = 0; k < n_parts; k++) {
        of_model += part[k];
    }
    /* Its part b.(mean visible - mean data) is b times its own gradient. */
    *gap = linear + of_model / (double)batch.n_chains - of_data / (double)batch.n_data;
    LW_(update_tile)(slope, task->pass.n_visible, LW_(rule_without_decay)(batch.rule),
        task->intercept_visible, task->first + at, task->second ? task->second + at : NULL);
}

/* One batch, by all threads of a region. */
static void
LW_(lists_batch)(LW_(task) * task, const LW_(lists) * lists, LW_(batch) batch, double *gap)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t data_tiles = lw_tiles(batch.n_data, LW_UNITS_TILE);
    const ptrdiff_t tiles = lw_tiles(batch.n_chains, LW_UNITS_TILE);

    LW_SHARE_TILES(
        b, lw_tiles(batch.n_data, LW_ROWS_OF_MASK), { LW_(take_rows)(task, lists, batch, b); });
    if (task->grey) {
        LW_(share_product)(lists->data, pass.n_visible, 1, lists->weights, lists->wide, 1,
            batch.n_data, lists->wide, pass.n_visible, 1,
            lists->weights + pass.n_visible * lists->wide, 0, lists->data_mean, lists->wide);
    }
    LW_SHARE_TILES(t, data_tiles,
        { LW_(hidden_rows)(task, lists, 1, batch.n_data, batch.step, !pass.n_chains, t); });
    for (ptrdiff_t k = 1; k <= pass.n_steps; k++) {
        const uint32_t step = batch.step + (uint32_t)k;
        LW_(share_product)(lists->weights, lists->wide, 1, lists->hidden, 1, lists->wide,
            pass.n_visible, batch.n_chains, pass.n_hidden, 1, NULL, 0, lists->visible,
            lists->across);
        LW_SHARE_TILES(t, lw_tiles(pass.n_visible, LW_BLOCK),
            { LW_(visible_units)(task, lists, batch, step, t); });
        LW_SHARE_TILES(b, lw_tiles(batch.n_chains, LW_ROWS_OF_MASK),
            { LW_(list_chains)(task, lists, batch, b); });
        LW_SHARE_TILES(t, tiles, {
            LW_(hidden_rows)(
                task, lists, 0, batch.n_chains, step, k < pass.n_steps || pass.n_chains, t);
        });
    }
    LW_SHARE_TILES(r, batch.n_data + batch.n_chains, {
        const int of_data = r < batch.n_data;
        LW_(scale_row)(of_data ? lists->data_mean + r * lists->wide
                               : lists->mean + (r - batch.n_data) * lists->wide,
            lists->wide, of_data ? -1 / (LW_REAL)batch.n_data : 1 / (LW_REAL)batch.n_chains);
    });
    if (task->grey) {
        LW_(share_product)(lists->data, 1, pass.n_visible, lists->data_mean, lists->wide, 1,
            pass.n_visible, lists->wide, batch.n_data, 1, NULL, 0, lists->gradient, lists->wide);
    }
    LW_SHARE_TILES(t, lw_tiles(pass.n_visible + 1, LW_BLOCK), {
        const ptrdiff_t to = lw_min((t + 1) * LW_BLOCK, pass.n_visible + 1);
        for (ptrdiff_t i = t * LW_BLOCK; i < to; i++) {
            LW_(learn_row)(task, lists, batch, i);
            if (i < pass.n_visible) {
                LW_(learn_slope)(task, lists, batch, i);
            }
        }
    });
    LW_ONE_THREAD
    LW_(end_batch)(task, batch, lists->slope, lists->data_part, batch.n_data, lists->part,
        batch.n_chains, gap);
}

/* The pass, by all threads of a region. */
static void
LW_(lists_pass)(LW_(task) * task, char *scratch)
{
    const lw_contrast pass = task->pass;
    const ptrdiff_t n_batches = lw_tiles(pass.n_rows, pass.batch_size);
    const ptrdiff_t last = (pass.n_hidden + 1) * pass.n_visible;
    LW_REAL *const arrays[3] = { task->components, task->first, task->second };
    LW_REAL *const intercepts[3] = { task->intercept_hidden, task->first + last,
        task->second ? task->second + last : NULL };
    const int adam = task->optimizer.kind == LW_ADAM;
    const int n_arrays = adam ? 3 : task->optimizer.momentum == 0 ? 1 : 2;
    LW_(lists) lists;

    LW_(lists_slices)(pass, &lists, scratch);
    LW_REAL *const turned[3] = { lists.weights, lists.first, lists.second };
    LW_SHARE_TILES(i, pass.n_visible + 1, {
        for (int k = 0; k < n_arrays; k++) {
            LW_(turn_row)(arrays[k], intercepts[k], pass, lists.wide, i, turned[k]);
        }
    });
    LW_SHARE_TILES(i, pass.n_chains, {
        memcpy(lists.hidden + i * lists.wide, task->chains + i * pass.n_hidden,
            (size_t)pass.n_hidden * sizeof(LW_REAL));
    });
    for (ptrdiff_t index = 0; index < n_batches; index++) {
        LW_(lists_batch)(task, &lists, LW_(batch_at)(task, index), task->gap + index);
    }
    LW_SHARE_TILES(i, pass.n_chains, {
        memcpy(task->chains + i * pass.n_hidden, lists.hidden + i * lists.wide,
            (size_t)pass.n_hidden * sizeof(LW_REAL));
    });
    LW_SHARE_TILES(j, pass.n_hidden, {
        for (int k = 0; k < n_arrays; k++) {
            LW_(turn_back)(turned[k], pass, lists.wide, j, arrays[k], intercepts[k]);
        }
    });
}
