"""Back-propagation through a chain of affine layers: the twin, and the kernel against it."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from reference import network as reference
from scipy import special, stats

from layerwise.exceptions import Diverged
from layerwise.models.chain import Chain
from layerwise.numerics import network, runtime, units
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream
from layerwise.numerics.units import (
    BERNOULLI,
    GAUSSIAN,
    SOFTMAX,
    SPIN,
    TRUNCATED_EXPONENTIAL,
    gaussian_units,
    runs_of,
)

STREAM = Stream(bytes(range(7, 23)))
PLAIN = dict(batch_size=7, loss="cross_entropy", stream=STREAM, corruption=0.0, code=-1)
STEP = {"sgd": dict(rate=0.3, momentum=0.7), "adam": dict(rate=0.01, momentum=0.9)}

# Output units, of nine columns.
OUTPUTS = {
    "bernoulli": [(BERNOULLI, 9)],
    "spin": [(SPIN, 9)],
    "gaussian": [(GAUSSIAN, 9)],
    "truncated exponential": [(TRUNCATED_EXPONENTIAL, 9)],
    "softmax": [(SOFTMAX, 4), (SOFTMAX, 5)],
    "mixed": [
        *((GAUSSIAN, 2), (SOFTMAX, 3), (BERNOULLI, 1), (SPIN, 1), (TRUNCATED_EXPONENTIAL, 1)),
        (GAUSSIAN, 1),
    ],
}
every_output = pytest.mark.parametrize("runs", OUTPUTS.values(), ids=OUTPUTS)

# sizes, activations, tied pairs, code, output units: encoders of depth 1, 2 and 3, all activations
# and all units. Where there are output units, they are what the last activation would be.
PLAIN_CHAINS = [
    ((9, 5, 9), ("sigmoid", "sigmoid"), (), 1),
    ((9, 5, 9), ("sigmoid", "sigmoid"), ((0, 1),), 1),
    ((9, 5, 9), ("sigmoid", "identity"), ((0, 1),), 1),
    ((9, 6, 4, 9), ("tanh", "sigmoid", "sigmoid"), (), 2),
    ((9, 6, 4, 9), ("relu", "sigmoid", "tanh"), (), 2),
    ((9, 7, 6, 4, 9), ("identity", "relu", "sigmoid", "sigmoid"), (), 3),
    ((9, 6, 4, 6, 9), ("tanh", "sigmoid", "relu", "sigmoid"), ((0, 3), (1, 2)), 2),
    ((9, 6, 9), ("sigmoid", "relu"), (), 1),
    ((1, 1, 1), ("sigmoid", "sigmoid"), (), 1),
]
CHAINS = [
    *((*chain, None) for chain in PLAIN_CHAINS),
    *(((9, 6, 4, 9), ("tanh", "sigmoid"), (), 2, runs) for runs in OUTPUTS.values()),
    *(((9, 5, 9), ("sigmoid",), ((0, 1),), 1, OUTPUTS[name]) for name in ("gaussian", "mixed")),
    *(((1, 1, 1), ("sigmoid",), (), 1, [(kind, 1)]) for kind in range(5)),
]


def chain_of(sizes, activations, tied=(), dtype=np.float64, runs=None):
    """A chain whose biases and log variances are not zero."""
    outputs = None if runs is None else runs_of(runs)
    chain = Chain.init(
        sizes, activations, STREAM.child("init"), tied=tied, dtype=dtype, outputs=outputs
    )
    if chain.log_variance is not None:
        spread = STREAM.child("variances").generator().normal(scale=0.5, size=sizes[-1])
        chain.log_variance[...] = np.where(gaussian_units(outputs), spread, 0)
    for k in range(chain.n_layers):
        chain.biases(k)[...] = STREAM.child("biases", k).generator().normal(size=sizes[k + 1])
    return chain


def rows_of(n_rows, n_units, dtype=np.float64):
    return STREAM.child("X").generator().random((n_rows, n_units)).astype(dtype)


def twin_pass(chain, X, targets, order, kind, rate, momentum, decay, n_passes, options):
    is_weight = np.arange(len(chain.parameters)) < chain.layers["biases"][0]
    step_down = reference.textbook(
        kind, chain.parameters, is_weight, rate=rate, momentum=momentum, decay=decay
    )
    return [
        reference.network_pass(chain, X, targets, order, step_down, **options)
        for _ in range(n_passes)
    ]


def kernel_pass(chain, X, targets, order, kind, rate, momentum, decay, n_passes, options):
    options = dict(options)
    outputs = chain.units if options.pop("loss") == "cross_entropy" else None
    optimizer = Optimizer.start(
        kind, len(chain.parameters), X.dtype, momentum=momentum, decay=decay
    )
    return [
        network.network_pass(
            chain.parameters,
            chain.layers,
            X,
            targets,
            order,
            optimizer,
            rate=rate,
            outputs=outputs,
            **options,
        )
        for _ in range(n_passes)
    ]


def run(
    engine, chain, X, targets=None, order=None, kind="sgd", rate=1.0, momentum=0.0, decay=0.0,
    n_passes=1, **options,
):  # fmt: skip
    """The objectives, and the chain after some passes; ``chain`` itself stays."""
    chain = copy.deepcopy(chain)
    targets = X if targets is None else targets
    order = np.arange(len(X)) if order is None else order
    options = {**PLAIN, **options}
    return (
        engine(chain, X, targets, order, kind, rate, momentum, decay, n_passes, options),
        chain,
    )


def gradient_of(engine, chain, X, **options):
    """The gradient over all rows: what one plain step of rate 1 takes away."""
    _, after = run(engine, chain, X, **{"batch_size": len(X), **options})
    return chain.parameters - after.parameters


def losses_of(activations, runs):
    """The losses that fit: units have likelihoods, and squared errors if they are Bernoulli."""
    has_likelihood = activations[-1] == "sigmoid" if runs is None else True
    has_error = runs is None or all(kind == BERNOULLI for kind, _ in runs)
    return ["cross_entropy"] * has_likelihood + ["squared_error"] * has_error


CASES = [(*chain, loss) for chain in CHAINS for loss in losses_of(chain[1], chain[4])]
both = pytest.mark.parametrize("engine", [twin_pass, kernel_pass], ids=["twin", "kernel"])
every_case = pytest.mark.parametrize(
    ("sizes", "activations", "tied", "code", "runs", "loss"), CASES
)


def finite_differences(function, at):
    # h = 1e-5: the third derivative leaves h^2, a loss near 10 rounds to 1e-15 / h; both 1e-10.
    gradient = np.empty_like(at)
    for i in range(len(at)):
        step = np.zeros_like(at)
        step[i] = 1e-5
        gradient[i] = (function(at + step) - function(at - step)) / 2e-5
    return gradient


@both
@pytest.mark.parametrize("corruption", [0.0, 0.4])
@every_case
def test_gradient_is_that_of_the_loss(
    engine, sizes, activations, tied, code, runs, loss, corruption
):
    # A rate of zero leaves the parameters, so the objective is the loss; the mask, at the same
    # addresses, is the same each time. The loss is a formula for any targets, states or not.
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(5, sizes[0])
    options = dict(loss=loss, corruption=corruption, batch_size=5)

    def mean_loss(parameters):
        moved = replace(chain, parameters=parameters)
        return run(engine, moved, X, rate=0.0, **options)[0][0]

    np.testing.assert_allclose(
        gradient_of(engine, chain, X, **options),
        finite_differences(mean_loss, chain.parameters),
        atol=1e-8,  # finite_differences: 1e-10, with sums over 9 units and deep chains
    )


@both
@every_case
def test_gradient_of_sampled_codes_goes_straight_through(
    engine, sizes, activations, tied, code, runs, loss
):
    # Stated as a loss: the code's units are their states here, and move as their means do.
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(5, sizes[0])
    means = reference.forward(chain, X, last=code)
    u = reference.uniforms(means.shape, X.dtype, STREAM, 0, reference.CODE)
    states = (u < means).astype(float)

    def mean_loss(parameters):
        moved, last = replace(chain, parameters=parameters), chain.n_layers - 1
        units = states + (reference.forward(moved, X, last=code) - means)
        below = reference.forward(moved, units, code, last)
        field = below @ moved.weights(last) + moved.biases(last)
        return reference.LOSS[loss](moved, field, X)[0].mean()

    np.testing.assert_allclose(
        gradient_of(engine, chain, X, loss=loss, code=code),
        finite_differences(mean_loss, chain.parameters),
        atol=1e-8,  # finite_differences
    )


@both
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_gradient_of_a_tied_matrix_is_the_sum_over_its_two_places(engine, loss):
    tied = chain_of((9, 5, 9), ("sigmoid", "sigmoid"), ((0, 1),))
    untied = chain_of((9, 5, 9), ("sigmoid", "sigmoid"))
    for k in range(2):
        untied.weights(k)[...] = tied.weights(k)
    X = rows_of(6, 9)
    one, two = (
        Chain(gradient_of(engine, c, X, loss=loss), c.sizes, c.activations, c.tied)
        for c in (tied, untied)
    )
    # A difference of parameters near 1: rounding of 1e-16.
    np.testing.assert_allclose(one.weights(1), two.weights(0).T + two.weights(1), atol=1e-15)
    for k in range(2):
        np.testing.assert_allclose(one.biases(k), two.biases(k), atol=1e-15)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize(("corruption", "sample"), [(0.0, False), (0.3, False), (0.3, True)])
@every_case
def test_kernel_equals_twin(sizes, activations, tied, code, runs, loss, corruption, sample, kind):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(17, sizes[0])
    options = dict(
        order=STREAM.generator().permutation(17), kind=kind, decay=0.01, n_passes=3, loss=loss,
        corruption=corruption, code=code if sample else -1, **STEP[kind],
    )  # fmt: skip
    expected, got = (run(engine, chain, X, **options) for engine in (twin_pass, kernel_pass))
    # Sums of at most 20 numbers near 1 differ by 1e-15, over 9 steps. Adam divides by the
    # gradient's size, which is above 1e-4 here: a relative 1e-11 of a step of 0.01.
    np.testing.assert_allclose(got[0], expected[0], atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose(got[1].parameters, expected[1].parameters, atol=1e-12)


@every_output
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_kernel_equals_twin_in_single_precision(kind, runs):
    runs = [*runs, (SPIN, 20), (GAUSSIAN, 11)] if len(runs) > 2 else [(runs[0][0], 40)]
    chain = chain_of((40, 30, 6, 40), ("tanh", "sigmoid"), dtype=np.float32, runs=runs)
    X = states_of(runs, 33).astype(np.float32)
    options = dict(kind=kind, corruption=0.2, code=2, batch_size=10, n_passes=2, **STEP[kind])
    expected, got = (run(engine, chain, X, **options) for engine in (twin_pass, kernel_pass))
    assert got[1].parameters.dtype == np.float32
    # 2^-24 in each of 40 terms is 2e-6; a state drawn otherwise would show as 1e-2.
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got[1].parameters, expected[1].parameters, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 5, 8, 16, 17, 19, 40, 1000])
def test_kernel_equals_twin_for_any_last_batch(batch_size):
    chain, X = chain_of((30, 8, 30), ("sigmoid", "sigmoid")), rows_of(17, 30)
    options = dict(batch_size=batch_size, kind="sgd", **STEP["sgd"])
    expected, got = (run(engine, chain, X, **options) for engine in (twin_pass, kernel_pass))
    # Sums of 30 numbers near 1, over at most 17 steps.
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(got[1].parameters, expected[1].parameters, atol=1e-12)


@both
def test_pass_is_its_batches_one_after_the_other(engine):
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(16, 9)
    order = STREAM.generator().permutation(16)
    _, whole = run(engine, chain, X, order=order)
    for at in range(0, 16, 7):
        _, chain = run(engine, chain, X, order=order[at : at + 7])
    assert np.array_equal(whole.parameters, chain.parameters)


@both
def test_batch_larger_than_the_data_is_all_of_it(engine):
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(6, 9)
    one, two = (run(engine, chain, X, batch_size=size) for size in (6, 10**6))
    assert one[0] == two[0]
    assert np.array_equal(one[1].parameters, two[1].parameters)


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mask_is_the_one_at_its_addresses(engine, dtype):
    # One unit, field 0, target 1: the slope is -1, and the step of the weights is the mean of the
    # batch's masked inputs. Row i of the batch is shown by making all others zero.
    u = reference.uniforms((3, 70), dtype, STREAM, 0, reference.CORRUPTION)
    kept = u >= dtype(0.4)
    assert 0 < kept.mean() < 1
    for row in range(3):
        chain = Chain(np.zeros(71, dtype), (70, 1), ("identity",))
        X, targets = np.zeros((3, 70), dtype), np.ones((3, 1), dtype)
        X[2 - row] = 1
        options = dict(order=np.array([2, 1, 0]), loss="squared_error", corruption=0.4)
        _, after = run(engine, chain, X, targets, **options)
        assert np.array_equal(after.weights(0)[:, 0] > 0, kept[row])


@both
def test_code_is_the_one_at_its_addresses(engine):
    for dtype in (np.float32, np.float64):
        chain = Chain.init((3, 50, 1), ("sigmoid", "identity"), STREAM, dtype=dtype)
        chain.weights(1)[...] = 0
        X, targets = rows_of(1, 3, dtype), np.ones((1, 1), dtype)
        _, after = run(engine, chain, X, targets, loss="squared_error", code=1)
        means = reference.forward(chain, X, last=1)
        u = reference.uniforms((1, 50), dtype, STREAM, 0, reference.CODE)
        assert np.array_equal(after.weights(1)[:, 0], (u < means)[0])


@both
def test_all_inputs_masked_is_an_input_of_zeros(engine):
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(8, 9)
    masked = run(engine, chain, X, corruption=1.0)
    zeros = run(engine, chain, np.zeros_like(X), targets=X)
    assert masked[0] == zeros[0]
    assert np.array_equal(masked[1].parameters, zeros[1].parameters)


@both
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_decay_leaves_biases_alone(engine, kind):
    # Targets equal to the means: no slope, so decay alone moves the parameters.
    chain, X = chain_of((4, 3), ("sigmoid",)), rows_of(5, 4)
    options = dict(targets=chain.forward(X), kind=kind, rate=0.5, decay=0.1, batch_size=5)
    _, after = run(engine, chain, X, loss="squared_error", **options)
    # The kernel's means have 2 units in the last place, and Adam makes of 1e-17 at most 1e-9.
    np.testing.assert_allclose(after.weights(0), 0.95 * chain.weights(0), atol=1e-8)
    np.testing.assert_allclose(after.biases(0), chain.biases(0), atol=1e-8)


@both
@pytest.mark.parametrize("sign", [-1, 1])
def test_cross_entropy_is_exact_far_from_zero(engine, sign):
    chain = Chain(np.array([0.0, sign * 800.0]), (1, 1), ("sigmoid",))
    X, targets = np.zeros((1, 1)), np.full((1, 1), 0.25)
    objective, after = run(engine, chain, X, targets)
    assert objective[0] == (600 if sign == 1 else 200)  # softplus(f) - f / 4
    assert after.biases(0) == chain.biases(0) - ((sign == 1) - 0.25)


LOG_DENSITY = {
    BERNOULLI: lambda field, target, scale: special.log_expit((2 * target - 1) * field),
    SPIN: lambda field, target, scale: special.log_expit(2 * target * field),
    GAUSSIAN: lambda field, target, scale: stats.norm.logpdf(target, scale**2 * field, scale),
    TRUNCATED_EXPONENTIAL: lambda field, target, scale: stats.truncexpon.logpdf(
        np.where(field > 0, 1 - target, target), np.abs(field), scale=1 / np.abs(field)
    ),
    SOFTMAX: lambda field, target, scale: special.log_softmax(field, axis=1) * target,
}


def states_of(runs, n_rows):
    """Random states of output units."""
    outputs, n_units = runs_of(runs), sum(size for _, size in runs)
    fields = STREAM.child("fields").generator().normal(size=(n_rows, n_units))
    return units.unit_draws(fields, outputs, np.ones(n_units), STREAM, step=0, lane=1)


@both
@pytest.mark.parametrize("n_rows", [1, 6])
@every_output
def test_loss_is_minus_the_log_likelihood(engine, runs, n_rows):
    chain, X = chain_of((9, 5, 9), ("sigmoid",), runs=runs), states_of(runs, n_rows)
    (loss,), _ = run(engine, chain, X, rate=0.0, batch_size=n_rows)
    scale = np.ones(9) if chain.log_variance is None else np.exp(chain.log_variance / 2)
    field, total, first = chain.field(X), 0.0, 0
    for kind, size in runs:
        here = slice(first, first + size)
        total += LOG_DENSITY[kind](field[:, here], X[:, here], scale[here]).sum()
        first += size
    # Terms near 1, 9 of them.
    assert loss == pytest.approx(-total / n_rows, rel=1e-13, abs=1e-13)


@both
def test_log_variances_do_not_decay(engine):
    # A target one standard deviation from the mean: no slope of the log variance.
    chain = Chain(np.array([0.0, 0.5, 2.0]), (1, 1), (), (), runs_of([(GAUSSIAN, 1)]))
    scale = np.exp(1.0)
    targets = np.array([[scale**2 * 0.5 + scale, scale**2 * 0.5 - scale]]).T
    X = np.zeros((2, 1))
    _, after = run(engine, chain, X, targets, rate=0.5, decay=0.1, batch_size=2)
    # The step is a rounding of targets near 7, 1e-15.
    np.testing.assert_allclose(after.log_variance, 2.0, atol=1e-14)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
def test_not_a_number_is_never_hidden(activation):
    chain, X = chain_of((4, 3, 4), (activation, "identity")), rows_of(3, 4)
    X[1, 2] = np.nan
    assert np.isnan(chain.forward(X)).any(axis=1).tolist() == [False, True, False]
    with pytest.raises(Diverged):
        run(kernel_pass, chain, X, loss="squared_error")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("tied", [(), ((1, 2),)])
def test_result_does_not_depend_on_threads(monkeypatch, tied, loss, kind, dtype):
    # Above, at and below the tiles: 120 rows of a product, 16 columns of float32, 4096 parameters.
    chain = chain_of((130, 65, 33, 65, 130), ("tanh", "sigmoid", "relu", "sigmoid"), tied, dtype)
    assert_bits_do_not_depend_on_threads(monkeypatch, chain, kind, loss)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_output
def test_likelihoods_of_units_do_not_depend_on_threads(monkeypatch, runs, dtype):
    # Log variances come in tiles of 64.
    runs = [*runs, *runs[::-1]]
    runs = [*runs, (runs[0][0], 130 - sum(size for _, size in runs))]
    chain = chain_of((130, 33, 130), ("sigmoid",), (), dtype, runs)
    assert_bits_do_not_depend_on_threads(monkeypatch, chain, "adam", "cross_entropy", code=1)


def assert_bits_do_not_depend_on_threads(monkeypatch, chain, kind, loss, code=2):
    dtype = chain.parameters.dtype
    X = rows_of(150, 130, dtype)
    options = dict(
        kind=kind, loss=loss, batch_size=128, corruption=0.2, code=code, decay=0.1, **STEP[kind]
    )
    results = []
    for n_threads in (1, 2, 3, 5):
        monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
        objective, after = run(kernel_pass, chain, X, **options)
        results.append((*objective, *after.parameters, *chain.forward(X).ravel()))
    assert all(result == results[0] for result in results[1:])


@both
@every_output
def test_inputs_are_not_written_to(engine, runs):
    chain, X = chain_of((9, 5, 9), ("sigmoid",), runs=runs), rows_of(8, 9)
    order, kept = np.arange(8), X.copy()
    for array in (X, order, chain.outputs):
        array.setflags(write=False)
    run(engine, chain, X, order=order, corruption=0.5, code=1)
    chain.parameters.setflags(write=False)
    chain.forward(X)
    assert np.array_equal(X, kept)


@pytest.mark.parametrize(("sizes", "activations", "tied", "code", "runs"), CHAINS)
def test_forward_equals_twin(sizes, activations, tied, code, runs):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(21, sizes[0])
    means = chain.forward(X)
    # tanh is 2 sigm - 1, exact to 2 units in the last place of 1, through 4 layers.
    np.testing.assert_allclose(means, reference.forward(chain, X), atol=1e-14)
    assert np.array_equal(chain.forward(chain.forward(X, last=code), first=code), means)
    np.testing.assert_allclose(reference.output_mean(chain, chain.field(X)), means, atol=1e-14)
    assert chain.forward(X[:0]).shape == (0, sizes[-1])
    assert chain.forward(X, first=1, last=1).shape == X.shape


def test_log_variances_stand_last():
    layout = ((2, 3, 4), ("tanh",), ())
    for runs, n_variances in (([(GAUSSIAN, 4)], 4), ([(SPIN, 3), (GAUSSIAN, 1)], 4)):
        chain = Chain(np.arange(29.0), *layout, runs_of(runs))
        assert network.n_parameters(chain.layers, chain.outputs) == 25 + n_variances
        np.testing.assert_array_equal(chain.biases(1), [21, 22, 23, 24])
        np.testing.assert_array_equal(chain.log_variance, [25, 26, 27, 28])
    chain = Chain(np.arange(25.0), *layout, runs_of([(SPIN, 4)]))
    assert network.n_parameters(chain.layers, chain.outputs) == 25
    assert chain.log_variance is None


def test_parameters_are_matrices_and_then_biases():
    chain = Chain(
        np.arange(2 * 3 + 3 * 2 + 2 + 3 + 3 + 2.0), (2, 3, 2, 3), ("tanh",) * 3, ((0, 1),)
    )
    assert network.n_parameters(chain.layers) == 20
    chain = Chain(np.arange(20.0), (2, 3, 2, 3), ("tanh",) * 3, ((0, 1),))
    np.testing.assert_array_equal(chain.weights(1), [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(chain.weights(0), [[0, 2, 4], [1, 3, 5]])
    np.testing.assert_array_equal(chain.weights(2), [[6, 7, 8], [9, 10, 11]])
    np.testing.assert_array_equal(chain.biases(0), [12, 13, 14])
    np.testing.assert_array_equal(chain.biases(1), [15, 16])
    np.testing.assert_array_equal(chain.biases(2), [17, 18, 19])


def test_copies_of_a_chain_are_whole_and_apart():
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid"), ((0, 1),)), rows_of(4, 9)
    means = chain.forward(X)
    for twin in (pickle.loads(pickle.dumps(chain)), copy.deepcopy(chain)):
        assert np.array_equal(twin.forward(X), means)
        twin.parameters[...] = 0
        assert np.array_equal(chain.forward(X), means)


def test_initial_weights_are_uniform_within_glorots_bound():
    chain = Chain.init((300, 200, 100), ("tanh", "sigmoid"), STREAM, dtype=np.float32)
    assert chain.parameters.dtype == np.float32
    for k in range(2):
        weights, bound = chain.weights(k), np.sqrt(6 / sum(chain.weights(k).shape))
        assert np.all(np.abs(weights) <= np.float32(bound))
        # Standard errors of the mean and of the mean square of a uniform number, times 4.
        error = 4 * bound / np.sqrt(weights.size)
        assert abs(weights.mean()) < error * np.sqrt(1 / 3)
        assert abs((weights**2).mean() - bound**2 / 3) < error * bound * np.sqrt(4 / 45)
        assert not chain.biases(k).any()
