"""Conditional: p(x | h), the part of a lower layer that deep models keep."""

from dataclasses import dataclass

import numpy as np

from layerwise.exceptions import Incompatible
from layerwise.models.family import Units
from layerwise.models.mixed import units_of
from layerwise.models.parameters import checked, checked_log_variance
from layerwise.models.states import blocks_of_states, n_states
from layerwise.models.units import BITS
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.products import product
from layerwise.numerics.rows import by_blocks, issparse


@dataclass(frozen=True, eq=False)
class Conditional:
    """Units given the states of a latent layer: their field is bias + h W.

    Read upwards it is an RBM's inference model, p(h | x).

    Parameters
    ----------
    weights : ndarray of shape (n_latent, n_visible)
    bias : ndarray of shape (n_visible,)
    visible : Units, default=Bernoulli()
        The units whose distribution this is.
    latent : Units, default=Bernoulli()
        The units that are given.
    log_variance : ndarray of shape (n_visible,), default=None
        As in ``RBMParams``.
    """

    weights: np.ndarray
    bias: np.ndarray
    visible: Units = BITS
    latent: Units = BITS
    log_variance: np.ndarray | None = None
    is_affine = True

    def __post_init__(self):
        weights = checked("The weights of p(x | h)", self.weights, (None, None))
        bias = checked("The bias of p(x | h)", self.bias, weights.shape[1:], weights.dtype)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", bias)
        object.__setattr__(self, "visible", units_of(self.visible, weights.shape[1]))
        object.__setattr__(self, "latent", units_of(self.latent, weights.shape[0]))
        log_variance = checked_log_variance(self.log_variance, self.visible, weights)
        object.__setattr__(self, "log_variance", log_variance)

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
        """Number of weights, biases and variances."""
        return (
            self.weights.size + self.bias.size + int(self.visible.gaussian(self.n_visible).sum())
        )

    def arrays(self):
        """Return weights, biases, and where there are some the logarithms of variances."""
        arrays = self.weights, self.bias
        return arrays if self.log_variance is None else (*arrays, self.log_variance)

    @property
    def affine_layers(self):
        """Weights, biases and activation of what gives the means, as a list of one layer.

        The activation is None where none gives the means of such units.
        """
        return [(self.weights, self.bias, self.visible.activation)]

    def replaced(self, *arrays):
        """Return a distribution of the same units with other arrays, as ``arrays`` has them."""
        return Conditional(*arrays[:2], self.visible, self.latent, *arrays[2:])

    def astype(self, dtype):
        """Return the same distribution with parameters of another float type."""
        return self.replaced(*(array.astype(dtype) for array in self.arrays()))

    def in_bits(self):
        """Return the same distribution over bits in the place of two-state units, in float64.

        Latent units become Bernoulli units. So do visible ones where all have two states: their
        rows are to be read as ``bits_of``.
        """
        weights, bias = self.weights.astype(float), self.bias.astype(float)
        visible = self.visible
        if not self.latent.is_binary:
            raise Incompatible(
                "Likelihoods are sums over latent units of two states each, and these are "
                f"{self.latent!r}. Use Bernoulli or Spin units."
            )
        if self.latent != BITS:
            low, step = self.latent.bits(self.n_latent)
            weights, bias = step[:, None] * weights, bias + low @ weights
        if visible.is_binary and visible != BITS:
            # p(bit) is proportional to exp(bit * step * field).
            step = visible.bits(self.n_visible)[1]
            weights, bias, visible = weights * step, bias * step, BITS
        given = None if self.log_variance is None else self.log_variance.astype(float)
        return Conditional(weights, bias, visible, BITS, given)

    def bits_of(self, visible):
        """Return rows of visible states as ``in_bits`` reads them."""
        if not self.visible.is_binary or self.visible == BITS:
            return visible
        low, step = self.visible.bits(self.n_visible)
        return ((visible - low) / step).astype(visible.dtype)

    def field(self, latent):
        """Return the fields on the visible units, of shape (n_rows, n_visible)."""
        dtype = self.weights.dtype
        return by_blocks(
            lambda rows: product(np.asarray(rows, dtype=dtype), self.weights, start=self.bias),
            latent,
        )

    def log_odds(self, latent):
        """Return the log-odds of the upper states of two-state units, as ``field`` does."""
        low_and_step = self.visible.bits(self.n_visible)
        return self.field(latent) * low_and_step[1].astype(self.weights.dtype)

    def mean(self, latent):
        """Return the means of x given h, or means of h, of shape (n_rows, n_visible)."""
        return self.visible.mean(self.field(latent), self.log_variance)

    def sample(self, latent, stream, *, step, lane):
        """Return states of x given rows of h, drawn at the addresses (unit, row, step, lane)."""
        field = self.field(latent)
        return self.visible.sample(
            field, stream, step=step, lane=lane, log_variance=self.log_variance
        )

    # log p(x | h) = x . bias + log base(x) + (x W^T) . h - C(h), with C the sum over units of
    # log-partitions of bias + h W: a part of the row, a part that is linear in h, and a part of
    # the state.

    def row_part(self, visible):
        """Return x . bias + log base(x) for rows x, of shape (n_rows,), float64."""
        if issparse(visible):
            return by_blocks(self.row_part, visible)
        bias = self.bias.astype(float)
        linear = product(np.asarray(visible, dtype=float), bias[:, None]).ravel()
        return linear + self.visible.log_base(visible, self.log_variance)

    def latent_field(self, visible):
        """Return x W^T for rows x, of shape (n_rows, n_latent), float64."""
        if issparse(visible):
            return by_blocks(self.latent_field, visible)
        return product(np.asarray(visible, dtype=float), self.weights.astype(float).T)

    def state_part(self):
        """Return C(h) for all states h of the latent layer, in their order, float64."""
        if self.visible == self.latent == BITS:
            weights = np.ascontiguousarray(self.weights.T, dtype=float)
            bias = self.bias.astype(float)
            part = enumeration.log_weights(weights, bias, np.zeros(self.n_latent))
        else:
            part = self._plain_state_part()
        if not np.all(np.isfinite(part)):
            raise ValueError(
                "p(x | h) asks for weights and biases whose sizes sum to less than 2**50, and "
                "these are larger. Train with a lower learning rate."
            )
        return part

    def _plain_state_part(self):
        wide, part = self.astype(float), np.empty(n_states(self.latent, self.n_latent))
        for here, latent in blocks_of_states(self.latent, self.n_latent):
            field = wide.field(latent)
            part[here] = self.visible.log_partition_sums(field, wide.log_variance)
        return part

    def log_probability(self, visible, latent):
        """Return log p(x | h) in nats for all pairs, of shape (n_rows of x, n_rows of h)."""
        latent = np.asarray(latent, dtype=float)
        wide = self.astype(float)
        partition = self.visible.log_partition_sums(wide.field(latent), wide.log_variance)
        linear = product(self.latent_field(visible), latent.T, start=-partition)
        return linear + self.row_part(visible)[:, None]
