"""Sums over latent states as matrix products: equal to the table, on both sides of underflow."""

import numpy as np
import pytest
from reference import mixture as twin

from layerwise.numerics.mixture import Factors, linear_sums

# Sums of positive terms: a relative error of the sum is an absolute error of its logarithm; the
# exponents themselves are sums of n fields, so they are relative to the largest of those.
ULP = 2.0**-52


def tolerance(fields, *others):
    largest = np.abs(fields).sum(axis=1).max(initial=1) + sum(np.abs(o).max() for o in others)
    return 64 * ULP * largest


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10])
@pytest.mark.parametrize("scale", [0.1, 1, 10, 30, 50, 200, 1000])
def test_log_sums_equal_the_table(rng, n, scale):
    fields = scale * rng.normal(size=(37, n))
    log_table = scale * rng.normal(size=2**n)
    np.testing.assert_allclose(
        Factors(fields).log_sums(log_table),
        twin.log_sums(fields, log_table),
        rtol=0,
        atol=tolerance(fields, log_table),
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10])
@pytest.mark.parametrize("scale", [0.1, 1, 10, 30, 50, 200, 1000])
def test_log_sums_over_rows_equal_the_table(rng, n, scale):
    fields = scale * rng.normal(size=(37, n))
    log_weights = scale * rng.normal(size=37)
    np.testing.assert_allclose(
        Factors(fields).log_sums_over_rows(log_weights),
        twin.log_sums_over_rows(fields, log_weights),
        rtol=0,
        atol=tolerance(fields, log_weights),
    )


def test_the_border_of_underflow_is_crossed_without_a_step(monkeypatch):
    # The table gives all of its weight to the state with no unit on, and the row's factors give
    # it exp(-n * field): as fields grow the product form loses it, and the log domain takes over.
    n = 8
    log_table = np.full(2**n, -5000.0)
    log_table[0] = 0.0
    fields = np.repeat(np.linspace(70, 90, 201)[:, None], n, axis=1)
    taken = []
    exact = Factors._log_sum_of_row

    def counted(self, row, table):
        taken.append(row)
        return exact(self, row, table)

    monkeypatch.setattr(Factors, "_log_sum_of_row", counted)
    np.testing.assert_allclose(
        Factors(fields).log_sums(log_table), twin.log_sums(fields, log_table), rtol=0, atol=1e-10
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


def test_states_of_no_weight_and_no_states_at_all(rng):
    fields = rng.normal(size=(4, 3))
    log_table = np.array([0.0, *[-np.inf] * 7])
    # The scale of the factors, up to 3, is taken away and added again.
    np.testing.assert_allclose(Factors(fields).log_sums(log_table), np.zeros(4), atol=8 * ULP)
    np.testing.assert_array_equal(
        Factors(fields).log_sums(np.full(8, -np.inf)), np.full(4, -np.inf)
    )
    assert Factors(np.empty((0, 3))).log_sums(np.zeros(8)).shape == (0,)


def test_bits_do_not_depend_on_threads(rng, with_threads):
    fields = 3 * rng.normal(size=(300, 11))
    log_table = rng.normal(size=2**11)

    def everything():
        factors = Factors(fields)
        return factors.log_sums(log_table), factors.log_sums_over_rows(fields[:, 0])

    one, *others = with_threads(everything)
    for other in others:
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


def test_linear_sums_count_bits_from_the_lowest(rng):
    fields = rng.normal(size=(6, 5))
    # Sums of at most five terms, in another order.
    np.testing.assert_allclose(linear_sums(fields), twin.linear_sums(fields), rtol=0, atol=1e-14)
