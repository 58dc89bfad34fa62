"""Training that goes on: ``partial_fit`` and ``warm_start``, and what they are equal to."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BoundAscent,
    DeepAutoEncoder,
    Diverged,
    ExactGradient,
    Incompatible,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    Softmax,
)
from layerwise.trainers.state import Pass

ASCENT = MarginalAscent(early_stopping=False)
# Layers with every trainer, and of units whose variances are learned.
LAYERS = [
    RBM(4, trainer=CD(optimizer="adam")),
    RBM(4, trainer=PCD(n_chains=7, batch_size=8)),
    RBM(4, trainer=ExactGradient()),
    RBM(4, visible="gaussian", trainer=PCD(learning_rate=1e-3)),
    AutoEncoder(4, corruption=0.2, trainer=Backprop()),
    AutoEncoder(4, tied=True, trainer=BoundAscent(after=Backprop(n_passes=2))),
    AutoEncoder(3, visible="gaussian", encoder_layer_sizes=(5,), trainer=Backprop()),
    LatentLayer(4, trainer=ASCENT),
    LatentLayer(3, visible="gaussian", trainer=ASCENT),
    DeepAutoEncoder((4, 3), trainer=Backprop()),
]


def rows_for(layer, rng, n_rows=30):
    if layer.visible == "gaussian":
        return rng.normal(size=(n_rows, 6))
    return (rng.random((n_rows, 9)) < 0.4).astype(float)


def made(layer, n_passes, **params):
    """Return such a layer, unfitted, with a rate that does not depend on the pass."""
    params = {"trainer__schedule": "constant", "random_state": 353, **params}
    return clone(layer).set_params(trainer__n_passes=n_passes, **params)


def arrays(layer):
    """Return every array that fitting made, by name; of an inference network its parameters."""
    found = {name: each for name, each in vars(layer).items() if isinstance(each, np.ndarray)}
    if isinstance(layer, AutoEncoder):
        found["inference"] = layer.inference_.chain.parameters
    return found


def assert_same(one, other):
    assert arrays(one).keys() == arrays(other).keys()
    for name, values in arrays(one).items():
        np.testing.assert_array_equal(values, arrays(other)[name], err_msg=name)
    assert list(one.history_) == list(other.history_)
    for name, values in one.history_.items():
        np.testing.assert_array_equal(values, other.history_[name], err_msg=name)


def differs(one, other):
    return not np.array_equal(one.components_, other.components_)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_n_calls_of_partial_fit_are_a_fit_of_n_passes(layer, rng):
    X = rows_for(layer, rng)
    whole, parts = made(layer, 5).fit(X), made(layer, 5)
    for _ in range(5):
        parts.partial_fit(X)
    assert_same(parts, whole)
    assert parts.score(X) == whole.score(X)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_partial_fit_and_warm_start_go_on_from_fit(layer, rng):
    X = rows_for(layer, rng)
    whole = made(layer, 5).fit(X)
    parts = made(layer, 3).fit(X).partial_fit(X)
    assert_same(pickle.loads(pickle.dumps(parts)).partial_fit(X), whole)
    assert_same(parts.partial_fit(X), whole)
    warm = made(layer, 3, warm_start=True).fit(X)
    assert differs(warm, whole)
    assert_same(warm.set_params(trainer__n_passes=2).fit(X), whole)
    assert_same(made(layer, 5).fit(rows_for(layer, rng)).fit(X), whole)  # not warm: starts anew


def test_partial_fit_with_more_rows_than_a_batch_keeps_to_the_data(seed):
    """scikit-learn's BernoulliRBM drove all units to 1 in such calls, and returned None.

    1000 calls of 100 rows with batch_size=10: the model's mean was 1.0, the data's 0.311.
    """
    X = (np.random.default_rng(seed).random((100, 12)) < 0.3).astype(float)
    rbm = RBM(6, trainer=PCD(n_chains=10, batch_size=10, learning_rate=0.01), random_state=seed)
    for _ in range(600):
        assert rbm.partial_fit(X) is rbm
    model = rbm.sample(20_000, random_state=seed).mean()  # exact draws, standard error 0.001
    assert abs(model - X.mean()) < 0.03


def test_parts_of_the_rows_train_as_well_as_all_of_them(rng):
    modes = (rng.random((3, 12)) < 0.5).astype(float)
    X = np.abs(modes[rng.integers(3, size=600)] - (rng.random((600, 12)) < 0.05))
    test = np.abs(modes[rng.integers(3, size=300)] - (rng.random((300, 12)) < 0.05))
    rbm = RBM(4, trainer=PCD(batch_size=20), random_state=353)
    # Of any number of rows: batches are not filled up, nor carried over.
    for _ in range(20):
        for part in np.split(X, [1, 8, 100, 307]):
            rbm.partial_fit(part)
    independent = -12 * np.log(2)
    assert rbm.score(test) > independent + 3
    assert len(rbm.history_["free_energy_gap"]) == 100


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("fitted", [False, True])
def test_a_call_that_fails_leaves_all_as_it_was(layer, fitted, rng):
    X = rows_for(layer, rng)
    layer = made(layer, 2)
    if fitted:
        layer.fit(X)
    # As it is written down, state and chains included; objects that are shared come again.
    before = {name: pickle.dumps(value) for name, value in vars(layer).items()}
    held = {name: values.copy() for name, values in arrays(layer).items()} if fitted else {}
    kept = dict(vars(layer))
    wrong = X.copy()
    wrong[2, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        layer.partial_fit(wrong)
    rate = layer.trainer.learning_rate
    layer.set_params(trainer__learning_rate=1e12, trainer__optimizer="sgd")
    with pytest.raises(Diverged, match="learning_rate=1000000000000"):
        layer.partial_fit(X)
    assert vars(layer).keys() == kept.keys()
    assert all(vars(layer)[name] is kept[name] for name in kept)
    for name in set(before) - {"trainer"}:
        assert pickle.dumps(vars(layer)[name]) == before[name], name
    for name, values in held.items():
        np.testing.assert_array_equal(arrays(layer)[name], values)
    assert np.isfinite(layer.set_params(trainer__learning_rate=rate).partial_fit(X).score(X))


def test_it_goes_on_as_if_a_failed_call_had_not_been(rng):
    """A pass improves arrays in place, and a failed one would leave them moved half the way."""
    X = rows_for(LAYERS[1], rng)
    one, other = (made(LAYERS[1], 4).fit(X) for _ in range(2))
    held = one.components_
    values = held.copy()
    with pytest.raises(Diverged):
        one.set_params(trainer__learning_rate=1e30).partial_fit(X)
    one.set_params(trainer__learning_rate=other.trainer.learning_rate)
    assert_same(one.partial_fit(X), other.partial_fit(X))
    # Nor does a call that does not fail write to what was handed out before.
    np.testing.assert_array_equal(held, values)
    assert differs(one, made(LAYERS[1], 4).fit(X))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_later_calls_keep_the_width_and_the_float_type_of_the_first(layer, rng):
    narrow = rows_for(layer, rng).astype(np.float32)
    wide, n = narrow.astype(np.float64), narrow.shape[1]
    layer = made(layer, 3).partial_fit(narrow)
    assert layer.n_features_in_ == n
    same = made(layer, 3).partial_fit(narrow).partial_fit(narrow)
    assert layer.partial_fit(wide).components_.dtype == np.float32
    np.testing.assert_allclose(layer.components_, same.components_, rtol=1e-5, atol=1e-6)
    assert layer.transform(narrow).dtype == np.float32
    words = f"X has {n - 1} features, but .* is expecting {n} features"
    with pytest.raises(ValueError, match=words):
        layer.partial_fit(wide[:, 1:])
    assert layer.set_params(warm_start=True).fit(wide).components_.dtype == np.float32
    with pytest.raises(Incompatible, match=rf"n_features={n}, and now has n_features={n - 1}\. "):
        layer.fit(wide[:, 1:])
    assert layer.partial_fit(wide).n_features_in_ == n


@pytest.mark.parametrize(
    ("layer", "change", "words"),
    [
        (LAYERS[0], {"n_components": 5}, "n_components=4, and now has n_components=5"),
        (LAYERS[0], {"hidden": "spin"}, "hidden=Bernoulli.*, and now has hidden=Spin"),
        (LAYERS[4], {"encoder_layer_sizes": (6,)}, r"encoder_layer_sizes=\(\), and now has"),
        (LAYERS[4], {"tied": True}, "tied=False, and now has tied=True"),
        (LAYERS[7], {"n_components": 3}, "n_components=4, and now has n_components=3"),
    ],
)
def test_other_sizes_or_units_are_refused_in_a_sentence(layer, change, words, rng):
    X = rows_for(layer, rng)
    layer = made(layer, 2, warm_start=True).fit(X)
    before = layer.score(X)
    as_it_was = {name: layer.get_params()[name] for name in change}
    for method in (layer.partial_fit, layer.fit):
        layer.set_params(**change)
        with pytest.raises(Incompatible, match=f"{words}.*fit with warm_start=False"):
            method(X)
        assert layer.set_params(**as_it_was).score(X) == before
    assert layer.set_params(warm_start=False, **change).fit(X) is layer
    assert layer.partial_fit(X) is layer


def rates_of(trainer):
    """Have a trainer keep the rate of each of its passes, and return the list."""
    rates, of = [], type(trainer).rate
    trainer.rate = lambda index: rates.append(of(trainer, index)) or rates[-1]
    return rates


def test_the_rate_of_a_call_is_the_schedule_at_the_passes_so_far(rng):
    X = rows_for(LAYERS[0], rng)
    falling = [0.5, 0.375, 0.25, 0.125]
    rbm = RBM(3, trainer=CD(learning_rate=0.5, n_passes=4, schedule="linear"), random_state=5)
    rates = rates_of(rbm.trainer)
    for _ in range(6):
        rbm.partial_fit(X)
    assert rates == [*falling, 0.125, 0.125]  # beyond n_passes: that of the last pass
    rates.clear()
    rbm.fit(X).partial_fit(X)
    assert rates == [*falling, 0.125]
    rates.clear()
    rbm.set_params(warm_start=True).fit(X).partial_fit(X)  # each fit has its schedule
    assert rates == [*falling, 0.125]
    asked = []
    rbm.set_params(trainer__schedule=lambda index: asked.append(index) or 1.0, warm_start=False)
    rbm.fit(X).partial_fit(X).partial_fit(X)
    assert asked == [0, 1, 2, 3, 4, 5]  # a function is asked for the pass itself


def test_a_trainer_may_be_changed_between_calls(rng):
    X = rows_for(LAYERS[0], rng)
    start = RBM(3, trainer=CD(n_passes=3), random_state=5).fit(X)
    weights = start.components_.copy()
    for trainer in (CD(optimizer="adam"), PCD(n_chains=5), PCD(n_chains=9), ExactGradient()):
        start.set_params(trainer=trainer).partial_fit(X)
        assert np.abs(start.components_ - weights).max() < 0.5  # it went on, from these weights
        chains = start._trained.state.chains
        assert (0 if chains is None else len(chains)) == trainer.n_chains
        weights = start.components_.copy()
    told = start.history_
    assert list(told) == ["log_likelihood", "negative_log_likelihood", "free_energy_gap"]
    assert np.isnan(told["negative_log_likelihood"]).tolist() == [True] * 6 + [False]
    assert np.isnan(told["free_energy_gap"]).tolist() == [False] * 6 + [True]
    # Momentum and weight decay are the trainer's, not those of the state.
    small = RBM(3, trainer=CD(n_passes=3), random_state=5).fit(X)
    small.set_params(trainer__weight_decay=2.0).partial_fit(X)
    assert np.abs(small.components_).sum() < np.abs(weights).sum()
    assert small._trained.state.optimizer.decay == 2.0


@pytest.mark.parametrize("layer", [LAYERS[3], LAYERS[6], LAYERS[8]], ids=repr)
def test_parameters_that_were_set_by_hand_are_gone_on_from(layer, rng):
    X = rows_for(layer, rng)
    set_anew, in_place = (made(layer, 3).fit(X) for _ in range(2))
    set_anew.components_ = set_anew.components_ / 2
    in_place.components_ /= 2
    for each in (set_anew, in_place):
        each.noise_variance_ = np.full(6, 4.0)
        # Neither a step nor what momentum is left of those before.
        each.set_params(trainer__learning_rate=1e-9, trainer__momentum=0.0).partial_fit(X)
        np.testing.assert_allclose(each.noise_variance_, 4.0, rtol=1e-6)
    np.testing.assert_array_equal(set_anew.components_, in_place.components_)
    plain = made(layer, 3).fit(X)
    np.testing.assert_allclose(set_anew.components_, plain.components_ / 2, atol=1e-6)


def test_a_layer_that_was_made_by_hand_goes_on_from_its_parameters(rng):
    X = rows_for(LAYERS[0], rng)
    fitted = made(LAYERS[0], 3).fit(X)
    by_hand = made(LAYERS[0], 3)
    for name in ("components_", "intercept_visible_", "intercept_hidden_", "visible_units_",
                 "hidden_units_", "n_features_in_"):  # fmt: skip
        setattr(by_hand, name, getattr(fitted, name))
    weights = fitted.components_.copy()
    by_hand.partial_fit(X)
    assert 0 < np.abs(by_hand.components_ - weights).max() < 0.5
    np.testing.assert_array_equal(fitted.components_, weights)
    assert len(by_hand.history_["free_energy_gap"]) == 1
    with pytest.raises(Incompatible, match="n_components=4, and now has n_components=6"):
        by_hand.set_params(n_components=6).partial_fit(X)


def test_columns_of_several_types_go_on_too(rng):
    groups = np.eye(3)[rng.integers(3, size=20)]
    X = np.hstack([rng.normal(size=(20, 2)), groups])
    visible = [("gaussian", 2), Softmax((3,))]
    layer = RBM(2, visible=visible, trainer=CD(learning_rate=1e-3), random_state=5)
    layer.partial_fit(X).set_params(visible=[("gaussian", 2), Softmax((3,))]).partial_fit(X)
    with pytest.raises(Incompatible, match=r"visible=.*, and now has visible=.*Set them as"):
        layer.set_params(visible=[("gaussian", 2), ("bernoulli", 3)]).partial_fit(X)


class SinglePass:
    """A trainer with no more than a trainer must have."""

    needs, objective, n_passes = object, "distance", 2

    def check(self):
        pass

    def passes(self, model, rows, stream):
        for index in range(self.n_passes):
            model.arrays()[0][...] += 1
            yield Pass(index, 5.0 - index)


def test_a_trainer_of_another_house_trains_and_says_what_it_cannot(rng):
    X = rows_for(LAYERS[0], rng)
    rbm = RBM(3, trainer=SinglePass(), random_state=5).fit(X)
    assert rbm.history_["distance"].tolist() == [5, 4]
    assert rbm.components_.mean() == pytest.approx(2, abs=0.2)
    before = rbm.components_.copy()
    with pytest.raises(Incompatible, match=r"SinglePass keeps no state\. Use PCD\(\), CD\(\)"):
        rbm.partial_fit(X)
    with pytest.raises(Incompatible, match="SinglePass has no one_pass"):
        RBM(3, trainer=SinglePass()).partial_fit(X)
    np.testing.assert_array_equal(rbm.components_, before)
    rbm.set_params(trainer=CD()).partial_fit(X)
    np.testing.assert_allclose(rbm.components_, before, atol=0.5)


def test_a_clone_starts_anew(rng):
    X = rows_for(LAYERS[1], rng)
    fitted = made(LAYERS[1], 3, warm_start=True).fit(X)
    assert_same(clone(fitted).fit(X), fitted)
    assert_same(clone(fitted).partial_fit(X), made(LAYERS[1], 1).fit(X))


def test_rows_are_held_out_by_fit_alone_and_always_the_same(rng):
    X = rows_for(LAYERS[7], rng, 40)
    trainer = MarginalAscent(n_passes=4, n_final_passes=2)
    layer = LatentLayer(3, trainer=trainer, random_state=5, warm_start=True).fit(X)
    told = layer.history_["validation_log_likelihood"]
    assert np.isfinite(told[:4]).all()
    assert np.isnan(told[4:]).all()
    layer.partial_fit(X[:1]).partial_fit(X)
    assert len(layer.history_["validation_log_likelihood"]) == len(told) + 2
    assert np.isnan(layer.history_["validation_log_likelihood"][len(told) :]).all()
    held = []
    original = trainer._likelihood
    layer.trainer._likelihood = lambda state, X: held.append(X) or original(state, X)
    first = LatentLayer(3, trainer=layer.trainer, random_state=5).fit(X)
    n_first = len(held)
    layer.fit(X)
    # What was held out once is not trained on in a later fit: its number would mean nothing.
    assert n_first == 4
    assert len(held) == 8
    assert all(np.array_equal(each, held[0]) for each in held)
    assert differs(first, layer)


def test_what_is_kept_to_go_on_is_small(rng):
    X = (rng.random((2000, 50)) < 0.4).astype(np.float32)
    rbm = RBM(40, trainer=PCD(n_passes=1, n_chains=10, optimizer="adam"), random_state=5).fit(X)
    pickled = len(pickle.dumps(rbm))
    # Parameters, two moments of each, and chains; the rows are 400 kB.
    assert pickled < 4 * (3 * (40 * 50 + 90) + 400) + 4000


@pytest.fixture
def X(rng):
    return (rng.random((40, 9)) < 0.4).astype(float)


def deep(n_passes, **params):
    # The bottom moves so fast that other rows come up in each pass.
    bottom = made(LAYERS[4], n_passes, trainer__learning_rate=0.1)
    layers = [bottom, ("top", made(LAYERS[1], n_passes))]
    return DBN(layers, random_state=353, **params)


def test_a_dbn_goes_on_layer_by_layer(X):
    warm = deep(3, warm_start=True).fit(X).fit(X)
    whole = deep(6).fit(X)
    assert_same(warm.layers_[0], whole.layers_[0])
    # The upper layer saw another bottom in its first passes.
    assert differs(warm.layers_[1], whole.layers_[1])
    assert {name: len(next(iter(told.values()))) for name, told in warm.history_.items()} == {
        "layer1": 6,
        "top": 6,
    }
    assert np.isfinite(warm.score(X))
    one = DBN([made(LAYERS[1], 3)], warm_start=True, random_state=5).fit(X).fit(X)
    assert_same(one.layers_[0], DBN([made(LAYERS[1], 6)], random_state=5).fit(X).layers_[0])
    cold = deep(3).fit(X)
    assert_same(cold.fit(X).layers_[1], deep(3).fit(X).layers_[1])


def test_a_dbn_goes_on_from_what_its_fine_tuner_left(X):
    tuner = LikelihoodAscent(n_passes=8, learning_rate=0.05)
    tuned = deep(3, fine_tuner=tuner, warm_start=True).fit(X)
    told = tuned.history_["fine_tuner"]["negative_log_likelihood"]
    again = tuned.fit(X).history_["fine_tuner"]["negative_log_likelihood"]
    assert again[:8].tolist() == told.tolist()
    assert len(again) == 16
    weights = tuned.layers_[0].components_.copy()
    tuned.set_params(fine_tuner=None, layer1__trainer__learning_rate=1e-9).fit(X)
    np.testing.assert_allclose(tuned.layers_[0].components_, weights, atol=1e-6)


def test_a_dbn_of_other_layers_is_refused_in_a_sentence(X):
    warm = deep(3, warm_start=True).fit(X)
    before = warm.score(X)
    words = "layers of AutoEncoder, RBM, and has layers of RBM.*warm_start=False"
    with pytest.raises(Incompatible, match=words):
        warm.set_params(layers=[made(LAYERS[1], 3)]).fit(X)
    warm.set_params(layers=[made(LAYERS[4], 3, n_components=3), made(LAYERS[1], 3)])
    with pytest.raises(Incompatible, match="n_components=4, and now has n_components=3"):
        warm.fit(X)
    assert warm.score(X) == before


def test_a_dbn_that_diverges_going_on_is_as_it_was(X):
    warm = deep(3, warm_start=True).fit(X)
    other = deep(3, warm_start=True).fit(X)
    warm.set_params(top__trainer__learning_rate=1e30)
    with pytest.raises(Diverged):
        warm.fit(X)  # its bottom had gone on by then
    assert warm.score(X) == other.score(X)
    warm.set_params(top__trainer__learning_rate=other.layers[1][1].trainer.learning_rate)
    for ours, theirs in zip(warm.fit(X).layers_, other.fit(X).layers_):
        assert_same(ours, theirs)
