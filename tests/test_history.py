"""What is told of training: exact log-likelihoods where they are cheap, and what they cost."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.datasets import load_digits

from layerwise import CD, DBN, PCD, RBM, AutoEncoder, Backprop, ExactGradient
from layerwise.models.inputs import LayerInput
from layerwise.models.rbm import RBMParams
from layerwise.trainers.watch import Watch


@pytest.fixture
def X(rng):
    return (rng.random((30, 8)) < 0.4).astype(float)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("trainer", [CD(n_passes=7), PCD(n_passes=7), ExactGradient(n_passes=7)])
def test_the_log_likelihood_of_a_pass_is_that_of_the_model_after_it(trainer, dtype, X):
    X = X.astype(dtype)
    seen = []
    for n_passes in range(1, 8):
        trainer.set_params(n_passes=n_passes, schedule="constant")
        rbm = RBM(3, trainer=trainer, random_state=5).fit(X)
        assert rbm.history_["log_likelihood"].shape == (n_passes,)
        seen.append(rbm.score(X))
    np.testing.assert_allclose(rbm.history_["log_likelihood"], seen, rtol=1e-12)


def test_the_free_energy_gap_is_not_taken_for_progress():
    """``history_``, "smaller is better", had a rank correlation of +0.74 with the likelihood."""
    X = (load_digits().data >= 8).astype(float)
    rbm = RBM(8, trainer=CD(n_passes=40), random_state=7).fit(X)
    assert list(rbm.history_) == ["log_likelihood", "free_energy_gap"]
    told = np.isfinite(rbm.history_["log_likelihood"])
    exact, gap = (values[told] for values in rbm.history_.values())
    assert exact[-1] == pytest.approx(rbm.score(X), rel=1e-12)
    assert exact[-1] > exact[0] + 1  # training went on, and the measure of progress shows it
    # After the first passes the gap would have it the other way about.
    assert spearmanr(exact[15:], gap[15:]).statistic > 0.5


def test_each_trainer_tells_its_own_objective(X):
    for trainer, name in [
        (CD(n_passes=3), "free_energy_gap"),
        (PCD(n_passes=3), "free_energy_gap"),
        (ExactGradient(n_passes=3), "negative_log_likelihood"),
    ]:
        history = RBM(3, trainer=trainer, random_state=5).fit(X).history_
        assert list(history) == ["log_likelihood", name]
    exact, descended = history.values()
    np.testing.assert_allclose(descended[1:], -exact[:-1], rtol=1e-12)  # of the pass before
    layer = AutoEncoder(3, trainer=Backprop(n_passes=3), random_state=5).fit(X)
    assert list(layer.history_) == ["reconstruction_error"]
    dbn = DBN([layer, ("top", RBM(2, trainer=CD(n_passes=3)))], random_state=5).fit(X)
    assert list(dbn.history_) == ["layer1", "top"]
    assert dbn.history_["top"]["log_likelihood"].shape == (3,)


def test_what_was_told_of_training_outlives_parameters_set_after_it(X):
    """``DBN.history_`` took the names of layers that were set after ``fit``."""
    layers = [("bottom", RBM(3, trainer=CD(n_passes=3))), ("top", RBM(2, trainer=CD(n_passes=4)))]
    dbn = DBN(layers, random_state=5).fit(X)
    dbn.set_params(layers=[RBM(2)])
    assert {name: len(told["free_energy_gap"]) for name, told in dbn.history_.items()} == {
        "bottom": 3,
        "top": 4,
    }


def watch(n_visible, n_hidden, n_rows, n_passes, resample=True, value=1.0):
    params = RBMParams(np.zeros((n_hidden, n_visible)), np.zeros(n_visible), np.zeros(n_hidden))
    rows = LayerInput(np.full((n_rows, n_visible), value))
    return Watch(params, rows, n_passes, resample=resample, products=5, drawn=1)


@pytest.mark.parametrize(
    ("sizes", "every"),
    [
        ((100, 8, 81, 50), 1),  # 50 looks take 8 ms
        ((40, 40, 10_000, 1000), None),  # 2**40 states
        ((784, 28, 1000, 10), None),  # 2**28 states are seconds, a pass milliseconds
    ],
)
def test_it_is_left_out_where_it_costs_too_much(sizes, every):
    assert watch(*sizes).every == every


def test_the_last_pass_is_always_among_those_told():
    found = watch(64, 12, 1797, 1000)
    assert 1 < found.every < 1000
    told = [i for i in range(1000) if np.isfinite(found(i, np.ones((2, 64))))]
    assert told[-1] == 999
    assert np.all(np.diff(told) == found.every)


def test_means_have_no_likelihood(X):
    assert watch(8, 3, 30, 5, resample=False, value=0.5).every is None
    assert watch(8, 3, 30, 5, resample=False).every == 1
    means = RBM(3, trainer=CD(n_passes=3, resample=False), random_state=5).fit(0.9 * X)
    assert list(means.history_) == ["free_energy_gap"]
