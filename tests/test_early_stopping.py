"""Early stopping of the trainers of RBMs: by exact likelihoods, or by the free-energy gap."""

import numpy as np
import pytest
from sklearn.base import clone

from layerwise import CD, PCD, RBM, ExactGradient
from layerwise.models.inputs import LayerInput
from layerwise.models.rbm import RBMParams
from layerwise.numerics.streams import Stream
from layerwise.trainers import contrastive
from layerwise.trainers.stopping import GapStopping, free_energy_gap
from layerwise.trainers.watch import looks, mean_log_likelihood

STREAM = Stream.from_random_state(20121)
TRAINERS = [
    CD(learning_rate=0.2),
    PCD(learning_rate=0.2, n_chains=20),
    ExactGradient(learning_rate=0.1, schedule="constant"),
]
every_trainer = pytest.mark.parametrize("trainer", TRAINERS, ids=repr)


def few_rows(n_rows=40, n_units=12):
    """Return rows of noise: soon there is nothing to learn but the rows themselves."""
    return (np.random.default_rng(17).random((n_rows, n_units)) < 0.4).astype(float)


def stopping(trainer, **params):
    return clone(trainer).set_params(
        early_stopping=True, n_passes=300, batch_size=10, n_passes_no_change=5, **params
    )


def trained(trainer, X, weights=None, n_hidden=6):
    params = RBMParams.init(X, n_hidden, STREAM.child("init"), weights=weights)
    return params, list(trainer.passes(params, LayerInput(X, weights=weights), STREAM))


def split(X, n_held):
    order = STREAM.child("validation").generator().permutation(len(X))
    return np.sort(order[:n_held]), np.sort(order[n_held:])


@every_trainer
@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 4, 40)])
def test_the_best_parameters_on_held_out_rows_are_kept(trainer, weights):
    X = few_rows()
    params, done = trained(stopping(trainer, validation_fraction=0.25), X, weights)
    told = np.array([each.validation for each in done])
    assert len(done) < 300
    assert np.argmax(told) == len(done) - 6
    held, _ = split(X, 10)
    of_held = None if weights is None else weights[held]
    assert mean_log_likelihood(params, X[held], of_held) == told.max()
    assert np.isnan([each.validation_gap for each in done]).all()


@every_trainer
def test_held_out_rows_are_not_trained_on(trainer):
    X = few_rows()
    held, _ = split(X, 4)
    other = X.copy()
    other[held] = 1 - other[held]
    results = []
    for rows in (X, other):
        params = RBMParams.init(X, 6, STREAM.child("init"))
        one_pass = stopping(trainer).set_params(n_passes=1)
        if isinstance(trainer, PCD):  # whose chains start from any rows
            one_pass._chains = lambda *_: np.zeros((20, 6))
        list(one_pass.passes(params, LayerInput(rows), STREAM))
        results.append(params.arrays())
    assert all(np.array_equal(one, two) for one, two in zip(*results))


@pytest.mark.parametrize("trainer", TRAINERS[:2], ids=repr)
def test_wide_layers_are_judged_by_their_free_energy(trainer):
    """2**40 states have no log-likelihood, but differences of free energies cost a product."""
    X = few_rows(60, 40)
    rbm = RBM(40, trainer=stopping(trainer).set_params(n_passes=20), random_state=5).fit(X)
    assert list(rbm.history_) == ["free_energy_gap", "validation_free_energy_gap"]
    assert np.isfinite(rbm.history_["validation_free_energy_gap"]).all()
    narrow = RBM(4, trainer=stopping(trainer).set_params(n_passes=3), random_state=5).fit(X)
    assert list(narrow.history_) == [
        "log_likelihood", "free_energy_gap", "validation_log_likelihood",
    ]  # fmt: skip


@pytest.mark.parametrize("trainer", TRAINERS[:2], ids=repr)
@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 4, 200)])
def test_the_latest_parameters_are_kept_while_the_gap_is_not_wider(trainer, weights, monkeypatch):
    monkeypatch.setattr(contrastive, "looks", lambda *_, **__: None)
    X = few_rows(200)
    trainer = stopping(trainer, validation_fraction=0.3).set_params(n_passes=2000, n_steps=1)
    params, done = trained(trainer, X, weights, n_hidden=40)
    told = np.array([each.validation_gap for each in done])
    assert np.isnan([each.validation for each in done]).all()
    # On noise, forty hidden units learn the rows themselves, and the others' energy rises.
    assert 6 < len(done) < 2000
    assert told[-1] > told.min() + 0.3
    # The gap of the parameters that were kept is that of the last pass before the wait.
    held, part = split(X, 60)
    chosen = STREAM.child("validation", "others").generator().permutation(len(part))[:60]
    others = part[np.sort(chosen)]
    both = [(X[rows], None if weights is None else weights[rows]) for rows in (held, others)]
    assert free_energy_gap(params, *both)[0] == told[-6]


def test_a_gap_is_wider_if_it_is_so_by_three_standard_errors():
    class Model:
        def __init__(self):
            self.value = np.zeros(1)

        def arrays(self):
            return (self.value,)

    model, told = Model(), iter([5, 2, 4.9, 5.1, 4, 5.1, 5.2, 9])
    stopping = GapStopping(model, lambda: (next(told), 1.0), patience=3)
    waited = []
    for index in range(8):
        model.value[0] = index
        stopping.judge()
        waited.append(stopping.waited)
    assert waited == [0, 0, 0, 1, 0, 1, 2, 3]  # more than 3 above 2
    assert stopping.is_over
    stopping.restore()
    assert model.value[0] == 4  # the last that was not wider


def test_the_error_of_a_gap_is_that_of_two_means():
    X = few_rows(1000)
    params = RBMParams.init(X, 4, STREAM)
    held, others = X[:300], X[300:]
    gap, error = free_energy_gap(params, (held, None), (others, None))
    energies = [params.free_energy(part) for part in (held, others)]
    assert gap == pytest.approx(energies[0].mean() - energies[1].mean(), abs=1e-12)
    assert error == pytest.approx(np.hypot(*(e.std() / np.sqrt(len(e)) for e in energies)))
    weighed = free_energy_gap(params, (held, np.full(300, 7.0)), (others, np.ones(700)))
    np.testing.assert_allclose(weighed, (gap, error), rtol=1e-10)


def test_a_look_is_cheap_by_sizes_alone():
    def every(n_visible, n_hidden, n_rows, share):
        params = RBMParams(
            np.zeros((n_hidden, n_visible)), np.zeros(n_visible), np.zeros(n_hidden)
        )
        return looks(params, n_rows, n_rows // 10, 50, products=5, drawn=1, share=share)

    assert every(784, 12, 10_000, 0.5) == 1
    assert every(784, 40, 10_000, 0.5) is None
    assert every(784, 26, 10_000, 0.5) is None  # 2**26 states are seconds
    assert every(784, 18, 10_000, 0.05) > every(784, 18, 10_000, 0.5)


@every_trainer
def test_too_few_rows_are_refused_and_nothing_is_lost(trainer):
    X = few_rows()
    rbm = RBM(3, trainer=clone(trainer).set_params(n_passes=2), random_state=5).fit(X)
    before = rbm.components_.copy()
    rbm.set_params(trainer__early_stopping=True)
    with pytest.raises(ValueError, match="rows to train on beside the held-out ones"):
        rbm.fit(X[:1])
    assert np.array_equal(rbm.components_, before)


@every_trainer
@pytest.mark.parametrize(
    ("name", "value", "must"),
    [
        ("early_stopping", "yes", "an instance of .bool."),
        ("validation_fraction", 1.0, r"a float in the range \(0.0, 1.0\)"),
        ("n_passes_no_change", 0, r"an int in the range \[1, inf\)"),
        ("l1_decay", -1, r"a float in the range \[0.0, inf\)"),
        ("centered", 2, "an instance of .bool."),
        ("sparsity_target", 1.0, r"a float in the range \(0.0, 1.0\)"),
        ("sparsity_cost", -0.1, r"a float in the range \[0.0, inf\)"),
    ],
)
def test_a_bad_option_is_named(trainer, name, value, must):
    if name not in trainer.get_params():
        return
    bad = clone(trainer).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter of .* must be .*{must}"):
        bad.check()
