"""Wake-sleep: the model learns from states that the inference draws, and the inference from it."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    Diverged,
    Incompatible,
    LatentLayer,
    VariationalBound,
    WakeSleep,
    log_likelihood,
)
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.inputs import LayerInput
from layerwise.models.rbm import RBMParams
from layerwise.models.recognition import recognized
from layerwise.numerics.streams import CODE, STATE, Stream

STREAM = Stream(bytes(range(16)))
DIGITS = (load_digits().data > 7).astype(float)


def model(rng, sizes, dtype=np.float64):
    """A random deep model of bits, with an inference of one affine layer for each layer."""
    conditionals, inferences = [], []
    for below, above in pairwise(sizes[:-1]):
        conditionals.append(
            Conditional(rng.normal(size=(above, below)).astype(dtype), np.zeros(below, dtype))
        )
        inferences.append(
            Conditional(rng.normal(size=(below, above)).astype(dtype), np.zeros(above, dtype))
        )
    top = RBMParams(
        rng.normal(size=sizes[:-3:-1]).astype(dtype),
        np.zeros(sizes[-2], dtype),
        np.zeros(sizes[-1], dtype),
    )
    return recognized(DBNParams(tuple(conditionals), top), inferences)


def the_pass(params, X, **options):
    """Take a pass of one batch of all rows, by gradient steps; return what it told."""
    trainer = WakeSleep(batch_size=len(X), n_passes=1, schedule="constant", **options)
    return next(trainer.passes(params, LayerInput(X), STREAM))


@pytest.mark.parametrize("sizes", [(6, 4, 3), (7, 5, 4, 2)])
def test_a_step_goes_up_the_log_probability_of_what_the_other_drew(rng, sizes):
    params = model(rng, sizes)
    before = params.copy()
    X = (rng.random((30, sizes[0])) < 0.4).astype(float)
    the_pass(params, X, learning_rate=0.1, optimizer="sgd", momentum=0.0)
    stream = STREAM.child("pass", 0)
    states = [X]
    for depth, inference in enumerate(before.inferences):
        part = stream.child("wake", depth)
        states.append(inference.sample(states[-1], part, step=0, lane=CODE))
        # The mean slope of log p(x | h) by the weights is that of h (x - E[x | h]).
        given, now = before.conditionals[depth], params.conditionals[depth]
        gap = (states[-2] - expit(states[-1] @ given.weights + given.bias)) / len(X)
        np.testing.assert_allclose(
            now.weights - given.weights, 0.1 * states[-1].T @ gap, atol=1e-14
        )
        np.testing.assert_allclose(now.bias - given.bias, 0.1 * gap.sum(axis=0), atol=1e-14)
    assert not np.array_equal(params.top.components, before.top.components)
    # The sleep phase goes by the model as the wake phase has left it.
    drawn = params.top.gibbs(states[-1], stream.child("sleep"), 5)
    for depth in reversed(range(len(before.inferences))):
        part = stream.child("sleep", depth)
        below = params.conditionals[depth].sample(drawn, part, step=0, lane=STATE)
        given, now = before.inferences[depth], params.inferences[depth]
        gap = (drawn - expit(below @ given.weights + given.bias)) / len(X)
        np.testing.assert_allclose(now.weights - given.weights, 0.1 * below.T @ gap, atol=1e-14)
        np.testing.assert_allclose(now.bias - given.bias, 0.1 * gap.sum(axis=0), atol=1e-14)
        drawn = below


def test_the_objective_is_the_loss_of_the_wake_phase(rng):
    params = model(rng, (6, 4, 3))
    params.top.components[...] = 0  # of the same free energy everywhere
    before = params.copy()
    X = (rng.random((50, 6)) < 0.4).astype(float)
    told = the_pass(params, X, learning_rate=0.1, optimizer="sgd", momentum=0.0)
    part = STREAM.child("pass", 0).child("wake", 0)
    h = before.inferences[0].sample(X, part, step=0, lane=CODE)
    mean = before.conditionals[0].mean(h)
    loss = -np.log(np.where(X > 0, mean, 1 - mean)).sum(axis=1).mean()
    assert told.objective == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_has_the_same_bits(rng, dtype):
    X = (rng.random((300, 200)) < 0.4).astype(dtype)
    found = []
    for n_threads in (1, 2, 3):
        params = model(np.random.default_rng(9), (200, 150, 120), dtype)
        with threadpool_limits(n_threads):
            passes = WakeSleep(n_passes=2).passes(params, LayerInput(X), STREAM)
            for _ in passes:
                pass
        found.append(params.arrays())
    assert found[0][0].dtype == dtype
    for others in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], others))


BOTTOMS = {
    "rbm": RBM(12, trainer=PCD(n_passes=40)),
    "auto-encoder": AutoEncoder(12, trainer=Backprop(n_passes=30)),
    "rich inference": AutoEncoder(
        12, encoder_layer_sizes=(30,), code="sample", trainer=Backprop(n_passes=30)
    ),
    "spins": RBM(12, hidden="spin", trainer=PCD(n_passes=40)),
    "gaussian": RBM(12, visible="gaussian", trainer=CD(n_passes=40, learning_rate=0.01)),
}


@pytest.mark.parametrize("name", BOTTOMS)
def test_deep_models_gain_on_rows_that_were_held_out(name):
    X = DIGITS if name != "gaussian" else load_digits().data / 4
    visible = "spin" if name == "spins" else "bernoulli"
    top = RBM(10, visible=visible, trainer=PCD(n_passes=40))
    layers = [BOTTOMS[name], top]
    before = DBN(layers, random_state=3).fit(X[:1200])
    tuner = WakeSleep(n_passes=100, learning_rate=2e-3)
    after = DBN(layers, fine_tuner=tuner, random_state=3).fit(X[:1200])
    assert after.score(X[1200:]) > before.score(X[1200:]) + 0.2
    loss = after.history_["fine_tuner"]["wake_loss"]
    assert len(loss) == 100
    assert loss[-1] < loss[0]


def test_the_inference_that_is_learned_is_closer_to_the_posterior_than_the_layers_own():
    layers = [RBM(12, trainer=PCD(n_passes=40)), RBM(10, trainer=PCD(n_passes=40))]
    tuner = WakeSleep(n_passes=100, learning_rate=3e-3)
    dbn = DBN(layers, fine_tuner=tuner, random_state=3).fit(DIGITS)
    exact = dbn.score(DIGITS)
    method = VariationalBound(100, weighted=False)
    learned = log_likelihood(dbn, DIGITS, method=method).value
    own = dbn.from_parameters(dbn.layers_)
    assert own.score(DIGITS) == exact  # the same model, by the layers' own inference
    assert log_likelihood(own, DIGITS, method=method).value < learned < exact
    # What goes by the inference goes by the one that was learned.
    first, top = dbn.inferences_
    means = top.mean(first.mean(DIGITS[:5]))
    assert np.array_equal(dbn.transform(DIGITS[:5]), means)
    assert not np.array_equal(own.transform(DIGITS[:5]), means)


def test_training_again_without_wake_sleep_forgets_its_inference():
    layers = [RBM(4, trainer=CD(n_passes=2)), RBM(3, trainer=CD(n_passes=2))]
    plain = DBN(layers, random_state=3).fit(DIGITS)
    dbn = DBN(layers, fine_tuner=WakeSleep(n_passes=2), random_state=3).fit(DIGITS)
    assert not np.array_equal(dbn.transform(DIGITS), plain.transform(DIGITS))
    dbn.set_params(fine_tuner=None).fit(DIGITS)
    assert np.array_equal(dbn.transform(DIGITS), plain.transform(DIGITS))


def test_layers_too_large_for_sums_are_trained(rng):
    X = (rng.random((60, 40)) < 0.5).astype(float)
    layers = [RBM(35, trainer=CD(n_passes=1)), RBM(33, trainer=CD(n_passes=1))]
    dbn = DBN(layers, fine_tuner=WakeSleep(n_passes=2), random_state=3).fit(X)
    assert len(dbn.history_["fine_tuner"]["wake_loss"]) == 2


def test_what_cannot_be_trained_is_said_before_any_work():
    X = DIGITS[:50]
    with pytest.raises(Incompatible, match=r"there is none\. Train the RBM with PCD"):
        DBN([RBM(3)], fine_tuner=WakeSleep()).fit(X)
    with pytest.raises(Incompatible, match="layer1, LatentLayer, is the exact posterior"):
        DBN([LatentLayer(3), RBM(3)], fine_tuner=WakeSleep()).fit(X)
    with pytest.raises(
        Incompatible, match=r"The trainer of RBM is WakeSleep\(\), which trains models of ano"
    ):
        RBM(3, trainer=WakeSleep()).fit(X)
    with pytest.raises(ValueError, match="'n_sleep_steps' parameter of WakeSleep"):
        DBN([RBM(3), RBM(3)], fine_tuner=WakeSleep(n_sleep_steps=0)).fit(X)


def test_a_failed_refit_loses_nothing():
    layers = [RBM(4, trainer=CD(n_passes=2)), RBM(3, trainer=CD(n_passes=2))]
    dbn = DBN(layers, fine_tuner=WakeSleep(n_passes=2), random_state=3).fit(DIGITS)
    before = dbn.transform(DIGITS)
    dbn.set_params(fine_tuner=WakeSleep(learning_rate=1e30, optimizer="sgd"))
    with pytest.raises(Diverged, match="WakeSleep left the finite numbers"):
        dbn.fit(DIGITS)
    assert np.array_equal(dbn.transform(DIGITS), before)
