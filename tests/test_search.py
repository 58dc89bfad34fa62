"""LayerwiseSearch: what it chooses, how it searches, and what it is."""

import pickle

import numpy as np
import pytest
from searches import SPACE, TEA, deep, numbers, same, search, weights
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, ParameterGrid, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import layerwise
from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    scorers,
)
from layerwise.model_selection import rounds

# What it chooses.


def test_best_estimator_is_the_dbn_with_the_best_params(seed):
    found = search(dbn=deep(seed), random_state=seed).fit(TEA)
    expected = deep(seed).set_params(**found.best_params_).fit(TEA)
    assert same(weights(found.best_estimator_), weights(expected))
    assert sorted(found.best_params_) == sorted(SPACE)


def test_on_a_split_the_layers_are_those_of_fitting_the_dbn_to_its_rows(seed):
    dbn = DBN(
        [*deep().layers[:1], RBM(3, trainer=CD(n_passes=4)), *deep().layers[1:]], random_state=seed
    )
    space = {"layer1__n_components": [3, 4], "layer3__n_components": [2, 3]}
    splits = list(ShuffleSplit(2, test_size=20, random_state=seed).split(TEA))
    found = search(space, dbn, strategy="grid", cv=splits, refit=False).fit(TEA)
    assert found.n_splits_ == 2
    for index, (train, test) in enumerate(splits):
        for name, score in [("layer1", scorers.blm), ("layer3", scorers.log_likelihood)]:
            table = found.cv_results_[name]
            for params, value in zip(table["params"], table[f"split{index}_test_score"]):
                whole = clone(dbn).set_params(**{**found.best_params_, **params}).fit(TEA[train])
                assert value == score(whole, TEA[test])


def test_the_table_is_scikit_learns(seed):
    found = search(random_state=seed, cv=3).fit(TEA)
    for name in ("layer1", "layer2"):
        table = found.cv_results_[name]
        scores = np.stack([table[f"split{split}_test_score"] for split in range(3)])
        assert np.array_equal(table["mean_test_score"], scores.mean(axis=0))
        np.testing.assert_allclose(table["std_test_score"], scores.std(axis=0), rtol=1e-12)
        best = found.best_index_[name]
        assert best == np.argmax(table["mean_test_score"])
        assert table["rank_test_score"][best] == 1
        assert sorted(table["rank_test_score"]) == [1, 2, 3]
        assert found.best_scores_[name] == table["mean_test_score"][best]
        assert table["params"][best].items() <= found.best_params_.items()
        assert np.all(table["mean_fit_time"] > 0)
        for key in table["params"][0]:
            assert table[f"param_{key}"].tolist() == [params[key] for params in table["params"]]
    assert found.best_score_ == found.best_scores_["layer2"]


def test_a_seed_of_the_search_trains_a_dbn_without_one():
    found = search(dbn=deep(None)).fit(TEA)
    assert same(weights(found.best_estimator_), weights(clone(found.best_estimator_).fit(TEA)))
    assert numbers(found) == numbers(search(dbn=deep(None)).fit(TEA))
    assert found.dbn.random_state is None
    other = search(dbn=deep(None), random_state=None).fit(TEA)
    assert numbers(other) != numbers(found)
    given = search(dbn=deep(np.random.RandomState(353))).fit(TEA)
    assert same(weights(given.best_estimator_), weights(clone(given.best_estimator_).fit(TEA)))


def test_candidates_are_a_function_of_the_seed_and_the_layer():
    found = search().fit(TEA)
    longer = search({**SPACE, "layer2__n_components": [5]}, n_iter=4).fit(TEA)
    assert longer.cv_results_["layer1"]["params"][:3] == found.cv_results_["layer1"]["params"]
    assert numbers(search(random_state=354).fit(TEA)) != numbers(found)


def test_layers_are_judged_by_the_same_states_of_the_same_rows():
    seen = []

    def scorer(estimator, X):
        seen.append((estimator, X))
        return -float(np.abs(estimator.transform(X)).sum())

    found = search(scoring=scorer, refit=False, random_state=359).fit(TEA)
    assert found.scorer_ == {"layer1": scorer, "layer2": scorer}
    assert [type(estimator) for estimator, _ in seen] == [AutoEncoder] * 3 + [DBN] * 3
    held_out = seen[0][1]
    assert len(held_out) == 12  # a fifth of 60
    assert all(np.array_equal(X, held_out) for _, X in seen)
    middle = []
    dbn = DBN([RBM(3), RBM(2), RBM(2)]).set_params(
        **{f"layer{n}__trainer__n_passes": 2 for n in (1, 2, 3)}
    )
    scoring = {"layer2": lambda estimator, X: middle.append(X) or 0.0}
    found = search({"layer2__n_components": [2, 3]}, dbn, scoring=scoring, refit=False).fit(TEA)
    assert found.scorer_["layer1"] == "blm"
    assert found.scorer_["layer3"] == "log_likelihood"
    assert middle[0].shape == (12, 3)
    assert set(np.unique(middle[0])) <= {0, 1}
    assert np.array_equal(middle[0], middle[1])


def test_the_bound_is_aggregated_over_training_rows():
    split = next(KFold(3).split(TEA))
    found = search(scoring="bound", cv=[split], refit=False).fit(TEA)
    assert found.scorer_ == {"layer1": "bound", "layer2": "log_likelihood"}
    whole = deep().set_params(**found.best_params_).fit(TEA[split[0]])
    expected = layerwise.latent_marginal_bound(whole, TEA[split[1]], TEA[split[0]])
    assert found.best_scores_["layer1"] == expected.value


def test_a_sum_that_is_too_large_is_replaced_by_that_of_the_top():
    dbn = deep().set_params(layer1__n_components=25)
    scoring = {"layer1": lambda estimator, X: 0.0}
    found = search({"layer2__n_components": [2]}, dbn, scoring=scoring).fit(TEA)
    assert found.scorer_["layer2"] == "latent_log_likelihood"
    assert -25 * np.log(2) - 10 < found.best_score_ < 0  # of 25 units, hardly trained
    with pytest.raises(ValueError, match=r"no candidate of layer1 could be.*TooManyStates"):
        search({"layer2__n_components": [2]}, dbn).fit(TEA)


# How it searches.


def test_grid_lists_the_part_of_each_layer():
    space = {"layer1__n_components": [2, 3], "layer1__code": ["mean", "sample"]}
    found = search(space, strategy="grid").fit(TEA)
    assert found.cv_results_["layer1"]["params"] == list(ParameterGrid(space))
    assert found.cv_results_["layer2"]["params"] == [{}]


def test_lists_are_drawn_without_repetition():
    space = {"layer1__n_components": [2, 3], "layer2__n_components": list(range(2, 12))}
    found = search(space, n_iter=4).fit(TEA)
    assert len(found.cv_results_["layer1"]["params"]) == 2
    assert (
        len({each["layer2__n_components"] for each in found.cv_results_["layer2"]["params"]}) == 4
    )


def test_layers_have_numbers_of_candidates_of_their_own():
    space = {"layer1__n_components": [2, 3, 4], "layer2__n_components": list(range(2, 14))}
    found = search(space, n_iter={"layer1": 2}).fit(TEA)
    assert len(found.cv_results_["layer1"]["params"]) == 2
    assert len(found.cv_results_["layer2"]["params"]) == 10


def test_whole_layers_are_values_too_and_have_names():
    dbn = DBN([("bottom", deep().layers[0]), ("top", deep().layers[1])], random_state=353)
    space = [
        {"bottom__n_components": [2], "top__n_components": [2, 3]},
        {"bottom": [RBM(3, trainer=CD(n_passes=3))], "top__n_components": [2, 3]},
    ]
    found = search(space, dbn, strategy="grid").fit(TEA)
    table = found.cv_results_["bottom"]
    assert [sorted(params) for params in table["params"]] == [["bottom__n_components"], ["bottom"]]
    assert table["param_bottom"].mask.tolist() == [True, False]
    assert len(found.cv_results_["top"]["params"]) == 2
    expected = clone(dbn).set_params(**clone(found.best_params_, safe=False)).fit(TEA)
    assert same(weights(found.best_estimator_), weights(expected))


@pytest.mark.parametrize(
    ("n", "factor", "expected"),
    [(1, 3, [1]), (2, 3, [2]), (3, 3, [3, 1]), (9, 3, [9, 3, 1]), (10, 3, [10, 4, 2]),
     (243, 3, [243, 81, 27, 9, 3, 1]), (4, 1.5, [4, 3, 2])],
)  # fmt: skip
def test_rounds_of_halving(n, factor, expected):
    assert rounds.sizes(n, factor) == expected


def test_halving_gives_the_best_more_passes():
    dbn = deep(n_passes=9)
    found = search(dbn=dbn, strategy="halving", n_iter=10, factor=3, refit=False).fit(TEA)
    for name in ("layer1", "layer2"):
        table = found.cv_results_[name]
        assert table["iter"].tolist() == [0] * 10 + [1] * 4 + [2] * 2
        assert table["n_resources"].tolist() == [1] * 10 + [3] * 4 + [9] * 2
        for place, size in [(0, 4), (1, 2)]:
            here, after = table["iter"] == place, table["iter"] == place + 1
            scores = table["mean_test_score"][here]
            kept = np.sort(np.argsort(-scores)[:size])
            params = np.array(table["params"])
            assert params[here][kept].tolist() == params[after].tolist()
        assert found.best_index_[name] == 14 + np.argmax(table["mean_test_score"][-2:])
    # What is trained for all its passes is trained as without rounds.
    whole = search(dbn=dbn, n_iter=10, refit=False).fit(TEA).cv_results_["layer1"]
    table = found.cv_results_["layer1"]
    for params, score in list(zip(table["params"], table["mean_test_score"]))[-2:]:
        assert whole["mean_test_score"][whole["params"].index(params)] == score


def test_halving_trains_for_at_least_min_resources():
    found = search(
        dbn=deep(n_passes=9), strategy="halving", n_iter=9, min_resources=4, refit=False
    ).fit(TEA)
    assert sorted(set(found.cv_results_["layer1"]["n_resources"])) == [4, 9]


def test_other_units_and_a_pipeline(rng):
    X = rng.normal(size=(40, 3)) * [1, 5, 9]
    bottom = RBM(2, visible="gaussian", trainer=PCD(n_passes=3, learning_rate=1e-3))
    dbn = DBN([bottom, RBM(2, trainer=PCD(n_passes=3))], random_state=7)
    inner = search({"layer1__n_components": [2, 3]}, dbn)
    pipeline = make_pipeline(StandardScaler(), inner).set_output(transform="pandas").fit(X)
    assert pipeline.transform(X).columns.tolist() == ["dbn0", "dbn1"]
    assert np.isfinite(pipeline.score(X))


# What it is.


def test_it_is_an_estimator():
    given = search()
    assert given.get_params()["dbn__layer1__n_components"] == 16
    given.set_params(dbn__layer1__n_components=5, n_iter=2)
    assert clone(given).dbn.layers[0].n_components == 5
    with pytest.raises(NotFittedError):
        given.score(TEA)
    found = given.fit(TEA)
    thawed = pickle.loads(pickle.dumps(found))
    assert numbers(thawed) == numbers(found)
    best = found.best_estimator_
    for name in ("score", "score_samples", "transform"):
        expected = getattr(best, name)(TEA)
        assert np.array_equal(getattr(thawed, name)(TEA), expected)
    assert np.array_equal(found.fit_transform(TEA), best.transform(TEA))
    hidden = found.transform(TEA)
    assert np.array_equal(found.inverse_transform(hidden), best.inverse_transform(hidden))
    assert np.array_equal(found.sample(3, random_state=7), best.sample(3, random_state=7))


def test_exact_layers_are_chosen_and_the_best_is_tuned_as_a_whole():
    trainer = MarginalAscent(n_passes=4)
    top = RBM(trainer=PCD(n_passes=4))
    tuner = LikelihoodAscent(n_passes=3)
    dbn = DBN([LatentLayer(trainer=trainer), top], fine_tuner=tuner, random_state=353)
    space = {"layer1__n_components": [3, 4], "layer2__n_components": [2, 3, 4]}
    found = search(space, dbn, strategy="grid", scoring={"layer1": "bound"}).fit(TEA)
    whole = clone(dbn).set_params(**found.best_params_).fit(TEA)
    assert same(weights(found.best_estimator_), weights(whole))
    assert list(found.best_estimator_.history_) == ["layer1", "layer2", "fine_tuner"]
    plain = search(space, clone(dbn).set_params(fine_tuner=None), strategy="grid",
                   scoring={"layer1": "bound"}).fit(TEA)  # fmt: skip
    assert numbers(plain) == numbers(found)
    assert found.score(TEA) > plain.score(TEA)
    with pytest.raises(ValueError, match="fine_tuner"):
        search({**space, "fine_tuner__n_passes": [2, 3]}, dbn).fit(TEA)


def test_without_refit_there_is_no_best_estimator():
    found = search(refit=False).fit(TEA)
    assert found.best_params_
    assert not hasattr(found, "best_estimator_")
    assert not hasattr(found, "transform")
    with pytest.raises(AttributeError, match="score"):
        found.score(TEA)


def test_feature_names_reach_the_best_estimator():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TEA, columns=[f"pixel {i}" for i in range(TEA.shape[1])])
    found = search().set_output(transform="pandas").fit(frame)
    assert found.best_estimator_.feature_names_in_.tolist() == frame.columns.tolist()
    assert found.feature_names_in_.tolist() == frame.columns.tolist()
    assert found.transform(frame).columns.tolist() == found.get_feature_names_out().tolist()


def test_verbose_is_a_line_a_trial(capsys):
    search(cv=2, verbose=1).fit(TEA)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 12
    assert err.splitlines()[7].startswith("layerwise: layer2: 2 of 6, ")


class Recorder:
    """A callback that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.heard.append(f"end {context.task_name}")

    def teardown(self, estimator, context):
        self.heard.append("teardown")


def test_callbacks_hear_of_every_trial(tmp_path):
    trial = ["begin candidate-split-evaluation", "end candidate-split-evaluation"] * 3
    expected = [
        "setup", "begin fit", "begin layer1", *trial, "end layer1", "begin layer2", *trial,
        "end layer2", "begin refit-with-best-params", "end refit-with-best-params", "end fit",
        "teardown",
    ]  # fmt: skip
    for _ in ("anew", "from the folder"):
        recorder = Recorder()
        search(folder=tmp_path).set_callbacks(recorder).fit(TEA)
        assert recorder.heard == expected
    recorder = Recorder()
    with pytest.raises(ValueError, match="belongs to none"):
        search({"layer3": [2]}).set_callbacks(recorder).fit(TEA)
    assert recorder.heard == ["setup", "begin fit", "teardown"]


def test_scikit_learns_progress_bar_runs(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    search(strategy="halving").set_callbacks(ProgressBar()).fit(TEA)
    assert "LayerwiseSearch" in capsys.readouterr().out
