/* The algorithms, once, over ways (way.h): a pass of CD or PCD, Gibbs steps, and annealed ones. */

#include "base/real.h"
#include "base/scratch.h"
#include "base/threads.h"
#include "optimizer/rule.h"
#include "rbm/rbm.h"
#include "rbm/task.h"
#include "rbm/way.h"

#include "rbm/dense.c"
#include "rbm/lists.c"
#ifdef LW_HAS_LOOKUP
#include "rbm/lookup.c"
#endif

/* Room for any way's workspace. */
typedef union {
    LW_(dense) dense;
    LW_(lists) lists;
#ifdef LW_HAS_LOOKUP
    lw_lookup lookup;
#endif
} LW_(workspace);

static const LW_(way) * LW_(way_of)(int way)
{
#ifdef LW_HAS_LOOKUP
    if (way == LW_WAY_LOOKUP) {
        return &lookup_way;
    }
#endif
    return way == LW_WAY_LISTS ? &LW_(lists_way) : &LW_(dense_way);
}

ptrdiff_t
LW_(lw_contrastive_scratch)(lw_shape shape, lw_contrast pass)
{
    ptrdiff_t most = 0;

    for (int way = LW_WAY_DENSE; way <= LW_WAY_LOOKUP; way++) {
        LW_(workspace) work;
        const lw_scratch used = LW_(way_of)(way)->place(shape, pass, lw_scratch_from(NULL), &work);
        most = lw_max(most, lw_scratch_size(used));
    }
    return most;
}

static void
LW_(share_pass)(const LW_(task) * task, const LW_(way) * way, void *scratch, double *gap)
{
    const ptrdiff_t n_batches = lw_tiles(task->pass.n_rows, task->pass.batch_size);
    LW_(workspace) work;

    way->place(task->rbm.shape, task->pass, lw_scratch_from(scratch), &work);
    way->open(task, &work);
    for (ptrdiff_t index = 0; index < n_batches; index++) {
        const LW_(batch) batch = LW_(batch_at)(task, index);
        way->take(task, &work, batch);
        way->walk(task, &work, batch);
        way->learn(task, &work, batch, gap + index);
    }
    way->close(task, &work);
}

int
LW_(lw_contrastive)(const LW_REAL *rows, const int64_t *order, lw_contrast pass,
    lw_optimizer optimizer, lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,
    LW_(lw_rbm) rbm, LW_(lw_asked) asked, LW_REAL *chains, void *scratch, double *gap)
{
    const lw_shape shape = rbm.shape;
    const LW_(task) task = { .rbm = rbm,
        .pass = pass,
        .rows = rows,
        .order = order,
        .optimizer = optimizer,
        .key = key,
        .hidden_lane = hidden_lane,
        .visible_lane = visible_lane,
        .asked = asked,
        .chains = chains };
    const LW_(way) *const way
        = LW_(way_of)(LW_(chosen_way)(shape, pass, asked, LW_(share_on)(&task)));

    LW_WITH_THREADS(LW_(share_pass)(&task, way, scratch, gap));
    return LW_(have_diverged)(rbm.components, shape.n_hidden * shape.n_visible)
            || LW_(have_diverged)(rbm.intercept_visible, shape.n_visible)
            || LW_(have_diverged)(rbm.intercept_hidden, shape.n_hidden)
            || (rbm.log_variance && LW_(have_diverged)(rbm.log_variance, shape.n_visible))
        ? LW_DIVERGED
        : LW_OK;
}

static void
LW_(share_gibbs)(const LW_(task) * task, const LW_(way) * way, uint32_t first_step, void *scratch)
{
    const LW_(batch) batch = { .n_chains = task->pass.n_chains, .step = first_step - 1 };
    LW_(workspace) work;

    way->place(task->rbm.shape, task->pass, lw_scratch_from(scratch), &work);
    way->open(task, &work);
    way->walk(task, &work, batch);
    way->close(task, &work);
}

void
LW_(lw_gibbs)(LW_(lw_rbm) rbm, lw_contrast pass, lw_key key, uint32_t first_step,
    uint32_t hidden_lane, uint32_t visible_lane, int n_threads, LW_REAL *hidden, LW_REAL *visible,
    void *scratch)
{
    const LW_(task) task = { .rbm = rbm,
        .pass = pass,
        .key = key,
        .hidden_lane = hidden_lane,
        .visible_lane = visible_lane,
        .chains = hidden,
        .visible = visible };
    const double share = 1; /* of the units on: not known before the first step */
    const LW_(way) *const way = LW_(way_of)(LW_(chosen_way)(rbm.shape, pass, task.asked, share));

    LW_WITH_THREADS(LW_(share_gibbs)(&task, way, first_step, scratch));
}

ptrdiff_t
LW_(lw_anneal_scratch)(lw_shape shape, lw_contrast pass)
{
    LW_(tempered) tempered;
    lw_scratch at = lw_scratch_from(NULL);

    at = LW_(tempered_place)(shape, at, &tempered);
    return lw_scratch_size(at) + LW_(lw_contrastive_scratch)(shape, pass);
}

static void
LW_(share_anneal)(const LW_(task) * task, const LW_(way) * way, uint32_t first_step, void *scratch)
{
    const LW_(batch) batch = { .n_chains = task->pass.n_chains, .step = first_step - 1 };
    lw_scratch at = lw_scratch_from(scratch);
    LW_(tempered) tempered;
    LW_(workspace) work;

    at = LW_(tempered_place)(task->rbm.shape, at, &tempered);
    way->place(task->rbm.shape, task->pass, at, &work);
    LW_(tempered_open)(task, &tempered);
    way->open(task, &work);
    way->anneal(task, &work, &tempered, batch);
    way->close(task, &work);
}

void
LW_(lw_anneal)(LW_(lw_rbm) rbm, lw_contrast pass, LW_(lw_tempering) tempering, lw_key key,
    uint32_t first_step, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,
    LW_REAL *hidden, LW_REAL *visible, void *scratch)
{
    const LW_(task) task = { .rbm = rbm,
        .pass = pass,
        .tempering = tempering,
        .key = key,
        .hidden_lane = hidden_lane,
        .visible_lane = visible_lane,
        .chains = hidden,
        .visible = visible };
    const double share = 1; /* of the units on: not known before the first step */
    const LW_(way) *way = LW_(way_of)(LW_(chosen_way)(rbm.shape, pass, task.asked, share));

    way = way->anneal ? way : &LW_(dense_way);
    LW_WITH_THREADS(LW_(share_anneal)(&task, way, first_step, scratch));
}
