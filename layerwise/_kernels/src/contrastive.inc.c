/* The pass of contrastive.h, for one float type: an order of movements. The loops over numbers
 * stand in product.inc.c, chosen.inc.c, units.inc.c and update.inc.c. */

#include "real.h"

/* A model of two layers, as the movements below read it. */
typedef struct {
    const LW_REAL *components;
    const LW_REAL *intercept_visible;
    const LW_REAL *intercept_hidden;
    ptrdiff_t n_visible;
    ptrdiff_t n_hidden;
    int n_threads;
} LW_(machine);

/* Fields of the hidden units; visible units may be grey, unless `states`. */
static void
LW_(hidden_field)(LW_(machine) rbm, const LW_REAL *visible, int states, ptrdiff_t n_rows,
    uint8_t *chosen, LW_REAL *field)
{
    if (states) {
        LW_(lw_choose)(visible, rbm.n_visible, 1, n_rows, rbm.n_visible, rbm.n_threads, chosen);
        LW_(lw_chosen_product)(chosen, rbm.components, 1, rbm.n_visible, n_rows, rbm.n_hidden,
            rbm.n_visible, 1, rbm.intercept_hidden, 0, 1, rbm.n_threads, field, rbm.n_hidden, 1);
        return;
    }
    LW_(lw_product)(visible, rbm.n_visible, 1, rbm.components, 1, rbm.n_visible, n_rows,
        rbm.n_hidden, rbm.n_visible, 1, rbm.intercept_hidden, 0, rbm.n_threads, field,
        rbm.n_hidden);
}

/* Fields of the visible units, given states of the hidden. */
static void
LW_(visible_field)(
    LW_(machine) rbm, const LW_REAL *hidden, ptrdiff_t n_rows, uint8_t *chosen, LW_REAL *field)
{
    LW_(lw_choose)(hidden, rbm.n_hidden, 1, n_rows, rbm.n_hidden, rbm.n_threads, chosen);
    LW_(lw_chosen_product)(chosen, rbm.components, rbm.n_visible, 1, n_rows, rbm.n_visible,
        rbm.n_hidden, 1, rbm.intercept_visible, 0, 1, rbm.n_threads, field, rbm.n_visible, 1);
}

/* The sum over rows of the part of -F that the hidden units add. */
static double
LW_(softplus_total)(
    const LW_REAL *field, ptrdiff_t n_rows, ptrdiff_t n_units, int n_threads, LW_REAL *sums)
{
    double total = 0;

    LW_(lw_softplus_sums)(field, n_rows, n_units, n_threads, sums);
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        total += sums[i];
    }
    return total;
}

/* gradient = start + scale * (hidden^T visible, sum of visible, sum of hidden), laid out one after
 * the other. A sum over rows is a product with ones: strides of zero read one number for ever. */
static void
LW_(statistics)(LW_(machine) rbm, const LW_REAL *visible, int states, const LW_REAL *hidden,
    ptrdiff_t n_rows, LW_REAL scale, const LW_REAL *start, uint8_t *chosen, LW_REAL *gradient)
{
    const LW_REAL one = 1;
    const ptrdiff_t of_visible = rbm.n_hidden * rbm.n_visible;
    const ptrdiff_t of_hidden = of_visible + rbm.n_visible;

    if (states) { /* the transpose: for each visible unit, the rows where it is on */
        LW_(lw_choose)(visible, 1, rbm.n_visible, rbm.n_visible, n_rows, rbm.n_threads, chosen);
        LW_(lw_chosen_product)(chosen, hidden, rbm.n_hidden, 1, rbm.n_visible, rbm.n_hidden,
            n_rows, scale, start, 1, rbm.n_visible, rbm.n_threads, gradient, 1, rbm.n_visible);
    } else {
        LW_(lw_product)(hidden, 1, rbm.n_hidden, visible, rbm.n_visible, 1, rbm.n_hidden,
            rbm.n_visible, n_rows, scale, start, rbm.n_visible, rbm.n_threads, gradient,
            rbm.n_visible);
    }
    LW_(lw_product)(&one, 0, 0, visible, rbm.n_visible, 1, 1, rbm.n_visible, n_rows, scale,
        start ? start + of_visible : NULL, 0, 1, gradient + of_visible, rbm.n_visible);
    LW_(lw_product)(&one, 0, 0, hidden, rbm.n_hidden, 1, 1, rbm.n_hidden, n_rows, scale,
        start ? start + of_hidden : NULL, 0, 1, gradient + of_hidden, rbm.n_hidden);
}

/* Where the movements write: slices of scratch, in this order (and chains of the caller). */
typedef struct {
    LW_REAL *data;      /* batch x n_visible */
    LW_REAL *data_mean; /* batch x n_hidden */
    LW_REAL *visible;   /* chains x n_visible: where the chains end */
    LW_REAL *hidden;    /* chains x n_hidden */
    LW_REAL *field;     /* batch or chains x units */
    LW_REAL *mean;      /* chains x units */
    LW_REAL *gradient;  /* as the optimiser's arrays */
    LW_REAL *sums;      /* batch or chains */
    uint8_t *chosen;    /* lists of chosen.h */
} LW_(workspace);

static LW_(workspace) LW_(slices)(lw_contrast pass, LW_REAL *chains, LW_REAL *scratch)
{
    const lw_sizes size = sizes_of(pass);
    LW_(workspace) at;

    at.data = scratch;
    at.data_mean = at.data + size.batch * pass.n_visible;
    at.visible = at.data_mean + size.batch * pass.n_hidden;
    at.hidden = at.visible + size.chains * pass.n_visible;
    at.field = at.hidden + size.chains * pass.n_hidden;
    at.mean = at.field + size.rows * size.wide;
    at.gradient = at.mean + size.chains * size.wide;
    at.sums = at.gradient + size.parameters;
    at.chosen = (uint8_t *)(at.sums + size.rows);
    if (pass.n_chains) {
        at.visible = chains;
    }
    return at;
}

/* Gibbs steps of the chains from the means of their hidden start; visible, field and mean hold
 * where they end. */
static void
LW_(walk)(LW_(machine) rbm, const LW_(workspace) * at, const LW_REAL *start, ptrdiff_t n_chains,
    ptrdiff_t n_steps, lw_key key, uint32_t step, uint32_t hidden_lane, uint32_t visible_lane)
{
    for (ptrdiff_t k = 1; k <= n_steps; k++) {
        LW_(lw_states)(k == 1 ? start : at->mean, n_chains, rbm.n_hidden, key, step, hidden_lane,
            rbm.n_threads, at->hidden);
        step++;
        LW_(visible_field)(rbm, at->hidden, n_chains, at->chosen, at->field);
        LW_(lw_means)(at->field, n_chains, rbm.n_visible, rbm.n_threads, at->mean);
        LW_(lw_states)(at->mean, n_chains, rbm.n_visible, key, step, visible_lane, rbm.n_threads,
            at->visible);
        LW_(hidden_field)(rbm, at->visible, 1, n_chains, at->chosen, at->field);
        LW_(lw_means)(at->field, n_chains, rbm.n_hidden, rbm.n_threads, at->mean);
    }
}

/* One step of the optimiser; weights decay, intercepts do not. */
static int
LW_(descend)(const LW_REAL *gradient, lw_contrast pass, lw_optimizer optimizer, int n_threads,
    LW_REAL *components, LW_REAL *intercept_visible, LW_REAL *intercept_hidden, LW_REAL *first,
    LW_REAL *second)
{
    const ptrdiff_t of_visible = pass.n_hidden * pass.n_visible;
    const ptrdiff_t of_hidden = of_visible + pass.n_visible;
    const int adam = optimizer.kind == LW_ADAM;
    int wrong;

    wrong = LW_(lw_update)(gradient, of_visible, optimizer, n_threads, components, first, second);
    optimizer.decay = 0;
    wrong |= LW_(lw_update)(gradient + of_visible, pass.n_visible, optimizer, 1, intercept_visible,
        first + of_visible, adam ? second + of_visible : NULL);
    wrong |= LW_(lw_update)(gradient + of_hidden, pass.n_hidden, optimizer, 1, intercept_hidden,
        first + of_hidden, adam ? second + of_hidden : NULL);
    return wrong ? LW_NOT_FINITE : LW_OK;
}

int
LW_(lw_contrastive)(const LW_REAL *rows, const int64_t *order, lw_contrast pass,
    lw_optimizer optimizer, lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,
    LW_REAL *components, LW_REAL *intercept_visible, LW_REAL *intercept_hidden, LW_REAL *chains,
    LW_REAL *first, LW_REAL *second, LW_REAL *scratch, double *gap)
{
    const LW_(workspace) at = LW_(slices)(pass, chains, scratch);
    const LW_(machine) rbm = { components, intercept_visible, intercept_hidden, pass.n_visible,
        pass.n_hidden, n_threads };
    const ptrdiff_t n_visible = pass.n_visible, n_hidden = pass.n_hidden;
    const LW_REAL *bias_gradient = at.gradient + n_hidden * n_visible;
    uint32_t step = 0;

    for (ptrdiff_t top = 0; top < pass.n_rows; top += pass.batch_size) {
        const ptrdiff_t n_data = lw_min(pass.batch_size, pass.n_rows - top);
        const ptrdiff_t n_chains = pass.n_chains ? pass.n_chains : n_data;
        double data_part, model_part, slope = 0;
        int status, states;

        for (ptrdiff_t i = 0; i < n_data; i++) {
            memcpy(at.data + i * n_visible, rows + order[top + i] * n_visible,
                (size_t)n_visible * sizeof(LW_REAL));
        }
        states = LW_(lw_are_states)(at.data, n_data * n_visible);
        LW_(hidden_field)(rbm, at.data, states, n_data, at.chosen, at.field);
        data_part = LW_(softplus_total)(at.field, n_data, n_hidden, n_threads, at.sums);
        LW_(lw_means)(at.field, n_data, n_hidden, n_threads, at.data_mean);
        if (pass.n_chains) {
            const int certain = LW_(lw_are_states)(chains, n_chains * n_visible);
            LW_(hidden_field)(rbm, chains, certain, n_chains, at.chosen, at.field);
            LW_(lw_means)(at.field, n_chains, n_hidden, n_threads, at.mean);
        }

        LW_(walk)(rbm, &at, pass.n_chains ? at.mean : at.data_mean, n_chains, pass.n_steps, key,
            step, hidden_lane, visible_lane);
        step += (uint32_t)pass.n_steps + 1;
        model_part = LW_(softplus_total)(at.field, n_chains, n_hidden, n_threads, at.sums);

        LW_(statistics)(rbm, at.visible, 1, at.mean, n_chains, 1 / (LW_REAL)n_chains, NULL,
            at.chosen, at.gradient);
        LW_(statistics)(rbm, at.data, states, at.data_mean, n_data, -1 / (LW_REAL)n_data,
            at.gradient, at.chosen, at.gradient);

        /* The gap's part b.(mean visible - mean data) is b times its own gradient. */
        for (ptrdiff_t j = 0; j < n_visible; j++) {
            slope += (double)intercept_visible[j] * bias_gradient[j];
        }
        *gap++ = slope + model_part / (double)n_chains - data_part / (double)n_data;

        optimizer.count++;
        status = LW_(descend)(at.gradient, pass, optimizer, n_threads, components,
            intercept_visible, intercept_hidden, first, second);
        if (status != LW_OK) {
            return status;
        }
    }
    return LW_OK;
}
