# One vocabulary of C types for every door.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t  # noqa: F401

ctypedef fused real:
    float
    double
