"""Conditional: p(x | h), what a lower layer leaves behind for likelihood."""

from dataclasses import dataclass

import numpy as np

from layerwise.models.parameters import checked
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import units
from layerwise.numerics.products import product


@dataclass(frozen=True)
class Conditional:
    """Bernoulli units given the states of a latent layer: p(x_i = 1 | h) = sigm(bias + h W)_i.

    Read upwards it is an RBM's inference model, p(h | x).

    Parameters
    ----------
    weights : ndarray of shape (n_latent, n_visible)
    bias : ndarray of shape (n_visible,)
    """

    weights: np.ndarray
    bias: np.ndarray

    def __post_init__(self):
        weights = checked("The weights of p(x | h)", self.weights, (None, None))
        bias = checked("The bias of p(x | h)", self.bias, weights.shape[1:], weights.dtype)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", bias)

    @property
    def n_latent(self):
        """Number of units that are given."""
        return self.weights.shape[0]

    @property
    def n_visible(self):
        """Number of units whose distribution this is."""
        return self.weights.shape[1]

    @property
    def n_parameters(self):
        """Number of weights and biases."""
        return self.weights.size + self.bias.size

    def astype(self, dtype):
        """Return the same distribution with parameters of another float type."""
        return Conditional(self.weights.astype(dtype), self.bias.astype(dtype))

    def field(self, latent):
        """Return the log-odds of the visible units, of shape (n_rows, n_visible)."""
        return product(np.asarray(latent, dtype=self.weights.dtype), self.weights, start=self.bias)

    def mean(self, latent):
        """Return p(x = 1 | h) for rows of h (or of means of h), of shape (n_rows, n_visible)."""
        return units.means(self.field(latent))

    # log p(x | h) = x . bias + (x W^T) . h - C(h), with C the sum of softplus(bias + h W):
    # a part of the row, a part that is linear in h, and a part of the state.

    def row_part(self, visible):
        """Return x . bias for rows x, of shape (n_rows,), float64."""
        bias = self.bias.astype(float)
        return product(np.asarray(visible, dtype=float), bias[:, None]).ravel()

    def latent_field(self, visible):
        """Return x W^T for rows x, of shape (n_rows, n_latent), float64."""
        return product(np.asarray(visible, dtype=float), self.weights.astype(float).T)

    def state_part(self):
        """Return C(h) for all states h, of shape (2**n_latent,), float64."""
        weights = np.ascontiguousarray(self.weights.T, dtype=float)
        part = enumeration.log_weights(weights, self.bias.astype(float), np.zeros(self.n_latent))
        if not np.all(np.isfinite(part)):
            raise ValueError(
                "p(x | h) asks for weights and biases whose sizes sum to less than 2**50, and "
                "these are larger. Train with a lower learning rate."
            )
        return part

    def log_probability(self, visible, latent):
        """Return log p(x | h) in nats for all pairs, of shape (n_rows of x, n_rows of h)."""
        latent = np.asarray(latent, dtype=float)
        partition = units.softplus_sums(self.astype(float).field(latent))
        linear = product(self.latent_field(visible), latent.T, start=-partition)
        return linear + self.row_part(visible)[:, None]
