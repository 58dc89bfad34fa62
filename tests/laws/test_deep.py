"""What must be true of exact posteriors, and of the gradients of deep likelihoods."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from laws import models
from layerwise.exceptions import Diverged, Incompatible, TooManyStates
from layerwise.likelihood.deep import bound_gradient, minus_log_likelihood
from layerwise.likelihood.marginal import (
    best_latent_marginal,
    latent_marginal_bound,
    log_aggregated_posterior,
)
from layerwise.likelihood.mixtures import Mixture, latent_log_marginals, log_density
from layerwise.likelihood.posterior import Posterior
from layerwise.models.chain import AutoEncoderParams, Chain, Encoder
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.inputs import LayerInput
from layerwise.models.latent import LatentParams
from layerwise.models.states import states_of_units
from layerwise.models.units import BITS, Spin
from layerwise.numerics.streams import STATE, Stream
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import PCD
from layerwise.trainers.latent import (
    BoundAscent,
    LikelihoodAscent,
    MarginalAscent,
)
from layerwise.trainers.smoothing import flipped, log_with_broad

STREAM = Stream(bytes(range(31, 47)))
PLAIN = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant"}
# Below the top: latent layers, then the top's hidden one.
DEPTHS = [(4, 3), (5, 3, 4), (3, 4, 2, 3)]


def conditional_of(kind, n_visible, n_latent, rng, *, latent=BITS, scale=0.7):
    """Return p(x | h) with variances near 1, from an RBM that has it."""
    return models.rbm_of(
        kind, n_visible, rng, hidden=latent, n_hidden=n_latent, scale=scale
    ).conditional


def deep_of(kind, n_visible, sizes, rng, *, latent=BITS, scale=0.7):
    """Return a deep model with data of a type and latent layers of another."""
    below = [conditional_of(kind, n_visible, sizes[0], rng, latent=latent, scale=scale)]
    for n_below, n_above in pairwise(sizes[:-1]):
        below.append(conditional_of(latent, n_below, n_above, rng, latent=latent, scale=scale))
    top = models.rbm_of(latent, sizes[-2], rng, n_hidden=sizes[-1], scale=scale)
    return DBNParams(tuple(below), top)


def differences(objective, arrays, h):
    """Return the central differences of an objective by all values of some arrays, in place."""
    for array in arrays:
        slopes = np.empty(array.shape)
        for at in np.ndindex(array.shape):
            before = array[at]
            values = []
            for sign in (1, -1):
                array[at] = before + sign * h
                values.append(objective())
            array[at] = before
            slopes[at] = (values[0] - values[1]) / (2 * h)
        yield slopes


def assert_slopes(objective, arrays, gradients, scale):
    """Gradients equal central differences, whose rounding grows with the objective."""
    h = 1e-5 * max(1, scale)
    # Rounding of the objective over the step, and the third derivative, which such steps see.
    atol = 1e-6 + 4e-16 * abs(objective()) / h
    for gradient, slopes in zip(gradients, differences(objective, arrays, h), strict=True):
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=atol)


# The exact posterior. ----------------------------------------------------------------------------


def listed_posterior(conditional, log_marginal, X):
    """Return p(h | x) by the table of all rows and states, and log p(x)."""
    states = states_of_units(conditional.latent, conditional.n_latent)
    joint = conditional.log_probability(X, states) + log_marginal
    top = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, (np.log(total) + top)[:, 0], states


@pytest.mark.parametrize("scale", [0.1, 1, 10, 30, 100])
@pytest.mark.parametrize("latent", [BITS, Spin()], ids=repr)
@pytest.mark.parametrize(("kind", "n_visible"), models.SMALL)
def test_the_posterior_is_that_of_the_listed_states(rng, kind, n_visible, latent, scale):
    conditional = conditional_of(kind, n_visible, 5, rng, latent=latent, scale=scale)
    X = models.rows_of(kind, n_visible, 11, rng)
    log_marginal = scale * rng.normal(size=2**5)
    expected, likelihood, states = listed_posterior(conditional, log_marginal, X)
    posterior = Posterior(conditional, log_marginal)
    weights = rng.random(11)
    weights /= weights.sum()
    found, means, aggregated = posterior.expectations(X, weights)
    # Exponents are rounded, and a relative error of a weight is the rounding of its exponent.
    atol = 1e-13 * max(1.0, np.abs(likelihood).max())
    np.testing.assert_allclose(found, likelihood, rtol=0, atol=atol)
    np.testing.assert_allclose(posterior.mean(X), expected @ states, rtol=0, atol=10 * atol)
    low, step = latent.bits(5)
    np.testing.assert_allclose(low + step * means, expected @ states, rtol=0, atol=10 * atol)
    np.testing.assert_allclose(aggregated, weights @ expected, rtol=0, atol=atol)


@pytest.mark.parametrize("scale", [0.3, 3, 40])
def test_draws_of_the_posterior_pass_a_chi_square_test(rng, scale):
    conditional = conditional_of(BITS, 6, 5, rng, scale=scale)
    log_marginal = rng.normal(size=2**5)
    row = models.rows_of(BITS, 6, 1, rng)
    n = 20_000
    (expected,), _, _ = listed_posterior(conditional, log_marginal, row)
    posterior = Posterior(conditional, log_marginal)
    drawn = posterior.sample(np.repeat(row, n, axis=0), STREAM, step=0, lane=STATE)
    counts = np.bincount((drawn @ 2 ** np.arange(5)).astype(int), minlength=2**5)
    # Classes of at least 5 expected draws; the others, together, are one class.
    often = n * expected >= 5
    seen = np.append(counts[often], counts[~often].sum())
    asked = np.append(n * expected[often], n * expected[~often].sum())
    seen, asked = seen[asked > 1e-9], asked[asked > 1e-9]
    assert counts[~often].sum() <= 20 + 3 * n * expected[~often].sum()
    statistic = np.sum((seen - asked) ** 2 / asked)
    # One false alarm in a million.
    assert statistic <= chi2.ppf(1 - 1e-6, max(len(asked) - 1, 1)) + 1e-9


def test_a_draw_is_a_function_of_the_row_and_its_address(rng, with_threads):
    conditional = conditional_of(BITS, 9, 6, rng, scale=3)
    posterior = Posterior(conditional, rng.normal(size=2**6))
    X = models.rows_of(BITS, 9, 1100, rng)
    one, *others = with_threads(lambda: posterior.sample(X, STREAM, step=1, lane=STATE))
    for other in others:
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(posterior.sample(X[:7], STREAM, step=1, lane=STATE), one[:7])
    assert np.any(posterior.sample(X, STREAM, step=2, lane=STATE) != one)
    assert posterior.sample(X[:0], STREAM, step=1, lane=STATE).shape == (0, 6)
    assert posterior.mean(X[:0]).shape == (0, 6)


# Gradients. --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.1, 1, 10, 30])
@pytest.mark.parametrize("sizes", DEPTHS, ids=str)
@pytest.mark.parametrize("latent", [BITS, Spin()], ids=repr)
def test_the_deep_gradient_is_that_of_the_likelihood(rng, latent, sizes, scale):
    deep = deep_of(BITS, 6, sizes, rng, latent=latent, scale=scale)
    X = models.rows_of(BITS, 6, 8, rng)
    value, gradients = minus_log_likelihood(deep, X)
    assert value == pytest.approx(-log_density(deep)(X).mean(), rel=1e-12)
    assert_slopes(lambda: -log_density(deep)(X).mean(), deep.arrays(), gradients, scale)


@pytest.mark.parametrize("scale", [0.5, 3])
@pytest.mark.parametrize(("kind", "n_visible"), models.SMALL)
def test_the_deep_gradient_by_all_types_of_data(rng, kind, n_visible, scale):
    deep = deep_of(kind, n_visible, (4, 3), rng, scale=scale)
    X = models.rows_of(kind, n_visible, 8, rng)
    _, gradients = minus_log_likelihood(deep, X)
    moved = list(deep.arrays())
    if deep.log_variance is not None:  # of other units it is no parameter
        fixed = ~kind.gaussian(n_visible)
        assert np.all(gradients[2][fixed] == 0)

        def objective():
            return -log_density(deep)(X).mean()

        slopes = []
        for at in np.flatnonzero(~fixed):
            (slope,) = differences(objective, [deep.log_variance[at : at + 1]], 1e-5)
            slopes.append(slope[0])
        np.testing.assert_allclose(gradients[2][~fixed], slopes, rtol=1e-6, atol=1e-6)
        del moved[2], gradients[2]
    assert_slopes(lambda: -log_density(deep)(X).mean(), moved, gradients, scale)


@pytest.mark.parametrize("scale", [0.1, 1, 10, 30])
def test_the_gradient_of_the_bound(rng, scale):
    conditional = conditional_of(BITS, 6, 4, rng, scale=scale)
    fields, X = scale * rng.normal(size=(9, 4)), models.rows_of(BITS, 6, 9, rng)
    value, gradients, by_fields = bound_gradient(conditional, fields, X)

    def objective():
        return -Mixture(conditional, log_aggregated_posterior(fields))(X).mean()

    assert value == pytest.approx(objective(), rel=1e-12)
    arrays = [*conditional.arrays(), fields]
    assert_slopes(objective, arrays, [*gradients, by_fields], scale)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("kind", "n_visible"), models.SMALL)
def test_a_step_of_the_bound_is_that_of_encoder_and_decoder(rng, kind, n_visible, tied):
    sizes = (n_visible, 4, n_visible) if tied else (n_visible, 5, 4, n_visible)
    chain = Chain.init(
        sizes, ("sigmoid",) * (len(sizes) - 2), STREAM, tied=((0, 1),) if tied else (),
        outputs=kind,
    )  # fmt: skip
    model = AutoEncoderParams(chain, len(sizes) - 2)
    X = models.rows_of(kind, n_visible, 9, rng)
    model.start_at(X)
    before = chain.parameters.copy()

    def objective():
        fields = Encoder(chain, 0, model.code).field(X)
        inferred = log_aggregated_posterior(fields)
        return -latent_marginal_bound(model.conditional, inferred, X).value

    (slopes,) = differences(objective, [chain.parameters], 1e-5)
    if chain.log_variance is not None:
        slopes[-n_visible:][~kind.gaussian(n_visible)] = 0
    trainer = BoundAscent(learning_rate=0.5, n_passes=1, **PLAIN)
    (only,) = trainer.passes(model, LayerInput(X, units=kind), STREAM)
    assert only.objective == pytest.approx(-Mixture(
        AutoEncoderParams(with_parameters(chain, before), model.code).conditional,
        log_aggregated_posterior(
            Encoder(with_parameters(chain, before), 0, model.code).field(X)
        ),
    )(X).mean(), rel=1e-12)  # fmt: skip
    found = (before - chain.parameters) / 0.5
    np.testing.assert_allclose(found, slopes, rtol=1e-6, atol=1e-6)


def with_parameters(chain, parameters):
    return Chain(parameters, chain.sizes, chain.activations, chain.tied, chain.outputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_deep_gradient_does_not_depend_on_threads(rng, with_threads, dtype):
    deep = deep_of(BITS, 12, (9, 7, 5), rng)
    deep = DBNParams(tuple(c.astype(dtype) for c in deep.conditionals), deep.top.astype(dtype))
    X = models.rows_of(BITS, 12, 40, rng)
    one, *others = with_threads(lambda: minus_log_likelihood(deep, X))
    for other in others:
        assert one[0] == other[0]
        for a, b in zip(one[1], other[1]):
            np.testing.assert_array_equal(a, b)


# Ascent. -----------------------------------------------------------------------------------------


def tea_like(rng, n_rows=60, n_visible=12):
    """Rows with structure: prototypes, a tenth of whose units are flipped."""
    prototypes = rng.random((4, n_visible)) < 0.5
    rows = prototypes[rng.integers(4, size=n_rows)] ^ (rng.random((n_rows, n_visible)) < 0.1)
    return rows.astype(float)


def objectives(trainer, model, X):
    return np.array([each.objective for each in trainer.passes(model, LayerInput(X), STREAM)])


@pytest.mark.parametrize("sizes", DEPTHS, ids=str)
def test_small_steps_on_all_rows_never_lower_the_likelihood(rng, sizes):
    deep, X = deep_of(BITS, 12, sizes, rng), tea_like(rng)
    trainer = LikelihoodAscent(learning_rate=0.02, batch_size=60, n_passes=60, **PLAIN)
    told = objectives(trainer, deep, X)
    assert np.all(np.diff(told) < 0)
    assert -log_density(deep)(X).mean() < told[-1]


def test_small_steps_on_all_rows_never_lower_the_bound(rng):
    X = tea_like(rng)
    chain = Chain.init((12, 8, 4, 12), ("sigmoid",) * 2, STREAM, outputs=BITS)
    model = AutoEncoderParams(chain, 2)
    told = objectives(BoundAscent(learning_rate=0.02, n_passes=60, **PLAIN), model, X)
    assert np.all(np.diff(told) < 0)


def latent_model(rng, X, n_latent=4):
    conditional = conditional_of(BITS, X.shape[1], n_latent, rng)
    return LatentParams(conditional, np.full(2**n_latent, -n_latent * np.log(2)))


def test_small_steps_on_all_rows_never_lower_the_latent_likelihood(rng):
    # EM on the weights cannot lower it either; without a floor, nothing else happens.
    X = tea_like(rng)
    model = latent_model(rng, X)
    trainer = MarginalAscent(
        learning_rate=0.02,
        batch_size=60,
        n_passes=60,
        smoothing=0.0,
        broad=0.0,
        early_stopping=False,
        **PLAIN,
    )
    told = objectives(trainer, model, X)
    assert np.all(np.diff(told) < 0)
    assert np.exp(model.log_marginal).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.04])
def test_the_best_latent_marginal_ends_above_its_start(rng, smoothing):
    X = tea_like(rng)
    model = latent_model(rng, X)
    before = best_latent_marginal(model.conditional, X, tol=1e-6)
    trainer = MarginalAscent(
        learning_rate=0.01, n_passes=150, smoothing=smoothing, broad=1e-3, early_stopping=False
    )
    told = objectives(trainer, model, X)
    after = best_latent_marginal(model.conditional, X, tol=1e-6)
    assert after.low > before.high + 0.5
    # Its own weights are near the best, but for what is smoothed away, and the broad part.
    if smoothing == 0:
        assert -told[-1] == pytest.approx(after.value, abs=0.1)
    assert -told[-1] < after.high


def test_the_theorem_after_the_whole_is_trained(rng):
    # No deep model on a bottom exceeds its best latent marginal, however it was trained.
    deep, X = deep_of(BITS, 12, (5, 6), rng), tea_like(rng)
    objectives(LikelihoodAscent(learning_rate=0.02, n_passes=100), deep, X)
    best = best_latent_marginal(deep.bottom, X, tol=1e-4)
    value = log_density(deep)(X).mean()
    assert value < best.high
    # The theorem: within the divergence of the best latent marginal from the top.
    support = best.weights > 0
    log_p = latent_log_marginals(deep)[0]
    divergence = best.weights[support] @ (np.log(best.weights[support]) - log_p[support])
    assert best.value - value <= divergence + 1e-4


@pytest.mark.parametrize("trainer", [LikelihoodAscent, MarginalAscent])
def test_the_best_parameters_on_held_out_rows_are_kept(rng, trainer):
    X = tea_like(rng, n_rows=40)
    model = deep_of(BITS, 12, (4, 5), rng)
    only = {}
    if trainer is MarginalAscent:
        model, only = latent_model(rng, X), {"n_final_passes": 0}
    trainer = trainer(
        learning_rate=0.3, n_passes=80, early_stopping=True, validation_fraction=0.25,
        n_passes_no_change=5, schedule="constant", **only,
    )  # fmt: skip
    done = list(trainer.passes(model, LayerInput(X), STREAM))
    told = np.array([each.validation for each in done])
    assert len(done) < 80
    assert np.argmax(told) == len(done) - 6
    order = STREAM.child("validation").generator().permutation(40)
    held = X[np.sort(order[:10])]
    state = type("State", (), {"model": model})
    assert trainer._likelihood(state, held) == told.max()


def test_the_final_passes_see_all_rows(rng):
    X = tea_like(rng, n_rows=40)
    trainer = MarginalAscent(
        learning_rate=0.1, n_passes=60, n_passes_no_change=5, validation_fraction=0.25,
        schedule="constant", n_final_passes=0,
    )  # fmt: skip
    stopped, finished = latent_model(np.random.default_rng(7), X), None
    before = list(trainer.passes(stopped, LayerInput(X), STREAM))
    best = np.argmax([each.validation for each in before])
    for asked, taken in ((4, 4), (1000, best + 1)):
        finished = latent_model(np.random.default_rng(7), X)
        trainer.set_params(n_final_passes=asked)
        done = list(trainer.passes(finished, LayerInput(X), STREAM))
        assert done[: len(before)] == before
        assert len(done) == len(before) + taken
        assert [each.index for each in done] == list(range(len(done)))
        assert np.all(np.isnan([each.validation for each in done[len(before) :]]))
    # On all rows, the held-out ones too, they end above where it had stopped.
    values = [trainer._likelihood(SimpleNamespace(model=m), X) for m in (stopped, finished)]
    assert values[1] > values[0]


@pytest.mark.parametrize("probability", [0.0, 0.04, 0.5])
def test_each_unit_of_a_state_is_flipped_on_its_own(rng, probability):
    marginal = rng.dirichlet(np.ones(16))
    states = states_of_units(BITS, 4)
    apart = np.abs(states[:, None] - states).sum(axis=2)
    chance = probability**apart * (1 - probability) ** (4 - apart)
    np.testing.assert_allclose(flipped(marginal, probability), chance @ marginal, rtol=1e-12)


def test_no_weights_die_and_none_are_made_up():
    marginal = np.zeros(8)
    marginal[[3, 5]] = 2.0, 6.0
    log_weights = log_with_broad(marginal, 0.1)
    weights = np.exp(log_weights)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights.min() > 0
    # Bits of 3 are 1, 1, 0 and of 5 are 1, 0, 1: bit 0 is on, bit 1 in a quarter of the rows.
    assert weights[3] == pytest.approx(0.9 / 4 + 0.1 * 0.999 * 0.25 * 0.25)
    np.testing.assert_allclose(np.exp(log_with_broad(marginal, 0.0))[[3, 5]], [0.25, 0.75])


# What cannot be. ---------------------------------------------------------------------------------


def test_too_many_states_are_refused_before_any_work(rng):
    X = tea_like(rng, n_visible=3)
    big = Conditional(np.zeros((21, 3)), np.zeros(3))
    # Their tables would take hours; the parameters are checked first.
    for trainer, model in (
        (LikelihoodAscent(), DBNParams((big,), models.rbm(rng, 21, 2, 0.1))),
        (MarginalAscent(), LatentParams(big, np.zeros(2))),
    ):
        with pytest.raises(
            TooManyStates, match=r"asks for 2\*\*21 states.*Use fewer latent units"
        ):
            next(trainer.passes(model, LayerInput(X), STREAM))
    wide = (
        Conditional(np.zeros((16, 3)), np.zeros(3)),
        Conditional(np.zeros((16, 16)), np.zeros(16)),
    )
    deep = DBNParams(wide, models.rbm(rng, 16, 2, 0.1))
    with pytest.raises(TooManyStates, match=r"on two latent layers asks for 2\*\*32 states"):
        next(LikelihoodAscent().passes(deep, LayerInput(X), STREAM))


def test_the_bound_asks_for_what_it_can_train(rng):
    X = tea_like(rng)
    deep = Chain.init((12, 4, 8, 12), ("sigmoid",) * 2, STREAM, outputs=BITS)
    with pytest.raises(Incompatible, match="a decoder of one layer"):
        next(BoundAscent().passes(AutoEncoderParams(deep, 1), LayerInput(X), STREAM))
    plain = Chain.init((12, 4, 12), ("sigmoid",), STREAM, outputs=BITS)
    model = AutoEncoderParams(plain, 1, corruption=0.2)
    with pytest.raises(Incompatible, match=r"corruption=0.2 hides"):
        next(BoundAscent().passes(model, LayerInput(X), STREAM))
    with pytest.raises(Incompatible, match=r"Use after=Backprop\(\)"):
        BoundAscent(PCD()).check()
    with pytest.raises(ValueError, match="'n_passes' parameter of Backprop"):
        BoundAscent(Backprop(n_passes=0)).check()


def test_rates_that_are_too_high_are_said(rng):
    X = tea_like(rng)
    deep = deep_of(BITS, 12, (4, 3), rng)
    with pytest.raises(Diverged, match="LikelihoodAscent left the finite numbers"):
        objectives(LikelihoodAscent(learning_rate=1e12, **PLAIN), deep, X)


def test_early_stopping_asks_for_rows_on_both_sides(rng):
    X = tea_like(rng, n_rows=2)
    trainer = MarginalAscent(validation_fraction=0.9, early_stopping=True)
    with pytest.raises(ValueError, match=r"validation_fraction=0\.9 of 2 rows are all"):
        next(trainer.passes(latent_model(rng, X), LayerInput(X), STREAM))
    with pytest.raises(ValueError, match="'validation_fraction' parameter"):
        MarginalAscent(validation_fraction=1.5).check()
