"""All kinds of models with random parameters, for the laws to run over."""

from itertools import pairwise

from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.rbm import RBMParams


def rbm(rng, n_visible, n_hidden, scale):
    """Return an RBM with normal weights of a standard deviation, and balanced fields."""
    return RBMParams(
        scale * rng.normal(size=(n_hidden, n_visible)),
        scale * rng.normal(size=n_visible),
        scale * rng.normal(size=n_hidden),
    )


def dbn(rng, sizes, scale):
    """Return a deep belief network with layers of these sizes, from the bottom."""
    conditionals = tuple(
        Conditional(scale * rng.normal(size=(above, below)), scale * rng.normal(size=below))
        for below, above in pairwise(sizes[:-1])
    )
    return DBNParams(conditionals, rbm(rng, sizes[-2], sizes[-1], scale))


# From the bottom: a single RBM, with the smaller layer above or below; DBNs of 2, 3 and 4 layers.
SIZES = [(7, 4), (4, 7), (1, 1), (6, 5, 4), (5, 8, 3), (6, 4, 5, 3), (5, 3, 4, 2, 3)]
# Where one product of factors holds everything, and where nearly every row underflows it.
SCALES = [0.1, 1, 10, 50]
