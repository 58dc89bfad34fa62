"""What a pass of CD or PCD may be asked beside: weights, centring, a target, L1, sparse rows."""

import copy

import numpy as np
import pytest
from reference import rbm as twin
from scipy.sparse import csr_array

from layerwise.numerics import rbm, rows, units
from layerwise.numerics.optimizer import Optimizer, descend
from layerwise.numerics.streams import Stream

STREAM = Stream.from_random_state(20121)
# Rows, visible and hidden units, chains (None: CD), rows of a batch, steps.
CASES = [
    (1, 1, 1, None, 1, 1),
    (25, 12, 5, None, 10, 2),
    (25, 12, 5, 7, 10, 1),
    (9, 7, 11, None, 50, 1),
    (130, 70, 67, None, 64, 1),
    (130, 3, 130, 40, 100, 2),
]
ASKED = {
    "weights": {"weights": True},
    "centred": {"centered": True},
    "target": {"target": 0.2, "cost": 0.7},
    "all": {"weights": True, "centered": True, "target": 0.2, "cost": 0.7},
}


def setting(case, asked, kind="sgd", dtype=np.float64, gaussian=False):
    """Return the arrays, chains, optimiser, rows, order and keywords of a pass."""
    n_rows, n_visible, n_hidden, n_chains, batch_size, n_steps = case
    rng = np.random.default_rng(sum(case[:3]))
    arrays = [
        rng.normal(scale=0.3, size=(n_hidden, n_visible)),
        rng.normal(size=n_visible),
        rng.normal(size=n_hidden),
    ]
    more = {}
    X = (rng.random((n_rows, n_visible)) < 0.4).astype(float)
    if gaussian:
        more["log_variance"] = rng.normal(scale=0.3, size=n_visible).astype(dtype)
        more["visible"] = units.runs_of([(units.GAUSSIAN, n_visible)])
        more["hidden"] = units.runs_of([(units.SPIN, n_hidden)])
        X = rng.normal(size=X.shape)
    arrays = [array.astype(dtype) for array in arrays]
    chains = None if n_chains is None else (rng.random((n_chains, n_hidden)) < 0.5).astype(dtype)
    n_parameters = sum(array.size for array in arrays) + (n_visible if gaussian else 0)
    optimizer = Optimizer.start(
        kind, n_parameters, dtype, momentum=0.5, decay=0.01, l1_decay=asked.get("l1", 0.0)
    )
    if asked.get("weights"):
        more["weights"] = rng.random(n_rows) + 0.1
    if asked.get("centered") or asked.get("target"):
        more["means"] = np.zeros(n_visible, dtype), np.zeros(n_hidden, dtype)
        more["centered"] = bool(asked.get("centered"))
    if asked.get("target"):
        more["target"], more["cost"] = np.full(n_hidden, asked["target"]), asked["cost"]
    # Steps of Gaussian units are large, and feed on each other.
    more |= {"rate": 0.001 if gaussian else 0.1, "batch_size": batch_size, "n_steps": n_steps}
    return arrays, chains, optimizer, X.astype(dtype), rng.permutation(n_rows), more


def passed(arrays, chains, optimizer, X, order, more, **others):
    """Return the objective of a pass and all that it leaves, as one array."""
    gap = rbm.contrastive_pass(
        *arrays, X, order, chains, optimizer, stream=STREAM, **more, **others
    )
    return np.append(left(arrays, chains, optimizer, more), gap)


def left(arrays, chains, optimizer, more):
    parts = [*arrays, optimizer.first, optimizer.second, *more.get("means", ())]
    parts += [more[name] for name in ("log_variance",) if name in more]
    parts += [] if chains is None else [chains]
    return np.concatenate([part.ravel() for part in parts])


def twin_passed(arrays, chains, optimizer, X, order, more):
    gaps, _ = twin.contrastive_pass(
        *arrays, X, order, chains, optimizer, key=STREAM.as_array(), **more
    )
    weights = np.ones(len(X)) if more.get("weights") is None else more["weights"]
    of_batch = np.add.reduceat(weights[order], np.arange(0, len(order), more["batch_size"]))
    return np.append(left(arrays, chains, optimizer, more), np.average(gaps, weights=of_batch))


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("case", CASES)
def test_kernel_is_the_twin(case, asked, kind, gaussian):
    ours = setting(case, asked, kind, gaussian=gaussian)
    theirs = copy.deepcopy(ours)
    # As in test_rbm.py: sums of at most 130 terms of size 1 in another order; Adam divides a
    # gradient that nearly vanishes by its own size, and 1e-8.
    atol = 1e-7 if kind == "adam" else 1e-12
    np.testing.assert_allclose(passed(*ours), twin_passed(*theirs), rtol=1e-11, atol=atol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_bits_do_not_depend_on_threads(asked, kind, dtype, with_threads):
    case = (150, 70, 65, None, 60, 2)
    one, *others = with_threads(lambda: passed(*setting(case, asked, kind, dtype)))
    assert all(np.array_equal(one, other) for other in others)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_float32_is_float64_to_its_precision(asked):
    single = setting(CASES[4], asked, dtype=np.float32)
    double = copy.deepcopy(single)
    # Sums of up to 130 terms of size 1, as in test_rbm.py.
    np.testing.assert_allclose(passed(*single), twin_passed(*double), rtol=0, atol=2e-5)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("way", ["lists", "lookup", "chosen"])
def test_fast_ways_hand_over(asked, way):
    case = (200, 40, 30, None, 100, 1)
    dense = passed(*setting(case, asked, dtype=np.float32), way="dense")
    assert np.array_equal(passed(*setting(case, asked, dtype=np.float32), way=way), dense)


@pytest.mark.parametrize("n_chains", [None, 7])
def test_equal_weights_are_none(n_chains):
    case = (25, 12, 5, n_chains, 10, 2)
    plain, weighed = setting(case, {}), setting(case, {})
    weighed[-1]["weights"] = np.full(25, 0.3)
    # Shares are multiplied with where a sum is divided: a few roundings of numbers of size 1.
    np.testing.assert_allclose(passed(*weighed), passed(*plain), rtol=0, atol=1e-14)


@pytest.mark.parametrize("factor", [1e-200, 1 / 3, 1e200])
def test_a_factor_of_all_weights_changes_nothing(factor):
    one, other = (setting(CASES[1], ASKED["all"]) for _ in range(2))
    other[-1]["weights"] = factor * other[-1]["weights"]
    np.testing.assert_allclose(passed(*other), passed(*one), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_chains", [None, 7])
def test_the_weighted_step_is_the_gradient_of_the_weighted_gap(n_chains):
    """By finite differences, with the chains' states held where the twin goes."""
    case = (12, 4, 3, n_chains, 12, 2)
    arrays, chains, optimizer, X, order, more = setting(case, {"weights": True})
    optimizer.momentum = optimizer.decay = 0.0
    before, start = copy.deepcopy(arrays), copy.deepcopy(chains)
    found = passed(arrays, chains, optimizer, X, order, more)[-1]
    still = Optimizer.start("sgd", 19, float, momentum=0, decay=0)
    _, states = twin.contrastive_pass(
        *copy.deepcopy(before), X, order, start, still, key=STREAM.as_array(),
        **more | {"rate": 0.0},
    )  # fmt: skip
    of_data = more["weights"][order] / more["weights"].sum()
    of_chains = of_data if n_chains is None else np.full(n_chains, 1 / n_chains)

    def gap(vector):
        at = vector[:12].reshape(3, 4), vector[12:16], vector[16:]
        return of_data @ free_energy(*at, X[order]) - of_chains @ free_energy(*at, states)

    at, after = (np.concatenate([part.ravel() for part in parts]) for parts in (before, arrays))
    assert found == pytest.approx(gap(at), abs=1e-12)
    h = 1e-5
    slopes = np.array([(gap(at + h * e) - gap(at - h * e)) / (2 * h) for e in np.eye(19)])
    # h^2 of truncation and eps / h of rounding, both about 1e-10.
    np.testing.assert_allclose((at - after) / more["rate"], slopes, rtol=0, atol=1e-9)


def test_a_weight_of_two_is_the_row_twice():
    """With PCD's chains, which are not the rows' own, all but the rounding of sums."""
    arrays, chains, optimizer, X, _, more = setting((6, 12, 5, 7, 100, 2), {})
    twice = np.array([0, 0, 1, 2, 3, 3, 3, 4, 5])
    theirs = copy.deepcopy([arrays, chains, optimizer])
    repeated = passed(*theirs, X[twice], np.arange(9), more)
    more["weights"] = np.bincount(twice).astype(float)
    weighed = passed(arrays, chains, optimizer, X, np.arange(6), more)
    np.testing.assert_allclose(weighed, repeated, rtol=0, atol=1e-14)


def test_offsets_of_zero_are_no_offsets():
    plain, centred = setting(CASES[1], {}), setting(CASES[1], {"centered": True})
    plain[2].count = centred[2].count = 10**12
    plain[2].decay = centred[2].decay = 0
    X = np.zeros_like(plain[3])  # the data's visible means are zero, and so are their offsets
    for everything in (plain, centred):
        everything[0][2][:] = -800  # hidden units are off: so are their means
        everything[0][0][:] = 0
    a = passed(*plain[:3], X, *plain[4:], way="dense")
    b = passed(*centred[:3], X, *centred[4:])
    n = sum(array.size for array in plain[0])
    # Of hidden means of exp(-800), numbers of 1e-309 are left.
    np.testing.assert_allclose(b[:n], a[:n], rtol=0, atol=1e-300)


def free_energy(W, b, c, v):
    return -v @ b - np.logaddexp(0, c + v @ W.T).sum(axis=1)


def test_the_centred_step_is_the_gradient_by_centred_parameters():
    """By finite differences in W, b' = b + W^T mean_h and c' = c + W mean_v."""
    arrays, _, optimizer, X, order, more = setting((12, 4, 3, None, 12, 1), {"centered": True})
    optimizer.momentum = optimizer.decay = 0.0
    rate = more["rate"] = 1e-3
    before = copy.deepcopy(arrays)
    passed(arrays, None, optimizer, X, order, more)
    below, above = more["means"]  # of the only batch
    np.testing.assert_allclose(below, X.mean(axis=0), rtol=1e-14)

    still = copy.deepcopy((before, Optimizer.start("sgd", 19, float, momentum=0, decay=0)))
    _, chains = twin.contrastive_pass(
        *still[0], X, order, None, still[1], key=STREAM.as_array(), rate=0.0, n_steps=1,
        batch_size=12,
    )  # fmt: skip

    def gap(vector):
        W, b, c = vector[:12].reshape(3, 4), vector[12:16], vector[16:]
        b, c = b - above @ W, c - W @ below  # the plain parameters
        return free_energy(W, b, c, X).mean() - free_energy(W, b, c, chains).mean()

    W, b, c = before
    at = np.concatenate([W.ravel(), b + above @ W, c + W @ below])
    h = 1e-5
    slopes = np.array([(gap(at + h * e) - gap(at - h * e)) / (2 * h) for e in np.eye(19)])
    moved = at - rate * slopes
    W = moved[:12].reshape(3, 4)
    # h^2 of truncation and eps / h of rounding, times the rate: 1e-13. The plain parameters of
    # what was moved differ by what is of second order in the rate: mean * rate * slope^2 is none,
    # as b' and c' are linear in W.
    np.testing.assert_allclose(arrays[0], W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(arrays[1], moved[12:16] - above @ W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(arrays[2], moved[16:] - W @ below, rtol=0, atol=1e-12)


def test_flipped_units_are_trained_alike_if_centred():
    """What centring is for: to call ones zeros changes a machine's name, not its training."""
    case = (40, 6, 4, 30, 40, 1)
    arrays, chains, optimizer, X, order, more = setting(case, {"centered": True})
    W, b, c = copy.deepcopy(arrays)
    flipped = [-W, -b, c + W.sum(axis=1)]
    means = np.zeros(6), np.zeros(4)
    other = Optimizer.start("sgd", 34, float, momentum=0.5, decay=0.01)
    model = rbm_states(arrays, chains, more)
    a = slopes_of(arrays, chains, optimizer, X, order, more, model)
    b = slopes_of(flipped, chains.copy(), other, 1 - X, order, more | {"means": means}, 1 - model)
    # p(v | flipped parameters) = p(1 - v | parameters): W and b turn their sign.
    np.testing.assert_allclose(b[0], -a[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(b[1], -a[1], rtol=0, atol=1e-13)
    np.testing.assert_allclose(b[2], a[2] + a[0].sum(axis=1), rtol=0, atol=1e-13)


def rbm_states(arrays, chains, more):
    W, b, _ = arrays
    return twin.unit_draws(
        b + chains @ W, [(0, len(b))], np.ones(len(b)), STREAM.as_array(), 1, twin.VISIBLE
    )


def slopes_of(arrays, chains, optimizer, X, order, more, model):
    """Return the centred slopes, by the formula of the twin, with the model's states as given."""
    W, _, c = arrays

    def mean(v):
        return 1 / (1 + np.exp(-(c + v @ W.T)))

    data, h, g = X[order], mean(X[order]), mean(model)
    dW = g.T @ model / len(model) - h.T @ data / len(data)
    db, dc = model.mean(axis=0) - data.mean(axis=0), g.mean(axis=0) - h.mean(axis=0)
    below, above = data.mean(axis=0), h.mean(axis=0)
    dW = dW - np.outer(dc, below) - np.outer(above, db)
    return dW, db - above @ dW, dc - dW @ below


def with_and_without_target(centered):
    asked = {"target": 0.2, "cost": 0.7, "centered": centered}
    case = (12, 4, 3, None, 12, 1)
    settings = setting(case, asked), setting(case, {"centered": centered})
    for everything in settings:
        everything[2].momentum = everything[2].decay = 0.0
        passed(*everything, way="dense")
    return settings


def test_a_target_adds_the_slope_of_its_penalty():
    """The stated objective: cost * (mean - target) . mean over rows of the fields, means held."""
    ours, without = with_and_without_target(centered=False)
    W, _, c = setting((12, 4, 3, None, 12, 1), {})[0]
    X, excess = ours[3], 0.7 * (ours[-1]["means"][1] - 0.2)

    def penalty(W, c):
        return excess @ (c + X @ W.T).mean(axis=0)

    h, slopes = 1e-3, np.empty_like(W)
    for at in np.ndindex(W.shape):
        up, down = W.copy(), W.copy()
        up[at] += h
        down[at] -= h
        slopes[at] = (penalty(up, c) - penalty(down, c)) / (2 * h)  # linear: exact but for eps / h
    np.testing.assert_allclose(ours[0][0] - without[0][0], -0.1 * slopes, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours[0][2] - without[0][2], -0.1 * excess, rtol=0, atol=1e-14)
    assert np.array_equal(ours[0][1], without[0][1])


def test_a_target_is_met_by_the_intercept_where_slopes_are_centred():
    """Around the data's mean, a slope of every row's field is one of the intercept alone."""
    ours, without = with_and_without_target(centered=True)
    excess = 0.7 * (ours[-1]["means"][1] - 0.2)
    np.testing.assert_allclose(ours[0][0], without[0][0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(ours[0][2] - without[0][2], -0.1 * excess, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", ["dense", "lists", "chosen"])
def test_l1_brings_weights_to_zero_in_every_way(way, dtype, kind):
    case = (200, 40, 30, None, 100, 1)
    ours = setting(case, {"l1": 0.5}, kind, dtype)
    before = copy.deepcopy(ours)
    passed(*ours, way=way)
    twin_passed(*before)
    atol = 2e-5 if dtype == np.float32 else 1e-12
    if kind == "sgd":  # Adam's first steps are of size rate, wherever gradients nearly vanish
        for a, b in zip(ours[0], before[0]):
            np.testing.assert_allclose(a, b, rtol=0, atol=atol)
    assert np.count_nonzero(ours[0][0] == 0) > 10
    assert np.count_nonzero(ours[0][2] == 0) == 0


def test_l1_does_not_hide_what_is_not_finite():
    parameters = [np.array([[np.inf, 1.0], [-3.0, 0.01]])]
    optimizer = Optimizer.start("sgd", 4, float, momentum=0.0, decay=0.0, l1_decay=1.0)
    with pytest.raises(ArithmeticError, match="not finite"):
        descend(parameters, [np.array([[np.nan, 0.0], [0, 0]])], optimizer, rate=0.1)
    np.testing.assert_array_equal(parameters[0], [[np.nan, 0.9], [-2.9, 0.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("asked", [{}, {"l1": 0.1}, ASKED["all"]], ids=["plain", "l1", "all"])
@pytest.mark.parametrize(
    "case",
    [
        (25, 12, 5, None, 10, 2),
        (25, 12, 5, 7, 10, 1),
        (9, 7, 5, 30, 50, 1),
        (305, 40, 30, 90, 60, 1),
    ],
)
def test_sparse_rows_leave_the_bits_of_dense_ones(case, asked, grey, dtype, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 1000)  # a batch or two
    dense, sparse = setting(case, asked, dtype=dtype), setting(case, asked, dtype=dtype)
    X = dense[3] * (0.7 if grey else 1)
    ours = passed(*sparse[:3], csr_array(X), *sparse[4:])
    assert np.array_equal(ours, passed(*dense[:3], X, *dense[4:]))
    assert sparse[2].count == dense[2].count


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("way", ["chosen", "dense", "lists", "lookup"])
@pytest.mark.parametrize("case", [(25, 12, 5, None, 10, 2), (305, 40, 30, 90, 70, 1)])
def test_calls_of_some_batches_leave_the_bits_of_one(case, way, grey, monkeypatch, rng):
    one, many = setting(case, {}, dtype=np.float32), setting(case, {}, dtype=np.float32)
    # The first half of the rows has few ones, and no means: by itself it would go another way.
    order, half = np.arange(case[0]), case[0] // 2
    X = (rng.random(one[3].shape) < 0.6).astype(float)
    X[:half] = rng.random(X[:half].shape) < 0.05
    X[half:] *= 0.7 if grey else 1
    whole = passed(*one[:3], X, order, one[5], way=way)
    monkeypatch.setattr(rows, "CALL_WORK", 1)  # a batch each
    assert np.array_equal(passed(*many[:3], X, order, many[5], way=way), whole)
    assert many[2].count == one[2].count


def test_calls_are_of_whole_batches():
    assert rows.calls(25, 10, 2**40) == [slice(0, 10), slice(10, 25)]
    assert rows.calls(25, 10, 100) == [slice(0, 25)]
    assert rows.calls(0, 10, 100) == []


def test_blocks_are_of_whole_batches():
    found = rows.blocks(25, 100, 8, multiple=10)
    assert found == [slice(0, 25)]
    found = rows.blocks(35, 2**20, 8, multiple=10)
    assert found == [slice(0, 10), slice(10, 20), slice(20, 35)]
    assert rows.blocks(3, 2**30, 8, multiple=10) == [slice(0, 3)]
    assert rows.blocks(0, 7, 8) == []
