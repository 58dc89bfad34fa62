"""Back-propagation through a chain of affine layers: the twin, and the kernel against it."""

import copy
import pickle

import numpy as np
import pytest
from reference import network as reference

from layerwise.exceptions import Diverged
from layerwise.models.chain import Chain
from layerwise.numerics import network, runtime
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(7, 23)))
PLAIN = dict(batch_size=7, loss="cross_entropy", stream=STREAM, corruption=0.0, code=-1)
STEP = {"sgd": dict(rate=0.3, momentum=0.7), "adam": dict(rate=0.01, momentum=0.9)}

# sizes, activations, tied pairs, code: encoders of depth 1, 2 and 3, and all activations.
CHAINS = [
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


def chain_of(sizes, activations, tied=(), dtype=np.float64):
    """A chain whose biases are not zero."""
    chain = Chain.init(sizes, activations, STREAM.child("init"), tied=tied, dtype=dtype)
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
    optimizer = Optimizer.start(
        kind, len(chain.parameters), X.dtype, momentum=momentum, decay=decay
    )
    return [
        network.network_pass(
            chain.parameters, chain.layers, X, targets, order, optimizer, rate=rate, **options
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


def losses_of(activations):
    return ["squared_error"] + ["cross_entropy"] * (activations[-1] == "sigmoid")


CASES = [(*chain, loss) for chain in CHAINS for loss in losses_of(chain[1])]
both = pytest.mark.parametrize("engine", [twin_pass, kernel_pass], ids=["twin", "kernel"])
every_case = pytest.mark.parametrize(("sizes", "activations", "tied", "code", "loss"), CASES)


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
def test_gradient_is_that_of_the_loss(engine, sizes, activations, tied, code, loss, corruption):
    # A rate of zero leaves the parameters, so the objective is the loss; the mask, at the same
    # addresses, is the same each time.
    chain, X = chain_of(sizes, activations, tied), rows_of(5, sizes[0])
    options = dict(loss=loss, corruption=corruption, batch_size=5)

    def mean_loss(parameters):
        moved = Chain(parameters, sizes, activations, tied)
        return run(engine, moved, X, rate=0.0, **options)[0][0]

    np.testing.assert_allclose(
        gradient_of(engine, chain, X, **options),
        finite_differences(mean_loss, chain.parameters),
        atol=1e-8,  # finite_differences: 1e-10, with sums over 9 units and deep chains
    )


@both
@every_case
def test_gradient_of_sampled_codes_goes_straight_through(
    engine, sizes, activations, tied, code, loss
):
    # Stated as a loss: the code's units are their states here, and move as their means do.
    chain, X = chain_of(sizes, activations, tied), rows_of(5, sizes[0])
    means = reference.forward(chain, X, last=code)
    u = reference.uniforms(means.shape, X.dtype, STREAM, 0, reference.CODE)
    states = (u < means).astype(float)

    def mean_loss(parameters):
        moved = Chain(parameters, sizes, activations, tied)
        units = states + (reference.forward(moved, X, last=code) - means)
        values = reference.forward(moved, units, code, len(activations))
        if loss == "squared_error":
            return ((values - X) ** 2).sum() / 2 / len(X)
        return -(X * np.log(values) + (1 - X) * np.log1p(-values)).sum() / len(X)

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
def test_kernel_equals_twin(sizes, activations, tied, code, loss, corruption, sample, kind):
    chain, X = chain_of(sizes, activations, tied), rows_of(17, sizes[0])
    options = dict(
        order=STREAM.generator().permutation(17), kind=kind, decay=0.01, n_passes=3, loss=loss,
        corruption=corruption, code=code if sample else -1, **STEP[kind],
    )  # fmt: skip
    expected, got = (run(engine, chain, X, **options) for engine in (twin_pass, kernel_pass))
    # Sums of at most 20 numbers near 1 differ by 1e-15, over 9 steps. Adam divides by the
    # gradient's size, which is above 1e-4 here: a relative 1e-11 of a step of 0.01.
    np.testing.assert_allclose(got[0], expected[0], atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose(got[1].parameters, expected[1].parameters, atol=1e-12)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_kernel_equals_twin_in_single_precision(kind):
    chain = chain_of((40, 30, 6, 40), ("tanh", "sigmoid", "sigmoid"), dtype=np.float32)
    X = rows_of(33, 40, np.float32)
    options = dict(kind=kind, corruption=0.2, code=2, batch_size=10, n_passes=2, **STEP[kind])
    expected, got = (run(engine, chain, X, **options) for engine in (twin_pass, kernel_pass))
    assert got[1].parameters.dtype == np.float32
    # 2^-24 in each of 40 terms is 2e-6; a state drawn otherwise would show as 1e-2.
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5)
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
    X = rows_of(150, 130, dtype)
    options = dict(
        kind=kind, loss=loss, batch_size=128, corruption=0.2, code=2, decay=0.1, **STEP[kind]
    )
    results = []
    for n_threads in (1, 2, 3, 5):
        monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
        objective, after = run(kernel_pass, chain, X, **options)
        results.append((*objective, *after.parameters, *chain.forward(X).ravel()))
    assert all(result == results[0] for result in results[1:])


@both
def test_inputs_are_not_written_to(engine):
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(8, 9)
    order, kept = np.arange(8), X.copy()
    X.setflags(write=False)
    order.setflags(write=False)
    run(engine, chain, X, order=order, corruption=0.5, code=1)
    chain.parameters.setflags(write=False)
    chain.forward(X)
    assert np.array_equal(X, kept)


@pytest.mark.parametrize(("sizes", "activations", "tied", "code"), CHAINS)
def test_forward_equals_twin(sizes, activations, tied, code):
    chain, X = chain_of(sizes, activations, tied), rows_of(21, sizes[0])
    means = chain.forward(X)
    # tanh is 2 sigm - 1, exact to 2 units in the last place of 1, through 4 layers.
    np.testing.assert_allclose(means, reference.forward(chain, X), atol=1e-14)
    assert np.array_equal(chain.forward(chain.forward(X, last=code), first=code), means)
    output = reference.MEAN[activations[-1]]
    np.testing.assert_allclose(output(chain.field(X)), means, atol=1e-14)
    assert chain.forward(X[:0]).shape == (0, sizes[-1])
    assert chain.forward(X, first=1, last=1).shape == X.shape


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
