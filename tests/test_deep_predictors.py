"""DeepClassifier and DeepRegressor: layers trained one at a time, then the whole on targets."""

import pickle
import re
from collections import Counter

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    DeepClassifier,
    DeepRegressor,
    Dense,
    Diverged,
    ExactGradient,
    Gaussian,
    LatentLayer,
    MarginalAscent,
    Shadow,
    Softmax,
    Spin,
    Supervised,
)
from layerwise.estimators.training import Trains
from layerwise.models.chain import Chain

SHORT = Backprop(n_passes=3)
STILL = Backprop(n_passes=1, learning_rate=1e-30)  # what is trained before stays as it is
LAYERS = {
    "rbm": RBM(5, trainer=PCD(n_passes=3)),
    "spin": RBM(5, hidden="spin", trainer=CD(n_passes=3)),
    "autoencoder": AutoEncoder(5, trainer=SHORT),
    "rich": AutoEncoder(5, encoder_layer_sizes=(7, 6), trainer=SHORT),
    "denoising": AutoEncoder(5, corruption=0.2, tied=True, trainer=SHORT),
    "latent": LatentLayer(4, trainer=MarginalAscent(n_passes=3, early_stopping=False)),
    "supervised": Supervised(5, trainer=SHORT),
    "relu": Dense(5),
    "tanh": Dense(5, activation="tanh"),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


@pytest.fixture
def X(rng):
    return (rng.random((60, 8)) < 0.4).astype(float)


@pytest.fixture
def y(rng):
    return rng.integers(3, size=60)


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def assert_same(a, b):
    for k in range(a.network_.n_layers):
        assert np.array_equal(a.network_.weights(k), b.network_.weights(k))
        assert np.array_equal(a.network_.biases(k), b.network_.biases(k))


@every_layer
def test_the_network_begins_with_the_layers_as_they_were_trained(layer, X, y):
    net = DeepClassifier([layer, Dense(4)], fine_tuner=STILL, random_state=5).fit(X, y)
    of_layer = net.layers_[0].inference_.mean(X)
    inner = getattr(layer, "encoder_layer_sizes", ())
    features = net.network_.forward(X, 0, len(inner) + 1)
    if isinstance(layer, LatentLayer):  # a posterior has no weights: the closest ones stand for it
        error = np.abs(features - of_layer).mean()
        assert error < 0.9 * np.abs(of_layer.mean(axis=0) - of_layer).mean()
    else:
        np.testing.assert_allclose(features, of_layer, atol=1e-14)
    assert net.network_.sizes == (8, *inner, *features.shape[1:], 4, 3)


def test_layers_are_those_that_the_same_estimators_would_be(X, y):
    layers = [RBM(5, trainer=PCD(n_passes=4)), RBM(4, trainer=PCD(n_passes=4))]
    net = DeepClassifier(layers, fine_tuner=STILL, random_state=5).fit(X, y)
    dbn = DBN(layers, random_state=5).fit(X)
    for ours, its in zip(net.layers_, dbn.layers_):
        assert np.array_equal(ours.components_, its.components_)
        assert np.array_equal(ours.history_["free_energy_gap"], its.history_["free_energy_gap"])


@every_layer
@pytest.mark.parametrize("output", ["softmax", "one_vs_rest"])
def test_probabilities_are_those_of_classes_and_sum_to_one(layer, output, X, y):
    net = DeepClassifier([layer, Dense(4)], fine_tuner=SHORT, output=output, random_state=5)
    probabilities = net.fit(X, np.array(["a", "b", "c"])[y]).predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert net.classes_.tolist() == ["a", "b", "c"]
    assert np.array_equal(net.predict(X), net.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(net.predict_log_proba(X)), probabilities, atol=1e-12)
    assert net.transform(X).shape == (60, 4)
    assert np.array_equal(net.transform(X), net.network_.forward(X, 0, net.network_.n_layers - 1))


@pytest.mark.parametrize("output", ["softmax", "one_vs_rest"])
@pytest.mark.parametrize("layer", [LAYERS["rbm"], LAYERS["supervised"], LAYERS["relu"]], ids=repr)
def test_a_net_learns_rows_by_heart(layer, output, X):
    X = np.unique(X, axis=0)[:20]
    y = np.arange(len(X)) % 3
    layers = [clone(layer).set_params(n_components=40), Dense(30)]
    tuner = Backprop(n_passes=300, learning_rate=1e-2)
    net = DeepClassifier(layers, fine_tuner=tuner, output=output, random_state=5).fit(X, y)
    assert net.score(X, y) == 1
    assert net.history_["fine_tuner"]["loss"][-1] < 0.05


def test_regression_of_targets_of_any_scale(X, rng):
    targets = np.column_stack([X[:, 0] + 2 * X[:, 1] * X[:, 2], X @ rng.normal(size=8)])
    tuner = Backprop(n_passes=300, learning_rate=1e-2, schedule="linear")
    net = DeepRegressor([Dense(30), Dense(20)], fine_tuner=tuner, random_state=5)
    assert net.fit(X, targets).score(X, targets) > 0.95
    found = net.predict(X)
    assert found.shape == targets.shape
    scaled = clone(net).fit(X, 1e6 * targets + 1e7)
    np.testing.assert_allclose((scaled.predict(X) - 1e7) / 1e6, found, atol=1e-4)
    single = clone(net).fit(X, targets[:, 0])
    assert single.predict(X).shape == (60,)


def test_loss_is_minus_the_mean_log_probability_of_the_labels(X, y):
    # Of one batch before its step: of the network as it was before the pass.
    tuner = Backprop(n_passes=1, batch_size=60, learning_rate=1e-30)
    net = DeepClassifier([Dense(6), Dense(5)], fine_tuner=tuner, random_state=5).fit(X, y)
    expected = -net.predict_log_proba(X)[np.arange(60), y].mean()
    assert net.history_["fine_tuner"]["loss"][0] == pytest.approx(expected, abs=1e-12)


def test_unlabelled_rows_train_layers_and_nothing_else(X, y):
    some = y.copy()
    some[20:] = -1
    net = DeepClassifier(
        [RBM(5, trainer=PCD(n_passes=3)), Supervised(4, trainer=SHORT)],
        fine_tuner=SHORT,
        random_state=5,
    )
    all_rows = clone(net).fit(X, some)
    assert all_rows.classes_.tolist() == [0, 1, 2]
    rbm = RBM(5, trainer=PCD(n_passes=3))
    only = DBN([rbm], random_state=5).fit(X)
    assert np.array_equal(all_rows.layers_[0].components_, only.layers_[0].components_)
    # Where no layer learns from rows without labels, they make no difference.
    dense = DeepClassifier(
        [Dense(5), Supervised(4, trainer=SHORT)], fine_tuner=SHORT, random_state=5
    )
    assert_same(clone(dense).fit(X, some), clone(dense).fit(X[:20], y[:20]))


def test_targets_of_a_regressor_may_be_unknown(X, rng):
    targets = X @ rng.normal(size=(8, 2))
    some = targets.copy()
    some[30:, 1] = np.nan
    net = DeepRegressor([Dense(5)], fine_tuner=SHORT, random_state=5)
    assert_same(clone(net).fit(X, some), clone(net).fit(X[:30], targets[:30]))


def test_minus_one_is_a_label_where_none_are_missing(X, y):
    signs = np.where(y > 0, 1, -1)
    net = DeepClassifier([Dense(5)], fine_tuner=SHORT, unlabelled=None, random_state=5)
    assert net.fit(X, signs).classes_.tolist() == [-1, 1]
    told = "only one class, 1; .* rows are marked as unlabelled by -1.*set unlabelled=None"
    with pytest.raises(ValueError, match=told):
        DeepClassifier([Dense(5)]).fit(X, signs)


@pytest.mark.parametrize("layer", [LAYERS["rbm"], LAYERS["rich"], LAYERS["supervised"]], ids=repr)
def test_continuous_training_of_one_layer_is_greedy_training(layer, X, y):
    net = DeepClassifier([layer], fine_tuner=SHORT, random_state=5)
    greedy = clone(net).fit(X, y)
    assert_same(greedy, clone(net).set_params(pretraining="continuous").fit(X, y))


def test_continuous_training_follows_the_layers_below(X, y):
    fast = PCD(n_passes=6, learning_rate=1.0)  # what is handed up changes from pass to pass
    layers = [RBM(5, trainer=fast), AutoEncoder(4, trainer=SHORT), Dense(3)]
    net = DeepClassifier(layers, fine_tuner=SHORT, random_state=5)
    greedy = clone(net).fit(X, y)
    both = clone(net).set_params(pretraining="continuous").fit(X, y)
    # The first layer knows nothing of those above; they meet other rows than in greedy training.
    assert np.array_equal(both.layers_[0].components_, greedy.layers_[0].components_)
    assert not np.array_equal(both.layers_[1].components_, greedy.layers_[1].components_)
    assert [len(next(iter(both.history_[name].values()))) for name in ("layer1", "layer2")] == [
        6,
        3,
    ]


@pytest.mark.parametrize("kind", ["rbm", "spin", "autoencoder", "rich", "denoising"])
def test_supervision_brings_a_layer_closer_to_the_label(kind):
    # Two columns say all about the label, and the others, noise, say nothing of these.
    rng = np.random.default_rng(79)
    X = (rng.random((400, 20)) < 0.5).astype(float)
    y = (X[:, 0] != X[:, 1]).astype(int)
    layer = clone(LAYERS[kind]).set_params(n_components=8)
    fine_tuner = Backprop(n_passes=1, learning_rate=3e-2)
    told = {}
    for share in (0, 1.0):
        net = DeepClassifier([layer], fine_tuner=fine_tuner, supervision=share, random_state=5)
        net.set_params(layer1__trainer__n_passes=60)
        features = net.fit(X, y).layers_[0].transform(X)
        told[share] = LogisticRegression(max_iter=1000).fit(features, y).score(features, y)
    assert told[1.0] > told[0] + 0.1
    assert told[1.0] > 0.9


def test_what_is_told_beside_supervision_is_the_mean_by_weights(X, y):
    # A rate of next to nothing leaves the layer as it is, so that losses can be told from it.
    own = Backprop(n_passes=1, batch_size=7, learning_rate=1e-30, resample=False)
    layer = AutoEncoder(5, code="mean", trainer=own)
    net = DeepClassifier([layer], fine_tuner=STILL, supervision=1.0, random_state=5)
    weights = 1.0 + np.arange(60)
    told = net.fit(X, y, sample_weight=weights).history_["layer1"]["reconstruction_error"][0]
    fitted = net.layers_[0]
    mean = fitted.reconstruct(X)
    losses = -(X * np.log(mean) + (1 - X) * np.log1p(-mean)).sum(axis=1)
    assert told == pytest.approx(np.average(losses, weights=weights), rel=1e-9)
    assert told != pytest.approx(losses.mean(), rel=1e-3)


def test_supervision_of_zero_is_none_and_of_each_layer_its_own(X, y):
    layers = [RBM(5, trainer=PCD(n_passes=3)), AutoEncoder(4, trainer=SHORT), Dense(3)]
    net = DeepClassifier(layers, fine_tuner=SHORT, random_state=5)
    plain = clone(net).fit(X, y)
    assert_same(plain, clone(net).set_params(supervision=[0, 0.0, 7]).fit(X, y))
    second = clone(net).set_params(supervision=[0, 0.5, 0]).fit(X, y)
    assert np.array_equal(second.layers_[0].components_, plain.layers_[0].components_)
    assert not np.array_equal(second.layers_[1].components_, plain.layers_[1].components_)
    assert isinstance(second.layers_[1].trainer, Backprop)  # the user's own, as it was


def test_early_stopping_keeps_the_parameters_of_the_best_pass(digits):
    X, y = (part[:300] for part in digits)
    y = np.where(np.arange(300) % 7, y, 3)  # some labels are wrong, and learnt by heart in the end
    tuner = Backprop(n_passes=60, learning_rate=1e-2, early_stopping=True, n_passes_no_change=4)
    net = DeepClassifier([Dense(30)], fine_tuner=tuner, random_state=5).fit(X, y)
    told = net.history_["fine_tuner"]["validation_log_likelihood"]
    assert len(told) < 60
    assert told.argmax() == len(told) - 5
    # One pass more or less is another network.
    longer = (
        clone(net).set_params(fine_tuner__n_passes=int(told.argmax()) + 1).fit(X[:300], y[:300])
    )
    assert_same(net, longer)


def test_weights_of_rows(X, y, rng):
    net = DeepClassifier(
        [RBM(5, trainer=CD(n_passes=3)), Supervised(4, trainer=SHORT)],
        fine_tuner=SHORT,
        random_state=5,
    )
    weights = rng.integers(3, size=60).astype(float)
    weighted = clone(net).fit(X, y, sample_weight=weights)
    kept = weights > 0
    assert_same(weighted, clone(net).fit(X[kept], y[kept], sample_weight=weights[kept]))
    assert_same(clone(net).fit(X, y), clone(net).fit(X, y, sample_weight=np.ones(60)))
    # By one batch, a weight of 2 is the row twice.
    exact = DeepRegressor(
        [Dense(5)], fine_tuner=Backprop(batch_size=200, n_passes=5), random_state=5
    )
    twice = np.repeat(np.arange(60), weights.astype(int))
    one = clone(exact).fit(X, 1.0 * y, sample_weight=weights)
    other = clone(exact).fit(X[twice], 1.0 * y[twice])
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_leave_the_bits_of_dense_ones(dtype, X, y):
    X = X.astype(dtype)
    net = DeepClassifier(
        [RBM(5, trainer=CD(n_passes=3)), Supervised(4, trainer=SHORT)],
        fine_tuner=SHORT,
        random_state=5,
    )
    dense, sparse = clone(net).fit(X, y), clone(net).fit(csr_array(X), y)
    assert dense.network_.parameters.dtype == dtype
    assert_same(dense, sparse)
    assert np.array_equal(dense.predict_proba(X), sparse.predict_proba(csr_array(X)))
    assert dense.transform(X).dtype == dtype


def test_bits_do_not_depend_on_threads(X, y, with_threads):
    layers = [
        RBM(5, trainer=CD(n_passes=2)),
        AutoEncoder(4, trainer=SHORT),
        Supervised(4, trainer=SHORT),
    ]

    def fitted():
        net = DeepClassifier(layers, fine_tuner=SHORT, supervision=[0.5, 0.5, 0], random_state=5)
        return net.fit(X, y).predict_proba(X)

    one, *others = with_threads(fitted)
    for other in others:
        assert np.array_equal(one, other)


def test_pickling_and_refitting_leave_the_same_bits(X, y):
    net = DeepClassifier([*LAYERS.values()][:1], fine_tuner=SHORT, random_state=5).fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    assert np.array_equal(again.predict_proba(X), net.predict_proba(X))
    assert_same(net, clone(net).fit(X, y))


def test_files_of_skops_hold_classes_of_this_package_alone(X, y):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    layers = [RBM(5, trainer=PCD(n_passes=2)), Supervised(4, trainer=SHORT), Dense(3)]
    net = DeepClassifier(layers, fine_tuner=SHORT, random_state=5).fit(X, y)
    data = skops.dumps(net)
    listed = skops.get_untrusted_types(data=data)
    assert all(name.startswith("layerwise.") for name in listed)
    again = skops.loads(data, trusted=listed)
    assert np.array_equal(again.predict_proba(X), net.predict_proba(X))
    assert_same(again.fit(X, y), net)


def test_searches_reach_all_parts(X, y):
    net = DeepClassifier([("bottom", RBM(5, trainer=CD(n_passes=2))), Dense(4)], random_state=5)
    net.set_params(fine_tuner__n_passes=2)  # of the default, which is None
    grid = {
        "bottom__n_components": [3, 4], "fine_tuner__learning_rate": [1e-3, 1e-2],
        "layer2__activation": ["tanh"],
    }  # fmt: skip
    search = GridSearchCV(net, grid, cv=2).fit(X, y)
    assert search.best_estimator_.layers_[1].activation == "tanh"
    assert set(search.cv_results_["param_bottom__n_components"]) == {3, 4}


def test_a_fitted_layer_can_be_frozen(X, y):
    rbm = RBM(5, trainer=PCD(n_passes=3), random_state=5).fit(X)
    net = DeepClassifier([FrozenEstimator(rbm), Dense(4)], fine_tuner=STILL, random_state=5)
    np.testing.assert_allclose(
        net.fit(X, y).network_.forward(X, 0, 1), rbm.transform(X), atol=1e-14
    )


def test_lines_are_printed_of_layers_and_of_the_whole(X, y, capsys):
    layers = [RBM(5, trainer=CD(n_passes=2)), Supervised(4, trainer=SHORT)]
    net = DeepClassifier(layers, fine_tuner=SHORT, verbose=1, random_state=5).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [re.match(r"\[(.*)\] pass", line)[1] for line in lines] == [
        "RBM", "Supervised", "DeepClassifier.fine_tuner",
    ]  # fmt: skip
    assert f"loss {net.history_['fine_tuner']['loss'][-1]:.4f}" in lines[-1]


class Hears:
    """A callback that counts the tasks which end."""

    def __init__(self):
        self.heard = Counter()
        self.fitted = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.heard[context.task_name] += 1
        if context.task_name == "pass":
            self.fitted.append(fitted_estimator)


def test_callbacks_hear_of_layers_and_passes(X, y):
    hears = Hears()
    net = DeepClassifier(
        [Dense(4), Supervised(3, trainer=SHORT)], fine_tuner=SHORT, random_state=5
    )
    net.set_callbacks(hears).fit(X, y)
    assert hears.heard == {"layer1": 1, "layer2": 1, "fine_tuner": 1, "fit": 1, "pass": 3}
    last = hears.fitted[-1]
    assert np.array_equal(last.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize(
    ("layers", "options", "told"),
    [
        ([], {}, "layers is empty. Add RBM()"),
        ([RBM], {}, "is the class RBM. Pass RBM()"),
        ([DBN([RBM(2)])], {}, "Use RBM, AutoEncoder, LatentLayer, Supervised or Dense"),
        ([Dense(3), RBM(2)], {}, "hands up units 'relu', from 0 to infinity"),
        ([Dense(3, activation="tanh"), AutoEncoder(2)], {}, "'tanh', from -1 to 1"),
        ([RBM(3, hidden="spin"), RBM(2)], {}, "visible='gaussian'"),
        ([RBM(3), RBM(2, visible=Softmax())], {}, "Softmax"),
        ([Dense(3)], {"supervision": [1, 1]}, "one for each of the 1 layers"),
        ([Dense(3)], {"supervision": -1}, "not negative"),
        ([LAYERS["latent"]], {"supervision": 1}, "lacks one of these"),
        ([RBM(3, trainer=ExactGradient(n_passes=2))], {"supervision": 1}, "lacks one of these"),
        ([RBM(3)], {"supervision": 1, "pretraining": "continuous"}, "Set one of the two back"),
        ([Dense(3)], {"fine_tuner": CD()}, "Use Backprop() or Shadow()"),
        ([Dense(3)], {"fine_tuner": Backprop("squared_error")}, "loss='cross_entropy'"),
        ([Dense(3, activation="tanh")], {"fine_tuner": Shadow()}, "this one has tanh layers"),
        ([RBM(3, hidden=[("bernoulli", 2), ("spin", 1)])], {}, "Use units of one kind"),
        ([RBM(3, hidden=[("bernoulli", 2), ("spin", 1)]), RBM(2)], {}, "units of one kind"),
        ([Dense(3, activation="step")], {}, "activation"),
        ([Dense(3)], {"output": "sigmoid"}, "output"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_any_work(layers, options, told, X, y, monkeypatch):
    """A fine-tuner that took no such layers said so after these had been trained."""

    def works(self, *args, **kwargs):
        raise AssertionError("a layer is trained")

    for kind in (Trains, Dense):
        monkeypatch.setattr(kind, "fit_input", works)
    net = DeepClassifier(layers, **options)
    with pytest.raises((ValueError, TypeError), match=re.escape(told)):
        net.fit(X, y)
    assert not hasattr(net, "layers_")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (lambda y: y * 0, "only one class, 0. Pass rows of more classes"),
        (lambda y: y * 0 - 1, "no label; 60 rows are marked as unlabelled by -1"),
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: y + 0.5, "Unknown label type"),
        (lambda y: np.where(y, y, np.nan), "NaN"),
        (lambda y: None, "requires y to be passed"),
        (lambda y: np.eye(3)[y], "1d array"),
    ],
)
def test_labels_that_say_nothing_are_refused(labels, told, X, y):
    net = DeepClassifier([Dense(3)], fine_tuner=SHORT, random_state=5).fit(X, y)
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=re.escape(told)):
        net.fit(X, labels(y))
    assert np.array_equal(net.predict_proba(X), before)  # nothing is lost


def test_targets_that_say_nothing_are_refused(X, y):
    net = DeepRegressor([Dense(3)], fine_tuner=SHORT)
    with pytest.raises(ValueError, match="y is NaN in all"):
        net.fit(X, np.full(60, np.nan))
    with pytest.raises(ValueError, match="infinity"):
        net.fit(X, np.full(60, np.inf))
    with pytest.raises(ValueError, match="have the weight 0"):
        net.fit(X, np.where(np.arange(60) < 5, 1.0, np.nan), sample_weight=np.arange(60) >= 5)
    with pytest.warns(DataConversionWarning):
        net.fit(X, y[:, None])


def test_a_net_that_diverges_loses_nothing(X, y):
    net = DeepClassifier([RBM(3, trainer=CD(n_passes=2))], fine_tuner=SHORT, random_state=5)
    before = net.fit(X, y).predict_proba(X)
    net.set_params(fine_tuner=Backprop(optimizer="sgd", learning_rate=1e30))
    with pytest.raises(Diverged, match="Lower the learning rate"):
        net.fit(X, y)
    assert np.array_equal(net.predict_proba(X), before)
    net.set_params(fine_tuner=SHORT, supervision=1e30)
    with pytest.raises(Diverged, match="Lower the learning rate"):
        net.fit(X, y)
    assert np.array_equal(net.predict_proba(X), before)


def test_a_net_that_is_not_fitted_says_so(X):
    for call in ("predict", "predict_proba", "transform"):
        with pytest.raises(NotFittedError):
            getattr(DeepClassifier([Dense(3)]), call)(X)


def test_data_are_those_of_the_first_layer(X, y):
    net = DeepClassifier([RBM(3, trainer=CD(n_passes=2))], fine_tuner=SHORT, random_state=5)
    with pytest.raises(ValueError, match="Bernoulli units take values in"):
        net.fit(3 * X, y)
    net.fit(X, y)
    with pytest.raises(ValueError, match="Bernoulli units take values in"):
        net.predict(3 * X)
    spins = DeepClassifier([RBM(3, visible=Spin(), trainer=CD(n_passes=2))], fine_tuner=SHORT)
    assert spins.fit(2 * X - 1, y).predict(2 * X - 1).shape == (60,)
    real = DeepClassifier(
        [RBM(3, visible=Gaussian(), trainer=CD(n_passes=2, learning_rate=1e-3))], fine_tuner=SHORT
    )
    assert real.fit(3 * X - 1, y).predict(3 * X).shape == (60,)


def test_the_network_is_a_chain_that_can_be_looked_into(X, y):
    net = DeepClassifier([Dense(5), Dense(4)], fine_tuner=SHORT, random_state=5).fit(X, y)
    assert isinstance(net.network_, Chain)
    hidden = np.maximum(X @ net.network_.weights(0) + net.network_.biases(0), 0)
    np.testing.assert_allclose(net.network_.forward(X, 0, 1), hidden, atol=1e-14)
