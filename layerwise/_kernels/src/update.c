#include "update.h"

#include <math.h>

#include "vmath.h"

#define LW_UPDATE_TILE 4096

#define LW_SINGLE
#include "update.inc.c"
#undef LW_SINGLE
#include "update.inc.c"
