"""Weights of rows: a weight of 2 is the row twice, and rows of weight 0 change nothing."""

import copy
import pickle

import numpy as np
import pytest
from laws.models import rows_of
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    BoundAscent,
    ExactGradient,
    Gaussian,
    Incompatible,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    Softmax,
    Spin,
    TruncatedExponential,
)
from layerwise.models.inputs import LayerInput
from layerwise.models.mixed import Mixed
from layerwise.models.rbm import RBMParams
from layerwise.numerics.streams import Stream
from layerwise.trainers.watch import mean_log_likelihood

STREAM = Stream.from_random_state(20121)
KINDS = {
    "bernoulli": ("bernoulli", 6),
    "spin": (Spin(), 6),
    "gaussian": (Gaussian(), 6),
    "truncated exponential": (TruncatedExponential(), 6),
    "softmax": (Softmax((3, 2)), 5),
    "mixed": (Mixed(((Gaussian(), 2), (Softmax((3,)), 3), (Spin(), 1))), 6),
}
every_kind = pytest.mark.parametrize(("kind", "n_units"), KINDS.values(), ids=KINDS)

# All rows are one batch, and nothing is drawn for a row: training is a function of the rows alone.
EXACT = {
    "exact": lambda kind: RBM(3, visible=kind, trainer=ExactGradient(n_passes=5)),
    "marginal": lambda kind: LatentLayer(
        3, visible=kind, trainer=MarginalAscent(n_passes=5, early_stopping=False)
    ),
    "from a layer": lambda kind: LatentLayer(
        3,
        init=RBM(3, visible=kind, trainer=ExactGradient(n_passes=2)),
        visible=kind,
        trainer=MarginalAscent(n_passes=5, early_stopping=False),
    ),
    "bound": lambda kind: AutoEncoder(3, visible=kind, trainer=BoundAscent(n_passes=5)),
}
# And those for which each row has draws.
DRAWING = {
    "cd": RBM(3, trainer=CD(n_passes=4, batch_size=10)),
    "pcd": RBM(3, trainer=PCD(n_passes=4, batch_size=10, n_chains=7)),
    "drop-in": BernoulliRBM(3, n_iter=4),
    "backprop": AutoEncoder(3, corruption=0.1, trainer=Backprop(n_passes=4)),
    "dbn": DBN(
        [
            LatentLayer(3, trainer=MarginalAscent(n_passes=3, early_stopping=False)),
            RBM(2, trainer=PCD(n_passes=3)),
        ],
        fine_tuner=LikelihoodAscent(n_passes=2),
    ),
}
every_estimator = pytest.mark.parametrize(
    "estimator",
    [*DRAWING.values(), *(make("bernoulli") for make in EXACT.values())],
    ids=[*DRAWING, *EXACT],
)


def data(kind, n_units, n_rows=14, seed=43):
    rng = np.random.default_rng(seed)
    kind = RBM(visible=kind).data_units(n_units)
    return rows_of(kind, n_units, n_rows, rng), rng.integers(0, 4, size=n_rows)


def fitted(estimator, *args, **kwargs):
    return clone(estimator).set_params(random_state=7).fit(*args, **kwargs)


def learnt(estimator):
    """Return all that was learnt, as one array."""
    layers = estimator.layers_ if isinstance(estimator, DBN) else [estimator]
    return np.concatenate([
        array.ravel().astype(float)
        for layer in layers
        for name, array in sorted(vars(layer).items())
        if name in ("components_", "intercept_visible_", "intercept_hidden_", "noise_variance_",
                    "latent_marginal_")
    ])  # fmt: skip


@every_kind
@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_a_weight_of_two_is_the_row_twice(make, kind, n_units):
    X, weights = data(kind, n_units)
    weighed = fitted(make(kind), X, sample_weight=weights)
    repeated = fitted(make(kind), np.repeat(X, weights, axis=0))
    # Sums over rows in another order, through five steps of Adam, whose first step is of size
    # rate however small a gradient is.
    np.testing.assert_allclose(learnt(weighed), learnt(repeated), rtol=0, atol=1e-8)
    for name, told in weighed.history_.items():
        np.testing.assert_allclose(told, repeated.history_[name], rtol=0, atol=1e-7)
    np.testing.assert_allclose(weighed.score_samples(X), repeated.score_samples(X), atol=1e-7)
    assert np.isfinite(learnt(weighed)).all()


def test_a_weight_of_two_is_the_row_twice_to_a_deep_model():
    X, weights = data("bernoulli", 6)
    rows = [
        LayerInput(X[weights > 0], weights=weights[weights > 0].astype(float)),
        LayerInput(np.repeat(X, weights, axis=0)),
    ]
    start = fitted(DBN([RBM(4), RBM(3)]), X).model_
    models = start.copy(), start.copy()
    objectives = [
        [each.objective for each in LikelihoodAscent(n_passes=5).passes(model, part, STREAM)]
        for model, part in zip(models, rows)
    ]
    np.testing.assert_allclose(*objectives, rtol=1e-10)
    for one, two in zip(*(model.arrays() for model in models)):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-8)  # as above


@every_estimator
def test_rows_of_weight_zero_change_nothing(estimator):
    X, weights = data("bernoulli", 6, n_rows=40)
    kept = weights > 0
    ours = fitted(estimator, X, sample_weight=weights)
    theirs = fitted(estimator, X[kept], sample_weight=weights[kept])
    assert np.array_equal(learnt(ours), learnt(theirs))
    assert ours.score(X, sample_weight=weights) == theirs.score(X[kept], None, weights[kept])


@every_estimator
def test_weights_of_one_leave_the_bits_of_none(estimator):
    X, _ = data("bernoulli", 6, n_rows=40)
    for ones in (np.ones(40), 1, np.ones(40, dtype=int)):
        ours = fitted(estimator, X, sample_weight=ones)
        assert np.array_equal(learnt(ours), learnt(fitted(estimator, X)))
    some = np.arange(40) % 3 > 0  # zeros and ones are a choice of rows
    ours = fitted(estimator, X, sample_weight=some)
    assert np.array_equal(learnt(ours), learnt(fitted(estimator, X[some])))


@every_estimator
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_change_what_is_learnt_and_keep_the_dtype(estimator, dtype):
    X, weights = data("bernoulli", 6, n_rows=40)
    X = X.astype(dtype)
    before = X.copy(), weights.copy()
    ours = fitted(estimator, X, sample_weight=weights)
    assert np.abs(learnt(ours) - learnt(fitted(estimator, X))).max() > 1e-4
    assert ours.transform(X).dtype == dtype
    assert np.array_equal(X, before[0])
    assert np.array_equal(weights, before[1])


@pytest.mark.parametrize("trainer", [CD(), PCD(n_chains=9), ExactGradient(), Backprop()])
def test_a_factor_of_all_weights_is_no_larger_step(trainer):
    X = data("bernoulli", 6, n_rows=30)[0]
    weights = np.random.default_rng(5).random(30) + 0.1
    trainer = clone(trainer).set_params(n_passes=3, batch_size=10)
    results = []
    for factor in (1, 1024):
        rows = LayerInput(X, weights=factor * weights)
        if isinstance(trainer, Backprop):
            layer = AutoEncoder(3, trainer=trainer).fit_input(rows, STREAM)
            results.append(learnt(layer))
        else:
            params = RBMParams.init(X, 3, STREAM)
            list(trainer.passes(params, rows, STREAM))
            results.append(np.concatenate([array.ravel() for array in params.arrays()]))
    assert np.array_equal(*results)  # a power of two rounds nothing


@pytest.mark.parametrize("trainer", [CD(n_steps=2), PCD(n_chains=50), ExactGradient()])
def test_weighted_rows_make_the_model_of_the_weighted_data(trainer):
    """The means of a trained model are the weighted means of its data."""
    rng = np.random.default_rng(11)
    X = (rng.random((200, 5)) < 0.5).astype(float)
    weights = np.where(X[:, 0] == 1, 4.0, 1.0)
    trainer = clone(trainer).set_params(n_passes=150, learning_rate=0.05, schedule="linear")
    rbm = fitted(RBM(3, trainer=trainer), X, sample_weight=weights)
    drawn = rbm.sample(20_000, random_state=3)
    # The mean of column 0 is about 0.8 with weights, and 0.5 without; four deviations of the
    # draws are 0.014, and CD's bias and the last steps' noise are of that size.
    np.testing.assert_allclose(
        drawn.mean(axis=0), np.average(X, axis=0, weights=weights), atol=0.04
    )


def test_chains_start_from_rows_by_their_weights():
    copier = RBMParams(1000 * np.eye(5), np.zeros(5), np.full(5, -500.0))  # h copies v
    weights = np.array([1.0, 2.0, 3.0, 4.0, 90.0])
    rows = LayerInput(np.eye(5), weights=weights)
    chains = PCD(n_chains=20_000)._chains(copier, rows, STREAM)
    p = weights / weights.sum()
    assert np.all(np.abs(chains.mean(axis=0) - p) < 4 * np.sqrt(p * (1 - p) / 20_000))


def test_history_is_of_the_weighted_rows():
    X, weights = data("bernoulli", 6, n_rows=40)
    for trainer in (CD(n_passes=3), PCD(n_passes=3), ExactGradient(n_passes=3)):
        rbm = fitted(RBM(3, trainer=trainer), X, sample_weight=weights)
        told = rbm.history_["log_likelihood"][-1]
        assert told == pytest.approx(rbm.score(X, sample_weight=weights), rel=1e-12)
        repeated = np.repeat(X, weights, axis=0)
        assert told == pytest.approx(mean_log_likelihood(rbm.params_, repeated), rel=1e-12)


def test_an_auto_encoder_aggregates_its_inference_by_weights():
    X, weights = data("bernoulli", 6, n_rows=40)
    layer = fitted(AutoEncoder(3, trainer=Backprop(n_passes=30)), X, sample_weight=weights)
    repeated = copy.deepcopy(layer)
    kept = weights[weights > 0]
    repeated.latent_fields_ = np.repeat(layer.latent_fields_, kept, axis=0)
    repeated.latent_weights_ = None
    np.testing.assert_allclose(layer.score_samples(X), repeated.score_samples(X), rtol=1e-12)
    means = [each.sample(20_000, random_state=3).mean(axis=0) for each in (layer, repeated)]
    np.testing.assert_allclose(*means, atol=4 * 0.5 * np.sqrt(2 / 20_000))
    again = pickle.loads(pickle.dumps(layer))
    assert np.array_equal(again.score_samples(X), layer.score_samples(X))
    layer.latent_weights_ = layer.latent_weights_ * 2
    with pytest.raises(ValueError, match=r"latent_weights_ must be positive and sum to 1"):
        layer.score_samples(X)


def test_score_is_the_weighted_mean():
    X, weights = data("bernoulli", 6)
    rbm = fitted(RBM(3, trainer=CD(n_passes=3)), X)
    values = rbm.score_samples(X)
    assert rbm.score(X, sample_weight=weights) == pytest.approx(
        np.average(values, weights=weights), rel=1e-14
    )
    assert rbm.score(X, sample_weight=None) == values.mean()


@every_estimator
@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0] * 13 + [-1.0], "Negative values in data passed to `sample_weight`"),
        ([0.0] * 14, "at least one non-zero"),
        ([1.0] * 13, r"sample_weight.shape == \(13,\), expected \(14,\)"),
        ([1.0] * 13 + [np.nan], "sample_weight contains NaN"),
        ([1e308] * 14, "finite sum.*Scale them down"),
        (np.ones((14, 2)), "must be 1D array or scalar"),
    ],
)
def test_bad_weights_are_told_and_lose_nothing(estimator, weights, sentence):
    X, _ = data("bernoulli", 6)
    model = fitted(estimator, X)
    before = learnt(model)
    for method in (model.fit, model.score):
        with pytest.raises(ValueError, match=sentence), np.errstate(over="ignore"):
            method(X, sample_weight=weights)
    assert np.array_equal(learnt(model), before)


class Other(TransformerMixin, BaseEstimator):
    """A layer of another package, which takes no weights."""

    def fit(self, X, y=None):
        self.conditional_ = fitted(RBM(3, trainer=CD(n_passes=1)), X).conditional_
        return self

    def transform(self, X):
        return self.conditional_.visible.mean(X @ self.conditional_.weights.T)


class Weighed(Other):
    """And one that takes them."""

    def fit(self, X, y=None, sample_weight=None):
        self.seen = sample_weight
        return super().fit(X)


def test_a_foreign_layer_is_told_the_weights_or_refused():
    X, weights = data("bernoulli", 6)
    top = RBM(2, trainer=CD(n_passes=1))
    dbn = DBN([Weighed(), top], random_state=7).fit(X, sample_weight=weights)
    assert np.array_equal(dbn.layers_[0].seen, weights[weights > 0])
    with pytest.raises(Incompatible, match=r"Other has no sample_weight. Use AutoEncoder or RBM"):
        DBN([Other(), top], random_state=7).fit(X, sample_weight=weights)


def test_a_foreign_layer_is_refused_before_those_below_it_are_trained(monkeypatch):
    def work(*args, **kwargs):
        raise AssertionError("work was begun")

    X, weights = data("bernoulli", 6)
    dbn = DBN([RBM(6), Other(), RBM(2)], random_state=7)
    monkeypatch.setattr(PCD, "passes", work)
    with pytest.raises(Incompatible, match=r"Other has no sample_weight"):
        dbn.fit(X, sample_weight=weights)
    with pytest.raises(AssertionError, match="work was begun"):
        dbn.fit(X)


def test_a_frozen_layer_stays_as_it_is_under_weights():
    X, weights = data("bernoulli", 6)
    frozen = FrozenEstimator(fitted(RBM(3, trainer=CD(n_passes=2)), X))
    before = learnt(frozen.estimator)
    dbn = DBN([frozen, RBM(2, trainer=CD(n_passes=1))], random_state=7)
    dbn.fit(X, sample_weight=weights)
    assert np.array_equal(learnt(dbn.layers_[0].estimator), before)
    given = fitted(dbn, sparse.csr_array(X), sample_weight=weights)
    assert np.array_equal(learnt(given.layers_[1]), learnt(dbn.layers_[1]))


def test_weights_are_carried_by_inputs():
    X, weights = data("bernoulli", 6)
    rows = LayerInput(X, weights=weights)
    assert rows.above(None).weights is weights
    assert np.array_equal(rows.take([3, 1]).weights, weights[[3, 1]])
    np.testing.assert_allclose(rows.shares.sum(), 1, rtol=1e-15)
    assert LayerInput(X).take([0]).weights is LayerInput(X).shares is None


@every_kind
def test_first_parameters_are_those_of_repeated_rows(kind, n_units):
    X, weights = data(kind, n_units)
    weights[0] = 0
    kind = RBM(visible=kind).data_units(n_units)
    repeated = np.repeat(X, weights, axis=0)
    kept, some = X[weights > 0], weights[weights > 0].astype(float)
    variance = kind.first_log_variance(kept, some)
    np.testing.assert_allclose(variance, kind.first_log_variance(repeated), atol=1e-12)
    np.testing.assert_allclose(
        kind.first_biases(kept, variance, some), kind.first_biases(repeated, variance), atol=1e-12
    )
    if kind != Spin() and not isinstance(kind, Mixed):
        assert np.array_equal(kind.first_log_variance(sparse.csr_array(kept), some), variance)
        assert np.array_equal(
            kind.first_biases(sparse.csr_array(kept), variance, some),
            kind.first_biases(kept, variance, some),
        )


@pytest.mark.parametrize("estimator", [DRAWING["cd"], DRAWING["pcd"], DRAWING["drop-in"]])
def test_going_on_takes_weights_and_sparse_rows(estimator):
    """Calls of ``partial_fit`` are passes of ``fit``, under weights as without."""
    X, weights = data("bernoulli", 6, n_rows=40)
    n_passes = 4
    whole = fitted(estimator, X, sample_weight=weights)
    parts = clone(estimator).set_params(random_state=7)
    for given in (X, sparse.csr_array(X)) * (n_passes // 2):
        parts.partial_fit(given, sample_weight=weights)
    assert np.array_equal(learnt(parts), learnt(whole))


@pytest.mark.parametrize("option", [{"centered": True}, {"sparsity_target": 0.2}])
def test_running_means_go_on_with_training(option):
    X, _ = data("bernoulli", 6, n_rows=40)
    trainer = PCD(n_passes=4, batch_size=10, **option)
    whole = fitted(RBM(3, trainer=trainer), X)
    parts = RBM(3, trainer=trainer, random_state=7)
    for _ in range(4):
        parts.partial_fit(X)
    assert np.array_equal(learnt(parts), learnt(whole))
    # Asked for in the middle of training, they begin at the means of the rows.
    later = RBM(3, trainer=PCD(n_passes=4, batch_size=10), random_state=7)
    later.partial_fit(X).set_params(trainer=trainer).partial_fit(X)
    assert np.isfinite(learnt(later)).all()
    below = later._trained.state.means[0]
    np.testing.assert_allclose(below, X.mean(axis=0), atol=0.04)  # four hundredths of the way
