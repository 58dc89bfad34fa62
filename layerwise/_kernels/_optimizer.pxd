# An optimiser as Python holds it, an array of one structured value, to the struct that C takes.

from libc.stdint cimport int64_t


cdef extern from "optimizer/optimizer.h" nogil:
    ctypedef struct lw_optimizer:
        int64_t kind
        double rate
        double momentum
        double decay
        double l1_decay
        int64_t count
    enum:
        LW_SGD
        LW_ADAM
