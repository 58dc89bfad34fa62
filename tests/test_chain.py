"""Chain: what its flat array of parameters holds, and the means that come out of it."""

import copy
import pickle

import numpy as np
import pytest
from networks import CHAINS, STREAM, chain_of, rows_of, units_with
from reference import network as reference

from layerwise.models.chain import Chain
from layerwise.models.units import Spin
from layerwise.numerics import network
from layerwise.numerics.units import GAUSSIAN, SPIN


@pytest.mark.parametrize(("sizes", "activations", "tied", "code", "runs"), CHAINS)
def test_forward_equals_twin(sizes, activations, tied, code, runs):
    chain, X = chain_of(sizes, activations, tied, runs=runs), rows_of(21, sizes[0])
    means = chain.forward(X)
    # tanh is 2 sigm - 1, exact to 2 units in the last place of 1, through 4 layers.
    np.testing.assert_allclose(means, reference.forward(chain, X), atol=1e-14)
    assert np.array_equal(chain.forward(chain.forward(X, last=code), first=code), means)
    np.testing.assert_allclose(reference.output_mean(chain, chain.field(X)), means, atol=1e-14)
    assert chain.forward(X[:0]).shape == (0, sizes[-1])
    assert chain.forward(X, first=1, last=1).shape == X.shape


def test_log_variances_stand_last():
    layout = ((2, 3, 4), ("tanh",), ())
    for runs, n_variances in (([(GAUSSIAN, 4)], 4), ([(SPIN, 3), (GAUSSIAN, 1)], 4)):
        chain = Chain(np.arange(29.0), *layout, units_with(runs))
        assert network.n_parameters(chain.layers, chain.outputs.runs(4)) == 25 + n_variances
        np.testing.assert_array_equal(chain.biases(1), [21, 22, 23, 24])
        np.testing.assert_array_equal(chain.log_variance, [25, 26, 27, 28])
    chain = Chain(np.arange(25.0), *layout, Spin())
    assert network.n_parameters(chain.layers, chain.outputs.runs(4)) == 25
    assert chain.log_variance is None


def test_parameters_are_matrices_and_then_biases():
    chain = Chain(
        np.arange(2 * 3 + 3 * 2 + 2 + 3 + 3 + 2.0), (2, 3, 2, 3), ("tanh",) * 3, ((0, 1),)
    )
    assert network.n_parameters(chain.layers) == 20
    chain = Chain(np.arange(20.0), (2, 3, 2, 3), ("tanh",) * 3, ((0, 1),))
    np.testing.assert_array_equal(chain.weights(1), [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(chain.weights(0), [[0, 2, 4], [1, 3, 5]])
    np.testing.assert_array_equal(chain.weights(2), [[6, 7, 8], [9, 10, 11]])
    np.testing.assert_array_equal(chain.biases(0), [12, 13, 14])
    np.testing.assert_array_equal(chain.biases(1), [15, 16])
    np.testing.assert_array_equal(chain.biases(2), [17, 18, 19])


def test_copies_of_a_chain_are_whole_and_apart():
    chain, X = chain_of((9, 5, 9), ("sigmoid", "sigmoid"), ((0, 1),)), rows_of(4, 9)
    means = chain.forward(X)
    for twin in (pickle.loads(pickle.dumps(chain)), copy.deepcopy(chain)):
        assert np.array_equal(twin.forward(X), means)
        twin.parameters[...] = 0
        assert np.array_equal(chain.forward(X), means)


def test_initial_weights_are_uniform_within_glorots_bound():
    chain = Chain.init((300, 200, 100), ("tanh", "sigmoid"), STREAM, dtype=np.float32)
    assert chain.parameters.dtype == np.float32
    for k in range(2):
        weights, bound = chain.weights(k), np.sqrt(6 / sum(chain.weights(k).shape))
        assert np.all(np.abs(weights) <= np.float32(bound))
        # Standard errors of the mean and of the mean square of a uniform number, times 4.
        error = 4 * bound / np.sqrt(weights.size)
        assert abs(weights.mean()) < error * np.sqrt(1 / 3)
        assert abs((weights**2).mean() - bound**2 / 3) < error * bound * np.sqrt(4 / 45)
        assert not chain.biases(k).any()
