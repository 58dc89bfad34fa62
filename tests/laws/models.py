"""All kinds of models with random parameters, for the laws to run over."""

from itertools import pairwise

import numpy as np

from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.mixed import Mixed
from layerwise.models.rbm import RBMParams
from layerwise.models.units import (
    BITS,
    Bernoulli,
    Gaussian,
    Softmax,
    Spin,
    TruncatedExponential,
)


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

# Small layers of every type, whose states or whose integral can be summed by hand.
SMALL = [
    (Bernoulli(), 3),
    (Spin(), 3),
    (Gaussian(), 2),
    (TruncatedExponential(), 2),
    (Softmax((3, 2)), 5),
    (Mixed(((Spin(), 2), (Bernoulli(), 2))), 4),
    (Mixed(((Gaussian(), 1), (Softmax((3,)), 3), (Spin(), 1), (TruncatedExponential(), 1))), 6),
]


def rows_of(kind, n_units, n_rows, rng):
    """Return rows of states, of shape (n_rows, n_units)."""
    if isinstance(kind, Mixed):
        parts = [rows_of(part, size, n_rows, rng) for part, size in kind.parts]
        return np.concatenate(parts, axis=1)
    if isinstance(kind, Gaussian):
        return 0.3 + np.linspace(0.5, 1.5, n_units) * rng.normal(size=(n_rows, n_units))
    if isinstance(kind, TruncatedExponential):
        return rng.random((n_rows, n_units)) ** np.linspace(0.5, 2, n_units)
    factors = kind.factors(n_units)
    return np.concatenate([f[rng.integers(len(f), size=n_rows)] for f in factors], axis=1)


def grid_of(kind, n_units):
    """Return points and weights of a sum over all states, or of a quadrature, of a small layer.

    A sum at equal steps of h has the integral of a Gaussian of standard deviation s to
    exp(-2 (pi s / h)**2): 1e-34 for s = 0.45. Its ends are beyond 9 standard deviations of all
    means in these tests. Twenty nodes of Gauss and Legendre leave nothing of exp(field v).
    """
    if isinstance(kind, Mixed):
        parts = [grid_of(part, size) for part, size in kind.parts]
    elif isinstance(kind, Gaussian):
        points = np.arange(-150, 151)[:, None] * 0.2
        parts = [(points, np.full(len(points), 0.2))] * n_units
    elif isinstance(kind, TruncatedExponential):
        nodes, weights = np.polynomial.legendre.leggauss(20)
        parts = [((nodes[:, None] + 1) / 2, weights / 2)] * n_units
    else:
        parts = [(factor, np.ones(len(factor))) for factor in kind.factors(n_units)]
    points, weights = np.zeros((1, 0)), np.ones(1)
    for more, weight in parts:
        points = np.concatenate(
            [np.repeat(points, len(more), axis=0), np.tile(more, (len(points), 1))], axis=1
        )
        weights = np.outer(weights, weight).ravel()
    return points, weights


def rbm_of(kind, n_visible, rng, *, hidden=BITS, n_hidden=3, scale=0.7):
    """Return an RBM with visible units of a type, and with variances near 1."""
    gaussian = kind.gaussian(n_visible)
    return RBMParams(
        scale * rng.normal(size=(n_hidden, n_visible)),
        scale * rng.normal(size=n_visible),
        scale * rng.normal(size=n_hidden),
        kind,
        hidden,
        np.where(gaussian, rng.uniform(-1, 0.5, n_visible), 0) if gaussian.any() else None,
    )
