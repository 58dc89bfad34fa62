"""Lower bounds of log-likelihoods of deep models, against exact sums."""

import math
import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from layerwise import (
    AIS,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    Incompatible,
    LatentLayer,
    TooManyStates,
    VariationalBound,
    latent_marginal_bound,
    log_likelihood,
    log_partition,
)

X = (load_digits().data[:200] > 7).astype(float)


def stacked(visible="bernoulli", latent="bernoulli"):
    """Return a fitted DBN of two layers below the top."""
    short = PCD(n_passes=15)
    rows = {"bernoulli": X, "spin": 2 * X - 1, "gaussian": X + 0.1}[visible]
    layers = [
        RBM(9, visible=visible, hidden=latent, trainer=short),
        RBM(7, visible=latent, hidden=latent, trainer=short),
        RBM(8, visible=latent, trainer=short),
    ]
    return DBN(layers, random_state=3).fit(rows), rows


def of_rich_inference():
    layers = [
        AutoEncoder(8, encoder_layer_sizes=(20,), trainer=Backprop(n_passes=15)),
        RBM(7, trainer=PCD(n_passes=15)),
    ]
    return DBN(layers, random_state=3).fit(X), X


MODELS = {
    "bits": stacked,
    "spins below bits": lambda: stacked("spin"),
    "numbers": lambda: stacked("gaussian"),
    "latent spins": lambda: stacked("bernoulli", "spin"),
    "rich inference": of_rich_inference,
}


@pytest.mark.parametrize("name", list(MODELS))
def test_bounds_are_low_and_rise_with_draws(name):
    dbn, rows = MODELS[name]()
    exact = log_likelihood(dbn, rows).value
    found = [
        log_likelihood(dbn, rows, method=VariationalBound(n, weighted=weighted))
        for n, weighted in ((200, False), (2, True), (10, True), (200, True))
    ]
    for bound in found:
        assert bound.value < exact + 4 * bound.error
        assert bound.low < bound.value < bound.high == math.inf
    for less, more in pairwise(found):
        assert more.value > less.value - 3 * math.hypot(less.error, more.error)
    assert found[3].value > found[0].value
    assert exact - found[3].value < exact - found[0].value
    # Of the same draws one is never below the other, row by row.
    dbn.set_params(likelihood=VariationalBound(20))
    weighted = dbn.score_samples(rows)
    dbn.set_params(likelihood__weighted=False)
    assert (weighted >= dbn.score_samples(rows) - 1e-12).all()


@pytest.mark.parametrize("name", list(MODELS))
def test_annealing_over_the_whole_model_comes_closer(name):
    dbn, rows = MODELS[name]()
    exact = log_likelihood(dbn, rows).value

    def bound(n_draws, **options):
        return log_likelihood(dbn, rows, method=VariationalBound(n_draws, **options))

    # What ten weighted draws leave is less than its own error, plain and annealed, and which is
    # closer depends on the machine's rounding: of them the spread tells.
    plain, annealed = bound(10), bound(10, n_steps=30)
    assert annealed.value < exact + 4 * annealed.error
    assert annealed.error < 0.7 * plain.error
    # The mean of draws that are not weighted does not depend on their number.
    plain, annealed = bound(200, weighted=False), bound(50, weighted=False, n_steps=30)
    assert annealed.value < exact + 4 * annealed.error
    assert exact - plain.value > 4 * plain.error
    assert exact - annealed.value < 0.7 * (exact - plain.value)
    assert "annealed in 30 steps" in annealed.method
    # A function of the model, and row by row.
    dbn.set_params(likelihood=VariationalBound(50, weighted=False, n_steps=30))
    assert dbn.score(rows) == pytest.approx(annealed.value, abs=1e-10)


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
def test_the_bound_is_the_likelihood_where_inference_is_the_posterior(visible):
    """A top that is the layer itself, upside down, makes the whole an RBM of that layer."""
    rng = np.random.default_rng(5)
    W, b, c = rng.normal(size=(6, 10)) / 2, rng.normal(size=10), rng.normal(size=6)
    layer = RBM.from_parameters(W, b, c, visible=visible)
    top = RBM.from_parameters(W.T, c, b, hidden=visible)
    dbn = DBN.from_parameters([layer, top])
    rows = layer.sample(30, random_state=3)
    for weighted in (True, False):
        found = log_likelihood(dbn, rows, method=VariationalBound(3, weighted=weighted))
        assert found.value == pytest.approx(layer.score(rows), abs=1e-10)
        assert found.error < 1e-10


def test_a_score_says_what_it_was_asked_for_and_repeats():
    dbn, rows = stacked()
    assert dbn.score(rows) == log_likelihood(dbn, rows).value
    bounded = clone(dbn).set_params(likelihood=VariationalBound(10)).fit(rows)
    first = bounded.score_samples(rows)
    np.testing.assert_array_equal(bounded.score_samples(rows), first)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(bounded)).score_samples(rows), first)
    found = log_likelihood(bounded, rows)
    assert found.value == pytest.approx(bounded.score(rows), abs=1e-10)
    assert "importance-weighted lower bound, 10 draws" in found.method
    other = log_likelihood(dbn, rows, method=VariationalBound(10, random_state=7))
    assert other.value != found.value
    assert abs(other.value - found.value) < 5 * math.hypot(other.error, found.error)


def test_models_beyond_sums_have_a_bound_with_the_bracket_of_their_top():
    rng = np.random.default_rng(3)
    rows = (rng.random((60, 50)) < rng.random(50)).astype(float)
    layers = [RBM(40, trainer=PCD(n_passes=5)), RBM(45, trainer=PCD(n_passes=5))]
    dbn = DBN(layers, random_state=3).fit(rows)
    with pytest.raises(TooManyStates, match=r"or bound it by VariationalBound\(\)"):
        dbn.score(rows)
    found = log_likelihood(dbn, rows, method=VariationalBound(20))
    log_z = log_partition(dbn.layers_[-1])
    assert log_z.high > log_z.value
    assert found.low == pytest.approx(
        found.value - 3 * found.error - (log_z.high - log_z.value), abs=1e-12
    )
    # The top's own way to log Z is taken.
    few = AIS(10, betas=300)
    dbn.layers_[-1].set_params(likelihood=few)
    other = log_likelihood(dbn, rows, method=VariationalBound(20))
    assert other.value - found.value == pytest.approx(
        log_z.value - log_partition(dbn.layers_[-1], few).value, abs=1e-10
    )
    dbn.layers_[-1].set_params(likelihood="auto")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = dbn.set_params(likelihood=VariationalBound(20)).score(rows)
    assert score == pytest.approx(found.value, abs=1e-10)


LAYERS = {
    "rbm": lambda: (RBM(9, trainer=PCD(n_passes=15), random_state=3), X),
    "rich inference": lambda: (
        AutoEncoder(8, encoder_layer_sizes=(20,), trainer=Backprop(n_passes=15), random_state=3), X
    ),
    "spins": lambda: (
        RBM(9, visible="spin", hidden="spin", trainer=PCD(n_passes=15), random_state=3), 2 * X - 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LAYERS))
def test_the_bound_of_a_layer_approaches_that_over_all_its_states(name):
    layer, rows = LAYERS[name]()
    layer.fit(rows)
    weights = np.random.default_rng(4).integers(1, 4, size=len(rows)).astype(float)
    for given in (
        {},
        {"X_inference": rows[:120]},
        {"sample_weight": weights},
        {"X_inference": rows[:120], "sample_weight_inference": weights[:120]},
    ):
        exact = latent_marginal_bound(layer, rows, **given).value
        bounds = []
        for n, weighted in ((300, False), (3, True), (30, True), (300, True)):
            method = VariationalBound(n, weighted=weighted)
            found = latent_marginal_bound(layer, rows, method=method, **given)
            assert found.value < exact + 4 * found.error
            assert found.low < found.value < found.high == math.inf
            bounds.append(found)
        for less, more in pairwise(bounds):
            assert more.value > less.value - 4 * math.hypot(less.error, more.error)
        assert bounds[3].value > bounds[0].value
        assert exact - found.value < 0.1
    assert "importance-weighted lower bound, 300 draws" in found.method


def test_a_layer_of_any_size_has_a_bound():
    rng = np.random.default_rng(3)
    rows = (rng.random((60, 50)) < rng.random(50)).astype(float)
    layer = RBM(40, trainer=PCD(n_passes=20), random_state=3).fit(rows)
    found = latent_marginal_bound(layer, rows, method=VariationalBound(50))
    assert -50 * math.log(2) < found.value < 0
    assert found.value == latent_marginal_bound(layer, rows, method=VariationalBound(50)).value
    other = latent_marginal_bound(layer, rows, method=VariationalBound(50, random_state=3))
    assert other.value != found.value
    with pytest.raises(Incompatible, match="Leave one out"):
        latent_marginal_bound(layer, rows, n_draws=50, method=VariationalBound())
    with pytest.raises(Incompatible, match="takes n_draws, or method"):
        latent_marginal_bound(layer, rows, method=AIS())
    with pytest.raises(Incompatible, match="a layer alone has no top"):
        latent_marginal_bound(layer, rows, method=VariationalBound(n_steps=3))
    latent = LatentLayer(3).fit(rows)
    with pytest.raises(Incompatible, match="layer 1 for log q"):
        latent_marginal_bound(latent, rows, method=VariationalBound())


def test_what_has_no_such_bound_is_told():
    layers = [LatentLayer(3), RBM(3, trainer=PCD(n_passes=1))]
    dbn = DBN(layers, likelihood=VariationalBound(), random_state=3).fit(X)
    with pytest.raises(Incompatible, match="layer 1 for log q"):
        dbn.score(X)
    with pytest.raises(Incompatible, match="not for DBN, which takes 'exact' or a Var"):
        log_likelihood(dbn, X, method=AIS())
    with pytest.raises(Incompatible, match="not for LatentLayer, which takes 'exact' alone"):
        log_likelihood(dbn.layers_[0], X, method=VariationalBound())
    with pytest.raises(ValueError, match="n_steps"):
        log_likelihood(stacked()[0], X, method=VariationalBound(n_steps=-1))
    with pytest.raises(ValueError, match="n_draws"):
        log_likelihood(stacked()[0], X, method=VariationalBound(1))
    with pytest.raises(ValueError, match="likelihood"):
        DBN(layers, likelihood="bound").fit(X)
