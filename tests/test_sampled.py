"""Lower bounds of the best latent marginal over sampled states, for layers of any size."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from layerwise import (
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    Incompatible,
    LatentLayer,
    MarginalAscent,
    TooManyStates,
    best_latent_marginal,
    latent_marginal_bound,
)
from layerwise.likelihood import sampled


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data[:300] > 8).astype(float)


@pytest.fixture(scope="module", params=["ae", "rbm", "spin", "latent"])
def layer(request, digits):
    made = {
        "ae": AutoEncoder(8, trainer=Backprop(n_passes=300, learning_rate=5e-3)),
        "rbm": RBM(8, trainer=PCD(n_passes=60)),
        "spin": RBM(8, hidden="spin", trainer=PCD(n_passes=60)),
        "latent": LatentLayer(8, trainer=MarginalAscent(n_passes=30)),
    }
    return made[request.param].set_params(random_state=5).fit(digits)


@pytest.mark.parametrize("bound", [best_latent_marginal, latent_marginal_bound])
def test_sampled_states_give_a_lower_bound_that_tightens(layer, digits, bound):
    best = best_latent_marginal(layer, digits)
    values = []
    for n_draws in (8, 100, 3000):
        found = bound(layer, digits, n_draws=n_draws, random_state=3)
        assert found.low <= best.high
        assert found.value == pytest.approx(found.low, abs=1e-6)
        assert found.high == np.inf
        assert "lower bound" in found.method
        assert found.weights.sum() == pytest.approx(1, abs=1e-12)
        assert found.states.shape == (len(found.weights), 8)
        # The weights are what reaches it.
        log_p = layer.conditional_.astype(float).log_probability(digits, found.states)
        reached = np.log(np.exp(log_p) @ found.weights).mean()
        assert reached == pytest.approx(found.value, abs=1e-9)
        values.append(found.value)
    assert values == sorted(values)
    exact = bound(layer, digits).value
    assert values[-1] == pytest.approx(exact, abs=0.2)


def test_the_error_is_what_other_draws_change(layer, digits):
    spread, told = {}, {}
    for bound in (best_latent_marginal, latent_marginal_bound):
        found = [bound(layer, digits, n_draws=400, random_state=seed) for seed in range(3, 23)]
        spread[bound] = np.std([each.value for each in found], ddof=1)
        told[bound] = np.sqrt(np.mean([each.error**2 for each in found]))
    # Upper estimates: a standard deviation of 20 values is known to a sixth. Draws spread evenly
    # over the rows differ by less than independent ones, for which the second limit holds.
    assert told[latent_marginal_bound] > 0.7 * spread[latent_marginal_bound]
    assert told[latent_marginal_bound] < 2.5 * spread[latent_marginal_bound]
    # Quarters of the draws leave out more states than the whole.
    assert told[best_latent_marginal] > 0.7 * spread[best_latent_marginal]


def test_more_units_than_can_be_listed(digits):
    layer = AutoEncoder(60, trainer=Backprop(n_passes=30), random_state=5).fit(digits)
    with pytest.raises(TooManyStates, match=r"2\*\*60 states.*n_draws=2000"):
        best_latent_marginal(layer, digits)
    best = best_latent_marginal(layer, digits, n_draws=600, random_state=3)
    bound = latent_marginal_bound(layer, digits, n_draws=600, random_state=3)
    assert bound.value < best.value < 0
    # The same draws are the same numbers.
    assert best_latent_marginal(layer, digits, n_draws=600, random_state=3).value == best.value
    other = latent_marginal_bound(layer, digits[:50], X_inference=digits, n_draws=600)
    assert np.isfinite(other.value)


def test_mistakes_are_said(layer, digits, monkeypatch):
    for n_draws in (0, 3, 2.5):
        with pytest.raises((ValueError, TypeError), match="n_draws"):
            best_latent_marginal(layer, digits, n_draws=n_draws)
    with pytest.raises(Incompatible, match="asks the layer for its q"):
        best_latent_marginal(layer.conditional_, digits, n_draws=10)
    monkeypatch.setattr(sampled, "MOST_PAIRS", 1000)
    with pytest.raises(ValueError, match="smaller n_draws"):
        latent_marginal_bound(layer, digits, n_draws=3000)
