/* The instruction sets that the kernels are compiled for, and the one that is used.
 *
 * "portable" is what the compiler makes without a word about the machine: SSE2 on x86-64, NEON on
 * arm64. "avx2" (with FMA) and "avx512" exist where setup.py could build them. A kernel's result
 * differs between them in its last bits, where one fuses a multiplication with an addition or sums
 * in vectors of another length. */

#pragma once

#include "enumerate/enumerate.h"
#include "linear/product.h"
#include "mixture/mixture.h"
#include "network/network.h"
#include "optimizer/optimizer.h"
#include "rbm/rbm.h"
#include "rbm/stack.h"
#include "units/units.h"

enum { LW_ISAS = 3 };

/* clang-format off */

/* Kernels of either float type, and those that have one type, which are compiled with float64. */
#define LW_TYPED(K, real, type)    \
    LW_NETWORK(K, real, type)      \
    LW_PRODUCT(K, real, type)      \
    LW_RBM(K, real, type)          \
    LW_STACK(K, real, type)        \
    LW_UNITS(K, real, type)        \
    LW_UPDATE(K, real, type)
#define LW_UNTYPED(K)              \
    LW_ENUMERATE(K)                \
    LW_MIXTURE(K)                  \
    LW_WORDS(K)
/* clang-format on */

#define LW_MEMBER(result, name, arguments) result(*name) arguments;
typedef struct {
    LW_TYPED(LW_MEMBER, float, f32)
} lw_kernels_f32;

typedef struct {
    LW_TYPED(LW_MEMBER, double, f64)
    LW_UNTYPED(LW_MEMBER)
} lw_kernels_f64;

/* All kernels of one instruction set. */
typedef struct {
    const lw_kernels_f32 *f32;
    const lw_kernels_f64 *f64;
} lw_kernels;

#ifndef LW_ISA
extern const char *const lw_isa_name[LW_ISAS];

/* Whether this build has the instruction set and this machine runs it. */
int lw_isa_runs(int isa);

/* The table of one that runs, an lw_kernels. */
const void *lw_isa_kernels(int isa);

/* Point this extension module's names of kernels to a table: once, when it is imported. */
void lw_point(const void *kernels);
#endif
