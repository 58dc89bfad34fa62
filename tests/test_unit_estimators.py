"""Estimators over data of every type of units."""

import pickle

import numpy as np
import pytest
from laws.models import SMALL, grid_of, rows_of
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    Bernoulli,
    ExactGradient,
    Gaussian,
    Incompatible,
    Softmax,
    Spin,
    TooManyStates,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
    log_partition,
)
from layerwise.models.mixed import ALL, Mixed

QUICK = {"n_passes": 4, "batch_size": 7, "learning_rate": 0.02}
every_kind = pytest.mark.parametrize("kind", ALL, ids=repr)


@pytest.fixture
def X(kind, rng):
    return rows_of(kind, kind.n_units or 6, 40, rng)


def layers(kind, hidden="bernoulli"):
    bottom = RBM(4, visible=kind, hidden=hidden, trainer=CD(**QUICK))
    return [
        RBM(3, visible=kind, hidden=hidden, trainer=PCD(**QUICK), random_state=5),
        DBN([bottom, RBM(3, visible=hidden, trainer=ExactGradient(n_passes=3))], random_state=5),
        *auto_encoders(kind),
    ]


def auto_encoders(kind):
    bottom = AutoEncoder(4, encoder_layer_sizes=(5,), visible=kind, trainer=Backprop(**QUICK))
    return [
        AutoEncoder(
            3, tied=True, code="sample", visible=kind, trainer=Backprop(**QUICK), random_state=5
        ),
        DBN([bottom, RBM(3, trainer=PCD(**QUICK))], random_state=5),
    ]


@every_kind
@pytest.mark.parametrize(
    ("which", "hidden"),
    [(0, "bernoulli"), (0, "spin"), (1, "bernoulli"), (1, "spin"), (2, None), (3, None)],
    ids=["RBM", "RBM-spin", "DBN", "DBN-spin", "AutoEncoder", "DBN-of-AutoEncoder"],
)
def test_everything_works_on_every_type_of_units(kind, hidden, which, X):
    model = layers(kind, hidden or "bernoulli")[which].fit(X)
    score = model.score_samples(X)
    assert np.isfinite(score).all()
    assert model.score(X) == pytest.approx(log_likelihood(model, X).value, rel=1e-14)
    np.testing.assert_array_equal(clone(model).fit(X).score_samples(X), score)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.score_samples(X), score)
    code = model.transform(X)
    assert code.shape == (40, 3)
    if which == 0 and hidden == "spin":
        assert code.min() < 0
    means = model.inverse_transform(code)
    assert means.shape == X.shape
    assert np.isfinite(means).all()
    sample = model.sample(50, random_state=7)
    assert kind.check(sample) is sample
    best = best_latent_marginal(model, X)
    assert best.high >= model.score(X)
    assert latent_marginal_bound(model, X).value <= best.high


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_rbm_keeps_its_dtype_and_has_its_attributes(kind, X, dtype):
    rbm = layers(kind)[0].fit(X.astype(dtype))
    assert rbm.components_.dtype == rbm.transform(X.astype(dtype)).dtype == dtype
    assert rbm.sample(2).dtype == dtype
    gaussian = kind.gaussian(X.shape[1])
    assert hasattr(rbm, "noise_variance_") == gaussian.any()
    n_parameters = 3 * X.shape[1] + X.shape[1] + 3
    assert rbm.n_parameters_ == n_parameters + gaussian.sum()
    if gaussian.any():
        assert rbm.noise_variance_.shape == (X.shape[1],)
        assert np.all(rbm.noise_variance_[~gaussian] == 1)
    difference = rbm.free_energy(X.astype(dtype)) + rbm.score_samples(X.astype(dtype))
    np.testing.assert_allclose(difference, -float(log_partition(rbm)), rtol=1e-9)
    rbm.set_params(visible="bernoulli").fit(np.greater(X, X.mean(axis=0)).astype(dtype))
    assert not hasattr(rbm, "noise_variance_")


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_auto_encoder_keeps_its_dtype_and_has_its_attributes(kind, X, dtype):
    layer = auto_encoders(kind)[0].fit(X.astype(dtype))
    assert layer.components_.dtype == layer.transform(X.astype(dtype)).dtype == dtype
    assert layer.sample(2).dtype == dtype
    gaussian = kind.gaussian(X.shape[1])
    assert hasattr(layer, "noise_variance_") == gaussian.any()
    assert layer.n_parameters_ == 4 * X.shape[1] + gaussian.sum()
    if gaussian.any():
        assert layer.noise_variance_.shape == (X.shape[1],)
        assert np.all(layer.noise_variance_[~gaussian] == 1)
        # Variances are trained, and what the latent units tell is taken off.
        assert np.all(layer.noise_variance_[gaussian] != X.var(axis=0)[gaussian])
    layer.set_params(visible="bernoulli").fit(np.greater(X, X.mean(axis=0)).astype(dtype))
    assert not hasattr(layer, "noise_variance_")


@pytest.mark.parametrize(("kind", "n"), SMALL, ids=repr)
def test_the_density_of_an_auto_encoder_integrates_to_one(rng, kind, n):
    points, weights = grid_of(kind, n)
    for model in auto_encoders(kind):
        density = np.exp(model.fit(rows_of(kind, n, 40, rng)).score_samples(points))
        assert weights @ density == pytest.approx(1, abs=1e-10)  # grid_of says how good it is


@pytest.mark.parametrize(("kind", "n"), SMALL, ids=repr)
def test_samples_of_an_auto_encoder_have_the_moments_of_its_density(rng, kind, n):
    model = auto_encoders(kind)[0].fit(rows_of(kind, n, 40, rng))
    points, weights = grid_of(kind, n)
    density = weights * np.exp(model.score_samples(points))
    mean = density @ points
    error = np.sqrt((density @ points**2 - mean**2) / 10_000)
    sample = model.sample(10_000, random_state=7)
    # Five standard errors; a column that hardly varies has none.
    assert np.all(np.abs(sample.mean(axis=0) - mean) <= 5 * error + 1e-9)


@every_kind
def test_parameters_set_after_fit_change_no_numbers(kind, X):
    for model in layers(kind):
        before = model.fit(X).score_samples(X)
        name = "layer1__visible" if isinstance(model, DBN) else "visible"
        model.set_params(**{name: "spin"})
        np.testing.assert_array_equal(model.score_samples(X), before)


@every_kind
def test_values_of_other_units_are_refused(kind, X):
    rbm = layers(kind)[0].fit(X)
    if kind == Gaussian():
        wrong, words = np.full_like(X, np.nan), "NaN"
    else:
        wrong, words = X + 7.5, r"values?|units take"
    layer = auto_encoders(kind)[0].fit(X)
    for call in (
        *(rbm.score_samples, rbm.transform, rbm.free_energy, clone(rbm).fit),
        *(layer.score_samples, layer.transform, clone(layer).fit),
    ):
        with pytest.raises(ValueError, match=words):
            call(wrong)


@every_kind
def test_tags_say_whether_negative_values_are_taken(kind):
    positive = not any(isinstance(kind, other) for other in (Spin, Gaussian, Mixed))
    for model in layers(kind):
        assert get_tags(model).input_tags.positive_only == positive
    assert get_tags(RBM(visible="nonsense")).input_tags.positive_only


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (RBM(visible="gauss"), ValueError, "got 'gauss'. Use 'bernoulli'"),
        (RBM(visible=3), ValueError, "'visible' parameter of RBM"),
        (RBM(visible=Softmax((2, 3))), ValueError, "has 5 units, and the layer has 6"),
        (AutoEncoder(visible="gauss"), ValueError, "got 'gauss'. Use 'bernoulli'"),
        (AutoEncoder(visible=3), ValueError, "'visible' parameter of AutoEncoder"),
        (
            AutoEncoder(visible="gaussian", trainer=Backprop("squared_error")),
            Incompatible,
            r"outputs are Gaussian\(\). Use loss='cross_entropy'",
        ),
        (DBN([AutoEncoder(3), AutoEncoder(2, visible="spin"), RBM(2)]), Incompatible, "layer2"),
        (RBM(hidden="gaussian"), Incompatible, r"two of each.*Use hidden='bernoulli'"),
        (
            DBN([RBM(3, hidden="spin"), RBM(2)]),
            Incompatible,
            r"layer2 are Bernoulli\(\), and those below it Spin\(\)",
        ),
        (DBN([RBM(3), RBM(2, visible="gaussian")]), Incompatible, "layer2 are Gaussian"),
        (DBN([RBM(3, hidden="spin"), AutoEncoder(2), RBM(2)]), Incompatible, "Set both alike"),
        (RBM(21, visible="gaussian", trainer=ExactGradient()), TooManyStates, r"2\*\*21 states"),
    ],
)
def test_what_does_not_fit_is_told(model, error, words):
    with pytest.raises(error, match=words):
        model.fit(np.eye(6))


def test_auto_encoders_stand_over_layers_of_any_data(rng):
    X = rng.normal(size=(60, 5))
    layers = [
        RBM(4, visible=Gaussian(), trainer=CD(**QUICK)),
        AutoEncoder(3, trainer=Backprop(n_passes=3)),
        RBM(2, hidden=Spin(), trainer=PCD(**QUICK)),
    ]
    dbn = DBN(layers, random_state=5).fit(X)
    assert np.isfinite(dbn.score(X))
    assert dbn.sample(9).shape == (9, 5)
    assert dbn.visible_units_ == Gaussian()
    assert dbn.layers_[2].hidden_units_ == Spin()
    assert dbn.layers_[2].visible_units_ == Bernoulli()


def test_many_hidden_units_are_sampled_by_chains(rng):
    """Beyond 20 listed units there are no exact draws: chains start where no unit moves them."""
    X = 5 + 0.1 * rng.normal(size=(300, 4))
    rbm = RBM(24, visible="gaussian", trainer=CD(learning_rate=1e-6, n_passes=1), random_state=5)
    rbm.fit(X)
    rbm.components_ = np.zeros_like(rbm.components_)
    sample = rbm.sample(2000, n_steps=2, random_state=7)
    # Independent Gaussians of mean 5 and sd 0.1, of 2,000 draws.
    assert np.all(np.abs(sample.mean(axis=0) - X.mean(axis=0)) < 5 * 0.1 / np.sqrt(2000))


def test_standardised_iris_is_modelled_better_than_by_independent_gaussians():
    X = StandardScaler().fit_transform(load_iris().data)
    rbm = RBM(6, visible="gaussian", trainer=ExactGradient(n_passes=300), random_state=5).fit(X)
    independent = -4 * (np.log(2 * np.pi) + 1) / 2
    assert rbm.score(X) > independent + 1
    assert np.all(rbm.noise_variance_ < 1)
    assert rbm.history_["log_likelihood"][-1] == pytest.approx(rbm.score(X), abs=1e-9)


def test_standardised_iris_is_coded_better_than_by_independent_gaussians():
    X = StandardScaler().fit_transform(load_iris().data)
    trainer = Backprop(learning_rate=0.01, n_passes=200)
    layer = AutoEncoder(
        6, encoder_layer_sizes=(20,), visible="gaussian", code="sample", trainer=trainer,
        random_state=5,
    )  # fmt: skip
    independent = -4 * (np.log(2 * np.pi) + 1) / 2
    assert layer.fit(X).score(X) > independent + 1
    assert np.all(layer.noise_variance_ < 0.5)


def test_unit_types_are_searched_over_and_work_in_pipelines(rng):
    table = rng.integers(0, 3, size=(60, 4)).astype(str)
    encoder = OneHotEncoder(sparse_output=False)
    pipeline = make_pipeline(
        encoder, RBM(3, visible=Softmax((3,) * 4), trainer=CD(**QUICK), random_state=5)
    ).fit(table)
    # No model of three equal values does much better than 4 log 3; a random one is near it.
    assert pipeline.score(table) == pytest.approx(-4 * np.log(3), abs=0.5)
    decoded = encoder.inverse_transform(pipeline[-1].sample(5, random_state=7))
    assert set(decoded.ravel()) <= {"0", "1", "2"}
    X = np.where(rng.random((60, 5)) < 0.5, -1.0, 1.0)
    search = GridSearchCV(
        RBM(3, visible=Spin(), trainer=ExactGradient(n_passes=5), random_state=5),
        {"visible": ["spin", Gaussian()], "hidden": ["spin", "bernoulli"]},
        cv=2,
    ).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
