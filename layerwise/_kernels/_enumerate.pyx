"""Sums over all states of an enumerated layer: log Z, tables, moments."""

from libc.stdint cimport int64_t
from layerwise._kernels._runtime cimport chosen_kernels, lw_point

lw_point(chosen_kernels())


cdef extern from "enumerate/enumerate.h" nogil:
    ctypedef struct lw_layers:
        const double *weights
        const double *analytic_bias
        const double *enumerated_bias
        ptrdiff_t n_analytic
        ptrdiff_t n_enumerated
    int64_t lw_enumerate_chunks(ptrdiff_t)
    ptrdiff_t lw_enumerate_scratch(ptrdiff_t, ptrdiff_t, int)
    ptrdiff_t lw_enumerate_slab(ptrdiff_t, ptrdiff_t)
    ptrdiff_t lw_enumerate_slabs(ptrdiff_t)
    void lw_enumerate_sums(lw_layers, int64_t, int64_t, int, double *, double *, int64_t *)
    void lw_enumerate_logs(lw_layers, int64_t, int64_t, int, double *, double *)
    void lw_enumerate_moments(lw_layers, int64_t, int64_t, int, int, double *, double *)
    void lw_enumerate_under(
        lw_layers, const double *, double, int64_t, int64_t, int, int, double *, double *)
    void lw_enumerate_fold(
        ptrdiff_t, ptrdiff_t, const double *, double *, double *, double *, double *)


cdef lw_layers layers_from(
    const double[:, ::1] weights,
    const double[::1] analytic_bias,
    const double[::1] enumerated_bias,
):
    """The struct that C takes; arrays without elements have no address."""
    cdef lw_layers layers
    layers.n_analytic = weights.shape[0]
    layers.n_enumerated = weights.shape[1]
    assert analytic_bias.shape[0] == layers.n_analytic
    assert enumerated_bias.shape[0] == layers.n_enumerated
    layers.weights = layers.analytic_bias = layers.enumerated_bias = NULL
    if layers.n_analytic:
        layers.analytic_bias = &analytic_bias[0]
    if layers.n_enumerated:
        layers.enumerated_bias = &enumerated_bias[0]
    if layers.n_analytic and layers.n_enumerated:
        layers.weights = &weights[0, 0]
    return layers


def chunks(ptrdiff_t n_enumerated):
    """Chunks of all states together."""
    return lw_enumerate_chunks(n_enumerated)


def slabs(ptrdiff_t n_analytic, ptrdiff_t n_enumerated):
    """Shape of the partial sums of the moments."""
    return lw_enumerate_slabs(n_enumerated), lw_enumerate_slab(n_analytic, n_enumerated)


def scratch(ptrdiff_t n_analytic, ptrdiff_t n_enumerated, int n_threads):
    """Doubles of scratch memory."""
    return lw_enumerate_scratch(n_analytic, n_enumerated, n_threads)


def sums(
    const double[:, ::1] weights,           # in
    const double[::1] analytic_bias,        # in
    const double[::1] enumerated_bias,      # in
    int64_t first,
    int64_t last,
    int n_threads,
    double[::1] memory,                     # out
    double[::1] mantissa,                   # out
    int64_t[::1] exponent,                  # out
):
    """For each chunk, the sum of f(h) as mantissa and exponent."""
    cdef lw_layers layers = layers_from(weights, analytic_bias, enumerated_bias)
    assert 0 <= first < last <= lw_enumerate_chunks(layers.n_enumerated)
    assert mantissa.shape[0] == exponent.shape[0] == last - first
    assert memory.shape[0] >= lw_enumerate_scratch(
        layers.n_analytic, layers.n_enumerated, n_threads)
    with nogil:
        lw_enumerate_sums(
            layers, first, last, n_threads, &memory[0], &mantissa[0], &exponent[0])
    return 0


def logs(
    const double[:, ::1] weights,           # in
    const double[::1] analytic_bias,        # in
    const double[::1] enumerated_bias,      # in
    int64_t first,
    int64_t last,
    int n_threads,
    double[::1] memory,                     # out
    double[::1] log_weight,                 # out
):
    """log f(h) of all states of some chunks."""
    cdef lw_layers layers = layers_from(weights, analytic_bias, enumerated_bias)
    cdef int64_t n_chunks = lw_enumerate_chunks(layers.n_enumerated)
    assert 0 <= first < last <= n_chunks
    assert log_weight.shape[0] == (last - first) * (1 << layers.n_enumerated) // n_chunks
    assert memory.shape[0] >= lw_enumerate_scratch(
        layers.n_analytic, layers.n_enumerated, n_threads)
    with nogil:
        lw_enumerate_logs(layers, first, last, n_threads, &memory[0], &log_weight[0])
    return 0


def moments(
    const double[:, ::1] weights,           # in
    const double[::1] analytic_bias,        # in
    const double[::1] enumerated_bias,      # in
    int64_t first,
    int64_t last,
    bint single,
    int n_threads,
    double[::1] memory,                     # out
    double[:, ::1] slab,                    # in-out
):
    """Add some chunks to the partial sums of the moments, which the first chunks start."""
    cdef lw_layers layers = layers_from(weights, analytic_bias, enumerated_bias)
    assert 0 <= first < last <= lw_enumerate_chunks(layers.n_enumerated)
    assert slab.shape[0] == lw_enumerate_slabs(layers.n_enumerated)
    assert slab.shape[1] == lw_enumerate_slab(layers.n_analytic, layers.n_enumerated)
    assert (last - first) % slab.shape[0] == 0
    assert memory.shape[0] >= lw_enumerate_scratch(
        layers.n_analytic, layers.n_enumerated, n_threads)
    with nogil:
        lw_enumerate_moments(layers, first, last, single, n_threads, &memory[0], &slab[0, 0])
    return 0


def under(
    const double[:, ::1] weights,           # in
    const double[::1] analytic_bias,        # in
    const double[::1] enumerated_bias,      # in
    const double[::1] given,                # in
    double least,
    int64_t first,
    int64_t last,
    bint single,
    int n_threads,
    double[::1] memory,                     # out
    double[:, ::1] slab,                    # in-out
):
    """As ``moments``, under weights that are given for all states."""
    cdef lw_layers layers = layers_from(weights, analytic_bias, enumerated_bias)
    assert given.shape[0] == 1 << layers.n_enumerated
    assert 0 <= first < last <= lw_enumerate_chunks(layers.n_enumerated)
    assert slab.shape[0] == lw_enumerate_slabs(layers.n_enumerated)
    assert slab.shape[1] == lw_enumerate_slab(layers.n_analytic, layers.n_enumerated)
    assert (last - first) % slab.shape[0] == 0
    assert memory.shape[0] >= lw_enumerate_scratch(
        layers.n_analytic, layers.n_enumerated, n_threads)
    with nogil:
        lw_enumerate_under(
            layers, &given[0], least, first, last, single, n_threads, &memory[0], &slab[0, 0])
    return 0


def fold(
    const double[:, ::1] slab,              # in
    double[::1] log_z,                      # out
    double[::1] mean_analytic,              # out
    double[::1] mean_enumerated,            # out
    double[:, ::1] correlation,             # out
):
    """Moments from their partial sums, added in one order."""
    cdef ptrdiff_t m = mean_analytic.shape[0], n = mean_enumerated.shape[0]
    cdef double *mean_m = NULL
    cdef double *mean_n = NULL
    cdef double *both = NULL
    assert correlation.shape[0] == m
    assert correlation.shape[1] == n
    assert log_z.shape[0] == 1
    assert slab.shape[0] == lw_enumerate_slabs(n)
    assert slab.shape[1] == lw_enumerate_slab(m, n)
    if m:
        mean_m = &mean_analytic[0]
    if n:
        mean_n = &mean_enumerated[0]
    if m and n:
        both = &correlation[0, 0]
    with nogil:
        lw_enumerate_fold(m, n, &slab[0, 0], &log_z[0], mean_m, mean_n, both)
    return 0
