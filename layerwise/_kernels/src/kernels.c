/* All kernels, compiled for one path: LW_PATH is its name (lw.h, paths.h). */

#include "mixture.c"
#include "product.c"
#include "states.c"
#include "states_chunk.c"
#include "states_moments.c"
#include "states_tables.c"
#include "units.c"
#include "update.c"

#include "contrastive.c"
#include "network.c"

#include "paths.h"

#define LW_NAME_(path) lw_kernels_##path
#define LW_NAME(path) LW_NAME_(path)
#define LW_ENTRY(result, name, arguments) .name = name,

extern const lw_kernels LW_NAME(LW_PATH);
const lw_kernels LW_NAME(LW_PATH) = { LW_ALL(LW_ENTRY) };
