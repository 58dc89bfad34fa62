#include "contrastive.h"

#include <string.h>

#include "lookup.h"
#include "product.h"
#include "units.h"

#define LW_BLOCK 12 /* units of a block: whole tables, triples of outputs, fours of Philox */

#ifdef LW_LOOKUP
static int
by_lookup(lw_contrast pass)
{
    const ptrdiff_t n_data = lw_min(pass.batch_size, pass.n_rows);
    const ptrdiff_t n_chains = pass.n_chains ? pass.n_chains : n_data;

    return n_data >= LW_LOOKUP_ROWS && n_chains >= LW_LOOKUP_ROWS; /* of a whole batch */
}
#endif

#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12)
#define LW_SHUFFLES
typedef float lw_four __attribute__((vector_size(16)));
#endif

/* A bit for each of n <= 64 bytes that are zero or one; all 64 can be read. The product gathers the
 * lowest bits of eight bytes: bit 8k moves by 7(8 - k) to bit 56 + k, and below bit 56 nothing
 * meets that could carry. */
static uint64_t
bits_of_bytes(const uint8_t *restrict on, ptrdiff_t n)
{
    uint64_t bits = 0;

    for (ptrdiff_t k = 0; k < n; k += 8) {
        bits |= (lw_eight_bytes(on + k) * 0x0102040810204080u >> 56) << k;
    }
    return bits & ~(uint64_t)0 >> (64 - n);
}

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
        return lookup_slices(pass, &work, NULL) - (char *)NULL + 64;
    }
#endif
    return 64
        + (size == (ptrdiff_t)sizeof(float) ? lists_slices_f32(pass, &single, NULL)
                                            : lists_slices_f64(pass, &twice, NULL))
        - (char *)NULL;
}
