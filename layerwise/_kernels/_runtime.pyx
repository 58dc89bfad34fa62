"""Which instruction sets the kernels can use here, which they do, and what OpenMP says."""

from libc.stdlib cimport getenv


cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define LW_OPENMP 1
    #define lw_max_threads() omp_get_max_threads()
    #else
    #define LW_OPENMP 0
    #define lw_max_threads() 1
    #endif
    """
    const int LW_OPENMP
    int lw_max_threads() nogil


cdef extern from "isa/isa.h" nogil:
    enum:
        LW_ISAS
    const char *lw_isa_name[]
    int lw_isa_runs(int isa)
    const void *lw_isa_kernels(int isa)


cdef list RUNNABLE = [isa for isa in range(LW_ISAS) if lw_isa_runs(isa)]
cdef list NAMES = [lw_isa_name[<int>isa].decode() for isa in RUNNABLE]


def _forced():
    """What LAYERWISE_ISA asks for."""
    cdef const char *forced = getenv("LAYERWISE_ISA")
    return forced.decode() if forced != NULL else ""


cdef str CHOSEN = _forced() or NAMES[len(NAMES) - 1]
if CHOSEN not in NAMES:
    raise ImportError(
        f"LAYERWISE_ISA asks for {CHOSEN!r}, and this build runs on this machine as: "
        f"{', '.join(NAMES)}. Name one of them, or unset the variable."
    )


cdef const void *chosen_kernels() noexcept:
    return lw_isa_kernels(RUNNABLE[NAMES.index(CHOSEN)])


def isa():
    """Name of the instruction set that all doors use."""
    return CHOSEN


def isas():
    """Names of those of this build that this machine runs, the best last."""
    return list(NAMES)


def max_threads():
    """Threads of the next parallel region, as OMP_NUM_THREADS and threadpoolctl set them."""
    return lw_max_threads()


def has_openmp():
    """Whether the kernels were built with OpenMP."""
    return bool(LW_OPENMP)
