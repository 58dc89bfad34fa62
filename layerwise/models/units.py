"""Types of units: what a layer's fields say about its states."""

from dataclasses import dataclass

import numpy as np

from layerwise.numerics import units

__all__ = ["ALL", "Bernoulli"]

# Scaling into [0, 1] rounds: scikit-learn's MinMaxScaler gives 1.0000000000000002 for the largest
# value of a column. So many units in the last place of 1 are taken for that.
ROUNDING = 4


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
        return units.means(field)

    def variance(self, field):
        """Return the variances of the states."""
        # p(1) p(0), not p (1 - p), which is zero for every field above 37.
        return units.means(field) * units.means(-field)

    def sample(self, field, stream, *, step, lane):
        """Return states, drawn with the numbers at the addresses (unit, row, step, lane)."""
        return units.draw(units.means(field), stream, step=step, lane=lane)

    def log_partition(self, field):
        """Return log sum over states of exp(state * field), in nats."""
        return np.logaddexp(0, field)

    def check(self, X):
        """Return ``X``, or raise ValueError unless all values are states, or means of states.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_units)

        Returns
        -------
        ndarray of shape (n_samples, n_units)
            ``X`` itself, or a copy where rounding had carried values past 0 or 1.
        """
        low, high = X.min(), X.max()
        slack = ROUNDING * np.finfo(X.dtype).eps
        if not (low >= -slack and high <= 1 + slack):
            what = "Negative values in data: " if low < -slack else ""
            raise ValueError(
                f"{what}Bernoulli units take values in [0, 1], states or their means, and X has "
                f"values from {float(low)!r} to {float(high)!r}. Scale X into [0, 1], as "
                "MinMaxScaler(clip=True) does for new rows too, or make it binary."
            )
        return X if low >= 0 and high <= 1 else np.clip(X, 0, 1)


ALL = (Bernoulli(),)
