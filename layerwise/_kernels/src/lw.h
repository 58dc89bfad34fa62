/* What every kernel shares: status codes, the vectoriser's vocabulary, tiles. */

#ifndef LW_H
#define LW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Status of a kernel. numerics/status.py turns them into exceptions. */
enum { LW_OK = 0, LW_LOST = 1 };

/* Every kernel is compiled once for each set of instructions that setup.py knows (a "path"):
 * kernels.c is one translation unit, in which all kernels are static, and its table is what
 * paths.c picks one of at import. Each header lists its kernels once, as a macro of K(result,
 * name, arguments). In kernels.c that declares them; anywhere else, a pointer to the picked one,
 * which C calls by the same words. */
#ifdef LW_PATH
#define LW_KERNEL(result, name, arguments) static result name arguments;
#else
#define LW_KERNEL(result, name, arguments) extern result(*name) arguments;
#endif

/* A header's kernels for both float types. */
#define LW_BOTH(LIST, K) LIST(K, float, f32) LIST(K, double, f64)

/* Arithmetic that a vector loop takes in. */
#if defined(__GNUC__)
#define LW_INLINE static inline __attribute__((always_inline))
#else
#define LW_INLINE static inline
#endif

/* A function of vector loops stays one: what they may assume of their pointers is said by its
 * arguments. Taken into a caller, some fell back to one number at a time without a word, and a pass
 * of 784 x 500 units took 1.4 times as long. */
#if defined(__GNUC__)
#define LW_LOOP static __attribute__((noinline))
#else
#define LW_LOOP static
#endif

#define LW_SIMD _Pragma("omp simd")

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

/* How many tiles of `size` cover `n`. A tile's size is never a function of the number of threads:
 * that is why results are not either. */
LW_INLINE ptrdiff_t
lw_tiles(ptrdiff_t n, ptrdiff_t size)
{
    return (n + size - 1) / size;
}

/* Threads. A kernel's functions are called by all threads of one parallel region, or by one thread
 * without a region: even an empty one costs 0.36 us, as much as the means of a thousand units. They
 * share tiles among them, and all wait for the last; what one alone does, the others wait for too. */
#define LW_WITH_THREADS(...)                                                                      \
    do {                                                                                          \
        if (n_threads > 1) {                                                                      \
            _Pragma("omp parallel num_threads(n_threads)") __VA_ARGS__;                           \
        } else {                                                                                  \
            __VA_ARGS__;                                                                          \
        }                                                                                         \
    } while (0)

#define LW_SHARE_TILES(t, n_tiles, ...)                                                           \
    do {                                                                                          \
        ptrdiff_t t;                                                                              \
        _Pragma("omp for schedule(static)") for (t = 0; t < (n_tiles); t++) __VA_ARGS__;          \
    } while (0)

#define LW_ONE_THREAD _Pragma("omp single")

/* The first whole cache line of scratch memory: 63 bytes before it may be lost. */
LW_INLINE char *
lw_align(void *scratch)
{
    return (char *)(((uintptr_t)scratch + 63) / 64 * 64);
}

/* The next `count` things of `size` bytes of scratch memory, from a whole cache line on. Without
 * memory (`at` from NULL) it counts, so a workspace's size is what its slices come to. */
LW_INLINE void *
lw_slice(char **at, ptrdiff_t count, size_t size)
{
    char *const slice = *at;

    *at = (char *)((uintptr_t)slice + ((size_t)count * size + 63) / 64 * 64);
    return slice;
}

/* Bytes from NULL to where slices end; what is counted is an integer, as C has no offset to NULL. */
LW_INLINE ptrdiff_t
lw_counted(const char *end)
{
    return (ptrdiff_t)(uintptr_t)end;
}

#endif
