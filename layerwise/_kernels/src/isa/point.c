/* The pointers that a door calls its kernels by: linked into every extension module. */

#include "isa/isa.h"

#define LW_POINTER(result, name, arguments) result(*name) arguments;
#define LW_TAKE_F32(result, name, arguments) name = from->f32->name;
#define LW_TAKE_F64(result, name, arguments) name = from->f64->name;

LW_TYPED(LW_POINTER, float, f32)
LW_TYPED(LW_POINTER, double, f64)
LW_UNTYPED(LW_POINTER)

void
lw_point(const void *kernels)
{
    const lw_kernels *const from = kernels;

    LW_TYPED(LW_TAKE_F32, float, f32)
    LW_TYPED(LW_TAKE_F64, double, f64)
    LW_UNTYPED(LW_TAKE_F64)
}
