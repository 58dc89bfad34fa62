"""The examples run, and models rank as their docstrings say, as far as that is quick."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the examples are in the sources, not in the installed package"
)


def run(name, *arguments):
    """Return what ``main`` of an example returns."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(arguments)


def test_all_examples_are_run_here():
    tested = ("categorical_table", "grey_digits", "iris_and_wine", "mixed_columns")
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
