/* What every source shares: status codes, how kernels are declared, the vectoriser's vocabulary. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Status of a kernel. numerics/status.py turns them into exceptions. */
enum { LW_OK = 0, LW_DIVERGED = 1 };

/* A kernel is a function that a door calls. The header of its folder lists it once, as a macro of
 * K(result, name, arguments), for which there are three uses: where kernels are compiled (LW_ISA is
 * set: one instruction set and one float type, see kernels.c) it declares static functions;
 * anywhere else, pointers to those of the chosen instruction set, which C calls by the same words;
 * and isa/ makes tables of it. */
#ifdef LW_ISA
#define LW_KERNEL(result, name, arguments) static result name arguments;
#else
#define LW_KERNEL(result, name, arguments) extern result(*name) arguments;
#endif

/* A list of kernels that exist for both float types, for the types that are compiled here. */
#ifndef LW_ISA
#define LW_EACH_TYPE(LIST, K) LIST(K, float, f32) LIST(K, double, f64)
#elif defined(LW_SINGLE)
#define LW_EACH_TYPE(LIST, K) LIST(K, float, f32)
#else
#define LW_EACH_TYPE(LIST, K) LIST(K, double, f64)
#endif

/* Kernels that have one type are compiled with float64. */
#if defined(LW_ISA) && defined(LW_SINGLE)
#define LW_ONE_TYPE(LIST, K)
#else
#define LW_ONE_TYPE(LIST, K) LIST(K)
#endif

/* Arithmetic that a vector loop takes in. */
#if defined(__GNUC__)
#define LW_INLINE static inline __attribute__((always_inline))
#else
#define LW_INLINE static inline
#endif

/* A function of vector loops stays one: what they may assume of their pointers is said by its
 * arguments. Inlined into a caller, some were silently compiled as scalar loops, and a pass of
 * 784 x 500 units took 1.4 times as long. */
#if defined(__GNUC__)
#define LW_LOOP static __attribute__((noinline))
#else
#define LW_LOOP static
#endif

#define LW_SIMD _Pragma("omp simd")

#define LW_LINE 64 /* bytes of a cache line */

/* Bring the cache line of an address near, while something else is computed. */
#if defined(__GNUC__)
#define LW_PREFETCH(at) __builtin_prefetch(at)
#else
#define LW_PREFETCH(at) ((void)(at))
#endif

/* What the compiler may count on. */
#if defined(__GNUC__)
#define LW_ASSUME(condition) ((condition) ? (void)0 : __builtin_unreachable())
#else
#define LW_ASSUME(condition) ((void)0)
#endif

/* A loop of fixed length inside a vector loop: it must go before the outer one is vectorised. */
#if defined(__clang__)
#define LW_UNROLL(n) _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define LW_UNROLL(n) LW_PRAGMA(GCC unroll n)
#else
#define LW_UNROLL(n)
#endif
#define LW_PRAGMA(text) _Pragma(#text)

LW_INLINE ptrdiff_t
lw_min(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}

LW_INLINE ptrdiff_t
lw_max(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}
