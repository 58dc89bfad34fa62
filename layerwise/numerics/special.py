"""Sums of exponentials, for cold paths: numpy, and nothing that depends on threads."""

import numpy as np


def log_sum_exp(values, axis=None):
    """Return log(sum(exp(values))) along ``axis``, without overflow; -inf for an empty sum."""
    top = np.max(values, axis=axis, keepdims=True, initial=-np.inf)
    safe = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(values - safe), axis=axis, keepdims=True)) + safe
    return np.squeeze(total, axis=axis)[()]


def log(values):
    """Return log(values), with -inf for zero and no warning."""
    with np.errstate(divide="ignore"):
        return np.log(values)
