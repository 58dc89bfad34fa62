#include "product.h"

#include <string.h>

#define LW_SINGLE
#include "product.inc.c"
#undef LW_SINGLE
#include "product.inc.c"
