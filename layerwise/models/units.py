"""Types of units: what a layer's fields say about its states."""

from dataclasses import dataclass

import numpy as np

from layerwise.numerics import layers

__all__ = ["ALL", "Bernoulli"]


@dataclass(frozen=True)
class Bernoulli:
    """States 0 and 1, with p(1 | field) = 1 / (1 + exp(-field)).

    A field is a bias plus weighted neighbours, an ndarray of shape (n_rows, n_units), float32 or
    float64; so is what each method returns.
    """

    @property
    def states(self):
        """All states of one unit: ndarray of shape (2,)."""
        return np.array([0.0, 1.0])

    def mean(self, field):
        """Return the expected states."""
        return layers.means(field)

    def variance(self, field):
        """Return the variances of the states."""
        # p(1) p(0), not p (1 - p), which is zero for every field above 37.
        return layers.means(field) * layers.means(-field)

    def sample(self, field, stream, *, step, lane):
        """Return states, drawn with the numbers at the addresses (unit, row, step, lane)."""
        return layers.draw(layers.means(field), stream, step=step, lane=lane)

    def log_partition(self, field):
        """Return log sum over states of exp(state * field), in nats."""
        return np.logaddexp(0, field)

    def check(self, X):
        """Raise ValueError unless all of ``X`` are states, or means of states.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_units)
        """
        low, high = X.min(), X.max()
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"Bernoulli units take values in [0, 1], states or their means, and X has values "
                f"from {low:g} to {high:g}. Scale X into [0, 1], or binarise it."
            )


ALL = (Bernoulli(),)
