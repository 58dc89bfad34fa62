"""The drop-in for scikit-learn's BernoulliRBM: its tests, and each of its defects as a test."""

import importlib.util
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from layerwise import (
    DBN,
    PCD,
    RBM,
    BernoulliRBM,
    Diverged,
    log_likelihood,
    log_partition,
    log_pseudolikelihood,
)

THEIRS = sklearn.neural_network.BernoulliRBM

# scikit-learn's own tests. -----------------------------------------------------------------------

# Of 14, those that cannot pass, and why.
EXPECTED_FAILURES = {
    "test_fit_gibbs": (
        AssertionError,
        "asks for the weights that scikit-learn's random numbers give, to four digits, and that "
        "one Gibbs step of an RBM without weights to speak of gives back its rows, which it does "
        "by chance once in four times ('very seed-dependent', it says)",
    ),
    "test_score_samples": (
        ValueError,
        "ends by scoring values up to 99900, which is the defect that no range is checked; what "
        "stands before it is a test of ours below",
    ),
}


def their_tests():
    """Return scikit-learn's tests of its BernoulliRBM, on ours; none where it has no tests."""
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_rbm.py"
    if not path.exists():
        return {}
    spec = importlib.util.spec_from_file_location("their_test_rbm", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.BernoulliRBM is THEIRS
    module.BernoulliRBM = BernoulliRBM
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    for name, (error, reason) in EXPECTED_FAILURES.items():
        tests[name] = pytest.mark.xfail(raises=error, reason=reason, strict=True)(tests[name])
    return tests


THEIR_TESTS = their_tests()
globals().update(THEIR_TESTS)


@pytest.mark.skipif(not THEIR_TESTS, reason="this scikit-learn comes without its tests")
def test_all_of_their_tests_are_run():
    assert len(THEIR_TESTS) >= 14
    assert set(EXPECTED_FAILURES) <= set(THEIR_TESTS)


def test_signatures_are_scikit_learns():
    assert inspect.signature(BernoulliRBM) == inspect.signature(THEIRS)
    public = {name for name in dir(THEIRS) if not name.startswith("_")}
    assert public <= set(dir(BernoulliRBM))
    X = np.eye(4)
    fitted = {name for name in vars(THEIRS(2, n_iter=1).fit(X)) if not name.startswith("_")}
    assert fitted <= set(vars(BernoulliRBM(2, n_iter=1).fit(X)))
    # get_params returns the same names, so that a search space written for theirs is one for ours.
    assert BernoulliRBM().get_params() == THEIRS().get_params()


@pytest.mark.parametrize("container", [np.asarray, sp.lil_matrix, sp.lil_array, sp.csc_array])
def test_all_zeros_and_all_ones_score_far_below_chance_alike(container):
    """What their test_score_samples asks before its last line."""
    X = np.vstack([np.zeros(1000), np.ones(1000)])
    rbm = BernoulliRBM(n_components=10, batch_size=2, n_iter=10, random_state=17).fit(X)
    scores = rbm.score_samples(container(X))
    assert np.all(scores < -300)
    np.testing.assert_array_equal(scores, rbm.score_samples(X))


# Defects of scikit-learn 1.9. --------------------------------------------------------------------


def rows_of(n_rows, n_features, seed, p=0.3):
    return (np.random.default_rng(seed).random((n_rows, n_features)) < p).astype(float)


def mean_of_model(rbm):
    """Return the mean of all visible units under the model, exactly."""
    return rbm.moments().visible.mean()


@pytest.mark.parametrize("n_rows", [100, 101, 110, 150])
def test_the_last_batch_counts_its_own_rows(n_rows, seed):
    """Of 101 rows of mean 0.29 in batches of 100 the model came to a mean of 0.006.

    The negative phase of 100 chains was divided by the one row of the last batch.
    """
    X = rows_of(n_rows, 12, seed)
    rbm = BernoulliRBM(8, learning_rate=0.05, batch_size=100, n_iter=600, random_state=seed).fit(X)
    # A batch's gradient has a standard deviation of about 0.46 / sqrt(12) / 10 = 0.014 in the
    # mean unit, of the chains; a last batch of one row moves it by lr * 0.13, forgotten after
    # some ten batches. 0.05 is beyond all of that, and each defective mean was off by 0.1 or more.
    assert mean_of_model(rbm) == pytest.approx(X.mean(), abs=0.05)


def test_partial_fit_takes_more_rows_than_a_batch(seed):
    """1000 calls of 100 rows with batch_size=10 took a mean of 0.31 to 1.0: #4211, #6356, #12902.

    The positive phase of 100 rows stood against a negative one of 10 chains, over 100.
    """
    X = rows_of(100, 12, seed)
    rbm = BernoulliRBM(8, learning_rate=0.05, batch_size=10, random_state=seed)
    for _ in range(300):
        rbm.partial_fit(X)
    # Of 10 chains a batch's mean has a standard deviation of 0.04, and a hundred batches are
    # averaged over by a learning rate of 0.05.
    assert mean_of_model(rbm) == pytest.approx(X.mean(), abs=0.05)
    assert np.abs(rbm.components_).max() < 3


def test_partial_fit_returns_the_estimator():
    """It is documented to return self, and returned None: #4205."""
    rbm = BernoulliRBM(3, random_state=17)
    X = rows_of(25, 6, 17)
    assert rbm.partial_fit(X) is rbm
    assert rbm.partial_fit(X).transform(X).shape == (25, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_partial_fit_keeps_the_float_type(dtype):
    """It validated to float64, and float32 was lost."""
    X = rows_of(25, 6, 17).astype(dtype)
    rbm = BernoulliRBM(3, random_state=17).partial_fit(X)
    assert rbm.components_.dtype == rbm.h_samples_.dtype == rbm.transform(X).dtype == dtype
    assert rbm.partial_fit(X.astype(float)).components_.dtype == dtype


def test_a_grid_search_needs_no_labels():
    """There was no score, and GridSearchCV(BernoulliRBM(), ...) raised TypeError."""
    X = rows_of(60, 8, 17)
    search = GridSearchCV(
        BernoulliRBM(4, n_iter=5, random_state=17), {"learning_rate": [0.01, 0.1]}, cv=2
    ).fit(X)
    assert np.all(search.cv_results_["mean_test_score"] < 0)
    rbm = search.best_estimator_
    assert rbm.score(X) == pytest.approx(rbm.score_samples(X).mean(), rel=1e-15)


def test_score_samples_is_the_mean_of_their_random_estimates():
    """Each call flipped one random feature of each row: no two calls agreed (#23179)."""
    X = np.round(load_digits().data[:40] / 16 * 4) / 4
    theirs = THEIRS(12, n_iter=5, random_state=17).fit(X)
    ours = BernoulliRBM.from_parameters(
        theirs.components_, theirs.intercept_visible_, theirs.intercept_hidden_
    )
    n_calls = 3000
    theirs.set_params(random_state=np.random.RandomState(179))
    drawn = np.array([theirs.score_samples(X) for _ in range(n_calls)])
    error = drawn.std(axis=0, ddof=1) / np.sqrt(n_calls)
    found = ours.score_samples(X)
    np.testing.assert_array_equal(found, ours.score_samples(X))
    # 40 independent means at 5 standard errors; 5 would not hide a missing factor of 63 / 64.
    assert np.all(np.abs(found - drawn.mean(axis=0)) < 5 * error)
    assert np.abs(found / 64).max() > 5 * error.max() / 10


def test_a_row_s_score_does_not_depend_on_the_other_rows():
    """check_methods_subset_invariance failed, as each row had its own random feature."""
    X = rows_of(30, 9, 17)
    rbm = BernoulliRBM(4, random_state=17).fit(X)
    np.testing.assert_allclose(rbm.score_samples(X)[::-1], rbm.score_samples(X[::-1]), rtol=1e-14)
    np.testing.assert_allclose(rbm.score_samples(X[7:8]), rbm.score_samples(X)[7:8], rtol=1e-14)


@pytest.mark.parametrize("value", [-2.0, 3.0, 255.0])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_values_out_of_range_are_refused(value, container):
    """Values from -2 to 3 were trained on without a word: #8557, and "all-1 matrix" in #9694."""
    X = rows_of(20, 5, 17)
    rbm = BernoulliRBM(3, n_iter=1, random_state=17).fit(X)
    X[4, 2] = value
    for method in (clone(rbm).fit, rbm.partial_fit, rbm.transform, rbm.score_samples, rbm.gibbs):
        with pytest.raises(ValueError, match=r"\[0, 1\].*MinMaxScaler"):
            method(container(X))


def test_rows_are_shuffled(seed):
    """Batches were the same rows in the same order in each pass.

    Of 800 sorted rows the model came to means of 0.10, 0.14, 0.25 and 0.59, for 0.25 of each.
    """
    X = np.repeat(np.eye(4), 200, axis=0)
    rbm = BernoulliRBM(6, batch_size=10, n_iter=10, random_state=seed).fit(X)
    # Ten chains, over ten batches: a standard deviation of 0.43 / 10.
    assert np.all(np.abs(rbm.moments().visible - 0.25) < 0.15)


# What it has beyond. -----------------------------------------------------------------------------


def test_it_is_an_rbm_with_likelihoods_and_samples():
    X = rows_of(60, 8, 17)
    rbm = BernoulliRBM(4, n_iter=20, random_state=17).fit(X)
    assert rbm.sample(7, random_state=3).shape == (7, 8)
    assert np.isfinite(log_partition(rbm).value)
    everything = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(float)
    density = np.exp(-rbm.free_energy(everything) - log_partition(rbm).value)
    assert density.sum() == pytest.approx(1, abs=1e-12)
    assert log_likelihood(rbm, X).value == pytest.approx(
        np.mean(-rbm.free_energy(X)) - log_partition(rbm).value, rel=1e-12
    )
    assert log_pseudolikelihood(rbm, X).value == pytest.approx(rbm.score(X), rel=1e-12)
    assert "log_likelihood" in rbm.history_


def test_it_stands_in_a_deep_belief_network():
    X = rows_of(40, 8, 17)
    dbn = DBN([BernoulliRBM(5, n_iter=3), BernoulliRBM(3, n_iter=3)], random_state=17).fit(X)
    assert np.isfinite(dbn.score(X))
    assert list(dbn.history_) == ["layer1", "layer2"]


def test_it_is_pcd_and_no_second_algorithm():
    """The same passes as an RBM's with PCD from the same weights: one Gibbs loop, not two."""
    X = rows_of(53, 8, 17)
    rbm = BernoulliRBM(4, learning_rate=0.07, batch_size=9, n_iter=4, random_state=17).fit(X)
    trainer = PCD(n_chains=9, learning_rate=0.07, momentum=0, batch_size=9, n_passes=4,
                  resample=False)  # fmt: skip
    first = BernoulliRBM(4, n_iter=0, batch_size=9, random_state=17).fit(X)
    assert np.abs(first.components_).max() < 0.05
    assert not first.intercept_visible_.any()
    going_on = clone(first).set_params(learning_rate=0.07)
    for _ in range(4):
        going_on.partial_fit(X)
    assert rbm.history_.keys() == RBM(4, trainer=trainer, random_state=17).fit(X).history_.keys()
    # Four calls of partial_fit are a fit of four passes: the same batches, chains and numbers.
    np.testing.assert_array_equal(going_on.components_, rbm.components_)
    np.testing.assert_array_equal(going_on.h_samples_, rbm.h_samples_)


def test_partial_fit_goes_on_from_fit_and_from_a_file():
    X = rows_of(53, 8, 17)
    rbm = BernoulliRBM(4, n_iter=2, random_state=17).fit(X)
    loaded = pickle.loads(pickle.dumps(rbm))
    before = rbm.components_.copy()
    np.testing.assert_array_equal(
        rbm.partial_fit(X).components_, loaded.partial_fit(X).components_
    )
    assert not np.array_equal(rbm.components_, before)
    longer = BernoulliRBM(4, n_iter=3, random_state=17).fit(X)
    np.testing.assert_array_equal(rbm.components_, longer.components_)


def test_partial_fit_goes_on_from_weights_that_were_given():
    X = rows_of(53, 8, 17)
    W = 0.1 * np.random.default_rng(17).normal(size=(4, 8)).astype(np.float32)
    rbm = BernoulliRBM.from_parameters(W, np.zeros(8), np.zeros(4))
    assert rbm.get_params()["n_components"] == 4
    rbm.set_params(learning_rate=1e-6, random_state=17).partial_fit(X)
    assert rbm.components_.dtype == np.float32
    np.testing.assert_allclose(rbm.components_, W, atol=1e-4)
    assert not np.array_equal(rbm.components_, W)


def test_a_diverged_partial_fit_leaves_the_model_as_it_was():
    X = rows_of(53, 8, 17)
    rbm = BernoulliRBM(4, n_iter=2, random_state=17).fit(X)
    before, state = rbm.components_.copy(), rbm.h_samples_.copy()
    with pytest.raises(Diverged, match="Lower the learning rate"):
        rbm.set_params(learning_rate=1e300).partial_fit(X)
    np.testing.assert_array_equal(rbm.components_, before)
    np.testing.assert_array_equal(rbm.h_samples_, state)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array])
def test_sparse_rows_give_the_bits_of_dense_ones(container):
    X = rows_of(40, 8, 17)
    dense = BernoulliRBM(4, n_iter=2, random_state=17).fit(X)
    rbm = BernoulliRBM(4, n_iter=2, random_state=17).fit(container(X))
    np.testing.assert_array_equal(rbm.components_, dense.components_)
    for name in ("transform", "score_samples", "gibbs", "reconstruct"):
        np.testing.assert_array_equal(
            getattr(rbm, name)(container(X)), getattr(dense, name)(X), err_msg=name
        )
    assert rbm.partial_fit(container(X)) is rbm


def test_gibbs_steps_are_new_at_each_call_and_the_same_after_each_fit():
    X = rows_of(200, 8, 17)
    rbm = BernoulliRBM(4, n_iter=2, random_state=17).fit(X)
    first, second = rbm.gibbs(X), rbm.gibbs(X)
    assert first.dtype == bool
    assert not np.array_equal(first, second)
    rbm.fit(X)
    np.testing.assert_array_equal(rbm.gibbs(X), first)


def test_verbose_prints_a_line_for_each_pass(capsys):
    X = rows_of(300, 8, 17)
    quiet = BernoulliRBM(4, n_iter=3, random_state=17).fit(X)
    assert capsys.readouterr().out == ""
    rbm = BernoulliRBM(4, n_iter=3, verbose=1, random_state=17).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    printed = float(lines[-1].split("pseudo-likelihood = ")[1].split(",")[0])
    # One feature of each of 300 rows: a standard error of 8 * 0.5 / sqrt(300) = 0.23.
    assert printed == pytest.approx(rbm.score(X), abs=1.2)
    np.testing.assert_array_equal(rbm.components_, quiet.components_)


def test_it_runs_in_a_pipeline_with_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows_of(30, 3, 17), columns=["a", "b", "c"])
    pipeline = make_pipeline(MinMaxScaler(), BernoulliRBM(2, random_state=17))
    pipeline.set_output(transform="pandas")
    found = pipeline.fit_transform(frame)
    assert list(found.columns) == ["bernoullirbm0", "bernoullirbm1"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_iter": -1}, "'n_iter' parameter of BernoulliRBM must be an int"),
        ({"learning_rate": 0}, "'learning_rate' parameter of BernoulliRBM must be a float"),
        ({"batch_size": 0}, "'batch_size' parameter of BernoulliRBM must be an int"),
    ],
)
def test_parameters_are_checked_by_fit_and_partial_fit(parameters, words):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=words):
            getattr(BernoulliRBM(2, **parameters), method)(np.eye(3))
