"""What training starts from: weights of a given size, or the RBM below, turned over."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from layerwise import CD, DBN, PCD, RBM, AutoEncoder
from layerwise.exceptions import Incompatible
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(16))
STILL = PCD(learning_rate=1e-9, n_passes=1)
KINDS = [
    ("bernoulli", "bernoulli"),
    ("spin", "spin"),
    ("bernoulli", "spin"),
    ("spin", "bernoulli"),
]


def rbm_of(visible, hidden, n_visible=7, n_hidden=4):
    rng = np.random.default_rng(611)
    return RBM.from_parameters(
        rng.normal(size=(n_hidden, n_visible)), rng.normal(size=n_visible),
        rng.normal(size=n_hidden), visible=visible, hidden=hidden,
    )  # fmt: skip


def states(kind, n_units, n_rows=60):
    bits = np.random.default_rng(613).integers(0, 2, (n_rows, n_units)).astype(float)
    return 2 * bits - 1 if kind == "spin" else bits


@pytest.mark.parametrize("weight_scale", [0.1, 0.02])
@pytest.mark.parametrize("visible", ["bernoulli", "spin", "gaussian"])
def test_first_weights_have_the_size_asked_for(visible, weight_scale):
    rng = np.random.default_rng(619)
    widths = np.linspace(1, 9, 50) if visible == "gaussian" else np.ones(50)
    X = rng.normal(size=(400, 50)) * widths if visible == "gaussian" else states(visible, 50)
    rbm = RBM(60, visible=visible, trainer=STILL, weight_scale=weight_scale, random_state=3).fit(X)
    found = rbm.components_ * (X.std(axis=0) if visible == "gaussian" else 1)
    assert abs(found.std() / weight_scale - 1) < 0.05  # of 3,000 weights: 4 standard errors
    if weight_scale == 0.1:  # the default
        again = RBM(60, visible=visible, trainer=STILL, random_state=3).fit(X)
        assert np.array_equal(again.components_, rbm.components_)


@pytest.mark.parametrize("weight_scale", [0, -1.0, "small", None])
def test_sizes_that_are_none_are_refused(weight_scale):
    with pytest.raises(ValueError, match="'weight_scale' parameter of RBM must be a float"):
        RBM(3, weight_scale=weight_scale).fit(states("bernoulli", 12))


@pytest.mark.parametrize(("visible", "hidden"), KINDS)
@pytest.mark.parametrize("n_added", [0, 9])
def test_under_itself_turned_over_an_rbm_is_what_it_was(visible, hidden, n_added):
    rbm = rbm_of(visible, hidden)
    turned = rbm.params_.turned_over(7 + n_added, STREAM, visible)
    top = RBM.from_parameters(
        turned.components, turned.intercept_visible, turned.intercept_hidden,
        visible=hidden, hidden=visible,
    )  # fmt: skip
    X = states(visible, 7)
    found = DBN.from_parameters([rbm, top]).score_samples(X)
    # What added units leave is of second order in weights of a hundredth: nine times 1e-4 / 2.
    np.testing.assert_allclose(found, rbm.score_samples(X), atol=5e-3 if n_added else 1e-12)
    assert n_added == 0 or np.abs(turned.components[7:]).min() > 0  # or they would stay alike


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_deep_model_starts_as_the_rbm_below(dtype):
    X = states("bernoulli", 12, 200).astype(dtype)
    bottom = RBM(5, trainer=PCD(n_passes=10), random_state=3)
    layers = [bottom, RBM(20, trainer=STILL), RBM(5, trainer=STILL)]
    dbn = DBN(layers, init="transposed", random_state=5).fit(X)
    np.testing.assert_allclose(dbn.score_samples(X), dbn.layers_[0].score_samples(X), atol=0.02)
    assert dbn.layers_[1].components_.dtype == dtype
    again = DBN(layers, init="transposed", random_state=5).fit(X)
    for one, two in zip(dbn.layers_, again.layers_):
        assert np.array_equal(one.components_, two.components_)
    other = DBN(layers, random_state=5).fit(X)
    assert other.layers_[1].components_.shape == (20, 5)
    assert not np.allclose(other.layers_[1].components_, dbn.layers_[1].components_, atol=0.01)


def test_a_frozen_rbm_is_started_from_too():
    X = states("bernoulli", 12, 200)
    bottom = RBM(5, trainer=PCD(n_passes=10), random_state=3).fit(X)
    layers = [FrozenEstimator(bottom), RBM(14, trainer=STILL)]
    dbn = DBN(layers, init="transposed", random_state=5).fit(X)
    np.testing.assert_allclose(dbn.score_samples(X), bottom.score_samples(X), atol=0.02)
    with pytest.raises(Incompatible, match="layer2 is FrozenEstimator"):
        DBN(
            [bottom, FrozenEstimator(RBM(12).fit(bottom.transform(X) > 0.5))], init="transposed"
        ).fit(X)


def test_training_goes_on_from_there():
    X = states("bernoulli", 8, 300)
    X[:, 1] = X[:, 0]
    X[:, 3] = X[:, 2]
    layers = [RBM(3, trainer=PCD(n_passes=20)), RBM(10, trainer=PCD(n_passes=30))]
    dbn = DBN(layers, init="transposed", warm_start=True, random_state=5).fit(X)
    first = dbn.layers_[1]
    assert dbn.score(X) > dbn.layers_[0].score(X)
    second = dbn.fit(X).layers_[1]  # from where it stands, not turned over anew
    assert {len(told) for told in second.history_.values()} == {60}
    assert 0 < np.abs(second.components_ - first.components_).max() < 1


SENTENCES = [
    ([AutoEncoder(5), RBM(12)], "layer1 is AutoEncoder. Use layers of RBM"),
    ([RBM(5), RBM(11)], "layer2 has as many components .* it has 11, and there are 12"),
    ([RBM(5), RBM(12), RBM(4)], "layer3 has as many components .* it has 4, and there are 5"),
    ([RBM(5), RBM(12, hidden="spin")], r"those are Bernoulli\(\), and layer2 has hidden='spin'"),
    ([RBM(5, visible="gaussian"), RBM(12)], r"those are Gaussian\(\), and layer2"),
]


@pytest.mark.parametrize(("layers", "sentence"), SENTENCES)
def test_layers_that_cannot_start_so_are_told_before_any_work(layers, sentence):
    X = states("bernoulli", 12)
    dbn = DBN([RBM(3, trainer=CD(n_passes=1)), RBM(12, trainer=STILL)], init="transposed").fit(X)
    before = dbn.score(X)
    with pytest.raises(Incompatible, match=sentence):
        dbn.set_params(layers=layers).fit(X)
    assert dbn.score(X) == before


def test_a_parameter_of_a_layer_is_told_first():
    with pytest.raises(ValueError, match="'n_components' parameter of RBM must be an int"):
        DBN([RBM(3), RBM("12")], init="transposed").fit(states("bernoulli", 12))


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="'init' parameter of DBN must be a str among"):
        DBN([RBM(3), RBM(12)], init="turned").fit(states("bernoulli", 12))
