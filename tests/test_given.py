"""Samples given some of the units: exact where states can be listed, chains elsewhere."""

import numpy as np
import pytest
from laws.models import SMALL, grid_of, rbm_of, rows_of
from scipy import sparse
from scipy.stats import chi2, kstest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from test_by_hand import by_hand, stack_of

from layerwise import (
    DBN,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    LatentLayer,
    MarginalAscent,
    Softmax,
    TooManyStates,
)
from layerwise.likelihood import clamped, pseudo
from layerwise.models.units import BITS, Gaussian, Spin, TruncatedExponential

every_kind = pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=lambda x: repr(x))
listed_kinds = pytest.mark.parametrize(
    ("kind", "n_visible"),
    [pair for pair in SMALL if pair[0].factors(pair[1])],
    ids=lambda x: repr(x),
)
WAYS = ["latent", "free", "chains"]


@pytest.fixture
def by_way(monkeypatch):
    """Have draws go by one of their ways."""

    def choose(way):
        if way != "latent":
            monkeypatch.setattr(clamped, "LATENT_LIMIT", 0)
        if way == "chains":
            monkeypatch.setattr(clamped, "FREE_LIMIT", -1)

    return choose


def some_free(kind, n_visible):
    """Return which units are free: about half of them, softmax groups as a whole."""
    free, first = np.zeros(n_visible, dtype=bool), 0
    for number, size in enumerate(kind.runs(n_visible)["size"] if not kind.is_binary else []):
        free[first : first + size] = number % 2 == 0
        first += size
    if kind.is_binary or kind in (Gaussian(), TruncatedExponential()):
        free = np.arange(n_visible) % 2 == 0
    assert free.any()
    assert not free.all()
    return free


def chi_square(counts, p):
    """Return the p-value of counts under probabilities; cells of less than 5 are joined."""
    expected = counts.sum() * p
    few = expected < 5
    parts = [(counts[~few], expected[~few])]
    if few.any():
        parts.append((counts[few].sum(keepdims=True), expected[few].sum(keepdims=True)))
    found, expected = (np.concatenate(arrays) for arrays in zip(*parts))
    return chi2.sf(np.sum((found - expected) ** 2 / expected), max(1, len(found) - 1))


def check_listed(model, given, draws, points):
    """Assert that draws given a row follow the listed conditional distribution."""
    known = ~np.isnan(given)
    fits = np.all(points[:, known] == given[known], axis=1)
    log_p = model.score_samples(points[fits])
    p = np.exp(log_p - log_p.max())
    index = (draws[:, None] == points[fits]).all(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(points[fits][index], draws)
    assert len(p) > 1
    # Over a hundred seeds there are ten thousand such tests.
    assert chi_square(np.bincount(index, minlength=len(p)), p / p.sum()) > 1e-7


@listed_kinds
@pytest.mark.parametrize("hidden", [BITS, Spin()], ids=repr)
@pytest.mark.parametrize("way", WAYS)
def test_draws_follow_the_listed_conditional_distribution(
    seed, rng, by_way, kind, n_visible, hidden, way
):
    by_way(way)
    rbm = by_hand(rbm_of(kind, n_visible, rng, hidden=hidden))
    # Of spins on seed 32, chains of 25 steps still remembered where they started.
    n_steps = 150 if hidden == Spin() else 50
    given = rows_of(kind, n_visible, 2, rng)
    given[:, some_free(kind, n_visible)] = np.nan
    draws = rbm.sample(3000, given=given, n_steps=n_steps, random_state=seed)
    points, _ = grid_of(kind, n_visible)
    check_listed(rbm, given[0], draws[:3000], points)
    check_listed(rbm, given[1], draws[3000:], points)


WIDE = RBM.from_parameters(
    [[0.9, 2.0], [-0.8, 3.0]], [0.2, 0.0], [0.5, -0.5], visible="gaussian", noise_variance=[4, 0.1]
)


@pytest.mark.parametrize("way", ["latent", "chains"])
@pytest.mark.parametrize("kind", [Gaussian(), TruncatedExponential(), WIDE], ids=repr)
def test_draws_of_continuous_units_follow_the_density(seed, rng, by_way, kind, way):
    by_way(way)
    rbm = kind if kind is WIDE else by_hand(rbm_of(kind, 2, rng))
    given = np.array([[0.3, np.nan]])
    draws = rbm.sample(5000, given=given, n_steps=25, random_state=seed)[:, 1]
    low, high = (0, 1) if kind == TruncatedExponential() else (-25, 25)
    at = np.linspace(low, high, 20001)
    rows = np.column_stack([np.full_like(at, given[0, 0]), at])
    density = np.exp(rbm.score_samples(rows))
    steps = (density[1:] + density[:-1]) / 2
    below = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
    # A trapezoid's distribution function on 20,000 steps is right to 1e-5.
    assert kstest(draws, lambda x: np.interp(x, at, below)).pvalue > 1e-7


@every_kind
@pytest.mark.parametrize("way", WAYS)
def test_known_values_are_returned_untouched_and_none_is_left_open(
    rng, by_way, kind, n_visible, way
):
    by_way(way)
    rbm = by_hand(rbm_of(kind, n_visible, rng))
    full = rows_of(kind, n_visible, 12, rng)
    free = some_free(kind, n_visible)
    patterns = np.array([free, ~free, np.ones_like(free), np.zeros_like(free)] * 3)
    given = np.where(patterns, np.nan, full)
    before = given.copy()
    draws = rbm.sample(2, given=given, n_steps=3, random_state=19)
    np.testing.assert_array_equal(given, before)
    assert draws.shape == (24, n_visible)
    for draw in (draws[::2], draws[1::2]):
        np.testing.assert_array_equal(draw[~patterns], full[~patterns])
    np.testing.assert_array_equal(kind.check(draws), draws)
    if way == "chains" or kind.factors(n_visible) is None:
        assert not np.array_equal(draws[::2], draws[1::2])
    again = rbm.sample(2, given=given, n_steps=3, random_state=19)
    np.testing.assert_array_equal(draws, again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", ["latent", "chains"])
def test_known_numbers_keep_their_digits_whatever_the_model_s_float_type(rng, by_way, dtype, way):
    """Of a float32 model 0.1 would come back as 0.10000000149."""
    by_way(way)
    W = rng.normal(size=(3, 2)).astype(np.float32)
    rbm = RBM.from_parameters(W, np.zeros(2), np.zeros(3), visible="gaussian")
    given = np.array([[0.1, np.nan]], dtype=dtype)
    draw = rbm.sample(given=given, n_steps=2, random_state=19)
    assert draw.dtype == dtype
    assert draw[0, 0] == given[0, 0]


def test_nothing_known_is_a_sample_and_all_known_is_itself(seed, rng):
    rbm = by_hand(rbm_of(BITS, 3, rng))
    points, _ = grid_of(BITS, 3)
    nothing = np.full((1, 3), np.nan)
    check_listed(rbm, nothing[0], rbm.sample(3000, given=nothing, random_state=seed), points)
    np.testing.assert_array_equal(rbm.sample(given=points), points)


def test_draws_of_one_row_stand_together(rng):
    rbm = by_hand(rbm_of(BITS, 3, rng))
    given = np.array([[0, np.nan, 1], [1, np.nan, 0.0]])
    draws = rbm.sample(5, given=given, random_state=19).reshape(2, 5, 3)
    assert np.all(draws[:, :, 0] == [[0], [1]])
    assert np.all(draws[:, :, 2] == [[1], [0]])


def test_images_are_completed_by_an_rbm_of_any_size(rng):
    """70 hidden and 64 visible units: no layer can be listed, and the free units cannot either."""
    rbm = RBM.from_parameters(
        0.05 * rng.normal(size=(70, 64)), rng.normal(size=64), rng.normal(size=70)
    )
    given = (rng.random((8, 64)) < 0.3).astype(float)
    given[:, 20:] = np.nan
    given[0, :-3] = 1  # this one has few free units, which are listed
    draws = rbm.sample(3, given=given, n_steps=5, random_state=19)
    assert not np.isnan(draws).any()
    known = ~np.isnan(np.repeat(given, 3, axis=0))
    np.testing.assert_array_equal(draws[known], np.repeat(given, 3, axis=0)[known])


def test_bits_do_not_depend_on_threads(rng, with_threads):
    large = RBM.from_parameters(
        0.1 * rng.normal(size=(70, 64)), rng.normal(size=64), rng.normal(size=70)
    )
    small = RBM.from_parameters(*stack_of(rng, 64, 9)[0])
    given = (rng.random((60, 64)) < 0.3).astype(float)
    given[rng.random((60, 64)) < 0.5] = np.nan
    given[:20, 8:] = 1

    def everything():
        return [
            *(rbm.sample(given=given, n_steps=3, random_state=19) for rbm in (large, small)),
            pseudo.log_pseudolikelihood(large.params_, large.sample(200, n_steps=2)),
        ]

    large.set_params(random_state=19)
    one, *others = with_threads(everything)
    for other in others:
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


def deep_models(rng):
    X = (rng.random((40, 5)) < 0.4).astype(float)
    top = RBM.from_parameters(*stack_of(rng, 3, 2)[0])
    layers = [
        RBM.from_parameters(*stack_of(rng, 5, 3)[0]),
        AutoEncoder(3, trainer=Backprop(n_passes=5), random_state=19).fit(X),
        LatentLayer(3, trainer=MarginalAscent(n_passes=5), random_state=19).fit(X),
    ]
    yield from (DBN.from_parameters([layer, top]) for layer in layers)
    yield DBN.from_parameters(stack_of(rng, 5, 4, 3, 2))
    yield DBN.from_parameters(stack_of(rng, 5, 3))


def test_deep_models_draw_from_their_conditional_distribution(seed, rng):
    points, _ = grid_of(BITS, 5)
    given = np.array([1, np.nan, 0, np.nan, np.nan])
    for dbn in deep_models(rng):
        draws = dbn.sample(3000, given=given[None], random_state=seed)
        check_listed(dbn, given, draws, points)


def test_deep_models_of_mixed_units(seed, rng):
    kind, n_visible = SMALL[-1]
    bottom = by_hand(rbm_of(kind, n_visible, rng, hidden=Spin()))
    dbn = DBN.from_parameters([bottom, by_hand(rbm_of(Spin(), 3, rng))])
    given = rows_of(kind, n_visible, 30, rng)
    given[:, :4] = np.nan  # a Gaussian unit and a softmax group
    draws = dbn.sample(given=given, random_state=seed)
    np.testing.assert_array_equal(kind.check(draws), draws)
    np.testing.assert_array_equal(draws[:, 4:], given[:, 4:])


def test_deep_models_too_large_are_refused_with_a_way_out():
    large = DBN.from_parameters([
        (np.zeros((30, 3)), np.zeros(3), np.zeros(30)),
        (np.zeros((2, 30)), np.zeros(30), np.zeros(2)),
    ])  # fmt: skip
    with pytest.raises(TooManyStates, match=r"2\*\*30 states and the limit is 2\*\*24.*without"):
        large.sample(given=[[0, 1, np.nan]])
    assert large.sample(2, random_state=19).shape == (2, 3)


# What is refused. --------------------------------------------------------------------------------


def one(kind, n):
    return RBM.from_parameters(np.zeros((2, n)), np.zeros(n), np.zeros(2), visible=kind)


@pytest.mark.parametrize(
    ("rbm", "given", "words"),
    [
        (
            one("bernoulli", 3),
            [[0, 0.25, np.nan]],
            r"row 0, column 1 of X has 0\.25, which is",
        ),
        (one("bernoulli", 3), [[0, 3, np.nan]], r"in \[0, 1\]"),
        (one("bernoulli", 3), [[0, np.nan]], "3 features"),
        (one("bernoulli", 3), [0, 1, np.nan], "Expected 2D array"),
        (one("bernoulli", 3), [[0, np.inf, np.nan]], "infinity"),
        (one("spin", 2), [[0, np.nan]], "Spin units take the values -1 and 1"),
        (
            one(Softmax((3, 2)), 5),
            [[1, np.nan, 0, 0, 1]],
            "row 0 .* columns 0 to 2 are NaN in",
        ),
        (one(Softmax((3, 2)), 5), [[1, 1, 0, np.nan, np.nan]], "a single 1 in each group"),
        (
            one([("gaussian", 1), Softmax((2,))], 3),
            [[np.nan, 1, np.nan]],
            "In columns 1 to 2: Of a softmax group",
        ),
    ],
    ids=str,
)
def test_rows_that_say_no_condition_are_told(rbm, given, words):
    with pytest.raises(ValueError, match=words):
        rbm.sample(given=given)
    with pytest.raises(ValueError, match=words):
        DBN.from_parameters([rbm]).sample(given=given)


def test_names_of_columns_are_checked():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.eye(3), columns=["a", "b", "c"])
    rbm = BernoulliRBM(2, n_iter=1, random_state=19).fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        rbm.sample(given=frame[["b", "a", "c"]])
    frame.loc[0, "b"] = np.nan
    assert rbm.sample(given=frame).shape == (3, 3)


@pytest.mark.parametrize("wrong", [0, 2.5])
def test_steps_are_checked_before_any_work(wrong):
    with pytest.raises((ValueError, TypeError), match="n_steps"):
        one("bernoulli", 3).sample(given=[[0, 1, np.nan]], n_steps=wrong)


# Layers alone. -----------------------------------------------------------------------------------


def layers_alone(rng, kind=BITS, n_visible=5):
    """Yield fitted layers of all kinds that have a latent distribution of their own."""
    X = rows_of(kind, n_visible, 40, rng)
    weights = rng.integers(0, 4, size=40)
    common = {"visible": kind, "random_state": 19}
    yield AutoEncoder(3, trainer=Backprop(n_passes=5), **common).fit(X)
    yield AutoEncoder(3, trainer=Backprop(n_passes=5), **common).fit(X, sample_weight=weights)
    yield LatentLayer(3, trainer=MarginalAscent(n_passes=5), **common).fit(X)


def test_layers_alone_draw_from_their_conditional_distribution(seed, rng):
    points, _ = grid_of(BITS, 5)
    given = np.array([[1, np.nan, 0, np.nan, np.nan], [np.nan, 0, 0, 1, np.nan]])
    for layer in layers_alone(rng):
        # Far enough from independent units that the known ones tell of the others.
        layer.components_ = 3 * rng.normal(size=(3, 5))
        draws = layer.sample(3000, given=given, random_state=seed)
        check_listed(layer, given[0], draws[:3000], points)
        check_listed(layer, given[1], draws[3000:], points)
        nothing = np.full((1, 5), np.nan)
        free = layer.sample(3000, given=nothing, random_state=seed)
        check_listed(layer, nothing[0], free, points)
        np.testing.assert_array_equal(layer.sample(given=points), points)


def test_the_known_units_of_a_layer_move_the_others(seed):
    """Of two far clusters one unit tells which: a draw of the latent units alone would not."""
    layer = LatentLayer(1, trainer=MarginalAscent(n_passes=1), random_state=19)
    layer.fit(np.array([[0, 0, 0.0], [1, 1, 1]] * 5))
    layer.components_, layer.intercept_visible_ = np.full((1, 3), 80.0), np.full(3, -40.0)
    layer.latent_marginal_ = np.array([0.0, 1.0])
    draws = layer.sample(50, given=[[1, np.nan, np.nan]], random_state=seed)
    np.testing.assert_array_equal(draws, np.ones((50, 3)))
    layer.latent_marginal_ = np.array([0.5, 0.5])
    given = [[1, np.nan, np.nan], [np.nan, np.nan, 0]]
    draws = layer.sample(50, given=given, random_state=seed)
    np.testing.assert_array_equal(draws, np.repeat([[1.0], [0.0]], 50, axis=0) * np.ones(3))
    # A state of no weight is never drawn, whatever is known.
    layer.latent_marginal_ = np.array([1.0, 0.0])
    draws = layer.sample(50, given=[[1, np.nan, np.nan]], random_state=seed)
    np.testing.assert_array_equal(draws, [[1.0, 0, 0]] * 50)


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers_of_any_units_keep_what_is_known(rng, kind, n_visible, dtype):
    full = rows_of(kind, n_visible, 12, rng).astype(dtype)
    free = some_free(kind, n_visible)
    patterns = np.array([free, ~free, np.ones_like(free), np.zeros_like(free)] * 3)
    given = np.where(patterns, np.nan, full).astype(dtype)
    for layer in layers_alone(rng, kind, n_visible):
        draws = layer.sample(2, given=given, random_state=19)
        assert draws.dtype == dtype
        for draw in (draws[::2], draws[1::2]):
            np.testing.assert_array_equal(draw[~patterns], full[~patterns])
        np.testing.assert_array_equal(kind.check(draws), draws)
        again = layer.sample(2, given=given, random_state=19)
        np.testing.assert_array_equal(draws, again)
        other = layer.sample(2, given=given, random_state=23)
        assert not np.array_equal(draws, other)


def test_sparse_rows_are_known_zeros(rng):
    given = np.array([[1, np.nan, 0, 0, np.nan], [0, 0, 0, np.nan, 1]])
    for layer in layers_alone(rng):
        expected = layer.sample(3, given=given, random_state=19)
        for container in (sparse.csr_array, sparse.csc_matrix):
            found = layer.sample(3, given=container(given), random_state=19)
            np.testing.assert_array_equal(found, expected)


def test_layers_too_large_are_refused_with_a_way_out(rng):
    X = rows_of(BITS, 3, 9, rng)
    large = AutoEncoder(25, trainer=Backprop(n_passes=1), random_state=19).fit(X)
    with pytest.raises(TooManyStates, match=r"2\*\*25 states and the limit is 2\*\*24.*without"):
        large.sample(given=[[0, 1, np.nan]])
    assert large.sample(2, random_state=19).shape == (2, 3)


def test_rows_that_say_no_condition_are_told_by_layers_too(rng):
    for layer in layers_alone(rng):
        for given, words in [
            ([[0, 0.25, 1, 1, np.nan]], r"row 0, column 1 of X has 0\.25, which is"),
            ([[0, 3, 1, 1, np.nan]], r"in \[0, 1\]"),
            ([[0, np.nan]], "5 features"),
            ([[0, np.inf, 0, 0, np.nan]], "infinity"),
        ]:
            with pytest.raises(ValueError, match=words):
                layer.sample(given=given)
        with pytest.raises(NotFittedError):
            clone(layer).sample(given=np.full((1, 5), np.nan))
