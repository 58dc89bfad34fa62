/* Gibbs sampling of an RBM of Bernoulli units, and one pass of CD-k or PCD-k over it. */

#ifndef LW_RBM_RBM_H
#define LW_RBM_RBM_H

#include "base/philox.h"
#include "optimizer/optimizer.h"

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

/* lw_contrastive_scratch: bytes that `scratch` must hold, for numbers of `size` bytes.
 *
 * lw_contrastive: the rows are taken in `order`, batch by batch, the last batch maybe shorter. Each
 * batch is one step of a descent of the free-energy gap: mean F over the batch minus mean F over
 * the model's states, which are held fixed, F(v) = -b.v - sum_j softplus(c_j + (v W^T)_j). Each
 * mean is over its own number of rows. Rows may be grey (means); states are taken faster.
 *
 * A chain's memory is the states of its hidden units. Of batch t, chain step 0 is CD's hidden start,
 * drawn from the batch, and chain step k = 1 .. n_steps the k-th visible and then hidden states;
 * their random numbers sit at step t * (n_steps + 1) + k of two lanes.
 *
 * components (n_hidden x n_visible), both intercepts, chains (n_chains x n_hidden) and the
 * optimiser's arrays (components, then the visible, then the hidden intercepts) are updated in
 * place; optimizer.count is the number of the steps taken before. gap[t] is batch t's gap before
 * its step. Returns LW_LOST if a parameter is lost (update.h).
 *
 * All threads run the pass in one parallel region, and wait for each other between its phases. */
#define LW_CONTRASTIVE(K, real, type)                                                             \
    K(int, lw_contrastive_##type,                                                                 \
        (const real *rows, const int64_t *order, lw_contrast pass, lw_optimizer optimizer,        \
            lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,               \
            real *components, real *intercept_visible, real *intercept_hidden, real *chains,      \
            real *first, real *second, void *scratch, double *gap))

/* Gibbs steps of pass.n_chains chains from their hidden states: in step s = first_step, first_step
 * + 1, .. the visible states are drawn given the hidden ones, and then the hidden given them, with
 * the random numbers at step s of two lanes. `hidden` and `visible` (n_chains x units) are the
 * states after pass.n_steps of them; n_rows and batch_size are n_chains. */
#define LW_GIBBS(K, real, type)                                                                   \
    K(int, lw_gibbs_##type,                                                                       \
        (const real *components, const real *intercept_visible, const real *intercept_hidden,     \
            lw_contrast pass, lw_key key, uint32_t first_step, uint32_t hidden_lane,              \
            uint32_t visible_lane, int n_threads, real *hidden, real *visible, void *scratch))

#define LW_RBM_SIZES(K, real, type) K(ptrdiff_t, lw_contrastive_scratch_##type, (lw_contrast pass))

#define LW_RBM(K, real, type)                                                                     \
    LW_CONTRASTIVE(K, real, type) LW_GIBBS(K, real, type) LW_RBM_SIZES(K, real, type)

LW_EACH_TYPE(LW_RBM, LW_KERNEL)

#endif
