"""Decoder: p(x | h) whose fields a network of several layers gives."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from layerwise.models.chain import Chain
from layerwise.models.units import BITS
from layerwise.numerics.products import product
from layerwise.numerics.rows import by_blocks, dense, issparse

__all__ = ["Decoder"]


@dataclass(frozen=True, eq=False)
class Decoder:
    """Units given a code: the last layers of a chain, of which only the units of x are random.

    Where the code's units are Bernoulli units it is a distribution as :class:`Conditional` is one,
    but no affine one: what a sum over codes can share between rows there, it cannot here.

    Parameters
    ----------
    chain : Chain
        Its outputs are units.
    first : int
        Layers from this one on.
    """

    chain: Chain
    first: int
    latent = BITS
    is_affine = False

    @property
    def n_latent(self):
        """Number of units of the code."""
        return self.chain.sizes[self.first]

    @property
    def n_visible(self):
        """Number of units whose distribution this is."""
        return self.chain.sizes[-1]

    @property
    def visible(self):
        """The units whose distribution this is."""
        return self.chain.output_units

    @property
    def log_variance(self):
        """As in ``RBMParams``."""
        return self.chain.log_variance

    @property
    def n_parameters(self):
        """Number of weights, biases and variances of the layers."""
        sizes = self.chain.sizes[self.first :]
        weights = sum((above + 1) * below for above, below in pairwise(sizes))
        return weights + int(self.visible.gaussian(self.n_visible).sum())

    def astype(self, dtype):
        """Return the same distribution with parameters of another float type."""
        return replace(
            self, chain=replace(self.chain, parameters=self.chain.parameters.astype(dtype))
        )

    def field(self, latent):
        """Return the fields on the visible units, of shape (n_rows, n_visible)."""
        return by_blocks(lambda rows: self.chain.field(rows, self.first), latent)

    def mean(self, latent):
        """Return the means of x given h, or values of h, of shape (n_rows, n_visible)."""
        return self.visible.mean(self.field(latent), self.log_variance)

    def sample(self, latent, stream, *, step, lane):
        """Return states of x given rows of h, drawn at the addresses (unit, row, step, lane)."""
        return self.visible.sample(
            self.field(latent), stream, step=step, lane=lane, log_variance=self.log_variance
        )

    def log_probability(self, visible, latent):
        """Return log p(x | h) in nats for all pairs, of shape (n_rows of x, n_rows of h)."""
        if issparse(visible):
            visible = dense(visible, np.float64)
        field = np.asarray(self.field(latent), dtype=float)
        partition = self.visible.log_partition_sums(field, self.log_variance)
        pairs = product(np.asarray(visible, dtype=float), field.T, start=-partition)
        return pairs + self.visible.log_base(visible, self.log_variance)[:, None]
