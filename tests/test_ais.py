"""AIS and RAISE: brackets of log Z and low estimates of log-likelihoods, against exact sums."""

import math
import os
import pickle
import signal
import time
import warnings

import numpy as np
import processes
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from layerwise import (
    AIS,
    CD,
    DBN,
    PCD,
    RAISE,
    RBM,
    BernoulliRBM,
    Incompatible,
    LatentLayer,
    Softmax,
    TooManyStates,
    log_likelihood,
    log_partition,
)
from layerwise.estimators import annealing
from layerwise.likelihood import ais, annealed, partition
from layerwise.likelihood.betas import NAMED, Spread, placed
from layerwise.models.rbm import RBMParams
from layerwise.numerics import runtime
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(11, 27)))
VISIBLE = {
    "bernoulli": "bernoulli",
    "spin": "spin",
    "gaussian": "gaussian",
    "truncated exponential": "truncated_exponential",
    "softmax": Softmax((3, 4, 5)),
    "mixed": [("gaussian", 2), Softmax((3, 3)), ("spin", 2), ("truncated_exponential", 2)],
}


def model(kind, hidden="bernoulli", n_hidden=9, scale=0.6, seed=3):
    """Return an RBM of 12 visible units."""
    rng = np.random.default_rng(seed)
    gaussian = np.arange(12) < {"gaussian": 12, "mixed": 2}.get(kind, 0)
    scale = scale / 3 if gaussian.any() else scale
    return RBMParams(
        rng.normal(scale=scale, size=(n_hidden, 12)),
        rng.normal(size=12),
        rng.normal(size=n_hidden),
        VISIBLE[kind],
        hidden,
        np.where(gaussian, rng.normal(scale=0.3, size=12), 0.0) if gaussian.any() else None,
    )


def large(seed=5, scale=1 / 8):
    """Return an RBM of more states than can be summed."""
    rng = np.random.default_rng(seed)
    return RBM.from_parameters(
        rng.normal(scale=scale, size=(40, 36)), rng.normal(size=36), rng.normal(size=40)
    )


def rows(n, width=36):
    return (np.random.default_rng(n).random((n, width)) < 0.5).astype(float)


@pytest.mark.parametrize("hidden", ["bernoulli", "spin"])
@pytest.mark.parametrize("kind", list(VISIBLE))
def test_the_bracket_holds_the_exact_sum_for_all_units(kind, hidden):
    params = model(kind, hidden)
    found = log_partition(params, method=AIS())
    exact = partition.log_z(params)
    assert found.low < exact < found.high < found.low + 0.1
    assert found.within_tol
    assert abs(found.value - exact) < 4 * found.error
    assert found.low <= found.value <= found.high


def random_model(seed):
    """Return an RBM of some kind of units, of 4 to 20 hidden ones and weights of sd 0.1 to 3."""
    rng = np.random.default_rng(seed)
    kind = list(VISIBLE)[seed % 6]
    hidden = ("bernoulli", "spin")[seed // 6 % 2]
    scale = float(np.exp(rng.uniform(np.log(0.1), np.log(3))))
    return model(kind, hidden, int(rng.integers(4, 21)), scale, seed)


def test_brackets_hold_the_exact_sums_of_a_hundred_models():
    """3 standard errors to each side: one in 370 is missed, and what chains do not find."""
    missed = []
    for seed in range(2000, 2100):
        params = random_model(seed)
        found = log_partition(params, method=AIS(betas="cheap"))
        exact = partition.log_z(params)
        if not found.low <= exact <= found.high:
            missed.append((seed, exact - found.value))
    assert len(missed) <= 3, missed
    # And none by much: the error is told.
    assert all(abs(error) < 0.5 for _, error in missed), missed


@pytest.mark.parametrize("kind", list(VISIBLE))
def test_weights_of_both_directions_have_their_means(kind):
    """However few the betas: that of chains that go up is Z, of those that come down 1 / Z."""
    params, betas, n = model(kind), np.array([0.0, 0.3, 0.6, 0.85, 1.0]), 40_000
    exact = partition.log_z(params)
    annealer = annealed.Annealer.of(params, STREAM)
    up = annealer.up(betas, n, STREAM.child("up"))[0] - exact
    assert np.var(up) > 1e-3  # else nothing is tested
    weight = np.exp(up)
    assert abs(weight.mean() - 1) < 4 * weight.std() / math.sqrt(n)
    assert up.mean() < 0
    start = annealer.up(np.linspace(0, 1, 101), n, STREAM.child("start"))
    hidden = start[2][annealed.resampled(start[0], STREAM.child("resample"))]
    annealer.settle(hidden, 100, STREAM.child("settle"))
    down = annealer.down(hidden, betas, STREAM.child("down")) - exact
    weight = np.exp(-down)
    assert abs(weight.mean() - 1) < 4 * weight.std() / math.sqrt(n)
    assert down.mean() > 0


def test_the_acceptance_ratio_finds_what_both_directions_have_in_common():
    rng = np.random.default_rng(17)
    up, down = rng.normal(3 - 2**2 / 2, 2, 20_000), rng.normal(3 + 2**2 / 2, 2, 20_000)
    value, error = annealed.bennett(up, down)
    assert abs(value - 3) < 4 * error < 0.1
    low, high = annealed.bracket(up, down)
    assert low < 3 < high


def test_one_weight_above_all_others_says_little():
    """3 standard errors below the mean is less than nothing then; Markov's bound is left."""
    up = np.zeros(100)
    up[0] = 50.0
    assert annealed.effective_size(up) == pytest.approx(1)
    value, error = annealed.log_mean(up)
    assert value == pytest.approx(50 - math.log(100))
    assert annealed.least(error) == pytest.approx(math.log(annealed.TAIL))
    assert annealed.least(0.1) == pytest.approx(math.log(0.7))


@pytest.mark.parametrize("kind", list(VISIBLE))
def test_reverse_annealing_of_rows_is_low_and_comes_close(kind):
    params = model(kind)
    rbm = RBM.from_parameters(
        *params.arrays()[:3], visible=VISIBLE[kind],
        noise_variance=None if params.log_variance is None else np.exp(params.log_variance),
    )  # fmt: skip
    X = rbm.sample(1500, random_state=5)
    few = log_likelihood(rbm, X, method=RAISE(2, [0, 0.5, 1]))
    assert few.value < log_likelihood(rbm, X).value - 3 * few.error
    X = X[:60]
    many = log_likelihood(rbm, X, method=RAISE(10, 2000))
    assert abs(many.value - log_likelihood(rbm, X).value) < 4 * many.error + 0.01
    assert many.low < many.value < many.high == math.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_that_is_estimated_is_deterministic(dtype, monkeypatch):
    rbm, X = large(), rows(20).astype(dtype)
    first = rbm.score_samples(X)
    np.testing.assert_array_equal(rbm.score_samples(X), first)
    other = pickle.loads(pickle.dumps(rbm))
    for n_threads in (1, 3):
        annealing._kept.clear()
        monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
        np.testing.assert_array_equal(other.score_samples(X), first)
    assert np.isclose(first.mean(), rbm.score(X))


def test_equal_parameters_are_annealed_once_and_others_anew():
    rbm = large(seed=9)
    first = log_partition(rbm)
    assert log_partition(rbm) is first
    assert log_partition(rbm, method=AIS(tol=0.05)) is not first
    rbm.components_ = rbm.components_ * 1.01
    assert log_partition(rbm).value != first.value
    assert log_partition(large(seed=9), method=AIS(random_state=3)).value != first.value


def test_the_likelihood_of_a_large_model_is_that_of_its_estimate():
    rbm, X = large(), rows(20)
    log_z, found = log_partition(rbm), log_likelihood(rbm, X)
    free = rbm.free_energy(X).mean()
    assert found.value == pytest.approx(-free - log_z.value, abs=1e-12)
    assert found.low == pytest.approx(-free - log_z.high, abs=1e-12)
    assert found.high == pytest.approx(-free - log_z.low, abs=1e-12)
    assert "annealed" in found.method
    assert rbm.score(X) == pytest.approx(found.value, abs=1e-12)
    low = log_likelihood(rbm, X, method=RAISE(5, 500))
    assert low.value - 4 * low.error < found.high


def test_rows_may_say_where_chains_begin():
    rbm = large()
    X = rbm.sample(300, n_steps=200, random_state=3)
    for given in (X, csr_array(X)):
        found = log_partition(rbm, method=AIS(), X=given)
        expected = log_partition(rbm)
        assert found.low < expected.high
        assert expected.low < found.high
    pipeline = make_pipeline(FunctionTransformer(), rbm)
    assert log_partition(pipeline, method=AIS(), X=X).value == found.value


def test_an_exact_sum_is_taken_where_it_can_be_and_refused_where_it_is_asked_for():
    small = model("bernoulli")
    assert log_partition(small).value == log_partition(small, method="exact").value
    assert "annealed" in log_partition(large(), AIS()).method
    with pytest.raises(TooManyStates, match=r"2\*\*36 states.*AIS\(\)"):
        log_partition(large(), method="exact")
    strict = large().set_params(likelihood="exact")
    with pytest.raises(TooManyStates, match=r"2\*\*36 states"):
        strict.score(rows(3))
    estimated = RBM(4, likelihood=AIS(), trainer=CD(n_passes=2), random_state=3).fit(rows(30, 8))
    found = log_partition(estimated)
    assert found.low < partition.log_z(estimated.params_) < found.high
    assert estimated.score(rows(30, 8)) == log_likelihood(estimated, rows(30, 8)).value


def test_a_wide_bracket_is_told_in_words():
    rbm = large(scale=1.0).set_params(likelihood=AIS(10, 20, n_burn=0))
    with pytest.warns(ConvergenceWarning, match=r"known to lie in \[.*Raise max_steps or tol"):
        rbm.score(rows(3))
    found = log_partition(rbm)
    assert not found.within_tol
    assert found.high - found.low > 0.1
    rbm.set_params(likelihood__tol=1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rbm.score(rows(3))


def test_more_is_spent_until_the_bracket_is_narrow_or_the_budget_ends():
    rbm = large(scale=0.7)
    wide, narrow = (log_partition(rbm, method=AIS(tol=tol)) for tol in (0.5, 0.05))
    assert wide.within_tol
    assert narrow.within_tol
    assert narrow.high - narrow.low <= 0.05
    steps = [found.n_betas * len(found.log_weights) for found in (wide, narrow)]
    assert steps[1] > steps[0]
    ended = log_partition(rbm, method=AIS(tol=1e-4, max_steps=400_000))
    assert not ended.within_tol
    assert ended.n_betas * len(ended.log_weights) * 2 <= 400_000
    assert 2 <= ended.effective_sample_size <= len(ended.log_weights)


def test_named_schedules_rise_from_independent_units_to_the_model():
    for name, betas in NAMED.items():
        assert betas[0] == 0
        assert betas[-1] == 1
        assert (np.diff(betas) > 0).all(), name
    assert len(NAMED["reference"]) == 14_501
    assert log_partition(large(), method=AIS(10, "reference")).n_betas == 14_500


def spread(variances, steps=10):
    """A spread as chains would leave it, of stretches of equal steps."""
    found = Spread()
    gained = np.zeros(2)
    for at, variance in enumerate(variances, start=1):
        gained += np.sqrt(variance) * np.array([-1, 1])
        found(at * steps, gained)
    return found


def test_betas_are_close_where_log_weights_spread():
    betas = np.linspace(0, 1, 51)
    up, down = spread([0, 1, 4, 1, 0]), spread([0, 1, 4, 1, 0])
    assert up.variances == pytest.approx([0, 1, 4, 1, 0])
    found = placed(betas, up, down, 100)
    assert len(found) == 101
    assert (found[0], found[-1]) == (0, 1)
    assert (np.diff(found) > 0).all()
    # A fifth of the betas stays even; the others go with the deviation: 1, 2 and 1 quarters.
    inside = [np.sum((found > low) & (found <= low + 0.2)) for low in (0, 0.2, 0.4, 0.6, 0.8)]
    assert inside == pytest.approx([4, 24, 44, 24, 4], abs=1)
    # Chains that come down tell of the same betas in the other order.
    low_end = placed(betas, spread([4, 0, 0, 0, 0]), spread([0, 0, 0, 0, 4]), 100)
    assert np.sum(low_end <= 0.2) > 80
    # Where nothing spreads they are even.
    np.testing.assert_allclose(placed(betas, spread([0] * 5), spread([0] * 5), 50), betas)


def test_betas_that_are_placed_narrow_the_bracket():
    """Units that are on or off together, which at low betas they come to be."""
    params = RBMParams(np.full((40, 60), 0.6), np.full(60, -12.0), np.full(40, -18.0))
    widths = []
    for seed in range(5):
        stream = Stream.of_values(np.array([seed, 3.0]))
        annealer = annealed.Annealer.of(params, stream)

        def width(betas, rise=None, fall=None, stream=stream, annealer=annealer):
            up, _, hidden = annealer.up(betas, 100, stream, watch=rise)
            hidden = hidden[annealed.resampled(up, stream.child("again"))]
            down = annealer.down(hidden, betas, stream.child("down"), watch=fall)
            low, high = annealed.bracket(up, down)
            return high - low

        rise, fall = Spread(), Spread()
        width(np.linspace(0, 1, 501), rise, fall)
        even, better = np.linspace(0, 1, 1001), placed(np.linspace(0, 1, 501), rise, fall, 1000)
        widths.append((width(even), width(better)))
    even, better = np.mean(widths, axis=0)
    assert better < 0.9 * even


def of_a_part_that_chains_miss(n_hidden):
    """Nearly all of its weight is where its first unit is on, where units that are off never come.

    With it are units that do nothing. A deep model on binary MNIST was said to have -1 nats a row:
    chains both ways had missed the states of the data.
    """
    weights = np.zeros((n_hidden, 60))
    weights[0] = 6.5
    return RBM.from_parameters(weights, np.full(60, -3.0), np.append(-150, np.zeros(n_hidden - 1)))


def test_rows_show_a_part_of_the_states_that_chains_miss():
    rbm, X = of_a_part_that_chains_miss(5), np.ones((20, 60))
    X[::2, :20] = 0
    exact = log_partition(rbm).value
    alone = log_partition(rbm, AIS(20, 1000))
    assert alone.high < exact - 50
    found = log_partition(rbm, AIS(20, 1000), X=X)
    assert found.low < exact < found.high
    # Also where independent units are those of a run that misses it.
    params = rbm.params_
    annealer = annealed.Annealer.of(params, STREAM)
    ends = []
    for rows in (None, X):
        part = STREAM.child("part")
        up, down, _ = ais._run(annealer, np.linspace(0, 1, 1001), 20, 100, rows, part, None)
        found = ais._estimate(up, down, ais._half(20, rows), np.linspace(0, 1, 1001), 0.1)
        ends.append((found.low, found.high))
    assert ends[0][1] < exact - 50
    assert ends[1][0] < exact < ends[1][1]


def test_a_trained_model_keeps_rows_to_be_annealed_from():
    X = (np.random.default_rng(3).random((80, 40)) < 0.4).astype(float)
    assert RBM(5, trainer=PCD(n_passes=1), random_state=3).fit(X).examples_ is None
    rbm = RBM(35, trainer=PCD(n_passes=2), random_state=3).fit(X)
    assert rbm.examples_.shape == (32, 40)
    assert rbm.examples_.nbytes == 32 * 40
    assert {tuple(row) for row in rbm.examples_} <= {tuple(row) for row in X}
    own, given = log_partition(rbm), log_partition(rbm, X=rbm.examples_)
    assert own.value == given.value
    assert rbm.score(X) == pytest.approx(-rbm.free_energy(X).mean() - own.value, abs=1e-10)
    # They are there for what chains miss.
    missing = of_a_part_that_chains_miss(40)
    few = AIS(20, 1000)
    low = log_partition(missing, few)
    missing.examples_ = np.ones((20, 60))
    assert log_partition(missing, few).high > low.high + 50


def test_a_search_over_large_models_compares_their_likelihoods():
    X = np.tile(rows(8), (12, 1))
    search = GridSearchCV(
        RBM(32, trainer=PCD(n_passes=30), likelihood=AIS(20, "cheap", tol=5), random_state=3),
        {"trainer__learning_rate": [1e-4, 0.05], "likelihood__n_chains": [20]},
        cv=2,
    )
    search.fit(X)
    assert search.best_params_["trainer__learning_rate"] == 0.05
    assert clone(search.best_estimator_).likelihood.tol == 5


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ("ais", "method must be 'auto', 'exact' or an AIS"),
        (AIS, "method must be 'auto', 'exact' or an AIS"),
        (AIS(1), "n_chains"),
        (AIS(betas="slow"), "betas"),
        (AIS(betas=0), "betas"),
        (AIS(betas=[0, 0.5]), "betas must rise from 0 to 1"),
        (AIS(betas=[0, 0.5, 0.5, 1]), "Sort them and leave out doubles"),
        (AIS(betas=[[0, 1]]), "betas must rise from 0 to 1"),
        (AIS(betas=[0, math.nan, 1]), "betas must rise"),
        (AIS(tol=0), "tol"),
        (AIS(n_burn=-1), "n_burn"),
        (AIS(max_steps=0), "max_steps"),
    ],
)
def test_what_is_no_way_to_log_z_is_told_before_any_work(method, sentence):
    for rbm in (model("bernoulli"), large()):
        with pytest.raises(ValueError, match=sentence):
            log_partition(rbm, method=method)


def test_methods_are_for_rbms_and_rows_as_wide_as_they_are():
    dbn = DBN([LatentLayer(3), RBM(3)], random_state=3).fit(rows(20, 6))
    with pytest.raises(Incompatible, match=r"not for DBN.*VariationalBound"):
        log_likelihood(dbn, rows(20, 6), method=AIS())
    with pytest.raises(ValueError, match="36 visible units and X has 7 columns"):
        log_partition(large(), method=AIS(), X=rows(5, 7))
    for wrong in ("ais", AIS, RAISE()):
        with pytest.raises(ValueError, match="'likelihood' parameter of RBM must be"):
            RBM(likelihood=wrong).fit(rows(5, 4))
    with pytest.raises(ValueError, match="RAISE must be an int"):
        log_likelihood(large(), rows(5), method=RAISE(1))


def test_the_drop_in_is_annealed_too():
    X = rows(30, 33)
    found = log_partition(BernoulliRBM(34, n_iter=1, random_state=3).fit(X))
    assert "annealed" in found.method


LONG = """
import numpy as np
from layerwise import AIS, log_partition
from layerwise.estimators import likelihood
from layerwise.models.rbm import RBMParams

likelihood.PROGRESS_EVERY = 0.0
params = RBMParams(np.full((300, 400), 0.1), np.zeros(400), np.zeros(300))
try:
    log_partition(params, method=AIS(betas=10**6), verbose=1)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@processes.posix
def test_an_interrupt_ends_a_long_run():
    # A million betas take more than a minute of any machine this runs on.
    with processes.started("-c", LONG) as process:
        assert "% done" in process.stderr.readline()
        sent = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        status, out, err = processes.finish(process)
        assert (status, out) == (0, "interrupted\n")
        assert all("% done" in line for line in err.splitlines())
        assert time.monotonic() - sent < 30
