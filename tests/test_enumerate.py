"""Exact sums over all states: laws of the twin and of the kernel, and the kernel against both."""

import math
import tracemalloc
from decimal import Decimal, localcontext
from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from reference import enumerate as twin
from reference import moments as moments_twin

from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import runtime

SIZES = (0, 1, 2, 4, 5, 6, 7, 8, 11, 12, 13)
SPREADS = (0.1, 1, 10, 50, 200, 1000)


@pytest.fixture(params=[twin, enumeration], ids=["twin", "kernel"])
def sums(request):
    return request.param


def layers(m, n, spread, bias=None, seed=20113):
    """Weights and biases with standard deviations ``spread`` and ``bias``."""
    rng = np.random.default_rng([seed, m, n])
    bias = spread if bias is None else bias
    return (
        spread * rng.normal(size=(m, n)),
        bias * rng.normal(size=m),
        bias * rng.normal(size=n),
    )


def exact_log_z(weights, analytic_bias, enumerated_bias):
    """log Z with 50 decimal places in every operation."""
    w = [[Decimal(x) for x in row] for row in weights.tolist()]
    a = [Decimal(x) for x in analytic_bias.tolist()]
    c = [Decimal(x) for x in enumerated_bias.tolist()]
    with localcontext() as context:
        context.prec = 50
        total = Decimal(0)
        for index in range(2 ** len(c)):
            on = [j for j in range(len(c)) if index >> j & 1]
            term = sum((c[j] for j in on), Decimal(0)).exp()
            for row, bias in zip(w, a):
                term *= 1 + sum((row[j] for j in on), bias).exp()
            total += term
        return float(total.ln())


def log_sum(log_weight):
    most = log_weight.max()
    return most + math.log(math.fsum(np.exp(log_weight - most).tolist()))


def assert_log_equal(value, expected, rtol=1e-12):
    # a logarithm near 0 is a sum of factors near 1: its error is relative to 1
    assert_allclose(value, expected, rtol=rtol, atol=rtol)


def assert_moments_equal(value, expected, atol):
    assert_log_equal(value[0], expected[0])
    for got, want in zip(value[1:], expected[1:]):
        assert_allclose(got, want, rtol=0, atol=atol)


# States


def test_bit_j_of_an_index_is_unit_j(sums):
    everything = sums.all_states(6)
    assert everything.shape == (64, 6)
    assert everything.dtype == np.float64
    assert_array_equal(everything @ 2 ** np.arange(6), np.arange(64))
    assert set(np.unique(everything)) == {0.0, 1.0}


def test_a_range_of_states_is_a_part_of_all(sums):
    assert_array_equal(sums.all_states(5, 7, 19), sums.all_states(5)[7:19])
    assert sums.all_states(0).shape == (1, 0)


# log Z


@pytest.mark.parametrize("spread", SPREADS)
def test_log_z_is_exact_at_any_weights(sums, spread):
    drawn = layers(7, 8, spread)
    # each of some 1000 roundings is relative to log Z: 1e-12 leaves a factor of ten
    assert_log_equal(sums.log_partition(*drawn), exact_log_z(*drawn))


@pytest.mark.parametrize(("spread", "bias"), [(0.1, -200), (3, -1000)])
def test_units_that_are_never_on_do_not_blur_log_z(sums, spread, bias):
    weights, _, c = layers(20, 8, spread, 1)
    a = np.full(20, float(bias))
    assert_log_equal(sums.log_partition(weights, a, c), exact_log_z(weights, a, c))


@pytest.mark.parametrize("size", [300.0, 2000.0, 20000.0])
def test_large_terms_cancel_to_a_small_log_z(size):
    # All units on: 12 fields of `size` and biases that take them back, so that f = 1 or so out of
    # factors e^size. 20,000 is wide (its logarithms are summed in doubles: 2e5 * 2^-53 = 3e-11).
    rng = np.random.default_rng(733)
    weights = 2 * size / 7 + rng.normal(size=(12, 7))
    a = -size + rng.normal(size=12)
    c = -(weights.sum(axis=0) + a.sum() / 7) + rng.normal(size=7)
    value = enumeration.log_partition(weights, a, c)
    expected = exact_log_z(weights, a, c)
    assert expected < 20
    assert_log_equal(value, expected, rtol=1e-12 if size < 1000 else 1e-10)


@pytest.mark.parametrize("excess", [5.0, 100.0])
def test_top_units_cancel_a_large_bias(excess):
    # A field of -1e9 is taken back by unit 12, above all tables, and its 3 * excess by that unit's
    # own bias. The field's last figure is 1e-7: it must not be lost on the way.
    rng = np.random.default_rng(1231)
    weights, a, c = rng.normal(size=(3, 13)), rng.normal(size=3) - 1e9, rng.normal(size=13)
    weights[:, 12] += 1e9 + excess
    c[12] -= 3 * excess
    value = enumeration.log_partition(weights, a, c)
    expected = exact_log_z(weights, a, c)
    assert expected < 20
    assert_log_equal(value, expected)


@pytest.mark.parametrize("spread", [0.1, 3, 50, 1000])
def test_either_layer_may_be_enumerated(sums, spread):
    weights, a, c = layers(11, 7, spread)
    assert_log_equal(sums.log_partition(weights, a, c), sums.log_partition(weights.T, c, a))


@pytest.mark.parametrize("spread", [0.3, 60, 400])
def test_order_of_units_does_not_matter(sums, spread):
    weights, a, c = layers(9, 8, spread)
    rng = np.random.default_rng(97)
    i, j = rng.permutation(9), rng.permutation(8)
    log_z, mean_v, mean_h, both = sums.moments(weights, a, c)
    swapped = sums.moments(weights[np.ix_(i, j)], a[i], c[j])
    # a sum of 256 terms below 1, in another order; log f itself to 1e-13 at 400
    assert_moments_equal(swapped, (log_z, mean_v[i], mean_h[j], both[np.ix_(i, j)]), atol=1e-11)
    assert_log_equal(sums.log_partition(weights[np.ix_(i, j)], a[i], c[j]), log_z)


def test_uncoupled_units_add_their_softplus(sums):
    a, c = np.array([-3.0, 0.2, 41.0]), np.array([0.7, -0.1, 2.0, -30.0])
    expected = np.logaddexp(0, a).sum() + np.logaddexp(0, c).sum()
    assert_log_equal(sums.log_partition(np.zeros((3, 4)), a, c), expected)


# Parts of a sum


@pytest.mark.parametrize("spread", [0.3, 400])
@pytest.mark.parametrize(("m", "n"), [(2, 23), (3, 22), (2, 12), (0, 3)])
def test_parts_fold_to_the_bits_of_the_whole_in_any_order(m, n, spread):
    drawn = layers(m, n, spread)
    n_parts = enumeration.n_parts(m, n)
    assert n_parts == {23: 4, 22: 2}.get(n, 1)
    order = np.random.default_rng(1301).permutation(n_parts)
    pieces = [enumeration.partial_sums(*drawn, part, part + 1) for part in order]
    folded = enumeration.fold(*map(np.concatenate, zip(*pieces)))
    assert folded == enumeration.log_partition(*drawn)


def test_a_part_holds_the_states_whose_top_bits_are_its_index():
    weights, a, c = layers(2, 23, 1.0)
    for part, top in enumerate(enumeration.all_states(2)):
        rest = weights[:, :21], a + weights[:, 21:] @ top, c[:21]
        value = enumeration.fold(*enumeration.partial_sums(weights, a, c, part, part + 1))
        assert_log_equal(value, enumeration.log_partition(*rest) + c[21:] @ top)


def test_calls_are_cut_by_work():
    # 2^30 states of 784 units take 20 s or more: they must not be one call, nor one part a second
    for m, n in ((784, 30), (100, 30), (10_000, 20)):
        assert (m << n) // enumeration.n_parts(m, n) < 2**29


def test_progress_is_told_behind_every_part():
    told = []
    enumeration.log_partition(*layers(2, 23, 1.0), progress=lambda *done: told.append(done))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_memory_does_not_grow_with_the_number_of_states():
    drawn = layers(2, 23, 1.0)
    tracemalloc.start()
    try:
        enumeration.log_partition(*drawn)
        enumeration.moments(*drawn, single=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Two workers' chunks of 2048 states take 100 KB, chunks' sums 16 KB; 2^23 states 67 MB.
    assert peak < 2**20


# The table


@pytest.mark.parametrize("spread", [0.1, 30, 500])
@pytest.mark.parametrize("n", [0, 3, 7, 13])
def test_the_table_sums_to_z(sums, n, spread):
    drawn = layers(6, n, spread)
    assert_log_equal(log_sum(sums.log_weights(*drawn)), sums.log_partition(*drawn))


def test_a_table_without_bias_holds_sums_of_softplus(sums):
    weights, a, _ = layers(5, 6, 2)
    fields = a + enumeration.all_states(6) @ weights.T
    expected = np.logaddexp(0, fields).sum(axis=1)
    assert_log_equal(sums.log_weights(weights, a, np.zeros(6)), expected)


# Moments


@pytest.mark.parametrize("spread", [0.1, 2, 50, 300])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 5), (6, 4), (5, 0)])
def test_moments_are_those_of_the_joint_distribution(sums, m, n, spread):
    weights, a, c = layers(m, n, spread)
    v, h = twin.all_states(m), twin.all_states(n)
    log_p = (v @ a)[:, np.newaxis] + h @ c + v @ weights @ h.T
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    expected = log_sum(log_p.ravel()), p.sum(axis=1) @ v, p.sum(axis=0) @ h, v.T @ p @ h
    # log p is some hundreds and rounded: 300 * 20 * 2^-53 = 7e-13
    assert_moments_equal(sums.moments(weights, a, c), expected, atol=5e-12)


@pytest.mark.parametrize("spread", [0.2, 1.5])
def test_moments_are_derivatives_of_log_z(sums, spread):
    drawn = layers(4, 6, spread)
    _, *slopes = sums.moments(*drawn)
    step = 1e-4
    for k, slope in zip((1, 2, 0), slopes):
        for at in np.ndindex(slope.shape):
            ends = []
            for sign in (1, -1):
                moved = [part.copy() for part in drawn]
                moved[k][at] += sign * step
                ends.append(sums.log_partition(*moved))
            # the third derivative (< 1) leaves step^2 / 6 = 2e-9; rounding 1e-14 / step
            assert slope[at] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=4e-9)


@pytest.mark.parametrize("spread", [50, 200, 1000, 1e6])
def test_extreme_weights_have_probabilities(spread):
    drawn = layers(30, 13, spread)
    _, *means = enumeration.moments(*drawn)
    for mean in means:
        assert np.all((mean >= 0) & (mean <= 1 + 1e-14))  # sums of 8192 shares of one sum
    # one state holds nearly everything at these spreads: rounding of log f shows, 1e7 * 2^-53
    assert_moments_equal(enumeration.moments(*drawn), twin.moments(*drawn), atol=1e-9)


def test_small_means_keep_their_figures():
    # log b = y + t is clamped at -41 or so, and the moments are not
    weights, a, c = layers(9, 8, 0.1)
    a = a - np.linspace(20, 500, 9)
    value, expected = enumeration.moments(weights, a, c), twin.moments(weights, a, c)
    assert value[1].min() < 1e-200
    for got, want in zip(value[1:], expected[1:]):
        # e^-500 from an exponent rounded by 500 * 2^-53 = 6e-14
        assert_allclose(got, want, rtol=1e-12)


def test_moments_of_one_layer_are_those_of_the_other(sums):
    weights, a, c = layers(6, 9, 1)
    log_z, mean_v, mean_h, both = sums.moments(weights, a, c)
    # the same 2^15 joint states in another order
    assert_moments_equal(
        sums.moments(weights.T, c, a), (log_z, mean_h, mean_v, both.T), atol=1e-13
    )


# Moments whose shares are computed in float32


def assert_single_equal(value, expected):
    assert value[0] == expected[0]
    assert_array_equal(value[2], expected[2])
    for k in (1, 3):
        # 8 roundings behind a share and 18 of its sum over a chunk, by 2^-24 each; float32 leaves
        # out states that weigh less than 2^-56 of a chunk.
        assert_allclose(value[k], expected[k], rtol=26 * 2.0**-24, atol=2.0**-40)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spread", SPREADS)
def test_single_moments_are_those_in_double(n, spread):
    # All kinds of units: narrow enough for float32, for products of doubles, and wide.
    for m in SIZES:
        drawn = layers(m, n, spread)
        assert_single_equal(enumeration.moments(*drawn, single=True), enumeration.moments(*drawn))


@pytest.mark.parametrize("bias", [-60.0, -25.0, 0.0, 25.0, 60.0, 900.0])
@pytest.mark.parametrize("spread", [0.05, 0.5, 2.0, 2.8])
def test_single_moments_of_saturated_units(bias, spread):
    weights, a, c = layers(41, 14, spread, 1)
    weights[::7] *= 300
    drawn = weights, a + bias, c
    assert_single_equal(enumeration.moments(*drawn, single=True), enumeration.moments(*drawn))


def test_single_moments_are_as_exact_as_float32():
    """The stated error, 3e-7, over 40 machines of 100 units: each has 1,300 moments."""
    most = 0.0
    for seed in range(40):
        drawn = layers(100, 12, [0.1, 0.5, 1.0, 2.0][seed % 4], 1, seed=seed)
        value, expected = enumeration.moments(*drawn, single=True), enumeration.moments(*drawn)
        for k in (1, 3):
            error = np.abs(value[k] - expected[k]) - 2.0**-40  # of states that are left out
            most = max(most, np.max(error / expected[k]))
    # far from the bound, for roundings cancel; above that of one rounding, or nothing is single
    assert 2.0**-24 < most < 4e-7


@pytest.mark.parametrize("single", [False, True])
def test_moments_may_be_taken_again_in_the_same_memory(single):
    again = enumeration.Moments(9, 13, single=single)
    for spread in (200, 0.5, 1):
        drawn = layers(9, 13, spread)
        for value, expected in zip(again(*drawn), enumeration.moments(*drawn, single=single)):
            assert_array_equal(value, expected)


# The kernel against its twin, at every size and kind of unit


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spread", [0.5, 40, 250])
def test_kernel_equals_twin_at_all_sizes(n, spread):
    for m in SIZES:
        drawn = layers(m, n, spread)
        expected = twin.moments(*drawn)
        # p comes from exp(log f), and log f of up to 1e4 is rounded by 2e-12
        assert_moments_equal(enumeration.moments(*drawn), expected, atol=2e-11)
        assert_log_equal(enumeration.log_partition(*drawn), expected[0])
        table = twin.log_weights(*drawn)
        # entries are differences of sums as large as the largest of them
        assert_allclose(
            enumeration.log_weights(*drawn), table, rtol=0, atol=1e-12 * max(1, abs(table).max())
        )


@pytest.mark.parametrize("m", [3, 4, 63, 64, 65, 131, 700])
def test_kernel_equals_twin_at_all_mixtures_of_units(m):
    # Every third unit is wide, every fifth saturated; blocks are of 64, groups of whatever fits.
    weights, a, c = layers(m, 8, 1)
    weights[::3] *= 400
    a[::5] += 900
    drawn = weights, a, c
    assert_moments_equal(enumeration.moments(*drawn), twin.moments(*drawn), atol=1e-10)
    table = twin.log_weights(*drawn)
    assert_allclose(enumeration.log_weights(*drawn), table, rtol=1e-12)


@pytest.mark.parametrize("spread", [0.1, 3, 50, 400])
@pytest.mark.parametrize("n", [14, 16, 17])
def test_many_chunks_equal_the_other_layer(n, spread):
    # slabs of several chunks, whose weights grow and shrink by many powers of two
    weights, a, c = layers(4, n, spread)
    expected = twin.moments(weights.T, c, a)
    log_z, mean_v, mean_h, both = enumeration.moments(weights, a, c)
    # p of 16 states from log f of some 1e4, rounded by 2e-12
    assert_moments_equal((log_z, mean_h, mean_v, both.T), expected, atol=1e-11)
    assert_log_equal(enumeration.log_partition(weights, a, c), expected[0])
    assert_log_equal(log_sum(enumeration.log_weights(weights, a, c)), expected[0])


def test_more_than_one_call_per_sum():
    # 2^22 states are two calls of the door; the other layer has 2^2 states, and is easy to list.
    weights, a, c = layers(2, 22, 1.0)
    expected = twin.moments(weights.T, c, a)
    log_z, mean_v, mean_h, both = enumeration.moments(weights, a, c)
    # 2^22 positive terms: rounding of partial sums, at most 2^11 of them in a row
    assert_moments_equal((log_z, mean_h, mean_v, both.T), expected, atol=1e-12)
    assert_log_equal(enumeration.log_partition(weights, a, c), expected[0])
    table = enumeration.log_weights(weights, a, c)
    for index in (0, 5, 2**21 - 1, 2**21, 2**21 + 77, 2**22 - 1):
        h = enumeration.all_states(22, index, index + 1)[0]
        assert_log_equal(table[index], c @ h + np.logaddexp(0, a + weights @ h).sum())


# Habits of every kernel


@pytest.mark.parametrize("spread", [0.1, 30, 400])
def test_results_do_not_depend_on_threads(monkeypatch, spread):
    drawn = layers(9, 16, spread)

    def everything():
        return (
            enumeration.log_partition(*drawn),
            enumeration.log_weights(*drawn),
            *enumeration.moments(*drawn),
            *enumeration.moments(*drawn, single=True),
        )

    results = []
    for n_threads in (1, 2, 3, 5):
        monkeypatch.setattr(runtime, "count", lambda work, n_threads=n_threads: n_threads)
        results.append(everything())
    for other in results[1:]:
        for one, two in zip(results[0], other):
            assert_array_equal(one, two)


@pytest.mark.parametrize(
    "call", [enumeration.log_partition, enumeration.log_weights, enumeration.moments]
)
def test_inputs_are_read_only_and_unchanged(call):
    drawn = layers(5, 9, 1)
    before = [part.copy() for part in drawn]
    for part in drawn:
        part.flags.writeable = False
    call(*drawn)
    for part, copy in zip(drawn, before):
        assert_array_equal(part, copy)


def test_any_order_of_memory_and_float32_are_taken():
    weights, a, c = layers(5, 9, 1)
    expected = enumeration.log_partition(weights, a, c)
    assert enumeration.log_partition(np.asfortranarray(weights), a, c) == expected
    single = weights.astype(np.float32)
    assert enumeration.log_partition(single, a, c) == enumeration.log_partition(
        single.astype(float), a, c
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("n", [3, 12])
def test_what_is_not_a_finite_number_gives_nan(wrong, where, n):
    drawn = layers(4, n, 1)
    drawn[where].flat[2] = wrong
    assert math.isnan(enumeration.log_partition(*drawn))
    assert np.all(np.isnan(enumeration.log_weights(*drawn)))
    for single in (False, True):
        for part in enumeration.moments(*drawn, single=single):
            assert np.all(np.isnan(part))


def test_a_state_that_all_others_disappear_beside():
    # f spans 2^+-60000: only exponents kept apart can hold it
    for order in permutations((-40000.0, 3.0, 41000.0)):
        c = np.array(order)
        expected = np.maximum(c, 0).sum() + np.log1p(np.exp(-np.abs(c))).sum()
        value = enumeration.log_partition(np.zeros((2, 3)), np.zeros(2), c)
        assert_log_equal(value, expected + 2 * math.log(2))


# Moments under given weights


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("n", SIZES)
def test_moments_under_given_weights_equal_the_twin(n, spread):
    weights, bias, _ = layers(9, n, spread)
    given = np.random.default_rng([20113, n]).normal(size=2**n)
    found = enumeration.moments_under(weights, bias, given)
    expected = moments_twin.moments_under(weights, bias, given)
    # Each share is rounded a few times; the fields themselves by what they are sums of.
    size = np.abs(given).sum() * (1 + np.abs(weights).sum(axis=1).max() + np.abs(bias).max())
    for value, want in zip(found, expected):
        assert_allclose(value, want, rtol=0, atol=1e-14 * size)


def test_moments_under_the_models_own_weights_are_its_moments():
    weights, bias, enumerated_bias = layers(40, 13, 0.7)
    log_z, visible, hidden, products = enumeration.moments(weights, bias, enumerated_bias)
    given = np.exp(enumeration.log_weights(weights, bias, enumerated_bias) - log_z)
    found = enumeration.moments_under(weights, bias, given)
    for value, want in zip(found, (1.0, visible, hidden, products)):
        assert_allclose(value, want, rtol=0, atol=1e-12)


def test_given_weights_of_any_size_scale_the_moments():
    weights, bias, _ = layers(5, 8, 1.0)
    given = np.random.default_rng(7).normal(size=2**8)
    one = enumeration.moments_under(weights, bias, given)
    for power in (-400, 300):
        scaled = enumeration.moments_under(weights, bias, np.ldexp(given, power))
        for value, want in zip(scaled, one):
            assert_array_equal(value, np.ldexp(want, power))
    for value, want in zip(enumeration.moments_under(weights, bias, 0 * given), one):
        assert_array_equal(value, 0 * want)


def test_moments_under_given_weights_in_float32():
    weights, bias, _ = layers(30, 12, 0.5)
    given = np.random.default_rng(8).normal(size=2**12)
    double = enumeration.MomentsUnder(30, 12)(weights, bias, given)
    single = enumeration.MomentsUnder(30, 12, single=True)(weights, bias, given)
    size = np.abs(given).sum()
    for value, want in zip(single, double):
        assert_allclose(value, want, rtol=0, atol=1e-6 * size)
    assert np.any(single[1] != double[1])
    assert_array_equal(single[2], double[2])


@pytest.mark.parametrize("spread", [0.5, 200])
def test_moments_under_given_weights_do_not_depend_on_threads(with_threads, spread):
    weights, bias, _ = layers(33, 14, spread)
    given = np.random.default_rng(9).normal(size=2**14)
    one, *others = with_threads(lambda: enumeration.moments_under(weights, bias, given))
    for other in others:
        for a, b in zip(one, other):
            assert_array_equal(a, b)
