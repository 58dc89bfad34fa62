"""The examples run, and models rank as their docstrings say, as far as that is quick."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from layerwise import RBM, Softmax

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the examples are in the sources, not in the installed package"
)


def load(name):
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name, *arguments):
    """Return what ``main`` of an example returns."""
    return load(name).main(arguments)


def test_all_examples_are_run_here():
    tested = (
        "categorical_table", "classification_rbm", "grey_digits", "iris_and_wine",
        "mixed_columns", "watch_training",
    )  # fmt: skip
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == list(tested)


def test_grey_digits(capsys):
    results = run("grey_digits", "--splits", "1", "--passes", "50", "--hidden", "8")
    assert np.isfinite(list(results.values())).all()
    assert results["exponential, RBM"] > results["exponential, independent"] + 5
    assert results["Gaussian, RBM"] > results["Gaussian, independent"] + 5
    assert "full covariance" in capsys.readouterr().out


def test_iris_and_wine(capsys):
    results = run("iris_and_wine", "--splits", "2", "--passes", "50", "--units", "4")
    for scores in results.values():
        assert np.all(scores["RBM"] > scores["independent"] + 1)
    assert "full covariance" in capsys.readouterr().out


def test_categorical_table(capsys):
    results = run("categorical_table", "--splits", "2", "--passes", "50", "--units", "2")
    assert np.all(results["RBM"] > results["independent"] + 1)
    assert "class_2" in capsys.readouterr().out


def test_mixed_columns(capsys):
    results = run("mixed_columns", "--splits", "2", "--passes", "100")
    accuracy = results["RBM"][:, 0]
    assert np.all(accuracy > 0.7)
    assert "discriminants" in capsys.readouterr().out


def test_classification_rbm(capsys):
    arguments = "--splits", "1", "--passes", "60", "--hidden", "48", "--draws", "10"
    results = run("classification_rbm", *arguments)
    accuracy = {model: scores[0, 0] for model, scores in results.items()}
    assert accuracy["joint RBM"] > 0.85
    # Exact probabilities and draws are of one distribution.
    assert abs(accuracy["joint RBM"] - accuracy["joint RBM, drawn"]) < 0.03
    assert results["joint RBM"][0, 1] > -0.6
    assert "support vectors" in capsys.readouterr().out


def test_labels_are_drawn_as_often_as_they_are_probable():
    example = load("classification_rbm")
    rng = np.random.default_rng(20121)
    rbm = RBM.from_parameters(
        rng.normal(size=(5, 74)), rng.normal(size=74), rng.normal(size=5),
        visible=[("bernoulli", 64), Softmax((10,))],
    )  # fmt: skip
    X = (rng.random((6, 64)) < 0.5).astype(float)
    p = np.exp(example.log_labels(rbm, X))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    # By the definition: joint probabilities over those of all labels.
    joint = [rbm.score_samples(np.hstack([X, np.tile(label, (6, 1))])) for label in np.eye(10)]
    joint = np.exp(joint).T
    np.testing.assert_allclose(p, joint / joint.sum(axis=1, keepdims=True), rtol=1e-9)
    drawn = example.frequencies(rbm, X, 2000, 20121)
    assert np.all(np.abs(drawn - p) <= 5 * np.sqrt(p * (1 - p) / 2000) + 1e-3)


def test_watch_training(capsys, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    picture = tmp_path / "training.png"
    arguments = "--passes", "100", "--hidden", "10", "--picture", str(picture)
    results = run("watch_training", *arguments)
    assert results["sparse"]
    assert results["all passes"][1] == 100
    assert results["5 to 9 rare"][0] < results["5 to 9 rare, with weight 5"][0]
    assert results["5 to 9 rare, with weight 5"][0] < results["5 to 9 not rare"][0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "the same bits" in capsys.readouterr().out
