"""Back-propagation of weighted rows, of sparse rows, and with L1: the twin, and the kernel."""

from dataclasses import replace

import numpy as np
import pytest
from networks import (
    STREAM,
    both,
    chain_of,
    every_case,
    finite_differences,
    gradient_of,
    kernel_pass,
    rows_of,
    run,
    twin_pass,
)
from scipy.sparse import csr_array

from layerwise.exceptions import Diverged
from layerwise.models.chain import Chain
from layerwise.numerics import network, rows
from layerwise.numerics.optimizer import Optimizer, descend

WEIGHTS = np.array([0.5, 3.0, 1.0, 0.01, 2.0])


@both
@every_case
def test_gradient_is_that_of_the_weighted_loss(engine, sizes, activations, tied, code, runs, loss):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(5, sizes[0])
    options = dict(loss=loss, batch_size=5, weights=WEIGHTS)

    def mean_loss(parameters):
        moved = replace(chain, parameters=parameters)
        return run(engine, moved, X, rate=0.0, **options)[0][0]

    np.testing.assert_allclose(
        gradient_of(engine, chain, X, **options),
        finite_differences(mean_loss, chain.parameters),
        atol=1e-8,  # as in test_network.py
    )


@every_case
def test_weights_of_two_are_rows_twice(sizes, activations, tied, code, runs, loss):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(5, sizes[0])
    times = np.array([1, 2, 3, 1, 2])
    weighed = gradient_of(kernel_pass, chain, X, loss=loss, weights=times.astype(float))
    repeated = gradient_of(kernel_pass, chain, np.repeat(X, times, axis=0), loss=loss)
    # Differences of parameters of size 1, and sums of nine terms.
    np.testing.assert_allclose(weighed, repeated, rtol=0, atol=1e-13)
    for factor in (1e-200, 1e200):
        other = gradient_of(kernel_pass, chain, X, loss=loss, weights=factor * times)
        np.testing.assert_allclose(other, weighed, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 2, 43)])
@every_case
def test_sparse_rows_and_threads_leave_the_same_bits(
    sizes, activations, tied, code, runs, loss, weights, dtype, monkeypatch, with_threads
):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 600)  # a batch or two
    X = rows_of(43, sizes[0], dtype)
    X[X < 0.6] = 0
    order = STREAM.child("order").generator().permutation(43)
    options = dict(loss=loss, code=code, weights=weights, corruption=0.3, kind="adam")

    def result(given):
        chain = chain_of(sizes, activations, tied, dtype, runs)
        (objective,), after = run(kernel_pass, chain, given, order=order, rate=0.01, **options)
        return np.append(after.parameters, objective)

    dense = result(X)
    assert all(np.array_equal(other, dense) for other in with_threads(lambda: result(X)))
    assert np.array_equal(result(csr_array(X)), dense)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_l1_is_a_step_of_weights_towards_zero(kind):
    results = []
    for l1_decay in (0.0, 2.0):
        chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(7, 9)
        optimizer = Optimizer.start(
            kind, len(chain.parameters), float, momentum=0.5, decay=0.1, l1_decay=l1_decay
        )
        network.network_pass(
            chain.parameters, chain.layers, X, X, np.arange(7), optimizer, rate=0.1,
            batch_size=7, outputs=None, stream=STREAM,
        )  # fmt: skip
        results.append(chain.parameters)
    plain, shrunk = results
    n = chain.layers["biases"][0]
    assert np.array_equal(plain[n:], shrunk[n:])
    expected = np.sign(plain[:n]) * np.maximum(np.abs(plain[:n]) - 0.2, 0)
    np.testing.assert_allclose(shrunk[:n], expected, rtol=0, atol=1e-16)
    assert 0 < np.count_nonzero(shrunk[:n] == 0) < n


def drops_of(sizes):
    """A probability for the inputs of each layer, one of them zero where there are three."""
    return [0.4, 0.25, 0.0, 0.5][: len(sizes) - 1]


@both
@every_case
def test_gradient_is_that_of_the_loss_where_inputs_are_dropped(
    engine, sizes, activations, tied, code, runs, loss
):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(5, sizes[0])
    options = dict(loss=loss, batch_size=5, dropout=drops_of(sizes))

    def mean_loss(parameters):
        moved = replace(chain, parameters=parameters)
        return run(engine, moved, X, rate=0.0, **options)[0][0]

    np.testing.assert_allclose(
        gradient_of(engine, chain, X, **options),
        finite_differences(mean_loss, chain.parameters),
        atol=1e-8,  # as in test_network.py
    )


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@every_case
def test_kernel_drops_what_the_twin_drops(sizes, activations, tied, code, runs, loss, kind):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(43, sizes[0])
    options = dict(loss=loss, kind=kind, dropout=drops_of(sizes), corruption=0.2, n_passes=2)
    (expected, twin), (found, kernel) = (
        run(engine, chain, X, rate=0.01, **options) for engine in (twin_pass, kernel_pass)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(kernel.parameters, twin.parameters, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropping_leaves_the_same_bits_for_any_threads_and_sparse_rows(
    dtype, monkeypatch, with_threads
):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 600)
    X = rows_of(43, 9, dtype)
    X[X < 0.6] = 0

    def result(given):
        chain = chain_of((9, 20, 17, 9), ("relu", "tanh", "sigmoid"), dtype=dtype)
        options = dict(loss="cross_entropy", dropout=[0.1, 0.5, 0.5], order=np.arange(43))
        (objective,), after = run(kernel_pass, chain, given, kind="adam", rate=0.01, **options)
        return np.append(after.parameters, objective)

    dense = result(X)
    assert all(np.array_equal(other, dense) for other in with_threads(lambda: result(X)))
    assert np.array_equal(result(csr_array(X)), dense)


def test_a_unit_is_dropped_with_its_probability_and_its_mean_stays(seed):
    # A linear unit of weight 1: its loss against zero tells its input, 0 or 1 / (1 - p).
    p, n = 0.3, 4000
    chain = Chain.init((1, 1), ("identity",), STREAM)
    chain.weights(0)[...] = 1
    optimizer = Optimizer.start("sgd", 2, float, momentum=0.0, decay=0.0)
    objective = network.network_pass(
        chain.parameters, chain.layers, np.ones((n, 1)), np.zeros((n, 1)), np.arange(n),
        optimizer, rate=0.0, batch_size=n, outputs=None, dropout=[p],
        stream=STREAM.child("seed", seed),
    )  # fmt: skip
    kept = objective * 2 * (1 - p) ** 2
    assert abs(kept - (1 - p)) < 5 * np.sqrt(p * (1 - p) / n)
    assert kept * n == pytest.approx(round(kept * n), abs=1e-6)


def test_dropping_nothing_is_the_pass_as_it_is():
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(20, 9)
    for dropout in (None, [0.0, 0.0]):
        results = run(kernel_pass, chain, X, kind="adam", rate=0.1, dropout=dropout)
        plain = run(kernel_pass, chain, X, kind="adam", rate=0.1)
        assert results[0] == plain[0]
        assert np.array_equal(results[1].parameters, plain[1].parameters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_moments_of_a_gradient_that_stays_zero_end_at_zero(kind, dtype):
    """They decayed into denormal numbers, and a pass came to take six times as long."""
    parameter, gradient = np.ones((3, 40), dtype), np.ones((3, 40), dtype)
    optimizer = Optimizer.start(kind, 120, dtype, momentum=0.9, decay=0.0)
    descend([parameter], [gradient], optimizer, rate=0.1)
    smallest = np.finfo(np.float32).tiny
    for _ in range(2000):
        descend([parameter], [0 * gradient], optimizer, rate=0.1)
        sizes = np.abs(optimizer.first)
        assert np.all((sizes == 0) | (sizes >= smallest))
    assert not optimizer.first.any()


def test_moments_that_are_no_numbers_are_not_hidden():
    for kind in ("sgd", "adam"):
        optimizer = Optimizer.start(kind, 4, float, momentum=0.9, decay=0.0)
        with pytest.raises(Diverged):
            descend([np.ones(4)], [np.array([1, np.nan, 1, 1])], optimizer, rate=0.1)
        assert np.isnan(optimizer.first[1])
