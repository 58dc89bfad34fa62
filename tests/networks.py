"""Chains of layers under outputs of all kinds, and passes over them by twin and kernel."""

import copy

import numpy as np
import pytest
from reference import network as reference

from layerwise.models.chain import Chain
from layerwise.models.mixed import Mixed
from layerwise.models.units import BITS, Gaussian, Softmax, Spin, TruncatedExponential
from layerwise.numerics import network
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream
from layerwise.numerics.units import (
    BERNOULLI,
    GAUSSIAN,
    SOFTMAX,
    SPIN,
    TRUNCATED_EXPONENTIAL,
    runs_of,
    unit_draws,
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


def finite_differences(function, at):
    # h = 1e-5: the third derivative leaves h^2, a loss near 10 rounds to 1e-15 / h; both 1e-10.
    gradient = np.empty_like(at)
    for i in range(len(at)):
        step = np.zeros_like(at)
        step[i] = 1e-5
        gradient[i] = (function(at + step) - function(at - step)) / 2e-5
    return gradient


def units_with(runs):
    """Units of kinds and numbers."""
    values = (BITS, Spin(), Gaussian(), TruncatedExponential(), None)
    if len(runs) == 1 and runs[0][0] != SOFTMAX:
        return values[runs[0][0]]
    return Mixed(tuple((values[kind] or Softmax((size,)), size) for kind, size in runs))


def chain_of(sizes, activations, tied=(), dtype=np.float64, runs=None):
    """A chain whose biases and log variances are not zero."""
    outputs = None if runs is None else units_with(runs)
    chain = Chain.init(
        sizes, activations, STREAM.child("init"), tied=tied, dtype=dtype, outputs=outputs
    )
    if chain.log_variance is not None:
        spread = STREAM.child("variances").generator().normal(scale=0.5, size=sizes[-1])
        chain.log_variance[...] = np.where(outputs.gaussian(sizes[-1]), spread, 0)
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
    likelihood = options.pop("loss") == "cross_entropy"
    outputs = chain.output_units.runs(chain.sizes[-1]) if likelihood else None
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


def states_of(runs, n_rows):
    """Random states of output units."""
    outputs, n_units = runs_of(runs), sum(size for _, size in runs)
    fields = STREAM.child("fields").generator().normal(size=(n_rows, n_units))
    return unit_draws(fields, outputs, np.ones(n_units), STREAM, step=0, lane=1)
