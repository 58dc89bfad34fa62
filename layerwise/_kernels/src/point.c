/* The pointers that a door calls its kernels by: linked into every extension module. */

#include "paths.h"

#define LW_POINTER(result, name, arguments) result(*name) arguments;
#define LW_TAKE(result, name, arguments) name = from->name;

LW_ALL(LW_POINTER)

void
lw_point(const void *kernels)
{
    const lw_kernels *const from = kernels;

    LW_ALL(LW_TAKE)
}
