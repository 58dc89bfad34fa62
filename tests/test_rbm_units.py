"""One pass of CD-k and PCD-k for units of every kind: the dense way against its numpy twin."""

import copy

import numpy as np
import pytest
from reference import rbm as twin
from reference.units import KINDS

from layerwise.exceptions import Diverged
from layerwise.numerics import rbm, runtime
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream
from layerwise.numerics.units import runs_of

STREAM = Stream(bytes(range(7, 23)))
BERNOULLI, SPIN, GAUSSIAN, EXPONENTIAL, SOFTMAX = range(len(KINDS))
VISIBLE = {
    "bernoulli": [(BERNOULLI, 21)],
    "spin": [(SPIN, 21)],
    "gaussian": [(GAUSSIAN, 21)],
    "truncated exponential": [(EXPONENTIAL, 21)],
    "softmax": [(SOFTMAX, 3), (SOFTMAX, 1), (SOFTMAX, 12), (SOFTMAX, 5)],
    "mixed": [(GAUSSIAN, 3), (SOFTMAX, 4), (SPIN, 5), (EXPONENTIAL, 7), (BERNOULLI, 2)],
}
HIDDEN = {
    "bernoulli": [(BERNOULLI, 17)],
    "spin": [(SPIN, 17)],
    "both": [(SPIN, 9), (BERNOULLI, 8)],
}


def rows_of(runs, n_rows, rng):
    """Return rows of values that each kind of units takes."""
    parts = []
    for kind, size in runs:
        if kind == GAUSSIAN:
            parts.append(rng.normal(size=(n_rows, size)))
        elif kind == EXPONENTIAL:
            parts.append(rng.random((n_rows, size)))
        elif kind == SOFTMAX:
            parts.append(np.eye(size)[rng.integers(size, size=n_rows)])
        else:
            low = -1 if kind == SPIN else 0
            parts.append(np.where(rng.random((n_rows, size)) < 0.4, 1, low))
    return np.concatenate(parts, axis=1)


class Setting:
    """Everything that a pass updates, and the rows and their order."""

    def __init__(self, visible, hidden, n_rows, n_chains, kind, dtype):
        rng = np.random.default_rng(n_rows)
        n_visible, n_hidden = (sum(size for _, size in runs) for runs in (visible, hidden))
        self.arrays = [
            rng.normal(scale=0.2, size=(n_hidden, n_visible)).astype(dtype),
            rng.normal(size=n_visible).astype(dtype),
            rng.normal(size=n_hidden).astype(dtype),
        ]
        gaussian = any(kind == GAUSSIAN for kind, _ in visible)
        # Of other kinds' units they stay what they are.
        variances = [
            rng.normal(scale=0.3, size=size) if kind == GAUSSIAN else np.zeros(size)
            for kind, size in visible
        ]
        self.log_variance = np.concatenate(variances).astype(dtype) if gaussian else None
        self.chains = None if n_chains is None else rows_of(hidden, n_chains, rng).astype(dtype)
        n_parameters = sum(array.size for array in self.arrays) + n_visible * gaussian
        self.optimizer = Optimizer.start(kind, n_parameters, dtype, momentum=0.5, decay=0.01)
        self.X = rows_of(visible, n_rows, rng).astype(dtype)
        self.order = rng.permutation(n_rows)
        self.visible, self.hidden = visible, hidden

    def kernel(self, **options):
        return rbm.contrastive_pass(
            *self.arrays, self.X, self.order, self.chains, self.optimizer, rate=0.05,
            stream=STREAM, visible=runs_of(self.visible), hidden=runs_of(self.hidden),
            log_variance=self.log_variance, **options,
        )  # fmt: skip

    def twin(self, **options):
        return twin.contrastive_pass(
            *self.arrays, self.X, self.order, self.chains, self.optimizer, rate=0.05,
            key=STREAM.as_array(), visible=self.visible, hidden=self.hidden,
            log_variance=self.log_variance, **options,
        )  # fmt: skip

    def flat(self):
        parts = [*self.arrays, self.optimizer.first, self.optimizer.second]
        parts += [part for part in (self.log_variance, self.chains) if part is not None]
        return np.concatenate([part.ravel() for part in parts])


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("n_chains", [None, 19])
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("visible", VISIBLE.values(), ids=VISIBLE)
def test_kernel_is_the_twin(visible, hidden, n_chains, kind):
    ours = Setting(visible, hidden, 43, n_chains, kind, np.float64)
    theirs = copy.deepcopy(ours)
    objective = ours.kernel(batch_size=20, n_steps=2)
    gaps, _ = theirs.twin(batch_size=20, n_steps=2)
    # The same random numbers, and sums in another order: of at most 21 terms of size 10 or so,
    # through three steps. Draws of real numbers carry a few eps of the field with them. Adam
    # divides a gradient by its own size: where it vanishes, its rounding is measured against 1e-8.
    atol = 1e-6 if kind == "adam" else 1e-11
    np.testing.assert_allclose(ours.flat(), theirs.flat(), rtol=0, atol=atol)
    assert objective == pytest.approx(np.average(gaps, weights=[20, 20, 3]), abs=1e-9)


@pytest.mark.parametrize("visible", VISIBLE.values(), ids=VISIBLE)
def test_float32_is_float64_to_its_precision(visible):
    single = Setting(visible, HIDDEN["both"], 40, None, "sgd", np.float32)
    twice = copy.deepcopy(single)
    single.kernel(batch_size=40, n_steps=1)
    twice.twin(batch_size=40, n_steps=1)
    # One batch: the twin draws with the same 24-bit uniforms from fields that differ by 1e-6.
    np.testing.assert_allclose(single.flat(), twice.flat(), rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_chains", [None, 33])
@pytest.mark.parametrize("visible", VISIBLE.values(), ids=VISIBLE)
def test_bits_do_not_depend_on_threads(visible, n_chains, dtype, monkeypatch):
    def result(n_threads):
        monkeypatch.setattr(runtime, "count", lambda work: n_threads)
        setting = Setting(visible, HIDDEN["both"], 130, n_chains, "adam", dtype)
        objective = setting.kernel(batch_size=60, n_steps=2)
        return np.append(setting.flat(), objective)

    one = result(1)
    for n_threads in (2, 3, 5):
        assert np.array_equal(one, result(n_threads))


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("visible", VISIBLE.values(), ids=VISIBLE)
def test_gibbs_steps_are_the_twins(visible, hidden):
    setting = Setting(visible, hidden, 1, 23, "sgd", np.float64)
    rows, last = twin.gibbs(
        *setting.arrays, setting.chains, STREAM.as_array(), 3, visible=visible, hidden=hidden,
        log_variance=setting.log_variance,
    )  # fmt: skip
    for array in setting.arrays:
        array.flags.writeable = False
    states = setting.chains.copy()
    found = rbm.gibbs(
        *setting.arrays, states, STREAM, 3, visible=runs_of(visible), hidden=runs_of(hidden),
        log_variance=setting.log_variance,
    )  # fmt: skip
    # States are equal; real numbers carry the rounding of fields of size 10 with them.
    np.testing.assert_allclose(found, rows, rtol=0, atol=1e-12)
    assert np.array_equal(states, last)


def test_variances_that_vanish_are_told():
    setting = Setting(VISIBLE["gaussian"], HIDDEN["spin"], 20, None, "sgd", np.float64)
    setting.X *= 1e200
    with pytest.raises(Diverged, match="not finite"):
        setting.kernel(batch_size=20, n_steps=1)
