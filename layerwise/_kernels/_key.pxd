# A stream's key, from the array that Python holds to the struct that C takes.

from libc.stdint cimport uint32_t


cdef extern from "base/philox.h" nogil:
    ctypedef struct lw_key:
        uint32_t word[4]


cdef inline lw_key key_from(const uint32_t[::1] words) noexcept:
    cdef lw_key key
    cdef int i
    for i in range(4):
        key.word[i] = words[i]
    return key
