/* A way: a means of moving one RBM between its layers, batch by batch. The algorithms of pass.c are
 * written once, over ways; here is what a way gives, and which one is taken.
 *
 *     place   lay its workspace out in scratch memory
 *     open    take over the parameters and the chains' hidden states
 *     take    the rows of a batch; for CD, whose chains start there, hidden states too
 *     walk    the chains, by all Gibbs steps of a batch
 *     anneal  the same of tempered chains, and their log weights; NULL of a way that hands it over
 *     learn   the slopes of the batch's gap, which is told; then one step of the optimiser
 *     close   give parameters and chains back
 *
 * A walk is one call: lists take a tile of chains to its end before the next one, while look-up must
 * wait for all threads after each half step. All but `place` are called by all threads of a region,
 * each with a workspace of its own that points to memory they share. Slopes are known before a
 * parameter moves. */

#pragma once

#include "base/real.h"
#include "base/scratch.h"
#include "base/vector.h"
#include "rbm/tables.h"
#include "rbm/task.h"
#include "rbm/tempered.h"

typedef struct {
    lw_scratch (*place)(lw_shape shape, lw_contrast pass, lw_scratch at, void *work);
    void (*open)(const LW_(task) * task, void *work);
    void (*take)(const LW_(task) * task, void *work, LW_(batch) batch);
    void (*walk)(const LW_(task) * task, void *work, LW_(batch) batch);
    void (*anneal)(
        const LW_(task) * task, void *work, const LW_(tempered) * tempered, LW_(batch) batch);
    void (*learn)(const LW_(task) * task, void *work, LW_(batch) batch, double *gap);
    void (*close)(const LW_(task) * task, void *work);
} LW_(way);

/* Which way is taken. The dense way moves any units and any rows, and is the specification of the
 * others. Lists and look-up move Bernoulli units, whose states they keep as bits: rows of zeros and
 * ones. Whatever else they are given, they hand over to the dense way here: and so they do where
 * rows have weights, slopes are centred, or hidden means have a target.
 *
 * Lists cost as much as there are units on; tables of look-up cost the same for all rows together.
 * So look-up pays from a number of rows on, or of units that are on in them. Tables of weights that
 * stay the same for many steps are kept, and then pay for few rows, if they fit a cache: the second
 * one, or for few chains the third. The thresholds were measured (benchmarks/README.md, "Where the
 * ways meet"). */
#if defined(LW_LOOKUP) && defined(LW_SINGLE)
#define LW_HAS_LOOKUP
enum {
    LW_LOOKUP_ROWS = LW_INPUTS == 4 ? 48 : 64,
    LW_KEPT_ROWS = 12,
    LW_KEPT_STEPS = 16,
    LW_KEPT_MANY = 1 << 18, /* floats of kept tables, for any number of chains */
    LW_KEPT_FEW = 1 << 22,  /* and for at most LW_KEPT_MOST chains */
    LW_KEPT_MOST = 112      /* chains of one part: tables are read once a step then */
};
/* With fewer of the visible units on, lists are faster whatever the number of rows. */
#define LW_LOOKUP_SHARE (LW_INPUTS == 4 ? 0.0 : 0.25)

/* Whether tables are built once for all Gibbs steps between two changes of the weights. */
static int
lw_keeps_tables(lw_shape shape, lw_contrast pass)
{
    const ptrdiff_t size = lw_layer_tables(shape.n_visible, shape.n_hidden)
        + lw_layer_tables(shape.n_hidden, shape.n_visible);
    const ptrdiff_t most = lw_most_chains(pass) <= LW_KEPT_MOST ? LW_KEPT_FEW : LW_KEPT_MANY;

    return pass.n_steps >= LW_KEPT_STEPS && size <= most;
}

static int
lw_lookup_pays(lw_shape shape, lw_contrast pass, double share)
{
    const int kept = lw_keeps_tables(shape, pass);
    const ptrdiff_t least = kept ? LW_KEPT_ROWS : LW_LOOKUP_ROWS;

    return lw_min(lw_most_data(pass), lw_most_chains(pass)) >= least
        && (kept || share >= LW_LOOKUP_SHARE);
}
#endif

static int
lw_all_bernoulli(const lw_units *units, ptrdiff_t n_runs)
{
    ptrdiff_t k = 0;

    while (k < n_runs && units[k].kind == LW_BERNOULLI) {
        k++;
    }
    return k == n_runs;
}

/* The way for a pass over rows of which a share is on; a negative share: some value is neither zero
 * nor one. */
static int
LW_(chosen_way)(lw_shape shape, lw_contrast pass, LW_(lw_asked) asked, double share)
{
    if (share < 0 || pass.way == LW_WAY_DENSE || asked.weights || asked.mean_visible
        || !lw_all_bernoulli(shape.visible, shape.n_visible_runs)
        || !lw_all_bernoulli(shape.hidden, shape.n_hidden_runs)) {
        return LW_WAY_DENSE;
    }
#ifdef LW_HAS_LOOKUP
    if (pass.way == LW_WAY_LOOKUP
        || (pass.way == LW_WAY_CHOSEN && lw_lookup_pays(shape, pass, share))) {
        return LW_WAY_LOOKUP;
    }
#endif
    return LW_WAY_LISTS;
}

/* How many of n numbers are one; -1 if some number is neither zero nor one. */
LW_LOOP ptrdiff_t
LW_(ones_of)(const LW_REAL *restrict value, ptrdiff_t n)
{
    int32_t ones = 0, others = 0;

    LW_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        ones += value[i] == 1;
        others |= !((value[i] == 0) | (value[i] == 1));
    }
    return others ? -1 : ones;
}

/* What share of the numbers of a pass's rows is one; LW_SHARE_OF_MEANS likewise. */
static double
LW_(share_on)(const LW_(task) * task)
{
    const ptrdiff_t n_visible = task->rbm.shape.n_visible;
    double total = 0;

    if (task->pass.share != LW_SHARE_UNKNOWN) {
        return task->pass.share;
    }
    for (ptrdiff_t i = 0; i < task->pass.n_rows; i++) {
        const ptrdiff_t ones = LW_(ones_of)(task->rows + task->order[i] * n_visible, n_visible);
        if (ones < 0) {
            return LW_SHARE_OF_MEANS;
        }
        total += (double)ones;
    }
    return total / (double)(task->pass.n_rows * n_visible);
}
