"""Are networks reversible, and do their weights look random? Numbers and pictures."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.base import clone

from layerwise import (
    RBM,
    Backprop,
    DeepClassifier,
    DeepRegressor,
    Dense,
    Incompatible,
    random_likeness,
    reversibility,
)
from layerwise.likelihood.reversible import (
    distance,
    layer_likeness,
    layer_reversal,
    marchenko_pastur,
    marchenko_pastur_density,
    marchenko_pastur_edges,
)
from layerwise.plots import RandomLikenessDisplay, ReversibilityDisplay


def generated(rng, n_inputs, n_units, n_active, n_rows=40):
    """Rows that the theory's model draws: sparse h, x = r(alpha W h), W of normal numbers."""
    weights = rng.normal(size=(n_inputs, n_units))
    h = np.zeros((n_rows, n_units))
    for row in h:
        row[rng.choice(n_units, n_active, replace=False)] = rng.random(n_active) + 0.5
    return weights, h, np.maximum(2 / n_inputs * h @ weights.T, 0)


def test_a_random_layer_takes_what_it_generates_back_to_the_hidden_units(rng):
    weights, h, x = generated(rng, 4000, 300, 10)
    layer = layer_reversal(weights, np.zeros(300), x, rng)
    # Theorem 2.2: W'x is h and noise of the relative size sqrt(n_active / n_inputs) a unit.
    field = x @ weights
    assert np.vdot(field, h) / np.vdot(h, h) == pytest.approx(1, abs=0.05)
    assert layer.trained.slope == pytest.approx(1, abs=0.2)
    # The same weights in another order know nothing of these rows.
    assert layer.trained.input_error < 0.5 * layer.shuffled.input_error


def test_errors_fall_with_the_size_of_the_layer_below(rng):
    errors = []
    for n_inputs in (200, 1000, 5000):
        weights, _, x = generated(rng, n_inputs, 100, 10)
        errors.append(layer_reversal(weights, -0.1 * np.ones(100), x, rng).trained.input_error)
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_the_error_of_h_falls_with_the_inputs_that_are_kept(rng):
    weights, _, x = generated(rng, 3000, 100, 10)
    layer = layer_reversal(weights, np.zeros(100), x, rng)
    found = layer.trained
    assert np.array_equal(found.kept, 3000 * 2.0 ** np.arange(-4, 1))
    # Twice as many inputs leave half of the noise, and the same error of the least-squares alpha.
    falls = found.kept_errors[:-1] / found.kept_errors[1:]
    assert np.all(falls > 1.3)
    assert found.kept_errors[0] > 5 * found.kept_errors[-1]
    assert found.kept_errors[-1] == found.hidden_error < layer.shuffled.hidden_error


def test_a_layer_that_copies_is_reversed_exactly(rng):
    x = rng.random((20, 6))
    found = layer_reversal(np.eye(6), np.zeros(6), x, rng).trained
    assert found.slope == pytest.approx(1, rel=1e-12)
    assert found.input_error < 1e-25
    assert found.hidden_error < 1e-25
    assert found.active == 6


def test_a_layer_that_is_never_on_has_no_slope(rng):
    found = layer_reversal(np.eye(6), np.full(6, -9.0), rng.random((20, 6)), rng).trained
    assert np.isnan(found.slope)
    assert np.isnan(found.hidden_error)
    assert found.input_error == 1  # of rows of zeros


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 1.0])
def test_the_law_of_singular_values_is_the_integral_of_its_density(ratio):
    low, high = marchenko_pastur_edges(ratio)
    for share in (0.05, 0.3, 0.7, 1.0):
        x = low + share * (high - low)
        # The square root at its ends, and the pole at zero where the matrix is square.
        expected, _ = integrate.quad(
            lambda t: 2 * t * marchenko_pastur_density(t * t, ratio), np.sqrt(low), np.sqrt(x)
        )
        assert marchenko_pastur(x, ratio) == pytest.approx(expected, abs=2e-5)
    assert marchenko_pastur(low - 1e-9, ratio) == 0
    assert marchenko_pastur(high + 1e-9, ratio) == 1


@pytest.mark.parametrize("shape", [(300, 120), (120, 300), (200, 200)])
def test_normal_numbers_look_random_and_others_do_not(rng, shape):
    normal = layer_likeness(0.3 + 0.01 * rng.normal(size=shape))
    assert normal.normal_distance < 2 * normal.normal_noise
    assert normal.spectrum_distance < 0.05
    assert normal.outside == 0
    assert abs(normal.kurtosis) < 0.1
    assert normal.deviation == pytest.approx(0.01, rel=0.03)
    low_rank = layer_likeness(rng.normal(size=(shape[0], 5)) @ rng.normal(size=(5, shape[1])))
    assert low_rank.spectrum_distance > 0.5
    assert low_rank.outside == pytest.approx(5 / min(shape))
    heavy = layer_likeness(rng.standard_t(3, size=shape))
    assert heavy.normal_distance > 5 * heavy.normal_noise
    assert heavy.kurtosis > 1


def test_the_distance_is_that_of_kolmogorov_and_smirnov(rng):
    values = np.sort(rng.normal(size=57))
    expected = stats.kstest(values, "norm").statistic
    assert distance(values, stats.norm.cdf) == pytest.approx(expected, abs=1e-15)


@pytest.fixture
def net(rng):
    X, y = rng.random((80, 12)), rng.integers(3, size=80)
    net = DeepClassifier([Dense(30), Dense(20)], fine_tuner=Backprop(n_passes=3), random_state=5)
    return net.fit(X, y), X


def test_each_layer_is_looked_at_on_its_own_inputs(net):
    net, X = net
    first, second = reversibility(net, X)
    assert (first.n_inputs, first.n_units, second.n_inputs, second.n_units) == (12, 30, 30, 20)
    hidden = net.network_.forward(X, 0, 1)
    assert first.trained.active == (hidden > 0).sum(axis=1).mean()
    assert second.trained.active == (net.transform(X) > 0).sum(axis=1).mean()
    again = reversibility(net, X)
    assert np.array_equal(again[0].shuffled.kept_errors, first.shuffled.kept_errors)
    other = reversibility(net, X, random_state=6)
    assert not np.array_equal(other[0].shuffled.kept_errors, first.shuffled.kept_errors)


def test_all_predictors_have_weights_to_look_at(net, rng):
    net, X = net
    regressor = DeepRegressor([RBM(7)], fine_tuner=Backprop(n_passes=1)).fit(X, X[:, 0])
    (layer,) = random_likeness(regressor)
    assert np.array_equal(layer.weights, regressor.network_.weights(0))
    with pytest.raises(Incompatible, match="this one has sigmoid layers"):
        reversibility(regressor, X)
    with pytest.raises(Incompatible, match="asks for a DeepClassifier or a DeepRegressor"):
        random_likeness(RBM(3).fit(X))
    with pytest.raises(ValueError, match="is not fitted"):
        reversibility(clone(net), X)


def test_pictures_have_a_panel_for_each_layer(net, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    net, X = net
    reversed_ = ReversibilityDisplay.from_estimator(net, X)
    likeness = RandomLikenessDisplay.from_estimator(net)
    assert reversed_.axes_.shape == (1, 2)
    assert likeness.axes_.shape == (2, 2)
    assert "slope" in reversed_.axes_[0, 0].get_legend().get_texts()[0].get_text()
    for display in (reversed_, likeness):
        display.figure_.savefig(tmp_path / "picture.png")
