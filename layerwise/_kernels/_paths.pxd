# The kernels stand in one extension module, _paths. When another one is imported, it points its
# own names of them there: lw_point(taken_kernels()).

cdef extern from "paths.h" nogil:
    void lw_point(const void *kernels)

cdef const void *taken_kernels() noexcept
