"""LayerwiseSearch: candidates that fail, what is refused, and searches that go on."""

import json

import numpy as np
import pytest
from searches import SPACE, TEA, deep, numbers, same, search, weights
from sklearn.exceptions import FitFailedWarning

from layerwise import CD, DBN, RBM, AutoEncoder, Diverged, Incompatible, scorers
from layerwise.model_selection import greedy, spaces
from layerwise.model_selection.files import held


@pytest.fixture
def no_work(monkeypatch):
    """Fail if anything is trained."""

    def work(*args):
        raise AssertionError("work was begun")

    monkeypatch.setattr(greedy.jobs, "run", work)


# What goes wrong.


def test_a_candidate_that_diverges_is_recorded():
    space = {"layer1__trainer__learning_rate": [1e-2, 1e12]}
    with pytest.warns(FitFailedWarning, match=r"1 of 2 candidates of layer1.*Diverged"):
        found = search(space, strategy="grid").fit(TEA)
    table = found.cv_results_["layer1"]
    assert table["error"][0] is None
    assert table["error"][1].startswith("Diverged: ")
    assert np.isnan(table["mean_test_score"]).tolist() == [False, True]
    assert table["rank_test_score"].tolist() == [1, 2]
    assert found.best_params_ == {"layer1__trainer__learning_rate": 1e-2}
    with pytest.warns(FitFailedWarning):
        found = search(space, strategy="grid", error_score=-999.0).fit(TEA)
    assert found.cv_results_["layer1"]["mean_test_score"][1] == -999
    with pytest.raises(Diverged):
        search(space, strategy="grid", error_score="raise").fit(TEA)


def test_a_layer_without_a_candidate_that_trains_ends_the_search_and_loses_nothing():
    found = search().fit(TEA)
    before = numbers(found), found.best_estimator_
    for error_score in (np.nan, 0.0):
        found.set_params(
            param_distributions={"layer2__trainer__learning_rate": [1e12, 1e13]},
            error_score=error_score,
        )
        with pytest.raises(
            ValueError, match=r"no candidate of layer2 could be.*Diverged.*Diverged"
        ):
            found.fit(TEA)
        assert (numbers(found), found.best_estimator_) == before


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"space": {"layer3__n_components": [2]}}, ValueError, "'layer3__n_components' belongs"),
        ({"space": {"random_state": [2]}}, ValueError, "'random_state' belongs to none"),
        ({"space": {"layer1__size": [2]}}, ValueError, "Invalid parameter 'size'"),
        ({"space": {"layer2": [AutoEncoder(2)]}}, Incompatible, "an RBM as its last layer"),
        ({"space": [SPACE, 3]}, TypeError, "a dict or a list of dicts, and has 3"),
        ({"strategy": "grid"}, TypeError, "learning_rate.* needs to be a list"),
        ({"strategy": "bayes"}, ValueError, "'strategy' parameter"),
        ({"n_iter": 0}, ValueError, "'n_iter' parameter"),
        ({"n_iter": {"top": 2}}, ValueError, "candidates of 'top', and the layers are named"),
        ({"n_iter": {"layer1": 0}}, ValueError, r"n_iter\['layer1'\] == 0, must be >= 1"),
        ({"scoring": "auc"}, ValueError, "'scoring' parameter"),
        ({"scoring": {"top": "blm"}}, ValueError, "layers are named layer1, layer2"),
        ({"scoring": {"layer2": "blm"}}, ValueError, "scoring of layer2 must be a callable or"),
        ({"validation_fraction": 1.0}, ValueError, "'validation_fraction' parameter"),
        ({"validation_fraction": 0.999}, ValueError, "none is left to train on: n_samples=60"),
        ({"cv": []}, ValueError, "gives no split"),
        ({"cv": [([], [1])]}, ValueError, "gives an empty part"),
        ({"dbn": DBN}, ValueError, "'dbn' parameter"),
        ({"dbn": DBN([AutoEncoder()])}, Incompatible, "an RBM as its last layer"),
        ({"folder": "out", "random_state": None}, ValueError, "Set random_state to an int"),
        ({"folder": __file__}, ValueError, "cannot be used: File exists"),
        ({"strategy": "halving", "space": {"layer1__trainer__n_passes": ["9"]}}, ValueError,
         "n_passes='9'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_work(params, error, words, no_work):
    with pytest.raises(error, match=words):
        search(**params).fit(TEA)


def test_rows_that_no_candidate_takes_are_refused_before_any_work(no_work):
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        search().fit(TEA + 1)
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        search({"layer1__visible": ["bernoulli", "truncated_exponential"]}).fit(TEA - 1)
    with pytest.raises(AssertionError, match="work was begun"):
        search({"layer1__visible": ["bernoulli", "gaussian"]}).fit(TEA - 1)


# A folder.


def test_a_folder_keeps_what_is_done(tmp_path, monkeypatch):
    first = search(folder=tmp_path / "a" / "b", cv=2).fit(TEA)
    path = tmp_path / "a" / "b" / "records.jsonl"
    text = path.read_text()
    keys = [[json.loads(line)[name] for name in greedy.KEY] for line in text.splitlines()]
    layers = ("layer1", "layer2")
    assert keys == [[n, i, s, None] for n in layers for i in range(3) for s in range(2)]

    trained = []
    trial = greedy.trial
    monkeypatch.setattr(greedy, "trial", lambda *work: trained.append(work) or trial(*work))
    again = search(folder=str(tmp_path / "a" / "b"), cv=2).fit(TEA)
    assert trained == []
    assert repr(again.cv_results_) == repr(first.cv_results_)  # with the times
    assert same(weights(again.best_estimator_), weights(first.best_estimator_))

    # Ended while it wrote the last line, and the one before has been lost.
    lines = text.splitlines(keepends=True)
    path.write_text("".join([*lines[:-2], lines[-1][:40]]))
    again = search(folder=tmp_path / "a" / "b", cv=2).fit(TEA)
    assert len(trained) == 2
    assert numbers(again) == numbers(first)
    assert again.best_params_ == first.best_params_


def test_the_folder_of_a_search_that_runs_is_refused(tmp_path, no_work):
    with (
        held(tmp_path, "search", "wait"),
        pytest.raises(ValueError, match=r"another search is running in .* choose another folder"),
    ):
        search(folder=tmp_path).fit(TEA)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"random_state": 5}, "seed"),
        ({"space": {**SPACE, "layer2__n_components": [2, 3]}}, "candidates"),
        ({"dbn": deep(5)}, "dbn"),
        ({"dbn": deep().set_params(layer1__code="sample")}, "dbn"),
        ({"scoring": "bound"}, "scoring"),
        ({"strategy": "halving"}, "strategy"),
        ({"cv": 2}, "splits"),
        ({"error_score": -9.0}, "error_score"),
        ({"rows": TEA[::-1]}, "rows"),
        ({"rows": TEA.astype(np.float32)}, "rows"),
    ],
)
def test_the_folder_of_another_search_is_refused(tmp_path, params, word, request):
    search(dbn=deep().set_params(layer1__code="mean"), folder=tmp_path, refit=False).fit(TEA)
    before = (tmp_path / "records.jsonl").read_bytes()
    request.getfixturevalue("no_work")
    rows = params.pop("rows", TEA)
    params = {"dbn": deep().set_params(layer1__code="mean"), **params}
    with pytest.raises(ValueError, match=f"was made with {word} .*, and this search has {word}"):
        search(folder=tmp_path, **params).fit(rows)
    assert (tmp_path / "records.jsonl").read_bytes() == before


def test_an_interrupt_keeps_what_is_done_in_the_folder_and_what_was_fitted(tmp_path):
    found = search(folder=tmp_path / "first").fit(TEA)
    before = list(vars(found)), numbers(found)
    calls = []

    def scorer(estimator, X):
        calls.append(X)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scorers.log_likelihood(estimator, X)

    found.set_params(scoring=scorer, folder=tmp_path / "second")
    with pytest.raises(KeyboardInterrupt):
        found.fit(TEA)
    assert (list(vars(found)), numbers(found)) == before
    assert len((tmp_path / "second" / "records.jsonl").read_text().splitlines()) == 2
    found.fit(TEA)
    assert len(calls) == 3 + 4
    assert numbers(found) == numbers(search(scoring=scorer).fit(TEA))


def test_what_is_written_of_a_value_is_the_same_for_equal_ones():
    def twice():
        free = type("Free", (), {"__init__": lambda self, x: setattr(self, "x", x)})
        return [
            deep(np.random.RandomState(3)), np.float64(0.1), np.arange(3), (1, [2.0]), {"a": None},
            scorers.blm, RBM, free(3),
        ]  # fmt: skip

    assert [spaces.described(one) for one in twice()] == [spaces.described(one) for one in twice()]
    assert spaces.described(np.float64(0.1)) == spaces.described(0.1)
    different = [RBM(2), RBM(3), RBM(2, trainer=CD()), [1], (1,), np.arange(2), np.arange(3.0)]
    assert len({spaces.described(each) for each in different}) == len(different)
