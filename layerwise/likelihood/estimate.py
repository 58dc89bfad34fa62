"""Estimate: a number with its error."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number in nats, the bracket it is known to lie in, and how it was found.

    Parameters
    ----------
    value : float
    low, high : float
        ``low <= truth <= high``; both equal ``value`` where it is exact, and ``high`` is infinite
        where only a lower bound is known.
    method : str
        How it was found, in words.
    weights : ndarray of shape (n_states,), default=None
        The distribution over states that reaches ``low``, where there is one: over all 2**n states
        of n units, where bit j of the index is the state of unit j, or over ``states``.
    states : ndarray of shape (n_states, n), default=None
        The states that ``weights`` are of, where not all are listed.
    error : float, default=None
        Standard error of ``value``, where random states were drawn: what other draws would change.
    """

    value: float
    low: float
    high: float
    method: str
    weights: np.ndarray | None = field(default=None, repr=False)
    states: np.ndarray | None = field(default=None, repr=False)
    error: float | None = None

    @classmethod
    def exact(cls, value, method):
        """Return the estimate of a number that is known exactly."""
        return cls(value, value, value, method)

    def __float__(self):
        """Return the value."""
        return float(self.value)
