/* Gibbs sampling of an RBM, and one pass of CD-k or PCD-k over it: for units of any kind. */

#pragma once

#include "base/philox.h"
#include "optimizer/optimizer.h"
#include "units/units.h"

/* The two layers. Hidden units are Bernoulli or spin. */
typedef struct {
    ptrdiff_t n_visible;
    ptrdiff_t n_hidden;
    const lw_units *visible;
    ptrdiff_t n_visible_runs;
    const lw_units *hidden;
    ptrdiff_t n_hidden_runs;
} lw_shape;

/* One RBM: p(v, h) ~ exp(b.v + c.h + h.Wv) prod base(v_i), with what an optimiser keeps of each
 * parameter. log_variance is that of Gaussian visible units, and NULL where there are none. The
 * optimiser's arrays are laid out components, visible, hidden intercepts, log variances; `first` is
 * NULL where parameters are only read, `second` unless the optimiser is Adam. */
#define LW_DEFINE_RBM(real, type)                                                                 \
    typedef struct {                                                                              \
        lw_shape shape;                                                                           \
        real *components; /* n_hidden x n_visible */                                              \
        real *intercept_visible;                                                                  \
        real *intercept_hidden;                                                                   \
        real *log_variance;                                                                       \
        real *first;                                                                              \
        real *second;                                                                             \
    } lw_rbm_##type;
LW_DEFINE_RBM(float, f32)
LW_DEFINE_RBM(double, f64)

/* What a pass is made of. n_chains is 0 for CD, whose chains start anew from each batch; PCD's are
 * kept by the caller, any number of them. `way` (LW_WAY_..) is how the RBM is moved between its
 * layers: LW_WAY_CHOSEN takes the fastest, and each of the others is taken where it can be. */
enum { LW_WAY_CHOSEN, LW_WAY_DENSE, LW_WAY_LISTS, LW_WAY_LOOKUP };

typedef struct {
    ptrdiff_t n_rows;
    ptrdiff_t n_chains;
    ptrdiff_t batch_size;
    ptrdiff_t n_steps;
    int way;
} lw_contrast;

/* lw_contrastive_scratch: bytes that `scratch` must hold, whichever way is taken.
 *
 * lw_contrastive: the rows are taken in `order`, batch by batch, the last batch maybe shorter. Each
 * batch is one step of a descent of the free-energy gap: mean F over the batch minus mean F over
 * the model's states, which are held fixed. Each mean is over its own number of rows. With A_j the
 * log-partition of hidden unit j,
 *
 *     F(v) = -b.v - sum_i log base(v_i) - sum_j A_j(c_j + (v W^T)_j).
 *
 * A chain's memory is the states of its hidden units. Of batch t, chain step 0 is CD's hidden start,
 * drawn from the batch, and chain step k = 1 .. n_steps the k-th visible and then hidden states;
 * their random numbers sit at step t * (n_steps + 1) + k of two lanes.
 *
 * The RBM and `chains` (n_chains x n_hidden) are updated in place; optimizer.count is the number of
 * the steps taken before. gap[t] is batch t's gap before its step. Returns LW_DIVERGED if a parameter
 * has diverged (optimizer.h).
 *
 * lw_gibbs: Gibbs steps of pass.n_chains chains from their hidden states. In step s = first_step,
 * first_step + 1, .. the visible states are drawn given the hidden ones, and then the hidden given
 * them, with the random numbers at step s of two lanes. `hidden` and `visible` (n_chains x units) are
 * the states after pass.n_steps of them; n_rows and batch_size are n_chains.
 *
 * All threads run a call in one parallel region, and wait for each other between its phases. */
#define LW_RBM(K, real, type)                                                                     \
    K(ptrdiff_t, lw_contrastive_scratch_##type, (lw_shape shape, lw_contrast pass))               \
    K(int, lw_contrastive_##type,                                                                 \
        (const real *rows, const int64_t *order, lw_contrast pass, lw_optimizer optimizer,        \
            lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,               \
            lw_rbm_##type rbm, real *chains, void *scratch, double *gap))                         \
    K(void, lw_gibbs_##type,                                                                      \
        (lw_rbm_##type rbm, lw_contrast pass, lw_key key, uint32_t first_step,                    \
            uint32_t hidden_lane, uint32_t visible_lane, int n_threads, real *hidden,             \
            real *visible, void *scratch))

LW_EACH_TYPE(LW_RBM, LW_KERNEL)
