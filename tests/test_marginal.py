"""The best latent marginal: its bracket, and what the theory says about it."""

import tracemalloc

import numpy as np
import pytest
from laws.models import dbn
from scipy import sparse
from scipy.optimize import minimize

from layerwise import (
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    ExactGradient,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
    log_pseudolikelihood,
    scorers,
)
from layerwise.datasets import load_tea
from layerwise.exceptions import TooManyStates
from layerwise.likelihood import active_set, marginal, mixtures, sampled
from layerwise.models.conditional import Conditional
from layerwise.numerics import rows as numerics_rows
from layerwise.numerics.enumerate import all_states
from layerwise.numerics.streams import CODE, Stream


def conditional(rng, n_latent, n_visible, scale):
    return Conditional(
        scale * rng.normal(size=(n_latent, n_visible)), scale * rng.normal(size=n_visible)
    )


def rows(rng, n_rows, n_visible):
    return rng.integers(0, 2, size=(n_rows, n_visible)).astype(float)


def plain_em(layer, X, steps):
    """Return L(Q) after many steps of EM: slow, short, and another algorithm."""
    log_p = layer.log_probability(X, all_states(layer.n_latent))
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    weights = np.full(p.shape[1], 1 / p.shape[1])
    for _ in range(steps):
        weights *= (p / (p @ weights)[:, None]).mean(axis=0)
    return np.mean(np.log(p @ weights) + log_p.max(axis=1))


@pytest.mark.parametrize("scale", [0.3, 1, 3, 30])
@pytest.mark.parametrize("n_latent", [1, 2, 5, 8])
def test_the_bracket_closes_around_what_em_approaches(rng, n_latent, scale):
    layer, X = conditional(rng, n_latent, 9, scale), rows(rng, 25, 9)
    found = best_latent_marginal(layer, X, tol=1e-9)
    assert 0 <= found.high - found.low <= 1e-9
    below = plain_em(layer, X, 2000)
    assert below <= found.high + 1e-12
    # EM's own bracket shrinks like 1/t: after 2,000 steps it is within 1e-3.
    assert below >= found.low - 1e-3


@pytest.mark.parametrize("scale", [0.1, 0.3, 1, 3, 30, 300])
def test_a_few_rounds_of_second_order_are_enough(rng, monkeypatch, scale):
    # There are six times as many states as rows, so that most columns are nearly dependent; and
    # at large scales p(x | h) underflows where it counts least. Either once took dozens of rounds.
    monkeypatch.setattr(active_set, "ROUNDS", 15)
    layer, X = conditional(rng, 8, 9, scale), rows(rng, 40, 9)
    found = best_latent_marginal(layer, X, tol=1e-9)  # a warning is an error
    assert found.high - found.low <= 1e-9


def test_more_clusters_than_the_first_support_and_the_newcomers(rng, monkeypatch):
    # States' means are far apart, and each row is explained by its own state alone: the maximum
    # is that of the frequencies of the states among the rows.
    monkeypatch.setattr(active_set, "FIRST", 20)
    monkeypatch.setattr(active_set, "NEWCOMERS", 20)
    monkeypatch.setattr(active_set, "WARM_UP", 1)
    h = all_states(9)[rng.integers(0, 2**9, size=300)]
    X = np.hstack([h] * 7)
    layer = Conditional(30 * np.hstack([np.eye(9)] * 7), np.full(63, -15.0))
    found = best_latent_marginal(layer, X, tol=1e-6)
    counts = np.unique(h, axis=0, return_counts=True)[1]
    # Of 63 features each misses with odds of exp(-15).
    expected = np.sum(counts * np.log(counts / 300)) / 300 - 63 * np.logaddexp(0, -15)
    assert found.low - 1e-6 <= expected <= found.high + 1e-6


def test_an_independent_optimiser_finds_the_same_value(rng):
    layer, X = conditional(rng, 3, 6, 1.5), rows(rng, 12, 6)
    p = np.exp(layer.log_probability(X, all_states(3)))

    def loss(weights):
        return -np.mean(np.log(p @ weights))

    def slope(weights):
        return -(p / (p @ weights)[:, None]).mean(axis=0)

    result = minimize(
        loss,
        np.full(8, 1 / 8),
        jac=slope,
        bounds=[(0, 1)] * 8,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    found = best_latent_marginal(layer, X, tol=1e-10)
    # SLSQP stops where its own steps no longer count; its constraint holds to about 1e-10.
    assert -result.fun == pytest.approx(found.value, abs=1e-8)


def test_weights_reach_the_value_and_are_a_distribution(rng):
    layer, X = conditional(rng, 7, 10, 2.0), rows(rng, 30, 10)
    found = best_latent_marginal(layer, X, tol=1e-6)
    assert found.weights.shape == (2**7,)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1, abs=1e-12)
    with np.errstate(divide="ignore"):
        reached = mixtures.Mixture(layer, np.log(found.weights))(X).mean()
    assert reached == pytest.approx(found.low, abs=1e-11)


@pytest.mark.parametrize("sizes", [(8, 5, 4), (8, 4, 5, 3)])
@pytest.mark.parametrize("scale", [0.5, 2, 20])
def test_no_model_on_the_same_bottom_exceeds_it(rng, sizes, scale):
    model, X = dbn(rng, sizes, scale), rows(rng, 20, sizes[0])
    found = best_latent_marginal(model.conditionals[0], X)
    assert mixtures.log_density(model)(X).mean() <= found.high


@pytest.mark.parametrize("scale", [0.5, 2, 20, 200])
def test_aggregated_posterior_is_the_mean_of_products(rng, scale):
    fields = scale * rng.normal(size=(11, 6))
    h = all_states(6)
    log_q = (fields @ h.T) - np.logaddexp(0, fields).sum(axis=1, keepdims=True)
    expected = np.logaddexp.reduce(log_q, axis=0) - np.log(11)
    np.testing.assert_allclose(
        marginal.log_aggregated_posterior(fields), expected, rtol=1e-13, atol=1e-13
    )


@pytest.fixture(scope="module")
def tea():
    return load_tea(random_state=20121)


@pytest.fixture(scope="module")
def trained(tea):
    """A deep model on Tea, trained well enough that its numbers mean something."""
    layers = [
        AutoEncoder(8, encoder_layer_sizes=(60,), trainer=Backprop(n_passes=300)),
        RBM(8, trainer=ExactGradient(n_passes=300)),
    ]
    return DBN(layers, random_state=20121).fit(tea.train)


def test_the_layer_s_own_inference_stays_below_the_best_marginal(trained, tea):
    for X in (tea.train, tea.valid):
        own = latent_marginal_bound(trained.layers_[0], X)
        best = best_latent_marginal(trained, X, tol=1e-6)
        assert own.value <= best.high


def test_the_theorem_holds_on_a_trained_model(trained, tea):
    # Arnold and Ollivier (2013): with Qhat the best latent marginal, the deep model's likelihood
    # is within KL(Qhat || P_J) of U_D, and so of the best deep model on this bottom.
    best = best_latent_marginal(trained, tea.train, tol=1e-8)
    support = best.weights > 0
    top = mixtures.latent_log_marginals(trained.model_)[0]
    kl = np.sum(best.weights[support] * (np.log(best.weights[support]) - top[support]))
    gap = best.high - trained.score(tea.train)
    assert 0 <= gap <= kl + 1e-6  # the proof needs the fixed point of EM: reached within tol


def test_a_layer_alone_has_the_likelihood_of_its_aggregated_inference(trained, tea):
    layer = trained.layers_[0]
    own = latent_marginal_bound(layer, tea.valid, X_inference=tea.train)
    assert layer.score(tea.valid) == pytest.approx(own.value, rel=1e-12)
    total = AutoEncoder(3, random_state=7).fit(tea.train[:, :9])
    assert np.exp(total.score_samples(all_states(9))).sum() == pytest.approx(1, abs=1e-10)


def test_the_rbm_s_own_posterior_is_a_bound_too(tea):
    rbm = RBM(6, trainer=PCD(n_passes=50), random_state=7).fit(tea.train)
    own = latent_marginal_bound(rbm, tea.train)
    assert own.value <= best_latent_marginal(rbm, tea.train).high


@pytest.mark.parametrize("weighted", [False, True])
def test_bits_do_not_depend_on_threads(rng, with_threads, weighted):
    layer, X = conditional(rng, 9, 20, 1.0), rows(rng, 40, 20)
    weights = rng.random(40) if weighted else None
    one, *others = with_threads(lambda: best_latent_marginal(layer, X, sample_weight=weights))
    for other in others:
        assert (one.low, one.high) == (other.low, other.high)
        np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize(
    ("X", "tol", "words"),
    [
        (np.zeros((3, 4)), 1e-3, "5 visible units and X has 4 columns"),
        (np.zeros((0, 5)), 1e-3, "0 sample"),
        (np.zeros((3, 5)), 0, "'tol'"),
        (np.full((3, 5), np.nan), 1e-3, "NaN"),
        (np.full((3, 5), 2.0), 1e-3, r"\[0, 1\]"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(rng, X, tol, words):
    with pytest.raises(ValueError, match=words):
        best_latent_marginal(conditional(rng, 3, 5, 1.0), X, tol=tol)


def test_too_many_latent_states_are_refused_in_a_sentence():
    with pytest.raises(TooManyStates, match=r"2\*\*25 states and the limit is 2\*\*24"):
        best_latent_marginal(Conditional(np.zeros((25, 2)), np.zeros(2)), np.zeros((1, 2)))


# Rows with weights. ------------------------------------------------------------------------------


def weighed(rng, scale=1.5, n_latent=4, n_visible=7):
    layer, X = conditional(rng, n_latent, n_visible, scale), rows(rng, 15, n_visible)
    weights = rng.integers(0, 4, size=15)
    weights[:2] = 0, 3
    return layer, X, weights


@pytest.mark.parametrize("scale", [0.3, 1.5, 30])
def test_a_weight_of_two_is_the_row_twice(rng, scale):
    layer, X, weights = weighed(rng, scale)
    repeated = np.repeat(X, weights, axis=0)
    ours = best_latent_marginal(layer, X, tol=1e-9, sample_weight=weights)
    theirs = best_latent_marginal(layer, repeated, tol=1e-9)
    # Both brackets hold the same number.
    assert max(ours.low, theirs.low) <= min(ours.high, theirs.high)
    assert max(ours.high, theirs.high) - min(ours.low, theirs.low) <= 2e-9
    plain = best_latent_marginal(layer, X, tol=1e-9)
    assert plain.low > ours.high or plain.high < ours.low
    factor = best_latent_marginal(layer, X, tol=1e-9, sample_weight=1024.0 * weights)
    assert (factor.low, factor.high) == (ours.low, ours.high)  # a power of two rounds nothing


@pytest.mark.parametrize("scale", [0.1, 1, 3, 30, 300])
def test_the_certificate_holds_for_any_weights(rng, monkeypatch, scale):
    monkeypatch.setattr(active_set, "ROUNDS", 20)
    layer, X = conditional(rng, 8, 9, scale), rows(rng, 40, 9)
    weights = np.exp(3 * rng.normal(size=40))
    found = best_latent_marginal(
        layer, X, tol=1e-8, sample_weight=weights
    )  # a warning is an error
    assert 0 <= found.high - found.low <= 1e-8
    log_p = layer.log_probability(X, all_states(8))
    scaled = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    share = weights / weights.sum()
    reached = share @ (np.log(scaled @ found.weights) + log_p.max(axis=1))
    assert found.low <= reached + 1e-12
    assert reached <= found.low + 1e-8  # the width of the bracket
    # Lindsay's bound, written anew: no state gains more than the bracket is wide.
    gain = share @ (scaled / (scaled @ found.weights)[:, None])
    assert np.log(gain.max()) <= found.high - found.low + 1e-12
    # EM on weighted rows, another algorithm, stays below the certified end.
    q = np.full(256, 1 / 256)
    for _ in range(500):
        q *= share @ (scaled / (scaled @ q)[:, None])
    assert share @ (np.log(scaled @ q) + log_p.max(axis=1)) <= found.high + 1e-12


def test_weights_of_all_sizes_are_taken(rng):
    layer, X, _ = weighed(rng)
    weights = 10.0 ** np.linspace(-320, 307, len(X))
    found = best_latent_marginal(layer, X, tol=1e-9, sample_weight=weights)
    # What is left counts: one row, whose own best state explains it.
    alone = layer.log_probability(X[-1:], all_states(4)).max()
    assert found.low - 1e-9 <= alone <= found.high + 1e-9


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("n_draws", [None, 500])
def test_all_numbers_take_weights(tea, grey, n_draws):
    rng = np.random.default_rng(19)
    X = tea.train[:40, :12]
    if grey:
        X = X * rng.random(X.shape)
    weights = rng.integers(0, 2, size=40) + 5 * (X.sum(axis=1) > np.median(X.sum(axis=1)))
    repeated, kept = np.repeat(X, weights, axis=0), weights > 0
    ae = AutoEncoder(4, trainer=Backprop(n_passes=20), random_state=7).fit(tea.train[:, :12])
    rbm = RBM(4, trainer=PCD(n_passes=5), random_state=7).fit(tea.train[:, :12])
    drawing = {} if n_draws is None else {"n_draws": n_draws, "random_state": 5}
    for function, layer in [
        *((latent_marginal_bound, each) for each in (ae, rbm)),
        *((best_latent_marginal, each) for each in (ae, rbm)),
        (log_likelihood, ae), (log_pseudolikelihood, rbm),
    ]:  # fmt: skip
        given = drawing if function in (best_latent_marginal, latent_marginal_bound) else {}
        ours = function(layer, X, sample_weight=weights, **given)
        theirs = function(layer, repeated, **given)
        # Where latent states are drawn, those of a repeated row are other ones.
        error = 6 * np.hypot(ours.error, theirs.error) if given else 1e-9
        if function is best_latent_marginal:
            error += 1e-3  # the width of the brackets
        assert ours.value == pytest.approx(theirs.value, abs=error)
        if grey and function in (log_likelihood, log_pseudolikelihood):
            assert ours.high > ours.low
        left_out = function(layer, X[kept], sample_weight=weights[kept], **given)
        assert left_out.value == ours.value
        assert (left_out.low, left_out.high) == (ours.low, ours.high)
        ones = function(layer, X, sample_weight=np.full(40, 3.0), **given)
        plain = function(layer, X, **given)
        assert (ones.value, ones.low, ones.high) == (plain.value, plain.low, plain.high)
        assert abs(ours.value - plain.value) > 0.05


def test_the_error_of_rows_of_means_is_by_weights(tea):
    X = tea.train[:30, :12] * np.random.default_rng(19).random((30, 12))
    layer = AutoEncoder(4, trainer=Backprop(n_passes=5), random_state=7).fit(X)
    index = int(X.sum(axis=1).argmax())
    first = np.eye(30)[index]
    alone = log_likelihood(layer, X[index : index + 1])
    one = log_likelihood(layer, X, sample_weight=first)
    assert (alone.low, alone.high) == (one.low, one.high)
    assert alone.high > alone.low
    mostly = log_likelihood(layer, X, sample_weight=first + 1e-9)
    assert mostly.high - mostly.low == pytest.approx(alone.high - alone.low, rel=1e-6)


def test_the_bound_has_weights_of_both_its_sets_of_rows(trained, tea):
    rng = np.random.default_rng(19)
    layer = trained.layers_[0]
    of_rows, of_inference = (rng.integers(0, 4, size=len(X)) for X in (tea.valid, tea.train))
    ours = latent_marginal_bound(
        layer, tea.valid, tea.train, sample_weight=of_rows, sample_weight_inference=of_inference
    )
    repeated = [np.repeat(tea.valid, of_rows, axis=0), np.repeat(tea.train, of_inference, axis=0)]
    theirs = latent_marginal_bound(layer, *repeated)
    assert ours.value == pytest.approx(theirs.value, abs=1e-10)
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=1e-10)
    for left_out in ("sample_weight", "sample_weight_inference"):
        some = {"sample_weight": of_rows, "sample_weight_inference": of_inference}
        del some[left_out]
        assert abs(latent_marginal_bound(layer, tea.valid, tea.train, **some).value
                   - ours.value) > 1e-4  # fmt: skip
    own = latent_marginal_bound(layer, tea.valid, sample_weight=of_rows)
    both = latent_marginal_bound(
        layer, tea.valid, tea.valid, sample_weight=of_rows, sample_weight_inference=of_rows
    )
    assert own.value == both.value
    with pytest.raises(ValueError, match="rows of X_inference, which is None"):
        latent_marginal_bound(layer, tea.valid, sample_weight_inference=of_rows)


def test_draws_are_spread_by_weights():
    class Told:
        def sample(self, rows, stream, *, step, lane):
            return rows

    X, stream = np.arange(7.0)[:, None], Stream.from_random_state(353)
    shares = np.array([1, 2, 3, 4, 5, 6, 0.5]) / 21.5
    drawn = sampled.drawn_states(Told(), X, 100, stream, lane=CODE, shares=shares)
    counts = np.bincount(drawn.ravel().astype(int), minlength=7)
    assert counts.sum() == 100
    assert np.all(np.abs(counts - 100 * shares) < 1)
    few = [
        sampled.drawn_states(Told(), X, 4, stream.child(k), lane=CODE, shares=shares).ravel()
        for k in range(3000)
    ]
    p = np.bincount(np.ravel(few).astype(int), minlength=7) / 12_000
    # Four draws of one call are spread, so that their counts vary by less than these deviations.
    assert np.all(np.abs(p - shares) < 4 * np.sqrt(shares * (1 - shares) / 12_000))


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0] * 14 + [-1.0], "Negative values in data passed to `sample_weight`"),
        ([0.0] * 15, "at least one non-zero"),
        ([1.0] * 13, r"sample_weight.shape == \(13,\), expected \(15,\)"),
        ([1e308] * 15, "finite sum.*Scale them down"),
    ],
)
@pytest.mark.parametrize(
    "function",
    [best_latent_marginal, latent_marginal_bound, log_likelihood, log_pseudolikelihood,
     scorers.blm, scorers.log_likelihood],
)  # fmt: skip
def test_bad_weights_are_told(rng, function, weights, sentence):
    layer = RBM.from_parameters(np.zeros((3, 7)), np.zeros(7), np.zeros(3))
    with pytest.raises(ValueError, match=sentence), np.errstate(over="ignore"):
        function(layer, rows(rng, 15, 7), sample_weight=weights)


# Sparse rows. ------------------------------------------------------------------------------------


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("weights", [None, np.arange(40) % 4])
def test_sparse_rows_have_the_bits_of_dense_ones(tea, monkeypatch, grey, weights):
    monkeypatch.setattr(numerics_rows, "BLOCK_BYTES", 700)
    rng = np.random.default_rng(19)
    X = tea.train[:40, :12]
    X = X * rng.random(X.shape) if grey else X
    layers = [
        AutoEncoder(4, trainer=Backprop(n_passes=5), random_state=7).fit(X),
        RBM(4, trainer=PCD(n_passes=5), random_state=7).fit(X),
        RBM(3, visible="gaussian", random_state=7,
            trainer=PCD(n_passes=3, learning_rate=1e-3)).fit(X),
    ]  # fmt: skip
    for layer in layers:
        for function in (best_latent_marginal, latent_marginal_bound):
            for drawing in ({}, {"n_draws": 50, "random_state": 5}):
                dense, other = (
                    function(layer, given, sample_weight=weights, **drawing)
                    for given in (X, sparse.csr_matrix(X))
                )
                assert (other.value, other.low, other.high) == (dense.value, dense.low, dense.high)
                np.testing.assert_array_equal(other.weights, dense.weights)
        by_hand = best_latent_marginal(layer.conditional_, sparse.csc_array(X))
        assert by_hand.value == best_latent_marginal(layer, X).value
    pseudo = (log_pseudolikelihood(layers[1], given, sample_weight=weights).value
              for given in (X, sparse.csr_array(X)))  # fmt: skip
    assert next(pseudo) == next(pseudo)


def test_wide_sparse_rows_are_not_made_dense_at_once(monkeypatch):
    monkeypatch.setattr(numerics_rows, "BLOCK_BYTES", 2**20)
    X = sparse.random_array(
        (4000, 4000), density=1e-3, rng=np.random.default_rng(19), format="csr"
    )
    X.data[:] = 1
    layer = RBM.from_parameters(np.full((3, 4000), 0.01), np.full(4000, -5.0), np.zeros(3))
    tracemalloc.start()
    try:
        for function in (best_latent_marginal, latent_marginal_bound):
            function(layer, X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # all rows are 128 MB


def test_a_layer_without_zeros_takes_no_sparse_rows(rng):
    layer = Conditional(rng.normal(size=(2, 5)), np.zeros(5), "spin")
    with pytest.raises(TypeError, match="Sparse data was passed"):
        best_latent_marginal(layer, sparse.csr_array(np.ones((3, 5))))
