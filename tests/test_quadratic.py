"""Quadratic forms over non-negative numbers: the answer is known by its own conditions."""

import numpy as np
import pytest

from layerwise.numerics import quadratic
from layerwise.numerics.quadratic import Cholesky, gram, nonnegative_minimum

# Below, at and above a block of columns (32), and of a Gram matrix (128); none at all.
SIZES = [0, 1, 2, 31, 32, 33, 64, 129, 200]


def definite(rng, n):
    """A positive definite matrix whose eigenvalues lie between 1 and about 5."""
    rows = rng.normal(size=(n, max(1, n)))
    return rows @ rows.T / max(1, n) + np.eye(n)


def dependent(rng, n, rank):
    """Columns of non-negative numbers of which few are independent, but for a ridge."""
    rows = rng.random((n, rank))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T + 1e-4 * np.eye(n)


@pytest.mark.parametrize("n", SIZES)
def test_gram_is_the_product(rng, n):
    rows = rng.normal(size=(n, 50))
    # 50 terms of about 1, and eigenvalues of order n.
    np.testing.assert_allclose(gram(rows), rows @ rows.T, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(gram(rows), gram(rows).T)


@pytest.mark.parametrize("n", SIZES)
def test_cholesky_s_factor_and_its_solutions(rng, n):
    matrix, right = definite(rng, n), rng.normal(size=n)
    given = matrix.copy(), right.copy()
    factor = Cholesky(matrix)
    np.testing.assert_array_equal(factor.lower, np.tril(factor.lower))
    # The condition number is at most about 5: a few roundings per entry of the sums.
    np.testing.assert_allclose(factor.lower @ factor.lower.T, matrix, rtol=0, atol=1e-13)
    np.testing.assert_allclose(factor.lower @ factor.half_solve(right), right, rtol=0, atol=1e-13)
    np.testing.assert_allclose(matrix @ factor.solve(right), right, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(matrix, given[0])
    np.testing.assert_array_equal(right, given[1])


def test_a_matrix_that_is_not_definite_gives_nan_and_no_warning():
    assert np.isnan(Cholesky(-np.eye(3)).solve(np.ones(3))).any()


def assert_minimum(matrix, linear, y):
    """The conditions of Karush, Kuhn and Tucker, which are necessary and sufficient."""
    slope = matrix @ y - linear
    assert y.min() >= 0
    assert slope.min() >= -1e-9
    assert np.abs(slope[y > 0]).max(initial=0) <= 1e-9


@pytest.mark.parametrize("n", SIZES[1:])
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_the_minimum_whatever_the_guess(rng, n, share):
    matrix, linear = definite(rng, n), rng.normal(size=n)
    y = nonnegative_minimum(matrix, linear, rng.random(n) < share)
    assert_minimum(matrix, linear, y)
    assert np.any(y > 0) == np.any(linear > 0)


@pytest.mark.parametrize("patience", [0, quadratic.PATIENCE])
def test_where_exchanges_of_blocks_need_not_end(rng, monkeypatch, patience):
    # 200 states of 20 rows, all guessed to be positive: for most seeds blocks go back and forth
    # between the same few guesses, and the active set takes over; without patience, at once.
    monkeypatch.setattr(quadratic, "PATIENCE", patience)
    matrix, linear = dependent(rng, 200, 20), rng.random(200)
    y = nonnegative_minimum(matrix, linear, np.ones(200, dtype=bool))
    assert_minimum(matrix, linear, y)


def test_bits_do_not_depend_on_threads(rng, with_threads):
    matrix, linear = definite(rng, 70), rng.normal(size=70)
    guess = rng.random(70) < 0.5

    def everything():
        return nonnegative_minimum(gram(matrix), linear, guess)

    one, *others = with_threads(everything)
    for other in others:
        np.testing.assert_array_equal(one, other)
