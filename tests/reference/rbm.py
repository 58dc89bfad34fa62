"""One pass of CD-k or PCD-k over the rows: the specification of src/rbm/rbm.h."""

from itertools import pairwise

import numpy as np

from reference.units import unit_draws, unit_log_partitions, unit_means

HIDDEN, VISIBLE = 1, 2  # lanes, as in numerics/streams.py
BERNOULLI, GAUSSIAN = 0, 2  # kinds of units, as in numerics/units.py


def update(kind, parameter, gradient, first, second, *, rate, momentum, decay, count, l1=0):
    """Take one step of a descent, in place; with L1, then one towards zero."""
    step(kind, parameter, gradient, first, second, rate, momentum, decay, count)
    if l1 > 0:
        parameter[...] = np.sign(parameter) * np.maximum(np.abs(parameter) - rate * l1, 0)


def step(kind, parameter, gradient, first, second, rate, momentum, decay, count):
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
    *, rate, n_steps, batch_size, key, visible=None, hidden=None, log_variance=None, weights=None,
    means=None, centered=False, target=None, cost=0.0,
):  # fmt: skip
    """Train in place; return the free-energy gaps of the batches and the last visible states.

    ``visible`` and ``hidden`` are runs of units, Bernoulli if None.
    """
    n_hidden, n_visible = components.shape
    above = [(BERNOULLI, n_hidden)] if hidden is None else hidden
    below = [(BERNOULLI, n_visible)] if visible is None else visible
    gaussian = np.concatenate([np.full(size, kind == GAUSSIAN) for kind, size in below])
    parameters = [components, intercept_visible, intercept_hidden]
    if log_variance is not None:
        parameters.append(log_variance)
    cuts = np.cumsum([parameter.size for parameter in parameters])[:-1]
    firsts = np.split(optimizer.first, cuts)
    seconds = np.split(optimizer.second, cuts) if optimizer.second.size else [None] * 4
    ones = np.ones(n_hidden)
    gaps = []

    for batch, first_row in enumerate(range(0, len(order), batch_size)):
        address = batch * (n_steps + 1)
        scale = np.exp((np.zeros(n_visible) if log_variance is None else log_variance) / 2)
        precision = np.where(gaussian, scale**-2.0, 0)
        data = X[order[first_row : first_row + batch_size]]
        data_field = intercept_hidden + data @ components.T
        data_mean = unit_means(data_field, above, ones)

        states = chains
        if chains is None:
            states = unit_draws(data_field, above, ones, key, address, HIDDEN)
        for k in range(1, n_steps + 1):
            field = intercept_visible + states.astype(X.dtype) @ components
            model = unit_draws(field, below, scale, key, address + k, VISIBLE)
            field = intercept_hidden + model.astype(X.dtype) @ components.T
            states = unit_draws(field, above, ones, key, address + k, HIDDEN)
        mean = unit_means(field, above, ones)
        if chains is not None:
            chains[...] = states

        # What each row of data counts for, and each chain: those of CD are the rows' own.
        of_data = np.full(len(data), 1 / len(data))
        of_model = np.full(len(model), 1 / len(model))
        if weights is not None:
            of_data = weights[order[first_row : first_row + batch_size]]
            of_data = of_data / of_data.sum()
            of_model = of_data if chains is None else of_model
        by_weights = (of_model * mean.T) @ model - (of_data * data_mean.T) @ data
        below_slope = of_model @ model - of_data @ data
        above_slope = of_model @ mean - of_data @ data_mean
        free = [
            share
            @ (
                part**2 @ precision / 2
                - part @ intercept_visible
                - unit_log_partitions(fields, above, ones)
            )
            for share, part, fields in ((of_data, data, data_field), (of_model, model, field))
        ]
        gaps.append(free[0] - free[1])

        optimizer.count += 1
        if means is not None:
            part = max(0.01, 1 / optimizer.count)
            for mean_of, newest in zip(means, (of_data @ data, of_data @ data_mean)):
                mean_of += part * (newest - mean_of)
        if target is not None:
            excess = cost * (means[1] - target)
            above_slope = above_slope + excess
            by_weights = by_weights + np.outer(excess, of_data @ data)
        if centered:
            by_weights = (
                by_weights - np.outer(above_slope, means[0]) - np.outer(means[1], below_slope)
            )
            below_slope = below_slope - means[1] @ by_weights
            above_slope = above_slope - by_weights @ means[0]
        gradients = [
            by_weights,
            below_slope,
            above_slope,
            precision / 2 * (of_model @ model**2 - of_data @ data**2),
        ]
        l1_decay = getattr(optimizer, "l1_decay", 0.0)
        for parameter, gradient, first, second, decay, l1 in zip(
            parameters, gradients, firsts, seconds, (optimizer.decay, 0, 0, 0), (l1_decay, 0, 0, 0)
        ):
            update(
                optimizer.kind, parameter.ravel(), gradient.ravel(), first, second,
                rate=rate, momentum=optimizer.momentum, decay=decay, count=optimizer.count, l1=l1,
            )  # fmt: skip
    return np.array(gaps), model


def gibbs(
    components, intercept_visible, intercept_hidden, states, key, n_steps,
    *, visible=None, hidden=None, log_variance=None,
):  # fmt: skip
    """Return the visible and the hidden states after some Gibbs steps."""
    n_hidden, n_visible = components.shape
    above = [(BERNOULLI, n_hidden)] if hidden is None else hidden
    below = [(BERNOULLI, n_visible)] if visible is None else visible
    scale = np.exp((np.zeros(n_visible) if log_variance is None else log_variance) / 2)
    dtype = components.dtype
    for step in range(1, n_steps + 1):
        field = intercept_visible + states.astype(dtype) @ components
        rows = unit_draws(field, below, scale, key, step, VISIBLE)
        field = intercept_hidden + rows.astype(dtype) @ components.T
        states = unit_draws(field, above, np.ones(n_hidden), key, step, HIDDEN)
    return rows, states


def anneal(
    components, intercept_visible, intercept_hidden, states, key, betas, base,
    *, visible=None, hidden=None, log_variance=None, base_log_variance=None,
):  # fmt: skip
    """Return the visible states, the hidden states and the log weights of annealed chains.

    ``betas`` is (n_steps + 1, n_chains): a step draws visible states at its first beta, weighs the
    way to the second one, and draws hidden states there.
    """
    n_hidden, n_visible = components.shape
    above = [(BERNOULLI, n_hidden)] if hidden is None else hidden
    below = [(BERNOULLI, n_visible)] if visible is None else visible
    gaussian = np.concatenate([np.full(size, kind == GAUSSIAN) for kind, size in below])
    variances = [base_log_variance, log_variance]
    precisions = [
        np.where(gaussian, np.exp(-(np.zeros(n_visible) if value is None else value)), 0)
        for value in variances
    ]
    dtype = components.dtype
    log_weight = np.zeros(len(states))
    for step, (now, then) in enumerate(pairwise(betas), start=1):
        t, next_t = now[:, None], then[:, None]
        precision = (1 - t) * precisions[0] + t * precisions[1]
        scale = np.where(gaussian, np.where(gaussian, precision, 1) ** -0.5, 1)
        field = (1 - t) * base + t * (intercept_visible + states.astype(dtype) @ components)
        # A Gaussian unit is its deviation, which is its chain's own, times one of deviation 1.
        field = (scale * field).astype(dtype)
        rows = scale * unit_draws(field, below, np.ones(n_visible), key, step, VISIBLE)
        field = intercept_hidden + rows.astype(dtype) @ components.T
        ones = np.ones(n_hidden)
        log_weight += (
            (then - now) * (rows @ (intercept_visible - base))
            - (then - now) * (rows**2 @ (precisions[1] - precisions[0])) / 2
            + unit_log_partitions(next_t * field, above, ones)
            - unit_log_partitions(t * field, above, ones)
        )
        states = unit_draws((next_t * field).astype(dtype), above, ones, key, step, HIDDEN)
    return rows, states, log_weight
