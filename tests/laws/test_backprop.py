"""What must be true of training by back-propagation."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from reference import network as reference
from sklearn.base import clone

from laws.models import SMALL, rows_of
from layerwise.exceptions import Diverged, Incompatible
from layerwise.models.chain import AutoEncoderParams, Chain, Predictor
from layerwise.models.inputs import LayerInput, Targets
from layerwise.models.mixed import Mixed
from layerwise.models.units import BITS, Gaussian, Softmax
from layerwise.numerics.streams import Stream
from layerwise.trainers.backprop import Backprop, log_likelihoods

STREAM = Stream(bytes(range(31, 47)))

# Every type of units, in small layers.
every_kind = pytest.mark.parametrize(("kind", "n"), SMALL, ids=lambda x: repr(x))


def grey(n_rows, n_units):
    return STREAM.child("X").generator().random((n_rows, n_units))


def network_of(sizes=(12, 6, 12), *, tied=(), sample_code=False, corruption=0.0, output="sigmoid"):
    activations = ("sigmoid",) * (len(sizes) - 2) + (output,)
    chain = Chain.init(sizes, activations, STREAM.child("init"), tied=tied)
    return AutoEncoderParams(chain, len(sizes) - 2, sample_code, corruption)


def network_over(kind, n, *, corruption=0.0):
    """A network whose outputs are such units, with biases and log variances that are not zero."""
    generator = STREAM.child("start").generator()
    chain = Chain.init((n, 4, n), ("sigmoid",), STREAM.child("init"), outputs=kind)
    for k in range(2):
        chain.biases(k)[...] = generator.normal(size=chain.sizes[k + 1])
    if chain.log_variance is not None:
        spread = generator.normal(scale=0.4, size=n)
        chain.log_variance[...] = np.where(kind.gaussian(n), spread, 0)
    return AutoEncoderParams(chain, 1, corruption=corruption)


def stated_loss(chain, X):
    """The mean over rows of -log p(x | fields), as a trainer states it."""
    field = chain.field(X)
    partition = chain.outputs.log_partition(field, chain.log_variance).sum(axis=1)
    log_base = chain.outputs.log_base(X, chain.log_variance)
    return (partition - (X * field).sum(axis=1) - log_base).mean()


def train(trainer, network, X, stream=STREAM, kind=BITS):
    """The passes, and the network after them; ``network`` itself stays."""
    network = copy.deepcopy(network)
    return list(trainer.passes(network, LayerInput(X, units=kind), stream)), network


@pytest.mark.parametrize("tied", [(), ((0, 1),)])
@pytest.mark.parametrize("sample_code", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_enough_units_give_back_a_handful_of_rows(optimizer, sample_code, tied):
    X = (grey(6, 12) < 0.5).astype(float)
    rate = {"sgd": 0.1, "adam": 0.03}[optimizer]
    trainer = Backprop(optimizer=optimizer, learning_rate=rate, n_passes=1500, batch_size=3)
    passes, network = train(
        trainer, network_of((12, 24, 12), sample_code=sample_code, tied=tied), X
    )
    assert passes[0].objective > 5  # about 12 log 2
    assert passes[-1].objective < 0.1  # the optimum is zero, at infinite weights
    assert np.array_equal(network.chain.forward(X).round(), X)
    if tied:
        assert np.array_equal(network.chain.weights(0), network.chain.weights(1).T)


def test_linear_network_finds_the_principal_components():
    # Baldi and Hornik (1989): the only minimum is the projection on the leading components.
    X = grey(20, 6) @ np.diag([1, 0.8, 0.6, 0.3, 0.2, 0.1])
    chain = Chain.init((6, 2, 6), ("identity", "identity"), STREAM)
    trainer = Backprop(
        "squared_error", learning_rate=0.03, batch_size=20, n_passes=2000, schedule="linear",
        resample=False,
    )  # fmt: skip
    passes, _ = train(trainer, AutoEncoderParams(chain, 1), X)
    residual = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[2:]
    # From above; the last steps are of size 1e-5 and the loss is flat there.
    assert passes[-1].objective == pytest.approx((residual**2).sum() / 2 / len(X), rel=1e-4)


@pytest.mark.parametrize("resample", [False, True])
def test_objective_is_the_loss_of_the_rows_of_the_pass(resample):
    X, network = grey(10, 12), network_of()
    trainer = Backprop(
        optimizer="sgd",
        momentum=0,
        learning_rate=1e-300,
        n_passes=3,
        batch_size=4,
        resample=resample,
    )
    passes, _ = train(trainer, network, X)
    assert [p.index for p in passes] == [0, 1, 2]
    drawn = [LayerInput(X).draw(STREAM.child("rows", p.index), resample=resample) for p in passes]
    expected = [
        reference.loss_and_gradient(network.chain, x, x, "cross_entropy")[0].mean() for x in drawn
    ]
    # Sums of 12 numbers near 1.
    np.testing.assert_allclose([p.objective for p in passes], expected, rtol=1e-13)


def test_passes_differ_in_their_order_masks_and_codes():
    X, still = (grey(10, 12) < 0.5).astype(float), dict(optimizer="sgd", learning_rate=1e-300)
    for network in (network_of(sample_code=True), network_of(corruption=0.5)):
        passes, _ = train(Backprop(**still, n_passes=4), network, X)
        assert len({p.objective for p in passes}) == 4
    fast = Backprop(optimizer="sgd", learning_rate=0.5, batch_size=1, n_passes=1)
    objectives = {train(fast, network_of(), X, STREAM.child(i))[0][0].objective for i in range(4)}
    assert len(objectives) == 4


def test_same_stream_gives_the_same_bits():
    X, network = grey(30, 12), network_of(sample_code=True, corruption=0.2)
    one, two = (train(Backprop(n_passes=3), network, X) for _ in range(2))
    assert one[0] == two[0]
    assert np.array_equal(one[1].chain.parameters, two[1].chain.parameters)
    other = train(Backprop(n_passes=3), network, X, STREAM.child("other"))
    assert other[0] != one[0]


def test_rate_follows_the_schedule():
    X, network = grey(10, 12), network_of()
    trainer = Backprop(schedule=lambda index: float(index == 0), n_passes=3)
    states = []
    for _ in trainer.passes(network, LayerInput(X), STREAM):
        states.append(network.chain.parameters.copy())
    assert not np.array_equal(states[0], network_of().chain.parameters)
    assert np.array_equal(states[0], states[1])
    assert np.array_equal(states[1], states[2])


def test_single_precision_network_takes_rows_of_any_precision():
    chain = Chain.init((12, 6, 12), ("sigmoid",) * 2, STREAM, dtype=np.float32)
    passes, network = train(Backprop(n_passes=2), AutoEncoderParams(chain, 1), grey(10, 12))
    assert network.chain.parameters.dtype == np.float32
    assert len(passes) == 2


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_names_the_pass_and_the_rate(optimizer):
    network = network_of(output="identity")
    trainer = Backprop("squared_error", optimizer=optimizer, learning_rate=1e200, n_passes=50)
    with pytest.raises(Diverged, match=r"in pass \d+ \(learning_rate=1e\+200\)\. Lower"):
        train(trainer, network, grey(30, 12))


@pytest.mark.parametrize("output", ["tanh", "relu", "identity"])
def test_cross_entropy_asks_for_a_sigmoid(output):
    with pytest.raises(Incompatible, match="squared_error"):
        train(Backprop(), network_of(output=output), grey(3, 12))


@every_kind
def test_a_step_is_the_finite_difference_of_the_stated_loss(rng, kind, n):
    network, X = network_over(kind, n), rows_of(kind, n, 9, rng)
    trainer = Backprop(optimizer="sgd", momentum=0, learning_rate=0.5, n_passes=1, batch_size=9)
    (only,), after = train(trainer, network, X, kind=kind)
    before, h = network.chain, 1e-5
    assert only.objective == pytest.approx(stated_loss(before, X), rel=1e-12)
    for i, parameter in enumerate(before.parameters):
        up, down = (before.parameters.copy() for _ in range(2))
        up[i] += h
        down[i] -= h
        slope = stated_loss(replace(before, parameters=up), X)
        slope -= stated_loss(replace(before, parameters=down), X)
        # A third derivative times h^2, and the loss's rounding over h: 1e-9.
        step = (parameter - after.chain.parameters[i]) / 0.5
        assert step == pytest.approx(slope / (2 * h), abs=1e-6)


@every_kind
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_descends(rng, optimizer, kind, n):
    network, X = network_over(kind, n), rows_of(kind, n, 40, rng)
    trainer = Backprop(optimizer=optimizer, learning_rate=0.02, n_passes=60, batch_size=8)
    passes, network = train(trainer, network, X, kind=kind)
    # A twentieth of a nat is more than the noise between passes over the same 40 rows.
    assert passes[-1].objective < passes[0].objective - 0.05
    assert stated_loss(network.chain, X) < passes[0].objective - 0.05


@every_kind
def test_outputs_that_see_nothing_have_the_moments_of_the_data(rng, kind, n):
    # All inputs masked: units of an exponential family, at the likelihood's maximum, have the
    # data's means, and Gaussian ones its variances.
    X = rows_of(kind, n, 30, rng)
    trainer = Backprop(learning_rate=0.03, n_passes=1500, batch_size=30, schedule="linear")
    _, network = train(trainer, network_over(kind, n, corruption=1.0), X, kind=kind)
    chain, gaussian = network.chain, kind.gaussian(n)
    # The last steps have the size 1e-5, down a bowl of curvature 0.1.
    means = chain.forward(np.zeros((1, n)))[0]
    np.testing.assert_allclose(means, X.mean(axis=0), atol=1e-3)
    if gaussian.any():
        variance = np.exp(chain.log_variance)
        np.testing.assert_allclose(variance[gaussian], X.var(axis=0)[gaussian], rtol=1e-3)
        assert np.all(variance[~gaussian] == 1)


@pytest.mark.parametrize(("kind", "n"), [pair for pair in SMALL if pair[0] != BITS], ids=repr)
def test_squared_error_asks_for_bernoulli_units(rng, kind, n):
    with pytest.raises(Incompatible, match="cross_entropy"):
        train(
            Backprop("squared_error"), network_over(kind, n), rows_of(kind, n, 3, rng), kind=kind
        )


def test_squared_errors_of_bernoulli_units_are_those_of_a_plain_sigmoid():
    X, trainer = (grey(10, 7) < 0.5).astype(float), Backprop("squared_error", n_passes=3)
    network = network_over(BITS, 7)
    plain = replace(network.chain, activations=("sigmoid", "sigmoid"), outputs=None)
    one, two = (train(trainer, replace(network, chain=c), X) for c in (network.chain, plain))
    assert one[0] == two[0]
    assert np.array_equal(one[1].chain.parameters, two[1].chain.parameters)


def test_gaussian_outputs_start_at_the_data(rng):
    kind = Mixed(((Gaussian(), 2), (BITS, 2)))
    X = rows_of(kind, 4, 50, rng) * [3, 0.1, 1, 1] + [5, -2, 0, 0]
    network = network_over(kind, 4)
    weights = network.chain.weights(1).copy()
    network.start_at(X)
    chain, scale = network.chain, X.std(axis=0)[:2]
    # A code of zeros says nothing. Roundings of numbers below 10.
    field = chain.field(np.zeros((1, 4)), 1)
    np.testing.assert_allclose(
        kind.mean(field, chain.log_variance)[0, :2], X.mean(axis=0)[:2], rtol=1e-12
    )
    np.testing.assert_allclose(chain.log_variance, [*np.log(scale**2), 0, 0], rtol=1e-12)
    np.testing.assert_allclose(chain.weights(1), weights / [*scale, 1, 1], rtol=1e-12)


WRONG = [
    ("loss", "hinge", "a str among {'cross_entropy', 'squared_error'}"),
    ("learning_rate", 0.0, "a float in the range (0.0, inf)"),
    ("learning_rate", float("nan"), "a float in the range (0.0, inf)"),
    ("learning_rate", "fast", "a float in the range (0.0, inf)"),
    ("momentum", 1.0, "a float in the range [0.0, 1.0)"),
    ("weight_decay", -1e-3, "a float in the range [0.0, inf)"),
    ("batch_size", 0, "an int in the range [1, inf)"),
    ("batch_size", 2.5, "an int in the range [1, inf)"),
    ("n_passes", 0, "an int in the range [1, inf)"),
    ("optimizer", None, "a str among {'adam', 'sgd'}"),
    ("schedule", "cosine", "a str among {'constant', 'linear', 'warmup'} or a callable"),
    ("resample", 1, "an instance of 'bool' or an instance of 'numpy.bool'"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_wrong_parameters_are_refused_in_one_sentence(name, value, words):
    kept = Backprop(**{name: value})
    with pytest.raises((TypeError, ValueError)) as caught:
        next(kept.passes(network_of(), LayerInput(grey(3, 12)), STREAM))
    sentence = f"The {name!r} parameter of Backprop must be {words}. Got {value!r} instead."
    # scikit-learn lists a set of strings in any order.
    assert sorted(str(caught.value)) == sorted(sentence)


def test_every_parameter_is_checked_and_clones():
    trainer = Backprop("squared_error", n_passes=3, schedule=float)
    assert clone(trainer).get_params() == trainer.get_params()
    trainer.check()
    for name in trainer.get_params():
        with pytest.raises((TypeError, ValueError), match=f"'{name}' parameter"):
            Backprop(**{name: [1]}).check()


PREDICTED = {"softmax": Softmax(), "one_vs_rest": BITS, "linear": None}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("activations", [("sigmoid", "tanh"), ("relu", "relu"), ("tanh",)])
@pytest.mark.parametrize("output", PREDICTED)
def test_a_step_of_a_predictor_is_the_gradient_of_its_log_likelihood(
    output, activations, weighted, seed
):
    generator = np.random.default_rng(seed)
    X, weights = generator.normal(size=(7, 5)), generator.random(7) + 0.5
    values = generator.normal(size=(7, 3))
    if output != "linear":
        values = np.eye(3)[generator.integers(3, size=7)]
    targets, units = Targets(values, PREDICTED[output]), PREDICTED[output]
    layers = activations if output != "linear" else (*activations, "identity")
    sizes = (5, 4, 6, 3) if len(activations) == 2 else (5, 4, 3)
    chain = Chain.init(sizes, layers, STREAM.child("init"), outputs=units)
    chain.parameters[...] += generator.normal(scale=0.1, size=chain.parameters.shape)
    rows = LayerInput(X, units=Gaussian(), weights=weights if weighted else None, targets=targets)

    def objective(parameters):
        moved = replace(chain, parameters=parameters)
        return -np.average(
            log_likelihoods(moved, X, values), weights=weights if weighted else None
        )

    before, h = chain.parameters.copy(), 1e-6
    slopes = [
        (objective(before + h * unit) - objective(before - h * unit)) / (2 * h)
        for unit in np.eye(len(before))
    ]
    trainer = Backprop(optimizer="sgd", momentum=0, learning_rate=1, batch_size=7, n_passes=1)
    (done,) = trainer.passes(Predictor(chain), rows, STREAM)
    np.testing.assert_allclose(before - chain.parameters, slopes, atol=1e-8)  # rounding / h
    told = objective(before)
    if output == "linear":  # the loss has no constant, the density of a variance of 1 has one
        told -= 3 * np.log(2 * np.pi) / 2
    assert done.objective == pytest.approx(told, rel=1e-12)
