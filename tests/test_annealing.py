"""Steps of tempered chains, and their importance weights: the kernel against its numpy twin."""

from itertools import product as pairs

import numpy as np
import pytest
from reference import rbm as twin
from reference.units import unit_log_partitions
from test_rbm_units import GAUSSIAN, HIDDEN, VISIBLE, Setting

from layerwise.numerics import rbm, runtime
from layerwise.numerics.streams import Stream
from layerwise.numerics.units import runs_of

STREAM = Stream(bytes(range(7, 23)))
# Chains, visible and hidden units, steps: one of each; tiles, blocks and parts of chains at and
# across their ends; chains for which weights are looked up; steps for which tables are kept, and
# more than a call takes.
SIZES = [
    (1, 1, 1, 1), (3, 12, 5, 4), (17, 30, 13, 3), (64, 24, 36, 20), (113, 30, 50, 2),
    (460, 17, 3, 2), (101, 40, 25, 60),
]  # fmt: skip


class Chains:
    """Chains of an RBM and all that their steps are told."""

    def __init__(self, visible, hidden, n_chains, n_steps, dtype):
        self.setting = Setting(visible, hidden, n_chains, n_chains, "sgd", dtype)
        rng = np.random.default_rng(n_chains + 7 * n_steps)
        n_visible = self.setting.X.shape[1]
        self.base = rng.normal(size=n_visible).astype(dtype)
        self.base_log_variance = None
        if self.setting.log_variance is not None:
            of_gaussians = [np.full(size, kind == GAUSSIAN) for kind, size in visible]
            value = rng.normal(scale=0.3, size=n_visible) * np.concatenate(of_gaussians)
            self.base_log_variance = value.astype(dtype)
        self.betas = rng.random((n_steps + 1, n_chains))

    def options(self):
        return {
            "log_variance": self.setting.log_variance,
            "base_log_variance": self.base_log_variance,
        }

    def kernel(self, **more):
        states = self.setting.chains.copy()
        rows, log_weight = rbm.anneal(
            *self.setting.arrays, states, STREAM, self.betas, self.base,
            visible=runs_of(self.setting.visible), hidden=runs_of(self.setting.hidden),
            **self.options(), **more,
        )  # fmt: skip
        return rows, states, log_weight

    def twin(self):
        return twin.anneal(
            *self.setting.arrays, self.setting.chains, STREAM.as_array(), self.betas, self.base,
            visible=self.setting.visible, hidden=self.setting.hidden, **self.options(),
        )  # fmt: skip


def same(ours, theirs, dtype):
    """Whether both took the same states, and weights that differ by the rounding of sums."""
    tolerance = 1e-11 if dtype == np.float64 else 2e-4
    for found, expected in zip(ours[:2], theirs[:2]):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours[2], theirs[2], rtol=0, atol=20 * tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_steps_over_bits_are_the_twins(size, dtype, monkeypatch):
    n_chains, n_visible, n_hidden, n_steps = size
    chains = Chains([(0, n_visible)], [(0, n_hidden)], n_chains, n_steps, dtype)
    expected = chains.twin()
    for way in ("chosen", "dense", "lookup"):
        first = None
        for n_threads in (1, 2, 3, 5):
            monkeypatch.setattr(runtime, "count", lambda work, n=n_threads: n)
            found = chains.kernel(way=way)
            same(found, expected, dtype)
            first = found if first is None else first
            assert all(np.array_equal(a, b) for a, b in zip(found, first))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("below", "above"), list(pairs(VISIBLE, HIDDEN)))
def test_steps_of_all_units_are_the_twins(below, above, dtype):
    chains = Chains(VISIBLE[below], HIDDEN[above], 19, 5, dtype)
    same(chains.kernel(), chains.twin(), dtype)


def test_a_step_up_weighs_what_the_definition_says():
    chains = Chains(VISIBLE["gaussian"], HIDDEN["both"], 6, 1, np.float64)
    rows, _, log_weight = chains.kernel()
    W, b, c = chains.setting.arrays

    def log_f(beta):
        fields = beta[:, None] * (c + rows @ W.T)
        base = [
            rows @ bias - (rows**2 @ np.exp(-variance)) / 2
            for bias, variance in (
                (chains.base, chains.base_log_variance),
                (b, chains.setting.log_variance),
            )
        ]
        hidden = unit_log_partitions(fields, chains.setting.hidden, np.ones(len(c)))
        return (1 - beta) * base[0] + beta * base[1] + hidden

    rise = log_f(chains.betas[1]) - log_f(chains.betas[0])
    np.testing.assert_allclose(log_weight, rise, rtol=0, atol=1e-12)


def test_a_small_step_in_float32_keeps_its_digits():
    """A difference of float32 sums over 500 units would be wrong by 1e-5 and more."""
    precise, single = (
        Chains([(0, 30)], [(0, 500)], 64, 1, kind) for kind in (np.float64, np.float32)
    )
    for chains, kind in ((precise, np.float64), (single, np.float32)):
        chains.setting.arrays = [array.astype(kind) for array in single.setting.arrays]
        chains.base = single.base.astype(kind)
        chains.betas = np.array([[0.5], [0.5 + 2.0**-16]]) * np.ones(64)
    expected = precise.kernel()
    for way in ("dense", "lookup"):
        found = single.kernel(way=way)
        alike = (found[0] == expected[0]).all(axis=1)
        assert alike.sum() > 50
        assert np.abs(found[2] - expected[2])[alike].max() < 4e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", ["bernoulli", "spin"])
def test_one_step_from_independent_units_is_weighed_of_wide_layers(hidden, dtype):
    """The ratio of products was 1 plus what rounds to -1, and its logarithm nonsense."""
    kind = {"bernoulli": 0, "spin": 1}[hidden]
    chains = Chains([(0, 4)], [(kind, 2000)], 3, 1, dtype)
    chains.setting.arrays[2] *= 40
    chains.betas = np.array([[0.0], [1.0]]) * np.ones(3)
    found, expected = chains.kernel(way="dense"), chains.twin()
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-6)


def test_betas_that_all_chains_share_may_stand_once():
    chains = Chains([(0, 24)], [(0, 36)], 64, 4, np.float32)
    chains.betas = np.broadcast_to(np.linspace(0, 1, 5)[:, None], (5, 64))
    shared = chains.kernel()
    chains.betas = chains.betas.copy()
    assert all(np.array_equal(a, b) for a, b in zip(shared, chains.kernel()))


def test_no_chains_take_no_steps():
    chains = Chains([(0, 4)], [(0, 3)], 0, 2, np.float64)
    rows, states, log_weight = chains.kernel()
    assert rows.shape == (0, 4)
    assert states.shape == (0, 3)
    assert log_weight.shape == (0,)


def test_progress_is_told_to_the_end():
    chains = Chains([(0, 4)], [(0, 3)], 2, 120, np.float64)
    told = []
    chains.kernel(progress=lambda done, total: told.append((done, total)))
    assert told == [(40, 120), (80, 120), (120, 120)]
