"""Twin of ``numerics.states``: every state in a row, every sum as it is defined."""

import numpy as np


def all_states(n, first=0, last=None):
    last = 2**n if last is None else last
    rows = [[float(index >> j & 1) for j in range(n)] for index in range(first, last)]
    return np.array(rows).reshape(last - first, n)


def log_weights(weights, analytic_bias, enumerated_bias):
    states = all_states(weights.shape[1])
    fields = analytic_bias + states @ weights.T
    return states @ enumerated_bias + np.logaddexp(0, fields).sum(axis=1)


def log_partition(weights, analytic_bias, enumerated_bias):
    log_weight = log_weights(weights, analytic_bias, enumerated_bias)
    return float(log_weight.max() + np.log(np.exp(log_weight - log_weight.max()).sum()))


def moments(weights, analytic_bias, enumerated_bias):
    states = all_states(weights.shape[1])
    log_z = log_partition(weights, analytic_bias, enumerated_bias)
    p = np.exp(log_weights(weights, analytic_bias, enumerated_bias) - log_z)
    p /= p.sum()
    field = analytic_bias + states @ weights.T
    mean = np.exp(-np.logaddexp(0, -field))  # E[v | h]
    return log_z, p @ mean, p @ states, (p[:, np.newaxis] * mean).T @ states
