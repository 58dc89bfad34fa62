"""Sparse rows: the bits of dense ones, in memory that grows with what they store."""

import tracemalloc

import numpy as np
import pytest
from laws.models import rows_of
from scipy import sparse
from sklearn.base import clone

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    BoundAscent,
    ExactGradient,
    Gaussian,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
    Softmax,
    Spin,
    TruncatedExponential,
    log_likelihood,
)
from layerwise.models.inputs import LayerInput
from layerwise.models.mixed import Mixed
from layerwise.numerics import rows
from layerwise.numerics.streams import Stream

STREAM = Stream.from_random_state(20121)
ESTIMATORS = {
    "cd": RBM(4, trainer=CD(n_passes=3, batch_size=7)),
    "pcd": RBM(4, trainer=PCD(n_passes=3, batch_size=7, n_chains=5)),
    "centred": RBM(4, trainer=PCD(n_passes=3, batch_size=7, centered=True, sparsity_target=0.1)),
    "drop-in": BernoulliRBM(4, batch_size=7, n_iter=3),
    "means": RBM(4, trainer=CD(n_passes=3, resample=False)),
    "exact": RBM(4, trainer=ExactGradient(n_passes=3, batch_size=20)),
    "stopping": RBM(4, trainer=PCD(n_passes=5, early_stopping=True, n_passes_no_change=2)),
    "backprop": AutoEncoder(3, encoder_layer_sizes=(5,), trainer=Backprop(n_passes=3)),
    "denoising": AutoEncoder(3, corruption=0.2, tied=True, trainer=Backprop(n_passes=3)),
    "bound": AutoEncoder(3, trainer=BoundAscent(n_passes=3)),
    "marginal": LatentLayer(3, trainer=MarginalAscent(n_passes=3)),
    "from a layer": LatentLayer(
        3, init=AutoEncoder(3, trainer=Backprop(n_passes=2)), trainer=MarginalAscent(n_passes=3)
    ),
    "dbn": DBN(
        [AutoEncoder(3, trainer=Backprop(n_passes=2)), RBM(2, trainer=PCD(n_passes=2))],
        fine_tuner=LikelihoodAscent(n_passes=2),
    ),
}
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
KINDS = {
    "bernoulli": ("bernoulli", 6),
    "gaussian": (Gaussian(), 6),
    "truncated exponential": (TruncatedExponential(), 6),
    "softmax": (Softmax((3, 2)), 5),
    "mixed": (Mixed(((Gaussian(), 2), (Softmax((3,)), 3), (TruncatedExponential(), 1))), 6),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 700)  # ten rows or so


def data(n_rows=45, n_units=9, dtype=np.float64, grey=False):
    rng = np.random.default_rng(31)
    X = (rng.random((n_rows, n_units)) < 0.3).astype(dtype)
    return X * rng.random(X.shape).astype(dtype) if grey else X


def fitted(estimator, X, **kwargs):
    return clone(estimator).set_params(random_state=7).fit(X, **kwargs)


def told(model, X):
    """Return all that a fitted model has learnt and says of rows, as arrays of bits."""
    layers = model.layers_ if isinstance(model, DBN) else [model]
    parts = [
        value for layer in layers for _, value in sorted(vars(layer).items())
        if isinstance(value, np.ndarray)
    ]  # fmt: skip
    history = model.history_.values()
    if isinstance(model, DBN):
        history = [value for each in history for value in each.values()]
    return [
        *parts, *history, model.transform(X), model.score_samples(X), model.score(X),
        *([model.free_energy(X)] if isinstance(model, RBM) else []),
    ]  # fmt: skip


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, two in zip(ours, theirs):
        np.testing.assert_array_equal(one, two)
        assert np.asarray(one).dtype == np.asarray(two).dtype


@every_estimator
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grey", [False, True])
def test_sparse_rows_have_the_bits_of_dense_ones(estimator, grey, dtype):
    X = data(dtype=dtype, grey=grey)
    weights = np.random.default_rng(5).integers(0, 3, size=len(X))
    for given in ({}, {"sample_weight": weights}):
        dense, other = (
            fitted(estimator, X, **given),
            fitted(estimator, sparse.csr_array(X), **given),
        )
        assert_same(told(other, sparse.csr_array(X)), told(dense, X))
        assert_same(told(other, X), told(dense, X))


@pytest.mark.parametrize(("kind", "n_units"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "make",
    [
        lambda kind: RBM(3, visible=kind, trainer=PCD(n_passes=2, learning_rate=1e-3)),
        lambda kind: RBM(3, visible=kind, trainer=ExactGradient(n_passes=2)),
        lambda kind: AutoEncoder(3, visible=kind, trainer=Backprop(n_passes=2)),
        lambda kind: LatentLayer(3, visible=kind, trainer=MarginalAscent(n_passes=2)),
    ],
    ids=["pcd", "exact", "backprop", "marginal"],
)
def test_units_of_all_kinds_that_have_zeros(make, kind, n_units):
    kind = RBM(visible=kind).data_units(n_units)
    X = rows_of(kind, n_units, 40, np.random.default_rng(3))
    dense, other = fitted(make(kind), X), fitted(make(kind), sparse.csr_array(X))
    assert_same(told(other, sparse.csr_array(X)), told(dense, X))


def containers(X):
    wide = sparse.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    backwards = sparse.csr_array(X)
    for at, end in zip(backwards.indptr, backwards.indptr[1:]):
        backwards.indices[at:end] = backwards.indices[at:end][::-1].copy()
        backwards.data[at:end] = backwards.data[at:end][::-1].copy()
    row, column = np.nonzero(X)
    halves = sparse.coo_array(  # of each one, twice a half
        (np.full(2 * len(row), 0.5), (np.tile(row, 2), np.tile(column, 2))), shape=X.shape
    )
    stored = sparse.csr_array(np.ones_like(X))
    stored.data[:] = X.ravel()
    return {
        "csr matrix": sparse.csr_matrix(X), "csc": sparse.csc_array(X), "coo": halves,
        "lil": sparse.lil_matrix(X), "bool": sparse.csr_array(X.astype(bool)),
        "int8": sparse.csr_matrix(X.astype(np.int8)), "wide indices": wide,
        "columns out of order": backwards, "stored zeros": stored,
    }  # fmt: skip


@pytest.mark.parametrize("name", containers(data()))
def test_every_format_and_type(name):
    X = data()
    given = containers(X)[name]
    before = given.copy()
    rbm = fitted(ESTIMATORS["pcd"], given)
    assert_same(told(rbm, given), told(fitted(ESTIMATORS["pcd"], X), X))
    assert given.dtype == before.dtype
    for part in ("data", "indices", "indptr"):  # not written to
        if hasattr(before, part) and name != "lil":
            assert np.array_equal(getattr(given, part), getattr(before, part))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_drawn_is_at_the_address_of_dense_rows(dtype):
    X = data(dtype=dtype, grey=True)
    given = sparse.csr_array(X)
    for units in ("bernoulli", [("bernoulli", 5), ("truncated_exponential", 4)]):
        units = RBM(visible=units).data_units(9)
        dense, other = (LayerInput(rows, units=units) for rows in (X, given))
        assert other.are_states == dense.are_states
        assert len(other) == len(dense) == 45
        drawn = other.draw(STREAM)
        assert sparse.issparse(drawn)
        assert np.array_equal(drawn.toarray(), dense.draw(STREAM))
        assert drawn.dtype == dtype
        taken = other.take(np.array([7, 3]))
        assert np.array_equal(taken.expected().toarray(), X[[7, 3]])
    assert np.array_equal(given.toarray(), X)  # not written to


def test_refitting_to_dense_rows_leaves_nothing_of_sparse_ones():
    X = data()
    rbm = fitted(ESTIMATORS["pcd"], sparse.csr_array(X))
    assert_same(told(rbm.fit(X), X), told(fitted(ESTIMATORS["pcd"], X), X))


@pytest.mark.parametrize(
    "estimator",
    [
        RBM(8, trainer=PCD(n_passes=2)),
        RBM(8, trainer=ExactGradient(n_passes=2, batch_size=100)),
        AutoEncoder(8, trainer=Backprop(n_passes=1)),
        LatentLayer(4, trainer=MarginalAscent(n_passes=1, n_final_passes=1)),
        DBN([RBM(8, trainer=CD(n_passes=1)), RBM(4, trainer=CD(n_passes=1))]),
    ],
    ids=repr,
)
def test_memory_grows_with_what_is_stored(estimator, monkeypatch):
    """100,000 rows of 5,000 columns with 20 ones in each were 4 GB, for 24 MB that are stored."""
    monkeypatch.setattr(rows, "BLOCK_BYTES", 2**20)
    n_rows, n_columns = 8_000, 2_000
    X = sparse.random_array(
        (n_rows, n_columns), density=0.002, format="csr", rng=np.random.default_rng(3)
    )
    X.data[:] = 1
    stored = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    tracemalloc.start()
    try:
        fitted(estimator, X).transform(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Blocks of 1 MB and as much for their copies, weights with what the optimiser keeps of them,
    # batches, and for each row some numbers. All rows made dense are 128 MB.
    assert peak < 6 * stored + 12 * 2**20


@every_estimator
@pytest.mark.parametrize(
    ("value", "sentence"),
    [(1.5, "units take values in"), (-0.5, "Negative values in data"), (np.nan, "NaN")],
)
def test_values_that_are_none_are_told_and_lose_nothing(estimator, value, sentence):
    X = data()
    model = fitted(estimator, X)
    before = told(model, X)
    bad = sparse.csr_array(X)
    bad.data[3] = value
    for method in (model.fit, model.transform, model.score_samples):
        with pytest.raises(ValueError, match=sentence):
            method(bad)
    assert_same(told(model, X), before)


@pytest.mark.parametrize("grey", [False, True])
def test_log_likelihood_takes_sparse_rows(grey):
    X = data(grey=grey)
    for name in ("pcd", "dbn"):
        model = fitted(ESTIMATORS[name], X)
        assert log_likelihood(model, sparse.csr_matrix(X)) == log_likelihood(model, X)


def test_rounding_beyond_the_ends_is_taken_back():
    X = data(grey=True)
    X[0, 0] = np.nextafter(1, 2)
    rbm = fitted(ESTIMATORS["pcd"], sparse.csr_array(X))
    assert_same(told(rbm, sparse.csr_array(X)), told(fitted(ESTIMATORS["pcd"], X), X))


def test_spins_have_no_zeros():
    X = sparse.csr_array(2 * data() - 1)
    with pytest.raises(TypeError, match="Sparse data was passed"):
        RBM(3, visible="spin").fit(X)
    mixed = RBM(3, visible=[("spin", 4), ("bernoulli", 5)])
    with pytest.raises(TypeError, match="Sparse data was passed"):
        mixed.fit(X)
    fitted_one = fitted(RBM(3, visible="spin", trainer=CD(n_passes=1)), X.toarray())
    with pytest.raises(TypeError, match="Sparse data was passed"):
        fitted_one.transform(X)
    with pytest.raises(ValueError, match=r"Spin units .* X is sparse.*Pass X.toarray\(\)"):
        Spin().check(X)


def test_softmax_groups_of_sparse_rows_are_checked():
    X = np.eye(3)[[0, 1, 2, 1]]
    for bad, row in (
        (np.array([1.0, 1.0, 0.0]), 2),
        (np.zeros(3), 1),
        (np.array([0.5, 0.5, 0]), 3),
    ):
        wrong = X.copy()
        wrong[row] = bad
        for given in (wrong, sparse.csr_array(wrong)):
            with pytest.raises(ValueError, match=f"a single 1 in each group .* row {row} of X"):
                RBM(3, visible=Softmax()).fit(given)
    with pytest.raises(ValueError, match="Negative values in data: Softmax"):
        RBM(3, visible=Softmax()).fit(sparse.csr_array(-X))


def test_tags_say_where_sparse_rows_are_taken():
    for estimator in ESTIMATORS.values():
        assert estimator.__sklearn_tags__().input_tags.sparse
    assert not RBM(visible=Spin()).__sklearn_tags__().input_tags.sparse
    deep = DBN([RBM(2, visible="spin"), RBM(2)])
    assert not deep.__sklearn_tags__().input_tags.sparse
