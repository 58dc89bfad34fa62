"""One pass of CD-k and PCD-k: the kernel against its numpy twin."""

import copy

import numpy as np
import pytest
from reference import rbm as twin

from layerwise.exceptions import Diverged
from layerwise.numerics import rbm, runtime
from layerwise.numerics.optimizer import Optimizer, descend
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(7, 23)))
# (n_rows, n_visible, n_hidden, n_chains or None, batch_size, n_steps): any number of chains, a
# short last batch, steps enough to keep tables, batches larger than the data, one row, one unit;
# tiles, blocks, panels and lanes at and across their ends.
CASES = [
    (25, 12, 5, None, 10, 1),
    (25, 12, 5, None, 10, 3),
    (25, 12, 5, 1, 10, 1),
    (25, 12, 5, 3, 10, 2),
    (25, 12, 5, 100, 10, 1),
    (9, 7, 11, None, 50, 1),
    (9, 7, 11, 4, 50, 1),
    (1, 3, 2, None, 1, 1),
    (1, 3, 2, 3, 100, 1),
    (5, 1, 1, None, 2, 2),
    (5, 1, 1, 2, 2, 2),
    (40, 17, 65, None, 17, 1),
    (40, 130, 3, 33, 17, 1),
    (128, 64, 128, None, 128, 1),
    (150, 63, 260, 129, 150, 1),
    (230, 75, 23, 230, 230, 2),
    (100, 113, 36, None, 50, 2),
    (700, 20, 13, 600, 650, 1),
    (30, 21, 16, None, 15, 16),
    (27, 9, 40, 120, 14, 17),
]


def setting(n_rows, n_visible, n_hidden, n_chains, kind="sgd", dtype=np.float64, grey=False):
    """Return everything that a pass updates, and the rows and their order; plain: no momentum."""
    rng = np.random.default_rng(n_rows * 1009 + n_visible * 31 + n_hidden)
    X = rng.random((n_rows, n_visible))
    X = (X if grey else X < 0.4).astype(dtype)
    arrays = (
        rng.normal(scale=0.3, size=(n_hidden, n_visible)).astype(dtype),
        rng.normal(size=n_visible).astype(dtype),
        rng.normal(size=n_hidden).astype(dtype),
    )
    chains = None
    if n_chains is not None:
        chains = (rng.random((n_chains, n_hidden)) < 0.5).astype(dtype)
    n_parameters = sum(array.size for array in arrays)
    momentum = 0.0 if kind == "plain" else 0.5
    kind = "adam" if kind == "adam" else "sgd"
    optimizer = Optimizer.start(kind, n_parameters, dtype, momentum=momentum, decay=0.01)
    return arrays, chains, optimizer, X, rng.permutation(n_rows)


def kernel_pass(arrays, chains, optimizer, X, order, *, batch_size, n_steps, rate=0.1, **more):
    return rbm.contrastive_pass(
        *arrays, X, order, chains, optimizer,
        rate=rate, n_steps=n_steps, batch_size=batch_size, stream=STREAM, **more,
    )  # fmt: skip


def twin_pass(arrays, chains, optimizer, X, order, *, batch_size, n_steps, rate=0.1):
    return twin.contrastive_pass(
        *arrays, X, order, chains, optimizer,
        rate=rate, n_steps=n_steps, batch_size=batch_size, key=STREAM.as_array(),
    )  # fmt: skip


def flat(arrays, chains, optimizer):
    parts = [*arrays, optimizer.first, optimizer.second, np.zeros(0) if chains is None else chains]
    return np.concatenate([part.ravel() for part in parts])


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("kind", ["sgd", "plain", "adam"])
@pytest.mark.parametrize("case", CASES)
def test_kernel_is_the_twin(case, kind, grey):
    n_rows, n_visible, n_hidden, n_chains, batch_size, n_steps = case
    ours = setting(n_rows, n_visible, n_hidden, n_chains, kind, grey=grey)
    theirs = copy.deepcopy(ours)
    objective = kernel_pass(*ours, batch_size=batch_size, n_steps=n_steps)
    gaps, _ = twin_pass(*theirs, batch_size=batch_size, n_steps=n_steps)

    if n_chains is not None:
        assert np.array_equal(ours[1], theirs[1])
    # Equal states, so only sums are taken in another order: numbers of size 1 and at most 130
    # terms, a few eps each, through at most 5 steps. Adam divides a gradient by its own size:
    # where it nearly vanishes, its error of 1e-16 is measured against Adam's 1e-8.
    atol = 1e-8 if kind == "adam" else 1e-12
    np.testing.assert_allclose(flat(*ours[:3]), flat(*theirs[:3]), rtol=0, atol=atol)
    rows = np.diff([*range(0, n_rows, batch_size), n_rows])
    assert objective == pytest.approx(np.average(gaps, weights=rows), abs=1e-11 * n_visible)
    assert ours[2].count == theirs[2].count == len(gaps)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("kind", ["sgd", "plain"])
@pytest.mark.parametrize("case", CASES)
def test_float32_is_float64_to_its_precision(case, kind, grey):
    """Batches of many rows go another way in float32, through tables."""
    n_rows, n_visible, n_hidden, n_chains, batch_size, n_steps = case
    single = setting(n_rows, n_visible, n_hidden, n_chains, kind, np.float32, grey)
    twice = copy.deepcopy(single)
    kernel_pass(*single, batch_size=batch_size, n_steps=n_steps)
    twin_pass(*twice, batch_size=batch_size, n_steps=n_steps)
    # The same 24-bit uniforms; a mean within 1e-6 of one (a chance of 1e-6 per state, and these
    # addresses are fixed) would flip a state. Sums of up to 130 terms of size 1.
    np.testing.assert_allclose(flat(*single[:3]), flat(*twice[:3]), rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["sgd", "plain", "adam"])
@pytest.mark.parametrize("n_chains", [None, 33])
def test_bits_do_not_depend_on_threads(n_chains, kind, dtype, monkeypatch):
    def result(n_threads):
        monkeypatch.setattr(runtime, "count", lambda work: n_threads)
        all_of_it = setting(150, 70, 65, n_chains, kind, dtype)
        objective = kernel_pass(*all_of_it, batch_size=60, n_steps=2)
        return np.append(flat(*all_of_it[:3]), objective)

    one = result(1)
    for n_threads in (2, 3, 5):
        assert np.array_equal(one, result(n_threads))


# Beyond one call's steps; a tile of 8 rows, one of 112, and the fewest rows for tables and steps
# for keeping them, at their ends.
GIBBS = [(1, 1, 1, 1), (7, 3, 9, 5), (8, 20, 17, 51), (47, 12, 5, 3), (48, 13, 5, 3),
         (113, 30, 50, 2), (230, 17, 3, 2), (11, 14, 9, 16), (12, 14, 9, 16), (12, 14, 9, 15),
         (13, 550, 3, 53), (225, 31, 34, 66)]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", GIBBS)
def test_gibbs_steps_are_the_twins(case, dtype, monkeypatch):
    n_chains, n_visible, n_hidden, n_steps = case
    arrays, hidden, *_ = setting(1, n_visible, n_hidden, n_chains, dtype=dtype)
    visible, last = twin.gibbs(*arrays, hidden, STREAM.as_array(), n_steps)
    for n_threads in (1, 2, 3, 5):
        monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
        ours = hidden.copy()
        for array in arrays:
            array.flags.writeable = False
        # The same uniforms, and no mean within a rounding of one.
        assert np.array_equal(rbm.gibbs(*arrays, ours, STREAM, n_steps), visible)
        assert np.array_equal(ours, last)


def test_no_chains_take_no_steps():
    arrays, hidden, *_ = setting(1, 4, 3, 0)
    assert rbm.gibbs(*arrays, hidden, STREAM, 2).shape == (0, 4)


@pytest.mark.parametrize("n_chains", [None, 3])
def test_rows_are_read_only_and_left(n_chains):
    arrays, chains, optimizer, X, order = setting(25, 12, 5, n_chains)
    before = X.copy()
    X.flags.writeable = order.flags.writeable = False
    kernel_pass(arrays, chains, optimizer, X, order, batch_size=10, n_steps=1)
    assert np.array_equal(X, before)


def test_scratch_may_be_used_again():
    ours, theirs = setting(25, 12, 5, 7), setting(25, 12, 5, 7)
    scratch = rbm.contrastive_scratch(ours[0][0], 25, 7, 10, 1)
    for _ in range(3):
        scratch[:] = 255  # NaN everywhere: nothing is read before it is written
        kernel_pass(*ours, batch_size=10, n_steps=1, scratch=scratch)
        kernel_pass(*theirs, batch_size=10, n_steps=1)
    assert np.array_equal(flat(*ours[:3]), flat(*theirs[:3]))


def test_a_pass_is_the_rows_in_order():
    """Batches are taken from the order, not from the rows as they lie."""
    one, other = setting(25, 12, 5, None), setting(25, 12, 5, None)
    X, order = one[3], one[4]
    a = kernel_pass(*one, batch_size=10, n_steps=1)
    b = kernel_pass(*other[:3], X[order], np.arange(25), batch_size=10, n_steps=1)
    assert a == b
    assert np.array_equal(flat(*one[:3]), flat(*other[:3]))


def test_leaving_the_finite_numbers_is_told():
    with pytest.raises(Diverged, match="not finite"):
        kernel_pass(*setting(25, 12, 5, None), batch_size=10, n_steps=1, rate=1e308)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_descending_is_the_twins_update(kind):
    rng = np.random.default_rng(37)
    ours = [rng.normal(size=(130, 70)), rng.normal(size=70)]
    theirs = copy.deepcopy(ours)
    optimizer = Optimizer.start(kind, 131 * 70, np.float64, momentum=0.9, decay=0.02)
    first, second = np.zeros(131 * 70), np.zeros(131 * 70)
    for count in range(1, 4):
        gradients = [rng.normal(size=part.shape) for part in ours]
        descend(ours, gradients, optimizer, rate=0.1)
        for part, gradient, here, decay in zip(
            theirs, gradients, (slice(0, 9100), slice(9100, None)), (0.02, 0)
        ):
            twin.update(
                kind, part.ravel(), gradient.ravel(), first[here], second[here],
                rate=0.1, momentum=0.9, decay=decay, count=count,
            )  # fmt: skip
    assert optimizer.count == 3
    # A dozen roundings of numbers of size 1.
    for a, b in zip([*ours, optimizer.first], [*theirs, first]):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)
