"""One pass of CD-k or PCD-k over the rows: the specification of src/rbm/rbm.h."""

from types import SimpleNamespace

import numpy as np

from reference.units import means, softplus_sums, states

HIDDEN, VISIBLE = 1, 2  # lanes, as in numerics/streams.py


def update(kind, parameter, gradient, first, second, *, rate, momentum, decay, count):
    """Take one step of a descent, in place."""
    if kind == "sgd" and momentum == 0:
        parameter -= rate * (gradient + decay * parameter)
        return
    if kind == "sgd":
        first[...] = momentum * first - rate * (gradient + decay * parameter)
        parameter += first
        return
    first[...] = momentum * first + (1 - momentum) * gradient
    second[...] = 0.999 * second + (1 - 0.999) * gradient**2
    parameter *= 1 - rate * decay
    size = np.sqrt(second / (1 - 0.999**count)) + 1e-8
    parameter -= rate / (1 - momentum**count) * first / size


def contrastive_pass(
    components, intercept_visible, intercept_hidden, X, order, chains, optimizer,
    *, rate, n_steps, batch_size, key,
):  # fmt: skip
    """Train in place; return the free-energy gaps of the batches and the last visible states."""
    parameters = components, intercept_visible, intercept_hidden
    cuts = np.cumsum([parameter.size for parameter in parameters])[:-1]
    firsts = np.split(optimizer.first, cuts)
    seconds = np.split(optimizer.second, cuts) if optimizer.second.size else [None] * 3
    gaps = []

    for batch, first_row in enumerate(range(0, len(order), batch_size)):
        address = batch * (n_steps + 1)
        data = X[order[first_row : first_row + batch_size]]
        data_field = intercept_hidden + data @ components.T
        data_mean = means(data_field)

        hidden = chains
        if chains is None:
            hidden = states(data_mean, key, address, HIDDEN)
        for k in range(1, n_steps + 1):
            mean = means(intercept_visible + hidden @ components)
            visible = states(mean, key, address + k, VISIBLE)
            field = intercept_hidden + visible @ components.T
            hidden_mean = means(field)
            hidden = states(hidden_mean, key, address + k, HIDDEN)
        if chains is not None:
            chains[...] = hidden

        gradients = (
            hidden_mean.T @ visible / len(visible) - data_mean.T @ data / len(data),
            visible.mean(axis=0) - data.mean(axis=0),
            hidden_mean.mean(axis=0) - data_mean.mean(axis=0),
        )
        free = SimpleNamespace(
            data=-data @ intercept_visible - softplus_sums(data_field),
            model=-visible @ intercept_visible - softplus_sums(field),
        )
        gaps.append(free.data.mean() - free.model.mean())

        optimizer.count += 1
        for parameter, gradient, first, second, decay in zip(
            parameters, gradients, firsts, seconds, (optimizer.decay, 0, 0)
        ):
            update(
                optimizer.kind, parameter.ravel(), gradient.ravel(), first, second,
                rate=rate, momentum=optimizer.momentum, decay=decay, count=optimizer.count,
            )  # fmt: skip
    return np.array(gaps), visible


def gibbs(components, intercept_visible, intercept_hidden, hidden, key, n_steps):
    """Return the visible and the hidden states after some Gibbs steps."""
    for step in range(1, n_steps + 1):
        mean = means(intercept_visible + hidden @ components)
        visible = states(mean, key, step, VISIBLE)
        mean = means(intercept_hidden + visible @ components.T)
        hidden = states(mean, key, step, HIDDEN)
    return visible, hidden
