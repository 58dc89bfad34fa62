"""What users do with estimators: pipelines, searches, pickles, samples, and mistakes."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BoundAscent,
    ExactGradient,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    WakeSleep,
    best_latent_marginal,
    log_likelihood,
    log_partition,
    scorers,
)
from layerwise.exceptions import Diverged, Incompatible, TooManyStates
from layerwise.numerics import runtime

QUICK = {"n_passes": 4, "batch_size": 7}


def small(random_state=5):
    """Return an estimator of every kind, quick to train."""
    rbm = RBM(3, trainer=PCD(**QUICK), random_state=random_state)
    return [
        rbm,
        RBM(12, trainer=CD(2, **QUICK), random_state=random_state),
        RBM(3, trainer=ExactGradient(n_passes=4), random_state=random_state),
        AutoEncoder(3, trainer=Backprop(**QUICK), random_state=random_state),
        AutoEncoder(3, encoder_layer_sizes=(5, 4), code="sample", trainer=Backprop(**QUICK),
                    random_state=random_state),
        AutoEncoder(3, tied=True, corruption=0.2, trainer=Backprop(**QUICK),
                    random_state=random_state),
        DBN([RBM(4, trainer=PCD(**QUICK)), RBM(3, trainer=PCD(**QUICK))],
            random_state=random_state),
        DBN([AutoEncoder(5, encoder_layer_sizes=(6,), trainer=Backprop(**QUICK)),
             AutoEncoder(4, trainer=Backprop(**QUICK)), RBM(3, trainer=PCD(**QUICK))],
            random_state=random_state),
        DBN([rbm]),
        AutoEncoder(3, trainer=BoundAscent(n_passes=3), random_state=random_state),
        LatentLayer(3, trainer=MarginalAscent(n_passes=4), random_state=random_state),
        DBN([LatentLayer(4, trainer=MarginalAscent(n_passes=4)), RBM(3, trainer=PCD(**QUICK))],
            fine_tuner=LikelihoodAscent(n_passes=2), random_state=random_state),
        DBN([RBM(4, trainer=PCD(**QUICK)), RBM(3, trainer=PCD(**QUICK))],
            fine_tuner=WakeSleep(n_passes=2), random_state=random_state),
    ]  # fmt: skip


def fitted_arrays(estimator):
    """Return every array that fitting made, by name, those of layers too."""
    arrays = {}
    for name, value in vars(estimator).items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        for depth, layer in enumerate(value if name == "layers_" else ()):
            for inner, array in fitted_arrays(layer).items():
                arrays[f"{depth}.{inner}"] = array
    return arrays


def assert_same_fit(one, other):
    ours, theirs = fitted_arrays(one), fitted_arrays(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.fixture
def X(rng):
    return (rng.random((30, 8)) < 0.4).astype(float)


@pytest.fixture(params=range(len(small())), ids=lambda i: repr(small()[i]).replace("\n", ""))
def estimator(request):
    return small()[request.param]


def test_refitting_gives_the_same_bits(estimator, X):
    assert_same_fit(clone(estimator).fit(X), estimator.fit(X))
    first = estimator.score_samples(X)
    np.testing.assert_array_equal(estimator.fit(X).score_samples(X), first)


def test_another_seed_gives_another_model(estimator, X):
    one = estimator.fit(X).score(X)
    if isinstance(estimator, DBN) and estimator.random_state is None:
        estimator.set_params(layer1__random_state=6)
    else:
        estimator.set_params(random_state=6)
    assert estimator.fit(X).score(X) != one


def test_bits_do_not_depend_on_threads(estimator, X, with_threads):
    def everything():
        fit = clone(estimator).fit(X)
        return fit, fit.score_samples(X), fit.transform(X), fit.sample(9, random_state=3)

    (one, *numbers), *others = with_threads(everything)
    for other, *theirs in others:
        assert_same_fit(one, other)
        for a, b in zip(numbers, theirs):
            np.testing.assert_array_equal(a, b)


def test_fit_does_not_write_x_and_takes_what_may_not_be_written(estimator, X):
    before = X.copy()
    X.flags.writeable = False
    estimator.fit(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_type_is_kept_and_likelihoods_are_float64(estimator, X, dtype):
    estimator.fit(X.astype(dtype))
    assert estimator.transform(X.astype(dtype)).dtype == dtype
    assert estimator.sample(2, random_state=3).dtype == dtype
    assert estimator.score_samples(X.astype(dtype)).dtype == np.float64


def test_float32_models_are_normalised_too(estimator, X):
    states = (np.arange(2**8)[:, None] >> np.arange(8) & 1).astype(np.float32)
    estimator.fit(X.astype(np.float32))
    assert np.exp(estimator.score_samples(states)).sum() == pytest.approx(1, abs=1e-10)


def test_pickling_round_trips(estimator, X):
    estimator.fit(X)
    again = pickle.loads(pickle.dumps(estimator))
    assert_same_fit(estimator, again)
    np.testing.assert_array_equal(again.score_samples(X), estimator.score_samples(X))
    np.testing.assert_array_equal(again.transform(X), estimator.transform(X))


def test_works_in_a_pipeline_and_a_search_without_labels(estimator, X):
    pipeline = make_pipeline(Binarizer(threshold=0.5), estimator)
    search = GridSearchCV(pipeline, {"binarizer__threshold": [0.3, 0.6]}, cv=2).fit(X)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_estimator_.transform(X).shape[0] == len(X)


@pytest.mark.parametrize("scorer", [scorers.blm, scorers.log_likelihood])
def test_scorers_have_scikit_learn_s_signature(X, scorer):
    layer = AutoEncoder(3, trainer=Backprop(**QUICK), random_state=5)
    search = GridSearchCV(layer, {"n_components": [2, 4]}, cv=2, scoring=scorer).fit(X)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    pipeline = make_pipeline(Binarizer(threshold=0.5), layer).fit(X)
    assert scorer(pipeline, X) == pytest.approx(scorer(clone(layer).fit(X), X), abs=1e-3)


def test_trainers_parameters_are_searched_over(X):
    search = RandomizedSearchCV(
        RBM(3, trainer=PCD(**QUICK), random_state=5),
        {"trainer__learning_rate": [1e-3, 1e-2], "n_components": [2, 4]},
        n_iter=3,
        cv=2,
        random_state=7,
    ).fit(X)
    assert set(search.best_params_) == {"trainer__learning_rate", "n_components"}


def test_layers_are_parameters_by_name(X):
    dbn = DBN([RBM(4, trainer=PCD(**QUICK)), ("top", RBM(3, trainer=PCD(**QUICK)))])
    search = GridSearchCV(
        dbn, {"layer1__n_components": [2, 5], "top__trainer__n_steps": [1, 2]}, cv=2
    ).fit(X)
    assert search.best_estimator_.layers[0].n_components in (2, 5)
    dbn.set_params(layer1=AutoEncoder(6), top__n_components=2)
    assert isinstance(dbn.layers[0], AutoEncoder)
    assert dbn.layers[1][0] == "top"
    assert dbn.layers[1][1].n_components == 2
    assert dbn.get_params()["layer1__n_components"] == 6
    assert clone(dbn).get_params()["top__n_components"] == 2
    with pytest.raises(ValueError, match="layer3"):
        dbn.set_params(layer3__n_components=2)


def test_a_dbn_leaves_its_layers_as_they_were(X):
    layers = [RBM(4, trainer=PCD(**QUICK)), RBM(3, trainer=PCD(**QUICK))]
    DBN(layers, random_state=5).fit(X)
    assert not any(hasattr(layer, "components_") for layer in layers)


def test_set_output_names_the_components(X):
    pandas = pytest.importorskip("pandas")
    rbm = RBM(3, trainer=PCD(**QUICK)).set_output(transform="pandas").fit(X)
    frame = rbm.transform(X)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["rbm0", "rbm1", "rbm2"]
    dbn = DBN([rbm, RBM(2, trainer=PCD(**QUICK))]).set_output(transform="pandas").fit(X)
    assert list(dbn.transform(X).columns) == ["dbn0", "dbn1"]


def test_inverse_transform_returns_means_of_the_data(X):
    for layer in small()[:6]:
        means = layer.fit(X).inverse_transform(layer.transform(X))
        assert means.shape == X.shape
        assert np.all((means >= 0) & (means <= 1))
        with pytest.raises(ValueError, match="components"):
            layer.inverse_transform(X[:, :1])


def test_samples_have_the_distribution_of_the_scores(estimator, X, seed):
    estimator.fit(X)
    n_samples = 20_000
    sample = estimator.sample(n_samples, random_state=seed)
    assert set(np.unique(sample)) <= {0.0, 1.0}
    states = (np.arange(2**8)[:, None] >> np.arange(8) & 1).astype(float)
    p = np.exp(estimator.score_samples(states))
    mean, second = p @ states, (p[:, None] * states).T @ states
    # 5 sigma of a Bernoulli's mean: 36 of them, for 9 estimators, on up to 100 seeds, are 32,000
    # comparisons, of which 4 sigma would fail two.
    for found, true in [(sample.mean(0), mean), (sample.T @ sample / n_samples, second)]:
        assert np.all(np.abs(found - true) < 5 * np.sqrt(true * (1 - true) / n_samples) + 1e-9)


@pytest.mark.parametrize("bad", [{"n_steps": 0}, {"n_samples": 0}, {"n_steps": 2.5}])
def test_numbers_of_samples_and_steps_are_checked(bad, X):
    model = RBM(3, trainer=CD(n_passes=1), random_state=7).fit(X)
    with pytest.raises((ValueError, TypeError), match=next(iter(bad))):
        model.sample(**bad)


def test_gibbs_samples_approach_the_same_distribution(X, seed, monkeypatch):
    from layerwise.estimators import sampling as module

    rbm = RBM(3, trainer=ExactGradient(n_passes=20), random_state=5).fit(X)
    monkeypatch.setattr(module, "EXACT_SAMPLES", 0)
    sample = rbm.sample(4000, n_steps=200, random_state=seed)
    states = (np.arange(2**8)[:, None] >> np.arange(8) & 1).astype(float)
    mean = np.exp(rbm.score_samples(states)) @ states
    assert np.all(np.abs(sample.mean(0) - mean) < 5 * np.sqrt(mean * (1 - mean) / 4000))


def test_grey_values_are_drawn_anew_each_pass_unless_told_otherwise():
    # Means of 0.5 give states of variance 1/4 to a trainer that draws, and none to one that does
    # not: only the first can tell two pixels that move together from two that do not.
    X = np.full((50, 4), 0.5)
    drawn = RBM(2, trainer=CD(n_passes=1), random_state=5).fit(X)
    means = RBM(2, trainer=CD(n_passes=1, resample=False), random_state=5).fit(X)
    assert not np.array_equal(drawn.components_, means.components_)
    binary = np.tile([0.0, 1.0, 1.0, 0.0], (50, 1))
    drawn = RBM(2, trainer=CD(n_passes=1), random_state=5).fit(binary)
    means = RBM(2, trainer=CD(n_passes=1, resample=False), random_state=5).fit(binary)
    np.testing.assert_array_equal(drawn.components_, means.components_)


def test_public_numbers_agree_with_the_estimators(X):
    rbm = RBM(3, trainer=PCD(**QUICK), random_state=5).fit(X)
    log_z = log_partition(rbm)
    assert log_z.low == log_z.value == log_z.high
    np.testing.assert_allclose(
        rbm.score_samples(X), -rbm.free_energy(X) - float(log_z), rtol=1e-14
    )
    assert log_likelihood(rbm, X).value == pytest.approx(rbm.score(X), rel=1e-14)
    dbn = DBN([rbm, RBM(2, trainer=PCD(**QUICK))], random_state=5).fit(X)
    assert dbn.score(X) <= best_latent_marginal(dbn, X).high


class Elsewhere(TransformerMixin, BaseEstimator):
    """A layer from another house: means only, and a conditional or not."""

    def __init__(self, with_conditional=True, hidden="bernoulli"):
        self.with_conditional = with_conditional
        self.hidden = hidden

    def fit(self, X, y=None):
        rbm = RBM(3, hidden=self.hidden, trainer=PCD(**QUICK), random_state=5)
        self.inner_ = rbm.fit(X)
        if self.with_conditional:
            self.conditional_ = self.inner_.conditional_
        return self

    def transform(self, X):
        return self.inner_.transform(X)


def test_a_layer_is_whatever_behaves_as_one(X):
    dbn = DBN([Elsewhere(), RBM(2, trainer=PCD(**QUICK))], random_state=5).fit(X)
    assert np.isfinite(dbn.score(X))
    assert isinstance(dbn.layers_[0], Elsewhere)
    assert dbn.transform(X).shape == (len(X), 2)
    top = RBM(2, visible="spin", trainer=PCD(**QUICK))
    spins = DBN([Elsewhere(hidden="spin"), top], random_state=5).fit(X)
    assert np.isfinite(spins.score(X))
    assert set(np.unique(spins.sample(20))) == {0, 1}
    with pytest.raises(Incompatible, match="conditional_"):
        DBN([Elsewhere(False), RBM(2, trainer=PCD(**QUICK))]).fit(X)


@pytest.mark.parametrize(
    ("layers", "error", "words"),
    [
        ([AutoEncoder(3)], Incompatible, "RBM as its last layer, and layer1 is AutoEncoder"),
        ([RBM(3), AutoEncoder(3)], Incompatible, "Append RBM"),
        ([], Incompatible, "at least one layer"),
        ([RBM(3), "rbm"], Incompatible, "layer2 is 'rbm'"),
        ([("a", RBM(3)), ("a", RBM(3))], ValueError, "not unique"),
        (RBM(3), ValueError, "'layers' parameter of DBN"),
        ([RBM(0), RBM(3)], ValueError, "'n_components' parameter of RBM"),
        ([AutoEncoder(3, encoder_layer_sizes=(4,), tied=True), RBM(3)], Incompatible, "tied"),
        ([AutoEncoder(3, encoder_layer_sizes=(0,)), RBM(3)], ValueError, "encoder_layer_sizes"),
        ([AutoEncoder(3, trainer=PCD()), RBM(3)], Incompatible, "Backprop"),
        ([AutoEncoder(3), RBM(3, trainer=Backprop())], Incompatible, "PCD"),
    ],
)
def test_layers_that_do_not_fit_are_refused_in_a_sentence(X, layers, error, words):
    with pytest.raises(error, match=words):
        DBN(layers).fit(X)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.nan, "NaN"),
        (np.inf, "infinity"),
        (-0.1, r"\[0, 1\]"),
        (1.1, r"\[0, 1\]"),
        ("much", "could not convert string"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(estimator, X, bad, words):
    wrong = X.astype(object) if isinstance(bad, str) else X.copy()
    wrong[3, 2] = bad
    with pytest.raises(ValueError, match=words):
        estimator.fit(wrong)
    estimator.fit(X)
    for method in (estimator.score_samples, estimator.transform):
        with pytest.raises(ValueError, match=words):
            method(wrong)


def test_wrong_width_is_refused_in_a_sentence(estimator, X):
    estimator.fit(X)
    with pytest.raises(ValueError, match="8 features"):
        estimator.score_samples(X[:, :-1])


def test_a_fitted_model_survives_a_failed_refit(estimator, X):
    estimator.fit(X)
    before = estimator.score_samples(X)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        estimator.fit(np.full((4, 3), 2.0))
    np.testing.assert_array_equal(estimator.score_samples(X), before)


def test_a_fitted_model_survives_divergence(X):
    rbm = RBM(3, trainer=CD(**QUICK), random_state=5).fit(X)
    before = rbm.score_samples(X)
    # Momentum takes the velocity to ten times the learning rate: beyond the largest float.
    rbm.set_params(trainer__learning_rate=1e308, trainer__momentum=0.9, trainer__n_passes=50)
    with pytest.raises(Diverged, match="Lower the learning rate"):
        rbm.fit(X[:, :5])
    np.testing.assert_array_equal(rbm.score_samples(X), before)


def test_too_many_units_are_refused_before_any_work():
    X = np.zeros((3, 40))
    rbm = RBM(40, trainer=CD(n_passes=1), likelihood="exact", random_state=5).fit(X)
    with pytest.raises(TooManyStates, match=r"2\*\*40 states and the limit is 2\*\*30"):
        rbm.score(X)
    layer = AutoEncoder(40, trainer=Backprop(n_passes=1), random_state=5).fit(X)
    with pytest.raises(TooManyStates, match=r"2\*\*40 states and the limit is 2\*\*24"):
        layer.score(X)
    dbn = DBN([layer, rbm], random_state=5).fit(X)
    with pytest.raises(TooManyStates, match=r"2\*\*40 states"):
        dbn.score(X)
    assert dbn.sample(2, n_steps=3, random_state=5).shape == (2, 40)
    with pytest.raises(TooManyStates, match="ExactGradient"):
        RBM(40, trainer=ExactGradient()).fit(X)


def test_bits_of_fits_scores_and_samples_do_not_depend_on_threads(monkeypatch):
    """Promised in the README: for lists and for tables, with chains too many to draw exactly."""
    X = (np.random.default_rng(67).random((300, 60)) < 0.3).astype(np.float32)

    def everything(n_threads):
        monkeypatch.setattr(runtime, "count", lambda work: n_threads)
        dbn = DBN(
            [
                AutoEncoder(6, encoder_layer_sizes=(9,), trainer=Backprop(n_passes=2)),
                RBM(5, trainer=ExactGradient(n_passes=2)),
            ],
            random_state=7,
        ).fit(X)
        found = [dbn.score_samples(X[:40])]
        for trainer in (PCD(n_passes=2, batch_size=10), CD(n_passes=2, batch_size=100)):
            rbm = RBM(25, trainer=trainer, random_state=7).fit(X)
            found += [rbm.components_, rbm.sample(120, n_steps=3), rbm.transform(X)]
        found.append(RBM(12, random_state=7, trainer=CD(n_passes=1)).fit(X).score_samples(X))
        return [array.tobytes() for array in found]

    one = everything(1)
    for n_threads in (2, 3, 5):
        assert everything(n_threads) == one
