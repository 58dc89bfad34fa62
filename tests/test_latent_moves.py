"""Moves of latent states towards a posterior: what is left unchanged, and what weights are of."""

import numpy as np
import pytest
from scipy.special import logsumexp

from layerwise.likelihood import latent_moves
from layerwise.likelihood.bounds import log_weights
from layerwise.likelihood.latent_moves import RESERVES, LatentTarget
from layerwise.likelihood.mixtures import log_density
from layerwise.likelihood.partition import log_z
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.mixed import units_of
from layerwise.models.rbm import RBMParams
from layerwise.models.states import blocks_of_states
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(16)))
KINDS = [("bernoulli", "bernoulli"), ("spin", "bernoulli"), ("gaussian", "spin")]


def deep(rng, visible, latent, sizes=(5, 3, 2, 4)):
    """A random model of two layers under an RBM, an inference of it, and one row."""
    n_visible, n_first, n_second, n_top = sizes
    log_variance = rng.normal(size=n_visible) / 3 if visible == "gaussian" else None
    latent_units = [units_of(latent, n) for n in (n_first, n_second)]
    bottom = Conditional(
        rng.normal(size=(n_first, n_visible)), rng.normal(size=n_visible),
        units_of(visible, n_visible), latent_units[0], log_variance,
    )  # fmt: skip
    middle = Conditional(
        rng.normal(size=(n_second, n_first)), rng.normal(size=n_first), *latent_units
    )
    top = RBMParams(
        rng.normal(size=(n_top, n_second)), rng.normal(size=n_second), rng.normal(size=n_top),
        visible=latent,
    )  # fmt: skip
    inferences = [
        Conditional(rng.normal(size=(n_visible, n_first)), rng.normal(size=n_first),
                    latent_units[0], bottom.visible),
        Conditional(rng.normal(size=(n_first, n_second)), rng.normal(size=n_second),
                    latent_units[1], latent_units[0]),
    ]  # fmt: skip
    row = {
        "bernoulli": (rng.random(n_visible) < 0.5).astype(float),
        "spin": 2.0 * (rng.random(n_visible) < 0.5) - 1,
        "gaussian": rng.normal(size=n_visible),
    }[visible]
    return DBNParams((bottom, middle), top), inferences, row


def all_states(dbn):
    """Every pair of states of both latent layers, as a list of two arrays."""
    first, second = (
        np.concatenate([part for _, part in blocks_of_states(each.latent, each.n_latent)])
        for each in dbn.conditionals
    )
    return [np.repeat(first, len(second), axis=0), np.tile(second, (len(first), 1))]


def codes(states, bits):
    """Number the states of all latent units together, row by row."""
    found = [state > low for state, (low, _) in zip(states, bits)]
    return np.concatenate(found, axis=1) @ 2 ** np.arange(sum(each.shape[1] for each in found))


@pytest.mark.parametrize(("visible", "latent"), KINDS)
def test_slopes_are_those_of_the_log_probability(rng, visible, latent):
    dbn, inferences, row = deep(rng, visible, latent)
    states = all_states(dbn)
    target = LatentTarget(dbn, inferences, np.tile(row, (len(states[0]), 1)))
    point = target.at(states)
    for depth, (state, (_, step)) in enumerate(zip(states, target.bits)):
        for unit in range(state.shape[1]):
            sides = []
            for sign in (-1, 1):
                near = [array.copy() for array in states]
                near[depth][:, unit] += sign * 1e-5
                sides.append(target.at(near).log_p)
            slope = (sides[1] - sides[0]) / 2e-5 * step[unit]
            np.testing.assert_allclose(point.slopes_p[depth][:, unit], slope, atol=1e-7)


@pytest.mark.parametrize(("visible", "latent"), KINDS)
def test_log_probabilities_sum_to_that_of_the_row(rng, visible, latent):
    dbn, inferences, row = deep(rng, visible, latent)
    states = all_states(dbn)
    point = LatentTarget(dbn, inferences, np.tile(row, (len(states[0]), 1))).at(states)
    exact = log_density(dbn)(row[None])[0] + log_z(dbn.top)
    assert logsumexp(point.log_p) == pytest.approx(exact, abs=1e-12)
    assert logsumexp(point.log_q) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("visible", "latent"), KINDS)
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("step", range(len(RESERVES)))
def test_a_step_leaves_the_listed_distribution_unchanged(rng, visible, latent, beta, step):
    dbn, inferences, row = deep(rng, visible, latent)
    states = all_states(dbn)
    n = len(states[0])
    target = LatentTarget(dbn, inferences, np.tile(row, (n, 1)))
    point = target.at(states)
    chances = target._chances(point, beta, step)
    log_weight = latent_moves.log_target(point, beta)
    proposal = np.empty((n, n))
    for to in range(n):
        flips = [state != state[to] for state in states]
        proposal[:, to] = sum(map(latent_moves.log_probability, chances, flips))
    np.testing.assert_allclose(np.exp(proposal).sum(axis=1), 1, rtol=1e-12)
    gain = log_weight - log_weight[:, None] + proposal.T - proposal
    transition = np.exp(proposal + np.minimum(gain, 0))
    np.fill_diagonal(transition, 0)
    np.fill_diagonal(transition, 1 - transition.sum(axis=1))
    weight = np.exp(log_weight - logsumexp(log_weight))
    np.testing.assert_allclose(weight @ transition, weight, atol=1e-14)
    # And a step is this transition: from each state, many times.
    times = 1500
    many = [np.repeat(state, times, axis=0) for state in states]
    rows = LatentTarget(dbn, inferences, np.tile(row, (n * times, 1)))
    moved = rows.move(rows.at(many), beta, STREAM, step)
    again = rows.at(moved.states)
    np.testing.assert_allclose(moved.log_p, again.log_p, atol=1e-12)
    np.testing.assert_allclose(moved.slopes_p[0], again.slopes_p[0], atol=1e-12)
    code, at = (codes(each, rows.bits) for each in (moved.states, states))
    counted = np.array([np.bincount(each, minlength=n)[at] for each in code.reshape(n, times)])
    transition = np.clip(transition, 0, 1)  # 1 less the others rounds to just below 0
    error = np.sqrt(transition * (1 - transition) / times)
    # 5.5 standard deviations, and two counts where next to none are expected.
    assert (np.abs(counted / times - transition) < 5.5 * error + 2 / times).all()


@pytest.mark.parametrize(("visible", "latent"), KINDS)
@pytest.mark.parametrize("n_steps", [0, 1, 6])
def test_weights_are_the_rows_probability_on_average(rng, visible, latent, n_steps):
    dbn, inferences, row = deep(rng, visible, latent)
    exact = log_density(dbn)(row[None])[0] + log_z(dbn.top)
    found = log_weights(dbn, inferences, np.tile(row, (3000, 1)), STREAM, 4, n_steps).ravel()
    weight = np.exp(found - exact)
    assert abs(weight.mean() - 1) < 4 * weight.std() / np.sqrt(weight.size)
    assert found.mean() < exact


@pytest.mark.parametrize(("visible", "latent"), KINDS)
def test_more_steps_lead_closer_to_the_posterior(rng, visible, latent):
    dbn, inferences, row = deep(rng, visible, latent, (12, 8, 6, 10))
    for array in dbn.arrays():
        array /= 2
    exact = log_density(dbn)(row[None])[0] + log_z(dbn.top)
    gaps = [
        exact - log_weights(dbn, inferences, np.tile(row, (200, 1)), STREAM, 2, n_steps).mean()
        for n_steps in (0, 20, 200)
    ]
    assert gaps[0] > 1.5 * gaps[1] > 2.25 * gaps[2] > 0
