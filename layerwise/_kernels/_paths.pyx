"""Which sets of instructions the kernels can use here, and which they do."""

from libc.stdlib cimport getenv


cdef extern from "paths.h" nogil:
    enum:
        LW_PATHS
    const char *lw_path_name[]
    int lw_path_runs(int path)
    const void *lw_path_kernels(int path)


cdef list RUNNABLE = [path for path in range(LW_PATHS) if lw_path_runs(path)]
cdef list NAMES = [lw_path_name[<int>path].decode() for path in RUNNABLE]


def _forced():
    """What LAYERWISE_SIMD asks for."""
    cdef const char *forced = getenv("LAYERWISE_SIMD")
    return forced.decode() if forced != NULL else ""


cdef str TAKEN = _forced() or NAMES[len(NAMES) - 1]
if TAKEN not in NAMES:
    raise ImportError(
        f"LAYERWISE_SIMD asks for {TAKEN!r}, and this build runs on this machine as: "
        f"{', '.join(NAMES)}. Name one of them, or unset the variable."
    )


cdef const void *taken_kernels() noexcept:
    return lw_path_kernels(RUNNABLE[NAMES.index(TAKEN)])


def taken():
    """Name of the path that all doors have taken."""
    return TAKEN


def paths():
    """Names of the paths of this build that this machine runs, the best last."""
    return list(NAMES)
