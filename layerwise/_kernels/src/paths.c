/* Which path this machine runs: linked with the kernels into one extension module. */

#include "paths.h"

const char *const lw_path_name[LW_PATHS] = { "portable", "avx2", "avx512" };

extern const lw_kernels lw_kernels_portable;
#ifdef LW_X86_PATHS
extern const lw_kernels lw_kernels_avx2;
extern const lw_kernels lw_kernels_avx512;
#endif

/* What is asked for here is what setup.py lets the compiler use. */
int
lw_path_runs(int path)
{
#ifdef LW_X86_PATHS
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int avx512 = avx2 && __builtin_cpu_supports("avx512f")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl");

    return path == 0 || (path == 1 && avx2) || (path == 2 && avx512);
#else
    return path == 0;
#endif
}

const void *
lw_path_kernels(int path)
{
#ifdef LW_X86_PATHS
    const lw_kernels *const kernels[LW_PATHS]
        = { &lw_kernels_portable, &lw_kernels_avx2, &lw_kernels_avx512 };
#else
    const lw_kernels *const kernels[LW_PATHS] = { &lw_kernels_portable };
#endif

    return kernels[path];
}
