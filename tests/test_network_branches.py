"""Back-propagation of layers' own losses, and of squared derivatives: the twin, and the kernel."""

from dataclasses import replace

import numpy as np
import pytest
from networks import (
    OUTPUTS,
    STREAM,
    both,
    chain_of,
    finite_differences,
    gradient_of,
    kernel_pass,
    rows_of,
    run,
    twin_pass,
)
from reference import network as reference
from scipy.sparse import csr_array

from layerwise.numerics import rows
from layerwise.numerics.streams import CORRUPTION, Stream

WEIGHTS = np.array([0.5, 3.0, 1.0, 0.01, 2.0])

# sizes, activations, tied pairs, output units, loss: of one to three encoding layers.
CASES = [
    ((9, 5, 9), ("sigmoid", "sigmoid"), (), None, "cross_entropy"),
    ((9, 5, 9), ("sigmoid", "sigmoid"), ((0, 1),), None, "squared_error"),
    ((9, 5, 9), ("tanh",), (), OUTPUTS["gaussian"], "cross_entropy"),
    ((9, 6, 4, 6, 9), ("sigmoid",) * 4, (), None, "cross_entropy"),
    ((9, 6, 4, 6, 9), ("tanh", "sigmoid", "tanh"), (), OUTPUTS["mixed"], "cross_entropy"),
    ((9, 6, 4, 6, 9), ("relu", "relu", "relu", "identity"), (), None, "squared_error"),
    ((9, 6, 4, 6, 9), ("sigmoid",) * 4, ((0, 3), (1, 2)), None, "cross_entropy"),
    (
        (9, 7, 3, 5, 3, 7, 9),
        ("identity", "tanh", "sigmoid", "tanh", "identity", "sigmoid"),
        (),
        None,
        "cross_entropy",
    ),
    (
        (9, 3, 7, 5, 7, 3, 9),
        ("sigmoid", "sigmoid", "tanh", "sigmoid", "sigmoid"),
        ((0, 5), (2, 3)),
        OUTPUTS["gaussian"],
        "cross_entropy",
    ),
    ((1, 1, 1), ("sigmoid", "sigmoid"), (), None, "cross_entropy"),
]
every_case = pytest.mark.parametrize(("sizes", "activations", "tied", "runs", "loss"), CASES)


def branches_of(sizes, corruption):
    """A branch of each encoding layer, with weights of their own; the first is not corrupted."""
    n_layers = len(sizes) - 1
    return [
        (k, n_layers - 1 - k, 0.5 + k, corruption if k > 0 else 0.0) for k in range(n_layers // 2)
    ]


def contraction_of(sizes):
    """Weights of all layers but the last, some of them zero."""
    return [(0.7, 0.0, 0.3)[k % 3] for k in range(len(sizes) - 2)] + [0.0]


def parts_of(sizes, part):
    """The options of one part of the objective, or of all."""
    return {
        "plain": dict(branches=branches_of(sizes, 0.0)),
        "denoising": dict(branches=branches_of(sizes, 0.4), corruption=0.3),
        "contractive": dict(contraction=contraction_of(sizes)),
        "last": dict(branches=branches_of(sizes, 0.4)[-1:]),
        "all": dict(branches=branches_of(sizes, 0.4), contraction=contraction_of(sizes)),
    }[part]


PARTS = ["plain", "denoising", "contractive", "last", "all"]
every_part = pytest.mark.parametrize("part", PARTS)


@pytest.mark.parametrize(
    ("part", "weights"),
    [*((part, None) for part in PARTS), ("all", WEIGHTS)],
    ids=lambda each: each if isinstance(each, str) else "weighted" if each is not None else "",
)
@every_case
def test_gradient_is_that_of_the_whole_objective(
    sizes, activations, tied, runs, loss, weights, part
):
    """What layers are to give back counts as constant.

    With slopes through it the codes of a joint auto-encoder all became one.
    """
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(5, sizes[0])
    options = dict(loss=loss, batch_size=5, weights=weights, **parts_of(sizes, part))
    u = reference.uniforms(X.shape, X.dtype, STREAM, 0, CORRUPTION)
    inputs = np.where(u < options.get("corruption", 0.0), 0, X)
    goals = [chain.forward(inputs, 0, k) for k in range(len(sizes) - 1)]

    def mean_loss(parameters):
        moved = replace(chain, parameters=parameters)
        return run(twin_pass, moved, X, rate=0.0, goals=goals, **options)[0][0]

    expected = finite_differences(mean_loss, chain.parameters)  # of both: they take most time
    for engine in (twin_pass, kernel_pass):
        np.testing.assert_allclose(
            gradient_of(engine, chain, X, **options),
            expected,
            atol=1e-7,  # as in test_network.py, times weights that sum to 5
            err_msg=engine.__name__,
        )


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@every_part
@every_case
def test_kernel_takes_the_steps_of_the_twin(sizes, activations, tied, runs, loss, kind, part):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(43, sizes[0])
    code = len(sizes) // 2 if activations[len(sizes) // 2 - 1] == "sigmoid" else -1
    options = dict(loss=loss, kind=kind, code=code, n_passes=2, **parts_of(sizes, part))
    (expected, twin), (found, kernel) = (
        run(engine, chain, X, rate=0.01, **options) for engine in (twin_pass, kernel_pass)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(kernel.parameters, twin.parameters, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_part
@every_case
def test_sparse_rows_and_threads_leave_the_same_bits(
    sizes, activations, tied, runs, loss, part, dtype, monkeypatch, with_threads
):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 600)  # a batch or two
    X = rows_of(43, sizes[0], dtype)
    X[X < 0.6] = 0
    options = dict(
        loss=loss, kind="adam", weights=np.linspace(0.5, 2, 43), order=np.arange(43)[::-1].copy()
    )

    def result(given):
        chain = chain_of(sizes, activations, tied, dtype, runs)
        given_options = options | parts_of(sizes, part)
        (objective,), after = run(kernel_pass, chain, given, rate=0.01, **given_options)
        return np.append(after.parameters, objective)

    dense = result(X)
    assert all(np.array_equal(other, dense) for other in with_threads(lambda: result(X)))
    assert np.array_equal(result(csr_array(X)), dense)


@both
def test_a_single_layers_own_loss_is_the_loss_of_the_whole(engine):
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(8, 9)
    options = dict(corruption=0.3, rate=0.0, batch_size=8)
    plain, with_branch = (
        run(engine, chain, X, branches=branches, **options)[0][0]
        for branches in ((), [(0, 1, 0.5, 0.0)])
    )
    assert with_branch == pytest.approx(1.5 * plain, rel=1e-14)


@both
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
def test_contraction_is_the_squared_norm_of_the_jacobian(engine, activation):
    chain, X = chain_of((6, 4, 6), (activation, "identity")), rows_of(3, 6)
    jacobians = [
        np.array([(chain.forward(X + e, 0, 1) - chain.forward(X - e, 0, 1)) / 2e-5])
        for e in 1e-5 * np.eye(6)
    ]
    options = dict(loss="squared_error", rate=0.0, batch_size=3)
    plain, contracted = (
        run(engine, chain, X, contraction=contraction, **options)[0][0]
        for contraction in (None, [2.0, 0.0])
    )
    norm = sum((jacobian**2).sum() for jacobian in jacobians) / 3
    assert contracted - plain == pytest.approx(2 * norm, rel=1e-8)  # h = 1e-5 squared


def test_inputs_of_a_branch_are_lost_with_their_probability(seed):
    # One unit of weight 1 all the way: the branch gives back 0 or 1 where the target is 1.
    n, p = 4000, 0.3
    chain = chain_of((1, 1, 1, 1, 1), ("identity",) * 4)
    for k in range(4):
        chain.weights(k)[...], chain.biases(k)[...] = 1, 0
    stream = Stream.from_random_state(seed)
    (objective,), _ = run(
        kernel_pass, chain, np.ones((n, 1)), loss="squared_error", batch_size=n, rate=0.0,
        branches=[(1, 2, 1.0, p)], stream=stream,
    )  # fmt: skip
    lost = 2 * objective
    assert lost * n == pytest.approx(round(lost * n), abs=1e-6)
    assert abs(lost - p) < 5 * np.sqrt(p * (1 - p) / n)


def test_none_of_it_is_the_pass_as_it_is():
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid")), rows_of(20, 9)
    plain = run(kernel_pass, chain, X, kind="adam", rate=0.1)
    nothing = run(kernel_pass, chain, X, kind="adam", rate=0.1, branches=[], contraction=[0, 0])
    assert nothing[0] == plain[0]
    assert np.array_equal(nothing[1].parameters, plain[1].parameters)
