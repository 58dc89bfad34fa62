"""Laws of the ways through a pass: each equals the dense one, on the same random numbers."""

import copy

import numpy as np
import pytest

from layerwise.numerics import rbm, runtime
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream

STREAM = Stream.from_random_state(20121)
FAST = ["lists", "lookup", "chosen"]
# Rows, visible and hidden units, chains (None: CD), rows of a batch, steps: one of everything;
# tiles of lists (8 rows) and look-up (12 units, 112 rows) below, at and above their ends; blocks
# of 64 rows; chains, fewer and more than rows; kept tables; a last batch of one row.
CASES = [
    (1, 1, 1, None, 1, 1),
    (9, 5, 3, None, 8, 2),
    (65, 17, 12, None, 64, 1),
    (113, 12, 13, None, 112, 2),
    (230, 64, 25, None, 224, 1),
    (50, 16, 16, 7, 50, 3),
    (60, 33, 11, 130, 20, 1),
    (300, 20, 30, 100, 150, 2),
    (40, 14, 9, 24, 20, 17),
]


def setting(case, kind, dtype, density=0.4):
    """Return everything that a pass updates, and the rows and their order."""
    n_rows, n_visible, n_hidden, n_chains, *_ = case
    rng = np.random.default_rng(sum(case[:3]))
    arrays = (
        rng.normal(scale=0.3, size=(n_hidden, n_visible)).astype(dtype),
        rng.normal(size=n_visible).astype(dtype),
        rng.normal(size=n_hidden).astype(dtype),
    )
    chains = None
    if n_chains is not None:
        chains = (rng.random((n_chains, n_hidden)) < 0.5).astype(dtype)
    momentum = 0.0 if kind == "plain" else 0.5
    optimizer = Optimizer.start(
        "adam" if kind == "adam" else "sgd", sum(a.size for a in arrays), dtype,
        momentum=momentum, decay=0.01,
    )  # fmt: skip
    X = (rng.random((n_rows, n_visible)) < density).astype(dtype)
    return arrays, chains, optimizer, X, rng.permutation(n_rows)


def passed(way, case, everything, **more):
    """Return all that a pass leaves behind, as one array, and its objective."""
    arrays, chains, optimizer, X, order = copy.deepcopy(everything)
    objective = rbm.contrastive_pass(
        *arrays, X, order, chains, optimizer, rate=0.1, batch_size=case[4], n_steps=case[5],
        stream=STREAM, way=way, **more,
    )  # fmt: skip
    left = [*arrays, optimizer.first, optimizer.second, *([] if chains is None else [chains])]
    return np.concatenate([part.ravel() for part in left]), objective


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("sgd", np.float32),
        ("plain", np.float32),
        ("sgd", np.float64),
        ("plain", np.float64),
        ("adam", np.float64),
    ],
)
@pytest.mark.parametrize("way", FAST)
@pytest.mark.parametrize("case", CASES)
def test_a_fast_way_is_the_dense_way(case, way, kind, dtype):
    everything = setting(case, kind, dtype)
    dense, gap = passed("dense", case, everything)
    fast, fast_gap = passed(way, case, everything)
    # The same states, so that only the order of sums differs: at most 230 terms of size 1, a few
    # eps each, through at most 8 steps. Adam divides a gradient by its own size: where it nearly
    # vanishes, its rounding of 1e-16 is measured against Adam's 1e-8.
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(fast, dense, rtol=0, atol=1e-8 if kind == "adam" else 200 * eps)
    # Free energies are sums over all units.
    assert fast_gap == pytest.approx(gap, abs=100 * eps * sum(case[1:3]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", FAST)
def test_gibbs_steps_are_the_dense_way_s(way, dtype):
    rng = np.random.default_rng(77)
    for n_chains, n_visible, n_hidden, n_steps in [
        (1, 1, 1, 1),
        (8, 20, 17, 5),
        (113, 30, 50, 20),
    ]:
        arrays = (
            rng.normal(scale=0.3, size=(n_hidden, n_visible)).astype(dtype),
            rng.normal(size=n_visible).astype(dtype),
            rng.normal(size=n_hidden).astype(dtype),
        )
        hidden = (rng.random((n_chains, n_hidden)) < 0.5).astype(dtype)
        ours, theirs = hidden.copy(), hidden.copy()
        visible = rbm.gibbs(*arrays, ours, STREAM, n_steps, way=way)
        expected = rbm.gibbs(*arrays, theirs, STREAM, n_steps, way="dense")
        assert np.array_equal(visible, expected)
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("way", FAST)
def test_rows_that_a_fast_way_cannot_move_go_the_dense_way(way):
    case = CASES[3]
    arrays, chains, optimizer, X, order = setting(case, "sgd", np.float64)
    X[17, 3] = 0.5
    everything = arrays, chains, optimizer, X, order
    for ours, dense in zip(passed(way, case, everything), passed("dense", case, everything)):
        assert np.array_equal(ours, dense)  # not near: the same way


@pytest.mark.parametrize("density", [0.05, 0.9])
def test_the_chosen_way_depends_on_the_data_alone(density, monkeypatch):
    case = (200, 40, 30, None, 100, 1)
    everything = setting(case, "plain", np.float32, density)
    results = []
    for n_threads in (1, 2, 3, 5):
        monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
        results.append(passed("chosen", case, everything)[0])
    assert all(np.array_equal(results[0], result) for result in results[1:])
