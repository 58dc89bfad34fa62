"""Certified to the last bit: brackets of the best latent marginal against wider arithmetic."""

import decimal
from decimal import Decimal

import numpy as np
import pytest
from laws.models import SMALL, rbm_of, rows_of

from layerwise import best_latent_marginal
from layerwise.exceptions import TooManyStates
from layerwise.likelihood import active_set
from layerwise.likelihood.rounding import rounding
from layerwise.models.conditional import Conditional
from layerwise.models.mixed import Mixed
from layerwise.models.states import states_of_units
from layerwise.models.units import BITS, Gaussian, Softmax, Spin, TruncatedExponential
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


def wide_log_partition(kind, field, z):
    """Return the log-partition of each row of fields, in long double."""
    if isinstance(kind, Mixed):
        return sum(wide_log_partition(part, field[:, h], z[h]) for part, h in kind._slices())
    if isinstance(kind, Spin):
        return np.logaddexp(field, -field).sum(axis=1)
    if isinstance(kind, Gaussian):
        terms = np.exp(z) * field**2 / 2 + (np.log(2 * WIDE(np.pi)) + z) / 2
        # pi of long double, whose last digits numpy's is short of
        return (terms + WIDE("1.2246467991473532e-16") / (2 * WIDE(np.pi))).sum(axis=1)
    if isinstance(kind, TruncatedExponential):
        size = np.maximum(np.abs(field), WIDE(1e-300))
        return (np.maximum(field, 0) + np.log(-np.expm1(-size) / size)).sum(axis=1)
    if isinstance(kind, Softmax):
        cuts = np.cumsum(kind.sizes)[:-1]
        return sum(np.logaddexp.reduce(part, axis=1) for part in np.split(field, cuts, axis=1))
    return (np.maximum(field, 0) + np.log1p(np.exp(-np.abs(field)))).sum(axis=1)


def log_probability_of_any(layer, X):
    """Return log p(x | h) for all rows and states of any units, in long double."""
    h = states_of_units(layer.latent, layer.n_latent).astype(WIDE)
    field = layer.bias.astype(WIDE) + np.einsum("hj,ji->hi", h, layer.weights.astype(WIDE))
    z = np.zeros(layer.n_visible, WIDE)
    base = np.zeros(len(X), WIDE)
    if layer.log_variance is not None:
        z = layer.log_variance.astype(WIDE)
        gaussian = layer.visible.gaussian(layer.n_visible)
        base = -np.sum(np.where(gaussian, X.astype(WIDE) ** 2 / (2 * np.exp(z)), 0), axis=1)
    partition = wide_log_partition(layer.visible, field, z)
    return np.einsum("xi,hi->xh", X.astype(WIDE), field) - partition + base[:, None]


def wide_bracket(layer, X, weights, steps=60, log_p=None, of_rows=None):
    """Return what the weights reach, and EM's own bracket from there on, in long double."""
    log_p = log_probability(layer, X) if log_p is None else log_p
    shares = np.ones(len(X), WIDE) if of_rows is None else of_rows.astype(WIDE)
    shares /= shares.sum()
    scale = log_p.max(axis=1)
    p = np.exp(log_p - scale[:, None])
    weights = weights.astype(WIDE) / weights.astype(WIDE).sum()
    reached = np.sum(shares * (np.log(p @ weights) + scale))
    weights = (weights + WIDE(1e-25)) / (1 + WIDE(1e-25) * len(weights))
    low, high = -np.inf, np.inf
    for _ in range(steps):
        density = p @ weights
        gain = (shares[:, None] * p / density[:, None]).sum(axis=0)
        here = np.sum(shares * (np.log(density) + scale))
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


@pytest.mark.filterwarnings("ignore:The bracket:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("spread", [0.1, 1, 30])
@pytest.mark.parametrize("scale", [0.01, 1, 30, 1000])
def test_the_bracket_of_weighted_rows_holds_too(rng, scale, spread):
    for _ in range(10):
        n_latent, n_visible = rng.integers(1, 7), rng.integers(1, 14)
        layer = Conditional(
            scale * rng.normal(size=(n_latent, n_visible)), scale * rng.normal(size=n_visible)
        )
        X = rng.integers(0, 2, size=(rng.integers(1, 30), n_visible)).astype(float)
        of_rows = np.exp(spread * rng.normal(size=len(X)))
        found = best_latent_marginal(layer, X, tol=1e-11, sample_weight=of_rows)
        reached, low, high = wide_bracket(layer, X, found.weights, of_rows=of_rows)
        assert found.low <= reached
        assert found.low <= high
        assert found.high >= low


@pytest.mark.filterwarnings("ignore:The bracket:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("latent", [BITS, Spin()], ids=repr)
@pytest.mark.parametrize("scale", [0.1, 1, 30, 1000])
@pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=repr)
def test_the_bracket_of_any_units_holds_too(rng, kind, n_visible, scale, latent):
    for _ in range(5):
        model = rbm_of(kind, n_visible, rng, hidden=latent, n_hidden=int(rng.integers(1, 6)))
        W, b, _, *rest = (array.copy() for array in model.arrays())
        layer = Conditional(scale * W, scale * b, kind, latent, *rest)
        X = rows_of(kind, n_visible, int(rng.integers(1, 20)), rng)
        found = best_latent_marginal(layer, X, tol=1e-11)
        log_p = log_probability_of_any(layer, X)
        reached, low, high = wide_bracket(layer, X, found.weights, log_p=log_p)
        assert found.low <= reached
        assert found.low <= high
        assert found.high >= low


@pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=repr)
def test_the_bound_holds_each_conditional_probability(rng, kind, n_visible):
    """And is no more than a few thousand times what rounding does."""
    model = rbm_of(kind, n_visible, rng, hidden=Spin(), n_hidden=5, scale=3)
    X = rows_of(kind, n_visible, 30, rng)
    exact = log_probability_of_any(model.conditional, X)
    bits, rows = model.conditional.in_bits(), model.conditional.bits_of(X)
    found = bits.latent_field(rows) @ states_of_units(BITS, 5).T - bits.state_part()
    error = np.abs(found + bits.row_part(rows)[:, None] - exact).max()
    assert 0 < error < rounding(model.conditional, 1, X) < 1e-9


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
    joined = active_set._joined(likelihood, np.array([1.0, 0.0]), np.array([0.0, 0.5]))
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
