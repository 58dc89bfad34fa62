"""Sums over latent states as matrix products: equal to the table, on both sides of underflow."""

import numpy as np
import pytest
from reference import mixture as twin

from layerwise.numerics import mixture
from layerwise.numerics.mixture import Factors, Table

# Sums of positive terms: a relative error of the sum is an absolute error of its logarithm; the
# exponents themselves are sums of n fields, so they are relative to the largest of those.
ULP = 2.0**-52
SCALES = [0.01, 0.1, 1, 10, 30, 100, 1000]


def tolerance(fields, *others):
    """Eight roundings of the largest exponent, or of the logarithm of up to 2^18 terms."""
    finite = [np.abs(other[np.isfinite(other)]).max(initial=0) for other in others]
    return 8 * ULP * max(13, np.abs(fields).sum(axis=1).max(initial=0) + sum(finite))


def both_ways(factors, table):
    """Sums of all rows as it is done, and all of them in the log domain."""
    return factors.log_sums(table), factors._log_sums_apart(np.arange(len(factors.fields)), table)


def both_ways_over_rows(factors, log_weights):
    """Sums of all states as it is done, and all of them in the log domain."""
    states = np.arange(2**factors.n)
    return (
        factors.log_sums_over_rows(log_weights),
        factors._log_sums_over_rows_apart(states, log_weights),
    )


@pytest.mark.parametrize("n_rows", [1, 37])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10, 13])
@pytest.mark.parametrize("scale", SCALES)
def test_log_sums_equal_the_table(rng, scale, n, n_rows):
    fields = scale * rng.normal(size=(n_rows, n))
    log_weights = scale * rng.normal(size=2**n)
    expected = twin.log_sums(fields, log_weights)
    for found in both_ways(Factors(fields), Table(log_weights)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(fields, log_weights))


@pytest.mark.parametrize("n_rows", [1, 37, 300])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10])
@pytest.mark.parametrize("scale", SCALES)
def test_log_sums_over_rows_equal_the_table(rng, scale, n, n_rows):
    fields = scale * rng.normal(size=(n_rows, n))
    log_weights = scale * rng.normal(size=n_rows)
    expected = twin.log_sums_over_rows(fields, log_weights)
    for found in both_ways_over_rows(Factors(fields), log_weights):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(fields, log_weights))


@pytest.mark.parametrize("scale", SCALES)
def test_more_low_states_than_a_block_of_terms(rng, scale):
    # Blocks are of 256 terms; 18 units have 512 low states.
    fields = scale * rng.normal(size=(3, 18))
    log_weights = scale * rng.normal(size=2**18)
    expected = twin.log_sums(fields, log_weights)
    for found in both_ways(Factors(fields), Table(log_weights)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(fields, log_weights))


def test_terms_that_underflow_and_yet_all_count(rng):
    # The table undoes what the fields do, so that all states weigh about the same, while each of
    # the two runs over 2,000 nats.
    n = 10
    fields = 200 + rng.normal(size=(20, n))
    log_weights = -200 * twin.states(n).sum(axis=1) + rng.normal(size=2**n)
    np.testing.assert_allclose(
        Factors(fields).log_sums(Table(log_weights)),
        twin.log_sums(fields, log_weights),
        rtol=0,
        atol=tolerance(fields, log_weights),
    )


def posterior_both_ways(factors, table):
    """Posterior means of all rows as it is done, and all of them in the log domain."""
    sums, means = factors.log_sums_and_means(table)
    rows = np.arange(len(factors.fields))
    return means, factors._means_apart(rows, table, sums)


@pytest.mark.parametrize("n_rows", [1, 37])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10, 13])
@pytest.mark.parametrize("scale", SCALES)
def test_posterior_means_equal_the_table(rng, scale, n, n_rows):
    fields = scale * rng.normal(size=(n_rows, n))
    log_weights = scale * rng.normal(size=2**n)
    factors, table = Factors(fields), Table(log_weights)
    expected = twin.posterior_means(fields, log_weights)
    # A relative error of a weight is the rounding of its exponent.
    atol = tolerance(fields, log_weights)
    for found in posterior_both_ways(factors, table):
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    np.testing.assert_array_equal(factors.log_sums_and_means(table)[0], factors.log_sums(table))


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 64, 257])
def test_picks_equal_the_twin(rng, n):
    a = rng.random((90, n)) * (rng.random((90, n)) < 0.7)
    a[:, n // 2] += 0.1
    b, row, uniforms = rng.random((5, n)), rng.integers(5, size=90), rng.random(90)
    b[:, n // 2] += 0.1
    uniforms[:3] = 0, 1 - 2**-53, 0.5
    found = mixture._picked(a, b, uniforms, row)
    np.testing.assert_array_equal(found, twin.picks(a * b[row], uniforms))
    np.testing.assert_array_equal(
        mixture._picked(a, b[row], uniforms), twin.picks(a * b[row], uniforms)
    )
    assert np.all((a * b[row])[np.arange(90), found] > 0)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 10])
@pytest.mark.parametrize("scale", SCALES)
def test_draws_have_the_posterior(rng, scale, n):
    # Every quantile of a grid, for one row: what is drawn is a step function of two uniforms, and
    # the area of each step is the state's probability.
    n_side = 200
    fields = np.repeat(scale * rng.normal(size=(1, n)), n_side**2, axis=0)
    log_weights = scale * rng.normal(size=2**n)
    quantile = (np.arange(n_side) + 0.5) / n_side
    uniforms = np.stack(np.meshgrid(quantile, quantile), axis=-1).reshape(-1, 2)
    states = Factors(fields).draw(Table(log_weights), uniforms)
    found = np.bincount(states, minlength=2**n) / n_side**2
    expected = twin.posterior(fields[:1], log_weights)[0]
    # Each of a state's two intervals is off by at most one quantile of the grid.
    assert np.abs(found - expected).max() <= 3 / n_side
    assert set(np.flatnonzero(found)) <= set(np.flatnonzero(expected > 0))


def test_draws_where_the_product_form_underflows(rng):
    n = 8
    fields = np.full((2000, n), 200.0)
    log_weights = -200 * twin.states(n).sum(axis=1) + rng.normal(size=2**n)
    fields[1000:] = 0.1
    uniforms = rng.random((2000, 2))
    states = Factors(fields).draw(Table(log_weights), uniforms)
    for part in (slice(0, 1000), slice(1000, None)):
        p = twin.posterior(fields[part][:1], log_weights)[0]
        found = np.bincount(states[part], minlength=2**n) / 1000
        # Six standard deviations of a count of 1,000.
        assert np.all(np.abs(found - p) <= 6 * np.sqrt((p + 1e-3) / 1000))


def test_the_border_of_underflow_is_crossed_without_a_step(monkeypatch):
    # The table gives all of its weight to the state with no unit on, and the row's factors give
    # it exp(-n * field): as fields grow the product form loses it, and the log domain takes over.
    n = 8
    log_weights = np.full(2**n, -5000.0)
    log_weights[0] = 0.0
    fields = np.repeat(np.linspace(70, 90, 201)[:, None], n, axis=1)
    taken = []
    exact = Factors._log_sums_apart

    def noted(self, rows, table):
        taken.extend(rows)
        return exact(self, rows, table)

    monkeypatch.setattr(Factors, "_log_sums_apart", noted)
    np.testing.assert_allclose(
        Factors(fields).log_sums(Table(log_weights)),
        twin.log_sums(fields, log_weights),
        rtol=0,
        atol=tolerance(fields, log_weights),
    )
    # exp(-645) = 1e-280 is the border: the test has rows on both of its sides, in order.
    border = np.flatnonzero(fields[:, 0] * n > 280 * np.log(10))[0]
    assert taken == list(range(border, len(fields)))


def test_a_state_below_its_floor_gets_a_bound_below_the_floor(rng):
    fields = 300 * rng.normal(size=(5, 6))
    log_weights = np.zeros(5)
    exact = twin.log_sums_over_rows(fields, log_weights)
    floor = np.sort(exact)[32]
    bounded = Factors(fields).log_sums_over_rows(log_weights, floor)
    above = exact > floor
    np.testing.assert_allclose(bounded[above], exact[above], rtol=1e-13)
    assert np.all(bounded[~above] >= exact[~above] - 1e-9)
    assert np.all(bounded[~above] <= floor + 1e-9)


@pytest.mark.parametrize("scale", [1, 300])
def test_states_and_rows_of_no_weight(rng, scale):
    fields = scale * rng.normal(size=(40, 9))
    log_weights = np.where(rng.random(2**9) < 0.9, -np.inf, scale * rng.normal(size=2**9))
    expected = twin.log_sums(fields, log_weights)
    for found in both_ways(Factors(fields), Table(log_weights)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(fields, log_weights))
    of_rows = np.where(rng.random(40) < 0.5, -np.inf, 0.0)
    expected = twin.log_sums_over_rows(fields, of_rows)
    for found in both_ways_over_rows(Factors(fields), of_rows):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(fields))


def test_nothing_weighs_nothing(rng):
    fields = rng.normal(size=(4, 3))
    none, nowhere = Table(np.full(8, -np.inf)), np.full(4, -np.inf)
    for found in both_ways(Factors(fields), none):
        np.testing.assert_array_equal(found, nowhere)
    for found in both_ways_over_rows(Factors(fields), nowhere):
        np.testing.assert_array_equal(found, np.full(8, -np.inf))
    empty = Factors(np.empty((0, 3)))
    assert empty.log_sums(Table(np.zeros(8))).shape == (0,)
    np.testing.assert_array_equal(empty.log_sums_over_rows(np.empty(0)), np.full(8, -np.inf))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_field_that_is_not_finite_does_not_pass_for_a_number(rng, bad):
    fields = rng.normal(size=(4, 5))
    fields[2, 1] = bad
    found = Factors(fields).log_sums(Table(np.zeros(32)))
    assert list(np.isfinite(found)) == [True, True, False, True]


@pytest.mark.parametrize("scale", [3, 300])
def test_bits_do_not_depend_on_threads(rng, with_threads, scale):
    fields = scale * rng.normal(size=(300, 11))
    table = Table(scale * rng.normal(size=2**11))

    def everything():
        factors = Factors(fields)
        uniforms = np.random.default_rng(8).random((300, 2))
        return (
            both_ways(factors, table)
            + both_ways_over_rows(factors, fields[:, 0].copy())
            + posterior_both_ways(factors, table)
            + (factors.draw(table, uniforms),)
        )

    one, *others = with_threads(everything)
    for other in others:
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


def test_inputs_are_only_read(rng):
    fields, log_weights = 300 * rng.normal(size=(20, 6)), 300 * rng.normal(size=2**6)
    of_rows = rng.normal(size=20)
    for given in (fields, log_weights, of_rows):
        given.flags.writeable = False
    both_ways(Factors(fields), Table(log_weights))
    both_ways_over_rows(Factors(fields), of_rows)
