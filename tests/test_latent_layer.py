"""LatentLayer, BoundAscent and the fine-tuning of a DBN, as users meet them."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from layerwise import (
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BoundAscent,
    Diverged,
    ExactGradient,
    Gaussian,
    Incompatible,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    Spin,
    TooManyStates,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
)
from layerwise.numerics.enumerate import all_states

QUICK = MarginalAscent(n_passes=15)


@pytest.fixture(scope="module")
def digits():
    """The middle of some digits, whose 20 columns all vary."""
    X = (load_digits().data.reshape(-1, 8, 8)[:400, 2:6, 1:6] > 8).astype(float)
    return X.reshape(len(X), -1)


@pytest.fixture(scope="module")
def layer(digits):
    return LatentLayer(5, trainer=QUICK, random_state=5).fit(digits)


def test_the_likelihood_is_a_sum_over_latent_states(layer, digits):
    given = layer.conditional_.log_probability(digits, all_states(5))
    expected = np.log(np.exp(given) @ layer.latent_marginal_)
    np.testing.assert_allclose(layer.score_samples(digits), expected, rtol=1e-12)
    assert layer.latent_marginal_.sum() == pytest.approx(1, abs=1e-12)
    assert layer.latent_marginal_.min() > 0
    assert layer.n_parameters_ == 5 * 20 + 20
    told = layer.history_["validation_log_likelihood"]
    assert np.all(np.isfinite(told[:15]))
    assert np.all(np.isnan(told[15:]))
    assert len(told) == 15 + np.argmax(told[:15]) + 1


def test_inference_is_the_exact_posterior(layer, digits):
    given = layer.conditional_.log_probability(digits, all_states(5))
    joint = np.exp(given) * layer.latent_marginal_
    expected = joint / joint.sum(axis=1, keepdims=True) @ all_states(5)
    np.testing.assert_allclose(layer.transform(digits), expected, atol=1e-12)
    # No product of independent units is it: the posterior has correlations.
    assert latent_marginal_bound(layer, digits).value > layer.score(digits) - 1e-9


def test_samples_have_the_distribution_of_the_scores(layer):
    drawn = layer.sample(20_000, random_state=3)
    p = layer.latent_marginal_ @ layer.conditional_.mean(all_states(5))
    # Four standard deviations of a mean of 20,000.
    np.testing.assert_allclose(drawn.mean(axis=0), p, atol=4 * 0.5 / np.sqrt(20_000))
    assert set(np.unique(drawn)) == {0.0, 1.0}


def test_it_stands_anywhere_below_the_top(digits):
    coins = -20 * np.log(2)  # a model that knows nothing
    for layers in (
        [LatentLayer(5, trainer=QUICK), RBM(4)],
        [LatentLayer(6, trainer=QUICK), LatentLayer(4, trainer=QUICK), RBM(4)],
        [AutoEncoder(6, trainer=Backprop(n_passes=5)), LatentLayer(4, trainer=QUICK), RBM(3)],
        [LatentLayer(6, trainer=QUICK), AutoEncoder(4, trainer=Backprop(n_passes=5)), RBM(3)],
    ):
        dbn = DBN(layers, random_state=5).fit(digits)
        # No latent distribution beats the best.
        assert dbn.score(digits) <= best_latent_marginal(dbn, digits).high
        assert dbn.score(digits) > coins
        assert dbn.transform(digits).shape == (400, layers[-1].n_components)
        assert dbn.sample(3, random_state=3).shape == (3, 20)
    with pytest.raises(Incompatible, match="asks for an RBM as its last layer"):
        DBN([RBM(4), LatentLayer(4)]).fit(digits)


def test_a_frozen_layer_stays_as_it_was_under_new_ones(digits):
    # It was fitted again by a call that FrozenEstimator does not take, and had it worked, the
    # layers above would have seen independent units with the posterior's means in place of draws.
    bottom = LatentLayer(5, trainer=QUICK, random_state=3).fit(digits)
    layers = [("bottom", FrozenEstimator(bottom)), ("top", RBM(4))]
    frozen = DBN(layers, random_state=5).fit(digits)
    np.testing.assert_array_equal(frozen.layers_[0].components_, bottom.components_)
    layers = [("bottom", LatentLayer(5, trainer=QUICK, random_state=3)), ("top", RBM(4))]
    np.testing.assert_array_equal(
        frozen.transform(digits), DBN(layers, random_state=5).fit(digits).transform(digits)
    )
    with pytest.raises(
        Incompatible, match="frozen LatentLayer was fitted to 20 columns, and gets 19"
    ):
        frozen.fit(digits[:, 1:])
    with pytest.raises(NotFittedError):
        frozen.set_params(bottom=FrozenEstimator(LatentLayer(5))).fit(digits)


@pytest.mark.parametrize("start", [
    AutoEncoder(5, encoder_layer_sizes=(10,), trainer=Backprop(n_passes=30), random_state=3),
    RBM(5, trainer=PCD(n_passes=30), random_state=3),
])  # fmt: skip
def test_it_starts_from_a_layer_and_ends_above_it(start, digits):
    fitted = clone(start).fit(digits)
    before = best_latent_marginal(fitted, digits, tol=1e-3)
    trainer = MarginalAscent(n_passes=30, learning_rate=3e-3, early_stopping=False)
    kept = fitted.components_.copy()
    for init in (fitted, FrozenEstimator(fitted), start):
        layer = LatentLayer(5, init=init, trainer=trainer, random_state=5).fit(digits)
        assert best_latent_marginal(layer, digits, tol=1e-3).value > before.low
    # The start has seen all rows: held-out ones would say nothing.
    trainer = MarginalAscent(n_passes=3)
    layer = LatentLayer(5, init=fitted, trainer=trainer, random_state=5).fit(digits)
    assert "validation_log_likelihood" not in layer.history_
    assert len(layer.history_["negative_log_likelihood"]) == 3
    layer.set_params(init=None).fit(digits)
    assert "validation_log_likelihood" in layer.history_
    # Neither what was fitted nor what was given as a recipe is written to.
    np.testing.assert_array_equal(fitted.components_, kept)
    assert not hasattr(start, "components_")
    # A clone of a frozen layer keeps it; of another, it is a recipe again.
    assert clone(LatentLayer(5, init=FrozenEstimator(fitted))).init.components_ is not None
    assert not hasattr(clone(LatentLayer(5, init=fitted)).init, "components_")


def test_what_it_starts_from_is_searched_over(digits):
    start = AutoEncoder(5, trainer=Backprop(n_passes=3))
    layer = LatentLayer(5, init=start, trainer=MarginalAscent(n_passes=3), random_state=3)
    grid = {"init__code": ["mean", "sample"], "trainer__broad": [0.01, 0.001]}
    search = GridSearchCV(layer, grid, cv=2).fit(digits)
    assert len(set(search.cv_results_["mean_test_score"])) == 4


@pytest.mark.parametrize(
    ("init", "words"),
    [
        (AutoEncoder(4, trainer=Backprop(n_passes=1)), "has 4 Bernoulli"),
        (RBM(5, hidden="spin", trainer=PCD(n_passes=1)), "has 5 Spin"),
        (GridSearchCV(RBM(), {}), "asks that init is a layer"),
        (KMeans(2).fit(np.eye(20)), "asks that init is a layer"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(init, words, digits):
    with pytest.raises(Incompatible, match=words):
        LatentLayer(5, init=init, trainer=QUICK).fit(digits)


def test_other_types_of_data(digits, seed):
    rng = np.random.default_rng(seed)
    X = digits @ rng.normal(size=(20, 6)) + 0.3 * rng.normal(size=(400, 6))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    layer = LatentLayer(4, visible="gaussian", trainer=MarginalAscent(), random_state=5).fit(X)
    independent = -0.5 * 6 * (np.log(2 * np.pi) + 1)
    assert layer.score(X) > independent + 0.5
    assert np.all(layer.noise_variance_ < 1)
    dbn = DBN(
        [LatentLayer(4, visible=Gaussian(), trainer=QUICK), RBM(4)],
        fine_tuner=LikelihoodAscent(n_passes=5),
        random_state=5,
    ).fit(X)
    np.testing.assert_allclose(
        dbn.layers_[0].noise_variance_, np.exp(dbn.conditional_.log_variance)
    )
    signs = 2 * digits - 1
    spin = LatentLayer(5, visible=Spin(), trainer=QUICK, random_state=5).fit(signs)
    assert set(np.unique(spin.sample(9, random_state=3))) == {-1.0, 1.0}


def test_float32_is_kept(digits):
    layer = LatentLayer(5, trainer=QUICK, random_state=5).fit(digits.astype(np.float32))
    assert layer.components_.dtype == layer.transform(digits).dtype == np.float32
    assert layer.score_samples(digits).dtype == np.float64


def test_a_marginal_set_by_hand_is_checked(layer, digits):
    mine = pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(mine.score_samples(digits), layer.score_samples(digits))
    mine.latent_marginal_ = np.full(32, 1 / 32)
    assert mine.score(digits) < layer.score(digits)
    for bad, words in (
        (np.full(32, 0.5), "sum to 16"),
        (np.full(16, 1 / 16), "must have the shape"),
        (np.linspace(-1, 1, 32) + 1 / 32, "not negative"),
    ):
        mine.latent_marginal_ = bad
        with pytest.raises(ValueError, match=words):
            mine.score(digits)


def test_too_many_units_are_refused_before_any_work(digits):
    with pytest.raises(TooManyStates, match=r"2\*\*21 states"):
        LatentLayer(21).fit(digits)
    with pytest.raises(TooManyStates, match=r"2\*\*40 states"):
        LatentLayer(40).fit(digits)
    with pytest.raises(Incompatible, match=r"Use MarginalAscent\(\)"):
        LatentLayer(4, trainer=Backprop()).fit(digits)


# Fine-tuning. ------------------------------------------------------------------------------------


def stack(**options):
    bottom = AutoEncoder(5, encoder_layer_sizes=(10,), trainer=Backprop(n_passes=30))
    top = RBM(6, trainer=ExactGradient(n_passes=60))
    return DBN([bottom, top], random_state=5, **options)


def test_fine_tuning_raises_the_likelihood_of_the_rows(digits):
    before = stack().fit(digits)
    tuned = stack(fine_tuner=LikelihoodAscent(n_passes=30, learning_rate=5e-3)).fit(digits)
    # Training by layers is the same start.
    told = tuned.history_["fine_tuner"]["negative_log_likelihood"]
    assert tuned.score(digits) > before.score(digits) + 0.05
    assert -told[0] == pytest.approx(before.score(digits), abs=0.3)
    for name in ("layer1", "layer2"):
        for key, values in before.history_[name].items():
            np.testing.assert_array_equal(tuned.history_[name][key], values)
    assert tuned.n_parameters_ == before.n_parameters_
    # What is saved is what was tuned.
    assert pickle.loads(pickle.dumps(tuned)).score(digits) == tuned.score(digits)
    assert tuned.layers_[0].score(digits) != before.layers_[0].score(digits)


def test_after_fine_tuning_exact_inference_is_that_of_the_whole_model(digits):
    dbn = DBN(
        [LatentLayer(5, trainer=QUICK), RBM(6, trainer=ExactGradient(n_passes=60))],
        fine_tuner=LikelihoodAscent(n_passes=10), random_state=5,
    ).fit(digits)  # fmt: skip
    bottom = dbn.layers_[0]
    np.testing.assert_allclose(bottom.score_samples(digits), dbn.score_samples(digits), rtol=1e-10)


def test_a_single_rbm_is_sent_to_its_own_trainer(digits):
    alone = DBN([RBM(5, trainer=PCD(n_passes=10))], random_state=5)
    with pytest.raises(Incompatible, match="at least one layer below the RBM"):
        alone.set_params(fine_tuner=LikelihoodAscent()).fit(digits)


def test_fine_tuning_is_searched_over_by_name(digits):
    dbn = stack(fine_tuner=LikelihoodAscent(n_passes=2))
    grid = {"fine_tuner__learning_rate": [1e-3, 1e-2], "fine_tuner": [None, LikelihoodAscent()]}
    assert set(grid) <= set(dbn.get_params())
    search = GridSearchCV(dbn, {"fine_tuner__learning_rate": [1e-3, 1e-2]}, cv=2).fit(digits)
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_a_fitted_model_survives_a_failed_tuning(digits):
    dbn = stack().fit(digits)
    score = dbn.score(digits)
    dbn.set_params(fine_tuner=LikelihoodAscent(learning_rate=1e12, optimizer="sgd"))
    with pytest.raises(Diverged, match="LikelihoodAscent"):
        dbn.fit(digits)
    assert dbn.score(digits) == score
    with pytest.raises(Incompatible, match=r"Use LikelihoodAscent\(\)"):
        dbn.set_params(fine_tuner=PCD()).fit(digits)
    with pytest.raises(TypeError, match=r"Pass LikelihoodAscent\(\)"):
        dbn.set_params(fine_tuner=LikelihoodAscent).fit(digits)
    foreign = DBN([KMeans(2), RBM(2)], fine_tuner=LikelihoodAscent())
    with pytest.raises(Incompatible, match="trains the layers of this package, and layer1 is"):
        foreign.fit(digits)


def test_what_is_too_large_to_tune_is_refused_before_any_layer_is_trained(digits, monkeypatch):
    monkeypatch.setattr(AutoEncoder, "fit_input", None)
    dbn = DBN([AutoEncoder(25), RBM(4)], fine_tuner=LikelihoodAscent())
    with pytest.raises(TooManyStates, match=r"2\*\*25 states"):
        dbn.fit(digits)
    with pytest.raises(ValueError, match="'n_components' parameter"):
        dbn.set_params(layer1__n_components=0).fit(digits)


# The bound. --------------------------------------------------------------------------------------


def test_the_chain_of_inequalities_on_training_rows(digits):
    """Criterion of the auto-encoder <= its bound <= the best latent marginal."""
    after = Backprop(n_passes=60)
    plain = AutoEncoder(5, encoder_layer_sizes=(10,), trainer=after, random_state=5).fit(digits)
    up = plain.get_params(deep=False) | {"trainer": BoundAscent(after, n_passes=100)}
    ascended = AutoEncoder(**up).fit(digits)
    assert (
        latent_marginal_bound(ascended, digits).value > latent_marginal_bound(plain, digits).value
    )
    for layer in (plain, ascended):
        bound = latent_marginal_bound(layer, digits).value
        assert bound <= best_latent_marginal(layer, digits, tol=1e-3).high
        # Rows drawn from their own code: a bound of the bound, up to log of the number of rows.
        codes = layer.inference_.mean(digits)
        log_p = layer.conditional_.log_probability(digits, all_states(5))
        q = np.prod(np.where(all_states(5), codes[:, None], 1 - codes[:, None]), axis=2)
        assert np.mean(np.sum(q * log_p, axis=1)) - np.log(len(digits)) <= bound
    assert ascended.history_["negative_marginal_bound"].shape == (100,)
    assert log_likelihood(ascended, digits).value == pytest.approx(
        -ascended.history_["negative_marginal_bound"][-1], abs=0.02
    )
