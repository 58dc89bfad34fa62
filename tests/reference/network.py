"""Twin of _kernels/_network: one pass of back-propagation, written from its definition."""

import numpy as np
from scipy.special import expit

from layerwise.models.chain import Chain
from layerwise.numerics import units
from layerwise.numerics.streams import CODE, CORRUPTION

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


def forward(chain, X, first=0, last=None):
    """Means of the last of some layers."""
    for k in range(first, chain.n_layers if last is None else last):
        X = MEAN[chain.activations[k]](X @ chain.weights(k) + chain.biases(k))
    return X


def loss_and_gradient(chain, X, targets, loss, code=-1, states=None):
    """Loss of each row, and the gradient of their mean, as a flat array.

    The inputs of layer ``code`` are ``states`` (a function of the means there); where the slope
    passes through them, they count as the means.
    """
    means, fields, inputs = [X], [None], []
    for k, activation in enumerate(chain.activations):
        inputs.append(states(means[k]) if k == code else means[k])
        fields.append(inputs[k] @ chain.weights(k) + chain.biases(k))
        means.append(MEAN[activation](fields[-1]))
    if loss == "cross_entropy":
        losses = (np.logaddexp(0, fields[-1]) - targets * fields[-1]).sum(axis=1)
        slope = means[-1] - targets
    else:
        losses = 0.5 * ((means[-1] - targets) ** 2).sum(axis=1)
        slope = (means[-1] - targets) * SLOPE[chain.activations[-1]](fields[-1])
    slope = slope / len(X)
    gradient = Chain(np.zeros_like(chain.parameters), chain.sizes, chain.activations, chain.tied)
    for k in reversed(range(chain.n_layers)):
        weights = gradient.weights(k)  # a view: tied layers add to one array
        weights += inputs[k].T @ slope
        gradient.biases(k)[...] = slope.sum(axis=0)
        if k > 0:
            slope = (slope @ chain.weights(k).T) * SLOPE[chain.activations[k - 1]](fields[k])
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
    chain, X, targets, order, step_down, *, batch_size, loss, stream, corruption=0.0, code=-1
):
    """One pass, updating ``chain.parameters`` through ``step_down``; the mean loss of a row."""
    losses = []
    for step, at in enumerate(range(0, len(order), batch_size)):
        rows = order[at : at + batch_size]
        u = uniforms(X[rows].shape, X.dtype, stream, step, CORRUPTION)
        inputs = np.where(u < X.dtype.type(corruption), 0, X[rows])

        def states(mean, step=step):
            u = uniforms(mean.shape, mean.dtype, stream, step, CODE)
            return (u < mean).astype(mean.dtype)

        loss_of_rows, gradient = loss_and_gradient(
            chain, inputs, targets[rows], loss, code, states
        )
        step_down(gradient)
        losses.extend(loss_of_rows)
    return np.mean(losses)
