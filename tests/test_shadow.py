"""Shadow training: rows that the reversed network draws, and steps on them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone

from layerwise import Backprop, DeepClassifier, DeepRegressor, Dense, Incompatible, Shadow
from layerwise.models.chain import Chain, Predictor
from layerwise.models.inputs import LayerInput, Targets
from layerwise.models.reversal import reversed_layer
from layerwise.models.units import Gaussian, Softmax
from layerwise.numerics.streams import Stream
from layerwise.trainers.backprop import log_likelihoods
from layerwise.trainers.shadow import shadow

STREAM = Stream(bytes(range(67, 83)))


def net_of(sizes, dtype=float, seed=STREAM):
    chain = Chain.init(
        sizes, ("relu",) * (len(sizes) - 2), seed.child("init"), dtype=dtype, outputs=Softmax()
    )
    for k in range(chain.n_layers):
        chain.biases(k)[...] = seed.child("biases", k).generator().normal(size=sizes[k + 1])
    return chain


@pytest.fixture
def X(rng):
    return rng.random((30, 8))


@pytest.fixture
def y(rng):
    return rng.integers(3, size=30)


def test_a_layer_that_copies_its_input_gives_it_back(X):
    chain = Chain.init((8, 8, 8, 3), ("relu", "relu"), STREAM, outputs=Softmax())
    chain.weights(0)[...], chain.weights(1)[...] = np.eye(8), 3 * np.eye(8)
    np.testing.assert_allclose(shadow(chain, X, 0.0, STREAM), X, rtol=1e-14)
    # Rows with negative values are not rectified, and the layer above them is.
    signed = X - 0.5
    np.testing.assert_allclose(shadow(chain, signed, 0.0, STREAM) > 0, np.maximum(signed, 0) > 0)


def test_the_scale_of_a_reversed_layer_is_that_of_least_squares(rng):
    weights, above, below = rng.normal(size=(6, 9)), rng.random((20, 9)), rng.random((20, 6))
    found = reversed_layer(weights, above, below)
    image = np.maximum(above @ weights.T, 0)
    alpha = np.linalg.lstsq(image.reshape(-1, 1), below.ravel())[0]
    np.testing.assert_allclose(found, alpha * image, rtol=1e-12)
    assert np.array_equal(reversed_layer(weights, 0 * above, below), np.zeros((20, 6)))


def test_hidden_units_are_dropped_on_the_way_down(seed):
    # One hidden unit a column: what it does not draw is zero.
    n, p = 5000, 0.3
    chain = Chain.init((4, 4, 2), ("relu",), STREAM, outputs=Softmax())
    chain.weights(0)[...] = np.eye(4)
    drawn = shadow(chain, np.ones((n, 4)), p, STREAM.child("seed", seed))
    share = (drawn == 0).mean()
    assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / (4 * n))
    assert len(np.unique(drawn.round(12))) == 2


@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_is_the_gradient_over_rows_and_their_shadows(X, y, rng, weighted):
    chain = net_of((8, 6, 5, 3))
    weights = rng.random(30) + 0.5 if weighted else None
    targets = np.eye(3)[y]
    rows = LayerInput(X, units=Gaussian(), weights=weights, targets=Targets(targets, Softmax()))
    trainer = Shadow(
        optimizer="sgd", momentum=0, learning_rate=1, batch_size=30, n_passes=1, dropout=0.0,
        shadow_weight=0.7,
    )  # fmt: skip
    before = chain.parameters.copy()
    (done,) = trainer.passes(Predictor(chain), rows, STREAM)
    moved = before - chain.parameters
    chain.parameters[...] = before
    both = np.concatenate([X, shadow(chain, X, 0.0, STREAM)])
    shares = np.ones(30) if weights is None else weights
    shares = np.concatenate([shares, 0.7 * shares])

    def objective(parameters):
        now = replace(chain, parameters=parameters)
        return -np.average(log_likelihoods(now, both, np.tile(targets, (2, 1))), weights=shares)

    h = 1e-6
    slopes = [
        (objective(before + h * unit) - objective(before - h * unit)) / (2 * h)
        for unit in np.eye(len(before))
    ]
    np.testing.assert_allclose(moved, slopes, atol=1e-8)  # rounding / h
    assert done.objective == pytest.approx(objective(before), rel=1e-12)


def test_bits_do_not_depend_on_threads_or_on_sparse_rows(X, y, with_threads):
    X = np.where(X < 0.5, 0, X)
    net = DeepClassifier(
        [Dense(7), Dense(6)], fine_tuner=Shadow(n_passes=2, input_dropout=0.1), random_state=5
    )

    def fitted(X):
        return clone(net).fit(X, y).network_.parameters

    one, *others = with_threads(lambda: fitted(X))
    assert all(np.array_equal(one, other) for other in others)
    assert np.array_equal(one, fitted(csr_array(X)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_net_learns_with_its_shadows(X, y, dtype):
    tuner = Shadow(n_passes=400, learning_rate=1e-2, dropout=0.1)
    net = DeepClassifier([Dense(40), Dense(30)], fine_tuner=tuner, random_state=5)
    assert net.fit(X.astype(dtype), y).score(X, y) > 0.9
    assert net.network_.parameters.dtype == dtype
    targets = X[:, :2] * X[:, 2:4]
    net = DeepRegressor([Dense(40)], fine_tuner=tuner, random_state=5).fit(X, targets)
    assert net.score(X, targets) > 0.7


def test_without_weight_of_its_own_a_shadow_is_refused():
    with pytest.raises(ValueError, match="shadow_weight"):
        Shadow(shadow_weight=0).check()


def test_only_nets_of_relu_layers_have_shadows(X, y):
    net = DeepClassifier([Dense(5), Dense(4, activation="tanh")], fine_tuner=Shadow())
    with pytest.raises(Incompatible, match=r"this one has tanh layers\. Use layers Dense"):
        net.fit(X, y)
    clone(net).set_params(fine_tuner=Backprop(n_passes=1)).fit(X, y)  # which takes any layers
