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
    ptrdiff_t first_batch; /* a call may be a part of a pass: its rows begin with this batch */
    double share;          /* of ones among the numbers of the pass's rows, as way.h takes it */
} lw_contrast;

/* Share of ones: to be counted in the rows of the call; some number is neither zero nor one. */
#define LW_SHARE_UNKNOWN (-2.0)
#define LW_SHARE_OF_MEANS (-1.0)

/* What the dense way alone does, and hands over to it: each pointer is NULL where it is not asked.
 *
 * With `weights`, of the rows as they lie, each mean over a batch's rows is by their weights; and so
 * is that over chains of CD, which are the rows' own.
 *
 * `mean_visible` and `mean_hidden` are running means of the batches' data: before a batch's step
 * they go a part of the way to its means, 1 / t in step t until that is LW_RUNNING. They are needed
 * by what follows, and NULL where neither is asked. With `centered` the slopes are those of the
 * energy of v - mean_visible and h - mean_hidden (Montavon and Mueller, 2012), in these parameters:
 * with dW, db, dc the plain slopes,
 *
 *     dW' = dW - dc mean_visible^T - mean_hidden db^T
 *     db' = db - dW'^T mean_hidden,    dc' = dc - dW' mean_visible.
 *
 * With `target`, of the hidden means, a unit's field has the slope cost * (mean_hidden - target) in
 * every row, beside that of the gap: dc and dW are more by it, and by it times the data's mean. */
#define LW_RUNNING 0.01
#define LW_DEFINE_ASKED(real, type)                                                               \
    typedef struct {                                                                              \
        const double *weights;                                                                    \
        real *mean_visible;                                                                       \
        real *mean_hidden;                                                                        \
        const real *target;                                                                       \
        real cost;                                                                                \
        int centered;                                                                             \
    } lw_asked_##type;
LW_DEFINE_ASKED(float, f32)
LW_DEFINE_ASKED(double, f64)

/* Inverse temperatures of chains. At beta the RBM is tempered: with x = c + vW^T,
 *
 *     log f_beta(v) = (1 - beta) (base.v + log base_0(v)) + beta (b.v + log base(v))
 *                     + sum_j A_j(beta x_j),
 *
 * at 1 it is itself, and at 0 its units are independent. Step s = 0 .. n_steps of chain r has
 * beta[s * step_apart + r * chain_apart]. */
#define LW_DEFINE_TEMPERING(real, type)                                                           \
    typedef struct {                                                                              \
        const double *beta;                                                                       \
        ptrdiff_t step_apart;                                                                     \
        ptrdiff_t chain_apart;                                                                    \
        const real *base;              /* n_visible: intercepts at 0 */                           \
        const real *base_log_variance; /* of Gaussian units at 0, or NULL */                      \
        double *log_weight;            /* n_chains: added to */                                   \
    } lw_tempering_##type;
LW_DEFINE_TEMPERING(float, f32)
LW_DEFINE_TEMPERING(double, f64)

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
 * their random numbers sit at step t * (n_steps + 1) + k of two lanes. A pass may be cut into calls
 * of whole batches: with first_batch, the share of ones of all its rows, and at least batch_size rows
 * in each call unless there are fewer in all, they leave the bits of one call.
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
 * lw_anneal: the same of tempered chains, and what importance sampling weighs. In step s + 1 the
 * visible states are drawn given the hidden ones at the beta of s; the log weight gains log f(v) at
 * the beta of s + 1, less that at s; and hidden states are drawn at s + 1. Hidden states at step 0 are
 * of no account where beta is zero there. Needs a scratch of its own.
 *
 * All threads run a call in one parallel region, and wait for each other between its phases. */
#define LW_RBM(K, real, type)                                                                     \
    K(ptrdiff_t, lw_contrastive_scratch_##type, (lw_shape shape, lw_contrast pass))               \
    K(int, lw_contrastive_##type,                                                                 \
        (const real *rows, const int64_t *order, lw_contrast pass, lw_optimizer optimizer,        \
            lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,               \
            lw_rbm_##type rbm, lw_asked_##type asked, real *chains, void *scratch, double *gap))  \
    K(void, lw_gibbs_##type,                                                                      \
        (lw_rbm_##type rbm, lw_contrast pass, lw_key key, uint32_t first_step,                    \
            uint32_t hidden_lane, uint32_t visible_lane, int n_threads, real *hidden,             \
            real *visible, void *scratch))                                                        \
    K(ptrdiff_t, lw_anneal_scratch_##type, (lw_shape shape, lw_contrast pass))                    \
    K(void, lw_anneal_##type,                                                                     \
        (lw_rbm_##type rbm, lw_contrast pass, lw_tempering_##type tempering, lw_key key,          \
            uint32_t first_step, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,      \
            real *hidden, real *visible, void *scratch))

LW_EACH_TYPE(LW_RBM, LW_KERNEL)
