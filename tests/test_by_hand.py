"""Models whose weights come from a user's hand, and what they are asked."""

from itertools import pairwise

import numpy as np
import pytest
from laws.models import SMALL, grid_of, rbm_of, rows_of
from sklearn.exceptions import NotFittedError

from layerwise import (
    DBN,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    ExactGradient,
    Incompatible,
    LatentLayer,
    MarginalAscent,
    Softmax,
    TooManyStates,
    log_likelihood,
    log_partition,
)
from layerwise.models.states import states_of_units
from layerwise.models.units import BITS, Gaussian, Spin

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


def test_every_layer_gives_back_what_it_was_trained_on():
    """Rows of four patterns, which a few latent units can tell apart."""
    X = np.repeat(np.kron(np.eye(4), np.ones(2)), 20, axis=0)
    models = [
        RBM(6, trainer=ExactGradient(n_passes=300), random_state=19),
        AutoEncoder(4, trainer=Backprop(n_passes=300, learning_rate=0.02), random_state=19),
        LatentLayer(5, trainer=MarginalAscent(n_passes=200), random_state=19),
        DBN([AutoEncoder(4, trainer=Backprop(n_passes=300, learning_rate=0.02)),
             RBM(6, trainer=ExactGradient(n_passes=300))], random_state=19),
    ]  # fmt: skip
    for model in models:
        means = model.fit(X).reconstruct(X)
        np.testing.assert_array_equal(means, model.inverse_transform(model.transform(X)))
        assert np.mean((means > 0.5) == X) > 0.95, type(model)
        with pytest.raises(ValueError, match="8 features"):
            model.reconstruct(X[:, :5])


# Deep models. ------------------------------------------------------------------------------------


def stack_of(rng, *sizes):
    """Return triples of weights and intercepts of RBMs, from the bottom up."""
    return [
        (rng.normal(size=(above, below)), rng.normal(size=below), rng.normal(size=above))
        for below, above in pairwise(sizes)
    ]


def test_a_stack_of_weights_is_a_deep_belief_network(rng):
    bottom, middle, top = stack_of(rng, 5, 4, 3, 2)
    dbn = DBN.from_parameters([bottom, middle, top])
    x, h1, h2 = (states_of_units(BITS, n) for n in (5, 4, 3))
    # By the definition: p(x | h1) p(h1 | h2) p(h2), of products of Bernoulli units.
    log_z = log_partition(dbn.layers_[-1]).value
    p2 = np.exp(dbn.layers_[-1].score_samples(h2))
    assert log_z == pytest.approx(log_partition(RBM.from_parameters(*top)).value)
    for states, below, (W, b, _) in ((h2, h1, middle), (h1, x, bottom)):
        mean = 1 / (1 + np.exp(-(states @ W + b)))
        given = np.prod(np.where(below[:, None] == 1, mean, 1 - mean), axis=2)
        p2 = given @ p2
    np.testing.assert_allclose(np.exp(dbn.score_samples(x)), p2, rtol=1e-11)
    assert dbn.sample(6, random_state=19).shape == (6, 5)
    assert dbn.transform(x).shape == (32, 2)
    assert dbn.reconstruct(x).shape == (32, 5)
    assert [name for name, _ in dbn._named_layers] == ["layer1", "layer2", "layer3"]
    assert dbn.n_parameters_ == 5 * 4 + 5 + 4 * 3 + 4 + 3 * 2 + 3 + 2


def test_fitted_layers_of_any_kind_and_names_are_taken(rng):
    X = (rng.random((30, 6)) < 0.4).astype(float)
    layer = AutoEncoder(3, trainer=Backprop(n_passes=3), random_state=19).fit(X)
    top = RBM.from_parameters(*stack_of(rng, 3, 2)[0])
    dbn = DBN.from_parameters([("code", layer), ("top", top)])
    assert list(dbn.history_) == ["code", "top"]
    np.testing.assert_array_equal(dbn.transform(X), top.transform(layer.transform(X)))
    assert np.isfinite(dbn.score(X))
    assert dbn.get_params()["code__n_components"] == 3


def test_a_stack_of_spins(rng):
    bottom = by_hand(rbm_of(Gaussian(), 2, rng, hidden=Spin()))
    top = by_hand(rbm_of(Spin(), 3, rng))
    dbn = DBN.from_parameters([bottom, top])
    points, weights = grid_of(Gaussian(), 2)
    assert weights @ np.exp(dbn.score_samples(points)) == pytest.approx(1, abs=1e-12)


def test_layers_by_hand_that_do_not_fit_are_told(rng):
    bottom, top = stack_of(rng, 5, 4, 3)
    with pytest.raises(Incompatible, match=r"layer2 has 3, and there are 4 below"):
        DBN.from_parameters([bottom, stack_of(rng, 3, 2)[0]])
    spins = RBM.from_parameters(*top, visible="spin")
    with pytest.raises(Incompatible, match=r"visible units are the latent units of the layer bel"):
        DBN.from_parameters([bottom, spins])
    with pytest.raises(NotFittedError):
        DBN.from_parameters([bottom, RBM(3)])
    with pytest.raises(Incompatible, match="at least one layer"):
        DBN.from_parameters([])
    with pytest.raises(TypeError, match="list of layers from the bottom up, not RBM"):
        DBN.from_parameters(RBM.from_parameters(*top))
    with pytest.raises(Incompatible, match="layers with fit and transform, and layer1 is array"):
        DBN.from_parameters(bottom)
    layer = AutoEncoder(2, trainer=Backprop(n_passes=1)).fit(np.eye(5))
    with pytest.raises(Incompatible, match="RBM as its last layer"):
        DBN.from_parameters([layer])
    with pytest.raises(ValueError, match="components must be finite"):
        DBN.from_parameters([bottom, (np.full((3, 4), np.nan), np.zeros(4), np.zeros(3))])
