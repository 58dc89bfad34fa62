"""The public names are frozen, and what is written about them is complete."""

import ast
import doctest
import importlib
import inspect
import subprocess
import sys
from operator import attrgetter

import pytest

import layerwise

NAMES = [
    "RBM", "AutoEncoder", "LatentLayer", "DBN", "BernoulliRBM", "DeepAutoEncoder",
    "DRBN", "Convolution", "DeepClassifier", "DeepRegressor", "Dense", "Supervised",
    "Bernoulli", "Spin", "Gaussian", "TruncatedExponential", "Softmax",
    "CD", "PCD", "ExactGradient", "Backprop", "BoundAscent", "MarginalAscent", "LikelihoodAscent",
    "Shadow", "JointCD", "JointPCD", "ParallelTempering", "WakeSleep",
    "AIS", "RAISE", "VariationalBound", "Estimate", "log_partition", "log_likelihood",
    "best_latent_marginal", "latent_marginal_bound", "log_pseudolikelihood",
    "parzen_log_likelihood", "diagnose", "reversibility", "random_likeness",
    "LayerwiseSearch", "scorers", "EarlyStopping", "datasets", "plots",
    "TooManyStates", "Diverged", "Incompatible",
    "show_versions", "__version__",
]  # fmt: skip
ROOMS = {
    "layerwise.datasets": ["fetch_binarized_mnist", "fetch_cmnist", "fetch_mnist", "load_tea"],
    "layerwise.plots": [
        "ComparisonDisplay",
        "FiltersDisplay",
        "LatentMarginalDisplay",
        "RandomLikenessDisplay",
        "ReversibilityDisplay",
        "SamplesDisplay",
        "TrainingDisplay",
    ],
    "layerwise.model_selection": ["LayerwiseSearch", "scorers"],
    "layerwise.model_selection.scorers": ["blm", "log_likelihood"],
}
# What numpydoc checks of a docstring that is not a matter of taste: there is one, it starts on
# the first line, its summary is one sentence with a full stop, sections are known and in order,
# every parameter is named, with its type, and none is named that there is not.
CHECKS = {
    "GL03", "GL06", "GL07", "GL08", "PR01", "PR02", "PR03", "PR04", "PR05", "PR10",
    "RT01", "SS01", "SS02", "SS03", "SS04", "SS06", "YD01", "SA04",
}  # fmt: skip


def documented():
    """Yield the dotted name of each public object, and of each public method of our own."""
    for room, names in {"layerwise": NAMES, **ROOMS}.items():
        for name in names:
            found = getattr(importlib.import_module(room), name, None)
            if not (inspect.isclass(found) or inspect.isfunction(found)):
                continue
            yield f"{room}.{name}"
            if inspect.isclass(found):
                for method, value in inspect.getmembers(found, inspect.isfunction):
                    if not method.startswith("_") and value.__module__.startswith("layerwise"):
                        yield f"{room}.{name}.{method}"


def test_public_names_are_frozen():
    assert sorted(layerwise.__all__) == sorted(NAMES)
    for name in NAMES:
        assert hasattr(layerwise, name)


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_of_rooms_are_frozen(room):
    module = importlib.import_module(room)
    assert sorted(module.__all__) == sorted(ROOMS[room])
    for name in ROOMS[room]:
        assert hasattr(module, name)


@pytest.mark.parametrize("name", list(documented()))
def test_docstrings_are_complete(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    errors = [error for error in validate(name)["errors"] if error[0] in CHECKS]
    assert errors == []


WITH_EXAMPLES = [
    "RBM", "AutoEncoder", "LatentLayer", "DBN", "LayerwiseSearch", "BernoulliRBM", "EarlyStopping",
    "log_pseudolikelihood", "RBM.from_parameters", "RBM.moments", "DBN.from_parameters",
    "plots.FiltersDisplay", "plots.TrainingDisplay", "DeepAutoEncoder", "parzen_log_likelihood",
    "DRBN", "Convolution",
]  # fmt: skip


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_docstrings_run(name):
    examples = doctest.DocTestFinder(recurse=False).find(attrgetter(name)(layerwise), name)
    results = [doctest.DocTestRunner().run(example) for example in examples]
    assert sum(result.attempted for result in results) > 0
    assert sum(result.failed for result in results) == 0


def test_the_package_itself_holds_nothing_but_names():
    tree = ast.parse(inspect.getsource(layerwise))
    allowed = (ast.ImportFrom, ast.Assign, ast.Expr)
    assert all(isinstance(node, allowed) for node in tree.body)


def test_importing_the_package_imports_nothing_optional():
    code = "import sys, layerwise; print({'matplotlib', 'rich'} & set(sys.modules))"
    # -P: the folder where the tests run must not stand before the installed package.
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_show_versions_names_what_a_report_needs(capsys):
    layerwise.show_versions()
    lines = capsys.readouterr().out.splitlines()
    facts = dict((part.strip() for part in line.split(":", 1)) for line in lines)
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["layerwise"] == layerwise.__version__
    assert {"numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl"} <= set(facts)
    assert facts["OpenMP"] in {"yes", "no"}
    assert int(facts["threads"]) >= 1
