"""Fitted models go to files and come back, by whatever saves them, and between versions."""

import copy
import importlib
import io
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from test_estimators import assert_same_fit

import layerwise
from layerwise import (
    CD,
    DBN,
    DRBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    Convolution,
    DeepAutoEncoder,
    Incompatible,
    JointPCD,
    LatentLayer,
    LayerwiseSearch,
    LikelihoodAscent,
    MarginalAscent,
    Softmax,
    WakeSleep,
    log_partition,
)
from layerwise._saving import VERSION

QUICK = {"n_passes": 3}


def bits(rng):
    return (rng.random((30, 6)) < 0.4).astype(float)


def mixed(rng):
    groups = np.eye(3)[rng.integers(3, size=30)]
    return np.hstack([rng.normal(size=(30, 2)), groups, np.sign(rng.normal(size=(30, 1)))])


def models():
    """Return an estimator of every kind, and what makes rows for it."""
    return [
        (RBM(3, trainer=PCD(**QUICK), random_state=23), bits),
        (RBM(3, visible=[("gaussian", 2), Softmax((3,)), ("spin", 1)], hidden="spin",
             trainer=CD(**QUICK), random_state=23), mixed),
        (BernoulliRBM(3, n_iter=2, random_state=23), bits),
        (AutoEncoder(3, encoder_layer_sizes=(4,), trainer=Backprop(**QUICK), random_state=23),
         bits),
        (AutoEncoder(3, visible=[("gaussian", 2), ("spin", 4)], trainer=Backprop(**QUICK),
                     random_state=23), lambda rng: mixed(rng)[:, [0, 1, 5, 5, 5, 5]]),
        (LatentLayer(3, trainer=MarginalAscent(**QUICK), random_state=23), bits),
        (DeepAutoEncoder((4, 3), training="greedy+joint", layer_loss="contractive",
                         trainer=Backprop(**QUICK), random_state=23), bits),
        (DRBN((Convolution(2, 2), 3), image_shape=(2, 3), trainer=JointPCD(**QUICK),
              random_state=23), bits),
        (DBN([AutoEncoder(3, trainer=Backprop(**QUICK)), RBM(2, trainer=PCD(**QUICK))],
             random_state=23), bits),
        (DBN([("bottom", LatentLayer(3, trainer=MarginalAscent(**QUICK))),
              ("top", RBM(2, trainer=PCD(**QUICK)))],
             fine_tuner=LikelihoodAscent(**QUICK), random_state=23), bits),
        (DBN([AutoEncoder(3, encoder_layer_sizes=(4,), trainer=Backprop(**QUICK)),
              RBM(2, trainer=PCD(**QUICK))],
             fine_tuner=WakeSleep(**QUICK), random_state=23), bits),
        (LayerwiseSearch(DBN([RBM(3, trainer=PCD(**QUICK)), RBM(2, trainer=PCD(**QUICK))]),
                         {"layer1__n_components": [2, 3]}, random_state=23), bits),
    ]  # fmt: skip


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(model):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    data = skops.dumps(model)
    return skops.loads(data, trusted=skops.get_untrusted_types(data=data))


every_model = pytest.mark.parametrize("number", range(len(models())))
every_way = pytest.mark.parametrize("saved", [by_pickle, by_joblib, by_skops, copy.deepcopy])


@every_model
@every_way
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_comes_back_is_the_same_model(number, saved, dtype, rng):
    model, rows = models()[number]
    X = rows(rng).astype(dtype)
    again = saved(model.fit(X))
    assert_same_fit(model, again)
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    assert again.transform(X).dtype == dtype
    np.testing.assert_array_equal(
        again.sample(4, random_state=29), model.sample(4, random_state=29)
    )
    assert repr(again) == repr(model)
    # It can be trained again, to the same bits.
    assert_same_fit(again.fit(X), model)


@every_model
def test_files_of_skops_hold_classes_of_this_package_and_nothing_else(number, rng):
    """skops loads without running code of the file, by asking which classes are trusted.

    It trusts those of scikit-learn, NumPy and SciPy by itself, and those of no other package. So
    what is left is the estimator's own class, and those of its trainer, units and network.
    """
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    model, rows = models()[number]
    data = skops.dumps(model.fit(rows(rng)))
    listed = skops.get_untrusted_types(data=data)
    assert f"{type(model).__module__}.{type(model).__name__}" in listed
    for name in listed:
        module, _, kind = name.rpartition(".")
        assert module.startswith("layerwise.")
        found = getattr(importlib.import_module(module), kind)
        # Classes that hold values: no function is called by its name.
        assert isinstance(found, type)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException):
        skops.loads(data, trusted=[])


@pytest.mark.parametrize("number", range(len(models()) - 1))  # the search has no state of its own
def test_a_file_says_its_version_and_the_model_does_not(number, rng):
    model, rows = models()[number]
    model.fit(rows(rng))
    assert model.__getstate__()[VERSION] == layerwise.__version__
    assert VERSION not in vars(model)
    assert VERSION not in vars(by_pickle(model))


def put_back(model, state):
    """Return an estimator of the same class with this state, as loading a file does."""
    again = type(model).__new__(type(model))
    again.__setstate__(state)
    return again


def test_a_file_without_a_version_loads(rng):
    """Files of before versions were written down."""
    X = bits(rng)
    rbm = RBM(3, trainer=PCD(**QUICK), random_state=23).fit(X)
    state = rbm.__getstate__()
    del state[VERSION]
    # Before there were types of units, and parameters that name them.
    for name in ("visible_units_", "hidden_units_", "visible", "hidden"):
        del state[name]
    old = put_back(rbm, state)
    np.testing.assert_array_equal(old.score_samples(X), rbm.score_samples(X))
    np.testing.assert_array_equal(old.sample(5, random_state=3), rbm.sample(5, random_state=3))
    assert old.get_params()["visible"] == "bernoulli"
    assert log_partition(old) == log_partition(rbm)
    assert_same_fit(old.fit(X), rbm)


def test_parameters_that_a_file_lacks_are_defaults():
    """An AttributeError came of get_params, and so of repr, clone and fit."""
    trainer = PCD(7, n_passes=3)
    state = dict(vars(trainer))
    del state["resample"]
    old = put_back(trainer, state)
    assert old.get_params() == trainer.get_params()
    assert old.n_steps == 7
    layer = put_back(LatentLayer(5), {"n_components": 5})
    assert layer.get_params() == LatentLayer(5).get_params()


@pytest.mark.parametrize("number", range(len(models()) - 1))
def test_a_file_that_lacks_what_is_needed_is_refused_in_a_sentence(number, rng):
    model, rows = models()[number]
    model.fit(rows(rng))
    assert model._needed
    for name in model._needed:
        state = model.__getstate__()
        del state[name]
        state[VERSION] = "0.0.3"
        words = (
            rf"This {type(model).__name__} was saved by 0\.0\.3, and lacks {name}, which version "
            r".* Load it with the version that saved it, or fit it again"
        )
        with pytest.raises(Incompatible, match=words):
            put_back(model, state)
        del state[VERSION]
        with pytest.raises(Incompatible, match="by a version that did not say which"):
            put_back(model, state)


def test_a_file_of_a_newer_version_is_told(rng):
    rbm = RBM(3, trainer=PCD(**QUICK), random_state=23).fit(bits(rng))
    for version, is_told in (("99.0.1", True), ("0.0.1", False), (layerwise.__version__, False)):
        state = rbm.__getstate__() | {VERSION: version}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            put_back(rbm, state)
        assert len(told) == is_told
        assert all("99.0.1, which is newer than" in str(each.message) for each in told)


def test_what_is_not_fitted_comes_back_too():
    for model, _ in models():
        assert by_pickle(model).get_params().keys() == model.get_params().keys()


def test_a_file_of_version_0_1_still_loads():
    """It was written once, by pickle, and must not be written again: older files are as it is."""
    folder = Path(__file__).parent / "saved"
    kept = np.load(folder / "dbn-0.1.0.npz")
    dbn = pickle.loads((folder / "dbn-0.1.0.pickle").read_bytes())
    # Sums over 2**3 states, on any machine's instructions.
    np.testing.assert_allclose(dbn.score_samples(kept["X"]), kept["score_samples"], rtol=1e-12)
    np.testing.assert_allclose(dbn.transform(kept["X"]), kept["transform"], rtol=1e-12)
    assert dbn.sample(3, random_state=23).shape == (3, 6)
    assert dbn.layers_[0].trainer.n_passes == 3
    assert repr(dbn).startswith("DBN(")
