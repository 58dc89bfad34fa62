"""Rows of means: what their likelihood is, and that it is the same for whoever asks."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from layerwise import (
    CD,
    DBN,
    RBM,
    AutoEncoder,
    Backprop,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
    scorers,
)
from layerwise.models.draws import N_DRAWS, expected, states_of
from layerwise.numerics.enumerate import all_states


def rows_of_means(rng, n_rows=20, n_features=6):
    return np.round(rng.random((n_rows, n_features)), 3)


def models(X):
    rbm = RBM(3, trainer=CD(n_passes=30), random_state=5)
    layer = AutoEncoder(3, trainer=Backprop(n_passes=5), random_state=5)
    return [model.fit(X) for model in (rbm, layer, DBN([layer, rbm], random_state=5))]


def test_each_draw_has_the_row_s_distribution(rng):
    """Every joint probability of the six units, over many rows with the same means but for 1e-9.

    Whether draws of one row are spread evenly says nothing here: each draw is looked at alone.
    """
    mean = np.array([0.1, 0.35, 0.5, 0.8, 0.02, 0.97])
    n_rows = 4000
    rows = mean + 1e-9 * rng.random((n_rows, 6))
    weight = 2 ** np.arange(6)
    listed = all_states(6)
    p = np.prod(np.where(listed == 1, mean, 1 - mean), axis=1)
    for draw in (0, 7, N_DRAWS - 1):
        index = (states_of(rows)[:, draw] @ weight).astype(int)
        found = np.bincount(index, minlength=64) / n_rows
        # 64 states, three draws, up to 100 seeds: 19,200 comparisons, of which 5 sigma of a
        # normal law would fail 0.01; rare states are Poisson, so three counts are added.
        sigma = np.sqrt(p * (1 - p) / n_rows)
        assert np.all(np.abs(found - p) <= 5 * sigma + 3 / n_rows)


def test_draws_together_give_each_unit_its_share(rng):
    X = rows_of_means(rng, 50)
    ones = states_of(X).sum(axis=1)
    assert np.all(np.abs(ones - N_DRAWS * X) < 1)
    certain = np.array([[0.0, 1.0, 1.0]])
    assert np.all(states_of(certain) == certain)


def test_the_mean_of_a_linear_function_is_nearly_exact(rng):
    X, slope = rows_of_means(rng), rng.normal(size=6)
    value, variance = expected(lambda states: states @ slope, X)
    assert np.all(np.abs(value - X @ slope) <= np.abs(slope).sum() / N_DRAWS)
    assert np.all(variance > 0)
    value, variance = expected(lambda states: states @ slope, np.round(X))
    np.testing.assert_allclose(value, np.round(X) @ slope, rtol=1e-12, atol=1e-12)
    assert np.all(variance == 0)


def test_means_are_no_longer_put_where_states_belong(rng):
    """digits / 16 under RBM(12) had -25.24; the mean over draws of the rows is -24.41."""
    X = rows_of_means(rng)
    listed = all_states(6)
    p = np.prod(np.where(listed == 1, X[:, None], 1 - X[:, None]), axis=2)
    for model in models(X):
        exact = p @ model.score_samples(listed)
        found = model.score_samples(X)
        # The standard deviation of one draw, of 17: what evenly spread ones stay below.
        sigma = np.sqrt((p @ model.score_samples(listed) ** 2 - exact**2) / N_DRAWS)
        assert np.all(np.abs(found - exact) <= 4 * sigma + 1e-9)
        estimate = log_likelihood(model, X)
        assert estimate.low < exact.mean() < estimate.high
        assert estimate.value == pytest.approx(model.score(X), rel=1e-14)
        assert "draws" in estimate.method
    rbm = models(X)[0]
    assert rbm.free_energy(X).mean() == pytest.approx(
        (p @ rbm.free_energy(listed)).mean(), abs=0.05
    )


def test_a_row_s_value_does_not_depend_on_the_others_nor_on_the_model_s_seed(rng):
    X = np.vstack([rows_of_means(rng, 9), rng.integers(0, 2, (4, 6))])
    for model in models(X):
        whole = model.score_samples(X)
        np.testing.assert_array_equal(model.score_samples(X), whole)
        order = rng.permutation(len(X))
        np.testing.assert_allclose(model.score_samples(X[order]), whole[order], rtol=1e-13)
        alone = [model.score_samples(X[[i]])[0] for i in range(len(X))]
        np.testing.assert_allclose(alone, whole, rtol=1e-13)
        model.set_params(random_state=99)
        np.testing.assert_array_equal(model.score_samples(X), whole)


def test_blocks_of_rows_change_nothing(rng, monkeypatch):
    X = rows_of_means(rng)
    rbm = models(X)[0]
    whole = rbm.score_samples(X)
    monkeypatch.setattr("layerwise.models.draws.VALUES_AT_A_TIME", 2 * 6 * N_DRAWS)
    np.testing.assert_allclose(rbm.score_samples(X), whole, rtol=1e-13)


def test_no_model_exceeds_the_best_marginal_of_the_same_draws(rng):
    X = rows_of_means(rng)
    for model in models(X):
        best = best_latent_marginal(model, X)
        assert model.score(X) <= best.high
        assert latent_marginal_bound(model, X).value <= best.high
        assert scorers.blm(model, X) == best.value


def test_a_search_over_real_valued_digits_has_finite_scores():
    X = load_digits().data[:300] / 16
    search = GridSearchCV(
        RBM(6, trainer=CD(n_passes=100), random_state=5), {"n_components": [1, 8]}, cv=2
    ).fit(X)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_params_ == {"n_components": 8}
