"""LatentParams: p(x | h) under a distribution over all latent states."""

from dataclasses import dataclass

import numpy as np

from layerwise.models.conditional import Conditional


@dataclass(frozen=True, eq=False)
class LatentParams:
    """p(x) = sum over h of p(x | h) Q(h), with a free weight for each latent state.

    Trainers write into its arrays, and nothing else is ever replaced.

    Parameters
    ----------
    conditional : Conditional
        p(x | h), with latent units of two states each.
    log_marginal : ndarray of shape (2**n_latent,), float64
        log Q(h) of all latent states; bit j of an index is the state of unit j.
    """

    conditional: Conditional
    log_marginal: np.ndarray

    @property
    def log_variance(self):
        """Logarithms of the variances of the data's units, None where none is Gaussian."""
        return self.conditional.log_variance

    def arrays(self):
        """Return the arrays of the conditional, then log Q."""
        return (*self.conditional.arrays(), self.log_marginal)
