"""Means, states and log-partitions of layers of units; the random numbers of the draws."""

from layerwise._kernels._key cimport key_from, lw_key
from layerwise._kernels._runtime cimport chosen_kernels, lw_point
from layerwise._kernels._typedefs cimport real, uint32_t

lw_point(chosen_kernels())


cdef extern from "base/philox.h" nogil:
    void lw_philox(const uint32_t *counter, uint32_t key0, uint32_t key1, uint32_t *out)


cdef extern from "units/units.h" nogil:
    void lw_words(
        ptrdiff_t, ptrdiff_t, lw_key, uint32_t, uint32_t, int, uint32_t *)
    void lw_states_f32(
        const float *, ptrdiff_t, ptrdiff_t, lw_key, uint32_t, uint32_t, uint32_t, int, float *)
    void lw_states_f64(
        const double *, ptrdiff_t, ptrdiff_t, lw_key, uint32_t, uint32_t, uint32_t, int,
        double *)
    void lw_unit_means_f32(
        const float *, ptrdiff_t, ptrdiff_t, const lw_units *, ptrdiff_t, const float *, int,
        float *)
    void lw_unit_means_f64(
        const double *, ptrdiff_t, ptrdiff_t, const lw_units *, ptrdiff_t, const double *, int,
        double *)
    void lw_unit_draws_f32(
        const float *, ptrdiff_t, ptrdiff_t, const lw_units *, ptrdiff_t, const float *, lw_key,
        uint32_t, uint32_t, int, float *)
    void lw_unit_draws_f64(
        const double *, ptrdiff_t, ptrdiff_t, const lw_units *, ptrdiff_t, const double *, lw_key,
        uint32_t, uint32_t, int, double *)
    void lw_unit_log_partitions_f32(
        const float *, ptrdiff_t, ptrdiff_t, const lw_units *, ptrdiff_t, const float *, int,
        double *)
    void lw_unit_log_partitions_f64(
        const double *, ptrdiff_t, ptrdiff_t, const lw_units *, ptrdiff_t, const double *, int,
        double *)


def philox(
    const uint32_t[::1] counter,    # in
    const uint32_t[::1] key,        # in
    uint32_t[::1] out,              # out
):
    """Philox4x32-10 of one counter, as in its authors' known-answer vectors."""
    assert counter.shape[0] == out.shape[0] == 4
    assert key.shape[0] == 2
    with nogil:
        lw_philox(&counter[0], key[0], key[1], &out[0])
    return 0


def words(
    const uint32_t[::1] key,        # in
    uint32_t step,
    uint32_t lane,
    int n_threads,
    uint32_t[:, ::1] word,          # out
):
    """The 32-bit numbers at (unit, row, step, lane)."""
    assert key.shape[0] == 4
    cdef ptrdiff_t n_rows = word.shape[0], n_units = word.shape[1]
    cdef lw_key k = key_from(key)
    if n_rows and n_units:
        with nogil:
            lw_words(n_rows, n_units, k, step, lane, n_threads, &word[0, 0])
    return 0


def states(
    const real[:, ::1] mean,        # in
    const uint32_t[::1] key,        # in
    uint32_t first_row,
    uint32_t step,
    uint32_t lane,
    int n_threads,
    real[:, ::1] state,             # out
):
    """States of Bernoulli units, given their means."""
    assert state.shape[0] == mean.shape[0]
    assert state.shape[1] == mean.shape[1]
    assert key.shape[0] == 4
    cdef ptrdiff_t n_rows = mean.shape[0], n_units = mean.shape[1]
    cdef lw_key k = key_from(key)
    if n_rows and n_units:
        with nogil:
            if real is float:
                lw_states_f32(
                    &mean[0, 0], n_rows, n_units, k, first_row, step, lane, n_threads,
                    &state[0, 0])
            else:
                lw_states_f64(
                    &mean[0, 0], n_rows, n_units, k, first_row, step, lane, n_threads,
                    &state[0, 0])
    return 0


def size_of_run(const lw_units[::1] units):     # in
    """Bytes of the struct in C; Cython compares its fields with those of the array."""
    return sizeof(lw_units)


def unit_means(
    const real[:, ::1] field,       # in
    const lw_units[::1] units,      # in
    const real[::1] scale,          # in
    int n_threads,
    real[:, ::1] mean,              # out
):
    """Expected states of units of any kinds, given the field on each of them."""
    assert mean.shape[0] == field.shape[0]
    assert mean.shape[1] == field.shape[1]
    assert covers(units, field.shape[1], scale.shape[0])
    cdef ptrdiff_t n_rows = field.shape[0], n_units = field.shape[1], n_runs = units.shape[0]
    cdef const real *s = &scale[0] if scale.shape[0] else NULL
    if n_rows and n_units:
        with nogil:
            if real is float:
                lw_unit_means_f32(
                    &field[0, 0], n_rows, n_units, &units[0], n_runs, s, n_threads, &mean[0, 0])
            else:
                lw_unit_means_f64(
                    &field[0, 0], n_rows, n_units, &units[0], n_runs, s, n_threads, &mean[0, 0])
    return 0


def unit_draws(
    const real[:, ::1] field,       # in
    const lw_units[::1] units,      # in
    const real[::1] scale,          # in
    const uint32_t[::1] key,        # in
    uint32_t step,
    uint32_t lane,
    int n_threads,
    real[:, ::1] state,             # out
):
    """States of units of any kinds, drawn given the field on each of them."""
    assert state.shape[0] == field.shape[0]
    assert state.shape[1] == field.shape[1]
    assert covers(units, field.shape[1], scale.shape[0])
    assert key.shape[0] == 4
    cdef ptrdiff_t n_rows = field.shape[0], n_units = field.shape[1], n_runs = units.shape[0]
    cdef const real *s = &scale[0] if scale.shape[0] else NULL
    cdef lw_key k = key_from(key)
    if n_rows and n_units:
        with nogil:
            if real is float:
                lw_unit_draws_f32(
                    &field[0, 0], n_rows, n_units, &units[0], n_runs, s, k, step, lane, n_threads,
                    &state[0, 0])
            else:
                lw_unit_draws_f64(
                    &field[0, 0], n_rows, n_units, &units[0], n_runs, s, k, step, lane, n_threads,
                    &state[0, 0])
    return 0


def unit_log_partitions(
    const real[:, ::1] field,       # in
    const lw_units[::1] units,      # in
    const real[::1] scale,          # in
    int n_threads,
    double[::1] total,              # out
):
    """The sum over units of their log-partitions, for each row."""
    assert total.shape[0] == field.shape[0]
    assert covers(units, field.shape[1], scale.shape[0])
    cdef ptrdiff_t n_rows = field.shape[0], n_units = field.shape[1], n_runs = units.shape[0]
    cdef const real *s = &scale[0] if scale.shape[0] else NULL
    if n_rows and n_units:
        with nogil:
            if real is float:
                lw_unit_log_partitions_f32(
                    &field[0, 0], n_rows, n_units, &units[0], n_runs, s, n_threads, &total[0])
            else:
                lw_unit_log_partitions_f64(
                    &field[0, 0], n_rows, n_units, &units[0], n_runs, s, n_threads, &total[0])
    return 0
