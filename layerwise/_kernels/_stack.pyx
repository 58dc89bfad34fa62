"""RBMs sampled through: one pass of joint CD or PCD, in place, and steps of their chain."""

from libc.stdint cimport int64_t, uint32_t

from layerwise._kernels._key cimport key_from, lw_key
from layerwise._kernels._optimizer cimport LW_ADAM, lw_optimizer
from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport real
from layerwise._kernels._units cimport covers, lw_units

lw_point(chosen_kernels())


cdef extern from "rbm/stack.h" nogil:
    ctypedef struct lw_contrast:
        ptrdiff_t n_rows
        ptrdiff_t n_chains
        ptrdiff_t batch_size
        ptrdiff_t n_steps
        int way
        ptrdiff_t first_batch
        double share
    ctypedef struct lw_stack_layer:
        int64_t n_visible
        int64_t n_hidden
        int64_t hidden_kind
        int64_t height
        int64_t width
        int64_t channels
        int64_t size
        int64_t stride
        int64_t components
        int64_t intercept_visible
        int64_t intercept_hidden
        int64_t log_variance
    ctypedef struct lw_stack:
        const lw_stack_layer *layers
        ptrdiff_t n_layers
        const lw_units *visible
        ptrdiff_t n_visible_runs
    ptrdiff_t LW_STACK_MOST
    ptrdiff_t lw_patches_of(const lw_stack_layer *)
    ptrdiff_t lw_patch_size(const lw_stack_layer *)
    ptrdiff_t lw_stack_scratch_f32(lw_stack, lw_contrast)
    ptrdiff_t lw_stack_scratch_f64(lw_stack, lw_contrast)
    int lw_stack_pass_f32(
        const float *, const int64_t *, const double *, lw_stack, lw_contrast, lw_optimizer,
        lw_key, uint32_t, uint32_t, uint32_t, int, float *, ptrdiff_t, float *, float *, float *,
        void *, double *)
    int lw_stack_pass_f64(
        const double *, const int64_t *, const double *, lw_stack, lw_contrast, lw_optimizer,
        lw_key, uint32_t, uint32_t, uint32_t, int, double *, ptrdiff_t, double *, double *,
        double *, void *, double *)
    void lw_stack_gibbs_f32(
        const float *, lw_stack, lw_contrast, lw_key, uint32_t, uint32_t, uint32_t, uint32_t, int,
        float *, float *, void *)
    void lw_stack_gibbs_f64(
        const double *, lw_stack, lw_contrast, lw_key, uint32_t, uint32_t, uint32_t, uint32_t,
        int, double *, double *, void *)


cdef ptrdiff_t scratch_of(lw_stack stack, lw_contrast task, size_t size) noexcept:
    if size == sizeof(float):
        return lw_stack_scratch_f32(stack, task)
    return lw_stack_scratch_f64(stack, task)


cdef lw_stack stack_of(
    const lw_stack_layer[::1] layers, const lw_units[::1] visible,
) noexcept:
    return lw_stack(&layers[0], layers.shape[0], &visible[0], visible.shape[0])


cdef ptrdiff_t top_size(lw_stack stack) noexcept:
    """Units of the top."""
    cdef const lw_stack_layer *top = stack.layers + stack.n_layers - 1
    return top.n_hidden * lw_patches_of(top)


cdef bint fit(lw_stack stack, ptrdiff_t n_visible, ptrdiff_t n_parameters) noexcept:
    """Whether layers follow each other, in the array of parameters as in units."""
    cdef ptrdiff_t k, at = 0, below = n_visible
    cdef const lw_stack_layer *layer
    if not 1 <= stack.n_layers <= LW_STACK_MOST:
        return False
    for k in range(stack.n_layers):
        layer = stack.layers + k
        if layer.n_visible != below or layer.n_hidden < 1:
            return False
        if layer.size:
            if not (1 <= layer.size <= min(layer.height, layer.width) and layer.stride >= 1):
                return False
            if layer.height * layer.width * layer.channels != below:
                return False
        if layer.components != at:
            return False
        at += layer.n_hidden * lw_patch_size(layer)
        if layer.intercept_visible != at or layer.intercept_hidden != at + below:
            return False
        at += below + layer.n_hidden
        if layer.log_variance >= 0:
            if k or layer.log_variance != at:
                return False
            at += below
        below = layer.n_hidden * lw_patches_of(layer)
    return at == n_parameters


def size_of_layer(const lw_stack_layer[::1] layers):    # in
    """Bytes of the struct in C; Cython compares its fields with those of the array."""
    return sizeof(lw_stack_layer)


def scratch_size(
    const lw_stack_layer[::1] layers,   # in
    const lw_units[::1] visible_units,  # in
    ptrdiff_t n_rows,
    ptrdiff_t n_chains,
    ptrdiff_t batch_size,
    ptrdiff_t n_steps,
    ptrdiff_t size,
):
    """Bytes of the scratch that such a pass needs, on numbers of this size."""
    cdef lw_contrast task = lw_contrast(n_rows, n_chains, batch_size, n_steps, 0, 0, 0)
    return scratch_of(stack_of(layers, visible_units), task, size)


def stack_pass(
    const real[:, ::1] rows,            # in
    const int64_t[::1] order,           # in
    const double[::1] weights,          # in
    const lw_stack_layer[::1] layers,   # in
    const lw_units[::1] visible_units,  # in
    const lw_optimizer[::1] optimizer,  # in
    ptrdiff_t batch_size,
    ptrdiff_t n_steps,
    ptrdiff_t first_batch,
    const uint32_t[::1] key,            # in
    uint32_t hidden_lane,
    uint32_t visible_lane,
    uint32_t lane,
    int n_threads,
    real[::1] parameter,                # in-out
    real[::1] first,                    # in-out
    real[::1] second,                   # in-out
    real[:, ::1] chains,                # in-out
    unsigned char[::1] scratch,         # scratch
    double[::1] gap,                    # out
):
    """One pass of joint CD (no chains) or PCD over the rows, in the given order."""
    cdef lw_contrast task = lw_contrast(
        order.shape[0], chains.shape[0], batch_size, n_steps, 0, first_batch, 0)
    cdef lw_stack stack = stack_of(layers, visible_units)
    cdef lw_key k = key_from(key)
    cdef const double *weight = NULL
    cdef real *kept = NULL
    cdef real *squares = NULL
    cdef int status = 0
    assert key.shape[0] == 4
    assert batch_size > 0 and n_steps > 0 and first_batch >= 0
    assert fit(stack, rows.shape[1], parameter.shape[0])
    assert covers(visible_units, rows.shape[1], rows.shape[1])
    assert weights.shape[0] == 0 or weights.shape[0] == rows.shape[0]
    assert optimizer.shape[0] == 1
    assert first.shape[0] == parameter.shape[0]
    assert gap.shape[0] == (task.n_rows + batch_size - 1) // batch_size
    assert scratch.shape[0] >= scratch_of(stack, task, sizeof(real))
    if task.n_rows == 0:
        return 0
    if task.n_chains:
        assert chains.shape[1] == top_size(stack)
        kept = &chains[0, 0]
    if optimizer[0].kind == LW_ADAM:
        assert second.shape[0] == parameter.shape[0]
        squares = &second[0]
    if weights.shape[0]:
        weight = &weights[0]
    with nogil:
        if real is float:
            status = lw_stack_pass_f32(
                &rows[0, 0], &order[0], weight, stack, task, optimizer[0], k, hidden_lane,
                visible_lane, lane, n_threads, &parameter[0], parameter.shape[0], &first[0],
                squares, kept, &scratch[0], &gap[0])
        else:
            status = lw_stack_pass_f64(
                &rows[0, 0], &order[0], weight, stack, task, optimizer[0], k, hidden_lane,
                visible_lane, lane, n_threads, &parameter[0], parameter.shape[0], &first[0],
                squares, kept, &scratch[0], &gap[0])
    return status


def stack_gibbs(
    const real[::1] parameter,          # in
    const lw_stack_layer[::1] layers,   # in
    const lw_units[::1] visible_units,  # in
    ptrdiff_t n_steps,
    const uint32_t[::1] key,            # in
    uint32_t first_step,
    uint32_t hidden_lane,
    uint32_t visible_lane,
    uint32_t lane,
    int n_threads,
    real[:, ::1] top,                   # in-out
    real[:, ::1] visible,               # out
    unsigned char[::1] scratch,         # scratch
):
    """Steps of chains from states of the top: down through all layers, and up again."""
    cdef ptrdiff_t n = top.shape[0]
    cdef lw_contrast task = lw_contrast(n, n, n, n_steps, 0, 0, 0)
    cdef lw_stack stack = stack_of(layers, visible_units)
    cdef lw_key k = key_from(key)
    assert key.shape[0] == 4
    assert n_steps > 0
    assert fit(stack, visible.shape[1], parameter.shape[0])
    assert covers(visible_units, visible.shape[1], visible.shape[1])
    assert visible.shape[0] == n
    if n == 0:
        return 0
    assert top.shape[1] == top_size(stack)
    assert scratch.shape[0] >= scratch_of(stack, task, sizeof(real))
    with nogil:
        if real is float:
            lw_stack_gibbs_f32(
                &parameter[0], stack, task, k, first_step, hidden_lane, visible_lane, lane,
                n_threads, &top[0, 0], &visible[0, 0], &scratch[0])
        else:
            lw_stack_gibbs_f64(
                &parameter[0], stack, task, k, first_step, hidden_lane, visible_lane, lane,
                n_threads, &top[0, 0], &visible[0, 0], &scratch[0])
    return 0
