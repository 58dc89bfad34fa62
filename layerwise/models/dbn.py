"""DBNParams: conditionals under a top RBM, that is a deep belief network, however trained."""

from dataclasses import dataclass

import numpy as np

from layerwise.exceptions import Incompatible
from layerwise.models.conditional import Conditional
from layerwise.models.rbm import RBMParams
from layerwise.numerics.streams import STATE


@dataclass(frozen=True)
class DBNParams:
    """p(x, h1, h2, ...) = p(x | h1) p(h1 | h2) ... p(top).

    Parameters
    ----------
    conditionals : tuple of Conditional
        From the bottom to the top; empty for a single RBM.
    top : RBMParams
        The RBM over the highest conditional's latent units and one more layer.
    """

    conditionals: tuple[Conditional, ...]
    top: RBMParams

    def __post_init__(self):
        above = [conditional.n_visible for conditional in self.conditionals[1:]]
        above.append(self.top.n_visible)
        for depth, (conditional, n) in enumerate(zip(self.conditionals, above), start=1):
            if conditional.n_latent != n:
                raise Incompatible(
                    f"A deep model asks that layers fit together, and layer {depth} has "
                    f"{conditional.n_latent} latent units where the layer above it has {n} "
                    "visible ones. Set weights of sizes that fit, or train again."
                )

    @property
    def visible(self):
        """The units of the data."""
        return self.bottom.visible

    @property
    def bottom(self):
        """p(x | h) of the layer on the data."""
        return self.conditionals[0] if self.conditionals else self.top.conditional

    @property
    def n_parameters(self):
        """Number of generative parameters."""
        top = self.top.conditional.n_parameters + self.top.n_hidden
        return top + sum(conditional.n_parameters for conditional in self.conditionals)

    @property
    def log_variance(self):
        """Logarithms of the variances of the data's units, None where none is Gaussian."""
        return self.bottom.log_variance

    def arrays(self):
        """Return the arrays of all conditionals from the bottom up, then the top's."""
        parts = (*self.conditionals, self.top)
        return tuple(array for part in parts for array in part.arrays())

    def copy(self):
        """Return the same model in arrays of its own, which a trainer may write to."""
        parts = (*self.conditionals, self.top)
        *below, top = (part.replaced(*map(np.copy, part.arrays())) for part in parts)
        return DBNParams(tuple(below), top)

    def down(self, states, stream):
        """Return samples of x given states of the top RBM's visible units."""
        for depth, conditional in reversed(list(enumerate(self.conditionals))):
            states = conditional.sample(states, stream, step=depth, lane=STATE)
        return states
