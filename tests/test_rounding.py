"""Certified to the last bit: brackets of the best latent marginal against wider arithmetic."""

import decimal
from decimal import Decimal

import numpy as np
import pytest

from layerwise import best_latent_marginal
from layerwise.exceptions import TooManyStates
from layerwise.likelihood import marginal
from layerwise.likelihood.marginal import rounding
from layerwise.models.conditional import Conditional
from layerwise.numerics.enumerate import all_states

WIDE = np.longdouble
pytestmark = pytest.mark.skipif(
    np.finfo(WIDE).eps > 1e-18, reason="long double is no wider than double here"
)


def log_probability(layer, X):
    """Return log p(x | h) for all rows and states, in long double."""
    weights, bias = layer.weights.astype(WIDE), layer.bias.astype(WIDE)
    h = all_states(layer.n_latent).astype(WIDE)
    field = bias + np.einsum("hj,ji->hi", h, weights)
    partition = (np.maximum(field, 0) + np.log1p(np.exp(-np.abs(field)))).sum(axis=1)
    return np.einsum("xi,hi->xh", X.astype(WIDE), field) - partition


def wide_bracket(layer, X, weights, steps=60):
    """Return what the weights reach, and EM's own bracket from there on, in long double."""
    log_p = log_probability(layer, X)
    scale = log_p.max(axis=1)
    p = np.exp(log_p - scale[:, None])
    weights = weights.astype(WIDE) / weights.astype(WIDE).sum()
    reached = np.mean(np.log(p @ weights) + scale)
    weights = (weights + WIDE(1e-25)) / (1 + WIDE(1e-25) * len(weights))
    low, high = -np.inf, np.inf
    for _ in range(steps):
        density = p @ weights
        gain = (p / density[:, None]).mean(axis=0)
        here = np.mean(np.log(density) + scale)
        low, high = max(low, here), min(high, here + np.log(gain.max()))
        weights = weights * gain
    return reached, low, high


@pytest.mark.filterwarnings("ignore:The bracket:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("bias_scale", [0.1, 1, 30, 1000, 10_000])
@pytest.mark.parametrize("weight_scale", [0.01, 1, 30, 1000])
def test_the_bracket_holds_what_wider_arithmetic_finds(rng, weight_scale, bias_scale):
    """With biases of sd 1,000 ``low`` lay above the true optimum by up to 1e-11 nats."""
    for _ in range(10):
        n_latent, n_visible = rng.integers(1, 7), rng.integers(1, 14)
        layer = Conditional(
            weight_scale * rng.normal(size=(n_latent, n_visible)),
            bias_scale * rng.normal(size=n_visible),
        )
        X = rng.integers(0, 2, size=(rng.integers(1, 30), n_visible)).astype(float)
        found = best_latent_marginal(layer, X, tol=1e-11)
        reached, low, high = wide_bracket(layer, X, found.weights)
        assert found.low <= reached
        assert found.low <= high
        assert found.high >= low


def log_p(weights, bias, row):
    """Return log p(x | h) as a decimal, given the weights of the units that are on."""
    total = Decimal(0)
    for i, on in enumerate(row):
        field = sum((Decimal(float(weight)) for weight in weights[:, i]), Decimal(float(bias[i])))
        total -= (1 + (-field if on else field).exp()).ln()
    return total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias_scale", [1, 1000, 1e6])
@pytest.mark.parametrize("weight_scale", [0, 1, 1000, 1e6])
def test_one_row_many_times_has_the_best_of_all_states(rng, weight_scale, bias_scale, dtype):
    """The optimum is known: the most that any h gives log p(x | h), here in 50 digits."""
    with decimal.localcontext(prec=50, Emax=decimal.MAX_EMAX):
        for _ in range(5):
            n_latent, n_visible = rng.integers(1, 4), rng.integers(1, 6)
            weights = (weight_scale * rng.normal(size=(n_latent, n_visible))).astype(dtype)
            bias = (bias_scale * rng.normal(size=n_visible)).astype(dtype)
            row = rng.integers(0, 2, size=n_visible)
            best = max(log_p(weights[h == 1], bias, row) for h in all_states(int(n_latent)))
            X = np.tile(row.astype(float), (rng.choice([1, 3, 200]), 1))
            found = best_latent_marginal(Conditional(weights, bias), X)
            assert Decimal(found.low) <= best <= Decimal(found.high)


def test_a_row_that_a_newcomer_alone_explains():
    """Where it did e^745 times better than all before it, numpy warned of a division by zero."""
    likelihood = np.array([[0.0, 1.0], [1.0, 0.0]])  # of two states, scaled by each row's best
    joined = marginal._joined(likelihood, np.array([1.0, 0.0]), np.array([0.0, 0.5]))
    # Each state explains one of the two rows: EM is there in one step.
    np.testing.assert_allclose(joined, [0.5, 0.5], rtol=1e-15)


def test_the_bound_of_rounding_stays_far_below_the_default_tolerance():
    """A bound that is always right, because it is huge, would certify nothing."""
    rng = np.random.default_rng(20121)
    layer = Conditional(rng.normal(size=(16, 784)), rng.normal(size=784))
    assert rounding(layer, 60_000) < 1e-8
    rows = rng.integers(0, 2, size=(30, 9)).astype(float)
    small = Conditional(rng.normal(size=(5, 9)), rng.normal(size=9))
    found = best_latent_marginal(small, rows, tol=1e-10)  # a warning is an error
    assert 0 < found.high - found.low <= 1e-10


def test_what_rounding_forbids_is_said():
    rng = np.random.default_rng(20121)
    layer = Conditional(1e4 * rng.normal(size=(3, 9)), 1e4 * rng.normal(size=9))
    X = rng.integers(0, 2, size=(8, 9)).astype(float)
    with pytest.warns(match=r"nats wide, .* of it for rounding, and tol=1e-14"):
        found = best_latent_marginal(layer, X, tol=1e-14)
    assert found.high - found.low < 1e-6


def test_too_many_states_and_parameters_too_large_are_refused():
    with pytest.raises(TooManyStates):
        best_latent_marginal(Conditional(np.zeros((25, 2)), np.zeros(2)), np.zeros((1, 2)))
    huge = Conditional(np.full((2, 3), 1e300), np.zeros(3))
    with pytest.raises(ValueError, match=r"sum to less than 2\*\*50"):
        best_latent_marginal(huge, np.zeros((2, 3)))
