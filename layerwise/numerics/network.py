"""A chain of affine layers: forward, and one pass of back-propagation."""

import numpy as np

from layerwise._kernels import _network
from layerwise.numerics import runtime
from layerwise.numerics.layouts import agreed
from layerwise.numerics.rows import blocks, calls, dense, issparse
from layerwise.numerics.status import check
from layerwise.numerics.streams import BRANCH as BRANCH_LANE
from layerwise.numerics.streams import CODE, CORRUPTION, DROPOUT
from layerwise.numerics.units import BERNOULLI, EXP_COST, gaussian_units, runs_of

# The codes of src/network/network.h.
ACTIVATIONS = {"sigmoid": 0, "tanh": 1, "relu": 2, "identity": 3}

# Plain outputs, which are no units: their means are compared with the targets.
PLAIN = runs_of([])

# lw_layer of src/network/network.h.
LAYER = agreed(
    np.dtype(
        [
            (name, np.int64)
            for name in ("n_inputs", "n_units", "activation", "tied", "weights", "biases")
        ]
    ),
    _network.size_of_layer,
)

# lw_branch of the same.
BRANCH = agreed(
    np.dtype(
        [
            ("layer", np.int64),
            ("decoder", np.int64),
            ("weight", np.float64),
            ("corruption", np.float64),
        ]
    ),
    _network.size_of_branch,
)


def layout(sizes, activations, tied=(), outputs=None):
    """Where each layer's matrix and biases stand in one flat array of parameters.

    All matrices come first, each of shape (n_inputs, n_units) and C-contiguous, then all biases,
    both in the order of their layers. Last, where some outputs are Gaussian units, come the
    logarithms of the variances of all outputs; those of other units stay zero.

    Parameters
    ----------
    sizes : sequence of int, of length n_layers + 1
        Units of the input and of each layer.
    activations : sequence of str
        "sigmoid", "tanh", "relu" or "identity", for each layer; or, where ``outputs`` are given,
        for each but the last.
    tied : sequence of pairs (k, m) with k < m
        Layer k has no matrix of its own: it is the transpose of layer m's.
    outputs : ndarray of shape (n_runs,), of dtype RUN, default=None
        The kinds of the last layer's units.

    Returns
    -------
    ndarray of shape (n_layers,), of dtype LAYER
        The last layer of units is a "sigmoid" where they are Bernoulli units, whose means the
        squared error takes; else the "identity".
    """
    if outputs is not None:
        bernoulli = np.all(outputs["kind"] == BERNOULLI)
        activations = (*activations, "sigmoid" if bernoulli else "identity")
    layers = np.zeros(len(activations), dtype=LAYER)
    owner = dict(tied)
    at = 0
    for k, activation in enumerate(activations):
        layers[k] = (sizes[k], sizes[k + 1], ACTIVATIONS[activation], k in owner, at, 0)
        if k not in owner:
            at += sizes[k] * sizes[k + 1]
    for k, m in owner.items():
        layers["weights"][k] = layers["weights"][m]
    layers["biases"] = at + np.cumsum(layers["n_units"]) - layers["n_units"]
    return layers


def n_parameters(layers, outputs=None):
    """Length of the flat array of parameters: arguments as returned and taken by ``layout``."""
    n_outputs = int(layers["n_units"][-1])
    has_variances = outputs is not None and gaussian_units(outputs).any()
    return int(layers["biases"][-1]) + n_outputs * (2 if has_variances else 1)


def affine(parameters, layers, value, k):
    """Fields on the units of layer ``k``, given its inputs.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,), float32 or float64
    layers : ndarray of shape (n_layers,), of dtype LAYER
    value : ndarray of shape (n_rows, n_inputs), of the same dtype as ``parameters``
    k : int

    Returns
    -------
    ndarray of shape (n_rows, n_units), of the same dtype
    """
    value = np.ascontiguousarray(value)
    field = np.empty((len(value), layers["n_units"][k]), dtype=value.dtype)
    n_threads = runtime.count(value.size * field.shape[1])
    check(_network.affine(parameters, layers, value, k, n_threads, field))
    return field


def activate(field, activation):
    """Means of units, written over their fields.

    Parameters
    ----------
    field : ndarray of shape (n_rows, n_units), float32 or float64, C-contiguous
    activation : int
        A value of ``ACTIVATIONS``.

    Returns
    -------
    ndarray
        ``field`` itself.
    """
    check(_network.activate(activation, runtime.count(EXP_COST * field.size), field))
    return field


def network_pass(
    parameters,
    layers,
    X,
    targets,
    order,
    optimizer,
    *,
    rate,
    batch_size,
    outputs,
    stream,
    corruption=0.0,
    code=-1,
    dropout=None,
    weights=None,
    branches=(),
    contraction=None,
):
    """Improve a network by one pass over some rows, batch by batch, in place.

    Each batch takes one step of the optimiser down the gradient of its own rows' mean loss. A
    row's loss is a sum over the output units: minus their log-likelihood in nats, given their
    fields,

        log_partition(field) - target * field - log_base(target),

    which of Bernoulli units is the cross-entropy, and of continuous units a density's. Of plain
    outputs, which are no units, it is the squared error, ``(mean - target)**2 / 2``.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,), float32 or float64
        Updated.
    layers : ndarray of shape (n_layers,), of dtype LAYER
    X : ndarray of shape (n_samples, n_inputs), of the same dtype, C-contiguous; or CSR
        Sparse rows are made dense some batches at a time, and leave the same bits.
    targets : ndarray of shape (n_samples, n_outputs), of the same dtype, C-contiguous; or CSR
        What the output is compared with: states of its units, or means of Bernoulli units; ``X``
        itself for an auto-encoder.
    order : ndarray of shape (n_rows,), int64
        Which rows, in which order. At least one.
    optimizer : Optimizer
        Updated. Its decay applies to the matrices, not to biases and log variances.
    rate : float
        Learning rate of this pass.
    batch_size : int
        Rows of a batch; the last one has those that are left.
    outputs : ndarray of shape (n_runs,), of dtype RUN, or None
        The kinds of the output units, whose likelihood is the loss. None is the squared error,
        by the last layer's activation.
    stream : Stream
        Of this pass. Batch s has step s; row i of the batch has row i, whatever ``order`` is.
    corruption : float, default=0.0
        Probability with which an input (not its target) is set to zero.
    code : int, default=-1
        If positive, the inputs of layer ``code`` are states, 0 or 1, drawn from the means of the
        layer below. The gradient goes straight through: the states count as constants where they
        are inputs, and as their means where the slope passes to the layer below.
    dropout : sequence of float, of length n_layers, default=None
        Probabilities, below 1, with which an input of each layer is dropped: set to zero, while
        the others are divided by 1 minus it. Not of layer ``code``. None drops none.
    weights : ndarray of shape (n_samples,), default=None
        Of the rows, above zero: the mean over a batch is by them. None is equal ones.
    branches : sequence of tuples (layer, decoder, weight, corruption), default=()
        Layers' own losses, in the order of their layers, and of decoders from the last down:
        ``weight`` times the loss of what ``decoder`` gives back of what ``layer`` takes in, each
        value of it set to zero with the probability ``corruption``. Of layer 0, which is corrupted
        by ``corruption`` alone, it compares with the targets, as the outputs do; of others with
        the values as they are, by the cross-entropy where there are ``outputs`` and the values
        are means by a sigmoid, and else by the squared error. Values that are to be given back
        count as constants: else values that never change would have the least loss.
    contraction : sequence of float, of length n_layers, default=None
        Weights of the squared derivatives of each layer's means by its inputs, summed: 0 of the
        last layer.

    Returns
    -------
    float
        Mean loss of a row, each before the step of its own batch.

    Raises
    ------
    Diverged
        If a parameter left the finite numbers.
    """
    rows = min(batch_size, len(order))
    n_weights = int(layers["biases"][0])
    runs = PLAIN if outputs is None else outputs
    drops = np.array([] if dropout is None or not any(dropout) else dropout, dtype=np.float64)
    own = np.array([tuple(branch) for branch in branches], dtype=BRANCH)
    contracts = contraction is not None and any(contraction)
    contraction = np.array(contraction if contracts else [], dtype=np.float64)
    shape = layers, drops, runs, own, contraction
    size = _network.scratch_size(*shape, rows, parameters.itemsize)
    scratch = np.empty(size, dtype=np.uint8)
    row_loss = np.empty(len(order), dtype=parameters.dtype)
    n_threads = runtime.count(rows * n_weights // len(layers))  # a layer's product: one region

    def batches(inputs, targets, here, weights, first, row_loss):
        status = _network.network_pass(
            inputs, targets, here, weights, *shape, rows, corruption, code,
            optimizer.as_array(rate, count=optimizer.count + 1), stream.as_array(), first,
            CORRUPTION, CODE, DROPOUT, BRANCH_LANE, n_threads, parameters, optimizer.first,
            optimizer.second, scratch, row_loss,
        )  # fmt: skip
        check(status)
        optimizer.count += -(-len(here) // batch_size)

    if issparse(X) or issparse(targets):
        for at in blocks(len(order), X.shape[1], parameters.itemsize, batch_size):
            here = order[at]
            inputs = dense(X[here], parameters.dtype)
            outs = inputs if targets is X else dense(targets[here], parameters.dtype)
            part = np.empty(0) if weights is None else weights[here]
            first = at.start // batch_size
            batches(inputs, outs, np.arange(len(here)), part, first, row_loss[at])
    else:
        given = np.empty(0) if weights is None else weights
        for at in calls(len(order), batch_size, 3 * rows * n_weights):
            batches(X, targets, order[at], given, at.start // batch_size, row_loss[at])
    if weights is not None:
        return float(np.average(row_loss, weights=weights[order]))
    return float(row_loss.mean(dtype=np.float64))
