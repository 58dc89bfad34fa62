/* The kernel of contrastive.h, for one float type: which way, and the threads. */

#include "real.h"

/* Whether some of n numbers is neither zero nor one. */
static int
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
    char *const at = lw_align(scratch);

    for (ptrdiff_t i = 0; i < pass.n_rows && !task.grey; i++) {
        task.grey = LW_(are_grey)(rows + order[i] * pass.n_visible, pass.n_visible);
    }
    LW_WITH_THREADS(LW_(run)(&task, at));
    return LW_(are_lost)(components, pass.n_hidden * pass.n_visible)
            || LW_(are_lost)(intercept_visible, pass.n_visible)
            || LW_(are_lost)(intercept_hidden, pass.n_hidden)
        ? LW_NOT_FINITE
        : LW_OK;
}
