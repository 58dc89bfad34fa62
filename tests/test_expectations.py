"""What people expect of a library of RBMs, a test a promise; most are held to more elsewhere.

The last tests are defects that users of other libraries have reported, each with its story.
"""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    EarlyStopping,
    ExactGradient,
    Gaussian,
    Softmax,
    log_likelihood,
    log_partition,
    log_pseudolikelihood,
)

SEED = 29
BRISK = {"n_passes": 100, "batch_size": 50, "learning_rate": 0.1}  # 600 steps


@pytest.fixture
def X(rng):
    """Rows of two clusters, told apart by half of the columns."""
    cluster = rng.integers(2, size=(300, 1))
    p = np.where(cluster, [0.9] * 4 + [0.2] * 4, [0.1] * 4 + [0.3] * 4)
    return (rng.random(p.shape) < p).astype(float)


def fitted(X, trainer=None, **params):
    """Return an RBM of three hidden units, trained."""
    trainer = PCD(**BRISK) if trainer is None else trainer
    return RBM(3, trainer=trainer, random_state=SEED, **params).fit(X)


def coins(X):
    """Return the mean log-likelihood of independent columns with the rows' means."""
    p = np.clip(X.mean(axis=0), 1e-3, 1 - 1e-3)
    return np.sum(p * np.log(p) + (1 - p) * np.log(1 - p))


# Units -------------------------------------------------------------------------------------------


def test_gaussian_visible_units_with_learned_variance(rng):
    X = rng.normal([0, 5], [0.5, 2], size=(300, 2))
    trainer = ExactGradient(n_passes=400, learning_rate=0.02)
    found = RBM(1, visible="gaussian", trainer=trainer, random_state=SEED).fit(X)
    of_data = X.var(axis=0)
    assert found.score(X) > np.mean(-0.5 * np.log(2 * np.pi * np.e * of_data)) * 2 - 0.05
    assert found.noise_variance_.max() < 1.1 * of_data.max()


def test_spin_units(X):
    trainer = ExactGradient(n_passes=500)
    found = fitted(2 * X - 1, trainer, visible="spin", hidden="spin")
    assert found.score(2 * X - 1) > coins(X) + 0.3


def test_softmax_and_mixed_visible_types(rng):
    kind = rng.integers(3, size=200)
    X = np.column_stack([np.eye(3)[kind], rng.normal(kind, 0.3), kind == 1])
    visible = [Softmax((3,)), ("gaussian", 1), ("bernoulli", 1)]
    found = fitted(X, ExactGradient(n_passes=200), visible=visible)
    draws = found.sample(50)
    assert np.all(draws[:, :3].sum(axis=1) == 1)
    assert set(draws[:, 4]) <= {0.0, 1.0}


# Learning ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trainer",
    [
        CD(n_steps=3, **BRISK),
        PCD(n_steps=3, **BRISK),
        ExactGradient(n_passes=500),
        PCD(centered=True, **BRISK),
        PCD(momentum=0.9, **(BRISK | {"learning_rate": 0.01})),
        PCD(optimizer="adam", **(BRISK | {"learning_rate": 0.02})),
        PCD(schedule="linear", **BRISK),
    ],
    ids=["CD-k", "PCD-k", "exact gradient", "centred gradient", "momentum", "Adam", "schedule"],
)
def test_trainers_learn(X, trainer):
    assert fitted(X, trainer).score(X) > coins(X) + 0.3


def test_l1_and_l2_on_weights(X):
    free = fitted(X)
    small = fitted(X, PCD(weight_decay=0.1, **BRISK))
    sparse = fitted(X, PCD(l1_decay=0.3, **BRISK))
    assert np.linalg.norm(small.components_) < np.linalg.norm(free.components_)
    assert np.sum(sparse.components_ == 0) > 0 == np.sum(free.components_ == 0)


def test_sparsity_target(X):
    aimed = PCD(sparsity_target=0.05, sparsity_cost=1.0, **BRISK)
    free = PCD(**BRISK)
    means = [fitted(X, trainer).transform(X).mean() for trainer in (aimed, free)]
    assert means[0] < 0.2 < means[1]


def test_early_stopping_on_validation(X):
    trainer = ExactGradient(n_passes=2000, learning_rate=0.1, early_stopping=True)
    told = fitted(X[:40], trainer).history_["validation_log_likelihood"]
    assert len(told) < 2000
    assert np.argmax(told) == len(told) - 1 - trainer.n_passes_no_change


def test_mini_batches_are_shuffled(X):
    # In their order, all rows of one cluster come first: chains would forget them.
    rows = X[np.argsort(X[:, :4].sum(axis=1), kind="stable")]
    trainer = PCD(**(BRISK | {"batch_size": 5}))
    assert fitted(rows, trainer).score(X) > coins(X) + 0.3


def test_uneven_last_batch(X):
    trainer = PCD(batch_size=200, n_passes=300)
    means = fitted(X, trainer).sample(4000).mean(axis=0)
    np.testing.assert_allclose(means, X.mean(axis=0), atol=0.12)


def test_sample_weight(X):
    weights = np.where(X[:, 0] == 1, 3.0, 1.0)
    trainer = ExactGradient(n_passes=200)
    rbm = RBM(3, trainer=trainer, random_state=SEED)
    weighted = clone(rbm).fit(X, sample_weight=weights)
    repeated = clone(rbm).fit(np.repeat(X, weights.astype(int), axis=0))
    np.testing.assert_allclose(weighted.components_, repeated.components_, atol=1e-6)
    assert weighted.score(X, sample_weight=weights) == pytest.approx(
        np.average(weighted.score_samples(X), weights=weights)
    )


def test_sparse_input(X):
    sparse, dense = fitted(csr_array(X)), fitted(X)
    np.testing.assert_array_equal(sparse.components_, dense.components_)
    assert sparse.score(csr_array(X)) == dense.score(X)


def test_partial_fit_resumes(X):
    rbm = RBM(3, trainer=PCD(), random_state=SEED)
    for _ in range(5):
        rbm.partial_fit(X)
    again = pickle.loads(pickle.dumps(rbm)).partial_fit(X)
    np.testing.assert_array_equal(again.components_, rbm.partial_fit(X).components_)


def test_float32_is_kept(X):
    rbm = fitted(X.astype(np.float32)).partial_fit(X.astype(np.float32))
    found = rbm.components_, rbm.transform(X.astype(np.float32)), rbm.sample(2)
    assert {each.dtype for each in found} == {np.dtype(np.float32)}


# What a fitted model is asked for ----------------------------------------------------------------


def test_public_sampler_of_chains_and_steps():
    # Neither layer can be listed: these are Gibbs chains.
    rng = np.random.default_rng(SEED)
    wide = RBM.from_parameters(rng.normal(size=(32, 40)) / 10, np.full(40, -1.0), np.zeros(32))
    few, many = (wide.sample(2000, n_steps=n, random_state=SEED).mean() for n in (1, 200))
    assert abs(many - few) < 0.1
    assert many < 0.45  # of the biases: even odds were the start


def test_conditional_sampling(X):
    rbm = fitted(X)
    given = np.where(np.arange(8) < 3, X[:1], np.nan)
    draws = rbm.sample(200, given=given)
    np.testing.assert_array_equal(draws[:, :3], np.repeat(X[:1, :3], 200, axis=0))
    assert set(np.unique(draws[:, 3:])) <= {0.0, 1.0}


def test_reconstruct_and_inverse_transform(X):
    rbm = fitted(X)
    np.testing.assert_array_equal(rbm.reconstruct(X), rbm.inverse_transform(rbm.transform(X)))
    assert np.mean((rbm.reconstruct(X) - X) ** 2) < np.mean((X.mean(axis=0) - X) ** 2)


def test_free_energy_is_public(X):
    rbm = fitted(X)
    np.testing.assert_allclose(
        -rbm.free_energy(X) - log_partition(rbm).value, rbm.score_samples(X), rtol=1e-12
    )


def test_pseudo_likelihood_is_exact_and_deterministic(X):
    rbm, x = fitted(X), X[3]
    by_hand = 0
    for at in range(8):
        pair = np.tile(x, (2, 1))
        pair[1, at] = 1 - x[at]
        by_hand += -rbm.free_energy(pair)[0] - logsumexp(-rbm.free_energy(pair))
    found = [log_pseudolikelihood(rbm, x[None]).value for _ in range(2)]
    assert found[0] == found[1] == pytest.approx(by_hand, rel=1e-10)


def test_deep_belief_network_by_layers(X):
    layers = [AutoEncoder(4, trainer=Backprop(n_passes=100)), RBM(3, trainer=PCD(**BRISK))]
    assert DBN(layers, random_state=SEED).fit(X).score(X) > coins(X)


def test_callbacks_of_each_pass(X):
    rbm = RBM(3, trainer=ExactGradient(n_passes=3000, learning_rate=0.1), random_state=SEED)
    rbm.set_callbacks(EarlyStopping(X[:30], n_passes_no_change=3)).fit(X[30:])
    assert len(rbm.history_["negative_log_likelihood"]) < 3000


def test_progress_is_told(X, capsys):
    RBM(3, trainer=PCD(n_passes=7), verbose=1).fit(X)
    assert "pass 7 of 7" in capsys.readouterr().out


def test_a_seed_of_its_own_and_not_a_global_one(X):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, other = fitted(X), fitted(X)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(one.components_, other.components_)
    np.testing.assert_array_equal(one.sample(5, random_state=3), one.sample(5, random_state=3))


def test_save_and_load(X):
    rbm = fitted(X)
    assert pickle.loads(pickle.dumps(rbm)).score(X) == rbm.score(X)


def test_grid_search_in_a_pipeline_without_labels(X):
    pipeline = make_pipeline(MinMaxScaler(), RBM(random_state=SEED))
    grid = {"rbm__trainer": [CD(n_passes=1), PCD(**BRISK)]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X)
    assert isinstance(search.best_params_["rbm__trainer"], PCD)  # the other has learnt nothing
    assert search.best_score_ == max(search.cv_results_["mean_test_score"]) > coins(X)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_components": 0}, "'n_components' parameter .* Got 0"),
        ({"trainer__learning_rate": -1}, "'learning_rate' parameter .* Got -1"),
        ({"trainer__sparsity_target": 2}, "'sparsity_target' parameter .* Got 2"),
        ({"visible": "binary"}, "binary"),
    ],
)
def test_parameters_are_validated(X, params, words):
    with pytest.raises(ValueError, match=words):
        RBM().set_params(**params).fit(X)


# Defects of other libraries ----------------------------------------------------------------------


def test_log_z_does_not_overflow():
    # A sum of exp(-F) without its largest term taken out is infinite once some -F passes 709; and
    # in float32, from 88 on.
    rbm = RBM.from_parameters(np.full((4, 10), 100.0), np.zeros(10), np.zeros(4))
    # By far the heaviest state is all ones: 4 * 10 * 100.
    assert log_partition(rbm).value == pytest.approx(4000, abs=1e-9)
    for dtype in (np.float32, np.float64):
        X = np.ones((1, 10), dtype=dtype)
        model = RBM.from_parameters(
            np.full((4, 10), 100, dtype), np.zeros(10, dtype), np.zeros(4, dtype)
        )
        assert model.score(X) == pytest.approx(0, abs=1e-4)


def test_log_z_needs_no_table_of_all_states():
    # Made as a list of all states, 2**25 of them are a gigabyte, and a limit stands above them.
    rng = np.random.default_rng(SEED)
    wide = RBM.from_parameters(rng.normal(size=(27, 30)) / 10, np.zeros(30), np.zeros(27))
    tall = RBM.from_parameters(wide.components_.T, np.zeros(27), np.zeros(30))
    assert log_partition(wide).value == pytest.approx(log_partition(tall).value, rel=1e-12)


def test_features_of_a_row_do_not_depend_on_the_batch(rng):
    # Gaussian columns were standardised by the batch that they came in.
    X = rng.normal(size=(50, 3))
    rbm = RBM(4, visible=Gaussian(), trainer=PCD(n_passes=5), random_state=SEED).fit(X)
    np.testing.assert_array_equal(rbm.transform(X[7:8]), rbm.transform(X)[7:8])


def test_a_column_without_variance_is_no_division_by_zero(rng):
    # The variance of a constant Gaussian column was estimated as zero, and all became NaN.
    X = np.column_stack([rng.normal(size=80), np.full(80, 3.0)])
    rbm = RBM(2, visible="gaussian", trainer=PCD(n_passes=20), random_state=SEED).fit(X)
    assert np.isfinite(rbm.score(X))


def test_values_out_of_range_are_no_states(X):
    # Values of -2 to 3 were taken as probabilities, without a word.
    for estimator in (RBM(2), BernoulliRBM(2), AutoEncoder(2)):
        with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
            clone(estimator).fit(X * 5 - 2)


def test_scores_of_a_row_are_the_same_at_each_call(X):
    # One random feature was flipped for each row: a search could not compare two models.
    for model in (fitted(X), BernoulliRBM(3, n_iter=5, random_state=SEED).fit(X)):
        np.testing.assert_array_equal(model.score_samples(X), model.score_samples(X))
    assert log_likelihood(fitted(X), X).value == fitted(X).score(X)
