/* Which instruction set this machine runs: linked with the kernels into one extension module. */

#include "isa/isa.h"

const char *const lw_isa_name[LW_ISAS] = { "portable", "avx2", "avx512" };

/* The tables that kernels.c makes. */
#define LW_TABLES(isa)                                                                            \
    extern const lw_kernels_f32 lw_kernels_##isa##_f32;                                           \
    extern const lw_kernels_f64 lw_kernels_##isa##_f64;
#define LW_TABLE(isa) { &lw_kernels_##isa##_f32, &lw_kernels_##isa##_f64 }

LW_TABLES(portable)
#ifdef LW_X86_ISAS
LW_TABLES(avx2)
LW_TABLES(avx512)

static const lw_kernels tables[LW_ISAS] = { LW_TABLE(portable), LW_TABLE(avx2), LW_TABLE(avx512) };
#else
static const lw_kernels tables[LW_ISAS] = { LW_TABLE(portable) };
#endif

/* What is asked for here is what setup.py lets the compiler use. */
int
lw_isa_runs(int isa)
{
#ifdef LW_X86_ISAS
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int avx512 = avx2 && __builtin_cpu_supports("avx512f")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl");

    return isa == 0 || (isa == 1 && avx2) || (isa == 2 && avx512);
#else
    return isa == 0;
#endif
}

const void *
lw_isa_kernels(int isa)
{
    return &tables[isa];
}
