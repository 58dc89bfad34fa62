"""One pass of training, in place, batch by batch; and one step of an optimiser."""

from layerwise._kernels._key cimport key_from, lw_key
from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport int64_t, real, uint32_t

lw_point(chosen_kernels())


cdef extern from "optimizer/optimizer.h" nogil:
    ctypedef struct lw_optimizer:
        int kind
        double rate
        double momentum
        double decay
        int64_t count
    enum:
        LW_ADAM
    int lw_update_f32(
        const float *, ptrdiff_t, lw_optimizer, int, float *, float *, float *)
    int lw_update_f64(
        const double *, ptrdiff_t, lw_optimizer, int, double *, double *, double *)


cdef extern from "rbm/rbm.h" nogil:
    ctypedef struct lw_contrast:
        ptrdiff_t n_rows
        ptrdiff_t n_visible
        ptrdiff_t n_hidden
        ptrdiff_t n_chains
        ptrdiff_t batch_size
        ptrdiff_t n_steps
    ptrdiff_t lw_contrastive_scratch_f32(lw_contrast)
    ptrdiff_t lw_contrastive_scratch_f64(lw_contrast)
    int lw_contrastive_f32(
        const float *, const int64_t *, lw_contrast, lw_optimizer, lw_key, uint32_t, uint32_t,
        int, float *, float *, float *, float *, float *, float *, void *, double *)
    int lw_contrastive_f64(
        const double *, const int64_t *, lw_contrast, lw_optimizer, lw_key, uint32_t, uint32_t,
        int, double *, double *, double *, double *, double *, double *, void *, double *)
    int lw_gibbs_f32(
        const float *, const float *, const float *, lw_contrast, lw_key, uint32_t, uint32_t,
        uint32_t, int, float *, float *, void *)
    int lw_gibbs_f64(
        const double *, const double *, const double *, lw_contrast, lw_key, uint32_t, uint32_t,
        uint32_t, int, double *, double *, void *)


cdef inline ptrdiff_t scratch_of(lw_contrast shape, size_t size) noexcept nogil:
    return lw_contrastive_scratch_f32(shape) if size == 4 else lw_contrastive_scratch_f64(shape)


def scratch_size(
    ptrdiff_t n_rows,
    ptrdiff_t n_visible,
    ptrdiff_t n_hidden,
    ptrdiff_t n_chains,
    ptrdiff_t batch_size,
    ptrdiff_t n_steps,
    ptrdiff_t size,
):
    """Bytes of the scratch that ``contrastive`` needs for such a pass, on numbers of this size."""
    cdef lw_contrast shape = lw_contrast(
        n_rows, n_visible, n_hidden, n_chains, batch_size, n_steps)
    return scratch_of(shape, size)


def contrastive(
    const real[:, ::1] rows,            # in
    const int64_t[::1] order,           # in
    ptrdiff_t batch_size,
    ptrdiff_t n_steps,
    int kind,
    double rate,
    double momentum,
    double decay,
    int64_t count,
    const uint32_t[::1] key,            # in
    uint32_t hidden_lane,
    uint32_t visible_lane,
    int n_threads,
    real[:, ::1] components,            # in-out
    real[::1] intercept_visible,        # in-out
    real[::1] intercept_hidden,         # in-out
    real[:, ::1] chains,                # in-out
    real[::1] first,                    # in-out
    real[::1] second,                   # in-out
    unsigned char[::1] scratch,         # out
    double[::1] gap,                    # out
):
    """One pass of CD (no chains) or PCD over the rows, in the given order.

    All entries of ``order`` must be rows: it is the caller's permutation, not a user's.
    """
    cdef lw_contrast shape = lw_contrast(
        order.shape[0], components.shape[1], components.shape[0], chains.shape[0],
        batch_size, n_steps)
    cdef lw_optimizer optimizer = lw_optimizer(kind, rate, momentum, decay, count)
    cdef lw_key k = key_from(key)
    cdef int status
    cdef real *kept = NULL
    cdef real *squares = NULL
    assert key.shape[0] == 4
    assert shape.n_visible > 0 and shape.n_hidden > 0 and batch_size > 0 and n_steps > 0
    assert rows.shape[1] == intercept_visible.shape[0] == shape.n_visible
    assert intercept_hidden.shape[0] == shape.n_hidden
    assert first.shape[0] == (shape.n_visible + 1) * (shape.n_hidden + 1) - 1
    assert gap.shape[0] == (shape.n_rows + batch_size - 1) // batch_size
    assert scratch.shape[0] >= scratch_of(shape, sizeof(real))
    if shape.n_rows == 0:
        return 0
    if shape.n_chains:
        assert chains.shape[1] == shape.n_hidden
        kept = &chains[0, 0]
    if kind == LW_ADAM:
        assert second.shape[0] == first.shape[0]
        squares = &second[0]
    with nogil:
        if real is float:
            status = lw_contrastive_f32(
                &rows[0, 0], &order[0], shape, optimizer, k, hidden_lane, visible_lane, n_threads,
                &components[0, 0], &intercept_visible[0], &intercept_hidden[0], kept, &first[0],
                squares, &scratch[0], &gap[0])
        else:
            status = lw_contrastive_f64(
                &rows[0, 0], &order[0], shape, optimizer, k, hidden_lane, visible_lane, n_threads,
                &components[0, 0], &intercept_visible[0], &intercept_hidden[0], kept, &first[0],
                squares, &scratch[0], &gap[0])
    return status


def gibbs(
    const real[:, ::1] components,          # in
    const real[::1] intercept_visible,      # in
    const real[::1] intercept_hidden,       # in
    ptrdiff_t n_steps,
    const uint32_t[::1] key,                # in
    uint32_t first_step,
    uint32_t hidden_lane,
    uint32_t visible_lane,
    int n_threads,
    real[:, ::1] hidden,                    # in-out
    real[:, ::1] visible,                   # out
    unsigned char[::1] scratch,             # out
):
    """Gibbs steps of chains from their hidden states: visible given hidden, then hidden."""
    cdef ptrdiff_t n = hidden.shape[0]
    cdef lw_contrast shape = lw_contrast(
        n, components.shape[1], components.shape[0], n, n, n_steps)
    cdef lw_key k = key_from(key)
    cdef int status
    assert key.shape[0] == 4
    assert shape.n_visible > 0 and shape.n_hidden > 0 and n_steps > 0
    assert intercept_visible.shape[0] == visible.shape[1] == shape.n_visible
    assert intercept_hidden.shape[0] == hidden.shape[1] == shape.n_hidden
    assert visible.shape[0] == n
    assert scratch.shape[0] >= scratch_of(shape, sizeof(real))
    if n == 0:
        return 0
    with nogil:
        if real is float:
            status = lw_gibbs_f32(
                &components[0, 0], &intercept_visible[0], &intercept_hidden[0], shape, k,
                first_step, hidden_lane, visible_lane, n_threads, &hidden[0, 0], &visible[0, 0],
                &scratch[0])
        else:
            status = lw_gibbs_f64(
                &components[0, 0], &intercept_visible[0], &intercept_hidden[0], shape, k,
                first_step, hidden_lane, visible_lane, n_threads, &hidden[0, 0], &visible[0, 0],
                &scratch[0])
    return status


def update(
    const real[::1] gradient,           # in
    int kind,
    double rate,
    double momentum,
    double decay,
    int64_t count,
    int n_threads,
    real[::1] parameter,                # in-out
    real[::1] first,                    # in-out
    real[::1] second,                   # in-out
):
    """One step of an optimiser over flat parameters; ``count`` is its number, from 1."""
    cdef ptrdiff_t n = gradient.shape[0]
    cdef lw_optimizer optimizer = lw_optimizer(kind, rate, momentum, decay, count)
    cdef real *squares = NULL
    cdef int status
    assert parameter.shape[0] == first.shape[0] == n
    if n == 0:
        return 0
    if kind == LW_ADAM:
        assert second.shape[0] == n
        squares = &second[0]
    with nogil:
        if real is float:
            status = lw_update_f32(
                &gradient[0], n, optimizer, n_threads, &parameter[0], &first[0], squares)
        else:
            status = lw_update_f64(
                &gradient[0], n, optimizer, n_threads, &parameter[0], &first[0], squares)
    return status
