"""One pass of back-propagation through a chain of affine layers."""

from libc.stdint cimport int64_t

from layerwise._kernels._key cimport key_from, lw_key
from layerwise._kernels._optimizer cimport LW_ADAM, lw_optimizer
from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport real, uint32_t
from layerwise._kernels._units cimport LW_GAUSSIAN, covers, lw_units

lw_point(chosen_kernels())


cdef extern from "network/network.h" nogil:
    ctypedef struct lw_layer:
        int64_t n_inputs
        int64_t n_units
        int64_t activation
        int64_t tied
        int64_t weights
        int64_t biases
    ctypedef struct lw_branch:
        int64_t layer
        int64_t decoder
        double weight
        double corruption
    ctypedef struct lw_chain:
        const lw_layer *layers
        ptrdiff_t n_layers
        const double *dropout
        const lw_units *outputs
        ptrdiff_t n_runs
        const lw_branch *branches
        ptrdiff_t n_branches
        const double *contraction
    void lw_affine_f32(
        const float *, const lw_layer *, const float *, ptrdiff_t, int, float *)
    void lw_affine_f64(
        const double *, const lw_layer *, const double *, ptrdiff_t, int, double *)
    void lw_activate_f32(ptrdiff_t, ptrdiff_t, int64_t, int, float *)
    void lw_activate_f64(ptrdiff_t, ptrdiff_t, int64_t, int, double *)
    ptrdiff_t lw_network_scratch_f32(lw_chain, ptrdiff_t)
    ptrdiff_t lw_network_scratch_f64(lw_chain, ptrdiff_t)
    int lw_network_pass_f32(
        const float *, const float *, const int64_t *, const double *, ptrdiff_t, lw_chain,
        ptrdiff_t, double, ptrdiff_t, lw_optimizer, lw_key, uint32_t, uint32_t, uint32_t,
        uint32_t, uint32_t, int,
        float *, float *, float *, void *, float *)
    int lw_network_pass_f64(
        const double *, const double *, const int64_t *, const double *, ptrdiff_t, lw_chain,
        ptrdiff_t, double, ptrdiff_t, lw_optimizer, lw_key, uint32_t, uint32_t, uint32_t,
        uint32_t, uint32_t, int,
        double *, double *, double *, void *, double *)


cdef lw_chain chain_of(
    const lw_layer[::1] layers,
    const double[::1] dropout,
    const lw_units[::1] outputs,
    const lw_branch[::1] branches,
    const double[::1] contraction,
) noexcept:
    cdef const double *drops = &dropout[0] if dropout.shape[0] else NULL
    cdef const lw_units *runs = &outputs[0] if outputs.shape[0] else NULL
    cdef const lw_branch *own = &branches[0] if branches.shape[0] else NULL
    cdef const double *penalty = &contraction[0] if contraction.shape[0] else NULL
    return lw_chain(
        &layers[0], layers.shape[0], drops, runs, outputs.shape[0], own, branches.shape[0],
        penalty)


cdef bint fit(lw_chain chain) noexcept:
    """Whether branches give back what their layers take in, each by layers of its own."""
    cdef ptrdiff_t b
    cdef int64_t k = -1, decoder = chain.n_layers
    cdef lw_branch branch
    for b in range(chain.n_branches):
        branch = chain.branches[b]
        if not k < branch.layer < branch.decoder < decoder:
            return False
        k, decoder = branch.layer, branch.decoder
        if chain.layers[k].n_inputs != chain.layers[decoder].n_units:
            return False
        if chain.layers[k].n_units != chain.layers[decoder].n_inputs:
            return False
        if k == 0 and (branch.corruption != 0 or decoder != chain.n_layers - 1):
            return False
        if k > 0 and chain.layers[k - 1].activation != chain.layers[decoder].activation:
            return False
    return True


cdef ptrdiff_t scratch_of(lw_chain chain, ptrdiff_t batch_size, size_t size) noexcept:
    if size == sizeof(float):
        return lw_network_scratch_f32(chain, batch_size)
    return lw_network_scratch_f64(chain, batch_size)


cdef ptrdiff_t n_parameters(lw_chain chain) noexcept:
    """Matrices, biases, and the outputs' log variances if some are Gaussian."""
    cdef const lw_layer *last = chain.layers + chain.n_layers - 1
    cdef ptrdiff_t k
    for k in range(chain.n_runs):
        if chain.outputs[k].kind == LW_GAUSSIAN:
            return last.biases + 2 * last.n_units
    return last.biases + last.n_units


def size_of_layer(const lw_layer[::1] layers):      # in
    """Bytes of the struct in C; Cython compares its fields with those of the array."""
    return sizeof(lw_layer)


def size_of_branch(const lw_branch[::1] branches):  # in
    """The same of a branch."""
    return sizeof(lw_branch)


def scratch_size(
    const lw_layer[::1] layers,     # in
    const double[::1] dropout,      # in
    const lw_units[::1] outputs,    # in
    const lw_branch[::1] branches,  # in
    const double[::1] contraction,  # in
    ptrdiff_t batch_size,
    ptrdiff_t size,
):
    """Bytes of scratch memory that a pass needs, on numbers of this size."""
    return scratch_of(
        chain_of(layers, dropout, outputs, branches, contraction), batch_size, size)


def affine(
    const real[::1] parameter,      # in
    const lw_layer[::1] layers,     # in
    const real[:, ::1] value,       # in
    ptrdiff_t k,
    int n_threads,
    real[:, ::1] field,             # out
):
    """Fields of the units of layer k, given its inputs."""
    assert 0 <= k < layers.shape[0]
    assert value.shape[0] == field.shape[0]
    assert value.shape[1] == layers[k].n_inputs
    assert field.shape[1] == layers[k].n_units
    cdef ptrdiff_t n_rows = value.shape[0]
    if n_rows:
        with nogil:
            if real is float:
                lw_affine_f32(
                    &parameter[0], &layers[k], &value[0, 0], n_rows, n_threads, &field[0, 0])
            else:
                lw_affine_f64(
                    &parameter[0], &layers[k], &value[0, 0], n_rows, n_threads, &field[0, 0])
    return 0


def activate(
    int64_t activation,
    int n_threads,
    real[:, ::1] value,             # in-out
):
    """From the fields on units to their means, in place."""
    cdef ptrdiff_t n_rows = value.shape[0], n_units = value.shape[1]
    if n_rows:
        with nogil:
            if real is float:
                lw_activate_f32(n_rows, n_units, activation, n_threads, &value[0, 0])
            else:
                lw_activate_f64(n_rows, n_units, activation, n_threads, &value[0, 0])
    return 0


def network_pass(
    const real[:, ::1] value,       # in
    const real[:, ::1] target,      # in
    const int64_t[::1] order,       # in
    const double[::1] weights,      # in
    const lw_layer[::1] layers,     # in
    const double[::1] dropout,      # in
    const lw_units[::1] outputs,    # in
    const lw_branch[::1] branches,  # in
    const double[::1] contraction,  # in
    ptrdiff_t batch_size,
    double corruption,
    ptrdiff_t code,
    const lw_optimizer[::1] optimizer,  # in
    const uint32_t[::1] key,        # in
    uint32_t first_step,
    uint32_t lane_corruption,
    uint32_t lane_code,
    uint32_t lane_dropout,
    uint32_t lane_branch,
    int n_threads,
    real[::1] parameter,            # in-out
    real[::1] first,                # in-out
    real[::1] second,               # in-out
    unsigned char[::1] scratch,     # scratch
    real[::1] row_loss,             # out
):
    """One pass over the rows that order lists, batch by batch: loss, gradient, step."""
    cdef ptrdiff_t n_rows = order.shape[0], n_layers = layers.shape[0]
    cdef lw_chain chain = chain_of(layers, dropout, outputs, branches, contraction)
    cdef lw_key k = key_from(key)
    cdef const double *weight = NULL
    cdef real *squares = NULL
    cdef int status = 0
    assert batch_size >= 1
    assert n_layers >= 1
    assert code == -1 or 1 <= code < n_layers
    if dropout.shape[0]:
        assert dropout.shape[0] == n_layers
        assert code == -1 or dropout[code] == 0
    assert fit(chain)
    if contraction.shape[0]:
        assert contraction.shape[0] == n_layers
        assert contraction[n_layers - 1] == 0
    assert value.shape[0] == target.shape[0]
    if weights.shape[0]:
        assert weights.shape[0] == value.shape[0]
        weight = &weights[0]
    assert value.shape[1] == layers[0].n_inputs
    assert target.shape[1] == layers[n_layers - 1].n_units
    assert not chain.n_runs or covers(outputs, target.shape[1], target.shape[1])
    assert parameter.shape[0] == n_parameters(chain)
    assert first.shape[0] == parameter.shape[0]
    assert optimizer.shape[0] == 1
    if optimizer[0].kind == LW_ADAM:
        assert second.shape[0] == parameter.shape[0]
        squares = &second[0]
    assert scratch.shape[0] >= scratch_of(chain, batch_size, sizeof(real))
    assert row_loss.shape[0] == n_rows
    assert key.shape[0] == 4
    if n_rows:
        with nogil:
            if real is float:
                status = lw_network_pass_f32(
                    &value[0, 0], &target[0, 0], &order[0], weight, n_rows, chain, batch_size,
                    corruption, code, optimizer[0], k, first_step, lane_corruption, lane_code,
                    lane_dropout, lane_branch, n_threads, &parameter[0], &first[0], squares,
                    &scratch[0], &row_loss[0])
            else:
                status = lw_network_pass_f64(
                    &value[0, 0], &target[0, 0], &order[0], weight, n_rows, chain, batch_size,
                    corruption, code, optimizer[0], k, first_step, lane_corruption, lane_code,
                    lane_dropout, lane_branch, n_threads, &parameter[0], &first[0], squares,
                    &scratch[0], &row_loss[0])
    return status
