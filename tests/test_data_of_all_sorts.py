"""Data as users have them: few rows, columns that say nothing, frames, and metadata."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MinMaxScaler

from layerwise import (
    CD,
    DBN,
    DRBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    BoundAscent,
    DeepAutoEncoder,
    ExactGradient,
    JointPCD,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    WakeSleep,
    best_latent_marginal,
    log_likelihood,
)

SEED = 11
ESTIMATORS = [
    RBM(3, trainer=CD(n_passes=5), random_state=SEED),
    RBM(3, trainer=PCD(n_passes=5), random_state=SEED),
    RBM(3, trainer=ExactGradient(n_passes=5), random_state=SEED),
    RBM(3, visible="gaussian", trainer=PCD(n_passes=5, learning_rate=1e-3), random_state=SEED),
    RBM(3, visible="spin", hidden="spin", trainer=ExactGradient(n_passes=5), random_state=SEED),
    BernoulliRBM(3, n_iter=5, random_state=SEED),
    AutoEncoder(3, trainer=Backprop(n_passes=5), random_state=SEED),
    AutoEncoder(3, trainer=BoundAscent(n_passes=5), random_state=SEED),
    DeepAutoEncoder((4, 3), trainer=Backprop(n_passes=5), random_state=SEED),
    DRBN((4, 3), trainer=JointPCD(n_passes=5), random_state=SEED),
    LatentLayer(3, trainer=MarginalAscent(n_passes=5), random_state=SEED),
    DBN([AutoEncoder(3, trainer=Backprop(n_passes=5)), RBM(2)], random_state=SEED),
    DBN(
        [LatentLayer(3, trainer=MarginalAscent(n_passes=5)), RBM(2)],
        fine_tuner=LikelihoodAscent(n_passes=3), random_state=SEED,
    ),
    DBN([RBM(3), RBM(2)], fine_tuner=WakeSleep(n_passes=3), random_state=SEED),
]  # fmt: skip
DATA = {
    "ten rows": np.arange(40).reshape(10, 4) % 3 == 0,
    "one row": np.array([[1, 0, 1, 1]]),
    "one column": np.array([[1], [0], [1], [1], [0]]),
    "a constant column": np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 1, 0]]),
    "zeros": np.zeros((6, 4)),
    "one row of one zero": np.zeros((1, 1)),
    "ones": np.ones((6, 4)),
}
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)


def values_for(estimator, X):
    """Return the rows as states of the estimator's units."""
    is_spin = getattr(estimator, "visible", None) == "spin"
    return 2 * np.asarray(X, dtype=float) - 1 if is_spin else X


@each
@pytest.mark.parametrize("name", DATA)
def test_no_data_are_too_small_or_too_plain(estimator, name):
    X = values_for(estimator, DATA[name])
    fitted = clone(estimator).fit(X)
    assert np.isfinite(fitted.score(X))
    assert np.isfinite(fitted.transform(X)).all()
    assert np.isfinite(fitted.reconstruct(X)).all()
    assert fitted.sample(3, random_state=SEED).shape == (3, X.shape[1])
    if hasattr(fitted, "partial_fit"):
        assert np.isfinite(fitted.partial_fit(X).score(X))


@each
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float32])
def test_types_of_numbers_are_taken_as_what_they_say(estimator, dtype):
    X = values_for(estimator, DATA["ten rows"])
    if dtype in (bool, np.uint8) and X.min() < 0:
        pytest.skip("-1 is none of these numbers")
    X = X.astype(dtype)
    fitted = clone(estimator).fit(X)
    of_floats = clone(estimator).fit(X.astype(fitted.transform(X).dtype))
    np.testing.assert_array_equal(fitted.transform(X), of_floats.transform(X))
    assert (fitted.transform(X).dtype == np.float32) == (dtype == np.float32)


def frame_of(library, X, columns):
    """Return a frame of some library."""
    module = pytest.importorskip(library)
    data = {name: X[:, at] for at, name in enumerate(columns)}
    return module.table(data) if library == "pyarrow" else module.DataFrame(data)


@each
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_are_rows_with_names(estimator, library):
    X = values_for(estimator, DATA["ten rows"]).astype(float)
    frame = frame_of(library, X, ["a", "b", "c", "d"])
    fitted, of_array = clone(estimator).fit(frame), clone(estimator).fit(X)
    assert list(fitted.feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(fitted.transform(frame), of_array.transform(X))
    np.testing.assert_array_equal(fitted.score_samples(frame), of_array.score_samples(X))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.score(frame_of(library, X, ["a", "b", "d", "c"]))


@each
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output_gives_frames_of_named_components(estimator, library):
    module = pytest.importorskip(library)
    X = values_for(estimator, DATA["ten rows"]).astype(float)
    fitted = clone(estimator).set_output(transform=library).fit(X)
    found = fitted.transform(X)
    assert isinstance(found, module.DataFrame)
    assert list(found.columns) == list(fitted.get_feature_names_out())
    plain = clone(estimator).fit(X).transform(X)
    np.testing.assert_array_equal(np.asarray(found), plain)


def test_functions_of_models_take_frames_too():
    X = DATA["ten rows"].astype(float)
    frame = frame_of("pandas", X, ["a", "b", "c", "d"])
    fitted = clone(ESTIMATORS[-1]).fit(frame)
    of_array = clone(ESTIMATORS[-1]).fit(X)
    for value in (log_likelihood, best_latent_marginal):
        assert value(fitted, frame).value == value(of_array, X).value


def test_weights_are_routed_through_pipelines_and_searches():
    rng = np.random.default_rng(SEED)
    X = (rng.random((60, 4)) < [0.9, 0.7, 0.2, 0.5]).astype(float)
    weights = np.where(X[:, 0] == 1, 3.0, 1.0)
    trainer = ExactGradient(n_passes=20, batch_size=60)
    with sklearn.config_context(enable_metadata_routing=True):
        rbm = RBM(2, trainer=trainer, random_state=SEED)
        rbm.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(Binarizer(threshold=0.5), rbm)
        pipeline.fit(X, sample_weight=weights)
        alone = RBM(2, trainer=trainer, random_state=SEED).fit(X, sample_weight=weights)
        np.testing.assert_array_equal(pipeline[-1].components_, alone.components_)
        assert pipeline.score(X, sample_weight=weights) == alone.score(X, sample_weight=weights)
        search = GridSearchCV(rbm, {"n_components": [1, 2]}, cv=KFold(3), error_score="raise")
        search.fit(X, sample_weight=weights)
        scores = []
        for train, test in KFold(3).split(X):
            one = clone(rbm).set_params(n_components=1).fit(X[train], sample_weight=weights[train])
            scores.append(one.score(X[test], sample_weight=weights[test]))
        assert search.cv_results_["mean_test_score"][0] == pytest.approx(np.mean(scores))


def test_weights_that_nobody_asked_for_are_refused_by_name():
    X = DATA["ten rows"].astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(MinMaxScaler(), RBM(2, trainer=PCD(n_passes=2)))
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            pipeline.fit(X, sample_weight=np.ones(10))
