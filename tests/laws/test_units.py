"""What must be true of every type of units."""

import pickle

import numpy as np
import pytest

from layerwise.models import units
from layerwise.numerics.streams import STATE, Stream

FIELD = np.linspace(-6, 6, 52).reshape(4, 13)
STREAM = Stream(bytes(range(11, 27)))

every_kind = pytest.mark.parametrize("kind", units.ALL, ids=lambda kind: type(kind).__name__)


@every_kind
def test_log_partition_is_the_sum_over_states(kind):
    if kind.states is None:
        pytest.skip("states cannot be listed")
    terms = np.exp(FIELD[..., None] * kind.states)
    # The sum is near 1 where its logarithm is small: half a unit in the last place of 1.
    expected = np.log(terms.sum(-1))
    np.testing.assert_allclose(kind.log_partition(FIELD), expected, rtol=1e-15, atol=2e-16)


@every_kind
def test_mean_and_variance_are_derivatives_of_log_partition(kind):
    # Fourth derivatives below 1 leave h^2 / 6; rounding of numbers below 6 leaves 1e-15 / h^2.
    h = 1e-4
    up, at, down = (kind.log_partition(FIELD + d) for d in (h, 0, -h))
    np.testing.assert_allclose(kind.mean(FIELD), (up - down) / (2 * h), atol=1e-8)
    np.testing.assert_allclose(kind.variance(FIELD), (up - 2 * at + down) / h**2, atol=1e-6)


@every_kind
def test_variance_keeps_its_relative_accuracy(kind):
    # Far from zero the variance is small, and p (1 - p) would be exactly zero.
    field = np.array([[-300.0, -50.0, 50.0, 300.0]])
    np.testing.assert_allclose(kind.variance(field), np.exp(-np.abs(field)), rtol=1e-13)


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sampled_states_have_their_moments(kind, dtype):
    field = np.repeat(FIELD.reshape(1, -1), 20_000, axis=0).astype(dtype)
    sample = kind.sample(field, STREAM, step=3, lane=STATE)
    assert sample.dtype == dtype
    error = (sample.mean(axis=0) - kind.mean(field[:1])[0]) / np.sqrt(
        kind.variance(field[:1])[0] / len(field)
    )
    # Fixed addresses, 52 means: one in 300 such streams has one beyond 4 standard errors.
    assert np.all(np.abs(error) < 4)


@every_kind
def test_samples_are_states_and_pass_the_check(kind):
    sample = kind.sample(FIELD, STREAM, step=0, lane=STATE)
    if kind.states is not None:
        assert np.isin(sample, kind.states).all()
    kind.check(sample)
    kind.check(kind.mean(FIELD))


@every_kind
def test_sample_is_a_function_of_its_address(kind):
    sample = kind.sample(FIELD, STREAM, step=5, lane=STATE)
    assert np.array_equal(sample, kind.sample(FIELD, STREAM, step=5, lane=STATE))
    assert np.array_equal(sample[:2], kind.sample(FIELD[:2], STREAM, step=5, lane=STATE))
    assert not np.array_equal(sample, kind.sample(FIELD, STREAM, step=6, lane=STATE))


@every_kind
def test_kind_is_a_value(kind):
    assert pickle.loads(pickle.dumps(kind)) == kind
    assert hash(type(kind)()) == hash(kind)


@pytest.mark.parametrize("wrong", [-0.1, 1.0001, np.nan, 255])
def test_bernoulli_refuses_values_outside_the_unit_interval(wrong):
    X = np.array([[0.0, 0.5], [1.0, wrong]])
    with pytest.raises(ValueError, match=r"\[0, 1\].*Scale"):
        units.Bernoulli().check(X)
