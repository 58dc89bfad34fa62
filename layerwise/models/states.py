"""All states of a layer, listed in blocks."""

import math

import numpy as np

__all__ = ["blocks_of_states", "n_states", "states_of_units"]

# States that are held at a time. A function of nothing: sums have one order.
STATES_AT_A_TIME = 4096


def n_states(units, n_units):
    """Return the number of states of a layer, or None where they cannot be listed."""
    factors = units.factors(n_units)
    return None if factors is None else math.prod(len(factor) for factor in factors)


def states_of_units(units, n_units, first=0, last=None, *, at=None):
    """Return some of the states of a layer, in the order of their index.

    Parameters
    ----------
    units : Units
        Of a type whose states can be listed.
    n_units : int
    first : int, default=0
        Index of the first state.
    last : int, default=None
        Index after the last; None is ``n_states``.
    at : ndarray of int, default=None
        Indices of the states, in the place of ``first`` and ``last``.

    Returns
    -------
    ndarray of shape (n_states, n_units), float64
        The first unit, or group of units, changes fastest: bit j of an index is unit j of a layer
        of two-state units, whose upper state is 1.
    """
    index = at
    if index is None:
        last = n_states(units, n_units) if last is None else last
        index = np.arange(first, last, dtype=np.int64)
    parts = [np.empty((len(index), 0))]
    for factor in units.factors(n_units):
        parts.append(factor[index % len(factor)])
        index = index // len(factor)
    return np.concatenate(parts, axis=1)


def blocks_of_states(units, n_units):
    """Yield the states of a layer some at a time, each time with the slice of their indices."""
    n = n_states(units, n_units)
    for first in range(0, n, STATES_AT_A_TIME):
        last = min(first + STATES_AT_A_TIME, n)
        yield slice(first, last), states_of_units(units, n_units, first, last)
