"""Models whose weights come from a user's hand, and what they are asked."""

import numpy as np
import pytest
from laws.models import SMALL, grid_of, rbm_of, rows_of

from layerwise import (
    RBM,
    BernoulliRBM,
    Incompatible,
    Softmax,
    TooManyStates,
    log_likelihood,
    log_partition,
)
from layerwise.models.units import BITS, Spin

every_kind = pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=lambda x: repr(x))
hidden_kinds = pytest.mark.parametrize("hidden", [BITS, Spin()], ids=repr)


def by_hand(params):
    """Return the fitted RBM of some parameters."""
    variance = None if params.log_variance is None else np.exp(params.log_variance)
    return RBM.from_parameters(
        *params.arrays()[:3], visible=params.visible, hidden=params.hidden, noise_variance=variance
    )


@every_kind
@hidden_kinds
def test_an_rbm_by_hand_does_all_that_a_trained_one_does(rng, kind, n_visible, hidden):
    params = rbm_of(kind, n_visible, rng, hidden=hidden, n_hidden=4)
    X, rbm = rows_of(kind, n_visible, 20, rng), by_hand(params)
    np.testing.assert_allclose(rbm.free_energy(X), params.free_energy(X), rtol=1e-12)
    expected = -params.free_energy(X) - log_partition(rbm).value
    np.testing.assert_allclose(rbm.score_samples(X), expected, rtol=1e-12, atol=1e-12)
    assert log_likelihood(rbm, X).value == pytest.approx(rbm.score(X), rel=1e-12)
    assert rbm.transform(X).shape == (20, 4)
    sample = rbm.sample(7, random_state=19)
    np.testing.assert_array_equal(kind.check(sample), sample)
    assert rbm.n_components == 4
    assert rbm.n_parameters_ == rbm.model_.n_parameters
    other = RBM(4, visible=kind, hidden=hidden)
    assert rbm.get_params().keys() == other.get_params().keys()


@every_kind
@hidden_kinds
def test_moments_are_those_of_the_listed_joint_distribution(rng, kind, n_visible, hidden):
    params = rbm_of(kind, n_visible, rng, hidden=hidden)
    points, weights = grid_of(kind, n_visible)
    p = weights * np.exp(-params.free_energy(points) - log_partition(by_hand(params)).value)
    means = params.hidden_mean(points)
    found = by_hand(params).moments()
    # Sums of a few hundred terms of size 1; what is left out weighs less than 2**-40 = 1e-12.
    np.testing.assert_allclose(found.visible, p @ points, atol=1e-11)
    np.testing.assert_allclose(found.hidden, p @ means, atol=1e-11)
    np.testing.assert_allclose(found.products, means.T @ (p[:, None] * points), atol=1e-11)
    visible, hidden_means, products = found
    assert visible is found.visible
    assert hidden_means is found.hidden
    assert products is found.products


def test_moments_are_derivatives_of_log_z(rng):
    params, h = rbm_of(Spin(), 5, rng, hidden=Spin()), 1e-5
    found = by_hand(params).moments()
    for array, expected in zip(params.arrays(), (found.products, found.visible, found.hidden)):
        for index in np.ndindex(array.shape):
            at = array[index]
            values = []
            for value in (at + h, at - h):
                array[index] = value
                values.append(log_partition(by_hand(params)).value)
            array[index] = at
            # The third derivative of log Z is at most of order 1: an error of h**2.
            assert (values[0] - values[1]) / (2 * h) == pytest.approx(expected[index], abs=1e-8)


def test_moments_of_too_many_states_are_refused():
    rbm = RBM.from_parameters(np.zeros((40, 40)), np.zeros(40), np.zeros(40))
    with pytest.raises(TooManyStates, match=r"2\*\*40 states and the limit is .* sample"):
        rbm.moments()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_copied_and_float_types_kept(dtype):
    W, b, c = np.ones((2, 3), dtype), np.zeros(3, dtype), np.zeros(2, dtype)
    rbm = RBM.from_parameters(W, b, c)
    W[...] = 7
    assert rbm.components_.max() == 1
    assert rbm.components_.dtype == rbm.transform(np.eye(3, dtype=dtype)).dtype == dtype
    assert RBM.from_parameters([[1, 2]], [0, 0], [0]).components_.dtype == np.float64


def test_an_ising_model_s_energy_is_the_physicist_s():
    """p(v) of spins is proportional to the sum over h of exp(v.b + h.c + h.Wv)."""
    W, b, c = np.array([[0.3, -0.8]]), np.array([0.2, 0.1]), np.array([-0.4])
    rbm = RBM.from_parameters(W, b, c, visible="spin", hidden="spin")
    states = np.array([[-1.0, -1], [1, -1], [-1, 1], [1, 1]])
    weights = np.exp(states @ b) * 2 * np.cosh(c + states @ W.T)[:, 0]
    assert log_partition(rbm).value == pytest.approx(np.log(weights.sum()), rel=1e-14)
    np.testing.assert_allclose(rbm.score_samples(states), np.log(weights / weights.sum()))


GIVEN = (np.zeros((2, 3)), np.zeros(3), np.zeros(2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"components": np.zeros(3)}, r"components must have the shape \(any, any\)"),
        ({"components": np.zeros((0, 3))}, "at least one hidden and one visible unit"),
        ({"components": np.full((2, 3), np.nan)}, "components must be finite numbers, and 6 of 6"),
        ({"components": [["a"]]}, "components must be an array of real numbers"),
        ({"components": np.full((2, 3), 1j)}, "components must be an array of real numbers"),
        ({"intercept_visible": np.zeros(2)}, r"intercept_visible must have the shape \(3,\)"),
        ({"intercept_hidden": [0, np.inf]}, "intercept_hidden must be finite"),
        ({"visible": "binary"}, "Units of a layer are a type .*'binary'"),
        ({"visible": Softmax((2, 2))}, "has 4 units, and the layer has 3"),
        ({"hidden": "gaussian"}, "has not two"),
        ({"noise_variance": np.ones(3)}, "for Gaussian units"),
        ({"visible": "gaussian", "noise_variance": np.ones(2)}, "noise_variance must have the sh"),
        ({"visible": "gaussian", "noise_variance": [1, 0, 1]}, "noise_variance must be positive"),
        ({"visible": "gaussian", "noise_variance": [1, -2, 1]}, r"smallest value is -2\.0"),
    ],
    ids=str,
)
def test_what_is_no_model_is_told(change, words):
    names = ("components", "intercept_visible", "intercept_hidden")
    with pytest.raises(ValueError, match=words):
        RBM.from_parameters(**dict(zip(names, GIVEN)) | change)


def test_hidden_units_that_cannot_be_are_incompatible():
    with pytest.raises(Incompatible, match="'bernoulli' or hidden='spin'"):
        RBM.from_parameters(*GIVEN, hidden=Softmax())


def test_a_bernoulli_rbm_by_hand_is_one():
    rbm = BernoulliRBM.from_parameters(*GIVEN)
    assert type(rbm) is BernoulliRBM
    assert rbm.n_components == 2
    assert rbm.score(np.eye(3)) == pytest.approx(-3 * np.log(2))
    assert rbm.gibbs(np.eye(3)).shape == (3, 3)


def test_reconstructions_are_means_of_x_given_means_of_h(rng):
    for kind, n_visible in SMALL:
        params = rbm_of(kind, n_visible, rng, hidden=Spin())
        X, rbm = rows_of(kind, n_visible, 9, rng), by_hand(params)
        expected = params.visible_mean(params.hidden_mean(X))
        np.testing.assert_allclose(rbm.reconstruct(X), expected, rtol=1e-12, atol=1e-12)
