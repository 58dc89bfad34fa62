/* RBMs sampled through, from the rows to the top and back: one pass of joint CD-k or PCD-k over all of
 * them, and steps of the chain (deep restricted Boltzmann networks; Hu, Gao and Ma, 2016). */

#pragma once

#include "base/philox.h"
#include "optimizer/optimizer.h"
#include "rbm/rbm.h"
#include "units/units.h"

#define LW_STACK_MOST 16 /* layers */

/* One RBM, whose visible units are the hidden ones of the RBM below. With size > 0 it sees patches: its
 * visible units are a grid, height x width x channels, and each patch of size x size x channels, every
 * `stride` of the grid from its corner on, has hidden units of its own, n_hidden of them, with the
 * weights and hidden intercepts of all patches. Visible intercepts are the units' own. The other
 * numbers are places in the array of all parameters; log_variance is -1 but of a first layer with
 * Gaussian units. */
typedef struct {
    int64_t n_visible;
    int64_t n_hidden;
    int64_t hidden_kind;
    int64_t height;
    int64_t width;
    int64_t channels;
    int64_t size;
    int64_t stride;
    int64_t components; /* n_hidden x units of a patch */
    int64_t intercept_visible;
    int64_t intercept_hidden;
    int64_t log_variance;
} lw_stack_layer;

/* Runs of units are those of the rows. */
typedef struct {
    const lw_stack_layer *layers;
    ptrdiff_t n_layers;
    const lw_units *visible;
    ptrdiff_t n_visible_runs;
} lw_stack;

/* Patches of a row: one, if the layer sees all of it. */
LW_INLINE ptrdiff_t
lw_patches_of(const lw_stack_layer *layer)
{
    if (!layer->size) {
        return 1;
    }
    return (ptrdiff_t)((layer->height - layer->size) / layer->stride + 1)
        * (ptrdiff_t)((layer->width - layer->size) / layer->stride + 1);
}

/* Visible units of a patch. */
LW_INLINE ptrdiff_t
lw_patch_size(const lw_stack_layer *layer)
{
    return (
        ptrdiff_t)(layer->size ? layer->size * layer->size * layer->channels : layer->n_visible);
}

/* lw_stack_pass: each batch is a step of every RBM down its own free-energy gap, the mean F over the
 * data minus that over the chains; a free energy over patches is a sum over their hidden units. Data
 * are rows, and states of each layer drawn given those below. Chains start from the data's states of
 * the top (CD, without chains), or go on from their own (n_chains x units of the top); each of
 * n_steps goes down through all layers to visible states, and up again, and the RBMs see the states
 * of the last way up. What patches share steps by the mean of their slopes. Row means weigh by
 * `weights` unless it is NULL, as in rbm.h.
 *
 * Random numbers of a batch stand where those of lw_contrastive do: of the first RBM on its lanes, of
 * RBM k on lane + 2 k of the way up and lane + 2 k + 1 of the way down; patch p of row i has the place
 * of row i * patches + p. A stack of one RBM leaves the bits of lw_contrastive's dense way.
 *
 * gap[t] is the sum of the layers' gaps before the step of batch t. The optimiser's arrays are laid
 * out as the parameters. lw_stack_gibbs takes steps of chains from states of the top, as lw_gibbs
 * does. */
#define LW_STACK(K, real, type)                                                                   \
    K(ptrdiff_t, lw_stack_scratch_##type, (lw_stack stack, lw_contrast pass))                     \
    K(int, lw_stack_pass_##type,                                                                  \
        (const real *rows, const int64_t *order, const double *weights, lw_stack stack,           \
            lw_contrast pass, lw_optimizer optimizer, lw_key key, uint32_t hidden_lane,           \
            uint32_t visible_lane, uint32_t lane, int n_threads, real *parameter,                 \
            ptrdiff_t n_parameters, real *first, real *second, real *chains, void *scratch,       \
            double *gap))                                                                         \
    K(void, lw_stack_gibbs_##type,                                                                \
        (const real *parameter, lw_stack stack, lw_contrast pass, lw_key key,                     \
            uint32_t first_step, uint32_t hidden_lane, uint32_t visible_lane, uint32_t lane,      \
            int n_threads, real *top, real *visible, void *scratch))

LW_EACH_TYPE(LW_STACK, LW_KERNEL)
