/* A stack of RBMs, each moved by the dense way: on whole rows, or on their patches. */

#include "rbm/stack.h"

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "rbm/dense.c"
#include "rbm/patches.h"
#include "rbm/task.h"

/* One RBM: what moves its visible units, which are those of rows, and what moves its hidden units,
 * which may be of patches of them. Where a row is one patch, both are the same. */
typedef struct {
    const lw_stack_layer *layer;
    LW_(task) task;
    LW_(dense) dense;
    LW_(task) seen;
    LW_(dense) patch;
    lw_units above; /* the kind of the hidden units, and their number in a patch, and in a row */
    lw_units below;
    ptrdiff_t n_patches;
} LW_(storey);

typedef struct {
    LW_(storey) storeys[LW_STACK_MOST];
    ptrdiff_t n_layers;
} LW_(stack);

static lw_scratch
LW_(storey_place)(
    LW_(storey) * storey, lw_stack stack, ptrdiff_t k, lw_contrast pass, lw_scratch at)
{
    const lw_stack_layer *const layer = stack.layers + k;
    const ptrdiff_t n = lw_patches_of(layer), size = lw_patch_size(layer);
    lw_contrast patches = pass;
    lw_shape shape = { .n_visible = (ptrdiff_t)layer->n_visible,
        .n_hidden = (ptrdiff_t)layer->n_hidden,
        .visible = stack.visible,
        .n_visible_runs = stack.n_visible_runs,
        .hidden = &storey->above,
        .n_hidden_runs = 1 };

    storey->layer = layer;
    storey->n_patches = n;
    storey->above = (lw_units) { layer->hidden_kind, layer->n_hidden };
    if (k > 0) {
        storey->below = (lw_units) { layer[-1].hidden_kind, layer->n_visible };
        shape.visible = &storey->below;
        shape.n_visible_runs = 1;
    }
    storey->task.rbm.shape = shape;
    at = LW_(dense_place)(shape, pass, at, &storey->dense);
    storey->seen.rbm.shape = shape;
    storey->patch = storey->dense;
    if (layer->size) {
        patches.n_rows *= n;
        patches.batch_size *= n;
        patches.n_chains *= n;
        storey->seen.rbm.shape.n_visible = size;
        at = LW_(dense_place)(storey->seen.rbm.shape, patches, at, &storey->patch);
        storey->patch.chain_share = lw_slice(&at, lw_most_chains(patches), sizeof(LW_REAL));
    }
    return at;
}

static lw_scratch
LW_(stack_place)(LW_(stack) * work, lw_stack stack, lw_contrast pass, void *scratch)
{
    lw_scratch at = lw_scratch_from(scratch);

    work->n_layers = stack.n_layers;
    for (ptrdiff_t k = 0; k < stack.n_layers; k++) {
        at = LW_(storey_place)(&work->storeys[k], stack, k, pass, at);
    }
    return at;
}

ptrdiff_t
LW_(lw_stack_scratch)(lw_stack stack, lw_contrast pass)
{
    LW_(stack) work;

    return lw_scratch_size(LW_(stack_place)(&work, stack, pass, NULL));
}

/* What a storey is told of a call, and where it stands between the others: the states of its hidden
 * units are the visible ones of the storey above, of data as of chains. */
static void
LW_(storey_open)(LW_(stack) * work, ptrdiff_t k, LW_(task) call, lw_stack stack, uint32_t lane,
    LW_REAL *parameter, LW_REAL *first, LW_REAL *second)
{
    LW_(storey) *const storey = &work->storeys[k];
    const lw_stack_layer *const layer = stack.layers + k;
    const lw_shape whole = storey->task.rbm.shape, part = storey->seen.rbm.shape;

    if (k > 0) {
        call.hidden_lane = lane + 2 * (uint32_t)k;
        call.visible_lane = lane + 2 * (uint32_t)k + 1;
        call.visible = NULL;
    }
    call.rbm = (LW_(lw_rbm)) { .shape = whole,
        .components = parameter + layer->components,
        .intercept_visible = parameter + layer->intercept_visible,
        .intercept_hidden = parameter + layer->intercept_hidden,
        .log_variance = layer->log_variance < 0 ? NULL : parameter + layer->log_variance,
        .first = first ? first + layer->components : NULL,
        .second = second ? second + layer->components : NULL };
    storey->task = call;
    storey->seen = call;
    storey->seen.rbm.shape = part;
    LW_(dense_open)(&storey->task, &storey->dense);
    if (k > 0) {
        storey->dense.share = work->storeys[0].dense.share;
        storey->dense.chain_share = work->storeys[0].dense.chain_share;
    }
    if (!layer->size) {
        storey->patch = storey->dense;
    }
    if (call.pass.n_chains) {
        storey->patch.hidden = call.chains; /* of the top alone */
    }
    storey->patch.scale = NULL;
}

static void
LW_(stack_open)(LW_(stack) * work, LW_(task) call, lw_stack stack, uint32_t lane,
    LW_REAL *parameter, LW_REAL *first, LW_REAL *second)
{
    for (ptrdiff_t k = 0; k < work->n_layers; k++) {
        LW_(storey_open)(work, k, call, stack, lane, parameter, first, second);
    }
}

/* Hidden means and log-partitions given visible units of `n_rows`, and states unless `state` is NULL. */
static void
LW_(storey_up)(const LW_(storey) * storey, const LW_REAL *visible, LW_REAL *patches,
    ptrdiff_t n_rows, uint32_t step, LW_REAL *mean, double *part, LW_REAL *state)
{
    if (storey->layer->size) {
        LW_(share_take_patches)(storey->layer, visible, n_rows, patches);
        visible = patches;
    }
    LW_(dense_hidden)(&storey->seen, visible, n_rows * storey->n_patches, step, mean, part, state);
}

/* Visible states of the chains, given hidden ones. */
static void
LW_(storey_down)(
    const LW_(storey) * storey, const LW_REAL *hidden, ptrdiff_t n_chains, uint32_t step)
{
    const LW_(lw_rbm) rbm = storey->seen.rbm;
    const ptrdiff_t size = rbm.shape.n_visible, n_hidden = rbm.shape.n_hidden;

    if (!storey->layer->size) {
        LW_(dense_visible)(&storey->task, &storey->dense, hidden, n_chains, step);
        return;
    }
    LW_(share_product)(hidden, n_hidden, 1, rbm.components, size, 1, n_chains * storey->n_patches,
        size, n_hidden, 1, NULL, 0, storey->patch.visible, size);
    LW_(share_add_patches)(storey->layer, storey->patch.visible, n_chains, rbm.intercept_visible,
        storey->dense.visible);
    LW_(dense_draw_visible)(&storey->task, &storey->dense, n_chains, step);
}

/* The top's states, where chains stand between two steps. */
static LW_REAL *
LW_(top_of)(const LW_(stack) * work)
{
    return work->storeys[work->n_layers - 1].patch.hidden;
}

/* Rows of a batch, up to the top: CD's chains start from its states. */
static void
LW_(stack_take)(const LW_(stack) * work, LW_(batch) batch)
{
    const int n_chains = work->storeys[0].task.pass.n_chains > 0;

    LW_(dense_rows)(&work->storeys[0].task, &work->storeys[0].dense, batch);
    for (ptrdiff_t k = 0; k < work->n_layers; k++) {
        const LW_(storey) *const storey = &work->storeys[k];
        LW_REAL *const state = k + 1 < work->n_layers ? storey[1].dense.rows
            : n_chains                                ? NULL
                                                      : LW_(top_of)(work);
        LW_(storey_up)(storey, storey->dense.rows, storey->patch.rows, batch.n_data, batch.step,
            storey->patch.data_mean, storey->patch.data_part, state);
    }
}

/* Steps of the chains: down through all layers, and up again. */
static void
LW_(stack_walk)(const LW_(stack) * work, LW_(batch) batch)
{
    const lw_contrast pass = work->storeys[0].task.pass;
    const ptrdiff_t n_layers = work->n_layers;

    for (ptrdiff_t step = 1; step <= pass.n_steps; step++) {
        const int draw = step < pass.n_steps || pass.n_chains;
        const uint32_t at = batch.step + (uint32_t)step;
        for (ptrdiff_t k = n_layers - 1; k >= 0; k--) {
            const LW_(storey) *const storey = &work->storeys[k];
            const LW_REAL *const hidden
                = k + 1 < n_layers ? storey[1].dense.visible : LW_(top_of)(work);
            LW_(storey_down)(storey, hidden, batch.n_chains, at);
        }
        for (ptrdiff_t k = 0; k < n_layers; k++) {
            const LW_(storey) *const storey = &work->storeys[k];
            LW_REAL *const state = k + 1 < n_layers ? storey[1].dense.visible
                : draw                              ? LW_(top_of)(work)
                                                    : NULL;
            LW_(storey_up)(storey, storey->dense.visible, storey->patch.visible, batch.n_chains,
                at, storey->patch.mean, storey->patch.part, state);
        }
    }
}

/* What the patches of rows, and of chains, count for: for a part of the row. So what patches share takes
 * the mean of their slopes; the gap has the sum of their parts, which are times as many for it. With
 * sums of slopes all units of 36 patches were off for good after a few steps at the usual rate. */
static void
LW_(storey_shares)(const LW_(storey) * storey, LW_(batch) batch)
{
    const ptrdiff_t n = storey->n_patches;
    const LW_REAL *const share = storey->dense.share, *const chains = storey->dense.chain_share;

    for (ptrdiff_t i = 0; i < batch.n_data * n; i++) {
        const LW_REAL row = share ? share[i / n] : 1 / (LW_REAL)batch.n_data;
        storey->patch.share[i] = row / (LW_REAL)n;
        storey->patch.data_part[i] *= (double)n;
    }
    for (ptrdiff_t i = 0; i < batch.n_chains * n; i++) {
        const LW_REAL row = chains ? chains[i / n] : 1 / (LW_REAL)batch.n_chains;
        storey->patch.chain_share[i] = row / (LW_REAL)n;
        storey->patch.part[i] *= (double)n;
    }
}

/* One step of every RBM; the sum of their gaps, which `part` holds for a moment. */
static void
LW_(stack_learn)(const LW_(stack) * work, LW_(batch) batch, double *gap)
{
    LW_ONE_THREAD
    *gap = 0;
    for (ptrdiff_t k = 0; k < work->n_layers; k++) {
        const LW_(storey) *const storey = &work->storeys[k];
        double *const own = work->storeys[0].dense.data_part; /* not read after the first storey */
        LW_(batch) patches = batch;
        if (storey->layer->size) {
            patches.n_data *= storey->n_patches;
            patches.n_chains *= storey->n_patches;
            LW_ONE_THREAD
            LW_(storey_shares)(storey, batch);
        }
        LW_(dense_step)(
            &storey->task, &storey->dense, batch, &storey->seen, &storey->patch, patches, own);
        LW_ONE_THREAD
        *gap += *own;
    }
}

static void
LW_(share_stack_pass)(LW_(task) call, lw_stack stack, uint32_t lane, LW_REAL *parameter,
    LW_REAL *first, LW_REAL *second, void *scratch, double *gap)
{
    const ptrdiff_t n_batches = lw_tiles(call.pass.n_rows, call.pass.batch_size);
    LW_(stack) work;

    LW_(stack_place)(&work, stack, call.pass, scratch);
    LW_(stack_open)(&work, call, stack, lane, parameter, first, second);
    for (ptrdiff_t index = 0; index < n_batches; index++) {
        const LW_(batch) batch = LW_(batch_at)(&work.storeys[0].task, index);
        LW_(stack_take)(&work, batch);
        LW_(stack_walk)(&work, batch);
        LW_(stack_learn)(&work, batch, gap + index);
    }
}

int
LW_(lw_stack_pass)(const LW_REAL *rows, const int64_t *order, const double *weights,
    lw_stack stack, lw_contrast pass, lw_optimizer optimizer, lw_key key, uint32_t hidden_lane,
    uint32_t visible_lane, uint32_t lane, int n_threads, LW_REAL *parameter,
    ptrdiff_t n_parameters, LW_REAL *first, LW_REAL *second, LW_REAL *chains, void *scratch,
    double *gap)
{
    const LW_(task) call = { .pass = pass,
        .rows = rows,
        .order = order,
        .optimizer = optimizer,
        .key = key,
        .hidden_lane = hidden_lane,
        .visible_lane = visible_lane,
        .asked = { .weights = weights },
        .chains = chains };

    LW_WITH_THREADS(
        LW_(share_stack_pass)(call, stack, lane, parameter, first, second, scratch, gap));
    return LW_(have_diverged)(parameter, n_parameters) ? LW_DIVERGED : LW_OK;
}

static void
LW_(share_stack_gibbs)(LW_(task) call, lw_stack stack, uint32_t lane, uint32_t first_step,
    LW_REAL *parameter, void *scratch)
{
    const LW_(batch) batch = { .n_chains = call.pass.n_chains, .step = first_step - 1 };
    LW_(stack) work;

    LW_(stack_place)(&work, stack, call.pass, scratch);
    LW_(stack_open)(&work, call, stack, lane, parameter, NULL, NULL);
    LW_(stack_walk)(&work, batch);
}

void
LW_(lw_stack_gibbs)(const LW_REAL *parameter, lw_stack stack, lw_contrast pass, lw_key key,
    uint32_t first_step, uint32_t hidden_lane, uint32_t visible_lane, uint32_t lane, int n_threads,
    LW_REAL *top, LW_REAL *visible, void *scratch)
{
    const LW_(task) call = { .pass = pass,
        .key = key,
        .hidden_lane = hidden_lane,
        .visible_lane = visible_lane,
        .chains = top,
        .visible = visible };

    /* Parameters are a pass's own, but steps of chains only read them. */
    LW_WITH_THREADS(
        LW_(share_stack_gibbs)(call, stack, lane, first_step, (LW_REAL *)parameter, scratch));
}
