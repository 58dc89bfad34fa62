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
        ``low <= truth <= high``; both equal ``value`` where it is exact.
    method : str
        How it was found, in words.
    weights : ndarray of shape (2**n,), default=None
        The distribution over states that reaches ``low``, where there is one; bit j of the index
        is the state of unit j.
    """

    value: float
    low: float
    high: float
    method: str
    weights: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def exact(cls, value, method):
        """Return the estimate of a number that is known exactly."""
        return cls(value, value, value, method)

    def __float__(self):
        """Return the value."""
        return float(self.value)
