/* The kernels of rbm.h: which way, and the threads. */

#include "base/real.h"
#include "base/threads.h"
#include "rbm/lists.c"
#include "rbm/rbm.h"
#include "rbm/task.h"

#if defined(LW_LOOKUP) && defined(LW_SINGLE)
#include "rbm/tables.h"

static ptrdiff_t
chains_of(lw_contrast pass)
{
    return pass.n_chains ? pass.n_chains : lw_min(pass.batch_size, pass.n_rows);
}

/* Whether tables are built once for all Gibbs steps between two changes of the weights. */
static int
keeps_tables(lw_contrast pass)
{
    const ptrdiff_t size = lw_layer_tables(pass.n_visible, pass.n_hidden)
        + lw_layer_tables(pass.n_hidden, pass.n_visible);
    const ptrdiff_t most = chains_of(pass) <= LW_KEPT_MOST ? LW_KEPT_FEW : LW_KEPT_MANY;

    return pass.n_steps >= LW_KEPT_STEPS && size <= most;
}

static int
by_lookup(lw_contrast pass)
{
    const ptrdiff_t n_data = lw_min(pass.batch_size, pass.n_rows), n_chains = chains_of(pass);
    const ptrdiff_t least = keeps_tables(pass) ? LW_KEPT_ROWS : LW_LOOKUP_ROWS;

    return n_data >= least && n_chains >= least; /* of a whole batch */
}

#include "rbm/lookup.c"
#endif

/* Whether some of n numbers is neither zero nor one. */
LW_LOOP int
LW_(are_grey)(const LW_REAL *restrict value, ptrdiff_t n)
{
    int grey = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        grey |= !((value[i] == 0) | (value[i] == 1));
    }
    return grey;
}

static void
LW_(run)(LW_(task) * task, char *scratch)
{
#if defined(LW_LOOKUP) && defined(LW_SINGLE)
    if (by_lookup(task->pass)) {
        lookup_pass(task, scratch);
        return;
    }
#endif
    LW_(lists_pass)(task, scratch);
}

int
LW_(lw_contrastive)(const LW_REAL *rows, const int64_t *order, lw_contrast pass,
    lw_optimizer optimizer, lw_key key, uint32_t hidden_lane, uint32_t visible_lane, int n_threads,
    LW_REAL *components, LW_REAL *intercept_visible, LW_REAL *intercept_hidden, LW_REAL *chains,
    LW_REAL *first, LW_REAL *second, void *scratch, double *gap)
{
    LW_(task)
    task = { rows, order, pass, optimizer, key, hidden_lane, visible_lane, components,
        intercept_visible, intercept_hidden, chains, first, second, gap, 0 };
    char *const at = scratch;

    for (ptrdiff_t i = 0; i < pass.n_rows && !task.grey; i++) {
        task.grey = LW_(are_grey)(rows + order[i] * pass.n_visible, pass.n_visible);
    }
    LW_WITH_THREADS(LW_(run)(&task, at));
    return LW_(are_lost)(components, pass.n_hidden * pass.n_visible)
            || LW_(are_lost)(intercept_visible, pass.n_visible)
            || LW_(are_lost)(intercept_hidden, pass.n_hidden)
        ? LW_LOST
        : LW_OK;
}

static void
LW_(run_gibbs)(const LW_(task) * task, LW_(batch) batch, char *scratch, LW_REAL *visible)
{
#if defined(LW_LOOKUP) && defined(LW_SINGLE)
    if (by_lookup(task->pass)) {
        lookup_gibbs(task, batch, scratch, visible);
        return;
    }
#endif
    LW_(lists_gibbs)(task, batch, scratch, visible);
}

int
LW_(lw_gibbs)(const LW_REAL *components, const LW_REAL *intercept_visible,
    const LW_REAL *intercept_hidden, lw_contrast pass, lw_key key, uint32_t first_step,
    uint32_t hidden_lane, uint32_t visible_lane, int n_threads, LW_REAL *hidden, LW_REAL *visible,
    void *scratch)
{
    /* The parameters are a pass's own, but Gibbs steps only read them. */
    const LW_(task) task = { NULL, NULL, pass, { 0 }, key, hidden_lane, visible_lane,
        (LW_REAL *)components, (LW_REAL *)intercept_visible, (LW_REAL *)intercept_hidden, hidden,
        NULL, NULL, NULL, 0 };
    const LW_(batch) batch = { 0, 0, pass.n_chains, first_step - 1, { 0 } };
    char *const at = scratch;

    LW_WITH_THREADS(LW_(run_gibbs)(&task, batch, at, visible));
    return LW_OK;
}

ptrdiff_t
LW_(lw_contrastive_scratch)(lw_contrast pass)
{
    LW_(lists) lists;

#if defined(LW_LOOKUP) && defined(LW_SINGLE)
    lw_lookup work;

    if (by_lookup(pass)) {
        return lw_scratch_size(lookup_slices(pass, &work, lw_scratch_from(NULL)));
    }
#endif
    return lw_scratch_size(LW_(lists_slices)(pass, &lists, lw_scratch_from(NULL)));
}
