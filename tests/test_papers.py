"""The experiments of neighbouring papers: arms over splits, their records, tables and claims."""

import json
import re
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from layerwise import CD, DBN, RBM
from layerwise.cli import main, read_options
from layerwise.compare import arms, chains, generators, papers, predictors
from layerwise.compare import paper as paper_module
from layerwise.compare.paper import ERROR

NAME = "prediction-greedy"


@pytest.fixture
def argv(tmp_path):
    argv = ["compare", "--experiment", NAME, "--data", "digits", "--quick", "--jobs", "1"]
    return [*argv, "--output", str(tmp_path / "out")]


@pytest.fixture
def options(argv):
    return read_options(argv)


@pytest.fixture
def constant(monkeypatch):
    """Arms that take no time: one guesses, the others say the most frequent label."""

    def make(arm, condition, sizes, rate, n_rows, budget):
        return DummyClassifier(strategy="uniform" if arm == "shallow" else "most_frequent")

    monkeypatch.setitem(papers.PAPERS, NAME, replace(papers.PAPERS[NAME], make=make))


def lines_of(folder, name=NAME):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_every_arm_has_every_rate_on_one_split_and_its_own_on_all(options, constant, capsys):
    with arms.prepared(options) as found:
        arms.compare(options, *found)
    records = lines_of(options.output)
    tuning = [r for r in records if r["condition"] == "all labels" and r["split"] == 1212]
    assert len(tuning) == 8 * 3
    # Two splits of 8, 5, 4 and 4 arms; on the first, those of all labels stand already.
    assert len(records) == len(tuning) + 2 * (8 + 5 + 4 + 4) - 8
    result = json.loads((options.output / f"{NAME}.json").read_text())
    # 1,000 labels are all that there are.
    assert list(result["measures"]["error"]["values"]) == [
        "all labels",
        "20 units on top",
        "100 labels",
        "300 labels",
    ]
    assert list(result["measures"]["loss"]["values"]) == ["all labels", "20 units on top"]
    assert len(result["tables"][2]["rows"]) == 7 + 4 + 4 + 2 + 2
    assert "RBMs beat auto-encoders" in capsys.readouterr().out
    assert "seeds 1212 to 1213" in (options.output / f"{NAME}.md").read_text()


def test_a_full_disk_is_a_sentence(argv, constant, monkeypatch, capsys):
    """It was told as a folder that cannot be used, by a traceback."""

    def full(*args):
        raise OSError(28, "No space left on device", "some.json")

    monkeypatch.setattr(arms, "leave", full)
    assert main(argv) == 1
    assert "some.json could not be written: No space left" in capsys.readouterr().err


def test_what_was_ended_goes_on_where_it_was(options, constant, monkeypatch, capsys):
    evaluate, calls = papers.evaluate, []

    def ends(trial, data):
        calls.append(trial)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return evaluate(trial, data)

    monkeypatch.setattr(arms, "evaluate", ends)
    with pytest.raises(KeyboardInterrupt), arms.prepared(options) as found:
        arms.compare(options, *found)
    kept = lines_of(options.output)
    assert len(kept) == 4
    with arms.prepared(options) as found:
        arms.compare(options, *found)
    assert "4 of 24 candidates stand in" in capsys.readouterr().err
    records = lines_of(options.output)
    assert records[:4] == kept
    assert len({(r["family"], r["index"]) for r in records}) == len(records) == 24 + 34


def test_records_of_other_settings_are_refused(options, constant):
    with arms.prepared(options) as found:
        arms.compare(options, *found)
    options.budget = 2.0
    with (
        pytest.raises(ValueError, match=r"was made with budget 0\.03"),
        arms.prepared(options),
    ):
        pass


def test_data_without_labels_are_refused(tmp_path, capsys):
    argv = ["compare", "--experiment", "prediction-greedy", "--data", "tea"]
    assert main([*argv, "--output", str(tmp_path)]) == 2
    assert "Use mnist or digits" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--families", "rbm"], ["--candidates", "3"]])
def test_options_of_other_experiments_are_refused(given, tmp_path, capsys):
    argv = ["compare", "--experiment", "shadow", "--data", "digits", *given]
    assert main([*argv, "--output", str(tmp_path / "out")]) == 2
    assert f"takes no {given[0]}. Leave it out" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_measures_are_means_over_the_splits_that_have_them():
    record = {"condition": "all labels", "arm": "shadow"}
    values = [{"1: a": 1.0, "1: b": None}, {"1: a": 3.0, "1: b": 5.0}]
    table = arms.measures([record, *({**record, "network": each} for each in values)])
    ((condition, arm, n_splits, a, b),) = table.rows
    assert (condition, arm, n_splits) == ("all labels", "shadow", 2)
    assert a[0] == 2
    assert b == (5, None, None)
    assert arms.measures([record]) is None


def test_splits_are_parts_of_the_rows_and_labels_go_with_them():
    data = papers.load("digits")
    (X, y), (X_valid, _), (X_test, y_test) = data.split(5)
    assert (len(X), len(X_valid), len(X_test)) == (1000, 397, 400)
    together = np.concatenate([X, X_valid, X_test])
    assert np.array_equal(np.sort(together, axis=0), np.sort(data.rows, axis=0))
    where = {row.tobytes(): label for row, label in zip(data.rows, data.labels)}
    assert all(where[row.tobytes()] == label for row, label in zip(X_test, y_test))
    assert not np.array_equal(data.split(6)[0][1], y)


@pytest.mark.parametrize("name", papers.PAPERS)
def test_every_arm_can_be_trained(name, monkeypatch):
    for room in (generators, chains):  # a tenth of the time, most of which they took
        monkeypatch.setattr(room, "SAMPLES", 100)
        monkeypatch.setattr(room, "CHAIN", 5)
    monkeypatch.setattr(generators, "SCORED", 20)
    monkeypatch.setattr(chains, "AT", (1, 2))
    data, paper = papers.load("digits"), papers.PAPERS[name]
    for condition in paper.fitting(data.n_train):
        if name == "joint" and condition.depth in (3, 4):
            continue  # as those of 2 and 5 layers
        for arm in condition.arms:
            trial = papers.Trial(name, arm, condition, 1, 5, 0.01, data.n_train)
            record, _ = papers.evaluate(trial, data)
            for measure in condition.measures:
                assert np.isfinite(record[f"valid_{measure}"])
                assert np.isfinite(record[f"test_{measure}"])
            assert 0 <= record.get("test_error", 0) <= 100
            assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize("name", predictors.PREDICTORS)
def test_every_arm_takes_as_many_steps(name):
    paper = papers.PAPERS[name]
    arms_of = [(condition, arm) for condition in paper.conditions for arm in condition.arms]
    for n_rows in (100, 300, 1000, 3000, 14_000):
        for condition, arm in arms_of:
            made = paper.make(arm, condition, (30, 30), 1e-3, n_rows, 1.0)
            made = made[-1] if isinstance(made, Pipeline) else made
            tuner = getattr(made, "fine_tuner", None)
            if tuner is not None:
                steps = tuner.n_passes * -(-n_rows // tuner.batch_size)
                times = 2 if arm == "dropout, twice the passes" else 1
                if arm == predictors.UNTRAINED_LONGER:  # those of 10 passes in batches of 100 too
                    times += n_rows / 10 / predictors.STEPS
                assert steps == pytest.approx(times * predictors.STEPS, rel=0.04)


def test_clutter_is_another_row_and_says_nothing_of_the_label():
    X = np.random.default_rng(3).random((50, 4))
    cluttered = predictors.BesideOthers().fit_transform(X)
    assert np.array_equal(cluttered[:, :4], X)
    assert np.array_equal(np.sort(cluttered[:, 4:], axis=0), np.sort(X, axis=0))
    assert np.mean(np.all(cluttered[:, 4:] == X, axis=1)) < 0.2
    data, paper = papers.load("digits"), papers.PAPERS["prediction-continuous"]
    (X, y), *_ = data.split(5)
    for condition, n_inputs in zip(paper.conditions, (40, 80)):
        arm = condition.arms[0]
        trial = papers.Trial("prediction-continuous", arm, condition, 1, 5, 0.01, data.n_train)
        assert trial.estimator.fit(X, y)[-1].n_features_in_ == n_inputs


def test_layers_of_the_continuous_experiment_take_what_they_are_named_for():
    data, paper = papers.load("digits"), papers.PAPERS["prediction-continuous"]
    X = data.split(5)[0][0]
    for arm, visible, supervision in (
        ("RBM, inputs in [0, 1]", "bernoulli", 0.0),
        ("RBM, inputs in [0, 1], partly supervised", "bernoulli", 1.0),
        ("Gaussian RBM", "gaussian", 0.0),
        ("Gaussian RBM, partly supervised", "gaussian", 1.0),
    ):
        made = paper.make(arm, paper.conditions[0], (30, 20, 10), 1e-3, len(X), 0.01)
        inputs = made[:-1].fit_transform(X)
        assert (inputs.min() >= 0 and inputs.max() <= 1) == (visible == "bernoulli")
        bottom, *others = made[-1].layers
        assert bottom.visible == visible
        assert {layer.visible for layer in others} == {"bernoulli"}
        assert made[-1].supervision == [supervision, 0.0, 0.0]


@pytest.mark.parametrize("arm", generators.JOINT)
@pytest.mark.parametrize("depth", generators.DEPTHS)
def test_every_deep_auto_encoder_has_as_many_steps_a_layer(arm, depth):
    for condition in papers.PAPERS["joint"].conditions:
        made = generators.joint(arm, condition, (200,) * depth, 1e-3, 14_000, 1.0)
        layer = getattr(made, "layers", [made])[0]
        stages = 2 if layer.training == "greedy+joint" else 1
        steps = stages * layer.trainer.n_passes * 140
        assert steps == generators.STEPS * (2 if "twice" in arm else 1)


@pytest.mark.parametrize("name", papers.PAPERS)
def test_what_a_trial_is_can_be_told_in_another_process(name):
    """A function stands in it by its address, and no run could go on where it was."""
    for condition in papers.PAPERS[name].conditions:
        for arm in condition.arms:
            told = papers.Trial(name, arm, condition, 1, 5, 1.0, 14_000).describe()
            assert " at 0x" not in told


def test_every_claim_has_arms_of_its_condition():
    for paper in papers.PAPERS.values():
        found = {condition.name: condition for condition in paper.conditions}
        for claim in paper.claims:
            assert {claim.better, claim.worse} <= set(found[claim.condition].arms)
            assert claim.measure in found[claim.condition].measures


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        ((-1.0, -1.5, -0.5), "holds"),
        ((1.0, 0.5, 1.5), "does not hold"),
        ((-1.0, -2.0, 0.1), "cannot be told"),
        ((-1.0, None, None), "cannot be told"),
        ((0.0, 0.0, 0.0), "cannot be told"),
    ],
)
def test_a_verdict_is_that_of_the_interval(difference, told):
    assert arms.verdict(difference) == told


def test_the_rate_is_that_of_the_best_value_on_validation():
    rates = (1e-3, 2e-3, 3e-3)
    records = [
        {"arm": arm, "rate": rates[k], "valid_error": value, "valid_parzen": -value,
         "condition": condition}
        for condition, values in {
            "first": {"a": (3.0, 1.0, 2.0), "b": (1.0, 2.0, 1.0)},
            "other": {"a": (0.0, 9.0, 9.0)},
        }.items()
        for arm, of_rates in values.items()
        for k, value in enumerate(of_rates)
    ]  # fmt: skip
    for measure in (ERROR, generators.PARZEN):  # of which the higher one is the better
        assert arms.chosen(records, measure, "first", rates) == {"a": 1, "b": 0}


@pytest.mark.parametrize(("sign", "told"), [(1, "does not hold"), (-1, "holds")])
def test_claims_are_judged_by_what_is_better(sign, told):
    measure = replace(ERROR, name="parzen", sign=sign)
    claims = paper_module.claims_of("a is better", [("a", "b")], "only", "parzen")
    condition = paper_module.Condition("only", None, None, ("a", "b"), measures=("parzen",))
    paper = paper_module.Paper("?", (condition,), None, 1, 1, claims, measures=(measure,))
    records = [
        {"arm": arm, "condition": "only", "split": split, "rate": 1e-3, "seconds": 1.0,
         "test_parzen": base + 0.1 * split * (arm == "a")}
        for arm, base in (("a", 5.0), ("b", 3.0))
        for split in range(4)
    ]  # fmt: skip
    result = arms.summary(paper, [condition], records, {"parzen": {"a": 1, "b": 1}})
    values, judged = result["tables"]
    assert values.rows[0][2][0] == pytest.approx(5.15)
    (row,) = judged.rows
    assert row[-1] == told
    assert row[3][0] == pytest.approx(2.15)


def test_processes_do_not_change_the_records(tmp_path, options):
    found = {}
    for jobs in (1, 2):
        here = Namespace(**{**vars(options), "jobs": jobs, "budget": 0.01, "splits": 2})
        here.output, here.experiment = tmp_path / str(jobs), "shadow"
        with arms.prepared(here) as rows:
            arms.compare(here, *rows)
        found[jobs] = sorted(
            (r["family"], r["index"], r["test_error"]) for r in lines_of(here.output, "shadow")
        )
    assert found[1] == found[2]


def test_help_names_the_experiments(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    told = re.sub(r"\s+", " ", capsys.readouterr().out)
    for name, paper in papers.PAPERS.items():
        assert f"{name} {paper.question}" in told


def test_small_images_are_means_of_blocks():
    rows = np.random.default_rng(3).random((5, 28 * 28))
    small = chains.pooled(rows)
    assert small.shape == (5, 12)
    images = rows.reshape(5, 28, 28)
    assert np.array_equal(small[:, 0], images[:, :7, :10].mean(axis=(1, 2)) > 0.2)
    assert np.array_equal(small[:, 11], images[:, 21:, 19:].mean(axis=(1, 2)) > 0.2)
    assert chains.pooled(np.zeros((2, 64))).shape == (2, 12)


@pytest.mark.parametrize("arm", chains.LARGE)
def test_all_stacks_have_as_many_steps_a_layer(arm):
    for condition in papers.PAPERS["drbn"].conditions:
        made = chains.chains(arm, condition, (10, 10), 1e-2, 14_000, 1.0)
        model = made.model if isinstance(made, chains.OfFewPixels) else made
        layers = [layer for _, layer in model._named_layers] if arm[:3] == "DBN" else [model]
        assert all(layer.trainer.n_passes * 140 == chains.STEPS for layer in layers)


def test_chains_of_a_dbn_have_the_means_of_its_samples():
    X = (np.random.default_rng(3).random((60, 9)) < 0.3).astype(float)
    trainer = {"trainer": CD(n_passes=20)}
    model = DBN([RBM(5, **trainer), RBM(4, **trainer)], random_state=5).fit(X)
    means = chains.means_of(model, 4000, 200, 7).mean(axis=0)
    drawn = model.sample(4000, random_state=8).mean(axis=0)
    assert np.abs(means - drawn).max() < 5 * 0.5 * np.sqrt(2 / 4000)


def test_what_arms_draw_is_left_as_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(chains, "AT", (1, 2))
    monkeypatch.setattr(chains, "SAMPLES", 100)
    data = papers.load("digits")
    paper = papers.PAPERS["drbn"]
    trial = papers.Trial("drbn", "DRBN, CD", paper.conditions[0], 1, 5, 0.01, data.n_train)
    record, _ = papers.evaluate(trial, data)
    other = {**record, "split": 6, "arm": "other"}
    assert arms._sheets([record, other], data, tmp_path, "drbn") == ["drbn-samples.png"]
    assert (tmp_path / "drbn-samples.png").stat().st_size > 1000
    del record["sheet"]
    assert arms._sheets([record, other], data, tmp_path, "drbn") == []
