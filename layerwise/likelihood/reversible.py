"""How far a network's layers are reversible, and how far their weights look random.

After Arora, Liang and Ma, "Why are deep nets reversible: a simple theory, with implications for
training", 2015.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from layerwise.models.reversal import reversed_layer
from layerwise.numerics.products import product

__all__ = ["LayerLikeness", "LayerReversal", "layer_likeness", "layer_reversal"]

# Points of the Marchenko-Pastur density: its distribution function is right to 1e-6.
GRID = 4001
# The rho of the rows that layers are reversed from.
SHARES = 2.0 ** np.arange(-4, 1)


@dataclass(frozen=True)
class Reversal:
    """What one layer, and its reverse, make of some rows.

    Parameters
    ----------
    slope : float
        <W'x, h> / |h|^2 over all rows, of the rows x that the reverse makes of h: 1 where the
        layer, without its biases, takes them back to h.
    input_error : float
        |x - x_below|^2 / |x_below|^2 over all rows, with x_below the layer's inputs.
    hidden_error : float
        |r(W'x + b) - h|^2 / |h|^2 over all rows: what the layer makes of x again.
    active : float
        Units that are on, in the mean of the rows.
    kept : ndarray of shape (len(SHARES),)
        rho n: inputs of x that are left where each is kept with the probability rho, and divided
        by it.
    kept_errors : ndarray of shape (len(SHARES),)
        The hidden error from what is left of x. It falls with rho n, if the layer is reversible.
    """

    slope: float
    input_error: float
    hidden_error: float
    active: float
    kept: np.ndarray = field(repr=False)
    kept_errors: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class LayerReversal:
    """A layer's reversal, and that of the same weights in random order.

    Parameters
    ----------
    n_inputs, n_units : int
    trained : Reversal
    shuffled : Reversal
        Of the layer with its weights, and its biases, in random order.
    """

    n_inputs: int
    n_units: int
    trained: Reversal
    shuffled: Reversal


def layer_reversal(weights, biases, below, generator):
    """Return how far a layer of ReLU units is reversible on some inputs.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, n_units)
    biases : ndarray of shape (n_units,)
    below : ndarray of shape (n_rows, n_inputs)
        The layer's inputs.
    generator : numpy Generator
        Of the random order, and of the inputs that are kept.

    Returns
    -------
    LayerReversal
    """
    others = generator.permuted(weights.ravel()).reshape(weights.shape)
    other_biases = generator.permuted(biases)
    chance = generator.random(below.shape)
    return LayerReversal(
        *weights.shape,
        _reversal(weights, biases, below, chance),
        _reversal(others, other_biases, below, chance),
    )


def _reversal(weights, biases, below, chance):
    """Return a layer's reversal; an input is kept where ``chance`` is below rho."""
    above = np.maximum(product(below, weights, start=biases), 0)
    found = reversed_layer(weights, above, below, rectified=below.min() >= 0)
    size = np.vdot(above, above)

    def hidden_error(share):
        left = found * (chance < share) / below.dtype.type(share)
        recovered = np.maximum(product(left, weights, start=biases), 0)
        return _ratio(((recovered - above) ** 2).sum(), size)

    errors = np.array([hidden_error(share) for share in SHARES])
    return Reversal(
        slope=_ratio(np.vdot(product(found, weights), above), size),
        input_error=_ratio(((found - below) ** 2).sum(), (below**2).sum()),
        hidden_error=errors[-1],
        active=np.count_nonzero(above) / len(above),
        kept=SHARES * below.shape[1],
        kept_errors=errors,
    )


def _ratio(part, whole):
    return float(part / whole) if whole else float("nan")


@dataclass(frozen=True)
class LayerLikeness:
    """How far a layer's weights look like independent normal numbers.

    Parameters
    ----------
    n_inputs, n_units : int
    mean, deviation : float
        Of the weights.
    skewness, kurtosis : float
        Of the weights; the kurtosis is that in excess of a normal law's: both are zero of one.
    normal_distance : float
        Largest distance between the distribution functions of the standardised weights and of the
        normal law (Kolmogorov-Smirnov).
    normal_noise : float
        What this distance exceeds in one sample of 20 of so many normal numbers, whose mean and
        deviation are estimated too (Lilliefors).
    spectrum_distance : float
        The same between the squared singular values of the centred weights, over n and their
        variance, and the Marchenko-Pastur law.
    outside : float
        Share of these values above the upper edge of that law by more than five of the scale of
        its own largest value's fluctuations, n^(-2/3).
    weights : ndarray of shape (n_inputs, n_units)
    spectrum : ndarray of shape (min(n_inputs, n_units),)
        These squared singular values, over the larger side and the variance, from large to small.
    """

    n_inputs: int
    n_units: int
    mean: float
    deviation: float
    skewness: float
    kurtosis: float
    normal_distance: float
    normal_noise: float
    spectrum_distance: float
    outside: float
    weights: np.ndarray = field(repr=False)
    spectrum: np.ndarray = field(repr=False)


def layer_likeness(weights):
    """Return how far weights look like independent normal numbers.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, n_units)
        At least two different numbers.

    Returns
    -------
    LayerLikeness
    """
    weights = np.asarray(weights, dtype=np.float64)
    mean, deviation = float(weights.mean()), float(weights.std())
    values = np.sort((weights.ravel() - mean) / deviation)
    short, long = sorted(weights.shape)
    spectrum = np.linalg.svd((weights - mean) / deviation, compute_uv=False) ** 2 / long
    edge = marchenko_pastur_edges(short / long)[1]
    return LayerLikeness(
        *weights.shape,
        mean,
        deviation,
        float(stats.skew(values)),
        float(stats.kurtosis(values)),
        distance(values, stats.norm.cdf),
        float(0.886 / np.sqrt(values.size)),
        distance(spectrum[::-1], lambda x: marchenko_pastur(x, short / long)),
        float(np.mean(spectrum > edge * (1 + 5 * short ** (-2 / 3)))),
        weights,
        spectrum,
    )


def distance(values, law):
    """Return the largest distance between distribution functions: of sorted values, and a law.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Sorted.
    law : callable
        The law's distribution function.

    Returns
    -------
    float
    """
    expected, n = law(values), len(values)
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def marchenko_pastur_edges(ratio):
    """Return the ends of the law of squared singular values of random matrices.

    Parameters
    ----------
    ratio : float
        Of the shorter side to the longer, at most 1.

    Returns
    -------
    low, high : float
    """
    return (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2


def marchenko_pastur_density(x, ratio):
    """Return the density of squared singular values of random matrices of variance 1.

    Parameters
    ----------
    x : ndarray
        Squared singular values over the longer side.
    ratio : float
        As in ``marchenko_pastur_edges``.

    Returns
    -------
    ndarray
    """
    low, high = marchenko_pastur_edges(ratio)
    x = np.asarray(x, dtype=np.float64)
    inside = (x > low) & (x < high) & (x > 0)
    at = np.where(inside, x, 1.0)
    return np.where(
        inside, np.sqrt(np.maximum((high - at) * (at - low), 0)) / (2 * np.pi * ratio * at), 0
    )


def marchenko_pastur(x, ratio):
    """Return the distribution function of squared singular values of random matrices.

    Parameters
    ----------
    x, ratio
        As in ``marchenko_pastur_density``.

    Returns
    -------
    ndarray
    """
    low, high = marchenko_pastur_edges(ratio)
    # At low + (high - low) sin^2, where the density times the derivative has no sharp ends.
    angle = np.linspace(0, np.pi / 2, GRID)
    grid = low + (high - low) * np.sin(angle) ** 2
    # density dx = (high - low)^2 sin^2 cos^2 / (pi ratio x) d angle, whatever the end.
    slope = (high - low) ** 2 * (np.sin(angle) * np.cos(angle)) ** 2
    slope = np.divide(slope, np.pi * ratio * grid, out=np.zeros(GRID), where=grid > 0)
    if low == 0:
        slope[0] = (high - low) / (np.pi * ratio)
    steps = (slope[1:] + slope[:-1]) / 2 * np.diff(angle)
    total = np.concatenate([[0], np.cumsum(steps)])
    return np.interp(x, grid, total / total[-1], left=0, right=1)
