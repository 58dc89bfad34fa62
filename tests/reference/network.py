"""Twin of _kernels/_network: one pass of back-propagation, written from its definition."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from layerwise.numerics import units
from layerwise.numerics.streams import BRANCH, CODE, CORRUPTION, DROPOUT
from reference import units as kinds

MEAN = {
    "sigmoid": expit,
    "tanh": np.tanh,
    "relu": lambda field: np.maximum(field, 0),
    "identity": lambda field: field,
}
SLOPE = {  # of the mean by the field
    "sigmoid": lambda field: expit(field) * expit(-field),
    "tanh": lambda field: 1 - np.tanh(field) ** 2,
    "relu": lambda field: (field > 0).astype(field.dtype),
    "identity": np.ones_like,
}


def uniforms(shape, dtype, stream, step, lane):
    """The numbers that a kernel compares with: 24 bits in float32, 32 bits in float64."""
    u = units.uniforms(*shape, stream, step=step, lane=lane)
    return (np.floor(u * 2**24) / 2**24).astype(dtype) if dtype == np.float32 else u


def is_plain(chain):
    """Whether the outputs are means by an activation: what the squared error compares with."""
    return chain.outputs is None


def runs_of(chain):
    """The kinds of the outputs; plain ones with a likelihood are Bernoulli units."""
    n_outputs = chain.sizes[-1]
    return [(units.BERNOULLI, n_outputs)] if is_plain(chain) else chain.outputs.runs(n_outputs)


def output_mean(chain, field):
    """Means of the outputs, given their fields."""
    if is_plain(chain):
        return MEAN[chain.activations[-1]](field)
    return kinds.unit_means(field, runs_of(chain), scale_of(chain)).astype(field.dtype)


def forward(chain, X, first=0, last=None):
    """Means of the last of some layers."""
    for k in range(first, chain.n_layers if last is None else last):
        field = X @ chain.weights(k) + chain.biases(k)
        is_output = k == chain.n_layers - 1
        X = output_mean(chain, field) if is_output else MEAN[chain.activations[k]](field)
    return X


def scale_of(chain):
    """Standard deviations of the outputs, which Gaussian units read."""
    if chain.log_variance is None:
        return np.ones(chain.sizes[-1])
    return np.exp(chain.log_variance.astype(float) / 2)


def squared_error(chain, field, targets):
    """Loss of each row, and its slopes by fields and by log variances: half squared distances."""
    activation = "sigmoid" if chain.outputs is not None else chain.activations[-1]
    error = MEAN[activation](field) - targets
    return 0.5 * (error**2).sum(axis=1), error * SLOPE[activation](field), None


def cross_entropy(chain, field, targets):
    """The same of minus the log-likelihood of output units.

    For Gaussian units of variance s2 = e^z, it is s2 field^2 / 2 + (log 2 pi + z) / 2 -
    field target + target^2 / (2 s2).
    """
    runs = runs_of(chain)
    scale, wide = scale_of(chain), field.astype(float)
    gaussian = np.concatenate([np.full(size, kind == units.GAUSSIAN) for kind, size in runs])
    with np.errstate(over="ignore"):  # exp of fields far below zero
        mean = kinds.unit_means(wide, runs, scale)
    losses = kinds.unit_log_partitions(wide, runs, scale) - (wide * targets).sum(axis=1)
    losses += (gaussian * targets**2 / (2 * scale**2)).sum(axis=1)
    by_variance = gaussian * ((scale * wide) ** 2 + 1 - (targets / scale) ** 2) / 2
    return losses, (mean - targets).astype(field.dtype), by_variance


LOSS = {"squared_error": squared_error, "cross_entropy": cross_entropy}


CURVE = {  # the second derivative of the mean by the field
    "sigmoid": lambda field: expit(field) * expit(-field) * (1 - 2 * expit(field)),
    "tanh": lambda field: -2 * np.tanh(field) * (1 - np.tanh(field) ** 2),
    "relu": np.zeros_like,
    "identity": np.zeros_like,
}


def branch_loss(chain, k, field, targets, loss):
    """Losses of a layer's own reconstruction of its inputs, and slopes as ``LOSS`` has them.

    Of the rows it is the loss of the outputs. Means of sigmoid units in between have a
    cross-entropy where that is the loss, and all else has a squared error.
    """
    if k == 0:
        return LOSS[loss](chain, field, targets)
    activation = chain.activations[k - 1]
    if activation == "sigmoid" and loss == "cross_entropy":
        losses = (np.logaddexp(0, field) - targets * field).sum(axis=1)
        return losses, expit(field) - targets, None
    error = MEAN[activation](field) - targets
    return 0.5 * (error**2).sum(axis=1), error * SLOPE[activation](field), None


def loss_and_gradient(
    chain, X, targets, loss, code=-1, states=None, weights=None, masks=None, branches=(),
    contraction=None, goals=None,
):  # fmt: skip
    """Loss of each row, and the gradient of their mean, by weights, as a flat array.

    The inputs of layer ``code`` are ``states`` (a function of the means there); where the slope
    passes through them, they count as the means. The inputs of layer k are times ``masks[k]``.

    A branch (k, decoder, weight, mask) adds ``weight`` times the loss of what layer ``decoder``
    makes of what layer k makes of its inputs times ``mask``, beside the inputs themselves, which
    count as constants there: ``goals[k]`` if given. Where k is 0, it is beside the row's target.
    ``contraction[k]`` is the weight of the sum of the squared derivatives of layer k's means by
    its inputs.
    """
    masks = [1.0] * chain.n_layers if masks is None else masks
    value, fields, inputs = X, [], []
    for k in range(chain.n_layers):
        if k > 0:
            value = MEAN[chain.activations[k - 1]](fields[-1])
        inputs.append(states(value) if k == code else value * masks[k])
        fields.append(inputs[k] @ chain.weights(k) + chain.biases(k))
    losses, slope, by_variance = LOSS[loss](chain, fields[-1], targets)
    share = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    share_of_row = share[:, None].astype(slope.dtype)
    slope = slope * share_of_row
    gradient = replace(chain, parameters=np.zeros_like(chain.parameters))
    if chain.log_variance is not None:
        gradient.log_variance[...] = share @ by_variance
    extra = [0.0] * chain.n_layers  # slopes by the values that layer k takes in

    def learn(k, value, slope):
        weights = gradient.weights(k)  # a view: tied layers add to one array
        weights += value.T @ slope
        biases = gradient.biases(k)
        biases += slope.sum(axis=0)
        return slope @ chain.weights(k).T

    for k, decoder, weight, mask in branches:
        value = X if k == 0 else MEAN[chain.activations[k - 1]](fields[k - 1])
        goal = targets if k == 0 else value if goals is None else goals[k]
        field = (value * mask) @ chain.weights(k) + chain.biases(k)
        hidden = MEAN[chain.activations[k]](field)
        back = hidden @ chain.weights(decoder) + chain.biases(decoder)
        own, by_field, by_variance = branch_loss(chain, k, back, goal, loss)
        losses = losses + weight * own
        if k == 0 and chain.log_variance is not None:
            gradient.log_variance[...] += weight * (share @ by_variance)
        by_hidden = learn(decoder, hidden, weight * share_of_row * by_field)
        by_input = learn(k, value * mask, by_hidden * SLOPE[chain.activations[k]](field)) * mask
        if k > 0:
            extra[k] = extra[k] + by_input
    for k in reversed(range(chain.n_layers)):
        if contraction is not None and contraction[k] > 0:
            activation, weights = chain.activations[k], chain.weights(k)
            first, second = SLOPE[activation](fields[k]), CURVE[activation](fields[k])
            squares = (weights**2).sum(axis=0)
            losses = losses + contraction[k] * (first**2) @ squares
            slope = slope + 2 * contraction[k] * share_of_row * first * second * squares
            by_weights = gradient.weights(k)
            by_weights += 2 * contraction[k] * weights * (share_of_row * first**2).sum(axis=0)
        slope = learn(k, inputs[k], slope)
        if k > 0:
            slope = slope * masks[k] + extra[k]
            slope = slope * SLOPE[chain.activations[k - 1]](fields[k - 1])
    return losses, gradient.parameters


def textbook(kind, parameters, is_weight, *, rate, momentum, decay):
    """The step of an optimiser, as a function of the gradient that updates ``parameters``."""
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    count = 0

    def sgd(gradient):
        first[...] = momentum * first - rate * (gradient + decay * is_weight * parameters)
        parameters[...] += first

    def adam(gradient):
        nonlocal count
        count += 1
        first[...] = momentum * first + (1 - momentum) * gradient
        second[...] = 0.999 * second + 0.001 * gradient**2
        mean, square = first / (1 - momentum**count), second / (1 - 0.999**count)
        parameters[...] -= rate * decay * is_weight * parameters
        parameters[...] -= rate * mean / (np.sqrt(square) + 1e-8)

    return {"sgd": sgd, "adam": adam}[kind]


def network_pass(
    chain, X, targets, order, step_down, *, batch_size, loss, stream, corruption=0.0, code=-1,
    dropout=None, weights=None, branches=(), contraction=None, goals=None,
):  # fmt: skip
    """One pass, updating ``chain.parameters`` through ``step_down``; the mean loss of a row."""
    losses = []
    for step, at in enumerate(range(0, len(order), batch_size)):
        rows = order[at : at + batch_size]
        u = uniforms(X[rows].shape, X.dtype, stream, step, CORRUPTION)
        inputs = np.where(u < X.dtype.type(corruption), 0, X[rows])

        def states(mean, step=step):
            u = uniforms(mean.shape, mean.dtype, stream, step, CODE)
            return (u < mean).astype(mean.dtype)

        masks = None
        if dropout is not None:
            masks = []
            for k, p in enumerate(dropout):
                u = uniforms((len(rows), chain.sizes[k]), X.dtype, stream, step, DROPOUT + k)
                masks.append(np.where(u < X.dtype.type(p), 0, X.dtype.type(1 / (1 - p))))
        masked = []
        for k, decoder, weight, p in branches:
            u = uniforms((len(rows), chain.sizes[k]), X.dtype, stream, step, BRANCH + k)
            masked.append((k, decoder, weight, np.where(u < X.dtype.type(p), 0, X.dtype.type(1))))
        loss_of_rows, gradient = loss_and_gradient(
            chain, inputs, targets[rows], loss, code, states,
            None if weights is None else weights[rows], masks, masked, contraction, goals,
        )  # fmt: skip
        step_down(gradient)
        losses.extend(loss_of_rows)
    return np.average(losses, weights=None if weights is None else weights[order])
