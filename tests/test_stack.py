"""RBMs sampled through: the twin, the kernel, and one RBM that is the RBM."""

import copy

import numpy as np
import pytest
from reference import rbm as reference_rbm
from reference import stack as reference
from scipy.sparse import csr_array

from layerwise.exceptions import Diverged
from layerwise.models.mixed import units_of
from layerwise.models.stack import ConvolvedParams, StackParams
from layerwise.numerics import rbm, rows, stack
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(50, 66)))
GAUSSIAN = [("gaussian", 4), ("bernoulli", 3), ("spin", 2)]
# Visible units, and layers: numbers of hidden units, or the shape of patches and their units.
SHAPES = {
    "one": (9, [5], "bernoulli", "bernoulli"),
    "two": (9, [6, 4], "bernoulli", "bernoulli"),
    "three": (9, [5, 7, 3], "bernoulli", "spin"),
    "spins": (9, [4, 5], "spin", "spin"),
    "mixed": (9, [4, 3], GAUSSIAN, "bernoulli"),
    "patches": (36, [((6, 6, 1, 4, 2), 3), 5], "bernoulli", "bernoulli"),
    "overlapping": (50, [((5, 5, 2, 3, 1), 4), ((3, 3, 4, 2, 1), 3), 6], "bernoulli", "bernoulli"),
    "patches of reals": (20, [((5, 4, 1, 2, 2), 3), 4], "gaussian", "spin"),
    "patches alone": (16, [((4, 4, 1, 3, 1), 2)], "bernoulli", "bernoulli"),
    "one unit": (1, [1, 1], "bernoulli", "bernoulli"),
}
every_shape = pytest.mark.parametrize("name", SHAPES)


def params_of(name, dtype=np.float64):
    """A stack of random weights, none of them zero."""
    n_visible, layers, visible, hidden = SHAPES[name]
    rng = np.random.default_rng(7)
    params = StackParams.blank(n_visible, layers, visible=visible, hidden=hidden, dtype=dtype)
    params.parameters[...] = rng.normal(scale=0.4, size=len(params.parameters))
    if params.log_variance is not None:
        gaussian = params.visible.gaussian(n_visible)
        params.log_variance[...] = np.where(gaussian, params.log_variance, 0)
    return params


def twin_of(params):
    """The same arrays as the twin has them."""
    layers = []
    for k, layer in enumerate(params.layers):
        grid = layer.grid if isinstance(layer, ConvolvedParams) else None
        below, above = params.runs_of(k)
        pairs = [[(int(kind), int(size)) for kind, size in runs] for runs in (below, above)]
        layers.append(reference.Copied(k, layer, grid, *pairs))
    return layers


def data_of(name, n_rows, dtype=np.float64):
    n_visible, _, visible, _ = SHAPES[name]
    rng = np.random.default_rng(n_rows)
    bits = rng.random((n_rows, n_visible)) < 0.4
    units = units_of(visible, n_visible)
    found = np.where(units.gaussian(n_visible), rng.normal(size=bits.shape), bits)
    spins = np.zeros(n_visible, bool)
    if visible == "spin":
        spins[:] = True
    elif visible is GAUSSIAN:
        spins[7:] = True
    return np.where(spins, 2 * found - 1, found).astype(dtype)


def optimizer_of(params, kind, **options):
    options = {"momentum": 0.5, "decay": 0.01, **options}
    return Optimizer.start(kind, len(params.parameters), params.parameters.dtype, **options)


def chains_of(params, n_chains):
    if n_chains is None:
        return None
    top = params.sizes[-1]
    low, step = params.hidden.bits(top)
    bits = np.random.default_rng(3).random((n_chains, top)) < 0.5
    return (low + step * bits).astype(params.parameters.dtype)


def trained(name, *, twin=False, n_rows=23, n_chains=None, kind="sgd", dtype=np.float64,
            sparse=False, batch_size=8, n_steps=2, weights=None, **options):  # fmt: skip
    """Everything that a pass leaves behind, as one array, and its objective."""
    params, X = params_of(name, dtype), data_of(name, n_rows, dtype)
    chains, optimizer = chains_of(params, n_chains), optimizer_of(params, kind, **options)
    order = np.random.default_rng(5).permutation(n_rows)
    settings = dict(rate=0.1, n_steps=n_steps, batch_size=batch_size, weights=weights)
    if twin:
        gaps = reference.stack_pass(
            twin_of(params), X, order, chains, optimizer, key=STREAM.as_array(), **settings
        )
        shares = np.minimum(batch_size, n_rows - batch_size * np.arange(len(gaps)))
        if weights is not None:
            shares = np.add.reduceat(weights[order], batch_size * np.arange(len(gaps)))
        objective = float(shares @ gaps / shares.sum())
    else:
        objective = stack.stack_pass(
            params.parameters, params.places, csr_array(X) if sparse else X, order, chains,
            optimizer, stream=STREAM, visible=params.runs_of(0)[0], **settings,
        )  # fmt: skip
    left = [params.parameters, optimizer.first, optimizer.second]
    left += [] if chains is None else [chains]
    return np.concatenate([part.ravel() for part in left]), objective


@pytest.mark.parametrize("n_chains", [None, 1, 11])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
@every_shape
def test_kernel_is_the_twin(name, kind, n_chains):
    options = dict(kind=kind, n_chains=n_chains, l1_decay=0.01)
    expected, gap = trained(name, twin=True, **options)
    found, own = trained(name, **options)
    # The same states; sums of at most 50 terms through three steps. Adam divides by a gradient.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 if kind == "adam" else 1e-12)
    assert own == pytest.approx(gap, abs=1e-11)


@pytest.mark.parametrize("n_chains", [None, 11])
@every_shape
def test_weighted_rows_are_the_twins(name, n_chains):
    options = dict(n_chains=n_chains, weights=np.linspace(0.2, 3, 23))
    expected, gap = trained(name, twin=True, **options)
    found, own = trained(name, **options)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert own == pytest.approx(gap, abs=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_chains", [None, 70])
@every_shape
def test_threads_and_sparse_rows_leave_the_same_bits(
    name, n_chains, dtype, with_threads, monkeypatch
):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 600)
    options = dict(n_rows=90, batch_size=70, n_chains=n_chains, dtype=dtype)

    def result(**more):
        left, objective = trained(name, **options, **more)
        return np.append(left, objective)

    one = result()
    assert all(np.array_equal(other, one) for other in with_threads(result))
    if "spin" not in str(SHAPES[name][2]):
        assert np.array_equal(result(sparse=True), one)


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "gaussian", GAUSSIAN])
@pytest.mark.parametrize("n_chains", [None, 11])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_one_rbm_leaves_the_bits_of_the_rbm(visible, n_chains, kind, monkeypatch):
    monkeypatch.setitem(SHAPES, "rbm", (9, [5], visible, "bernoulli"))
    found, gap = trained("rbm", kind=kind, n_chains=n_chains)
    params, X = params_of("rbm"), data_of("rbm", 23)
    layer, chains = params.layers[0], chains_of(params, n_chains)
    optimizer = optimizer_of(params, kind)
    order = np.random.default_rng(5).permutation(23)
    below, above = params.runs_of(0)
    own = rbm.contrastive_pass(
        *layer.arrays()[:3], X, order, chains, optimizer, rate=0.1, n_steps=2, batch_size=8,
        stream=STREAM, visible=below, hidden=above, log_variance=layer.log_variance, way="dense",
    )  # fmt: skip
    left = [params.parameters, optimizer.first, optimizer.second]
    left += [] if chains is None else [chains]
    assert np.array_equal(np.concatenate([part.ravel() for part in left]), found)
    assert own == gap


@every_shape
def test_chains_move_as_the_twins(name):
    params = params_of(name)
    states = chains_of(params, 9)
    expected, top = reference.stack_gibbs(twin_of(params), states.copy(), STREAM.as_array(), 7)
    before = params.parameters.copy()
    found = stack.stack_gibbs(
        params.parameters, params.places, states, STREAM, 7, visible=params.runs_of(0)[0]
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)  # continuous units round
    assert np.array_equal(states, top)
    assert np.array_equal(params.parameters, before)


def test_a_patch_that_is_the_row_is_no_other_layer(monkeypatch):
    monkeypatch.setitem(SHAPES, "whole", (9, [((3, 3, 1, 3, 1), 5), 4], "bernoulli", "bernoulli"))
    monkeypatch.setitem(SHAPES, "rows", (9, [5, 4], "bernoulli", "bernoulli"))
    for n_chains in (None, 6):
        one, other = (trained(name, n_chains=n_chains) for name in ("whole", "rows"))
        np.testing.assert_allclose(one[0], other[0], rtol=0, atol=1e-13)  # other sums
        assert one[1] == pytest.approx(other[1], abs=1e-13)


def test_steps_are_those_of_the_reference_rbm():
    """The twin of a stack of one is the twin of the RBM."""
    params, X = params_of("one"), data_of("one", 20)
    other = copy.deepcopy(params)
    optimizers = [optimizer_of(params, "sgd") for _ in range(2)]
    order = np.arange(20)
    settings = dict(rate=0.1, n_steps=2, batch_size=6, key=STREAM.as_array())
    gaps = reference.stack_pass(twin_of(params), X, order, None, optimizers[0], **settings)
    expected, _ = reference_rbm.contrastive_pass(
        *other.layers[0].arrays(), X, order, None, optimizers[1], **settings
    )
    np.testing.assert_allclose(gaps, expected, atol=1e-13)
    np.testing.assert_allclose(params.parameters, other.parameters, atol=1e-14)


def test_a_parameter_that_runs_away_is_told():
    params, X = params_of("two"), data_of("two", 20)
    with pytest.raises(Diverged):
        stack.stack_pass(
            params.parameters, params.places, X, np.arange(20), None,
            optimizer_of(params, "sgd"), rate=1e12, n_steps=1, batch_size=5, stream=STREAM,
            visible=params.runs_of(0)[0],
        )  # fmt: skip


def test_no_row_and_no_chain_is_nothing():
    params = params_of("two")
    states = chains_of(params, 0)
    found = stack.stack_gibbs(
        params.parameters, params.places, states, STREAM, 3, visible=params.runs_of(0)[0]
    )
    assert found.shape == (0, 9)
