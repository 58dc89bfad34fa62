"""LayerwiseSearch of rows that have weights, or are sparse."""

import functools
import json
import tracemalloc

import numpy as np
import pytest
import sklearn
from scipy import sparse
from searches import TEA, deep, numbers, same, search, weights
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import ShuffleSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    Incompatible,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
    scorers,
)
from layerwise.estimators.foreign import as_layer
from layerwise.model_selection import folds, greedy, trials
from layerwise.numerics import rows
from layerwise.numerics.streams import Stream

W = np.random.default_rng(353).integers(0, 4, size=len(TEA))
GREY = TEA * np.random.default_rng(359).random(TEA.shape)


@pytest.fixture
def no_work(monkeypatch):
    """Fail if anything is trained."""

    def work(*args):
        raise AssertionError("work was begun")

    monkeypatch.setattr(greedy.jobs, "run", work)


def tuned():
    """Return a DBN that is trained as a whole at the end."""
    bottom = LatentLayer(3, trainer=MarginalAscent(n_passes=4, early_stopping=False))
    return DBN(
        [bottom, RBM(2, trainer=PCD(n_passes=3))],
        fine_tuner=LikelihoodAscent(n_passes=2),
        random_state=353,
    )


# Weights.


def test_weights_go_into_each_split_s_training_and_judging(seed):
    splits = list(ShuffleSplit(2, test_size=20, random_state=seed).split(TEA))
    weight = W + 1.0
    found = search(dbn=deep(seed), cv=splits, random_state=seed).fit(TEA, sample_weight=weight)
    plain = search(dbn=deep(seed), cv=splits, random_state=seed).fit(TEA)
    assert numbers(found) != numbers(plain)
    for index, (train, test) in enumerate(splits):
        for name, score in [("layer1", scorers.blm), ("layer2", scorers.log_likelihood)]:
            table = found.cv_results_[name]
            for params, value in zip(table["params"], table[f"split{index}_test_score"]):
                whole = deep(seed).set_params(**{**found.best_params_, **params})
                whole.fit(TEA[train], sample_weight=weight[train])
                assert value == score(whole, TEA[test], sample_weight=weight[test])
                assert value != score(whole, TEA[test])


def test_the_bound_is_under_both_parts_weights(seed):
    split = next(ShuffleSplit(1, test_size=20, random_state=seed).split(TEA))
    weight = W + 1.0
    found = search(scoring="bound", cv=[split], refit=False).fit(TEA, sample_weight=weight)
    whole = deep().set_params(**found.best_params_)
    whole.fit(TEA[split[0]], sample_weight=weight[split[0]])
    given = TEA[split[1]], TEA[split[0]]
    of_test, of_train = weight[split[1]], weight[split[0]]
    expected = latent_marginal_bound(
        whole, *given, sample_weight=of_test, sample_weight_inference=of_train
    )
    assert found.best_scores_["layer1"] == expected.value
    assert latent_marginal_bound(whole, *given, sample_weight=of_test).value != expected.value


def test_higher_layers_are_judged_by_draws_that_keep_their_rows_weights():
    split, weight = (np.arange(40), np.arange(40, 60)), W + 1.0
    of_train, of_test = (weight[part] for part in split)
    dbn = DBN([RBM(4), LatentLayer(3), RBM(2)])
    streams = Stream.from_random_state(353), Stream.from_random_state(359)
    fold = folds.Fold.of(sparse.csr_array(GREY), split, *streams, weight)
    for name, layer in dbn._named_layers:
        trainer = {RBM: PCD(n_passes=3), LatentLayer: MarginalAscent(n_passes=3)}[type(layer)]
        layer = as_layer(clone(layer).set_params(trainer=trainer))
        fold.fit(name, layer)
        given = {"sample_weight": of_test}
        expected = {
            "blm": best_latent_marginal(layer, fold.held_out, **given),
            "bound": latent_marginal_bound(
                layer, fold.held_out, fold.seen, **given, sample_weight_inference=of_train
            ),
            "latent_log_likelihood": log_likelihood(layer, fold.held_out, **given),
        }
        plain = {
            "blm": best_latent_marginal(layer, fold.held_out),
            "bound": latent_marginal_bound(layer, fold.held_out, fold.seen),
            "latent_log_likelihood": log_likelihood(layer, fold.held_out),
        }
        for number, value in expected.items():
            assert trials.NUMBERS[number](fold, dbn, name, layer) == value.value
            assert value.value != plain[number].value
        fold = fold.above(name, layer)
        assert fold.held_out.shape == (20, layer.conditional_.n_latent)
    whole = clone(dbn).set_params(
        layer1__trainer=PCD(n_passes=3), layer2__trainer=MarginalAscent(n_passes=3),
        layer3__trainer=PCD(n_passes=3),
    )  # fmt: skip
    whole.set_params(random_state=353).fit(GREY[split[0]], sample_weight=of_train)
    assert same([layer.components_ for _, layer in fold.chosen], weights(whole))


def test_a_weight_of_two_is_the_row_twice_in_every_part():
    """Where layers are trained exactly, and the same rows are held out."""
    split = np.arange(40), np.arange(40, 60)
    inked = TEA.sum(axis=1)
    weight = 4 * (inked > np.median(inked)) + np.arange(60) % 2
    twice = np.repeat(np.arange(60), weight)
    parts = [np.flatnonzero(np.isin(twice, part)) for part in split]
    dbn = DBN([
        LatentLayer(trainer=MarginalAscent(n_passes=4, early_stopping=False)),
        RBM(2, trainer=CD(n_passes=1)),
    ], random_state=353)  # fmt: skip
    for scoring in ("bound", "blm"):
        given = {
            "space": {"layer1__n_components": [2, 3]}, "dbn": dbn, "strategy": "grid",
            "scoring": scoring, "refit": False,
        }  # fmt: skip
        ours = search(**given, cv=[split]).fit(TEA, sample_weight=weight)
        theirs = search(**given, cv=[parts]).fit(TEA[twice])
        scores = [each.cv_results_["layer1"]["mean_test_score"] for each in (ours, theirs)]
        # Sums in another order, and brackets of 1e-3 nats.
        np.testing.assert_allclose(*scores, atol=1e-6 if scoring == "bound" else 1e-3)
        plain = search(**given, cv=[split]).fit(TEA).cv_results_["layer1"]["mean_test_score"]
        assert np.abs(plain - scores[0]).max() > 0.1


@pytest.mark.parametrize("strategy", ["random", "halving"])
@pytest.mark.parametrize("cv", [None, 3])
def test_rows_of_weight_zero_are_left_out_first(strategy, cv):
    kept = W > 0
    assert 5 < kept.sum() < len(TEA) - 5
    given = {"strategy": strategy, "cv": cv, "dbn": tuned(),
             "space": {"layer1__n_components": [2, 3, 4]}}  # fmt: skip
    ours = search(**given).fit(TEA, sample_weight=W)
    theirs = search(**given).fit(TEA[kept], sample_weight=W[kept])
    assert numbers(ours) == numbers(theirs)
    assert same(weights(ours.best_estimator_), weights(theirs.best_estimator_))
    assert ours.score(TEA, sample_weight=W) == theirs.score(TEA[kept], None, W[kept])
    assert ours.score(TEA, sample_weight=W) != ours.score(TEA)


def test_indices_of_splits_are_of_all_rows_those_of_weight_zero_too():
    train, test = np.arange(3, 45), np.r_[45:60, 0:3]
    masks = [np.isin(np.arange(60), part) for part in (train, test)]
    ours = search(cv=[(train, test)]).fit(TEA, sample_weight=W)
    kept = W > 0
    left = [[part[kept[part]] for part in (train, test)]]
    theirs = search(cv=left).fit(TEA, sample_weight=np.where(kept, W, 1))
    assert numbers(ours) == numbers(theirs)
    sorted_test = [(train, np.sort(test))]
    assert numbers(search(cv=[masks]).fit(TEA, sample_weight=W)) == numbers(
        search(cv=sorted_test).fit(TEA, sample_weight=W)
    )
    with pytest.raises(ValueError, match="an empty part, once rows of weight 0 are left out"):
        search(cv=[(train, np.flatnonzero(W == 0))]).fit(TEA, sample_weight=W)


def test_a_splitter_sees_the_y_of_the_rows_that_count(rng):
    y = rng.integers(0, 2, size=60)
    y[W == 0] = 2 + np.arange((W == 0).sum())  # classes of one row each, which cannot be split
    cv = StratifiedKFold(3)
    ours = search(cv=cv, refit=False).fit(TEA, list(y), sample_weight=W)
    theirs = search(cv=cv, refit=False).fit(TEA[W > 0], y[W > 0], sample_weight=W[W > 0])
    assert numbers(ours) == numbers(theirs)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        search(cv=cv).fit(TEA, y[:-1], sample_weight=W)


def test_weights_of_one_leave_the_bits_of_none():
    plain = search().fit(TEA)
    for ones in (np.ones(60), 1, np.ones(60, dtype=int)):
        ours = search().fit(TEA, sample_weight=ones)
        assert numbers(ours) == numbers(plain)
        assert same(weights(ours.best_estimator_), weights(plain.best_estimator_))


def test_the_best_estimator_is_trained_on_weighted_rows():
    dbn = tuned()
    found = search({"layer1__n_components": [2, 3]}, dbn).fit(TEA, sample_weight=W)
    expected = clone(dbn).set_params(**found.best_params_).fit(TEA, sample_weight=W)
    assert same(weights(found.best_estimator_), weights(expected))
    plain = clone(dbn).set_params(**found.best_params_).fit(TEA)
    assert not same(weights(found.best_estimator_), weights(plain))


def test_workers_get_the_weights():
    ours = search(n_jobs=2, cv=2).fit(sparse.csr_array(TEA), sample_weight=W)
    assert numbers(ours) == numbers(search(cv=2).fit(TEA, sample_weight=W))


def test_scorers_that_take_weights_get_them():
    seen = []

    def scorer(estimator, X, sample_weight=None):
        seen.append(sample_weight)
        return scorers.log_likelihood(estimator, X, sample_weight=sample_weight)

    def greedy_one(estimator, X, **params):
        return scorer(estimator, X, **params)

    split = np.arange(40), np.arange(40, 60)
    for number in (scorer, greedy_one, functools.partial(scorer)):
        seen.clear()
        found = search(scoring=number, cv=[split], refit=False).fit(TEA, sample_weight=W + 1)
        assert len(seen) == 6
        assert all(np.array_equal(each, W[split[1]] + 1) for each in seen)
        usual = search(cv=[split], refit=False).fit(TEA, sample_weight=W + 1)
        assert found.best_scores_["layer2"] == usual.best_scores_["layer2"]
    seen.clear()
    search(scoring=scorer, refit=False).fit(TEA)
    assert seen == [None] * 6


class Unweighed(TransformerMixin, BaseEstimator):
    """A layer of another package, which takes no weights."""

    def fit(self, X, y=None):
        self.conditional_ = RBM(3, trainer=CD(n_passes=1), random_state=5).fit(X).conditional_
        return self

    def transform(self, X):
        return self.conditional_.visible.mean(X @ self.conditional_.weights.T)


@pytest.mark.parametrize(
    ("scoring", "name"),
    [
        (lambda estimator, X: 0.0, "<lambda>"),
        ({"layer2": lambda estimator, X: 0.0}, "<lambda>"),
        (dict.fromkeys, "fromkeys"),
    ],
)
def test_scorers_that_take_none_are_refused_before_any_work(scoring, name, no_work):
    with pytest.raises(ValueError, match=f"the callable {name} in scoring takes no sample_weight"):
        search(scoring=scoring).fit(TEA, sample_weight=W)


def test_layers_that_take_none_are_refused_before_any_work(no_work):
    dbn = DBN([Unweighed(), RBM(2, trainer=CD(n_passes=1))], random_state=5)
    with pytest.raises(Incompatible, match="fit of Unweighed has no sample_weight"):
        search({}, dbn).fit(TEA, sample_weight=W)
    with pytest.raises(AssertionError, match="work was begun"):
        search({}, dbn).fit(TEA)


def test_a_candidate_that_takes_none_is_one_that_fails():
    space = {"layer1": [Unweighed(), RBM(3, trainer=CD(n_passes=1))]}
    with pytest.warns(match="1 of 2 candidates of layer1 could not be trained"):
        found = search(space, strategy="grid", refit=False).fit(TEA, sample_weight=W)
    assert "has no sample_weight" in found.cv_results_["layer1"]["error"][0]
    assert found.best_index_["layer1"] == 1


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        ([1.0] * 59 + [-1.0], "Negative values in data passed to `sample_weight`"),
        ([0.0] * 60, "at least one non-zero"),
        ([1.0] * 13, r"sample_weight.shape == \(13,\), expected \(60,\)"),
        ([1.0] * 59 + [np.nan], "sample_weight contains NaN"),
        ([1e308] * 60, "finite sum.*Scale them down"),
        ([1.0] + [0.0] * 59, "none is left to train on: n_samples=1"),
    ],
)
def test_bad_weights_are_refused_before_any_work(weight, sentence, no_work):
    with pytest.raises(ValueError, match=sentence), np.errstate(over="ignore"):
        search().fit(TEA, sample_weight=weight)


def test_the_folder_of_other_weights_is_refused(tmp_path, monkeypatch):
    first = search(folder=tmp_path, refit=False).fit(TEA, sample_weight=W)
    before = (tmp_path / "records.jsonl").read_bytes()
    assert json.loads(before.splitlines()[0])["weights"] != "none"
    trained = []
    trial = greedy.trial
    monkeypatch.setattr(greedy, "trial", lambda *work: trained.append(work) or trial(*work))
    for given in (TEA, sparse.csr_array(TEA), sparse.csc_matrix(TEA)):
        monkeypatch.setattr(rows, "BLOCK_BYTES", 7000)
        again = search(folder=tmp_path, refit=False).fit(given, sample_weight=W)
        assert numbers(again) == numbers(first)
    assert trained == []
    other = np.where(W == 3, 2, W)  # of the same rows, and so of the same splits
    for weight, word in ((other, "weights"), (np.where(W > 0, W, 1), "rows")):
        with pytest.raises(ValueError, match=f"was made with {word} .*, and this search has"):
            search(folder=tmp_path).fit(TEA, sample_weight=weight)
    assert (tmp_path / "records.jsonl").read_bytes() == before
    search(folder=tmp_path / "plain", refit=False).fit(TEA)
    with pytest.raises(ValueError, match="was made with weights none, and this search has"):
        search(folder=tmp_path / "plain").fit(TEA, sample_weight=W + 1)


def test_weights_are_routed_as_scikit_learn_routes_them():
    plain = search().fit(TEA, sample_weight=W)
    with sklearn.config_context(enable_metadata_routing=True):
        given = search().set_fit_request(sample_weight=True)
        given.set_score_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), given)
        pipeline.fit(TEA, sample_weight=W)
        assert numbers(pipeline[-1]) == numbers(plain)
        assert pipeline.score(TEA, sample_weight=W) == plain.score(TEA, sample_weight=W)
        with pytest.raises(ValueError, match="sample_weight"):
            make_pipeline(FunctionTransformer(), search()).fit(TEA, sample_weight=W)


# Sparse rows.


@pytest.mark.parametrize("X", [TEA, GREY, TEA.astype(np.float32)], ids=["0/1", "grey", "f32"])
@pytest.mark.parametrize("weight", [None, W], ids=["", "weighted"])
def test_sparse_rows_have_the_bits_of_dense_ones(monkeypatch, X, weight):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 7000)
    for options in ({"scoring": "bound", "cv": 2}, {}):
        dense, other = (
            search(**options).fit(given, sample_weight=weight)
            for given in (X, sparse.csr_matrix(X))
        )
        assert numbers(other) == numbers(dense)
        assert same(weights(other.best_estimator_), weights(dense.best_estimator_))
        for name in ("transform", "score_samples", "score"):
            expected = getattr(dense, name)(X)
            assert np.array_equal(getattr(other, name)(sparse.csc_array(X)), expected)
        assert other.transform(sparse.csr_array(X)).dtype == X.dtype


def test_gaussian_rows_may_be_sparse(rng):
    X = np.where(rng.random((40, 6)) < 0.3, rng.normal(size=(40, 6)), 0)
    dbn = DBN([
        RBM(2, visible="gaussian", trainer=PCD(n_passes=3, learning_rate=1e-3)),
        RBM(2, trainer=PCD(n_passes=3)),
    ], random_state=7)  # fmt: skip
    space = {"layer1__n_components": [2, 3]}
    dense, other = (search(space, dbn).fit(given) for given in (X, sparse.csr_array(X)))
    assert numbers(other) == numbers(dense)


def test_memory_grows_with_what_sparse_rows_store(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 2**20)
    X = sparse.random_array(
        (4000, 4000), density=1e-3, rng=np.random.default_rng(19), format="csr"
    )
    X.data[:] = 1
    dbn = DBN([
        RBM(2, trainer=CD(n_passes=1)), RBM(2, trainer=CD(n_passes=1)),
    ], random_state=7)  # fmt: skip
    given = search({"layer1__n_components": [2, 3]}, dbn)
    tracemalloc.start()
    try:
        given.fit(X, sample_weight=np.arange(4000) % 3).transform(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**25  # all rows are 128 MB


def test_the_tag_is_the_dbn_s():
    assert search().__sklearn_tags__().input_tags.sparse
    spins = DBN([RBM(2, visible="spin"), RBM(2)])
    given = search({"layer2__n_components": [2]}, spins)
    assert not given.__sklearn_tags__().input_tags.sparse
    with pytest.raises(TypeError, match="Sparse data was passed"):
        given.fit(sparse.csr_array(TEA))
