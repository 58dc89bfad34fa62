"""One pass of CD or PCD, in place, batch by batch; and Gibbs steps."""

from libc.stdint cimport int64_t, uint32_t

from layerwise._kernels._key cimport key_from, lw_key
from layerwise._kernels._optimizer cimport LW_ADAM, lw_optimizer
from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport real
from layerwise._kernels._units cimport lw_units

lw_point(chosen_kernels())


cdef extern from "rbm/rbm.h" nogil:
    ctypedef struct lw_shape:
        ptrdiff_t n_visible
        ptrdiff_t n_hidden
        const lw_units *visible
        ptrdiff_t n_visible_runs
        const lw_units *hidden
        ptrdiff_t n_hidden_runs
    ctypedef struct lw_contrast:
        ptrdiff_t n_rows
        ptrdiff_t n_chains
        ptrdiff_t batch_size
        ptrdiff_t n_steps
        int way
        ptrdiff_t first_batch
        double share
    ctypedef struct lw_asked_f32:
        const double *weights
        float *mean_visible
        float *mean_hidden
        const float *target
        float cost
        int centered
    ctypedef struct lw_asked_f64:
        const double *weights
        double *mean_visible
        double *mean_hidden
        const double *target
        double cost
        int centered
    double LW_SHARE_UNKNOWN
    ctypedef struct lw_rbm_f32:
        lw_shape shape
        float *components
        float *intercept_visible
        float *intercept_hidden
        float *log_variance
        float *first
        float *second
    ctypedef struct lw_rbm_f64:
        lw_shape shape
        double *components
        double *intercept_visible
        double *intercept_hidden
        double *log_variance
        double *first
        double *second
    ctypedef struct lw_tempering_f32:
        const double *beta
        ptrdiff_t step_apart
        ptrdiff_t chain_apart
        const float *base
        const float *base_log_variance
        double *log_weight
    ctypedef struct lw_tempering_f64:
        const double *beta
        ptrdiff_t step_apart
        ptrdiff_t chain_apart
        const double *base
        const double *base_log_variance
        double *log_weight
    ptrdiff_t lw_contrastive_scratch_f32(lw_shape, lw_contrast)
    ptrdiff_t lw_contrastive_scratch_f64(lw_shape, lw_contrast)
    int lw_contrastive_f32(
        const float *, const int64_t *, lw_contrast, lw_optimizer, lw_key, uint32_t, uint32_t,
        int, lw_rbm_f32, lw_asked_f32, float *, void *, double *)
    int lw_contrastive_f64(
        const double *, const int64_t *, lw_contrast, lw_optimizer, lw_key, uint32_t, uint32_t,
        int, lw_rbm_f64, lw_asked_f64, double *, void *, double *)
    void lw_gibbs_f32(
        lw_rbm_f32, lw_contrast, lw_key, uint32_t, uint32_t, uint32_t, int, float *, float *,
        void *)
    void lw_gibbs_f64(
        lw_rbm_f64, lw_contrast, lw_key, uint32_t, uint32_t, uint32_t, int, double *, double *,
        void *)
    ptrdiff_t lw_anneal_scratch_f32(lw_shape, lw_contrast)
    ptrdiff_t lw_anneal_scratch_f64(lw_shape, lw_contrast)
    void lw_anneal_f32(
        lw_rbm_f32, lw_contrast, lw_tempering_f32, lw_key, uint32_t, uint32_t, uint32_t, int,
        float *, float *, void *)
    void lw_anneal_f64(
        lw_rbm_f64, lw_contrast, lw_tempering_f64, lw_key, uint32_t, uint32_t, uint32_t, int,
        double *, double *, void *)


cdef ptrdiff_t scratch_of(lw_shape shape, lw_contrast task, size_t size) noexcept nogil:
    if size == sizeof(float):
        return lw_contrastive_scratch_f32(shape, task)
    return lw_contrastive_scratch_f64(shape, task)


cdef lw_shape shape_of(
    ptrdiff_t n_visible, ptrdiff_t n_hidden, const lw_units[::1] visible,
    const lw_units[::1] hidden,
) noexcept:
    return lw_shape(
        n_visible, n_hidden, &visible[0], visible.shape[0], &hidden[0], hidden.shape[0])


def scratch_size(
    ptrdiff_t n_visible,
    ptrdiff_t n_hidden,
    const lw_units[::1] visible_units,  # in
    const lw_units[::1] hidden_units,   # in
    ptrdiff_t n_rows,
    ptrdiff_t n_chains,
    ptrdiff_t batch_size,
    ptrdiff_t n_steps,
    ptrdiff_t size,
):
    """Bytes of the scratch that ``contrastive`` needs for such a pass, on numbers of this size."""
    cdef lw_contrast task = lw_contrast(
        n_rows, n_chains, batch_size, n_steps, 0, 0, LW_SHARE_UNKNOWN)
    return scratch_of(shape_of(n_visible, n_hidden, visible_units, hidden_units), task, size)


def contrastive(
    const real[:, ::1] rows,            # in
    const int64_t[::1] order,           # in
    const lw_units[::1] visible_units,  # in
    const lw_units[::1] hidden_units,   # in
    const lw_optimizer[::1] optimizer,  # in
    const double[::1] weights,          # in
    const real[::1] target,             # in
    double cost,
    bint centered,
    ptrdiff_t batch_size,
    ptrdiff_t n_steps,
    int way,
    ptrdiff_t first_batch,
    double share,
    const uint32_t[::1] key,            # in
    uint32_t hidden_lane,
    uint32_t visible_lane,
    int n_threads,
    real[:, ::1] components,            # in-out
    real[::1] intercept_visible,        # in-out
    real[::1] intercept_hidden,         # in-out
    real[::1] log_variance,             # in-out
    real[:, ::1] chains,                # in-out
    real[::1] mean_visible,             # in-out
    real[::1] mean_hidden,              # in-out
    real[::1] first,                    # in-out
    real[::1] second,                   # in-out
    unsigned char[::1] scratch,         # out
    double[::1] gap,                    # out
):
    """One pass of CD (no chains) or PCD over the rows, in the given order.

    All entries of ``order`` must be rows: it is the caller's permutation, not a user's.
    """
    cdef ptrdiff_t n_visible = components.shape[1], n_hidden = components.shape[0]
    cdef lw_contrast task = lw_contrast(
        order.shape[0], chains.shape[0], batch_size, n_steps, way, first_batch, share)
    cdef lw_shape shape = shape_of(n_visible, n_hidden, visible_units, hidden_units)
    cdef lw_key k = key_from(key)
    cdef int status
    cdef real *kept = NULL
    cdef real *squares = NULL
    cdef real *variance = NULL
    cdef const double *weight = NULL
    cdef const real *goal = NULL
    cdef real *below = NULL
    cdef real *above = NULL
    assert key.shape[0] == 4
    assert n_visible > 0 and n_hidden > 0 and batch_size > 0 and n_steps > 0 and first_batch >= 0
    assert weights.shape[0] == 0 or weights.shape[0] == rows.shape[0]
    assert target.shape[0] == 0 or target.shape[0] == n_hidden
    if centered or target.shape[0]:
        assert mean_visible.shape[0] == n_visible and mean_hidden.shape[0] == n_hidden
        below, above = &mean_visible[0], &mean_hidden[0]
    assert rows.shape[1] == intercept_visible.shape[0] == n_visible
    assert intercept_hidden.shape[0] == n_hidden
    assert optimizer.shape[0] == 1
    assert log_variance.shape[0] == 0 or log_variance.shape[0] == n_visible
    assert first.shape[0] == (n_visible + 1) * (n_hidden + 1) - 1 + log_variance.shape[0]
    assert gap.shape[0] == (task.n_rows + batch_size - 1) // batch_size
    assert scratch.shape[0] >= scratch_of(shape, task, sizeof(real))
    if task.n_rows == 0:
        return 0
    if task.n_chains:
        assert chains.shape[1] == n_hidden
        kept = &chains[0, 0]
    if optimizer[0].kind == LW_ADAM:
        assert second.shape[0] == first.shape[0]
        squares = &second[0]
    if log_variance.shape[0]:
        variance = &log_variance[0]
    if weights.shape[0]:
        weight = &weights[0]
    if target.shape[0]:
        goal = &target[0]
    with nogil:
        if real is float:
            status = lw_contrastive_f32(
                &rows[0, 0], &order[0], task, optimizer[0], k, hidden_lane, visible_lane,
                n_threads,
                lw_rbm_f32(shape, &components[0, 0], &intercept_visible[0], &intercept_hidden[0],
                           variance, &first[0], squares),
                lw_asked_f32(weight, below, above, goal, <float>cost, centered), kept,
                &scratch[0], &gap[0])
        else:
            status = lw_contrastive_f64(
                &rows[0, 0], &order[0], task, optimizer[0], k, hidden_lane, visible_lane,
                n_threads,
                lw_rbm_f64(shape, &components[0, 0], &intercept_visible[0], &intercept_hidden[0],
                           variance, &first[0], squares),
                lw_asked_f64(weight, below, above, goal, cost, centered), kept,
                &scratch[0], &gap[0])
    return status


def gibbs(
    const real[:, ::1] components,          # in
    const real[::1] intercept_visible,      # in
    const real[::1] intercept_hidden,       # in
    const real[::1] log_variance,           # in
    const lw_units[::1] visible_units,      # in
    const lw_units[::1] hidden_units,       # in
    ptrdiff_t n_steps,
    int way,
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
    cdef ptrdiff_t n_visible = components.shape[1], n_hidden = components.shape[0]
    cdef lw_contrast task = lw_contrast(n, n, n, n_steps, way, 0, LW_SHARE_UNKNOWN)
    cdef lw_shape shape = shape_of(n_visible, n_hidden, visible_units, hidden_units)
    cdef lw_key k = key_from(key)
    cdef real *variance = NULL
    assert key.shape[0] == 4
    assert n_visible > 0 and n_hidden > 0 and n_steps > 0
    assert intercept_visible.shape[0] == visible.shape[1] == n_visible
    assert intercept_hidden.shape[0] == hidden.shape[1] == n_hidden
    assert log_variance.shape[0] == 0 or log_variance.shape[0] == n_visible
    assert visible.shape[0] == n
    if n == 0:
        return 0
    assert scratch.shape[0] >= scratch_of(shape, task, sizeof(real))
    if log_variance.shape[0]:
        variance = <real *>&log_variance[0]
    with nogil:
        # The parameters are a pass's own, but Gibbs steps only read them.
        if real is float:
            lw_gibbs_f32(
                lw_rbm_f32(shape, <float *>&components[0, 0], <float *>&intercept_visible[0],
                           <float *>&intercept_hidden[0], variance, NULL, NULL),
                task, k, first_step, hidden_lane, visible_lane, n_threads, &hidden[0, 0],
                &visible[0, 0], &scratch[0])
        else:
            lw_gibbs_f64(
                lw_rbm_f64(shape, <double *>&components[0, 0], <double *>&intercept_visible[0],
                           <double *>&intercept_hidden[0], variance, NULL, NULL),
                task, k, first_step, hidden_lane, visible_lane, n_threads, &hidden[0, 0],
                &visible[0, 0], &scratch[0])
    return 0


cdef ptrdiff_t anneal_scratch_of(lw_shape shape, lw_contrast task, size_t size) noexcept nogil:
    if size == sizeof(float):
        return lw_anneal_scratch_f32(shape, task)
    return lw_anneal_scratch_f64(shape, task)


def anneal_scratch_size(
    ptrdiff_t n_visible,
    ptrdiff_t n_hidden,
    const lw_units[::1] visible_units,      # in
    const lw_units[::1] hidden_units,       # in
    ptrdiff_t n_chains,
    ptrdiff_t n_steps,
    int itemsize,
):
    """Bytes of scratch memory that annealing so many chains for so many steps needs."""
    cdef lw_shape shape = shape_of(n_visible, n_hidden, visible_units, hidden_units)
    cdef lw_contrast task = lw_contrast(
        n_chains, n_chains, n_chains, n_steps, 0, 0, LW_SHARE_UNKNOWN)
    assert n_visible > 0 and n_hidden > 0 and n_chains > 0 and n_steps > 0
    return anneal_scratch_of(shape, task, itemsize)


def anneal(
    const real[:, ::1] components,          # in
    const real[::1] intercept_visible,      # in
    const real[::1] intercept_hidden,       # in
    const real[::1] log_variance,           # in
    const lw_units[::1] visible_units,      # in
    const lw_units[::1] hidden_units,       # in
    const double[:, :] betas,               # in
    const real[::1] base,                   # in
    const real[::1] base_log_variance,      # in
    int way,
    const uint32_t[::1] key,                # in
    uint32_t first_step,
    uint32_t hidden_lane,
    uint32_t visible_lane,
    int n_threads,
    real[:, ::1] hidden,                    # in-out
    real[:, ::1] visible,                   # out
    double[::1] log_weight,                 # in-out
    unsigned char[::1] scratch,             # out
):
    """Steps of tempered chains from their hidden states, and what they add to log weights."""
    cdef ptrdiff_t n = hidden.shape[0], n_steps = betas.shape[0] - 1
    cdef ptrdiff_t n_visible = components.shape[1], n_hidden = components.shape[0]
    cdef ptrdiff_t step_apart = betas.strides[0] // <ptrdiff_t>sizeof(double)
    cdef ptrdiff_t chain_apart = betas.strides[1] // <ptrdiff_t>sizeof(double)
    cdef lw_contrast task = lw_contrast(n, n, n, n_steps, way, 0, LW_SHARE_UNKNOWN)
    cdef lw_shape shape = shape_of(n_visible, n_hidden, visible_units, hidden_units)
    cdef lw_key k = key_from(key)
    cdef real *variance = NULL
    cdef const real *base_variance = NULL
    assert key.shape[0] == 4
    assert n_visible > 0 and n_hidden > 0 and n > 0 and n_steps > 0
    assert betas.shape[1] == n and log_weight.shape[0] == n and visible.shape[0] == n
    assert intercept_visible.shape[0] == visible.shape[1] == base.shape[0] == n_visible
    assert intercept_hidden.shape[0] == hidden.shape[1] == n_hidden
    assert log_variance.shape[0] == 0 or log_variance.shape[0] == n_visible
    assert base_log_variance.shape[0] == log_variance.shape[0]
    assert scratch.shape[0] >= anneal_scratch_of(shape, task, sizeof(real))
    if log_variance.shape[0]:
        variance = <real *>&log_variance[0]
        base_variance = &base_log_variance[0]
    with nogil:
        # The parameters are a pass's own, but these steps only read them.
        if real is float:
            lw_anneal_f32(
                lw_rbm_f32(shape, <float *>&components[0, 0], <float *>&intercept_visible[0],
                           <float *>&intercept_hidden[0], variance, NULL, NULL),
                task,
                lw_tempering_f32(&betas[0, 0], step_apart, chain_apart, &base[0], base_variance,
                                 &log_weight[0]),
                k, first_step, hidden_lane, visible_lane, n_threads, &hidden[0, 0],
                &visible[0, 0], &scratch[0])
        else:
            lw_anneal_f64(
                lw_rbm_f64(shape, <double *>&components[0, 0], <double *>&intercept_visible[0],
                           <double *>&intercept_hidden[0], variance, NULL, NULL),
                task,
                lw_tempering_f64(&betas[0, 0], step_apart, chain_apart, &base[0], base_variance,
                                 &log_weight[0]),
                k, first_step, hidden_lane, visible_lane, n_threads, &hidden[0, 0],
                &visible[0, 0], &scratch[0])
    return 0
