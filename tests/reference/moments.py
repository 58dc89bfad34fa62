"""Moments of p(y, x) = exp(a.y + b.x + y.Wx) / Z, by listing every state of both layers."""

import numpy as np


def everything(n):
    """Return all states of n units, of shape (2**n, n)."""
    return (np.arange(2**n)[:, np.newaxis] >> np.arange(n) & 1).astype(np.float64)


def moments(weights, analytic_bias, enumerated_bias):
    """Return log Z, and the means of y, of x and of y x^T."""
    y, x = everything(weights.shape[0]), everything(weights.shape[1])
    minus_energy = (y @ analytic_bias)[:, np.newaxis] + x @ enumerated_bias + y @ weights @ x.T
    most = minus_energy.max()
    p = np.exp(minus_energy - most)
    log_z = most + np.log(p.sum())
    p /= p.sum()
    return log_z, p.sum(axis=1) @ y, p.sum(axis=0) @ x, y.T @ p @ x


def moments_under(weights, analytic_bias, given):
    """Return sums over all states x, under given weights, of 1, E[y|x], x and E[y|x] x^T."""
    x = everything(weights.shape[1])
    with np.errstate(over="ignore"):
        mean = 1 / (1 + np.exp(-(analytic_bias + x @ weights.T)))
    return given.sum(), given @ mean, given @ x, (given[:, np.newaxis] * mean).T @ x
