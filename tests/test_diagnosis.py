"""diagnose: each thing that can be wrong is made wrong, and told."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from layerwise import AIS, DBN, PCD, RBM, diagnose
from layerwise.estimators.diagnosis import _autocorrelation_time


def rows(n, width=20, seed=3):
    rng = np.random.default_rng(seed)
    return (rng.random((n, width)) < np.linspace(0.2, 0.8, width)).astype(float)


def test_a_model_that_is_well_gets_no_advice():
    rbm = RBM(4, trainer=PCD(n_passes=30), random_state=3).fit(rows(2000))
    found = diagnose(rbm, rows(2000), rows(2000, seed=5), random_state=3)
    assert found.advice == ()
    assert str(found) == "Nothing stands out."
    assert abs(found.overfitting) < 4 * found.overfitting_error
    assert found.bracket == 0
    assert found.dead == found.saturated == 0
    assert abs(found.free_energy_of_chains) < 1


def test_rows_learnt_by_heart_are_told_by_the_exact_difference():
    X, held_out = rows(40), rows(400, seed=5)
    rbm = RBM(40, trainer=PCD(n_passes=600), random_state=3).fit(X)
    found = diagnose(rbm, X, held_out, random_state=3)
    exact = rbm.score(X) - rbm.score(held_out)
    assert found.overfitting == pytest.approx(exact, abs=1e-9)
    assert "by heart" in str(found)
    without = diagnose(rbm, X, random_state=3)
    assert math.isnan(without.overfitting)
    assert "by heart" not in str(without)


@pytest.mark.parametrize("hidden", ["bernoulli", "spin"])
def test_units_that_never_change_are_counted(hidden):
    c = np.array([-20.0, -20.0, 20.0, 0.0, 0.0])
    rbm = RBM.from_parameters(np.zeros((5, 20)), np.zeros(20), c, hidden=hidden)
    found = diagnose(rbm, rows(100), random_state=3)
    assert (found.dead, found.saturated) == (0.4, 0.2)
    assert "40% of the hidden units are dead, and 20% always on" in str(found)


def test_chains_that_stay_where_they_began_are_told():
    """Two wells whose free energies differ: chains remember theirs for ever."""
    weights = np.full((6, 12), 4.0)
    rbm = RBM.from_parameters(weights, np.full(12, -12.5), np.full(6, -24.0))
    X = np.repeat([[0.0], [1.0]], 50, axis=0) * np.ones(12)
    found = diagnose(rbm, X, random_state=3)
    assert found.memory > 100
    assert "ParallelTempering" in str(found)
    free = RBM.from_parameters(np.zeros((6, 12)), np.zeros(12), np.zeros(6))
    assert diagnose(free, X, random_state=3).memory < 10


def test_states_unlike_the_rows_are_told():
    rbm = RBM.from_parameters(np.zeros((3, 40)), np.full(40, 2.0), np.zeros(3))
    found = diagnose(rbm, np.zeros((30, 40)), random_state=3)
    assert found.free_energy_of_chains == pytest.approx(-2 * 40 / (1 + math.exp(-2)), abs=2)
    assert "not like the rows" in str(found)


def test_a_wide_bracket_is_told():
    rng = np.random.default_rng(3)
    rbm = RBM.from_parameters(rng.normal(size=(40, 36)), np.zeros(36), np.zeros(40))
    rbm.set_params(likelihood=AIS(10, 20, n_burn=0))
    found = diagnose(rbm, rows(50, 36), random_state=3)
    assert found.bracket > 0.5
    assert "log Z is known to" in str(found)


def test_the_time_of_an_autoregressive_series_is_its_own():
    rng, a = np.random.default_rng(7), 0.8
    values = np.zeros((4000, 50))
    for t in range(1, len(values)):
        values[t] = a * values[t - 1] + rng.normal(size=50)
    assert _autocorrelation_time(values[100:]) == pytest.approx((1 + a) / (1 - a), rel=0.1)
    assert _autocorrelation_time(np.ones((10, 3))) == 1


def test_rows_may_be_sparse_and_models_stand_in_pipelines():
    X = rows(100)
    rbm = RBM(4, trainer=PCD(n_passes=5), random_state=3).fit(X)
    first = diagnose(rbm, X, X[:50], random_state=3)
    assert diagnose(rbm, csr_array(X), csr_array(X[:50]), random_state=3) == first
    pipeline = make_pipeline(FunctionTransformer(), rbm)
    assert diagnose(pipeline, X, X[:50], random_state=3) == first


def test_what_is_no_fitted_rbm_is_refused():
    with pytest.raises(NotFittedError):
        diagnose(RBM(3), rows(5))
    dbn = DBN([RBM(3), RBM(2)], random_state=3).fit(rows(20))
    with pytest.raises(TypeError, match="diagnose takes a fitted RBM"):
        diagnose(dbn, rows(20))
    with pytest.raises(ValueError, match="features"):
        diagnose(RBM(3, trainer=PCD(n_passes=1)).fit(rows(20)), rows(20, 7))
