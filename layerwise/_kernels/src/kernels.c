/* All kernels, for one instruction set and one float type: setup.py compiles this file for each pair.
 * LW_ISA is the name of the instruction set; LW_SINGLE is defined for float32. All that is included
 * here is static, and the table at the end is what isa/isa.c chooses from. MAP.md says where to
 * start reading. */

#include "base/real.h"
#include "linear/product.c"
#include "network/network.c"
#include "optimizer/optimizer.c"
#include "rbm/pass.c"
#include "rbm/stack.c"
#include "units/units.c"

#ifndef LW_SINGLE
#include "enumerate/chunk.c"
#include "enumerate/enumerate.c"
#include "enumerate/moments.c"
#include "enumerate/tables.c"
#include "mixture/mixture.c"
#include "units/words.c"
#endif

#include "isa/isa.h"

#define LW_NAME_(isa) lw_kernels_##isa
#define LW_NAME(isa) LW_(LW_NAME_(isa))
#define LW_ENTRY(result, name, arguments) .name = name,

#ifdef LW_SINGLE
extern const lw_kernels_f32 LW_NAME(LW_ISA);
const lw_kernels_f32 LW_NAME(LW_ISA) = { LW_TYPED(LW_ENTRY, float, f32) };
#else
extern const lw_kernels_f64 LW_NAME(LW_ISA);
const lw_kernels_f64 LW_NAME(LW_ISA) = { LW_TYPED(LW_ENTRY, double, f64) LW_UNTYPED(LW_ENTRY) };
#endif
