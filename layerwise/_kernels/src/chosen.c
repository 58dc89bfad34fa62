#include "chosen.h"

#define LW_CHOSEN_ROWS 128 /* rows of c in a tile */
#define LW_CHOSEN_COPY 16  /* rows that repay a copy of the panel, for its alignment */
#define LW_CHOSEN_BYTES 64 /* width of a part of a row */
#define LW_CHOSEN_PARTS 4  /* sums at a time: enough to hide the latency of an addition */

#define LW_SINGLE
#include "chosen.inc.c"
#undef LW_SINGLE
#include "chosen.inc.c"
