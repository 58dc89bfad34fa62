"""Tempered replicas: what they leave invariant, and what they are for."""

import itertools
import math

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning

from layerwise import CD, PCD, RBM, Gaussian, Incompatible, ParallelTempering
from layerwise.likelihood import tempering
from layerwise.models.rbm import RBMParams
from layerwise.numerics import runtime
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(5, 21)))
BETAS = np.array([1.0, 0.6, 0.25, 0.0])


def small(seed=3):
    """Return an RBM of few states and strong weights, and what its units are at beta 0."""
    rng = np.random.default_rng(seed)
    params = RBMParams(rng.normal(scale=2, size=(2, 3)), rng.normal(size=3), rng.normal(size=2))
    return params, rng.normal(size=3)


def ladder_of(betas):
    n = len(betas) - 1
    return tempering.Ladder(betas.copy(), np.zeros(n), np.zeros(n))


def states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def log_f(params, base, beta):
    """Return log f of all visible states at beta."""
    v = states(params.n_visible)
    linear = v @ ((1 - beta) * base + beta * params.intercept_visible)
    return linear + np.logaddexp(0, beta * params.hidden_field(v)).sum(axis=1)


def marginal(params, base, beta):
    weight = np.exp(log_f(params, base, beta))
    return weight / weight.sum()


def gibbs(params, base, beta):
    """Return the transition matrix of visible states by v -> h -> v at beta."""
    v, h = states(params.n_visible), states(params.n_hidden)

    def bits(field, x):
        mean = 1 / (1 + np.exp(-field))
        return np.prod(np.where(x == 1, mean[:, None], 1 - mean[:, None]), axis=2)

    up = bits(beta * params.hidden_field(v), h[None])
    field = (1 - beta) * base + beta * params.visible_field(h)
    return up @ bits(field, v[None])


def test_steps_and_swaps_leave_the_joint_distribution_of_all_replicas():
    params, base = small()
    betas = [1.0, 0.5, 0.1]
    joint = np.einsum("i,j,k->ijk", *(marginal(params, base, beta) for beta in betas))
    moved = joint
    for axis, beta in enumerate(betas):
        moved = np.moveaxis(np.tensordot(gibbs(params, base, beta), moved, (0, axis)), 0, axis)
    np.testing.assert_allclose(moved, joint, rtol=0, atol=1e-12)
    f = [log_f(params, base, beta) for beta in betas]
    for upper in (0, 1):
        rise = f[upper + 1] - f[upper]
        # As Replicas.step: what v gains on its way up the ladder, and w on its way down.
        accepted = np.exp(np.minimum(0, rise[:, None] - rise[None, :]))
        pair = joint.sum(axis=2) if upper == 0 else joint.sum(axis=0)
        swapped = pair * (1 - accepted) + (pair * accepted).T
        np.testing.assert_allclose(swapped, pair, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_replicas_that_start_from_their_distributions_do_not_drift(dtype):
    params, base = small()
    n, v = 40_000, states(3)
    rng = np.random.default_rng(7)
    start = [v[rng.choice(len(v), n, p=marginal(params, base, beta))] for beta in BETAS]
    hidden = [
        (rng.random((n, 2)) < 1 / (1 + np.exp(-beta * params.hidden_field(rows)))).astype(dtype)
        for beta, rows in zip(BETAS, start)
    ]
    replicas = tempering.Replicas(
        params.astype(dtype), base.astype(dtype), None, ladder_of(BETAS), np.vstack(hidden)
    )
    for step in range(6):
        rows = replicas.step(1, STREAM.child(step))
    index = (rows.reshape(len(BETAS), n, 3) @ [4, 2, 1]).astype(int)
    for level, beta in enumerate(BETAS):
        p = marginal(params, base, beta)
        counts = np.bincount(index[level], minlength=8)
        assert np.sum((counts - n * p) ** 2 / (n * p)) < 7 + 5 * math.sqrt(14)
    # Neighbours are independent of each other too.
    p = np.outer(marginal(params, base, BETAS[0]), marginal(params, base, BETAS[1])).ravel()
    counts = np.bincount(8 * index[0] + index[1], minlength=64)
    assert np.sum((counts - n * p) ** 2 / (n * p)) < 63 + 5 * math.sqrt(126)
    assert (replicas.ladder.swap_rates > 0.2).all()


def test_rates_are_those_of_the_distributions():
    params, base = small()
    rates = []
    for b, c in itertools.pairwise(BETAS):
        rise = log_f(params, base, c) - log_f(params, base, b)
        accepted = np.exp(np.minimum(0, rise[:, None] - rise[None, :]))
        rates.append(marginal(params, base, b) @ accepted @ marginal(params, base, c))
    hidden = np.zeros((len(BETAS) * 20_000, 2))
    replicas = tempering.Replicas(params, base, None, ladder_of(BETAS), hidden)
    for step in range(30):
        if step == 10:
            replicas.ladder.forget()
        replicas.step(1, STREAM.child(step))
    np.testing.assert_allclose(replicas.ladder.swap_rates, rates, rtol=0, atol=0.01)


PROTOTYPES = np.random.default_rng(3).random((20, 100)) < 0.5


def clusters(n, seed, prototypes=PROTOTYPES):
    """Return rows near prototypes that are far apart: no chain crosses between them."""
    rng = np.random.default_rng(seed)
    rows = prototypes[rng.integers(len(prototypes), size=n)]
    return np.where(rng.random(rows.shape) < 0.02, ~rows, rows).astype(float)


def test_an_adapted_ladder_swaps_evenly():
    X = clusters(500, 3)
    rbm = RBM(12, trainer=PCD(n_passes=60), random_state=3).fit(X)
    params = rbm.params_
    base, _ = tempering.first_base(params, X)
    hidden = np.zeros((8 * 50, 12))
    replicas = tempering.Replicas(params, base, None, tempering.Ladder.even(8), hidden)
    spreads = []
    for round_ in range(12):
        for step in range(60):
            replicas.step(1, STREAM.child(round_, step))
        spreads.append(np.ptp(replicas.ladder.swap_rates))
        if round_ < 11:
            replicas.ladder.adapt()
    assert spreads[-1] < spreads[0] / 2
    assert replicas.ladder.betas[0] == 1
    assert replicas.ladder.betas[-1] == 0
    assert (np.diff(replicas.ladder.betas) < 0).all()


def test_far_apart_clusters_are_learnt_better():
    """Beside PCD with as many chains at beta 1, and with as many Gibbs steps for each."""
    prototypes = PROTOTYPES[:8, :40]
    trainers = {
        "tempered": ParallelTempering(n_passes=400, n_chains=20, n_replicas=6),
        "PCD-1": PCD(n_passes=400, n_chains=20),
        "PCD-6": PCD(n_passes=400, n_chains=20, n_steps=6),
    }
    found = {name: [] for name in trainers}
    for seed in (3, 4, 5, 6):
        X, held_out = clusters(500, seed, prototypes), clusters(500, seed + 100, prototypes)
        for name, trainer in trainers.items():
            rbm = RBM(8, trainer=trainer, random_state=seed).fit(X)
            found[name].append(rbm.score(held_out))
    mean = {name: np.mean(values) for name, values in found.items()}
    assert mean["tempered"] > mean["PCD-1"] + 3
    assert mean["tempered"] > mean["PCD-6"] + 1


def test_a_sampler_crosses_between_clusters():
    """Two wells at the corners, which single chains do not leave."""
    weights = np.full((6, 12), 4.0)
    rbm = RBM.from_parameters(weights, np.full(12, -12.0), np.full(6, -24.0))
    share = rbm.moments().visible[0]
    assert 0.4 < share < 0.6
    tempered = ParallelTempering(n_replicas=8)
    rows = rbm.sample(200, n_steps=300, sampler=tempered, random_state=3)
    assert abs(rows.mean() - share) < 4 * math.sqrt(0.25 / 200)
    again = rbm.sample(200, n_steps=300, sampler=tempered, random_state=3)
    np.testing.assert_array_equal(rows, again)


def test_a_sampler_says_when_replicas_hardly_swap():
    weights = np.random.default_rng(617).normal(scale=2, size=(60, 100))
    rbm = RBM.from_parameters(weights, np.zeros(100), np.zeros(60))
    with pytest.warns(ConvergenceWarning, match=r"Of 2 tempered .* swap least did so in \d%"):
        rbm.sample(50, n_steps=100, sampler=ParallelTempering(n_replicas=2), random_state=3)
    rbm.sample(5, n_steps=1, sampler=ParallelTempering(n_replicas=8), random_state=3)  # no word


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_threads_and_training_goes_on(visible, dtype, monkeypatch):
    X = clusters(130, 3)[:, :20].astype(dtype)
    trainer = ParallelTempering(n_passes=3, n_replicas=4, n_chains=20, batch_size=50)
    found = []
    for n_threads in (1, 3):
        monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
        found.append(RBM(6, visible=visible, trainer=trainer, random_state=3).fit(X))
    parts = RBM(6, visible=visible, trainer=trainer, random_state=3)
    for _ in range(3):
        parts.partial_fit(X)
    for other in (found[1], parts):
        np.testing.assert_array_equal(other.components_, found[0].components_)
    assert found[0].components_.dtype == dtype
    assert found[0].history_["swap_rate"].shape == (3,)
    assert (found[0].history_["swap_rate"] > 0).all()


def test_sparse_rows_leave_the_same_bits():
    X = clusters(130, 3)
    trainer = ParallelTempering(n_passes=2, n_replicas=3, n_chains=20)
    dense, sparse = (RBM(5, trainer=trainer, random_state=3).fit(x) for x in (X, csr_array(X)))
    np.testing.assert_array_equal(dense.components_, sparse.components_)


def test_options_of_pcd_are_taken():
    X = clusters(130, 3)
    for options in (
        {"centered": True}, {"sparsity_target": 0.2}, {"averaging": 0.5}, {"optimizer": "adam"},
        {"early_stopping": True}, {"n_steps": 3},
    ):  # fmt: skip
        trainer = ParallelTempering(n_passes=3, n_replicas=3, n_chains=10, **options)
        rbm = RBM(5, trainer=trainer, random_state=3).fit(X, sample_weight=np.arange(1, 131))
        assert np.isfinite(rbm.components_).all()


def test_what_cannot_be_is_told():
    X = clusters(20, 3)
    with pytest.raises(ValueError, match="n_replicas"):
        RBM(3, trainer=ParallelTempering(n_replicas=1)).fit(X)
    rbm = RBM(3, trainer=CD(n_passes=1), random_state=3).fit(X)
    with pytest.raises(TypeError, match="sampler must be a ParallelTempering"):
        rbm.sample(2, sampler="tempered")
    with pytest.raises(ValueError, match="n_replicas"):
        rbm.sample(2, sampler=ParallelTempering(n_replicas=0))
    with pytest.raises(Incompatible, match="got both"):
        rbm.sample(2, given=np.full((1, 100), np.nan), sampler=ParallelTempering())
    numbers = RBM(3, visible=Gaussian(), trainer=CD(n_passes=1), random_state=3).fit(X)
    rows = numbers.sample(3, n_steps=5, sampler=ParallelTempering(n_replicas=3), random_state=3)
    assert np.isfinite(rows).all()
