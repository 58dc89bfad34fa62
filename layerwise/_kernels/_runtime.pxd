# The kernels stand in one extension module, _runtime. When another one is imported, it points its
# own names of them there: lw_point(chosen_kernels()).

cdef extern from "isa/isa.h" nogil:
    void lw_point(const void *kernels)

cdef const void *chosen_kernels() noexcept
