"""The floor plan, read from the imports: a module imports from lower floors only."""

import ast
from pathlib import Path

import pytest

import layerwise

PACKAGE = Path(layerwise.__file__).parent
FLOORS = {
    "exceptions": 0,
    "_sklearn": 0,
    "_kernels": 1,
    "numerics": 2,
    "datasets": 2,
    "models": 3,
    "likelihood": 4,
    "trainers": 5,
    "estimators": 6,
    "model_selection": 7,
    "plots": 7,
    "_versions": 3,
    "_saving": 4,
    "compare": 9,
    "cli": 10,
    "__main__": 11,
    "__init__": 11,
}
SIDE_ROOMS = {
    "datasets",
    "plots",
}  # nothing depends on them but the comparison and the public names
OF_KERNELS = {"_kernels", "numerics"}
# Rooms that know scikit-learn, and what they may know; those not named know nothing of it.
ANYTHING = ("sklearn",)
OF_SKLEARN = {
    "_sklearn": ANYTHING,
    "numerics": ("sklearn.utils.check_random_state",),
    "datasets": (
        "sklearn.utils.check_random_state",
        "sklearn.utils.Bunch",
        "sklearn.datasets.fetch_openml",
        "sklearn.datasets.get_data_home",
    ),
    "likelihood": ("sklearn.exceptions.ConvergenceWarning",),
    "trainers": ("sklearn.base.BaseEstimator",),
    "estimators": ANYTHING,
    "model_selection": ANYTHING,
    "compare": (
        "sklearn.base",
        "sklearn.utils.check_random_state",
        "sklearn.datasets",
        "sklearn.exceptions.ConvergenceWarning",
        # The classifiers that ours stand beside, or that codes are judged by, what their inputs go
        # through, and what judges them.
        "sklearn.pipeline",
        "sklearn.preprocessing.MinMaxScaler",
        "sklearn.preprocessing.StandardScaler",
        "sklearn.decomposition.PCA",
        "sklearn.metrics.log_loss",
        "sklearn.linear_model.LogisticRegression",
        "sklearn.neural_network.MLPClassifier",
    ),
}
PRIVATE_SKLEARN = "layerwise._sklearn"
# Optional: never imported before they are used.
WITHIN_FUNCTIONS = {"matplotlib": {"plots"}, "rich": {"compare"}}


def module_of(path):
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


MODULES = {module_of(path): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def imports(source):
    """Yield (dotted name, whether it stands in a function) for everything that is imported."""

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for name in child.names:
                    yield name.name, inside
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "imports are absolute"
                for name in child.names:
                    yield f"{child.module}.{name.name}", inside
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, inside or function)

    yield from walk(ast.parse(source), False)


def within(name, roots):
    return any(name == root or name.startswith(root + ".") for root in roots)


def faults(module, source):
    """Return a sentence for each import that the plan does not allow."""
    room = module.split(".")[1]
    found = []
    for name, inside in imports(source):
        root, *rest = name.split(".")
        if root == "layerwise":
            # `from layerwise import x` names a room, or a public name of the package itself.
            other = rest[0] if rest and rest[0] in FLOORS else "__init__"
            if other != room and FLOORS[other] >= FLOORS[room]:
                found.append(f"{module} imports {name}, which is not on a lower floor")
            if other == "_kernels" and room not in OF_KERNELS:
                found.append(f"{module} imports {name}: only numerics calls doors")
            if other in SIDE_ROOMS and room not in {other, "compare", "__init__"}:
                found.append(f"{module} imports {name}: nothing depends on a side room")
        if root == "sklearn":
            if not within(name, OF_SKLEARN.get(room, ())):
                found.append(f"{module} imports {name}: {room} does not know it")
            if any(part.startswith("_") for part in rest) and module != PRIVATE_SKLEARN:
                found.append(f"{module} imports {name}, a private name of scikit-learn")
        if root in WITHIN_FUNCTIONS and (not inside or room not in WITHIN_FUNCTIONS[root]):
            found.append(f"{module} imports {name}, which is optional, where it may not")
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_only_go_down(module):
    assert faults(module, MODULES[module]) == []


def test_every_room_has_a_floor():
    assert {module.split(".")[1] for module in MODULES} <= set(FLOORS)


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("layerwise.models.rbm", "from layerwise.likelihood import exact", "not on a lower floor"),
        ("layerwise.models.rbm", "from layerwise import RBM", "not on a lower floor"),
        (
            "layerwise.models.rbm",
            "import layerwise.numerics, layerwise.cli",
            "not on a lower floor",
        ),
        ("layerwise.models.rbm", "from layerwise._kernels import _units", "only numerics"),
        ("layerwise.estimators.rbm", "from layerwise._kernels import _units", "only numerics"),
        ("layerwise.models.rbm", "from layerwise.datasets import tea", "side room"),
        ("layerwise.numerics.a", "from layerwise.datasets import tea", "not on a lower floor"),
        ("layerwise.model_selection.a", "def f():\n import layerwise.plots", "side room"),
        ("layerwise.models.rbm", "import sklearn", "models does not know it"),
        ("layerwise.trainers.base", "from sklearn.base import clone", "trainers does not know it"),
        ("layerwise.estimators.rbm", "from sklearn.utils._param_validation import X", "private"),
        ("layerwise.plots.a", "import matplotlib.pyplot as plt", "optional"),
        ("layerwise.models.a", "def f():\n import matplotlib", "optional"),
        ("layerwise.plots.a", "def f():\n import matplotlib", None),
        ("layerwise.numerics.a", "from layerwise._kernels import _units", None),
        ("layerwise.trainers.base", "from sklearn.base import BaseEstimator", None),
        ("layerwise._sklearn", "from sklearn.utils._x import X", None),
    ],
)
def test_the_plan_is_read_right(module, source, words):
    found = faults(module, source)
    assert (found == []) == (words is None)
    assert words is None or words in " ".join(found)
