"""What OpenMP says of itself; 1 thread where the build has none."""

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


def max_threads():
    """Threads of the next parallel region, as OMP_NUM_THREADS and threadpoolctl set them."""
    return lw_max_threads()


def has_openmp():
    """Whether the kernels were built with OpenMP."""
    return bool(LW_OPENMP)
