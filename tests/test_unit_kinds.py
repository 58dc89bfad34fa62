"""Layers of units of all kinds: kernels against their twins."""

import numpy as np
import pytest
from reference import units as twin

from layerwise.numerics import runtime, units
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(23, 39)))
DTYPES = [np.float32, np.float64]
BERNOULLI, SPIN, GAUSSIAN, TRUNCATED_EXPONENTIAL, SOFTMAX = range(5)
# Rows come in tiles of 16, words in groups of four units and blocks of 128; runs that do not start
# with a group begin within one.
LAYERS = [
    *([(kind, size)] for kind in range(4) for size in (1, 5, 16, 127, 128, 129, 301)),
    *([(SOFTMAX, size)] for size in (1, 2, 5, 33)),
    [(SOFTMAX, 3), (SOFTMAX, 3), (SOFTMAX, 5), (SOFTMAX, 1)],
    *([(BERNOULLI, first), (kind, 130), (SPIN, 2)] for kind in range(4) for first in (1, 2, 3)),
    [(GAUSSIAN, 3), (SOFTMAX, 6), (GAUSSIAN, 1), (TRUNCATED_EXPONENTIAL, 7), (SPIN, 40)],
]
layers = pytest.mark.parametrize("layer", LAYERS, ids=str)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def layer_of(layer, n_rows, dtype, size=3.0, seed=37):
    """Return fields, runs and standard deviations."""
    rng = np.random.default_rng(seed)
    n_units = sum(size for _, size in layer)
    field = rng.normal(scale=size, size=(n_rows, n_units)).astype(dtype)
    scale = np.exp(rng.normal(scale=0.7, size=n_units)).astype(dtype)
    return field, np.array(layer, dtype=units.RUN), scale


@dtypes
@pytest.mark.parametrize("n_rows", [1, 15, 16, 33])
@layers
def test_means_are_the_twins(layer, n_rows, dtype):
    field, runs, scale = layer_of(layer, n_rows, dtype)
    got = units.unit_means(field, runs, scale)
    assert got.dtype == dtype
    # Exponentials to 2 ulp, sums of up to 33 of them, then a few roundings; a difference of
    # numbers of at most 1 is wrong by their last place.
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(
        got, twin.unit_means(field, layer, scale), rtol=24 * eps, atol=6 * eps
    )


@dtypes
@pytest.mark.parametrize("n_rows", [1, 15, 16, 33])
@layers
def test_draws_are_the_twins(layer, n_rows, dtype):
    field, runs, scale = layer_of(layer, n_rows, dtype)
    got = units.unit_draws(field, runs, scale, STREAM, step=5, lane=2)
    expected = twin.unit_draws(field, layer, scale, STREAM.as_array(), 5, 2)
    eps = np.finfo(dtype).eps
    for kind, here in twin.slices(layer):
        if kind in (twin.Gaussian, twin.TruncatedExponential):
            # The angle is a float of 32 bits, times lengths of at most 7; the series of float64
            # end at 4e-13. Standard deviations are below 10.
            tolerance = max(100 * eps, 3e-11)
            np.testing.assert_allclose(
                got[:, here], expected[:, here], rtol=tolerance, atol=tolerance
            )
        else:
            # A number within a few eps of the border may fall on its other side.
            wrong = np.any(got[:, here] != expected[:, here], axis=1)
            assert np.mean(wrong) <= (0.1 if dtype == np.float32 and n_rows > 10 else 0)


@dtypes
@pytest.mark.parametrize("n_rows", [1, 15, 16, 33])
@layers
def test_log_partitions_are_the_twins(layer, n_rows, dtype):
    field, runs, scale = layer_of(layer, n_rows, dtype)
    got = units.unit_log_partitions(field, runs, scale)
    assert got.dtype == np.float64
    # Each term to about 8 eps of its own size, and as many roundings of partial sums.
    size = np.abs(field * scale.clip(1)).sum(axis=1) + field.shape[1]
    error = got - twin.unit_log_partitions(field, layer, scale)
    assert np.all(np.abs(error) <= 20 * np.finfo(dtype).eps * size)


def test_bernoulli_draws_are_those_of_its_own_kernels():
    """What was trained before there were kinds keeps its bits."""
    for dtype in DTYPES:
        for shape in ((33, 5), (17, 128), (5, 301)):
            field = np.random.default_rng(41).normal(size=shape).astype(dtype)
            runs = units.runs_of([(BERNOULLI, shape[1])])
            mean = units.unit_means(field, runs)
            assert np.array_equal(mean, units.means(field))
            drawn = units.unit_draws(field, runs, None, STREAM, step=3, lane=1)
            assert np.array_equal(drawn, units.draw(mean, STREAM, step=3, lane=1))


@dtypes
def test_a_spin_is_a_bernoulli_unit_in_other_words(dtype):
    field, spins, _ = layer_of([(SPIN, 77)], 40, dtype)
    runs = units.runs_of([(BERNOULLI, 77)])
    spin = units.unit_draws(field, spins, None, STREAM, step=3, lane=1)
    bit = units.unit_draws(2 * field, runs, None, STREAM, step=3, lane=1)
    assert np.array_equal(spin, 2 * bit - 1)


@dtypes
@layers
def test_bits_depend_on_neither_threads_nor_rows_around(layer, dtype, monkeypatch):
    field, runs, scale = layer_of(layer, 50, dtype)
    before = field.copy()
    for array in (field, runs, scale):
        array.flags.writeable = False

    def everything(n_threads):
        monkeypatch.setattr(runtime, "count", lambda work: n_threads)
        return (
            units.unit_means(field, runs, scale),
            units.unit_draws(field, runs, scale, STREAM, step=5, lane=2),
            units.unit_log_partitions(field, runs, scale),
        )

    one = everything(1)
    for n_threads in (2, 3, 5):
        for a, b in zip(one, everything(n_threads)):
            assert np.array_equal(a, b)
    assert np.array_equal(field, before)
    first = units.unit_draws(field[:3], runs, scale, STREAM, step=5, lane=2)
    assert np.array_equal(first, one[1][:3])


@dtypes
@pytest.mark.parametrize("first", [1, 2, 5, 128])
@pytest.mark.parametrize("kind", range(4))
def test_a_draw_is_a_function_of_the_unit_s_address(kind, first, dtype):
    """Whatever runs a layer is cut into."""
    field, whole, scale = layer_of([(kind, 150)], 20, dtype)
    cut = units.runs_of([(kind, first), (kind, 150 - first)])
    draws = [units.unit_draws(field, runs, scale, STREAM, step=1, lane=1) for runs in (whole, cut)]
    assert np.array_equal(*draws)


@dtypes
@pytest.mark.parametrize("kind", range(5))
def test_no_layer_and_no_rows(kind, dtype):
    field, runs, scale = layer_of([(kind, 4)], 3, dtype)
    assert units.unit_means(field[:0], runs, scale).shape == (0, 4)
    assert units.unit_draws(field[:0], runs, scale, STREAM, step=0, lane=0).shape == (0, 4)
    assert units.unit_log_partitions(field[:0], runs, scale).shape == (0,)
    nothing, no_runs = np.empty((3, 0), dtype), units.runs_of([])
    assert units.unit_means(nothing, no_runs).shape == (3, 0)
    assert np.array_equal(units.unit_log_partitions(nothing, no_runs), np.zeros(3))


@dtypes
@pytest.mark.parametrize("kind", range(5))
def test_any_finite_field_has_a_draw_and_a_mean(kind, dtype):
    small = [0.0, 1e-38, 1e-30, 1e-12, 1e-7, 1e-3, 0.03, 0.999, 1.0, 1.001]
    sizes = np.array([*small, 10, 87, 89, 700, 710, 1e4, 1e12, 1e30])
    row = np.concatenate([sizes, -sizes])
    field = np.repeat(row[None], 2000, axis=0).astype(dtype)
    if kind == SOFTMAX:
        field = np.ascontiguousarray(field.reshape(-1, 4))
    runs = units.runs_of([(kind, field.shape[1])])
    scale = np.ones(field.shape[1], dtype)
    mean = units.unit_means(field, runs, scale)
    drawn = units.unit_draws(field, runs, scale, STREAM, step=0, lane=0)
    assert np.isfinite(mean).all()
    assert np.isfinite(drawn).all()
    if kind in (BERNOULLI, TRUNCATED_EXPONENTIAL, SOFTMAX):
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        assert mean.min() >= 0
        assert mean.max() <= 1
    if kind == SPIN:
        assert set(np.unique(drawn)) == {-1, 1}
    if kind == SOFTMAX:
        assert np.array_equal(drawn.sum(axis=1), np.ones(len(drawn)))
        assert set(np.unique(drawn)) == {0, 1}
    if kind == TRUNCATED_EXPONENTIAL:
        # The mean of 2,000 numbers of a standard deviation of at most the mean, and 5 sigma of 36.
        low = drawn[:, len(sizes) :]
        error = np.abs(low.mean(axis=0) / mean[0, len(sizes) :] - 1)
        assert np.all(error < 5 / np.sqrt(2000))


def test_normal_numbers_have_the_moments_and_tails_of_a_normal_law():
    field = np.zeros((4000, 101))
    drawn = units.unit_draws(
        field, units.runs_of([(GAUSSIAN, 101)]), np.ones(101), STREAM, step=0, lane=0
    )
    n = drawn.size
    # Central moments of a mean of n numbers, within four of their standard errors.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(drawn**power) - moment) < 4 * np.sqrt(variance / n)
    for border, share in ((2, 4.5500264e-2), (3, 2.6997961e-3), (4, 6.3342484e-5)):
        assert abs(np.mean(np.abs(drawn) > border) - share) < 4 * np.sqrt(share / n)
    neighbours = np.corrcoef(drawn[:, :-1:2].ravel(), drawn[:, 1::2].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(n / 2)


def test_units_of_different_kinds_share_no_numbers():
    """A Gaussian unit and the softmax unit after it once shared a word."""
    layer = [(GAUSSIAN, 1), (TRUNCATED_EXPONENTIAL, 1), (GAUSSIAN, 1), (SOFTMAX, 2), (SPIN, 1)]
    field = np.zeros((40_000, 6))
    drawn = units.unit_draws(field, units.runs_of(layer), np.ones(6), STREAM, step=0, lane=0)
    drawn = np.delete(drawn, 4, axis=1)  # of two softmax units the second is one minus the first
    # Correlations of squares too: independent ones have a standard error of 1 / sqrt(n).
    table = np.corrcoef(np.hstack([drawn, drawn[:, :3] ** 2]).T)
    table[[0, 1, 2, 5, 6, 7], [5, 6, 7, 0, 1, 2]] = 0  # a number and its own square
    assert np.all(np.abs(table - np.eye(8)) < 4.5 / np.sqrt(len(field)))


def test_not_finite_fields_stay_not_finite():
    for kind in range(5):
        for dtype in DTYPES:
            field = np.zeros((3, 4), dtype)
            field[:, 2] = np.nan
            runs, scale = units.runs_of([(kind, 4)]), np.ones(4, dtype)
            assert np.isnan(units.unit_means(field, runs, scale)[:, 2]).all()
            assert np.isnan(units.unit_log_partitions(field, runs, scale)).all()
