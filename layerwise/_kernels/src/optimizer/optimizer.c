#include "optimizer/optimizer.h"

#include "base/real.h"
#include "base/threads.h"
#include "optimizer/rule.h"

int
LW_(lw_update)(const LW_REAL *gradient, ptrdiff_t n, lw_optimizer optimizer, int n_threads,
    LW_REAL *parameter, LW_REAL *first, LW_REAL *second)
{
    const LW_(rule) rule = LW_(rule_of)(optimizer);

    LW_WITH_THREADS(LW_(share_update)(gradient, n, rule, parameter, first, second));
    return LW_(have_diverged)(parameter, n) ? LW_DIVERGED : LW_OK;
}
