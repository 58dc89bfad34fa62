# Runs of units of one kind, as Python holds them in a structured array and as C takes them.

from libc.stdint cimport int64_t


cdef extern from "units/units.h" nogil:
    enum:
        LW_GAUSSIAN
        LW_KINDS
    ctypedef struct lw_units:
        int64_t kind
        int64_t size


cdef inline bint covers(
    const lw_units[::1] units, ptrdiff_t n_units, ptrdiff_t n_scales,
) noexcept:
    """Whether runs cover the units, and Gaussian ones have their standard deviations."""
    cdef ptrdiff_t k, total = 0
    cdef bint scaled = n_scales == n_units
    for k in range(units.shape[0]):
        if not (0 <= units[k].kind < LW_KINDS and units[k].size >= 1):
            return False
        if units[k].kind == LW_GAUSSIAN and not scaled:
            return False
        total += units[k].size
    return total == n_units and (scaled or n_scales == 0)
