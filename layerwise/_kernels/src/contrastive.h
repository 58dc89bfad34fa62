/* One pass of contrastive divergence, CD-k or PCD-k, for an RBM of Bernoulli units. */

#ifndef LW_CONTRASTIVE_H
#define LW_CONTRASTIVE_H

#include "philox.h"
#include "update.h"

/* What a pass is made of. n_chains is 0 for CD, whose chains start anew from each batch; PCD's are
 * kept by the caller, any number of them. */
typedef struct {
    ptrdiff_t n_rows;
    ptrdiff_t n_visible;
    ptrdiff_t n_hidden;
    ptrdiff_t n_chains;
    ptrdiff_t batch_size;
    ptrdiff_t n_steps;
} lw_contrast;

/* Numbers of the pass's float type that `scratch` must hold. */
#define LW_CONTRASTIVE_SIZES(K) K(ptrdiff_t, lw_contrastive_scratch, (lw_contrast pass))

LW_CONTRASTIVE_SIZES(LW_KERNEL)

/* The rows are taken in `order`, batch by batch, the last batch maybe shorter. Each batch is one
 * step of a descent of the free-energy gap: mean F over the batch minus mean F over the model's
 * states, which are held fixed, F(v) = -b.v - sum_j softplus(c_j + (v W^T)_j). Each mean is over
 * its own number of rows. Rows may be grey (means); states are taken faster, by chosen.h.
 *
 * Of batch t, chain step 0 is the hidden start and chain step k = 1 .. n_steps the k-th visible
 * and hidden states; their random numbers sit at step t * (n_steps + 1) + k of two lanes.
 *
 * components (n_hidden x n_visible), both intercepts, chains (n_chains x n_visible) and the
 * optimiser's arrays (components, then the visible, then the hidden intercepts) are updated in
 * place; optimizer.count is the number of the steps taken before. gap[t] is batch t's gap before
 * its step. Returns LW_NOT_FINITE after the first step that leaves the finite numbers. */
#define LW_CONTRASTIVE(K, real, type)                                                             \
    K(int, lw_contrastive_##type,                                                                 \
        (const real *rows, const int64_t *order, lw_contrast pass, lw_optimizer optimizer,        \
            lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,               \
            real *components, real *intercept_visible, real *intercept_hidden, real *chains,      \
            real *first, real *second, real *scratch, double *gap))

LW_BOTH(LW_CONTRASTIVE, LW_KERNEL)

#endif
