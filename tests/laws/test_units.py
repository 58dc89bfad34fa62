"""What must be true of every type of units."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from laws.models import rows_of
from layerwise import RBM
from layerwise.models import units
from layerwise.models.mixed import ALL, Mixed, units_of
from layerwise.models.states import n_states, states_of_units
from layerwise.numerics.streams import STATE, Stream

STREAM = Stream(bytes(range(11, 27)))

every_kind = pytest.mark.parametrize("kind", ALL, ids=repr)
of_listed = pytest.mark.parametrize(
    "kind", [kind for kind in ALL if kind.factors(kind.n_units or 3) is not None], ids=repr
)


def layer_of(kind, dtype=np.float64):
    """Return fields of four rows from -6 to 6, and logarithms of variances."""
    n_units = kind.n_units or 13
    field = np.linspace(-6, 6, 4 * n_units).reshape(n_units, 4).T
    log_variance = np.where(kind.gaussian(n_units), np.linspace(-0.8, 0.6, n_units), 0)
    return np.ascontiguousarray(field, dtype=dtype), log_variance.astype(dtype)


@of_listed
def test_log_partition_is_the_sum_over_states(kind):
    field, _ = layer_of(kind)
    states = states_of_units(kind, field.shape[1])
    assert len(np.unique(states, axis=0)) == n_states(kind, field.shape[1]) == len(states)
    expected = np.logaddexp.reduce(field @ states.T, axis=1)
    # A dozen terms of size 6, each to a few units in its last place.
    np.testing.assert_allclose(kind.log_partition_sums(field), expected, rtol=1e-14)


def test_log_partition_is_the_integral_over_continuous_states():
    field = np.linspace(-6, 6, 25)[:, None]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    v, weight = (nodes + 1) / 2, weights / 2
    expected = np.log(np.exp(field * v) @ weight)
    found = units.TruncatedExponential().log_partition(field)[:, 0]
    # Forty nodes are exact for such an integrand; a hundred roundings of numbers near 1.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    # A sum at steps of a tenth of a standard deviation has the integral's value to e^-1900.
    for z in (-1.0, 0.0, 0.7):
        s = np.exp(z / 2)
        v = s**2 * field + s * np.linspace(-12, 12, 241)
        terms = np.exp(units.Gaussian().log_base(v.reshape(-1, 1), np.array([z])))
        terms = terms.reshape(v.shape) * np.exp(field * v)
        found = units.Gaussian().log_partition(field, np.array([z]))[:, 0]
        np.testing.assert_allclose(found, np.log(s / 10 * terms.sum(axis=1)), rtol=1e-13)


@every_kind
def test_sums_of_the_kernel_are_sums_of_the_formula(kind):
    field, log_variance = layer_of(kind)
    expected = kind.log_partition(field, log_variance).sum(axis=1)
    found = kind.log_partition_sums(field, log_variance)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-13)


@every_kind
def test_mean_and_variance_are_derivatives_of_log_partition(kind):
    # Fourth derivatives below 1 leave h^2 / 6; rounding of sums below 60 leaves 1e-14 / h^2.
    h = 1e-3
    field, log_variance = layer_of(kind)
    mean, variance = kind.mean(field, log_variance), kind.variance(field, log_variance)
    for j in range(field.shape[1]):
        move = h * (np.arange(field.shape[1]) == j)
        up, at, down = (
            kind.log_partition(field + d, log_variance).sum(axis=1) for d in (move, 0, -move)
        )
        np.testing.assert_allclose(mean[:, j], (up - down) / (2 * h), atol=1e-6)
        np.testing.assert_allclose(variance[:, j], (up - 2 * at + down) / h**2, atol=1e-6)


@every_kind
def test_a_value_s_probability_falls_and_rises_with_its_field(kind):
    """p(v | a) = base(v) exp(a v) / Z(a): the score's slope is v - mean(a)."""
    field, log_variance = layer_of(kind)
    X = rows_of(kind, field.shape[1], 4, np.random.default_rng(7))
    h = 1e-5

    def log_p(field):
        linear = np.sum(X * field, axis=1) + kind.log_base(X, log_variance)
        return linear - kind.log_partition_sums(field, log_variance)

    for j in range(field.shape[1]):
        move = h * (np.arange(field.shape[1]) == j)
        slope = (log_p(field + move) - log_p(field - move)) / (2 * h)
        expected = X[:, j] - kind.mean(field, log_variance)[:, j]
        np.testing.assert_allclose(slope, expected, atol=1e-8)  # 1e-13 / h, and h^2


@pytest.mark.parametrize(("kind", "times"), [(units.Bernoulli(), 1), (units.Spin(), 2)])
def test_variance_keeps_its_relative_accuracy(kind, times):
    # Far from zero the variance is small, and p (1 - p) would be exactly zero.
    field = np.array([[-300.0, -50.0, 50.0, 300.0]])
    expected = times**2 * np.exp(-times * np.abs(field))
    np.testing.assert_allclose(kind.variance(field), expected, rtol=1e-13)


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sampled_states_have_their_moments(kind, dtype):
    fields, log_variance = layer_of(kind, dtype)
    n = 20_000
    for step, row in enumerate(fields):
        field = np.repeat(row[None], n, axis=0)
        sample = kind.sample(field, STREAM, step=step, lane=STATE, log_variance=log_variance)
        assert sample.dtype == dtype
        mean, variance = (
            ask(row[None], log_variance)[0].astype(float) for ask in (kind.mean, kind.variance)
        )
        error = (sample.mean(axis=0, dtype=float) - mean) / np.sqrt(variance / n)
        # Fixed addresses, 300 means of each dtype: one in 50 such sets has one beyond 4 sigma;
        # and a standard deviation below 1e-3 is of single events.
        assert np.all((np.abs(error) < 4) | (variance < 1e-3))
        spread = sample.var(axis=0, dtype=float) / variance
        # No fourth moment here is above 9 squared variances but where events are rare.
        assert np.all((np.abs(spread - 1) < 4 * np.sqrt(8 / n)) | (variance < 0.1))


@every_kind
def test_samples_are_states_and_pass_the_check(kind):
    field, log_variance = layer_of(kind)
    sample = kind.sample(field, STREAM, step=0, lane=STATE, log_variance=log_variance)
    if kind.states is not None:
        assert np.isin(sample, kind.states).all()
    assert kind.check(sample) is sample
    mean = kind.mean(field, log_variance)
    if kind.takes_means(field.shape[1]).all():
        kind.check(mean)
    if kind.is_binary:
        kind.check_means(mean)


@every_kind
def test_sample_is_a_function_of_its_address(kind):
    field, log_variance = layer_of(kind)

    def sample(field, step):
        return kind.sample(field, STREAM, step=step, lane=STATE, log_variance=log_variance)

    assert np.array_equal(sample(field, 5), sample(field, 5))
    assert np.array_equal(sample(field, 5)[:2], sample(field[:2], 5))
    assert not np.array_equal(sample(field, 5), sample(field, 6))


@every_kind
def test_first_biases_give_the_means_of_the_data(kind):
    field, log_variance = layer_of(kind)
    n_units, n = field.shape[1], 400
    X = rows_of(kind, n_units, n, np.random.default_rng(3))
    bias = kind.first_biases(X, log_variance)[None]
    # One row of the middle is added to n of them, whose values are below 5 in size.
    np.testing.assert_allclose(kind.mean(bias, log_variance)[0], X.mean(axis=0), atol=5 / n)
    one = rows_of(kind, n_units, 1, np.random.default_rng(3))
    assert np.isfinite(kind.first_biases(one, kind.first_log_variance(one))).all()
    variance = np.exp(kind.first_log_variance(X))
    gaussian = kind.gaussian(n_units)
    np.testing.assert_allclose(variance[gaussian], X.var(axis=0)[gaussian], rtol=1e-12)
    assert np.all(variance[~gaussian] == 1)


@every_kind
def test_kind_is_a_value(kind):
    again = pickle.loads(pickle.dumps(kind))
    assert again == kind
    assert hash(again) == hash(kind)
    assert clone(RBM(visible=kind)).visible == kind
    assert len(set(ALL)) == len(ALL)


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.is_binary], ids=repr)
def test_two_state_units_are_bits_in_other_words(kind):
    n_units = kind.n_units or 4
    low, step = kind.bits(n_units)
    bits = states_of_units(units.Bernoulli(), n_units)
    np.testing.assert_array_equal(low + step * bits, states_of_units(kind, n_units))


def test_what_a_user_may_say_of_a_layer():
    assert units_of("spin", 3) == units.Spin()
    assert units_of(units.Gaussian(), 3) == units.Gaussian()
    mixed = units_of([("gaussian", 2), units.Softmax((2, 3)), (units.Spin(), 1)], 8)
    parts = ((units.Gaussian(), 2), (units.Softmax((2, 3)), 5), (units.Spin(), 1))
    assert mixed == Mixed(parts)
    assert list(mixed.gaussian(8)) == [True] * 2 + [False] * 6
    assert [tuple(run) for run in mixed.runs(8)] == [(2, 2), (4, 2), (4, 3), (1, 1)]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("gauss", "got 'gauss'. Use 'bernoulli', 'spin', 'gaussian'"),
        (LinearRegression, "got <class"),
        ([], r"got \[\]"),
        ([("gaussian", 0)], "pairs of a type and its number"),
        ([("gaussian", 2.5)], "pairs of a type and its number"),
        ([units.Spin()], "types that know their number"),
        ([(units.Softmax((3, 3)), 5)], "pairs of a type"),
        ([("gaussian", 3)], "has 3 units, and the layer has 8"),
        (units.Softmax((3, 3)), "has 6 units, and the layer has 8. Give sizes that sum"),
    ],
)
def test_what_is_no_layer_is_told(spec, words):
    with pytest.raises(ValueError, match=words):
        units_of(spec, 8)


@pytest.mark.parametrize("sizes", [(), (3, 0), (2.5,), (-1, 2)])
def test_sizes_of_groups_are_checked(sizes):
    with pytest.raises(ValueError, match=r"Softmax asks for the sizes .* Write Softmax\("):
        units.Softmax(sizes)


@pytest.mark.parametrize("wrong", [-0.1, 1.0001, np.nan, 255])
@pytest.mark.parametrize("kind", [units.Bernoulli(), units.TruncatedExponential()])
def test_values_outside_the_unit_interval_are_refused(kind, wrong):
    X = np.array([[0.0, 0.5], [1.0, wrong]])
    with pytest.raises(ValueError, match=r"\[0, 1\].*Scale"):
        kind.check(X)


@pytest.mark.parametrize("wrong", [0.0, 0.5, 2.0])
def test_values_that_are_no_spins_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"-1 and 1, and X has {wrong}. Code X so"):
        units.Spin().check(np.array([[1.0, -1.0], [1.0, wrong]]))
    if wrong > 1:
        with pytest.raises(ValueError, match=r"Means of Spin units are in \[-1, 1\]"):
            units.Spin().check_means(np.array([[1.0, wrong]]))


@pytest.mark.parametrize("row", [[0, 0, 1, 0], [1, 1, 1, 0], [0.5, 0.5, 1, 0], [2, -1, 1, 0]])
def test_rows_without_one_state_of_each_group_are_refused(row):
    good = [1, 0, 0, 1]
    with pytest.raises(ValueError, match=r"groups? of \(2, 2\) columns, and row 1 of X.*OneHot"):
        units.Softmax((2, 2)).check(np.array([good, row], dtype=float))


def test_columns_of_a_mixed_layer_are_named():
    kind = units_of([("gaussian", 2), ("spin", 2)], 4)
    with pytest.raises(ValueError, match="In columns 2 to 3: Spin units"):
        kind.check(np.array([[0.3, -7.0, 1.0, 0.0]]))
    rounded = units_of([("gaussian", 1), ("bernoulli", 1)], 2)
    np.testing.assert_array_equal(rounded.check(np.array([[3.0, 1 + 2e-16]])), [[3.0, 1.0]])
