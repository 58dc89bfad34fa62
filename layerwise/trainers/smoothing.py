"""Smoothed latent marginals: states that no row is near to keep some weight."""

import numpy as np

__all__ = ["BROAD", "flipped", "log_with_broad"]

BROAD = 0.03  # part of a latent marginal that keeps its states alive


def flipped(marginal, probability):
    """Return a latent marginal whose units are flipped, each with a probability of its own.

    Parameters
    ----------
    marginal : ndarray of shape (2**n,)
        Bit j of an index is the state of unit j.
    probability : float

    Returns
    -------
    ndarray of shape (2**n,)
    """
    n = len(marginal).bit_length() - 1
    cube = marginal.reshape((2,) * n)
    for axis in range(n):
        cube = (1 - probability) * cube + probability * np.flip(cube, axis)
    return cube.ravel()


def log_with_broad(marginal, part=BROAD):
    """Return log of a latent marginal, mixed with independent units of the same means.

    Parameters
    ----------
    marginal : ndarray of shape (2**n,)
        Bit j of an index is the state of unit j.
    part : float, default=0.03
        Of the mixture, of the independent units.

    Returns
    -------
    ndarray of shape (2**n,)
    """
    marginal = marginal / marginal.sum()
    n = len(marginal).bit_length() - 1
    cube, broad = marginal.reshape((2,) * n), np.ones(1)
    for j in reversed(range(n)):
        off, on = np.moveaxis(cube, n - 1 - j, 0).reshape(2, -1).sum(axis=1)
        # Neither state of a unit dies out, even if all rows have the other.
        on = np.clip(on / (on + off), 1e-3, 1 - 1e-3)
        broad = np.outer(broad, [1 - on, on]).ravel()
    with np.errstate(divide="ignore"):
        return np.log((1 - part) * marginal + part * broad)
