"""Back-propagation through a chain of affine layers: the twin, and the kernel against it."""

from dataclasses import replace

import numpy as np
import pytest
from networks import (
    STEP,
    STREAM,
    both,
    chain_of,
    every_case,
    every_output,
    finite_differences,
    gradient_of,
    kernel_pass,
    rows_of,
    run,
    states_of,
    twin_pass,
)
from reference import network as reference
from scipy import special, stats

from layerwise.exceptions import Diverged
from layerwise.models.chain import Chain
from layerwise.models.units import Gaussian
from layerwise.numerics import runtime
from layerwise.numerics.units import (
    BERNOULLI,
    GAUSSIAN,
    SOFTMAX,
    SPIN,
    TRUNCATED_EXPONENTIAL,
)


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
    chain = Chain(np.array([0.0, 0.5, 2.0]), (1, 1), (), (), Gaussian())
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
    X.setflags(write=False)
    order.setflags(write=False)
    run(engine, chain, X, order=order, corruption=0.5, code=1)
    chain.parameters.setflags(write=False)
    chain.forward(X)
    assert np.array_equal(X, kept)
