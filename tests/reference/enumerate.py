"""Twin of ``numerics.enumerate``: every state in a row, every sum as it is defined."""

from itertools import product

import numpy as np


def all_states(n, first=0, last=None):
    # product() turns its last factor fastest, an index its bit 0
    return np.array(list(product((0.0, 1.0), repeat=n)))[first:last, ::-1]


def log_weights(weights, analytic_bias, enumerated_bias):
    states = all_states(weights.shape[1])
    fields = analytic_bias + states @ weights.T
    return states @ enumerated_bias + np.logaddexp(0, fields).sum(axis=1)


def log_partition(weights, analytic_bias, enumerated_bias):
    log_weight = log_weights(weights, analytic_bias, enumerated_bias)
    most = log_weight.max()
    return float(most + np.log(np.exp(log_weight - most).sum()))


def moments(weights, analytic_bias, enumerated_bias):
    states = all_states(weights.shape[1])
    log_z = log_partition(weights, analytic_bias, enumerated_bias)
    p = np.exp(log_weights(weights, analytic_bias, enumerated_bias) - log_z)
    p /= p.sum()
    fields = analytic_bias + states @ weights.T
    mean = np.exp(-np.logaddexp(0, -fields))  # E[v | h]
    return log_z, p @ mean, p @ states, (p[:, np.newaxis] * mean).T @ states
