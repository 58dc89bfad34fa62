"""One step of an optimiser."""

from layerwise._kernels._optimizer cimport LW_ADAM, lw_optimizer
from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport real

lw_point(chosen_kernels())


cdef extern from "optimizer/optimizer.h" nogil:
    int lw_update_f32(
        const float *, ptrdiff_t, lw_optimizer, int, float *, float *, float *)
    int lw_update_f64(
        const double *, ptrdiff_t, lw_optimizer, int, double *, double *, double *)


def size_of_optimizer(const lw_optimizer[::1] optimizer):   # in
    """Bytes of the struct in C; Cython compares its fields with those of the array."""
    return sizeof(lw_optimizer)


def update(
    const real[::1] gradient,           # in
    const lw_optimizer[::1] optimizer,  # in
    int n_threads,
    real[::1] parameter,                # in-out
    real[::1] first,                    # in-out
    real[::1] second,                   # in-out
):
    """One step of an optimiser over flat parameters; its count is the number of this step."""
    cdef ptrdiff_t n = gradient.shape[0]
    cdef real *squares = NULL
    cdef int status
    assert optimizer.shape[0] == 1
    assert parameter.shape[0] == first.shape[0] == n
    if n == 0:
        return 0
    if optimizer[0].kind == LW_ADAM:
        assert second.shape[0] == n
        squares = &second[0]
    with nogil:
        if real is float:
            status = lw_update_f32(
                &gradient[0], n, optimizer[0], n_threads, &parameter[0], &first[0], squares)
        else:
            status = lw_update_f64(
                &gradient[0], n, optimizer[0], n_threads, &parameter[0], &first[0], squares)
    return status
