"""The command: what it leaves, that it resumes, and what it refuses."""

import json
import math
import re
import sys

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits

from layerwise.cli import main
from layerwise.compare import candidates, families, sources, winners, work
from layerwise.datasets import load_tea

FAMILIES = ["rbm", "srbm", "vanilla-ae", "aeri"]  # of the command, unless others are asked for
BUDGET = families.Budget(81)
RATES = ("learning_rate", "learning_rate_bottom", "learning_rate_top")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Candidates that train in a moment. They are built here and sent to other processes."""
    for name in list(vars(families)):
        if name.endswith("_STEPS"):
            monkeypatch.setattr(families, name, 9)  # three passes in batches over Tea
    monkeypatch.setattr(families, "SINGLE_HIDDEN", (1, 4))
    monkeypatch.setattr(families, "DEEP_HIDDEN", (1, 4))
    monkeypatch.setattr(families, "LEARNING_RATE", (1e-5, 1e-3))
    pytest.importorskip("matplotlib").use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield
    pyplot.close("all")


@pytest.fixture
def compare(tmp_path, capsys):
    """Run the command in a folder of its own; return status, stdout, stderr."""

    def run(*options, output="out", candidates=1, jobs=1):
        status = main([
            "compare", "--output", str(tmp_path / output), "--candidates", str(candidates),
            "--jobs", str(jobs), *options,
        ])  # fmt: skip
        return status, *capsys.readouterr()

    return run


def lines(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def numbers(folder):
    """Return the records without the time they took."""
    return [{k: v for k, v in record.items() if k != "seconds"} for record in lines(folder)]


def test_leaves_a_record_per_candidate_a_table_and_two_pictures(compare, tmp_path):
    status, out, _ = compare(candidates=2)
    assert status == 0
    records = lines(tmp_path / "out")
    assert [(r["family"], r["index"]) for r in records] == [
        (f, i) for f in FAMILIES for i in (0, 1)
    ]
    for record in records:
        assert record["blm_valid"] >= record["valid_ll"] - 1e-3  # the tolerance of its bracket
        assert all(record[name] < 0 for name in candidates.SCORES)
        assert record["seconds"] > 0
    for name in ("comparison.png", "samples.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")

    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    for family in FAMILIES:
        mine = [record for record in records if record["family"] == family]
        chosen = max(mine, key=lambda record: record["valid_ll"])
        for name in ("train_ll", "valid_ll", "test_ll", "blm_valid"):
            assert f"{chosen[name]:.2f}" in rows[family]
        assert f"{chosen['n_parameters']:,}" in rows[family]
    assert "-69.31" in rows["uniform"]
    assert "-5.49" in rows["perfect model"]
    assert (
        list(rows).index("uniform") < list(rows).index("rbm") < list(rows).index("perfect model")
    )


def test_parameters_are_those_of_the_generative_model(compare, tmp_path):
    compare()
    for record in lines(tmp_path / "out"):
        params = record["params"]
        if record["family"] == "rbm":
            n = params["n_hidden"]
            assert record["n_parameters"] == 100 * n + 100 + n
        else:
            bottom, top = params["n_hidden_bottom"], params["n_hidden_top"]
            deep = 100 * bottom + 100 + bottom * top + bottom + top
            assert record["n_parameters"] == deep


def test_the_numbers_do_not_depend_on_the_number_of_jobs(compare, tmp_path):
    assert compare(output="one", jobs=1, candidates=2)[0] == 0
    assert compare(output="two", jobs=2, candidates=2)[0] == 0
    assert numbers(tmp_path / "one") == numbers(tmp_path / "two")


def test_another_seed_gives_other_numbers(compare, tmp_path):
    compare("--families", "rbm", output="one")
    compare("--families", "rbm", "--seed", "17", output="two")
    one, two = lines(tmp_path / "one")[0], lines(tmp_path / "two")[0]
    assert one["params"] != two["params"]
    assert one["train_ll"] != two["train_ll"]


def test_an_interrupted_run_says_how_to_resume_and_does(compare, tmp_path, monkeypatch):
    compare(output="whole", candidates=2)
    run = work.run

    def interrupted(todo, source, *others):
        yield from run(todo[:3], source, *others)
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "run", interrupted)
    status, _, err = compare(candidates=2)
    assert status == 130
    assert "the same command resumes: layerwise compare --output" in err
    path = tmp_path / "out" / "results.jsonl"
    kept = path.read_text()
    assert kept.count("\n") == 3
    path.write_text(kept + '{"family": "rbm", "ind')  # killed while it wrote

    monkeypatch.setattr(work, "run", run)
    status, _, err = compare(candidates=2)
    assert status == 0
    assert "3 of 8 candidates stand" in err
    assert numbers(tmp_path / "out") == numbers(tmp_path / "whole")
    assert set(kept.splitlines()) <= set(path.read_text().splitlines())  # times too: not redone


def scores(folder):
    """Return what each kept model reaches on the training rows."""
    train = load_tea(random_state=1212).train
    return {path.stem: joblib.load(path).score(train) for path in folder.glob("*.joblib")}


def winners_of(folder, n_candidates):
    """Return the best record of each family among its first candidates."""
    found = [record for record in lines(folder) if record["index"] < n_candidates]
    return {family: candidates.best(found, family) for family in FAMILIES}


def test_winners_are_kept_as_they_are_found_and_load(compare, tmp_path, monkeypatch):
    """The winners were trained once more at the end, in silence, and then were gone."""
    monkeypatch.setattr(winners, "evaluate", None)  # nothing is
    status, out, err = compare(candidates=3)
    assert status == 0
    best = winners_of(tmp_path / "out", 3)
    assert scores(tmp_path / "out") == {name: best[name]["train_ll"] for name in FAMILIES}
    (path,) = re.findall(r"A model loads by joblib.load\('(.*)'\)", out)
    assert joblib.load(path).sample(2, random_state=17).shape == (2, 100)
    assert "once more" not in err

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.joblib")}
    status, out, err = compare(candidates=3)  # all stand already
    assert status == 0
    assert "once more" not in err
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_an_interrupted_run_leaves_the_winners_so_far(compare, tmp_path, monkeypatch):
    """What had been found was kept as a number, and not as a model."""
    run = work.run

    def interrupted(todo, source, *others):
        yield from run(todo[:6], source, *others)
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "run", interrupted)
    assert compare(candidates=3)[0] == 130
    found = lines(tmp_path / "out")
    assert len(found) == 6
    best = {name: candidates.best(found, name)["train_ll"] for name in FAMILIES}
    assert scores(tmp_path / "out") == best


def test_fewer_candidates_bring_their_own_winners_back(compare, tmp_path):
    """The file of a family holds one model, and fewer candidates may have another best."""
    compare(candidates=3)
    many, few = (winners_of(tmp_path / "out", n) for n in (3, 1))
    others = {name for name in FAMILIES if many[name]["index"] != few[name]["index"]}
    assert others  # else this asks for nothing
    status, _, err = compare(candidates=1)
    assert status == 0
    assert scores(tmp_path / "out") == {name: few[name]["train_ll"] for name in FAMILIES}
    trained = re.findall(r"another candidate's; (\S+) is trained once more", err)
    assert set(trained) == others


@pytest.mark.parametrize("content", [None, b"", b"half a file"])
def test_a_missing_winner_is_trained_once_more_to_the_same_bits(content, compare, tmp_path):
    """A model that somebody deleted, or a folder of an earlier version, must not end the work."""
    compare(candidates=2)
    before = scores(tmp_path / "out")
    path = tmp_path / "out" / "rbm.joblib"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    status, _, err = compare(candidates=2)
    assert status == 0
    assert err.count("once more") == 1
    assert f"{path} is missing or another candidate's; rbm is trained once more." in err
    assert scores(tmp_path / "out") == before


def test_more_candidates_and_families_are_added_to_those_done(compare, tmp_path):
    compare("--families", "rbm")
    first = lines(tmp_path / "out")
    compare("--families", "aeri", "rbm", candidates=2)
    assert [(r["family"], r["index"]) for r in lines(tmp_path / "out")] == [
        ("rbm", 0), ("rbm", 1), ("aeri", 0), ("aeri", 1)
    ]  # fmt: skip
    assert lines(tmp_path / "out")[0] == first[0]


def test_a_changed_setting_in_the_same_folder_is_refused(compare, tmp_path, monkeypatch):
    compare("--families", "rbm")
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    for options, words in [
        (["--seed", "17"], "was made with seed 1212, and this comparison has seed 17"),
        (["--data", "digits"], "was made with data tea, and this comparison has data digits"),
    ]:
        status, _, err = compare("--families", "rbm", *options)
        assert status == 2
        assert words in err
        assert "Choose another --output" in err
    monkeypatch.setattr(families, "RBM_STEPS", 12)
    status, _, err = compare("--families", "rbm")
    assert status == 2
    assert "was made with another search space" in err
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == before


def test_a_folder_with_something_else_in_results_is_refused(compare, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").write_text("[1, 2]\n")
    status, _, err = compare()
    assert status == 2
    assert "line 1 of" in err
    assert "is not a record of a comparison" in err


def test_an_output_that_is_a_file_is_refused(compare, tmp_path):
    (tmp_path / "out").write_text("")
    status, _, err = compare()
    assert status == 2
    assert "cannot be used" in err


def test_candidates_that_diverge_are_recorded_and_passed_over(compare, tmp_path, monkeypatch):
    monkeypatch.setattr(families, "LEARNING_RATE", (1e308, 1.1e308))
    status, out, err = compare("--families", "rbm")
    assert status == 0
    record = lines(tmp_path / "out")[0]
    assert record["valid_ll"] is None
    assert "Lower the learning rate" in record["error"]
    assert "none could be trained" in out
    assert "rbm 0: diverged" in err


def test_without_matplotlib_the_numbers_come_and_a_sentence(compare, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    status, out, err = compare("--families", "rbm")
    assert status == 0
    assert "perfect model" in out
    assert "are not drawn" in err
    assert "pip install matplotlib" in err
    assert len(lines(tmp_path / "out")) == 1


BAD_FILES = {
    "nan.csv": "0,1\nnan,0\n1,1\n",
    "gap.csv": "0,1\n,0\n1,1\n",
    "high.csv": "0,1\n1.5,0\n1,1\n",
    "low.csv": "0,1\n-1,0\n1,1\n",
    "width.csv": "0,1\n1,0,1\n1,1\n",
    "words.csv": "a,b\n0,1\n1,0\n1,1\n",
    "empty.csv": "",
    "blank.csv": "\n\n",
    "short.csv": "0,1\n1,0\n",
    "bytes.csv": b"\xff\xfe\x00",
    "kind.txt": "0,1\n1,0\n1,1\n",
    "nan.npy": np.array([[0, 1], [np.nan, 1], [1, 1]]),
    "high.npy": np.array([[0, 1], [255, 1], [1, 1]], dtype=np.uint8),
    "width.npy": np.array([0.0, 1.0, 1.0]),
    "words.npy": np.array([["a", "b"]] * 3),
    "objects.npy": np.array([[0], [None], [1]], dtype=object),
    "complex.npy": np.ones((3, 2), dtype=complex),
    "none.npy": np.ones((0, 4)),
    "empty.npy": b"",
    "text.npy": "0,1\n1,0\n1,1\n",
}
REFUSALS = {
    "nan.csv": r"nan at [1, 0], counted from 0; all values must be in [0, 1]",
    "gap.csv": "holds '' in line 2, column 1",
    "high.csv": "1.5 at [1, 0]",
    "low.csv": "-1 at [1, 0]",
    "width.csv": "has 3 values in line 2 and 2 in line 1",
    "words.csv": "holds 'a' in line 1, column 1; only numbers in [0, 1] are read",
    "empty.csv": "is empty",
    "blank.csv": "holds no values",
    "short.csv": "too few rows (2)",
    "bytes.csv": "is not a text file",
    "kind.txt": "neither a name (tea, digits, cmnist) nor a .npy or .csv file",
    "nan.npy": "nan at [1, 0]",
    "high.npy": "255 at [1, 0]",
    "width.npy": "holds an array of shape (3,)",
    "words.npy": "holds values of type <U1",
    "objects.npy": "is not a numpy file of numbers",
    "complex.npy": "holds values of type complex128",
    "none.npy": "holds no values",
    "empty.npy": "is empty",
    "text.npy": "is not a numpy file of numbers",
}


def refused(result, words):
    """Assert exit status 2, nothing printed but one line, and no traceback."""
    status, out, err = result
    assert status == 2
    assert out == ""
    assert err.startswith("layerwise: ")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_one_sentence(name, compare, tmp_path):
    path, content = tmp_path / name, BAD_FILES[name]
    if isinstance(content, np.ndarray):
        np.save(path, content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(compare("--data", str(path)), REFUSALS[name])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "missing.npy"], "there is no file missing.npy"),
        (["--data", "mnist"], "'mnist' is neither a name (tea, digits, cmnist)"),
        (["--families", "dbm"], "invalid choice: 'dbm' (choose from"),
        (["--candidates", "0"], "'0' is not a whole number of at least 1"),
        (["--candidates", "two"], "'two' is not a whole number of at least 1"),
        (["--jobs", "0"], "'0' is not a whole number of at least 1"),
        (["--seed", "-1"], "'-1' is not a whole number from 0 to 4294967295"),
        (["--epochs", "3"], "unrecognized arguments: --epochs 3"),
    ],
)
def test_bad_options_get_one_sentence(options, words, compare):
    refused(compare(*options), words)


def test_no_command_gets_one_sentence(capsys):
    refused((main([]), *capsys.readouterr()), "the following arguments are required: COMMAND")


@pytest.mark.parametrize("name", ["rows.csv", "rows.npy"])
def test_a_file_of_ones_own_is_compared(name, compare, tmp_path):
    rows = np.random.default_rng(17).integers(0, 2, (12, 7))
    path = tmp_path / name
    if name.endswith(".csv"):
        np.savetxt(path, rows, delimiter=",", fmt="%d")
    else:
        np.save(path, rows)
    status, out, _ = compare("--families", "rbm", "--data", str(path))
    assert status == 0
    assert f"{-7 * math.log(2):.2f}" in out  # uniform
    assert "perfect model" not in out
    assert lines(tmp_path / "out")[0]["data"] == name


def test_means_in_a_file_are_drawn_once_under_the_seed(tmp_path):
    np.save(tmp_path / "grey.npy", np.full((3000, 2, 3), 0.25))
    first, again, other = (sources.load(str(tmp_path / "grey.npy"), s) for s in (17, 17, 18))
    assert first.image_shape == (2, 3)
    assert set(np.unique(first.train)) == {0.0, 1.0}
    np.testing.assert_array_equal(first.valid, again.valid)
    assert not np.array_equal(first.valid, other.valid)
    # 18,000 draws: a standard deviation is 0.0033, and 5 of them are allowed.
    drawn = np.concatenate([first.train, first.valid, first.test]).mean()
    assert drawn == pytest.approx(0.25, abs=5 * 0.0033)


def test_digits_are_binary_images_in_parts_of_1000_397_and_400():
    digits = sources.load("digits", 17)
    parts = digits.train, digits.valid, digits.test
    assert [part.shape for part in parts] == [(1000, 64), (397, 64), (400, 64)]
    assert digits.image_shape == (8, 8)
    order = np.random.RandomState(17).permutation(1797)
    np.testing.assert_array_equal(np.concatenate(parts), (load_digits().data >= 8)[order])


def test_tea_is_split_by_the_seed_as_load_tea_splits_it():
    source, tea = sources.load("tea", 17), load_tea(random_state=17)
    np.testing.assert_array_equal(source.test, tea.test)
    assert source.perfect == -math.log(243)


def test_baselines_are_log_likelihoods_of_their_models():
    source = sources.load("tea", 17)
    values = candidates.baselines(source)
    assert values["uniform"] == [-100 * math.log(2)] * 3
    assert values["perfect model"] == [-math.log(243)] * 3
    one = (source.train.sum(axis=0) + 1) / (81 + 2)
    expected = np.mean([np.log(np.where(row == 1, one, 1 - one)).sum() for row in source.test])
    # A sum of 100 logarithms in another order.
    assert values["independent Bernoulli"][2] == pytest.approx(expected, rel=1e-12)


def test_candidates_depend_on_seed_family_and_index_only():
    many = {c.key: c for c in candidates.candidates(FAMILIES, 5, 17, BUDGET)}
    few = {c.key: c for c in candidates.candidates(["aeri"], 2, 17, BUDGET)}
    for key, candidate in few.items():
        assert candidate.params == many[key].params
        assert candidate.seed == many[key].seed
    for family in FAMILIES:
        assert len({many[family, index].seed for index in range(5)}) == 5


def test_deep_candidates_of_one_index_differ_in_the_family_alone():
    own = {
        "srbm": {"weight_decay_bottom"},
        "vanilla-ae": {"code", "tied"},
        "aeri": {"code", "n_inference"},
        "latent": {"code", "n_inference", "weight_decay_bottom", "learning_rate_ascent"},
    }
    for index in range(5):
        found = {f: candidates.Candidate.draw(17, f, index, BUDGET) for f in own}
        assert len({candidate.seed for candidate in found.values()}) == 1
        for family, names in own.items():
            params = found[family].params
            shared = {name: value for name, value in params.items() if name not in names}
            assert len(shared) == len(params) - len(names) == 5
            assert shared.items() <= found["srbm"].params.items()
            for other in own:  # nor do they differ in what only some of them have
                both = params.keys() & found[other].params.keys()
                assert all(params[name] == found[other].params[name] for name in both)
        for family in ("aeri", "latent"):
            tuned = candidates.Candidate.draw(17, f"{family}-ft", index, BUDGET)
            assert found[family].params.items() < tuned.params.items()
            assert tuned.seed == found[family].seed


def test_passes_follow_from_steps_rows_and_the_budget():
    """On 81 rows, in batches of 27, a pass is three steps."""
    assert families.Budget(81).passes(18000, 27) == 6000
    assert families.Budget(81).passes(2000) == 2000
    assert families.Budget(4000).passes(18000, 27) == 121  # of 149 steps
    assert families.Budget(81, 0.1).passes(18000, 27) == 600
    assert families.Budget(81, 1e-9).passes(18000, 27) == 1


@pytest.mark.parametrize("family", families.FAMILIES)
def test_search_spaces_are_the_papers(family, monkeypatch):
    monkeypatch.undo()
    drawn = [c.params for c in candidates.candidates([family], 300, 17, BUDGET)]
    sizes = {key: [d[key] for d in drawn] for key in drawn[0] if key.startswith("n_")}
    rates = np.log10([d[key] for d in drawn for key in d if key in RATES])
    most = 19 if family == "rbm" else 16
    for name, found in sizes.items():
        if name == "n_inference":
            assert min(found) >= 1
            assert max(found) <= 500
        else:
            assert set(found) == set(range(1, most + 1))
    assert ("n_inference" in sizes) == (families.layer_wise(family) in ("aeri", "latent"))
    assert rates.min() >= -5
    assert rates.max() <= math.log10(5e-2)
    # Log-uniform: the middle is at -3.15. The mean of 300 or more has standard deviation 0.062.
    assert rates.mean() == pytest.approx((-5 + math.log10(5e-2)) / 2, abs=5 * 0.062)
