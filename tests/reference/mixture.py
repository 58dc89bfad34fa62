"""Sums over latent states for rows, by the table of rows x states that the product avoids."""

import numpy as np


def states(n):
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(float)


def linear_sums(fields):
    return fields @ states(fields.shape[1]).T


def log_sum_exp(values, axis):
    """In extended precision, where the machine has it: thousands of terms in float64 drift."""
    values = values.astype(np.longdouble)
    top = values.max(axis=axis, keepdims=True)
    total = np.log(np.exp(values - top).sum(axis=axis, keepdims=True)) + top
    return np.squeeze(total, axis=axis).astype(float)


def log_sums(fields, log_table):
    return log_sum_exp(linear_sums(fields) + log_table, axis=1)


def log_sums_over_rows(fields, log_weights):
    return log_sum_exp(linear_sums(fields) + log_weights[:, None], axis=0)


def posterior(fields, log_table):
    """Return p(state | row), of shape (n_rows, 2**n)."""
    exponents = (linear_sums(fields) + log_table).astype(np.longdouble)
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(float)


def posterior_means(fields, log_table):
    return posterior(fields, log_table) @ states(fields.shape[1])


def picks(weights, uniforms):
    """Return for each row the first index whose cumulated weight exceeds its part of the sum."""
    cumulated = np.cumsum(weights, axis=1)
    return (cumulated <= (uniforms * cumulated[:, -1])[:, None]).sum(axis=1)
