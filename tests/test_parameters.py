"""Parameters that come from a hand, or from training that ran away."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    ExactGradient,
    best_latent_marginal,
    latent_marginal_bound,
    log_partition,
)
from layerwise.exceptions import Diverged, Incompatible
from layerwise.models.conditional import Conditional
from layerwise.models.rbm import RBMParams


@pytest.fixture
def X(rng):
    return (rng.random((40, 6)) < 0.4).astype(float)


@pytest.fixture
def rbm(X):
    return RBM(3, trainer=CD(n_passes=2), random_state=5).fit(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "trainer",
    [
        PCD(weight_decay=100),
        CD(weight_decay=100),
        CD(weight_decay=100, batch_size=7, momentum=0.0),
        PCD(learning_rate=0.01, weight_decay=1e4, optimizer="adam"),
        ExactGradient(weight_decay=1e3, optimizer="sgd"),
    ],
)
def test_weights_that_grow_without_end_are_told_while_they_are_finite(trainer, dtype, X):
    """``PCD(weight_decay=100)`` ended with weights of 1e104, and a score of NaN."""
    with pytest.raises(Diverged, match=r"weight_decay=.*Lower the learning rate or the weight d"):
        RBM(3, trainer=trainer, random_state=5).fit(X.astype(dtype))


def test_an_auto_encoder_s_are_told_too(X):
    trainer = Backprop(learning_rate=0.5, weight_decay=50, n_passes=50)
    with pytest.raises(Diverged, match="weight decay"):
        AutoEncoder(3, trainer=trainer, random_state=5).fit(X)


@pytest.mark.parametrize("name", ["components_", "intercept_visible_", "intercept_hidden_"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_all_that_reads_it(name, value, rbm, X):
    """``log_partition`` of weights with NaN returned NaN."""
    broken = getattr(rbm, name).copy()
    broken.flat[1] = value
    setattr(rbm, name, broken)
    for call in (
        lambda: log_partition(rbm),
        lambda: rbm.score(X),
        lambda: rbm.free_energy(X),
        lambda: rbm.sample(2),
    ):
        with pytest.raises(ValueError, match=rf"{name[:-1]} must be finite numbers, and 1 of"):
            call()
    reads = rbm.transform if name == "intercept_hidden_" else best_latent_marginal.__get__(rbm)
    with pytest.raises(ValueError, match="must be finite"):
        reads(X)


@pytest.mark.parametrize(("name", "size"), [("intercept_visible_", 6), ("intercept_hidden_", 3)])
def test_intercepts_of_the_wrong_size_are_told_in_a_sentence(name, size, rbm, X):
    """They ended in an AssertionError without a word."""
    setattr(rbm, name, np.zeros(size + 1))
    words = rf"{name[:-1]} must have the shape \({size},\), and has \({size + 1},\)"
    for call in (lambda: rbm.score(X), lambda: rbm.sample(1), lambda: log_partition(rbm)):
        with pytest.raises(ValueError, match=words):
            call()


@pytest.fixture
def deep(X):
    layers = [AutoEncoder(3, trainer=Backprop(n_passes=2)), RBM(2, trainer=CD(n_passes=2))]
    return DBN(layers, random_state=5).fit(X)


def test_layers_that_no_longer_fit_together_are_told(deep, X):
    """One latent unit more ended in an AssertionError, or "could not be broadcast"."""
    bottom = deep.layers_[0]
    bottom.components_ = np.zeros((4, 6))
    for call in (
        lambda: deep.score(X),
        lambda: deep.sample(2),
        lambda: deep.inverse_transform(np.zeros((1, 2))),
    ):
        with pytest.raises(Incompatible, match=r"layer 1 has 4 latent units where .* has 3 vis"):
            call()
    for function in (latent_marginal_bound, lambda layer, X: latent_marginal_bound(deep, X)):
        with pytest.raises(
            Incompatible, match="over the same latent units, and they have 3 and 4"
        ):
            function(bottom, X)
    for call in (lambda: bottom.score(X), lambda: bottom.sample(2)):
        with pytest.raises(ValueError, match=r"latent_fields_ must have the shape \(any, 4\)"):
            call()


def test_latent_fields_by_hand_are_checked_as_weights_are(deep, X):
    """With NaN among them ``sample`` returned rows; as a list they ended in a TypeError."""
    bottom = deep.layers_[0]
    bottom.latent_fields_ = [[0, 50, -50]]
    assert bottom.sample(3, random_state=5).shape == (3, 6)
    assert np.all(np.isfinite(bottom.score_samples(X)))
    bottom.latent_fields_ = np.array([[0.5, np.nan, 0.5]])
    for call in (lambda: bottom.score(X), lambda: bottom.sample(2)):
        with pytest.raises(ValueError, match="latent_fields_ must be finite numbers, and 1 of 3"):
            call()


def test_complex_weights_are_refused(rbm, X):
    """Their real parts were taken, with numpy's warning alone."""
    rbm.components_ = rbm.components_ + 1j
    with pytest.raises(ValueError, match="components must be an array of real numbers"):
        rbm.score(X)


def test_lists_and_integers_do_as_arrays(rbm, X):
    rbm.components_ = [[1, 0, -2, 0, 0, 1], [0, 0, 3, 0, 0, 0], [1, 1, 1, 1, 1, 1]]
    rbm.intercept_visible_, rbm.intercept_hidden_ = [0, 1, 0, 0, 0, -1], (0, 0, 1)
    arrays = RBM(3).fit(X)
    for name in ("components_", "intercept_visible_", "intercept_hidden_"):
        setattr(arrays, name, np.array(getattr(rbm, name), dtype=float))
    np.testing.assert_array_equal(rbm.score_samples(X), arrays.score_samples(X))
    np.testing.assert_array_equal(rbm.transform(X), arrays.transform(X))
    np.testing.assert_array_equal(rbm.inverse_transform([[1, 0, 1]]),
                                  arrays.inverse_transform([[1, 0, 1]]))  # fmt: skip
    with pytest.raises(ValueError, match="components must be an array of real numbers"):
        RBMParams([["a"]], [0], [0])
    with pytest.raises(ValueError, match=r"must have the shape \(any, any\)"):
        RBMParams([1.0, 2.0], [0, 0], [0])
    with pytest.raises(ValueError, match=r"bias of p\(x \| h\) must have the shape \(2,\)"):
        Conditional(np.zeros((3, 2)), np.zeros(3))


def test_parameters_of_the_right_kind_are_not_copied():
    """Trainers write into them."""
    arrays = np.zeros((2, 3), np.float32), np.zeros(3, np.float32), np.zeros(2, np.float32)
    params = RBMParams(*arrays)
    assert all(ours is theirs for ours, theirs in zip(params.arrays(), arrays))
    turned = RBMParams(arrays[0].T, arrays[2], arrays[1])
    assert turned.components.flags.c_contiguous
    mixed = RBMParams(arrays[0], np.zeros(3), np.zeros(2))
    assert mixed.intercept_visible.dtype == np.float32


def test_weights_too_large_for_exact_sums_are_told(rbm, X):
    rbm.components_ = np.full((3, 6), 1e300)
    for call in (lambda: log_partition(rbm), lambda: rbm.score(X)):
        with pytest.raises(ValueError, match=r"sum to less than 2\*\*50"):
            call()
    with pytest.raises(ValueError, match=r"sum to less than 2\*\*50"):
        best_latent_marginal(rbm, X)


@pytest.mark.parametrize(
    "estimator",
    [
        RBM(4, visible="gaussian", random_state=5),
        RBM(4, visible="gaussian", trainer=CD(), random_state=5),
        AutoEncoder(4, visible="gaussian", trainer=Backprop(learning_rate=3.0, optimizer="sgd")),
    ],
    ids=repr,
)
def test_variances_that_run_away_are_told_while_they_are_finite(estimator):
    """Columns of very different scales, as of wine, ended in variances of 0 and a warning."""
    X = load_wine().data
    with pytest.raises(Diverged, match=r"variance beyond|left the finite numbers"):
        estimator.fit(X)
