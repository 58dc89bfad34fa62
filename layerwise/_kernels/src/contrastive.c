#include "contrastive.h"

#include <string.h>

#include "bits.h"
#include "lookup.h"
#include "product.h"
#include "units.h"

#define LW_BLOCK 12 /* units of a block: whole tables, triples of outputs, fours of Philox */

#ifdef LW_LOOKUP
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
#endif

#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12)
#define LW_SHUFFLES
typedef float lw_four __attribute__((vector_size(16)));
#endif

/* What becomes of sums of rows (lists.inc.c): they are kept, or added to what stands there, or are
 * the slope that parameters take a plain step down. */
typedef enum { LW_SUM, LW_ADD, LW_STEP } lw_use;

#define LW_SINGLE
#include "contrastive_task.inc.c"
#include "lists.inc.c"

#include "contrastive_lists.inc.c"
#ifdef LW_LOOKUP
#include "lookup.inc.c"

#include "contrastive_lookup.inc.c"
#endif
#include "contrastive.inc.c"
#undef LW_SINGLE
#include "contrastive_task.inc.c"
#include "lists.inc.c"

#include "contrastive_lists.inc.c"
#include "contrastive.inc.c"

/* Bytes for the way that such a pass takes, on numbers of `size` bytes. */
ptrdiff_t
lw_contrastive_scratch(lw_contrast pass, ptrdiff_t size)
{
    lists_f32 single;
    lists_f64 twice;

#ifdef LW_LOOKUP
    lw_lookup work;

    if (size == (ptrdiff_t)sizeof(float) && by_lookup(pass)) {
        return 64 + lw_counted(lookup_slices(pass, &work, NULL));
    }
#endif
    return 64
        + lw_counted(size == (ptrdiff_t)sizeof(float) ? lists_slices_f32(pass, &single, NULL)
                                                      : lists_slices_f64(pass, &twice, NULL));
}
