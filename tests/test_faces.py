"""Public functions that take an estimator: they see rows as the estimator does, or say why not."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MinMaxScaler

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
    log_partition,
    scorers,
)
from layerwise.compare import sources
from layerwise.exceptions import Incompatible
from layerwise.models.conditional import Conditional
from layerwise.models.units import Bernoulli

QUICK = {"n_passes": 4, "batch_size": 7}
OF_ROWS = [best_latent_marginal, latent_marginal_bound, log_likelihood]


@pytest.fixture
def X(rng):
    return (rng.random((30, 8)) < 0.4).astype(float)


def layers():
    return [
        RBM(3, trainer=PCD(**QUICK), random_state=5),
        AutoEncoder(3, trainer=Backprop(**QUICK), random_state=5),
        DBN([AutoEncoder(3, trainer=Backprop(**QUICK)), RBM(2, trainer=CD(**QUICK))],
            random_state=5),
    ]  # fmt: skip


@pytest.mark.parametrize("model", layers(), ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("function", [*OF_ROWS, scorers.blm, scorers.log_likelihood])
def test_columns_in_another_order_are_refused_everywhere(function, model, X):
    """``best_latent_marginal(rbm, D[D.columns[::-1]])`` returned -25.71 for -21.54."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"pixel {i}" for i in range(8)])
    model.fit(frame)
    found = function(model, frame)
    assert np.isfinite(float(found))
    with pytest.raises(ValueError, match="feature names should match"):
        function(model, frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="feature names should match"):
        function(model, frame[frame.columns[:5]])


@pytest.mark.parametrize("function", OF_ROWS)
def test_pipelines_are_read_to_their_end(function, X):
    grey = 0.8 * X + 0.1
    pipeline = make_pipeline(Binarizer(threshold=0.5), layers()[0]).fit(grey)
    assert float(function(pipeline, grey)) == float(function(pipeline[-1], X))
    alone = make_pipeline("passthrough", layers()[0]).fit(X)
    assert float(function(alone, X)) == float(function(alone[-1], X))
    assert log_partition(pipeline) == log_partition(pipeline[-1])


@pytest.mark.parametrize("function", [*OF_ROWS, lambda model, X: log_partition(model)])
@pytest.mark.parametrize("model", [*layers()[:2], make_pipeline(layers()[0])], ids=repr)
def test_what_is_not_fitted_is_told(function, model, X):
    """It ended in "AttributeError: 'RBM' object has no attribute 'astype'"."""
    with pytest.raises(NotFittedError, match="not fitted"):
        function(model, X)


@pytest.mark.parametrize("model", ["rbm", None, np.zeros((2, 2))], ids=repr)
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (best_latent_marginal, "best_latent_marginal takes a layer with p.* it got"),
        (latent_marginal_bound, "latent_marginal_bound takes a layer with p.* it got"),
        (log_likelihood, "log_likelihood takes an RBM, .* and got"),
        (lambda model, X: log_partition(model), "log_partition takes a fitted RBM .* and got"),
    ],
)
def test_what_is_no_model_is_told(function, words, model, X):
    with pytest.raises(TypeError, match=words):
        function(model, X)


def test_other_estimators_are_told(X):
    """The scorer of log-likelihoods took KMeans for a model, and its score for one in nats."""
    for function in [*OF_ROWS, scorers.blm, scorers.log_likelihood]:
        with pytest.raises(TypeError, match=r"and got KMeans|it got KMeans"):
            function(KMeans(2, random_state=5).fit(X), X)
    with pytest.raises(TypeError, match=r"got KMeans"):
        log_partition(KMeans(2, random_state=5).fit(X))


def test_of_a_deep_model_the_bottom_layer_is_meant(X):
    """``latent_marginal_bound(dbn, X)`` ended in an AttributeError."""
    dbn = layers()[2]
    for function in OF_ROWS:
        with pytest.raises(NotFittedError, match="not fitted"):
            function(dbn, X)
    dbn.fit(X)
    for function in (best_latent_marginal, latent_marginal_bound):
        assert function(dbn, X).value == function(dbn.layers_[0], X).value
    other = latent_marginal_bound(dbn, X, X_inference=X[:9])
    assert other.value == latent_marginal_bound(dbn.layers_[0], X, X_inference=X[:9]).value
    with pytest.raises(ValueError, match="8 features"):
        latent_marginal_bound(dbn, X, X_inference=X[:, :3])
    with pytest.raises(TypeError, match=r"a DBN, whose .*pass dbn\.layers_\[-1\]"):
        log_partition(dbn)
    assert np.isfinite(log_partition(dbn.layers_[-1]).value)


def test_a_tolerance_that_is_no_number_is_told(X):
    """It ended in "'>' not supported between instances of 'str' and 'int'"."""
    with pytest.raises(ValueError, match=r"'tol' parameter must be a float .*Got 'tight'"):
        best_latent_marginal(layers()[0].fit(X), X, tol="tight")


def test_a_bare_conditional_has_no_inference(X):
    conditional = layers()[0].fit(X).conditional_
    assert isinstance(conditional, Conditional)
    assert best_latent_marginal(conditional, X).high < 0
    with pytest.raises(Incompatible, match="Conditional has no inference_"):
        latent_marginal_bound(conditional, X)


# Values that rounding carried past the ends. -----------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_scaler_s_rounding_leaves_is_taken(dtype):
    """MinMaxScaler gives breast_cancer's largest values as 1.0000000000000002: refused."""
    X = load_breast_cancer().data.astype(dtype)
    scaled = MinMaxScaler().fit_transform(X)
    pipeline = make_pipeline(MinMaxScaler(), RBM(4, trainer=CD(n_passes=1), random_state=5))
    assert np.isfinite(pipeline.fit(X).score(X))
    before = scaled.copy()
    RBM(4, trainer=CD(n_passes=1)).fit(scaled)
    np.testing.assert_array_equal(scaled, before)
    if dtype == np.float64:
        assert scaled.max() > 1  # or this tests nothing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_few_units_in_the_last_place_and_no_more(dtype):
    eps = np.finfo(dtype).eps
    X = np.array([[-2 * eps, 0.5], [1 + 4 * eps, 1]], dtype=dtype)
    np.testing.assert_array_equal(Bernoulli().check(X), np.array([[0, 0.5], [1, 1]], dtype=dtype))
    inside = np.array([[0.0, 1.0]], dtype=dtype)
    assert Bernoulli().check(inside) is inside
    for value in (1 + 6 * eps, -6 * eps):
        with pytest.raises(ValueError, match=r"MinMaxScaler\(clip=True\)") as refusal:
            Bernoulli().check(np.array([[0.25, value]], dtype=dtype))
        assert repr(float(dtype(value))) in str(refusal.value)


def test_a_file_s_rounding_is_taken_as_an_array_s(tmp_path):
    path = tmp_path / "scaled.npy"
    scaled = MinMaxScaler().fit_transform(load_breast_cancer().data)
    np.save(path, scaled)
    assert len(sources.load(str(path), 17).train) == len(scaled) // 3
    np.save(path, scaled * (1 + 1e-9))
    with pytest.raises(ValueError, match=r"holds 1\.000000001 at \[\d+, \d+\]"):
        sources.load(str(path), 17)


# Defaults. ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RBM, AutoEncoder])
def test_the_default_can_be_scored_and_searched(kind, X):
    """With 64 units a search over the default warned, returned NaN, and still named a best."""
    search = GridSearchCV(
        kind(random_state=5), {"trainer__learning_rate": [1e-3, 1e-2], "trainer__n_passes": [3]},
        cv=2, error_score="raise",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search.fit(X)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_estimator_.trainer.n_passes == 3


@pytest.mark.parametrize("kind", [RBM, AutoEncoder])
def test_parameters_of_the_default_trainer_are_those_of_one_estimator(kind):
    """``trainer__learning_rate`` of ``RBM()``, to which its docstring invites, was refused."""
    one, other = kind(), kind()
    one.set_params(trainer__n_passes=3)
    assert one.trainer.n_passes == 3
    assert other.trainer is None
    assert kind().set_params(trainer__n_passes=4).trainer.n_passes == 4
    dbn = DBN([kind(), RBM()]).set_params(layer1__trainer__n_passes=5)
    assert dbn.layers[0].trainer.n_passes == 5
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        kind().set_params(trainer__rate=1)


@pytest.mark.parametrize(
    ("kind", "trainer"), [(RBM, CD(n_passes=2)), (AutoEncoder, Backprop(n_passes=2))]
)
def test_the_default_trainer_stands_in_a_grid_beside_others(kind, trainer, X):
    """A grid over ``trainer=[None, CD()]`` and its parameters ended in an AttributeError."""
    for order in ({"trainer": None, "trainer__n_passes": 3},
                  {"trainer__n_passes": 3, "trainer": None}):  # fmt: skip
        for model in (kind(), kind(trainer=trainer)):
            default = model.set_params(**order).trainer
            assert type(default) is type(kind()._trainer)
            assert default.n_passes == 3
    grid = {"trainer": [None, trainer], "trainer__n_passes": [3]}
    GridSearchCV(kind(3, random_state=5), grid, cv=2, error_score="raise").fit(X)
    named = {f"bottom__{name}": values for name, values in grid.items()}
    dbn = DBN([("bottom", kind(3)), RBM(2, trainer=CD(n_passes=2))], random_state=5)
    search = GridSearchCV(dbn, named, cv=2, error_score="raise").fit(X)
    assert search.best_estimator_.layers[0][1].trainer.n_passes == 3
    assert trainer.n_passes == 2  # a search sets parameters of copies


@pytest.mark.parametrize("kind", [RBM, AutoEncoder])
def test_parameters_given_together_do_not_depend_on_their_order(kind):
    trainer = type(kind()._trainer)
    for order in (("trainer", "trainer__n_passes"), ("trainer__n_passes", "trainer")):
        values = {"trainer": trainer(batch_size=9), "trainer__n_passes": 3}
        found = kind().set_params(**{name: values[name] for name in order}).trainer
        assert (found.batch_size, found.n_passes) == (9, 3)


@pytest.mark.parametrize("kind", [RBM, AutoEncoder])
def test_a_clone_keeps_what_was_set_on_the_default_trainer(kind):
    one = kind().set_params(trainer__learning_rate=0.125)
    other = clone(one)
    assert other.trainer.learning_rate == 0.125
    assert other.trainer is not one.trainer
    again = kind().set_params(**one.get_params())
    assert again.get_params()["trainer__learning_rate"] == 0.125


@pytest.mark.parametrize("kind", [RBM, AutoEncoder])
def test_parameters_of_what_is_no_trainer_are_told(kind):
    """They ended in "set_params() missing 1 required positional argument"."""
    with pytest.raises(TypeError, match=rf"of {kind.__name__} .* is the class CD\. Pass CD\(\)"):
        kind(trainer=CD).set_params(trainer__n_passes=3)
    with pytest.raises(TypeError, match=rf"of {kind.__name__} must be a trainer, and is 'cd'"):
        kind().set_params(trainer="cd", trainer__n_passes=3)


def test_too_many_states_say_that_there_are_estimates():
    rbm = RBM(31, trainer=CD(n_passes=1), likelihood="exact", random_state=5).fit(np.eye(31))
    with pytest.raises(ValueError, match=r"RBM\(likelihood='auto'\), log_partition\(rbm, "):
        rbm.score(np.eye(31))


def test_classes_in_the_place_of_objects_are_told(X):
    with pytest.raises(TypeError, match=r"is the class PCD\. Pass PCD\(\)"):
        RBM(3, trainer=PCD).fit(X)
    with pytest.raises(Incompatible, match=r"layer1 is the class AutoEncoder\. Pass AutoEncoder"):
        DBN([AutoEncoder, RBM(2)]).fit(X)


@pytest.mark.parametrize("entry", [("top",), ("top", RBM(2), 3), (3, RBM(2))], ids=repr)
def test_layers_that_are_no_pairs_are_told(entry, X):
    """They ended in "not enough values to unpack (expected 2, got 1)"."""
    with pytest.raises(Incompatible, match=r"pairs of \(name, estimator\), and one is \("):
        DBN([entry]).fit(X)


# Samples, and the way back. ----------------------------------------------------------------------


@pytest.mark.parametrize("model", layers(), ids=lambda model: type(model).__name__)
def test_no_samples_are_refused_alike(model, X):
    """``sample(0)`` was an error of RBM and DBN, and an empty array of AutoEncoder."""
    model.fit(X)
    for wrong in (0, -1, 2.5):
        with pytest.raises((ValueError, TypeError), match="n_samples"):
            model.sample(wrong)
    with pytest.raises(NotFittedError):
        type(model)([RBM(2)] if isinstance(model, DBN) else 2).sample(0)


def test_a_large_auto_encoder_samples_without_a_sum(seed):
    """Above 24 units it refused, though a row, its code, and then x need no sum."""
    X = np.repeat(np.eye(30), 10, axis=0)
    trainer = Backprop(learning_rate=0.02, n_passes=150)
    layer = AutoEncoder(40, code="sample", trainer=trainer, random_state=5).fit(X)
    sample = layer.sample(4000, random_state=seed)
    assert sample.shape == (4000, 30)
    drawn = layer.inverse_transform(
        (np.random.default_rng(seed).random((4000, 40)) < layer.transform(X)[
            np.random.default_rng(seed + 1).integers(300, size=4000)]).astype(float)
    )  # fmt: skip
    # Two independent means over 4,000 draws of the same distribution.
    sigma = np.sqrt(drawn.mean(0) * (1 - drawn.mean(0)) * 2 / 4000)
    assert np.all(np.abs(sample.mean(0) - drawn.mean(0)) < 5 * sigma + 1e-3)


@pytest.mark.parametrize("model", layers(), ids=lambda model: type(model).__name__)
def test_inverse_transform_takes_x_and_ends_in_means(model, X):
    """``inverse_transform(H)`` was taken for metadata; DBN had none."""
    means = model.fit(X).inverse_transform(X=model.transform(X))
    assert means.shape == X.shape
    assert np.all((means > 0) & (means < 1))
    assert "inverse_transform" not in str(model.get_metadata_routing())
    with pytest.raises(ValueError, match="components and X has 8 columns"):
        model.inverse_transform(X)
    pipeline = make_pipeline(MinMaxScaler(), model).fit(X)
    assert pipeline.inverse_transform(pipeline.transform(X)).shape == X.shape


def test_a_dbn_goes_down_through_all_its_layers(X):
    dbn = layers()[2].fit(X)
    top = dbn.layers_[1].params_
    code = np.array([[1.0, 0.0]])
    expected = dbn.layers_[0].inverse_transform(top.visible_mean(code))
    np.testing.assert_array_equal(dbn.inverse_transform(code), expected)
