/* The sets of instructions that the kernels are compiled for, and the one that is used.
 *
 * "portable" is what the compiler makes without a word about the machine: SSE2 on x86-64, NEON on
 * arm64. "avx2" (with FMA) and "avx512" exist where setup.py could build them. A kernel's result
 * differs between them in its last bits, where one fuses a multiplication with an addition or sums
 * in vectors of another length. */

#ifndef LW_PATHS_H
#define LW_PATHS_H

#include "contrastive.h"
#include "mixture.h"
#include "network.h"
#include "product.h"
#include "states.h"
#include "units.h"
#include "update.h"

enum { LW_PATHS = 3 };

/* clang-format off */
#define LW_ALL(K)                \
    LW_BOTH(LW_CONTRASTIVE, K)   \
    LW_CONTRASTIVE_SIZES(K)      \
    LW_BOTH(LW_GIBBS, K)         \
    LW_MIXTURE(K)                \
    LW_BOTH(LW_NETWORK, K)       \
    LW_NETWORK_SIZES(K)          \
    LW_BOTH(LW_PRODUCT, K)       \
    LW_STATES(K)                 \
    LW_BOTH(LW_UNITS, K)         \
    LW_WORDS(K)                  \
    LW_BOTH(LW_UPDATE, K)
/* clang-format on */

/* All kernels of one path. */
#define LW_MEMBER(result, name, arguments) result(*name) arguments;
typedef struct {
    LW_ALL(LW_MEMBER)
} lw_kernels;

#ifndef LW_PATH
extern const char *const lw_path_name[LW_PATHS];

/* Whether this build has the path and this machine runs it. */
int lw_path_runs(int path);

/* The table of a path that runs, an lw_kernels. */
const void *lw_path_kernels(int path);

/* Point this extension module's names of kernels to a table: once, when it is imported. */
void lw_point(const void *kernels);
#endif

#endif
