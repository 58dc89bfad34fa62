"""DeepAutoEncoder and parzen_log_likelihood."""

import copy
from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from layerwise import (
    CD,
    DBN,
    RBM,
    AutoEncoder,
    Backprop,
    BoundAscent,
    DeepAutoEncoder,
    DeepClassifier,
    Incompatible,
    LayerwiseSearch,
    LikelihoodAscent,
    TooManyStates,
    best_latent_marginal,
    latent_marginal_bound,
    log_likelihood,
    parzen_log_likelihood,
)
from layerwise.datasets import load_tea
from layerwise.models.inputs import LayerInput
from layerwise.numerics.streams import Stream
from layerwise.trainers.greedy import LayerByLayer

QUICK = Backprop(n_passes=3)


def bits(n_rows=60, n_columns=8):
    """Rows of some patterns, with noise."""
    rng = np.random.default_rng(11)
    patterns = rng.random((4, n_columns)) < 0.5
    rows = patterns[rng.integers(4, size=n_rows)] ^ (rng.random((n_rows, n_columns)) < 0.1)
    return rows.astype(float)


def made(layer_sizes=(6, 4), *, trainer=QUICK, random_state=23, **options):
    return DeepAutoEncoder(layer_sizes, trainer=trainer, random_state=random_state, **options)


EVERY = [
    dict(zip(("training", "layer_loss", "units"), each))
    for each in product(
        ("joint", "greedy", "greedy+joint"),
        ("denoising", "contractive", "plain", None),
        ("sigmoid", "tanh", "relu"),
    )
]


@pytest.mark.parametrize("options", EVERY, ids=lambda each: " ".join(map(str, each.values())))
def test_all_ways_learn_and_refit_to_the_same_bits(options):
    X = bits()
    model = made(trainer=Backprop(n_passes=150, learning_rate=0.01), **options).fit(X)
    stages = {"joint": 1, "greedy": 2, "greedy+joint": 3}[options["training"]]
    loss = model.history_["reconstruction_error"].reshape(stages, 150)
    assert np.all(loss[:, -5:].mean(axis=1) < loss[:, :5].mean(axis=1))
    # Better than giving back the mean of all rows.
    error = np.mean((model.reconstruct(X) - X) ** 2)
    assert error < 0.6 * X.var(axis=0).mean()
    again = clone(model).fit(X)
    assert np.array_equal(again.network_.parameters, model.network_.parameters)
    assert model.transform(X).shape == (60, 4)
    assert model.network_.sizes == (8, 6, 4, 6, 8)


def test_score_is_a_log_likelihood():
    X = bits()
    model = made(code="sample").fit(X)
    listed = np.array(list(product([0.0, 1.0], repeat=8)))
    assert np.exp(model.score_samples(listed)).sum() == pytest.approx(1, abs=1e-12)
    # By hand: codes of the training rows, aggregated.
    codes = np.array(list(product([0.0, 1.0], repeat=4)))
    field = model.latent_fields_
    q = (codes[:, None] * field - np.logaddexp(0, field)).sum(axis=2)
    log_q = logsumexp(q, axis=1) - np.log(len(field))
    mean = model.inverse_transform(codes)
    log_p = X @ np.log(mean).T + (1 - X) @ np.log1p(-mean).T
    expected = logsumexp(log_p + log_q, axis=1)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-12)
    assert log_likelihood(model, X).value == pytest.approx(expected.mean(), rel=1e-12)
    assert latent_marginal_bound(model, X).value == pytest.approx(expected.mean(), rel=1e-12)


def test_one_layer_trained_greedily_is_the_auto_encoder(seed):
    """Alone, and without corruption, it is the ordinary one: only first weights differ."""
    X = bits()
    deep = made((5,), training="greedy", layer_loss="plain", corruption=0.0).fit(X)
    trainer = LayerByLayer(QUICK)
    stream = Stream.from_random_state(seed)
    whole = deep._first(LayerInput(X), X, stream)
    alone = whole.layer_alone(0, stream.child("init", 0))
    list(trainer.passes(whole, LayerInput(X), stream))
    plain = AutoEncoder(5, code="mean", trainer=QUICK)._params(alone.chain)
    list(QUICK.passes(plain, LayerInput(X), stream.child("stage", 0)))
    for k in range(2):
        assert np.array_equal(whole.chain.weights(k), plain.chain.weights(k))
        assert np.array_equal(whole.chain.biases(k), plain.chain.biases(k))


def test_greedy_training_leaves_lower_layers_as_they_are():
    X = bits()
    snapshots = []

    class Looks(Backprop):
        def passes(self, model, rows, stream, state=None):
            yield from super().passes(model, rows, stream, state)
            snapshots.append(copy.deepcopy(model))

    model = made((6, 5, 4), training="greedy", trainer=Looks(n_passes=2)).fit(X)
    assert [each.chain.sizes for each in snapshots] == [(8, 6, 8), (6, 5, 6), (5, 4, 5)]
    for k, each in enumerate(snapshots):
        assert np.array_equal(model.network_.weights(k), each.chain.weights(0))
        assert np.array_equal(model.network_.weights(5 - k), each.chain.weights(1))
        assert np.array_equal(model.network_.biases(5 - k), each.chain.biases(1))


@pytest.mark.parametrize(
    "visible",
    ["bernoulli", "spin", "gaussian", "truncated_exponential", [("gaussian", 3), ("spin", 5)]],
)
@pytest.mark.parametrize("training", ["joint", "greedy+joint"])
def test_rows_of_any_units(visible, training):
    rng = np.random.default_rng(3)
    spins = 2 * bits() - 1
    X = {
        "bernoulli": bits(),
        "spin": spins,
        "gaussian": spins + rng.normal(size=spins.shape),
        "truncated_exponential": rng.random(spins.shape),
    }.get(visible if isinstance(visible, str) else "")
    if X is None:
        X = np.hstack([rng.normal(size=(60, 3)), spins[:, :5]])
    model = made(visible=visible, training=training, trainer=Backprop(n_passes=30)).fit(X)
    assert np.isfinite(model.score(X))
    draws = model.sample(7, n_steps=3)
    assert draws.shape == (7, 8)
    model.score_samples(draws)  # refuses what is no row of such units
    losses = model.history_["reconstruction_error"]
    assert losses[29] < losses[0]
    if visible == "gaussian":
        assert model.noise_variance_.shape == (8,)


def test_weights_of_two_are_rows_twice_in_one_batch():
    X = bits(20)
    times = np.r_[np.ones(10, int), np.full(10, 2)]
    options = dict(corruption=0.0, trainer=Backprop(n_passes=5, batch_size=100, optimizer="sgd"))
    weighed = made(**options).fit(X, sample_weight=times)
    repeated = made(**options).fit(np.repeat(X, times, axis=0))
    np.testing.assert_allclose(
        weighed.network_.parameters, repeated.network_.parameters, atol=1e-13
    )
    assert weighed.score(X) == pytest.approx(repeated.score(X), rel=1e-12)


def test_sparse_rows_and_single_precision():
    X = bits().astype(np.float32)
    dense, sparse = made().fit(X), made().fit(csr_array(X))
    assert dense.network_.parameters.dtype == np.float32
    assert np.array_equal(dense.network_.parameters, sparse.network_.parameters)
    assert dense.transform(X).dtype == np.float32
    assert np.array_equal(dense.score_samples(X), dense.score_samples(csr_array(X)))


def test_joint_training_goes_on():
    X = bits()
    whole = made(trainer=Backprop(n_passes=6)).fit(X)
    parts = made(warm_start=True).fit(X).fit(X)
    assert np.array_equal(whole.network_.parameters, parts.network_.parameters)
    steps = made()
    for _ in range(6):
        steps.partial_fit(X)
    assert np.array_equal(whole.network_.parameters, steps.network_.parameters)
    assert len(steps.history_["reconstruction_error"]) == 6


def test_greedy_training_is_gone_on_from_as_a_whole():
    X = bits()
    model = made(training="greedy", trainer=Backprop(n_passes=20)).fit(X)
    greedy = model.network_.parameters.copy()
    assert not hasattr(model, "partial_fit")
    with pytest.raises(Incompatible, match="Set training='joint'"):
        clone(model).set_params(warm_start=True).fit(X).fit(X)
    with pytest.raises(Incompatible, match="Set training='joint'"):
        model.set_params(warm_start=True).fit(X)
    assert np.array_equal(model.network_.parameters, greedy)
    model.set_params(training="joint", warm_start=True).fit(X)
    assert len(model.history_["reconstruction_error"]) == 60
    assert not np.array_equal(model.network_.parameters, greedy)
    # From there, not anew: a few steps of rate 0.001.
    assert np.abs(model.network_.parameters - greedy).max() < 0.1


def test_chain_keeps_what_it_is_sure_of_and_starts_where_it_is_told():
    X = bits(200)
    model = made((20, 8), trainer=Backprop(n_passes=300, learning_rate=0.01)).fit(X)
    ends = model.sample(300, n_steps=20)
    assert set(np.unique(ends)) == {0.0, 1.0}
    # Chains stay among the patterns: columns have the means and pairs the moments of the rows.
    assert np.abs(ends.mean(axis=0) - X.mean(axis=0)).max() < 0.25
    assert np.abs(ends.T @ ends / 300 - X.T @ X / 200).max() < 0.3
    assert np.array_equal(ends, model.sample(300, n_steps=20))
    assert not np.array_equal(ends, model.sample(300, n_steps=20, random_state=5))
    start = X[:3]
    assert np.array_equal(model.sample(3, n_steps=0, start=start), start)
    means = model.sample(3, n_steps=1, start=start, means=True)
    assert np.all((means > 0) & (means < 1))
    means = model.set_params(corruption=0.0).sample(3, n_steps=1, start=start, means=True)
    assert np.array_equal(means, model.reconstruct(start))


def test_draws_without_steps_are_of_the_model_of_the_score():
    X = bits(200, 4)
    model = made((6, 2), trainer=Backprop(n_passes=200, learning_rate=0.01), code="sample").fit(X)
    draws = model.sample(20000, n_steps=0)
    listed = np.array(list(product([0.0, 1.0], repeat=4)))
    counts = (draws[:, None] == listed).all(axis=2).sum(axis=0)
    p = np.exp(model.score_samples(listed))
    assert np.all(np.abs(counts - 20000 * p) < 5 * np.sqrt(20000 * p * (1 - p)) + 1e-9)


def test_it_is_a_layer_of_deep_models():
    X = bits(120)
    bottom = made((6, 3), code="sample", trainer=Backprop(n_passes=30))
    dbn = DBN([bottom, RBM(4, trainer=CD(n_passes=5))], random_state=5).fit(X)
    listed = np.array(list(product([0.0, 1.0], repeat=8)))
    assert np.exp(dbn.score_samples(listed)).sum() == pytest.approx(1, abs=1e-12)
    assert dbn.sample(5).shape == (5, 8)
    assert dbn.inverse_transform(dbn.transform(X)).shape == X.shape
    three = DBN(
        [AutoEncoder(7, trainer=QUICK), made((5, 3)), RBM(2, trainer=CD(n_passes=2))],
        random_state=5,
    ).fit(X)
    assert np.exp(three.score_samples(listed)).sum() == pytest.approx(1, abs=1e-12)
    y = np.arange(120) % 3
    net = DeepClassifier([made((6, 5))], fine_tuner=Backprop(n_passes=2)).fit(X, y)
    assert net.predict(X).shape == (120,)
    with pytest.raises(Incompatible, match="fine_tuner trains the layers"):
        DBN([bottom, RBM(4)], fine_tuner=LikelihoodAscent()).fit(X)
    for model in (dbn, dbn.layers_[0], dbn.conditional_):
        with pytest.raises(Incompatible, match="one affine layer"):
            best_latent_marginal(model, X)
    search = LayerwiseSearch(
        DBN([bottom, RBM(4, trainer=CD(n_passes=5))]),
        {"layer1__layer_weight": [0.1, 1.0]}, scoring="bound", strategy="grid", random_state=5,
    )  # fmt: skip
    assert np.isfinite(search.fit(X).score(X))
    with pytest.raises(Incompatible, match="first layer whose"):
        dbn.sample(1, given=np.where(X[:2] == 1, np.nan, X[:2]))


def test_search_over_its_parameters():
    grid = {"layer_weight": [0.1, 1.0], "trainer__n_passes": [2, 3]}
    search = GridSearchCV(made(), grid, cv=2).fit(bits())
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (dict(layer_sizes=()), ValueError, "at least one"),
        (dict(layer_sizes=(5, 0)), ValueError, "at least one"),
        (dict(layer_sizes=(5, 2.5)), ValueError, "at least one"),
        (dict(layer_weight=(1.0,)), ValueError, "one for each of its 2 layers"),
        (dict(layer_weight=(1.0, -1.0)), ValueError, "from 0 up"),
        (dict(layer_weight=-1.0), ValueError, "layer_weight"),
        (dict(layer_weight=("a", "b")), ValueError, "from 0 up"),
        (dict(corruption=1.0), ValueError, "corruption"),
        (dict(layer_loss="sparse"), ValueError, "layer_loss"),
        (dict(training="both"), ValueError, "training"),
        (dict(units="tanh", code="sample"), Incompatible, "Use units='sigmoid'"),
        (dict(trainer=CD()), Incompatible, "Backprop"),
        (dict(trainer=BoundAscent()), Incompatible, "Backprop"),
        (dict(trainer=Backprop(dropout=0.5)), Incompatible, "corruption"),
        (dict(trainer=Backprop), TypeError, r"Backprop\(\)"),
    ],
)
@pytest.mark.parametrize("training", ["joint", "greedy"])
def test_what_cannot_be_is_refused_before_any_work(options, error, sentence, training):
    model = made(**{"training": training, **options})
    with pytest.raises(error, match=sentence):
        model.fit(bits())
    assert not hasattr(model, "inference_")


def test_what_was_fitted_survives_and_says_what_is_missing():
    X = bits()
    model = made().fit(X)
    before = model.network_.parameters.copy()
    with pytest.raises(ValueError, match="layer_sizes"):
        model.set_params(layer_sizes=(0,)).fit(X)
    assert np.array_equal(model.network_.parameters, before)
    with pytest.raises(NotFittedError):
        made().transform(X)
    with pytest.raises(ValueError, match="asks for 5 chains, and start has 60 rows"):
        model.sample(5, start=X)
    wide = made((30, 21), trainer=Backprop(n_passes=1)).fit(X)
    with pytest.raises(TooManyStates, match="parzen_log_likelihood"):
        wide.score(X)
    tanh = made(units="tanh").fit(X)
    assert not hasattr(tanh, "score")
    with pytest.raises(Incompatible, match="have none"):
        log_likelihood(tanh, X)
    with pytest.raises(TypeError, match=r"p\(x \| h\)"):
        latent_marginal_bound(tanh, X)
    assert tanh.inverse_transform(tanh.transform(X)).shape == X.shape


def test_loss_of_the_whole_and_of_layers_is_what_the_pass_tells():
    X = bits()
    still = Backprop(optimizer="sgd", learning_rate=1e-300, n_passes=1, batch_size=60)

    def told(**options):
        return (
            made(corruption=0.0, trainer=still, **options)
            .fit(X)
            .history_["reconstruction_error"][0]
        )

    whole = told(layer_loss=None)
    one, two = told(layer_loss="plain", layer_weight=1.0), told(layer_loss="plain", layer_weight=2)
    assert two - one == pytest.approx(one - whole, rel=1e-12)
    first = told(layer_loss="plain", layer_weight=(1.0, 0.0))
    second = told(layer_loss="plain", layer_weight=(0.0, 1.0))
    assert first + second - whole == pytest.approx(one, rel=1e-12)
    contracted = told(layer_loss="contractive", layer_weight=1.0, contraction=1.0)
    assert contracted > one
    # Alone, a layer's penalty stands beside its loss of weight 1, whatever comes after.
    greedy = {
        told(training=training, layer_loss="contractive", layer_weight=weight)
        for training in ("greedy", "greedy+joint")
        for weight in (0.1, 1.0)
    }
    assert len(greedy) == 1
    assert greedy.pop() > told(training="greedy", layer_loss="plain")


# ---- Parzen windows -------------------------------------------------------------------------


def test_parzen_is_the_density_of_the_cloud():
    rng = np.random.default_rng(5)
    samples, X = rng.normal(3, 1, size=(37, 4)), rng.normal(3, 1, size=(21, 4))
    found = parzen_log_likelihood(samples, X, bandwidth=0.4)
    by_hand = logsumexp(norm.logpdf(X[:, None], samples, 0.4).sum(axis=2), axis=1) - np.log(37)
    assert found.value == pytest.approx(by_hand.mean(), rel=1e-12)
    other = KernelDensity(bandwidth=0.4).fit(samples).score_samples(X)
    np.testing.assert_allclose(by_hand, other, rtol=1e-9)  # its rtol=0 asks for exact sums
    assert found.low == found.high == found.value
    assert found.error > 0
    far = parzen_log_likelihood(samples + 1e4, X + 1e4, bandwidth=0.4)
    assert far.value == pytest.approx(found.value, rel=1e-9)  # 1e4 has lost four digits


def test_parzen_chooses_the_bandwidth_of_the_rows_of_validation():
    rng = np.random.default_rng(5)
    samples, X, valid = (rng.normal(size=(400, 2)) for _ in range(3))
    chosen = parzen_log_likelihood(samples, X, X_valid=valid)
    bandwidth = float(chosen.method.split("bandwidth ")[1].split()[0])
    values = {
        times: parzen_log_likelihood(samples, valid, bandwidth=times * bandwidth).value
        for times in (0.8, 1.0, 1.25)
    }
    assert max(values, key=values.get) == 1.0
    # Close to minus the entropy of the normal law, and below it but for chance.
    assert -0.3 < chosen.value + 2 * 1.4189 < 0.1


def test_error_of_parzen_is_what_other_samples_change():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(200, 3))
    found = [parzen_log_likelihood(rng.normal(size=(200, 3)), X, bandwidth=0.5) for _ in range(40)]
    spread = np.std([each.value for each in found])
    # An upper estimate: a fourth of the samples has some more spread than twice that of all.
    assert 0.7 * spread < np.mean([each.error for each in found]) < 3 * spread


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(), "has neither"),
        (dict(bandwidth=0.0), "positive"),
        (dict(bandwidth="wide"), "positive"),
        (dict(X_valid=np.zeros((3, 3))), "X_valid has 3"),
        (dict(X_valid=np.ones((3, 2))), "all alike"),
        (dict(X=np.zeros((3, 3)), bandwidth=1.0), "X has 3"),
        (dict(samples=np.zeros((3, 2)), bandwidth=1.0), "at least 4 samples"),
        (dict(X=np.full((3, 2), np.nan), bandwidth=1.0), "NaN"),
    ],
)
def test_parzen_says_what_it_needs(options, sentence):
    given = dict(samples=np.zeros((9, 2)), X=np.zeros((5, 2))) | options
    with pytest.raises(ValueError, match=sentence):
        parzen_log_likelihood(given.pop("samples"), given.pop("X"), **given)


def test_deeper_code_gives_the_rows_of_tea_a_likelihood():
    tea = load_tea(random_state=7)
    trainer = Backprop(n_passes=300, learning_rate=0.005)
    model = DeepAutoEncoder((40, 8), code="sample", trainer=trainer, random_state=7).fit(tea.train)
    coins = -100 * np.log(2)
    columns = np.clip(tea.train.mean(axis=0), 0.01, 0.99)
    independent = np.mean(tea.test @ np.log(columns) + (1 - tea.test) @ np.log1p(-columns))
    assert coins < independent < model.score(tea.test)
