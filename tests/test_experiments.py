"""The experiments: what they say of made records, and that the command leaves it."""

import json
import sys
from itertools import combinations

import numpy as np
import pytest

from layerwise.cli import main
from layerwise.compare import (
    analyses,
    families,
    optimality,
    selection,
    statistics,
    work,
)
from layerwise.compare.tables import Table

DEEP = ("srbm", "vanilla-ae", "aeri", "latent")


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Resample a few times: no test reads the width of an interval."""
    monkeypatch.setattr(analyses, "RANK_DRAWS", 10)
    monkeypatch.setattr(selection, "N_SEARCHES", 400)


@pytest.fixture
def plt():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def record(family, index, valid, test, blm=None, rate=0.01, n_parameters=1000):
    rates = ["learning_rate"] if family == "rbm" else ["learning_rate_bottom", "learning_rate_top"]
    return {
        "family": family, "index": index, "valid_ll": valid, "test_ll": test,
        "blm_valid": valid + 1 if blm is None and valid is not None else blm,
        "n_parameters": n_parameters, "params": dict.fromkeys(rates, rate),
    }  # fmt: skip


def made(n=12):
    """Each family is one nat above the one before, candidate by candidate."""
    noise = np.random.default_rng(17).normal(size=n)
    return [
        record(family, index, -20 + place + noise[index], -21 + place + noise[index],
               n_parameters=500 + 100 * index)
        for place, family in enumerate(("rbm", *DEEP))
        for index in range(n)
    ]  # fmt: skip


def table_of(result, title):
    (found,) = [table for table in result["tables"] if title in table.title]
    return found


def test_the_best_of_k_is_the_mean_over_all_choices_of_k():
    rng = np.random.default_rng(17)
    valid, test = rng.normal(size=7), rng.normal(size=7)
    for k in (1, 3, 6, 7):
        reached = [
            test[max(chosen, key=lambda i: valid[i])] for chosen in combinations(range(7), k)
        ]
        mean, low, high = statistics.best_of(valid, test, k)
        assert mean == pytest.approx(np.mean(reached), abs=1e-12)
        assert min(reached) <= low <= high <= max(reached)


def test_curves_end_at_all_candidates_and_at_the_best_on_validation():
    valid, test = np.array([-3.0, -1.0, -2.0]), np.array([-5.0, -7.0, -6.0])
    curve = statistics.curve(valid, test)
    assert curve["candidates"] == [1, 2, 3]
    assert curve["mean"][0] == pytest.approx(-6)
    assert curve["mean"][-1] == curve["low"][-1] == curve["high"][-1] == -7.0


def test_intervals_over_splits_are_students():
    # t of 4 degrees of freedom is 2.776; the standard deviation of 1 to 5 is sqrt(2.5).
    mean, low, high = statistics.over_splits([1, 2, 3, 4, 5])
    assert mean == 3
    assert high - mean == pytest.approx(2.7764451 * np.sqrt(2.5 / 5), rel=1e-6)
    assert mean - low == pytest.approx(high - mean, rel=1e-12)


def test_rank_correlations_see_order_alone():
    x = np.arange(1.0, 9)
    for rank in (statistics.spearman, statistics.kendall):
        assert rank(np.stack([x, np.exp(x)], axis=1)) == pytest.approx(1, abs=1e-12)
        assert rank(np.stack([x, -(x**3)], axis=1)) == pytest.approx(-1, abs=1e-12)
        assert np.isnan(rank(np.stack([x, np.ones(8)], axis=1)))


def test_depth_counts_how_far_deep_models_are_ahead():
    result = analyses.depth(made())
    rows = {row[0]: row for row in table_of(result, "Best on validation").rows}
    for place, family in enumerate(DEEP, start=1):
        assert rows[family][5][0] == pytest.approx(place)
        assert result["summary"][f"{family} minus rbm"] == pytest.approx(place)
    assert rows["rbm"][5] is None
    sizes = table_of(result, "about equal size")
    assert len(sizes.rows) == analyses.N_SIZES
    for row in sizes.rows:  # the same noise in every group, so the same gains
        np.testing.assert_allclose([gain[0] for gain in row[6:]], [1, 2, 3, 4])


def test_candidates_that_diverged_are_passed_over():
    records = [*made(), record("aeri", 12, None, None), record("aeri-ft", 0, None, None)]
    rows = {row[0]: row for row in table_of(analyses.depth(records), "Best on").rows}
    assert rows["aeri"][1] == 12
    assert rows["aeri-ft"][1:] == [0, None, None, None, None]
    assert table_of(analyses.inference(records), "same index")
    assert analyses.prediction(records)["summary"]


def test_inference_pairs_candidates_of_the_same_index():
    result = analyses.inference(made())
    rows = {tuple(row[:2]): row for row in table_of(result, "same index").rows}
    assert ("rbm", "srbm") not in rows
    assert rows["aeri", "vanilla-ae"][2:4] == [12, 12]
    np.testing.assert_allclose(rows["aeri", "vanilla-ae"][4], (1, 1, 1))  # every pair
    np.testing.assert_allclose(rows["vanilla-ae", "srbm"][7], (1, 1, 1))
    slow = [record(family, 0, -9.0, -9.0, rate=1e-4) for family in DEEP]
    assert table_of(analyses.inference(slow), "same index").rows[0][5] == 0


def test_prediction_ranks_layer_wise_families_only():
    records = [*made(), *(record("aeri-ft", index, -9.0, -9.0) for index in range(5))]
    result = analyses.prediction(records)
    rows = {row[0]: row for row in result["tables"][0].rows}
    assert set(rows) == {*DEEP, "all"}
    np.testing.assert_allclose(rows["aeri"][2], (1, 1, 1))


def bottom(index, blm, tops, seconds=1.0):
    tops = [{"params": {}, "valid_ll": t, "test_ll": t, "seconds": 2.0} for t in tops]
    return {"family": "aeri", "index": index, "params": {}, "blm_valid": blm,
            "seconds": seconds, "tops": tops}  # fmt: skip


def test_selection_counts_what_is_reached_and_what_it_costs():
    """The BLM is right here: the best bottom has the best tops."""
    grid = [
        bottom(i, -10.0 - i, [-12.0 - i - 0.01 * j for j in range(selection.N_TOPS)])
        for i in range(16)
    ]
    result = selection.selection([*grid, {**bottom(16, None, []), "blm_valid": None}])
    table = table_of(result, "Layer-wise")
    joint, *layers = table.rows
    assert joint[5] == pytest.approx(16 * 3.0)
    assert layers[-1][5] == pytest.approx(16 * 1.0 + selection.N_TOPS * 2.0)
    assert layers[-1][6] == pytest.approx(36 / 48)
    reached = [row[3][0] for row in layers]
    assert reached[-1] == max(reached)
    assert -14 < reached[-1] <= -12
    ranks = table_of(result, "Rank").rows[0]
    np.testing.assert_allclose(ranks[2], (1, 1, 1))


def test_optimality_takes_the_better_rate_on_validation():
    def way(name, rate, value):
        return {"way": name, "rate": rate, "train_ll": value, "valid_ll": value,
                "test_ll": value, "bound": -8.0, "divergence": 1.5, "seconds": 1.0}  # fmt: skip

    ways = [
        way(optimality.WAYS[0], None, -10.0), way(optimality.WAYS[1], 1e-3, -9.5),
        way(optimality.WAYS[1], 5e-3, -9.0), {"way": optimality.WAYS[2], "valid_ll": None},
    ]  # fmt: skip
    params = {"n_hidden_bottom": 4, "n_hidden_top": 3}
    result = optimality.optimality([{"family": "aeri", "params": params, "ways": ways}])
    assert result["summary"]["aeri, fine-tuned, gain on test"] == pytest.approx(1)
    assert result["summary"]["aeri, bound KL(Q || P)"] == 1.5
    assert [row[3] for row in result["tables"][0].rows] == [-10.0, -9.0, None]


def test_tables_are_written_as_text_and_as_markdown():
    table = Table("Numbers", ["name", "value"], "In nats.")
    table.add("one", (-1.234, -2.0, None))
    table.add("two", None)
    table.add("three", 1234)
    assert "-1.23 [-2.00, -]" in table.text()
    assert table.markdown().splitlines()[2:] == [
        "| name | value |", "| --- | --- |", "| one | -1.23 [-2.00, -] |", "| two | - |",
        "| three | 1,234 |",
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path, capsys, monkeypatch, plt):
    """Run the command quickly, in one folder."""
    for name in ("SINGLE_HIDDEN", "DEEP_HIDDEN"):
        monkeypatch.setattr(families, name, (1, 4))
    monkeypatch.setattr(families, "INFERENCE", (1, 20))
    monkeypatch.setattr(selection, "N_TOPS", 4)

    def call(*options):
        common = ["--quick", "--jobs", "1", "--output", str(tmp_path / "out")]
        return main(["compare", *options, *common]), *capsys.readouterr()

    return call


def numbers(path):
    """Return the records of a file without their times."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for found in records:
        for part in (found, *found.get("tops", []), *found.get("ways", [])):
            part.pop("seconds", None)
    return records


def test_experiments_leave_tables_pictures_and_json(run, tmp_path):
    out = tmp_path / "out"
    for name in ("depth", "inference", "prediction", "selection", "optimality"):
        status, told, err = run("--experiment", name)
        assert status == 0
        result = json.loads((out / f"{name}.json").read_text())
        assert result["experiment"] == name
        assert result["candidates"] == 3
        for table in result["tables"]:
            assert f"{table['title']}." in told
            assert f"**{table['title']}.**" in (out / f"{name}.md").read_text()
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        if name in ("inference", "prediction"):  # these go on with the records of the first
            assert "12 of 12 candidates stand" in err
    ways = numbers(out / "optimality.jsonl")
    assert [found["family"] for found in ways] == ["aeri", "latent"]
    for found in ways:
        for way in found["ways"]:
            # The theorem, of any bottom and any top: U - L is at most the divergence.
            assert way["bound"] - way["train_ll"] <= way["divergence"] + 2e-3  # of the bracket
            assert way["bound"] >= way["train_ll"] - 1e-6
    for found in numbers(out / "selection.jsonl"):
        values = [top["valid_ll"] for top in found["tops"]]
        assert len(values) == selection.N_TOPS
        assert max(values) <= found["blm_valid"] + 1e-3  # of its bracket


@pytest.mark.parametrize("name", ["selection", "optimality"])
def test_an_interrupted_experiment_goes_on_to_the_same_records(name, run, tmp_path, monkeypatch):
    def interrupted(todo, source, n_jobs, evaluate):
        yield from train(todo[:1], source, n_jobs, evaluate)
        if todo:
            raise KeyboardInterrupt

    train, path = work.run, tmp_path / "out" / f"{name}.jsonl"
    options = ["--experiment", name, "--families", "aeri", "vanilla-ae"]
    assert run(*options)[0] == 0
    whole = numbers(path)
    path.unlink()
    monkeypatch.setattr(work, "run", interrupted)
    assert run(*options)[0] == 130
    assert len(numbers(path)) == 1
    monkeypatch.setattr(work, "run", train)
    status, _, err = run(*options)
    assert status == 0
    assert f"1 of {len(whole)} candidates stand in {path}" in err
    assert numbers(path) == whole


def test_another_best_model_is_trained_anew_and_the_other_forgotten(run, tmp_path):
    options = ["--experiment", "optimality", "--families", "aeri"]
    for n in ("1", "3"):
        assert run(*options, "--candidates", n)[0] == 0
        lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
        best = max(map(json.loads, lines), key=lambda found: found["valid_ll"])
        assert [r["index"] for r in numbers(tmp_path / "out" / "optimality.jsonl")] == [
            best["index"]
        ]


def test_without_matplotlib_the_tables_come_and_a_sentence(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    status, out, err = run("--experiment", "selection", "--families", "vanilla-ae")
    assert status == 0
    assert "Layer-wise against joint search" in out
    assert "selection.png is not drawn" in err
    assert not (tmp_path / "out" / "selection.png").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--experiment", "breadth"], "invalid choice: 'breadth' (choose from"),
        (["--experiment", "selection", "--families", "rbm"],
         "--experiment selection takes the families srbm, vanilla-ae, aeri, latent, and rbm is"),
        (["--experiment", "optimality", "--families", "aeri-ft"], "aeri-ft is none of these"),
        (["--budget", "0"], "'0' is not a positive number"),
        (["--budget", "much"], "'much' is not a positive number"),
    ],
)  # fmt: skip
def test_bad_options_get_one_sentence_and_leave_no_folder(options, words, run, tmp_path):
    status, out, err = run(*options)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "out").exists()


def test_another_budget_in_the_same_folder_is_refused(run):
    assert run("--families", "rbm")[0] == 0
    status, _, err = run("--families", "rbm", "--budget", "0.02")
    assert status == 2
    assert "was made with another search space" in err
