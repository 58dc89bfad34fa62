# Runs of units of one kind, as Python holds them in a structured array and as C takes them.

from libc.stdint cimport int64_t


cdef extern from "units/units.h" nogil:
    ctypedef struct lw_units:
        int64_t kind
        int64_t size
