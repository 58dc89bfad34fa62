"""What must be true of every trainer of a machine.

A trainer joins by one entry in ``TRAINERS``; its stated objective stands beside it.
"""

import pickle
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from reference import moments as brute
from reference import rbm as twin
from sklearn.base import clone

from layerwise.exceptions import Diverged, TooManyStates
from layerwise.models.inputs import LayerInput
from layerwise.models.rbm import RBMParams
from layerwise.numerics.gradient import LikelihoodGradient
from layerwise.numerics.streams import Stream
from layerwise.trainers import watch
from layerwise.trainers.contrastive import CD, PCD
from layerwise.trainers.exact import ExactGradient

STREAM = Stream(bytes(range(11, 27)))
PLAIN = {"optimizer": "sgd", "momentum": 0.0, "n_passes": 1, "schedule": "constant"}
RATE = 0.5


def machine(n_visible=4, n_hidden=3, seed=41, scale=0.8):
    rng = np.random.default_rng(seed)
    return RBMParams(
        rng.normal(scale=scale, size=(n_hidden, n_visible)),
        rng.normal(scale=scale, size=n_visible),
        rng.normal(scale=scale, size=n_hidden),
    )


def copy_of(params, dtype=np.float64):
    return RBMParams(*(array.astype(dtype) for array in params.arrays()))


def data(n_rows=12, n_visible=4, seed=43):
    return (np.random.default_rng(seed).random((n_rows, n_visible)) < 0.4).astype(np.float64)


def mirrored(params):
    """Return the machine with its layers swapped: the same p(v, h)."""
    return RBMParams(params.components.T, params.intercept_hidden, params.intercept_visible)


def flat(params):
    return np.concatenate([array.ravel() for array in params.arrays()])


def unflat(vector, like):
    cuts = np.cumsum([array.size for array in like.arrays()])[:-1]
    parts = zip(np.split(vector, cuts), like.arrays())
    return RBMParams(*(part.reshape(array.shape) for part, array in parts))


def step(trainer, params, X, stream=STREAM):
    """Return minus the gradient that a plain full-batch step followed, and its objective."""
    trained = copy_of(params)
    plain = clone(trainer).set_params(**PLAIN, learning_rate=RATE)
    if "batch_size" in plain.get_params():
        plain.set_params(batch_size=len(X))
    (only,) = plain.passes(trained, LayerInput(X), stream)
    return (flat(trained) - flat(params)) / RATE, only.objective


def finite_difference(objective, params, h=1e-5):
    at = flat(params)
    slopes = []
    for i in range(at.size):
        values = []
        for sign in (1, -1):
            moved = at.copy()
            moved[i] += sign * h
            values.append(objective(unflat(moved, params)))
        slopes.append((values[0] - values[1]) / (2 * h))
    return np.array(slopes)


# The stated objectives. --------------------------------------------------------------------------


def free_energy(params, visible):
    """Return F by its formula, not by the package's."""
    field = params.intercept_hidden + visible @ params.components.T
    return -visible @ params.intercept_visible - np.logaddexp(0, field).sum(axis=1)


def gap_to_chains(trainer, params, X):
    """Return the objective of CD and PCD, with their chains' states held where the twin goes."""
    order = STREAM.child("order", 0).generator().permutation(len(X))
    start = trainer._chains(params, LayerInput(X), STREAM.child("chains"))
    still = SimpleNamespace(
        kind="sgd", momentum=0, decay=0, count=0, first=np.zeros(flat(params).size),
        second=np.zeros(0),
    )  # fmt: skip
    _, chains = twin.contrastive_pass(
        *copy_of(params).arrays(), X, order, start, still, rate=0.0, n_steps=trainer.n_steps,
        batch_size=len(X), key=STREAM.child("pass", 0).as_array(),
    )  # fmt: skip
    return lambda moved: free_energy(moved, X).mean() - free_energy(moved, chains).mean()


def minus_log_likelihood(trainer, params, X):
    """Return the objective of the exact gradient, by listing every state of both layers."""

    def objective(moved):
        log_z = brute.moments(moved.components, moved.intercept_hidden, moved.intercept_visible)[0]
        return free_energy(moved, X).mean() + log_z

    return objective


TRAINERS = [
    (CD(), gap_to_chains),
    (CD(3), gap_to_chains),
    (PCD(n_chains=1), gap_to_chains),
    (PCD(2, n_chains=30), gap_to_chains),
    (ExactGradient(), minus_log_likelihood),
]
# And those whose step is not down an objective alone: tests/test_rbm_options.py says what it is.
OPTIONS = [
    CD(centered=True, sparsity_target=0.2),
    PCD(2, n_chains=30, centered=True, l1_decay=1e-4),
    PCD(n_chains=1, sparsity_target=0.5, sparsity_cost=2.0),
]
ALL = [pytest.param(each, id=repr(each)) for each in [*(each for each, _ in TRAINERS), *OPTIONS]]


# Laws of all trainers. ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3), (3, 5)])
@pytest.mark.parametrize(("trainer", "objective_of"), TRAINERS)
def test_a_step_is_the_finite_difference_of_the_objective(trainer, objective_of, shape):
    params, X = machine(*shape), data(n_visible=shape[0])
    taken, stated = step(trainer, params, X)
    objective = objective_of(trainer, params, X)
    assert stated == pytest.approx(objective(params), abs=1e-12)  # a dozen terms of size 1
    # Central differences: h^2 of truncation and eps / h of rounding, both about 1e-10.
    np.testing.assert_allclose(taken, -finite_difference(objective, params), rtol=0, atol=1e-9)


@pytest.mark.parametrize("trainer", ALL)
def test_a_stream_decides_everything(trainer):
    def result(stream):
        params = machine()
        grey = np.random.default_rng(47).random((30, 4))
        trainer_of_two = clone(trainer).set_params(n_passes=2)
        objectives = [
            done.objective for done in trainer_of_two.passes(params, LayerInput(grey), stream)
        ]
        return np.append(flat(params), objectives)

    assert np.array_equal(result(STREAM), result(STREAM))
    assert not np.array_equal(result(STREAM), result(STREAM.child("other")))


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_keeps_dtype_and_data(trainer, dtype):
    params, X = copy_of(machine(), dtype), data().astype(dtype)
    before = X.copy()
    X.flags.writeable = False
    indices = [
        done.index
        for done in clone(trainer).set_params(n_passes=3).passes(params, LayerInput(X), STREAM)
    ]
    assert indices == [0, 1, 2]
    assert {array.dtype for array in params.arrays()} == {np.dtype(dtype)}
    assert np.array_equal(X, before)


@pytest.mark.parametrize("trainer", ALL)
def test_weights_decay_and_biases_do_not(trainer):
    params, X = machine(), data()
    free, _ = step(trainer, params, X)
    decayed, _ = step(clone(trainer).set_params(weight_decay=0.125), params, X)
    n_weights = params.components.size
    pulled = -0.125 * params.components.ravel()
    # Two roundings of numbers of size 1, divided by the rate.
    np.testing.assert_allclose((decayed - free)[:n_weights], pulled, rtol=0, atol=4e-15)
    assert np.array_equal(decayed[n_weights:], free[n_weights:])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("trainer", ALL)
def test_l1_takes_the_same_off_every_weight_but_not_past_zero(trainer, optimizer):
    results = []
    for l1_decay in (0.0, 0.5):
        params = machine()
        one_pass = clone(trainer).set_params(
            optimizer=optimizer, n_passes=1, learning_rate=RATE, l1_decay=l1_decay
        )
        list(one_pass.passes(params, LayerInput(data()), STREAM))
        results.append(params.arrays())
    (plain, *others), (shrunk, *same) = results
    off = RATE * 0.5 * one_pass.rate(0) / RATE
    expected = np.sign(plain) * np.maximum(np.abs(plain) - off, 0)
    np.testing.assert_allclose(shrunk, expected, rtol=0, atol=1e-15)
    assert np.any(shrunk == 0)
    assert all(np.array_equal(one, two) for one, two in zip(others, same))


@pytest.mark.parametrize("trainer", ALL)
def test_divergence_is_an_error_with_a_way_out(trainer):
    wild = clone(trainer).set_params(learning_rate=1e39, optimizer="sgd")  # beyond float32
    message = (
        rf"{type(trainer).__name__} left .* pass 0 \(learning_rate=1e\+39\). Lower the learning"
    )
    with pytest.raises(Diverged, match=message):
        list(wild.passes(copy_of(machine(), np.float32), LayerInput(data()), STREAM))


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize(
    ("name", "value", "must"),
    [
        ("learning_rate", 0, r"a float in the range \(0.0, inf\)\. Got 0 instead"),
        ("learning_rate", "fast", "a float in the range .* Got 'fast'"),
        ("learning_rate", float("nan"), "Got nan"),
        ("momentum", 1.0, r"a float in the range \[0.0, 1.0\)"),
        ("weight_decay", -1e-3, r"a float in the range \[0.0, inf\)"),
        ("batch_size", 2.5, r"an int in the range \[1, inf\)"),
        ("n_passes", "many", "an int in the range"),
        ("optimizer", "lbfgs", "a str among {.*'adam'.*}. Got 'lbfgs' instead"),
        ("schedule", None, "a str among {.*'warmup'.*} or a callable"),
        ("resample", 1, "an instance of .bool."),
        ("n_steps", 0, r"an int in the range \[1, inf\)\. Got 0 instead"),
        ("n_chains", -3, r"an int in the range \[1, inf\)"),
    ],
)
def test_a_bad_parameter_is_named(trainer, name, value, must):
    if name not in trainer.get_params():
        return
    message = f"The '{name}' parameter of {type(trainer).__name__} must be .*{must}"
    bad = clone(trainer).set_params(**{name: value})
    with pytest.raises(ValueError, match=message):
        bad.check()
    with pytest.raises(ValueError, match=message):
        next(bad.passes(machine(), LayerInput(data()), STREAM))


@pytest.mark.parametrize("trainer", ALL)
def test_defaults_and_numpy_numbers_are_allowed(trainer):
    trainer.check()
    clone(trainer).set_params(
        learning_rate=np.float32(0.1), n_passes=np.int64(3), schedule=np.exp, resample=np.True_
    ).check()


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_goes_on_from_its_state_as_if_it_had_not_stopped(trainer, optimizer, seed):
    trainer = clone(trainer).set_params(n_passes=6, optimizer=optimizer, schedule="linear")
    rows, stream = LayerInput(data()), Stream.from_random_state(seed)
    whole = machine()
    told = list(trainer.passes(whole, rows, stream))

    state = trainer.start(machine(), rows, stream)
    first = [next(trainer.passes(state.model, rows, stream, state)) for _ in range(2)]
    state = pickle.loads(pickle.dumps(state))
    rest = list(trainer.passes(state.model, rows, None, state))
    assert [done.index for done in first + rest] == list(range(6))
    np.testing.assert_array_equal(np.array(first + rest), np.array(told))
    for ours, theirs in zip(state.model.arrays(), whole.arrays()):
        np.testing.assert_array_equal(ours, theirs)
    assert list(trainer.passes(state.model, rows, stream, state)) == []


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_single_passes_are_the_passes_of_a_training(trainer, optimizer, seed):
    trainer = clone(trainer).set_params(n_passes=4, optimizer=optimizer, schedule="linear")
    rows, stream = LayerInput(data()), Stream.from_random_state(seed)
    whole = machine()
    told = list(trainer.passes(whole, rows, stream))

    state = trainer.start(machine(), rows, stream)
    single = [trainer.one_pass(state, rows) for _ in range(4)]
    np.testing.assert_array_equal(np.array(single), np.array(told))
    for ours, theirs in zip(state.model.arrays(), whole.arrays()):
        np.testing.assert_array_equal(ours, theirs)
    # One more than there are, from a copy: what it goes on from stays as it is.
    copied = trainer.resumed(state, copy_of(state.model, np.float64), rows)
    assert trainer.one_pass(copied, rows).index == 4
    assert state.n_passes == 4
    for ours, theirs in zip(state.model.arrays(), whole.arrays()):
        np.testing.assert_array_equal(ours, theirs)
    again = trainer.resumed(state, copy_of(state.model, np.float64), rows)
    trainer.one_pass(again, rows)
    for ours, theirs in zip(again.model.arrays(), copied.model.arrays()):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("trainer", ALL)
def test_whoever_takes_the_passes_may_end_them(trainer):
    trainer = clone(trainer).set_params(n_passes=9, schedule="constant")
    ended, shorter = machine(), machine()
    passes = trainer.passes(ended, LayerInput(data()), STREAM)
    assert [next(passes).index, next(passes).index] == [0, 1]
    with pytest.raises(StopIteration):
        passes.send(True)
    list(clone(trainer).set_params(n_passes=2).passes(shorter, LayerInput(data()), STREAM))
    for ours, theirs in zip(ended.arrays(), shorter.arrays()):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("trainer", ALL)
@pytest.mark.parametrize("schedule", ["constant", "linear", "warmup"])
def test_the_rate_stays_that_of_the_last_pass_beyond_it(trainer, schedule):
    tried = clone(trainer).set_params(learning_rate=0.5, n_passes=4, schedule=schedule)
    assert [tried.rate(index) for index in (4, 5, 400)] == [tried.rate(3)] * 3
    assert tried.rate(3) == (0.5 if schedule == "constant" else 0.125)


@pytest.mark.parametrize("trainer", ALL)
def test_the_schedule_scales_the_rate(trainer):
    tried = clone(trainer).set_params(learning_rate=0.5, n_passes=4)
    assert [tried.set_params(schedule="constant").rate(i) for i in range(4)] == [0.5] * 4
    assert [tried.set_params(schedule="linear").rate(i) for i in range(4)] == [
        0.5, 0.375, 0.25, 0.125,
    ]  # fmt: skip
    assert tried.set_params(schedule="warmup").rate(0) == 0.5  # a tenth of 4 passes is none
    tried.set_params(n_passes=40)
    assert [tried.rate(i) for i in (0, 1, 3, 20)] == [
        0.5 * 0.25, 0.5 * 0.5 * 0.975, 0.5 * 0.925, 0.25,
    ]  # fmt: skip
    assert tried.set_params(schedule=lambda index: 2.0**-index).rate(3) == 0.0625


# Laws of chains. ---------------------------------------------------------------------------------


def transition(params):
    """Return T[v, v'] = sum_h p(h | v) p(v' | h) over all visible states, from the means."""
    v, h = brute.everything(params.n_visible), brute.everything(params.n_hidden)

    def table(mean, states):
        return np.prod(
            np.where(states[np.newaxis] == 1, mean[:, np.newaxis], 1 - mean[:, None]), 2
        )

    return table(params.hidden_mean(v), h) @ table(params.visible_mean(h), v)


def probabilities(params):
    """Return p(v) of all visible states."""
    minus = -free_energy(params, brute.everything(params.n_visible))
    return np.exp(minus - minus.max()) / np.exp(minus - minus.max()).sum()


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (1, 1)])
def test_gibbs_steps_leave_the_model_as_it_is(shape):
    params = machine(*shape)
    p = probabilities(params)
    # At most 16 x 32 products of probabilities, each to a few eps.
    np.testing.assert_allclose(p @ transition(params), p, rtol=0, atol=1e-14)


def exact_rows(params, n_rows, seed):
    chosen = np.random.default_rng(seed).choice(
        2**params.n_visible, n_rows, p=probabilities(params)
    )
    return brute.everything(params.n_visible)[chosen]


def assert_distributed(visible, p):
    """Assert that the rows occur as often as p says, within four standard deviations each."""
    index = visible.astype(int) @ (1 << np.arange(visible.shape[1]))
    found = np.bincount(index, minlength=len(p)) / len(visible)
    assert np.all(np.abs(found - p) < 4 * np.sqrt(p * (1 - p) / len(visible)))


def test_chains_from_exact_samples_do_not_drift():
    """Immune to slow mixing: an exact start stays exact, unless the sampler itself is wrong."""
    params = machine()
    rows = exact_rows(params, 20_000, seed=53)
    assert_distributed(params.gibbs(rows, STREAM, 10), probabilities(params))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_chains_of_the_kernel_do_not_drift(n_steps, dtype):
    """A chain remembers hidden states, which are the visible ones of the mirrored machine."""
    params = machine()
    hidden = exact_rows(mirrored(params), 20_000, seed=59).astype(dtype)
    trainer = PCD(n_steps, n_chains=20_000, learning_rate=1e-30, n_passes=5, batch_size=20_000)
    kept = {}
    trainer._chains = lambda *_: kept.setdefault("chains", hidden.copy())
    rows = LayerInput(exact_rows(params, 20_000, seed=61))
    list(trainer.passes(copy_of(params, dtype), rows, STREAM))
    assert np.mean(np.any(kept["chains"] != hidden, axis=1)) > 0.5  # they did move
    assert_distributed(kept["chains"], probabilities(mirrored(params)))


def expected_step(params, X, n_steps):
    """Return the exact mean of CD-k's step: the chains' distribution, pushed by the transition."""
    v = brute.everything(params.n_visible)
    index = X.astype(int) @ (1 << np.arange(params.n_visible))
    p = np.bincount(index, minlength=len(v)) / len(X)
    p = p @ np.linalg.matrix_power(transition(params), n_steps)
    return statistics(params, X, np.full(len(X), 1 / len(X))) - statistics(params, v, p)


def statistics(params, visible, weight):
    mean = params.hidden_mean(visible)
    return np.concatenate([
        (mean.T @ (weight[:, np.newaxis] * visible)).ravel(), weight @ visible, weight @ mean,
    ])  # fmt: skip


def mean_and_error(trainer, params, X, n_streams):
    taken = [step(trainer, params, X, STREAM.child(i))[0] for i in range(n_streams)]
    return np.mean(taken, axis=0), np.std(taken, axis=0, ddof=1) / np.sqrt(n_streams)


@pytest.mark.parametrize("n_steps", [1, 2])
def test_the_mean_step_of_cd_is_its_exact_expectation(n_steps):
    params, X = machine(), data()
    mean, error = mean_and_error(CD(n_steps), params, X, 600)
    assert np.all(np.abs(mean - expected_step(params, X, n_steps)) < 4 * error)


@pytest.mark.parametrize("n_chains", [1, 3, 12])
def test_the_mean_step_of_pcd_is_its_exact_expectation(n_chains):
    """Chains start from the data, so the first step's expectation is CD's, for any number."""
    params, X = machine(), data()
    mean, error = mean_and_error(PCD(2, n_chains=n_chains), params, X, 600)
    assert np.all(np.abs(mean - expected_step(params, X, 2)) < 4 * error)


@pytest.mark.parametrize("shape", [(4, 3), (3, 5)])
def test_the_exact_gradient_is_cd_without_end(shape):
    params, X = machine(*shape), data(n_visible=shape[0])
    exact, _ = step(ExactGradient(), params, X)
    many = np.repeat(X, 100, axis=0)  # each row a hundred chains: the same data, less noise
    mean, error = mean_and_error(CD(60), params, many, 20)
    # 60 steps leave less than 1e-6 of the start: far below the error.
    second = np.sort(np.abs(np.linalg.eigvals(transition(params))))[-2]
    assert second**60 < 0.01 * error.min()
    assert np.all(np.abs(mean - exact) < 4 * error)


# Stories. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", [CD(), PCD(n_chains=100), PCD(n_chains=30), ExactGradient()])
def test_a_short_last_batch_does_not_bias_the_model(trainer):
    """The mean of a trained model is the mean of its data, with 101 rows in batches of 100.

    scikit-learn 1.9's BernoulliRBM subtracts the statistics of batch_size chains from those of the
    last, shorter slice, and divides both by the length of the slice. With one row in the last
    slice the model's half weighs a hundred times too much, and the model is driven to zero: data
    with mean 0.292 left a model with mean 0.006. Here each mean is over its own rows.
    """
    X = (np.random.default_rng(61).random((101, 12)) < 0.3).astype(np.float64)
    params = RBMParams.init(X, 4, STREAM.child("init"))
    mine = clone(trainer).set_params(
        optimizer="sgd", batch_size=100, n_passes=300, learning_rate=0.02, schedule="linear"
    )
    list(mine.passes(params, LayerInput(X), STREAM))
    _, _, mean, _ = brute.moments(*(params.arrays()[i] for i in (0, 2, 1)))
    # At a fixed point the mean is the data's. The last row of each pass is a step of its own, of
    # 0.02 * (row - mean) at most: what is left of 300 of them, with the rate going to 0, and CD's
    # bias are below 0.02; the defect moves the mean by 0.28.
    assert abs(mean.mean() - X.mean()) < 0.02


def test_more_chains_than_rows_start_from_rows_again():
    """Seen through a machine whose hidden units copy the visible ones."""

    def start(n_chains, X, dtype=np.float64):
        n = X.shape[1]
        copier = RBMParams(1000 * np.eye(n), np.zeros(n), np.full(n, -500.0))
        return PCD(n_chains=n_chains)._chains(copy_of(copier, dtype), LayerInput(X), STREAM)

    X = data(n_rows=5)
    many = start(40, X)
    assert many.shape == (40, 4)
    assert {tuple(row) for row in many} <= {tuple(row) for row in X}
    fewer = start(5, np.eye(5), np.float32)
    assert np.array_equal(np.sort(fewer, axis=0), np.sort(np.eye(5), axis=0))
    assert fewer.dtype == np.float32


@pytest.mark.parametrize("shape", [(40, 9), (9, 40)])
@pytest.mark.parametrize("spread", [0.1, 1.0, 30.0])
def test_a_float32_machine_takes_the_step_of_a_float64_machine(shape, spread):
    params, X = copy_of(machine(*shape, scale=spread), np.float32), data(30, shape[0])
    single, double = (LikelihoodGradient(p.components, 30, X.dtype) for p in both(params))
    order = np.random.default_rng(83).permutation(30)
    objectives = [
        gradient(*p.arrays(), X, order) for gradient, p in zip((single, double), both(params))
    ]
    assert objectives[0] == objectives[1]
    for one, two in zip(single.gradients, double.gradients):
        # differences of means, which are below 1: 26 roundings behind the model's (test_states)
        np.testing.assert_allclose(one, two, rtol=0, atol=27 * 2.0**-24)


def both(params):
    """Return a float32 machine, and the same in float64."""
    return params, copy_of(params, np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [None, 60])
@pytest.mark.parametrize("shape", [(500, 7), (7, 500)])
def test_steps_of_the_exact_gradient_allocate_nothing_of_size(
    shape, batch_size, dtype, monkeypatch
):
    # Steps alone: now and then, between them, a look at the exact log-likelihood allocates.
    monkeypatch.setattr(watch, "SHARE", 1e-9)
    monkeypatch.setattr(watch, "UNNOTICED", 1)
    X = data(150, shape[0]).astype(dtype)
    params = RBMParams.init(X, shape[1], STREAM.child("init"), dtype)
    trainer = ExactGradient(n_passes=6, batch_size=batch_size)
    passes = trainer.passes(params, LayerInput(X), STREAM)
    next(passes)
    tracemalloc.start()
    try:
        list(passes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The order of 150 rows, and objects; the rows would be 300 KB, a hidden layer's means 600 KB.
    assert peak < 20_000


def test_exact_gradient_refuses_two_large_layers():
    wide = RBMParams(np.zeros((21, 30)), np.zeros(30), np.zeros(21))
    with pytest.raises(TooManyStates, match=r"2\*\*21 states.*train with PCD"):
        next(ExactGradient().passes(wide, LayerInput(data(n_visible=30)), STREAM))


def test_exact_gradient_reaches_the_likelihood_of_its_own_kind():
    """Trained on a machine's exact distribution, its likelihood comes to the entropy."""
    teacher = machine(4, 2, scale=1.5)
    p = probabilities(teacher)
    X = np.repeat(brute.everything(4), np.rint(4000 * p).astype(int), axis=0)
    found = np.bincount(X.astype(int) @ (1 << np.arange(4)), minlength=16) / len(X)
    entropy = -found[found > 0] @ np.log(found[found > 0])
    student = RBMParams.init(X, 3, STREAM.child("init"))
    *_, last = ExactGradient(n_passes=400).passes(student, LayerInput(X), STREAM)
    assert entropy <= last.objective + 1e-12
    # 400 steps of Adam at 0.05 falling to 0: a thousandth of a nat is left (measured 2e-4).
    assert last.objective - entropy < 1e-3
