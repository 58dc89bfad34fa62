"""Bernoulli layers and the random numbers they draw: kernels against their twins."""

import numpy as np
import pytest
from reference import philox as twin_philox
from reference import units as twin

from layerwise._kernels import _units
from layerwise.numerics import runtime, units
from layerwise.numerics.streams import Stream

DTYPES = [np.float32, np.float64]
# Narrow layers share lanes between rows up to 64 units; rows come in tiles of 16.
SHAPES = [(1, 1), (3, 5), (15, 16), (16, 63), (17, 64), (33, 65), (2, 130)]
STREAM = Stream(bytes(range(3, 19)))


def kernel_philox(counter, key):
    out = np.empty(4, dtype=np.uint32)
    _units.philox(np.array(counter, dtype=np.uint32), np.array(key, dtype=np.uint32), out)
    return tuple(out.tolist())


@pytest.mark.parametrize("philox", [twin_philox.philox, kernel_philox])
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # kat_vectors of Random123, philox4x32 with 10 rounds
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(philox, counter, key, expected):
    assert philox(counter, key) == tuple(int(word, 16) for word in expected.split())


@pytest.mark.parametrize("shape", SHAPES)
def test_uniforms_are_the_twins(shape):
    got = units.uniforms(*shape, STREAM, step=7, lane=3)
    expected = twin_philox.uniforms(*shape, STREAM.as_array(), 7, 3)
    assert np.array_equal(got, expected)


def test_every_part_of_an_address_changes_the_numbers():
    def numbers(stream=STREAM, step=0, lane=0):
        return units.uniforms(8, 64, stream, step=step, lane=lane)

    everything = [
        numbers(), numbers(step=1), numbers(lane=1), numbers(step=2**32 - 1),
        numbers(STREAM.child("a")), *(numbers(Stream(_flipped(bit))) for bit in range(0, 128, 9)),
    ]  # fmt: skip
    # 512 numbers of 32 bits in each: two coincide with a chance of (17 * 512)^2 / 2^33 = 0.9 %.
    assert len(np.unique(everything)) == np.size(everything)


def _flipped(bit):
    key = int.from_bytes(STREAM.key, "little") ^ (1 << bit)
    return key.to_bytes(16, "little")


def test_children_are_named_and_do_not_depend_on_order():
    first, second = STREAM.child("layer", 2), STREAM.child("train")
    assert STREAM.child("train") == second
    assert STREAM.child("layer", 2) == first
    names = [("layer", 1), ("layer", 2), ("layer", "2"), ("layer1",), ("layer",), (2, "layer")]
    assert len({STREAM.child(*name).key for name in names}) == len(names)
    assert STREAM.child("a").child("b") != STREAM.child("b").child("a")


def test_a_random_state_is_read_once():
    one, other = np.random.RandomState(5), np.random.RandomState(5)
    assert Stream.from_random_state(one) == Stream.from_random_state(other)
    other.randint(0, 2**32, size=0, dtype=np.uint32)
    assert Stream.from_random_state(one) == Stream.from_random_state(other)
    assert Stream.from_random_state(5) == Stream.from_random_state(np.random.RandomState(5))


def test_generators_follow_the_key():
    draws = STREAM.generator().random(3)
    assert np.array_equal(draws, STREAM.generator().random(3))
    assert not np.any(draws == STREAM.child("x").generator().random(3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_states_are_the_twins(shape, dtype):
    mean = np.random.default_rng(17).random(shape).astype(dtype)
    got = units.draw(mean, STREAM, step=5, lane=2)
    assert np.array_equal(got, twin.states(mean, STREAM.as_array(), 5, 2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_certain_means_are_always_drawn(dtype):
    mean = np.repeat(np.array([[0.0, 1.0]], dtype=dtype), 5000, axis=0)
    assert np.array_equal(units.draw(mean, STREAM, step=0, lane=0), mean)


@pytest.mark.parametrize("mean", [0.02, 0.5, 0.9])
def test_states_have_their_means(mean):
    n = 200_000
    state = units.draw(np.full((n // 100, 100), mean), STREAM, step=3, lane=1)
    # Four standard deviations of a mean of n independent draws, at fixed addresses.
    assert abs(state.mean() - mean) < 4 * np.sqrt(mean * (1 - mean) / n)


def ulps(got, exact):
    """Distance in units in the last place of the exact value."""
    spacing = np.spacing(np.abs(exact).astype(got.dtype)).astype(np.longdouble)
    return np.max(np.abs(got.astype(np.longdouble) - exact) / spacing)


def fields(dtype):
    """Fields where nothing is clamped, dense and sparse, and both zeros."""
    end = 80 if dtype == np.float32 else 700
    small = np.geomspace(1e-6, 1, 500)
    grid = np.concatenate([np.linspace(-end, end, 20_001), small, -small, [0.0, -0.0]])
    return grid.astype(dtype)


def softplus_sums(field):
    """Log-partitions of Bernoulli units, in the type in which each is computed."""
    run = units.bernoulli_run(field.shape[1])
    return units.unit_log_partitions(field, run).astype(field.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_means_are_accurate(dtype):
    field = fields(dtype)
    wide = field.astype(np.longdouble)
    got = units.means(field[np.newaxis])[0]
    # exp to 2 ulp (src/base/vmath.h), then a sum and a quotient: half an ulp each, and up to twice
    # that where the sum crosses a power of two.
    assert ulps(got, 1 / (1 + np.exp(-wide))) <= 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_is_accurate(dtype):
    field = fields(dtype)
    wide = field.astype(np.longdouble)
    exact = np.where(wide > 0, wide, 0) + np.log1p(np.exp(-np.abs(wide)))
    got = softplus_sums(field[:, np.newaxis])
    # exp and log1p to 2 ulp each (src/base/vmath.h), and a sum.
    assert ulps(got, exact) <= 5


def test_exp_is_accurate():
    """Where exp(field) is tiny, softplus and mean are exp to within its square: two ways in."""
    for dtype, low, high in ((np.float32, -86, -18), (np.float64, -700, -38)):
        field = np.linspace(low, high, 40_001).astype(dtype)
        exact = np.exp(field.astype(np.longdouble))
        assert ulps(softplus_sums(field[:, np.newaxis]), exact) <= 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_fields_stay_finite_and_ordered(dtype):
    field = np.array([[-np.inf, -1e30, -1e3, 0.0, 1e3, 1e30]], dtype=dtype)
    mean = units.means(field)[0]
    assert np.all(np.diff(mean) >= 0)
    assert mean[-1] == 1
    assert 0 <= mean[0] <= 1e-37  # exp is clamped at -87 in float32: e^-87 = 1.6e-38
    assert softplus_sums(field[:, -1:])[0] == field[0, -1]
    assert np.isnan(units.means(np.full((1, 3), np.nan, dtype=dtype))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_means_are_the_twins(shape, dtype):
    field = np.random.default_rng(23).normal(scale=4, size=shape).astype(dtype)
    eps = np.finfo(dtype).eps
    # Means to 4 ulp, the twin's to 2; a sum of n softplus, each to 5 ulp, adds up to n/8 + 8
    # roundings.
    np.testing.assert_allclose(units.means(field), twin.means(field.astype(float)), rtol=6 * eps)
    expected = twin.softplus_sums(field.astype(float))
    tolerance = (shape[1] / 8 + 13) * eps
    np.testing.assert_allclose(softplus_sums(field), expected, rtol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (50, 33), (37, 200)])
def test_bits_do_not_depend_on_threads(shape, dtype, monkeypatch):
    field = np.random.default_rng(29).normal(size=shape).astype(dtype)

    def everything(n_threads):
        monkeypatch.setattr(runtime, "count", lambda work: n_threads)
        mean = units.means(field)
        return (
            mean, units.draw(mean, STREAM, step=1, lane=2), softplus_sums(field),
            units.uniforms(*shape, STREAM, step=1, lane=2),
            units.affine(field, field, np.zeros(shape[0], dtype)),
        )  # fmt: skip

    one = everything(1)
    for n_threads in (2, 3, 5):
        for a, b in zip(one, everything(n_threads)):
            assert np.array_equal(a, b)


def test_read_only_and_empty_layers():
    field = np.zeros((2, 3))
    field.flags.writeable = False
    assert np.array_equal(units.means(field), np.full((2, 3), 0.5))
    for shape in ((0, 3), (3, 0)):
        empty = np.empty(shape)
        assert units.means(empty).shape == shape
        assert units.draw(empty, STREAM, step=0, lane=0).shape == shape
        assert np.array_equal(softplus_sums(empty), np.zeros(shape[0]))


@pytest.mark.parametrize("transpose", [False, True])
def test_affine_is_bias_plus_weighted_neighbours(transpose):
    rng = np.random.default_rng(31)
    x, weights, bias = rng.normal(size=(9, 7)), rng.normal(size=(4, 7)), rng.normal(size=4)
    given = np.ascontiguousarray(weights.T) if transpose else weights
    got = units.affine(x, given, bias, transpose=transpose)
    # Eight terms of size 1: a few roundings each.
    np.testing.assert_allclose(got, bias + x @ weights.T, rtol=0, atol=1e-14)
