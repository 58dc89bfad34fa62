"""The best latent marginal: its bracket, and what the theory says about it."""

import numpy as np
import pytest
from laws.models import dbn
from scipy.optimize import minimize

from layerwise import (
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    ExactGradient,
    best_latent_marginal,
    latent_marginal_bound,
)
from layerwise.datasets import load_tea
from layerwise.exceptions import TooManyStates
from layerwise.likelihood import active_set, marginal, mixtures
from layerwise.models.conditional import Conditional
from layerwise.numerics.enumerate import all_states


def conditional(rng, n_latent, n_visible, scale):
    return Conditional(
        scale * rng.normal(size=(n_latent, n_visible)), scale * rng.normal(size=n_visible)
    )


def rows(rng, n_rows, n_visible):
    return rng.integers(0, 2, size=(n_rows, n_visible)).astype(float)


def plain_em(layer, X, steps):
    """Return L(Q) after many steps of EM: slow, short, and another algorithm."""
    log_p = layer.log_probability(X, all_states(layer.n_latent))
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    weights = np.full(p.shape[1], 1 / p.shape[1])
    for _ in range(steps):
        weights *= (p / (p @ weights)[:, None]).mean(axis=0)
    return np.mean(np.log(p @ weights) + log_p.max(axis=1))


@pytest.mark.parametrize("scale", [0.3, 1, 3, 30])
@pytest.mark.parametrize("n_latent", [1, 2, 5, 8])
def test_the_bracket_closes_around_what_em_approaches(rng, n_latent, scale):
    layer, X = conditional(rng, n_latent, 9, scale), rows(rng, 25, 9)
    found = best_latent_marginal(layer, X, tol=1e-9)
    assert 0 <= found.high - found.low <= 1e-9
    below = plain_em(layer, X, 2000)
    assert below <= found.high + 1e-12
    # EM's own bracket shrinks like 1/t: after 2,000 steps it is within 1e-3.
    assert below >= found.low - 1e-3


@pytest.mark.parametrize("scale", [0.1, 0.3, 1, 3, 30, 300])
def test_a_few_rounds_of_second_order_are_enough(rng, monkeypatch, scale):
    # There are six times as many states as rows, so that most columns are nearly dependent; and
    # at large scales p(x | h) underflows where it counts least. Either once took dozens of rounds.
    monkeypatch.setattr(active_set, "ROUNDS", 15)
    layer, X = conditional(rng, 8, 9, scale), rows(rng, 40, 9)
    found = best_latent_marginal(layer, X, tol=1e-9)  # a warning is an error
    assert found.high - found.low <= 1e-9


def test_more_clusters_than_the_first_support_and_the_newcomers(rng, monkeypatch):
    # States' means are far apart, and each row is explained by its own state alone: the maximum
    # is that of the frequencies of the states among the rows.
    monkeypatch.setattr(active_set, "FIRST", 20)
    monkeypatch.setattr(active_set, "NEWCOMERS", 20)
    monkeypatch.setattr(active_set, "WARM_UP", 1)
    h = all_states(9)[rng.integers(0, 2**9, size=300)]
    X = np.hstack([h] * 7)
    layer = Conditional(30 * np.hstack([np.eye(9)] * 7), np.full(63, -15.0))
    found = best_latent_marginal(layer, X, tol=1e-6)
    counts = np.unique(h, axis=0, return_counts=True)[1]
    # Of 63 features each misses with odds of exp(-15).
    expected = np.sum(counts * np.log(counts / 300)) / 300 - 63 * np.logaddexp(0, -15)
    assert found.low - 1e-6 <= expected <= found.high + 1e-6


def test_an_independent_optimiser_finds_the_same_value(rng):
    layer, X = conditional(rng, 3, 6, 1.5), rows(rng, 12, 6)
    p = np.exp(layer.log_probability(X, all_states(3)))

    def loss(weights):
        return -np.mean(np.log(p @ weights))

    def slope(weights):
        return -(p / (p @ weights)[:, None]).mean(axis=0)

    result = minimize(
        loss,
        np.full(8, 1 / 8),
        jac=slope,
        bounds=[(0, 1)] * 8,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    found = best_latent_marginal(layer, X, tol=1e-10)
    # SLSQP stops where its own steps no longer count; its constraint holds to about 1e-10.
    assert -result.fun == pytest.approx(found.value, abs=1e-8)


def test_weights_reach_the_value_and_are_a_distribution(rng):
    layer, X = conditional(rng, 7, 10, 2.0), rows(rng, 30, 10)
    found = best_latent_marginal(layer, X, tol=1e-6)
    assert found.weights.shape == (2**7,)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1, abs=1e-12)
    with np.errstate(divide="ignore"):
        reached = mixtures.Mixture(layer, np.log(found.weights))(X).mean()
    assert reached == pytest.approx(found.low, abs=1e-11)


@pytest.mark.parametrize("sizes", [(8, 5, 4), (8, 4, 5, 3)])
@pytest.mark.parametrize("scale", [0.5, 2, 20])
def test_no_model_on_the_same_bottom_exceeds_it(rng, sizes, scale):
    model, X = dbn(rng, sizes, scale), rows(rng, 20, sizes[0])
    found = best_latent_marginal(model.conditionals[0], X)
    assert mixtures.log_density(model)(X).mean() <= found.high


@pytest.mark.parametrize("scale", [0.5, 2, 20, 200])
def test_aggregated_posterior_is_the_mean_of_products(rng, scale):
    fields = scale * rng.normal(size=(11, 6))
    h = all_states(6)
    log_q = (fields @ h.T) - np.logaddexp(0, fields).sum(axis=1, keepdims=True)
    expected = np.logaddexp.reduce(log_q, axis=0) - np.log(11)
    np.testing.assert_allclose(
        marginal.log_aggregated_posterior(fields), expected, rtol=1e-13, atol=1e-13
    )


@pytest.fixture(scope="module")
def tea():
    return load_tea(random_state=20121)


@pytest.fixture(scope="module")
def trained(tea):
    """A deep model on Tea, trained well enough that its numbers mean something."""
    layers = [
        AutoEncoder(8, encoder_layer_sizes=(60,), trainer=Backprop(n_passes=300)),
        RBM(8, trainer=ExactGradient(n_passes=300)),
    ]
    return DBN(layers, random_state=20121).fit(tea.train)


def test_the_layer_s_own_inference_stays_below_the_best_marginal(trained, tea):
    for X in (tea.train, tea.valid):
        own = latent_marginal_bound(trained.layers_[0], X)
        best = best_latent_marginal(trained, X, tol=1e-6)
        assert own.value <= best.high


def test_the_theorem_holds_on_a_trained_model(trained, tea):
    # Arnold and Ollivier (2013): with Qhat the best latent marginal, the deep model's likelihood
    # is within KL(Qhat || P_J) of U_D, and so of the best deep model on this bottom.
    best = best_latent_marginal(trained, tea.train, tol=1e-8)
    support = best.weights > 0
    top = mixtures.latent_log_marginals(trained.model_)[0]
    kl = np.sum(best.weights[support] * (np.log(best.weights[support]) - top[support]))
    gap = best.high - trained.score(tea.train)
    assert 0 <= gap <= kl + 1e-6  # the proof needs the fixed point of EM: reached within tol


def test_a_layer_alone_has_the_likelihood_of_its_aggregated_inference(trained, tea):
    layer = trained.layers_[0]
    own = latent_marginal_bound(layer, tea.valid, X_inference=tea.train)
    assert layer.score(tea.valid) == pytest.approx(own.value, rel=1e-12)
    total = AutoEncoder(3, random_state=7).fit(tea.train[:, :9])
    assert np.exp(total.score_samples(all_states(9))).sum() == pytest.approx(1, abs=1e-10)


def test_the_rbm_s_own_posterior_is_a_bound_too(tea):
    rbm = RBM(6, trainer=PCD(n_passes=50), random_state=7).fit(tea.train)
    own = latent_marginal_bound(rbm, tea.train)
    assert own.value <= best_latent_marginal(rbm, tea.train).high


def test_bits_do_not_depend_on_threads(rng, with_threads):
    layer, X = conditional(rng, 9, 20, 1.0), rows(rng, 40, 20)
    one, *others = with_threads(lambda: best_latent_marginal(layer, X))
    for other in others:
        assert (one.low, one.high) == (other.low, other.high)
        np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize(
    ("X", "tol", "words"),
    [
        (np.zeros((3, 4)), 1e-3, "5 visible units and X has 4 columns"),
        (np.zeros((0, 5)), 1e-3, "0 sample"),
        (np.zeros((3, 5)), 0, "'tol'"),
        (np.full((3, 5), np.nan), 1e-3, "NaN"),
        (np.full((3, 5), 2.0), 1e-3, r"\[0, 1\]"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(rng, X, tol, words):
    with pytest.raises(ValueError, match=words):
        best_latent_marginal(conditional(rng, 3, 5, 1.0), X, tol=tol)


def test_too_many_latent_states_are_refused_in_a_sentence():
    with pytest.raises(TooManyStates, match=r"2\*\*25 states and the limit is 2\*\*24"):
        best_latent_marginal(Conditional(np.zeros((25, 2)), np.zeros(2)), np.zeros((1, 2)))
