"""scikit-learn's callbacks on every estimator: what they hear of, and how they end training."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, FunctionTransformer, StandardScaler

from layerwise import (
    CD,
    DBN,
    DRBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    DeepAutoEncoder,
    Diverged,
    EarlyStopping,
    ExactGradient,
    JointCD,
    LatentLayer,
    LayerwiseSearch,
    LikelihoodAscent,
    MarginalAscent,
    scorers,
)

N = 4
LAYERS = [
    RBM(3, trainer=CD(n_passes=N), random_state=5),
    RBM(3, trainer=PCD(n_passes=N), random_state=5),
    RBM(3, trainer=ExactGradient(n_passes=N), random_state=5),
    AutoEncoder(3, trainer=Backprop(n_passes=N), random_state=5),
    DeepAutoEncoder((4, 3), trainer=Backprop(n_passes=N), random_state=5),
    DRBN((4, 3), trainer=JointCD(n_passes=N), random_state=5),
    LatentLayer(3, trainer=MarginalAscent(n_passes=N, early_stopping=False), random_state=5),
]
DEEP = DBN(
    [("low", clone(LAYERS[3])), ("top", clone(LAYERS[1]))],
    fine_tuner=LikelihoodAscent(n_passes=N, learning_rate=0.05), random_state=5,
)  # fmt: skip


@pytest.fixture
def X(rng):
    return (rng.random((40, 9)) < 0.4).astype(float)


class Recorder:
    """A callback that keeps what it hears, and asks for an end after some passes."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.heard, self.passes = [], []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.heard.append(f"end {context.task_name}")
        if context.task_name == "pass":
            self.passes.append((X, y, fitted_estimator))
            return len(self.passes) == self.stop_after
        return None

    def teardown(self, estimator, context):
        self.heard.append("teardown")


class Spread(Recorder):
    """The same, handed on to the parts of an estimator."""

    max_propagation_depth = None


PASSES = ["begin pass", "end pass"]


def state(estimator):
    """Return what fitting left, as it is written down."""
    layers = getattr(estimator, "layers_", [estimator])
    return [
        {name: v.tobytes() for name, v in vars(layer).items() if isinstance(v, np.ndarray)}
        for layer in layers
    ]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_layer_has_a_task_for_each_pass_and_the_same_bits(layer, X):
    recorder, plain = Recorder(), clone(layer).fit(X)
    heard = clone(layer).set_callbacks(recorder).fit(X)
    assert recorder.heard == ["setup", "begin fit", *PASSES * N, "end fit", "teardown"]
    assert state(heard) == state(plain)
    recorder.heard.clear()
    heard.partial_fit(X)
    assert recorder.heard == ["setup", "begin partial_fit", *PASSES, "end partial_fit", "teardown"]
    assert state(heard) == state(plain.partial_fit(X))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_the_estimator_as_fitted_so_far_is_that_of_a_shorter_fit(layer, X):
    layer = clone(layer).set_params(trainer__schedule="constant")
    recorder = Recorder()
    clone(layer).set_callbacks(recorder).fit(X)
    for n_passes, (_, _, found) in enumerate(recorder.passes, start=1):
        expected = clone(layer).set_params(trainer__n_passes=n_passes).fit(X)
        assert state(found) == state(expected)  # each has arrays of its own, training went on
        assert found.score(X) == expected.score(X)
        assert found.transform(X).tolist() == expected.transform(X).tolist()
        assert found.sample(3, random_state=7).tolist() == (
            expected.sample(3, random_state=7).tolist()
        )
        for name, told in found.history_.items():
            assert len(told) == n_passes
            assert told[-1] == pytest.approx(expected.history_[name][-1], rel=1e-12, nan_ok=True)


def test_the_estimator_as_fitted_so_far_is_an_estimator_of_its_own(X):
    recorder = Recorder()
    rbm = clone(LAYERS[1]).set_callbacks(recorder).fit(X)
    before, found = state(rbm), recorder.passes[1][2]
    score = found.score(X)
    found.set_callbacks().partial_fit(X)
    assert found.score(X) != score
    assert state(rbm) == before
    assert len(recorder.passes) == N


def test_what_was_fitted_before_does_not_show_while_training_starts_anew(X):
    recorder = Recorder()
    rbm = RBM(3, visible="gaussian", trainer=CD(n_passes=2, learning_rate=1e-3), random_state=5)
    rbm.fit(X - X.mean(axis=0))
    rbm.set_params(visible="bernoulli").set_callbacks(recorder).fit(X)
    assert np.isfinite([found.score(X) for _, _, found in recorder.passes]).all()
    assert not hasattr(recorder.passes[0][2], "noise_variance_")


def test_a_dbn_has_a_task_for_each_layer_and_each_pass_of_its_fine_tuner(X):
    recorder, plain = Recorder(), clone(DEEP).fit(X)
    heard = clone(DEEP).set_callbacks(recorder).fit(X)
    assert recorder.heard == [
        "setup", "begin fit", "begin low", "end low", "begin top", "end top",
        "begin fine_tuner", *PASSES * N, "end fine_tuner", "end fit", "teardown",
    ]  # fmt: skip
    assert state(heard) == state(plain)
    scores = [found.score(X) for _, _, found in recorder.passes]
    assert scores[-1] == heard.score(X)
    assert len(set(scores)) == N
    assert [len(found.history_["fine_tuner"]["negative_log_likelihood"])
            for _, _, found in recorder.passes] == [1, 2, 3, 4]  # fmt: skip


def test_callbacks_that_are_handed_on_hear_of_the_passes_of_all_layers(X):
    spread = Spread()
    heard = clone(DEEP).set_callbacks(spread).fit(X)
    layer = ["begin fit", *PASSES * N, "end fit"]
    assert spread.heard == [
        "setup", "begin fit", *layer * 2, "begin fine_tuner", *PASSES * N, "end fine_tuner",
        "end fit", "teardown",
    ]  # fmt: skip
    assert state(heard) == state(clone(DEEP).fit(X))
    assert not hasattr(heard.layers_[0], "_skl_callbacks")


def test_layers_of_a_dbn_have_callbacks_of_their_own(X):
    low, top, y = Recorder(), Recorder(), np.arange(len(X))
    dbn = clone(DEEP)
    dbn.layers[0][1].set_callbacks(low)
    dbn.layers[1][1].set_callbacks(top)
    dbn.fit(X, y)
    for recorder, width in ((low, 9), (top, 3)):
        assert recorder.heard == ["setup", "begin fit", *PASSES * N, "end fit", "teardown"]
        for rows, labels, found in recorder.passes:
            assert rows.shape == (len(X), width)
            assert np.isin(rows, (0, 1)).all()
            assert np.isfinite(found.score(rows))
            assert labels is y
    assert low.passes[0][0] is not top.passes[0][0]
    assert state(dbn) == state(clone(DEEP).fit(X))


def test_a_pipeline_and_a_search_hear_of_passes(X):
    spread = Spread()
    make_pipeline(StandardScaler(with_mean=False, with_std=False), clone(LAYERS[0])).set_callbacks(
        spread
    ).fit(X)
    fit = ["begin fit", "end fit"]
    assert spread.heard == [
        "setup", *fit[:1], *fit, "begin fit", *PASSES * N, "end fit", *fit[1:], "teardown",
    ]  # fmt: skip
    spread = Spread()
    search = GridSearchCV(clone(LAYERS[0]), {"n_components": [2, 3]}, cv=3).set_callbacks(spread)
    search.fit(X)
    assert spread.heard.count("end pass") == N * (2 * 3 + 1)
    plain = GridSearchCV(clone(LAYERS[0]), {"n_components": [2, 3]}, cv=3).fit(X)
    assert search.cv_results_["mean_test_score"].tolist() == (
        plain.cv_results_["mean_test_score"].tolist()
    )


def searched(**params):
    return LayerwiseSearch(
        clone(DEEP), {"low__n_components": [2, 3]}, n_iter=2, random_state=7, **params
    )


def test_a_layerwise_search_hands_on_its_callbacks(X):
    spread, plain = Spread(), searched().fit(X)
    found = searched().set_callbacks(spread).fit(X)
    layer = ["begin fit", *PASSES * N, "end fit"]
    # The top has one candidate; the best DBN is trained on all rows, and fine-tuned.
    assert spread.heard == [
        "setup", "begin fit", "begin low", *layer * 2, "end low", "begin top", *layer, "end top",
        "begin fit", *layer * 2, "begin fine_tuner", *PASSES * N, "end fine_tuner", "end fit",
        "end fit", "teardown",
    ]  # fmt: skip
    assert found.best_score_ == plain.best_score_
    assert state(found.best_estimator_) == state(plain.best_estimator_)


def test_layers_that_end_early_do_so_in_a_layerwise_search(X):
    dbn = clone(DEEP)
    dbn.layers[1][1].set_callbacks(EarlyStopping(n_passes_no_change=1, tol=1e9))
    space = {"top__n_components": [2, 3]}
    found = LayerwiseSearch(dbn, space, n_iter=2, random_state=7).fit(X)
    expected = clone(dbn).set_params(**found.best_params_)
    expected.random_state = found.best_estimator_.random_state
    assert len(found.best_estimator_.history_["top"]["free_energy_gap"]) == 2
    assert state(expected.fit(X)) == state(found.best_estimator_)


def test_a_search_in_processes_tells_callbacks_that_stay_of_every_trial(X):
    recorder = Recorder()
    found = searched(n_jobs=2).set_callbacks(recorder).fit(X)
    assert recorder.heard.count("end candidate-split-evaluation") == 3
    assert found.best_score_ == searched().fit(X).best_score_


def test_progress_bars_run_from_a_search_in_processes_to_its_passes(X, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")  # no line of it is broken
    from sklearn.callback import ProgressBar

    clone(DEEP).set_callbacks(ProgressBar()).fit(X)
    out = capsys.readouterr().out
    for bar in ("DBN - fit", "DBN - low | AutoEncoder - fit", "DBN - top | RBM - fit"):
        assert bar in out
    assert "DBN - fine_tuner" in out
    assert len(re.findall("100%", out)) >= 4
    searched(n_jobs=2).set_callbacks(ProgressBar()).fit(X)
    out = capsys.readouterr().out
    assert "candidate-split-evaluation | AutoEncoder - fit" in out


@pytest.mark.parametrize("layer", [LAYERS[1], LAYERS[3], LAYERS[4]], ids=repr)
def test_scoring_monitor_keeps_the_score_of_each_pass(layer, X):
    monitor, y = ScoringMonitor(scoring={"nats": scorers.log_likelihood}), np.zeros(len(X))
    recorder = Recorder()
    # scikit-learn's monitor scores where there are labels, and ours do not matter.
    fitted = clone(layer).set_callbacks(monitor, recorder).fit(X, y)
    told = [row["nats"] for row in monitor.get_logs().data if row["task_name"] == "pass"]
    assert told == [found.score(X) for _, _, found in recorder.passes]
    assert len(told) == N
    assert told[-1] == fitted.score(X)
    if "log_likelihood" in fitted.history_:
        np.testing.assert_allclose(told, fitted.history_["log_likelihood"], rtol=1e-12)


def test_scoring_monitor_within_a_pipeline_and_on_named_columns(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"column{j}" for j in range(X.shape[1])])
    monitor = ScoringMonitor(scoring={"nats": scorers.log_likelihood})
    rbm = clone(LAYERS[1]).set_callbacks(monitor)
    pipeline = make_pipeline(Binarizer().set_output(transform="pandas"), rbm)
    pipeline.fit(frame, np.zeros(len(X)))
    told = [row for row in monitor.get_logs().data if row["task_name"] == "pass"]
    assert len(told) == N
    assert told[-1]["nats"] == pipeline.score(frame)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_callback_that_returns_true_ends_training(layer, X):
    layer = clone(layer).set_params(trainer__schedule="constant")
    recorder = Recorder(stop_after=2)
    ended = clone(layer).set_callbacks(recorder).fit(X)
    assert recorder.heard == ["setup", "begin fit", *PASSES * 2, "end fit", "teardown"]
    shorter = clone(layer).set_params(trainer__n_passes=2).fit(X)
    assert state(ended) == state(shorter)
    # It stands where it ended, and goes on from there.
    assert state(ended.set_callbacks().partial_fit(X)) == state(shorter.partial_fit(X))


def test_a_callback_ends_what_it_is_set_on_and_no_more(X):
    dbn = clone(DEEP).set_callbacks(Recorder(stop_after=2))
    dbn.layers[0][1].set_callbacks(Recorder(stop_after=1))
    history = dbn.fit(X).history_
    assert [len(next(iter(told.values()))) for told in history.values()] == [1, N, 2]


def test_a_trainer_that_stops_early_keeps_to_its_own_rule(rng):
    X = (rng.random((30, 9)) < 0.4).astype(float)
    trainer = MarginalAscent(n_passes=40, n_final_passes=7, learning_rate=0.2, batch_size=5)
    layer = LatentLayer(3, trainer=trainer, random_state=5)
    recorder = Recorder()
    whole = clone(layer).set_callbacks(recorder).fit(X)
    # To its end it takes more passes than those on which rows are held out: all are told of.
    told = whole.history_["validation_log_likelihood"]
    assert recorder.heard == ["setup", "begin fit", *PASSES * len(told), "end fit", "teardown"]
    assert np.isnan(told).sum() == min(7, 1 + np.nanargmax(told)) > 0
    # After its first pass, and after the first one that was worse than one before.
    worse = 1 + int(np.flatnonzero(told < np.fmax.accumulate(told))[0])
    for stop_after, best in ((1, 1), (worse, worse - 1)):
        recorder = Recorder(stop_after=stop_after)
        ended = clone(layer).set_callbacks(recorder).fit(X)
        assert len(ended.history_["validation_log_likelihood"]) == stop_after  # no final passes
        assert state(ended) == state(recorder.passes[best - 1][2])
    assert state(ended) != state(recorder.passes[worse - 1][2])


def test_callbacks_are_torn_down_where_training_fails(X):
    recorder = Recorder()
    rbm = clone(LAYERS[0]).fit(X)
    before = state(rbm)
    rbm.set_params(trainer__learning_rate=1e30).set_callbacks(recorder)
    for method, name in ((rbm.fit, "fit"), (rbm.partial_fit, "partial_fit")):
        with pytest.raises(Diverged):
            method(X)
        assert recorder.heard == ["setup", f"begin {name}", "begin pass", "teardown"]
        recorder.heard.clear()
    assert state(rbm) == before
    dbn = clone(DEEP).set_params(top__trainer__learning_rate=1e30).set_callbacks(recorder)
    with pytest.raises(Diverged):
        dbn.fit(X)
    assert recorder.heard == [
        "setup", "begin fit", "begin low", "end low", "begin top", "teardown"
    ]  # fmt: skip


def test_a_callback_that_is_handed_on_belongs_on_the_whole(X):
    """scikit-learn refuses it once the part is fitted: here the last one, after all others."""
    recorder, dbn = Recorder(), clone(DEEP)
    dbn.layers[1][1].set_callbacks(Spread())
    words = r"top is a part of {} and has a callback .* Set it on the {}, with set_callbacks"
    with pytest.raises(TypeError, match=words.format("DBN", "DBN")):
        dbn.set_callbacks(recorder).fit(X)
    search = LayerwiseSearch(dbn, {}, random_state=7).set_callbacks(recorder)
    with pytest.raises(TypeError, match=words.format("LayerwiseSearch", "LayerwiseSearch")):
        search.fit(X)
    with pytest.raises(TypeError, match="dbn is a part of LayerwiseSearch"):
        LayerwiseSearch(clone(DEEP).set_callbacks(Spread()), {}).fit(X)
    assert recorder.heard == []


# EarlyStopping


def flat(n_passes=200):
    """Return a machine whose likelihood stops rising: its rate falls fast."""
    schedule = ExactGradient(
        n_passes=n_passes, learning_rate=0.5, optimizer="sgd", schedule=lambda i: 0.6**i
    )
    return RBM(3, trainer=schedule, random_state=5)


def waits(values, tol):
    """Return for how many passes there was no higher value, after each."""
    highest, waited = -np.inf, []
    for value in values:
        better = value > highest + tol
        highest = value if better else highest
        waited.append(0 if better else waited[-1] + 1)
    return waited


@pytest.mark.parametrize("monitor", [None, "log_likelihood", "negative_log_likelihood"])
def test_early_stopping_ends_where_the_history_is_flat(monitor, X):
    tol, patience = 1e-3, 3
    stopping = EarlyStopping(monitor=monitor, n_passes_no_change=patience, tol=tol)
    rbm = flat(100).set_callbacks(stopping).fit(X)
    told = rbm.history_["log_likelihood"]
    if monitor != "log_likelihood":
        told = -rbm.history_["negative_log_likelihood"]
    waited = waits(told, tol)
    assert waited[-1] == patience
    assert max(waited[:-1]) < patience
    assert patience + 1 < len(told) < 50
    again = clone(rbm).fit(X)  # its memory is of one training
    assert state(again) == state(rbm)


def test_early_stopping_waits_for_a_likelihood_that_is_not_told_of_each_pass(X, monkeypatch):
    monkeypatch.setattr("layerwise.trainers.watch.UNNOTICED", 20 * 2_600_000)
    rbm = RBM(3, trainer=CD(n_passes=60, schedule=lambda i: 0.5**i), random_state=5)
    rbm.set_callbacks(EarlyStopping(n_passes_no_change=5, tol=1e-4)).fit(X)
    told = rbm.history_["log_likelihood"]
    looks = np.flatnonzero(np.isfinite(told))
    assert np.diff(looks).min() == np.diff(looks).max() > 1
    assert looks[-1] == len(told) - 1 < 50
    assert np.all(np.diff(told[looks[-2:]]) <= 1e-4)


def test_early_stopping_warns_where_there_was_nothing_to_watch(X, monkeypatch):
    monkeypatch.setattr("layerwise.trainers.watch.UNNOTICED", 1)
    rbm = clone(LAYERS[0]).set_callbacks(EarlyStopping(n_passes_no_change=1))
    with pytest.warns(
        UserWarning, match=r"'log_likelihood', which was not told.*EarlyStopping\(X\)"
    ):
        rbm.fit(X)
    assert len(rbm.history_["free_energy_gap"]) == N


@pytest.mark.parametrize("make", [CD, PCD])
@pytest.mark.parametrize("monitor", [None, "validation_free_energy_gap"])
def test_early_stopping_watches_the_gap_of_rows_that_a_trainer_holds_out(rng, make, monitor):
    """By default it watched a likelihood that is told of no pass, and never ended training."""
    X = (rng.random((60, 40)) < 0.4).astype(float)
    trainer = make(n_passes=300, early_stopping=True, n_passes_no_change=200)
    rbm = RBM(40, trainer=trainer, random_state=5)  # of too many states for a likelihood
    stopping = EarlyStopping(monitor=monitor, n_passes_no_change=7, tol=0.01)
    gap = clone(rbm).set_callbacks(stopping).fit(X).history_["validation_free_energy_gap"]
    lowest, waited = np.inf, 0
    for done, value in enumerate(gap, start=1):
        lowest, waited = (value, 0) if value < lowest - 0.01 else (lowest, waited + 1)
        assert (waited == 7) == (done == len(gap))
    assert len(gap) < len(rbm.fit(X).history_["validation_free_energy_gap"])


def test_the_likelihood_of_held_out_rows_comes_before_all_else(X):
    rbm = RBM(3, trainer=PCD(n_passes=50, early_stopping=True), random_state=5)
    told = rbm.set_callbacks(EarlyStopping(n_passes_no_change=1, tol=1e9)).fit(X).history_
    assert len(told["validation_log_likelihood"]) == 2
    with pytest.raises(ValueError, match=r"watches 'validation_free_energy_gap', and history_ of"):
        clone(rbm).set_callbacks(EarlyStopping(monitor="validation_free_energy_gap")).fit(X)


def test_early_stopping_on_rows_that_were_held_out(rng):
    X, held_out = ((rng.random((n, 9)) < 0.4).astype(float) for n in (12, 200))
    recorder = Recorder()
    rbm = RBM(6, trainer=ExactGradient(n_passes=300, learning_rate=0.1), random_state=5)
    rbm.set_callbacks(EarlyStopping(held_out, n_passes_no_change=5), recorder).fit(X)
    scores = [found.score(held_out) for _, _, found in recorder.passes]
    assert len(scores) == np.argmax(scores) + 1 + 5 < 300  # twelve rows of noise are overfitted
    assert rbm.score(held_out) == scores[-1]
    asked = []

    def scorer(estimator, rows):
        asked.append(rows)
        return scorers.log_likelihood(estimator, rows)

    again = clone(rbm).set_callbacks(EarlyStopping(held_out, scoring=scorer, n_passes_no_change=5))
    assert state(again.fit(X)) == state(rbm)
    assert len(asked) == len(scores)
    assert all(rows is held_out for rows in asked)


def test_early_stopping_in_pipelines_searches_and_deep_models(X):
    alone = flat().set_callbacks(EarlyStopping(n_passes_no_change=3, tol=1e-3))
    n_passes = len(clone(alone).fit(X).history_["log_likelihood"])
    assert n_passes < 100
    pipeline = make_pipeline(FunctionTransformer(), clone(alone)).fit(X)
    assert len(pipeline[-1].history_["log_likelihood"]) == n_passes
    search = GridSearchCV(clone(alone), {"n_components": [2, 3]}, cv=2).fit(X)
    assert len(search.best_estimator_.history_["log_likelihood"]) < 100
    still = clone(alone).set_params(trainer__schedule="constant", trainer__learning_rate=1e-6)

    def n_told(estimator, X, y=None):
        return len(estimator.history_["negative_log_likelihood"])

    for n_jobs in (None, 2):  # in processes too, where it is sent with the estimator
        search = GridSearchCV(still, {"n_components": [2, 3]}, cv=2, scoring=n_told, n_jobs=n_jobs)
        assert search.fit(X).cv_results_["mean_test_score"].tolist() == [4, 4]
    tuner = LikelihoodAscent(n_passes=200, learning_rate=1e-5, optimizer="sgd")
    dbn = DBN([clone(LAYERS[3]), clone(alone)], fine_tuner=tuner, random_state=5)
    dbn.set_callbacks(EarlyStopping(n_passes_no_change=3, tol=1e-2)).fit(X)
    assert len(dbn.history_["layer1"]["reconstruction_error"]) == N
    assert 3 < len(dbn.history_["layer2"]["log_likelihood"]) < 100
    assert len(dbn.history_["fine_tuner"]["negative_log_likelihood"]) == 4


def test_early_stopping_pickles_in_the_middle_of_training(X):
    stopping = EarlyStopping(n_passes_no_change=3, tol=1e-3)
    dbn = DBN([clone(LAYERS[3]), RBM(3, trainer=CD(n_passes=N))], random_state=5)
    dbn.layers[1].set_callbacks(stopping)
    dbn = pickle.loads(pickle.dumps(dbn))
    assert len(dbn.fit(X).history_["layer2"]["log_likelihood"]) <= N
    assert isinstance(dbn.layers[1]._skl_callbacks[0], EarlyStopping)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_passes_no_change": 0}, ValueError, "n_passes_no_change == 0, must be >= 1"),
        ({"tol": -1.0}, ValueError, "tol == -1.0, must be >= 0"),
        ({"scoring": "blm"}, TypeError, "scoring is a callable.*'blm'. Use one of"),
        ({"X": [[1.0]], "monitor": "x"}, ValueError, "has both X and monitor='x'. Leave one"),
    ],
)
def test_early_stopping_says_what_is_wrong_with_it(options, error, words):
    with pytest.raises(error, match=words):
        EarlyStopping(**options)


def test_early_stopping_says_what_there_is_to_watch(X):
    words = "'likelihood', and history_ of RBM has log_likelihood, free_energy_gap. Use one"
    with pytest.raises(ValueError, match=words):
        clone(LAYERS[0]).set_callbacks(EarlyStopping(monitor="likelihood")).fit(X)
    with pytest.raises(TypeError, match="FitCallback protocol"):
        clone(LAYERS[0]).set_callbacks(EarlyStopping)
