"""What is true of every model, whatever its units are."""

import numpy as np
import pytest

from laws.models import SMALL, grid_of, rbm_of, rows_of
from layerwise.exceptions import Incompatible, TooManyStates
from layerwise.likelihood import marginal, mixtures, partition, plain, sampling
from layerwise.likelihood.gradient import minus_log_likelihood, model_moments
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.inputs import LayerInput
from layerwise.models.mixed import Mixed
from layerwise.models.rbm import RBMParams
from layerwise.models.states import states_of_units
from layerwise.models.units import BITS, Gaussian, Softmax, Spin
from layerwise.numerics.streams import DATA, Stream
from layerwise.trainers.exact import ExactGradient

STREAM = Stream(bytes(range(61, 77)))
every_kind = pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=lambda x: repr(x))
hidden_kinds = pytest.mark.parametrize("hidden", [BITS, Spin()], ids=repr)
LISTED = [(kind, n) for kind, n in SMALL if kind.factors(n) is not None]


def log_likelihood(model):
    """Return the function from rows to log p(x) of an RBM."""
    return mixtures.log_density(DBNParams((), model))


def dbn_of(kind, n_visible, rng, latent=BITS):
    """Return a deep belief network of three layers over such data."""
    bottom = rbm_of(kind, n_visible, rng, hidden=latent, n_hidden=4).conditional
    middle = rbm_of(latent, 4, rng, hidden=Spin(), n_hidden=3).conditional
    return DBNParams((bottom, middle), rbm_of(Spin(), 3, rng, n_hidden=2))


@every_kind
@hidden_kinds
def test_the_density_integrates_to_one(rng, kind, n_visible, hidden):
    points, weights = grid_of(kind, n_visible)
    log_p = log_likelihood(rbm_of(kind, n_visible, rng, hidden=hidden))
    assert weights @ np.exp(log_p(points)) == pytest.approx(1, abs=1e-12)


@every_kind
@hidden_kinds
def test_the_density_of_a_deep_model_integrates_to_one(rng, kind, n_visible, hidden):
    points, weights = grid_of(kind, n_visible)
    log_p = mixtures.log_density(dbn_of(kind, n_visible, rng, hidden))
    assert weights @ np.exp(log_p(points)) == pytest.approx(1, abs=1e-12)


@every_kind
def test_a_deep_model_s_likelihood_is_its_definition(rng, kind, n_visible):
    """p(x) = sum over all latent states of p(x | h1) p(h1 | h2) p(h2), by conditionals alone."""
    model = dbn_of(kind, n_visible, rng, Spin())
    X = rows_of(kind, n_visible, 20, rng)
    h1, h2 = states_of_units(Spin(), 4), states_of_units(Spin(), 3)
    top = -model.top.free_energy(h2)
    table = model.conditionals[1].log_probability(h1, h2) + top - np.logaddexp.reduce(top)
    log_h1 = np.logaddexp.reduce(table, axis=1)
    expected = model.conditionals[0].log_probability(X, h1) + log_h1
    np.testing.assert_allclose(
        mixtures.log_density(model)(X), np.logaddexp.reduce(expected, axis=1), rtol=1e-12
    )


@every_kind
@hidden_kinds
def test_free_energy_is_the_energy_marginalised(rng, kind, n_visible, hidden):
    model = rbm_of(kind, n_visible, rng, hidden=hidden)
    X, h = rows_of(kind, n_visible, 20, rng), states_of_units(hidden, 3)
    energy = np.stack([model.energy(X, np.tile(state, (20, 1))) for state in h])
    expected = -np.logaddexp.reduce(-energy, axis=0)
    np.testing.assert_allclose(model.free_energy(X), expected, rtol=1e-13, atol=1e-13)


@every_kind
def test_p_of_v_given_h_is_the_joint_over_its_sum(rng, kind, n_visible):
    model = rbm_of(kind, n_visible, rng, hidden=Spin())
    points, weights = grid_of(kind, n_visible)
    for state in states_of_units(Spin(), 3)[[0, 3, 6]]:
        joint = -model.energy(points, np.tile(state, (len(points), 1)))
        log_sum = np.log(weights @ np.exp(joint))
        found = model.conditional.log_probability(points, state[None])[:, 0]
        np.testing.assert_allclose(found, joint - log_sum, rtol=1e-12, atol=1e-11)


@every_kind
def test_permuting_hidden_units_changes_nothing(rng, kind, n_visible):
    model, order = rbm_of(kind, n_visible, rng), np.array([2, 0, 1])
    W, b, c, *rest = model.arrays()
    X = rows_of(kind, n_visible, 20, rng)
    permuted = model.replaced(W[order], b, c[order], *rest)
    np.testing.assert_allclose(
        log_likelihood(permuted)(X), log_likelihood(model)(X), rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize(("kind", "n_visible"), LISTED, ids=repr)
@hidden_kinds
def test_listing_either_layer_gives_the_same_sums(rng, kind, n_visible, hidden):
    for n_hidden in (2, 6):  # the smaller layer is the one above, then the one below
        model = rbm_of(kind, n_visible, rng, hidden=hidden, n_hidden=n_hidden)
        by_hidden, by_visible = (plain.log_sum(model, name) for name in ("hidden", "visible"))
        assert by_hidden == pytest.approx(by_visible, rel=1e-13)
        assert partition.log_z(model) == pytest.approx(by_hidden, rel=1e-13)
        one, other = plain.moments(model, "hidden"), plain.moments(model, "visible")
        for ours, theirs in zip(one, other):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
        for ours, theirs in zip(model_moments(model)[:4], one):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@every_kind
def test_blocks_of_states_change_nothing(rng, kind, n_visible, monkeypatch):
    model, X = rbm_of(kind, n_visible, rng), rows_of(kind, n_visible, 5, rng)
    whole = partition.log_z(model), log_likelihood(model)(X)
    monkeypatch.setattr("layerwise.models.states.STATES_AT_A_TIME", 3)
    np.testing.assert_allclose(partition.log_z(model), whole[0], rtol=1e-14)
    mixture = mixtures.Mixture(model.conditional, np.log(np.full(8, 1 / 8)))(X)
    expected = model.conditional.log_probability(X, states_of_units(BITS, 3))
    np.testing.assert_allclose(
        mixture, np.logaddexp.reduce(expected, axis=1) - np.log(8), rtol=1e-13
    )


@pytest.mark.parametrize(("kind", "n_visible"), LISTED, ids=repr)
@hidden_kinds
def test_gibbs_steps_leave_the_model_as_it_is(rng, kind, n_visible, hidden):
    model = rbm_of(kind, n_visible, rng, hidden=hidden)
    v, h = states_of_units(kind, n_visible), states_of_units(hidden, 3)
    up = np.exp(model.inference.log_probability(h, v)).T
    down = np.exp(model.conditional.log_probability(v, h)).T
    p = np.exp(log_likelihood(model)(v))
    # At most 36 x 8 products of probabilities, each to a few units in the last place.
    np.testing.assert_allclose(p @ up @ down, p, rtol=0, atol=1e-14)


@every_kind
@hidden_kinds
def test_exact_samples_and_chains_from_them_have_the_model_s_moments(rng, kind, n_visible, hidden):
    model = rbm_of(kind, n_visible, rng, hidden=hidden)
    points, weights = grid_of(kind, n_visible)
    p = weights * np.exp(log_likelihood(model)(points))
    n = 20_000
    exact = sampling.exact_states(model, n, STREAM, limit=20)
    for sample in (exact, model.gibbs(exact, STREAM.child("gibbs"), 4)):
        assert kind.check(sample) is sample
        for power in (1, 2):
            moment, second = (p @ points ** (power * k) for k in (1, 2))
            sigma = np.sqrt(np.maximum(second - moment**2, 0) / n)
            # 5 sigma of means of 20,000 draws.
            assert np.all(np.abs((sample**power).mean(axis=0) - moment) <= 5 * sigma + 1e-9)
        cross = np.einsum("ki,kj,k->ij", points, points, p)
        fourth = np.einsum("ki,kj,k->ij", points**2, points**2, p)
        sigma = np.sqrt(np.maximum(fourth - cross**2, 0) / n)
        assert np.all(np.abs(sample.T @ sample / n - cross) <= 5 * sigma + 1e-9)


@pytest.mark.parametrize("hidden", [BITS, Spin(), Mixed(((Spin(), 2), (BITS, 1)))], ids=repr)
@pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=repr)
def test_an_rbm_in_bits_is_the_same_rbm(rng, kind, n_visible, hidden):
    model = rbm_of(kind, n_visible, rng, hidden=hidden)
    bits, constant = model.in_bits()
    assert bits.hidden == BITS
    assert (bits.visible == BITS) == kind.is_binary
    X = rows_of(kind, n_visible, 30, rng)
    rows = model.conditional.bits_of(X)
    h = rows_of(hidden, 3, 30, rng)
    low, step = hidden.bits(3)
    np.testing.assert_allclose(
        -bits.energy(rows, (h - low) / step) + constant, -model.energy(X, h), rtol=1e-12
    )
    np.testing.assert_allclose(
        bits.free_energy(rows) - constant, model.free_energy(X), rtol=1e-12, atol=1e-12
    )
    assert model.in_bits()[0].in_bits()[1] == 0


def test_spins_are_drawn_as_the_bits_they_are(rng):
    """The same random numbers, so the same chains."""
    model = rbm_of(Spin(), 9, rng, hidden=Spin(), n_hidden=7)
    bits, _ = model.in_bits()
    spins = rows_of(Spin(), 9, 40, rng)
    chains = model.gibbs(spins, STREAM, 3)
    assert np.array_equal(chains, 2 * bits.gibbs((spins + 1) / 2, STREAM, 3) - 1)


@every_kind
@hidden_kinds
def test_the_exact_gradient_is_the_finite_difference(rng, kind, n_visible, hidden):
    model = rbm_of(kind, n_visible, rng, hidden=hidden)
    X = rows_of(kind, n_visible, 12, rng)
    value, gradients = minus_log_likelihood(model, X)
    assert value == pytest.approx(-log_likelihood(model)(X).mean(), abs=1e-12)
    h = 1e-5
    for k, (array, gradient) in enumerate(zip(model.arrays(), gradients, strict=True)):
        for at in np.ndindex(array.shape):
            if k == 3 and not kind.gaussian(n_visible)[at]:
                assert gradient[at] == 0
                continue
            values = []
            for sign in (1, -1):
                moved = [a.copy() for a in model.arrays()]
                moved[k][at] += sign * h
                values.append(-log_likelihood(model.replaced(*moved))(X).mean())
            # h^2 of truncation and 1e-15 / h of rounding, both about 1e-10.
            assert gradient[at] == pytest.approx((values[0] - values[1]) / (2 * h), abs=2e-9)


@every_kind
@hidden_kinds
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_exact_gradient_trains_all_units(rng, kind, n_visible, hidden, dtype):
    X = rows_of(kind, n_visible, 60, rng).astype(dtype)
    model = RBMParams.init(X, 3, STREAM, dtype, visible=kind, hidden=hidden)
    rows = LayerInput(X, units=kind)
    trainer = ExactGradient(n_passes=40, learning_rate=0.02, batch_size=30)
    passes = list(trainer.passes(model, rows, STREAM))
    assert {array.dtype for array in model.arrays()} == {np.dtype(dtype)}
    told = [done.log_likelihood for done in passes]
    assert told[-1] > told[0]
    assert told[-1] == pytest.approx(log_likelihood(model)(X).mean(), abs=1e-5)


@every_kind
@pytest.mark.parametrize("latent", [BITS, Spin()], ids=repr)
def test_no_deep_model_exceeds_the_best_latent_marginal(rng, kind, n_visible, latent):
    model, X = dbn_of(kind, n_visible, rng, latent), rows_of(kind, n_visible, 25, rng)
    best = marginal.best_latent_marginal(model.bottom, X, tol=1e-8)
    assert 0 <= best.high - best.low <= 1e-8
    assert mixtures.log_density(model)(X).mean() <= best.high
    reached = mixtures.Mixture(model.bottom, np.log(np.maximum(best.weights, 1e-300)))(X).mean()
    assert reached == pytest.approx(best.low, abs=1e-9)
    inference = rbm_of(kind, n_visible, rng, hidden=latent, n_hidden=4).inference
    inferred = marginal.log_inferred(inference, X)
    own = marginal.latent_marginal_bound(model.bottom, inferred, X)
    assert own.value <= best.high


@every_kind
def test_bits_do_not_depend_on_threads(rng, with_threads, kind, n_visible):
    model, X = dbn_of(kind, n_visible, rng), rows_of(kind, n_visible, 25, rng)

    def everything():
        single = rbm_of(kind, n_visible, np.random.default_rng(7))
        trained = single.astype(np.float64)
        rows = LayerInput(X, units=kind)
        list(ExactGradient(n_passes=2).passes(trained, rows, STREAM))
        return (
            mixtures.log_density(model)(X), trained.components, partition.log_z(single),
            sampling.exact_states(single, 50, STREAM, limit=20), single.gibbs(X, STREAM, 3),
        )  # fmt: skip

    one, *others = with_threads(everything)
    for other in others:
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


def test_limits_count_the_states_of_the_layer_that_is_listed():
    def zeros(n_visible, n_hidden, kind):
        arrays = np.zeros((n_hidden, n_visible)), np.zeros(n_visible), np.zeros(n_hidden)
        return RBMParams(*arrays, kind)

    with pytest.raises(TooManyStates, match=r"2\*\*40 states .* Give the hidden layer at most"):
        partition.log_z(zeros(2, 40, Gaussian()))
    with pytest.raises(TooManyStates, match=r"2\*\*31.7 states .* Give the smaller layer"):
        partition.log_z(zeros(60, 40, Softmax((3,) * 20)))
    with pytest.raises(TooManyStates, match=r"ExactGradient sums over 2\*\*21 states"):
        ExactGradient()._accept(zeros(2, 21, Gaussian()))
    # Five groups of three have 243 states.
    assert partition.log_z(zeros(15, 40, Softmax((3,) * 5))) == pytest.approx(
        5 * np.log(3) + 40 * np.log(2), rel=1e-14
    )
    assert sampling.exact_states(zeros(2, 21, Gaussian()), 3, STREAM, limit=20) is None


@pytest.mark.parametrize("hidden", ["gaussian", Softmax((2, 1)), "truncated_exponential"])
def test_hidden_units_without_two_states_are_refused(hidden):
    with pytest.raises(Incompatible, match=r"two of each.*hidden='spin'"):
        RBMParams(np.zeros((3, 2)), np.zeros(2), np.zeros(3), hidden=hidden)
    conditional = Conditional(np.zeros((3, 2)), np.zeros(2), latent=hidden)
    with pytest.raises(Incompatible, match="two states each"):
        mixtures.Mixture(conditional, np.zeros(8))


def test_variances_are_of_gaussian_units():
    arrays = np.zeros((3, 2)), np.zeros(2), np.zeros(3)
    assert np.array_equal(RBMParams(*arrays, "gaussian").log_variance, [0, 0])
    with pytest.raises(ValueError, match="log_variance is for Gaussian units"):
        RBMParams(*arrays, log_variance=np.zeros(2))
    with pytest.raises(ValueError, match=r"log_variance must have the shape \(2,\)"):
        RBMParams(*arrays, "gaussian", log_variance=np.zeros(3))
    model = RBMParams(*arrays, [("spin", 1), ("gaussian", 1)])
    assert [array.size for array in model.arrays()] == [6, 2, 3, 2]
    assert model.conditional.n_parameters == 6 + 2 + 1


def test_first_weights_are_in_units_of_the_data():
    X = np.random.default_rng(5).normal(size=(500, 3)) * [0.01, 1, 100] + 7
    model = RBMParams.init(X, 4, STREAM, visible="gaussian")
    plain_weights = RBMParams.init(X / X.std(axis=0), 4, STREAM, visible="gaussian")
    np.testing.assert_allclose(
        model.components * X.std(axis=0), plain_weights.components, rtol=1e-9
    )
    mean = model.visible_mean(np.zeros((1, 4)))[0]
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-9)
    constant = RBMParams.init(np.ones((9, 2)), 4, STREAM, visible="gaussian")
    assert np.array_equal(np.exp(constant.log_variance), [1, 1])


def test_means_of_bernoulli_columns_alone_are_drawn():
    kind = Mixed(((Gaussian(), 1), (BITS, 2)))
    X = np.array([[0.5, 0.5, 1.0]] * 200)
    rows = LayerInput(X, units=kind)
    assert not rows.are_states
    drawn = rows.draw(STREAM)
    assert set(np.unique(drawn[:, 1])) == {0, 1}
    assert np.array_equal(drawn[:, [0, 2]], X[:, [0, 2]])
    assert LayerInput(X[:, :1], units=Gaussian()).are_states
    model = rbm_of(kind, 3, np.random.default_rng(7))
    above = rows.above(model.inference)
    assert np.array_equal(
        above.draw(STREAM), model.inference.sample(drawn, STREAM, step=1, lane=DATA)
    )
