"""The pseudo-likelihood is what the listed joint distribution says it is, for all units."""

import numpy as np
import pytest

from laws.models import SMALL, grid_of, rbm_of, rows_of
from layerwise.likelihood import pseudo
from layerwise.likelihood.mixtures import log_density
from layerwise.models.dbn import DBNParams
from layerwise.models.mixed import ALL, Mixed
from layerwise.models.rbm import RBMParams
from layerwise.models.units import BITS, Gaussian, Softmax, Spin, TruncatedExponential
from layerwise.numerics.special import log_sum_exp

every_kind = pytest.mark.parametrize(("kind", "n_visible"), SMALL, ids=lambda x: repr(x))
hidden_kinds = pytest.mark.parametrize("hidden", [BITS, Spin()], ids=repr)


def groups_of(kind, n_visible):
    """Return the columns of each unit, or softmax group, with points and weights of its values."""
    found, first = [], 0
    for part, size in kind.parts if isinstance(kind, Mixed) else [(kind, n_visible)]:
        sizes = part.groups(size) if isinstance(part, Softmax) else [1] * size
        for n in sizes:
            one = Softmax((n,)) if isinstance(part, Softmax) else part
            found.append((slice(first, first + n), *grid_of(one, n)))
            first += n
    return found


def by_hand(params, X):
    """Return the sum of log p(v_i | rest), by the joint distribution with each unit's values."""
    total = np.zeros(len(X))
    for here, points, weights in groups_of(params.visible, params.n_visible):
        others = np.repeat(X[:, None], len(points), axis=1)
        others[:, :, here] = points
        energy = params.free_energy(others.reshape(-1, X.shape[1])).reshape(len(X), -1)
        total -= params.free_energy(X) + log_sum_exp(np.log(weights) - energy, axis=1)
    return total


@every_kind
@hidden_kinds
def test_it_is_the_joint_distribution_s(rng, kind, n_visible, hidden):
    params = rbm_of(kind, n_visible, rng, hidden=hidden, n_hidden=4, scale=1.0)
    X = rows_of(kind, n_visible, 30, rng)
    found = pseudo.log_pseudolikelihood(params, X)
    # Sums of a dozen free energies near 10, each to its last place; the grid errs by less.
    np.testing.assert_allclose(found, by_hand(params, X), rtol=0, atol=1e-11)


@every_kind
@hidden_kinds
def test_without_weights_it_is_the_likelihood(rng, kind, n_visible, hidden):
    params = rbm_of(kind, n_visible, rng, hidden=hidden)
    params.components[...] = 0
    X = rows_of(kind, n_visible, 20, rng)
    log_likelihood = log_density(DBNParams((), params))(X)
    found = pseudo.log_pseudolikelihood(params, X)
    np.testing.assert_allclose(found, log_likelihood, rtol=0, atol=1e-12)


@every_kind
def test_blocks_of_rows_and_of_fields_change_nothing(rng, kind, n_visible, monkeypatch):
    params, X = rbm_of(kind, n_visible, rng), rows_of(kind, n_visible, 23, rng)
    once = pseudo.log_pseudolikelihood(params, X)
    assert pseudo.log_pseudolikelihood(params, X[:0]).shape == (0,)
    for size in (1, 7, 40):
        monkeypatch.setattr(pseudo, "FIELDS_AT_A_TIME", size)
        # Only the order in which units and nodes are added differs.
        np.testing.assert_allclose(pseudo.log_pseudolikelihood(params, X), once, rtol=1e-12)


def test_large_weights_neither_overflow_nor_lose_a_unit():
    """With weights of 300 a ratio of probabilities is e**900, beyond the largest float."""
    params = RBMParams(np.array([[300.0, -300.0, 300.0]]), np.array([-9.0, 5.0, 0]), np.zeros(1))
    X = np.array([[1.0, 0, 1], [0, 1, 0], [1, 1, 1]])
    found = pseudo.log_pseudolikelihood(params, X)
    np.testing.assert_allclose(found, by_hand(params, X), rtol=1e-13, atol=1e-13)
    assert found.min() < -200


@pytest.mark.parametrize("kind", [Gaussian(), TruncatedExponential()], ids=repr)
def test_wide_mixtures_of_continuous_units_are_integrated_too(kind):
    """Means of a Gaussian unit that lie 60 standard deviations apart, fields of 80 on [0, 1]."""
    params = RBMParams(np.array([[25.0], [-40.0], [15.0]]), np.zeros(1), np.ones(3), kind)
    X = np.linspace(0, 1, 9)[:, None]
    # A row of one unit: its pseudo-likelihood is its likelihood, whose log Z lists hidden states.
    expected = log_density(DBNParams((), params))(X)
    np.testing.assert_allclose(pseudo.log_pseudolikelihood(params, X), expected, rtol=1e-12)


def test_one_unit_of_each_row_is_right_in_the_mean(rng):
    """scikit-learn's estimate takes one unit of each row at random: its mean is exact."""
    for kind in (BITS, Spin()):
        params, X = rbm_of(kind, 6, rng), rows_of(kind, 6, 15, rng)
        each = [pseudo.log_of_one_unit(params, X, np.full(15, i)) for i in range(6)]
        found = pseudo.log_pseudolikelihood(params, X)
        np.testing.assert_allclose(np.mean(each, axis=0), found, rtol=1e-13)
        assert np.std(each, axis=0).min() > 0.01


# Nodes, which stand for a unit's sum or integral. ------------------------------------------------


@pytest.mark.parametrize("kind", ALL, ids=repr)
@pytest.mark.parametrize("width", [0, 1.5, 30])
def test_nodes_have_the_log_partition_of_every_field_between(kind, width):
    n_units = kind.n_units or 5
    low = np.linspace(-4, 3, n_units)
    log_variance = np.where(kind.gaussian(n_units), np.linspace(-3, 2, n_units), 0)
    nodes = kind.nodes(low, low + width, log_variance)
    for share in (0, 0.3, 1):
        field = low + share * width
        found, first = 0.0, 0
        for states, log_weights in nodes:
            here = slice(first, first + states.shape[1])
            found += log_sum_exp(log_weights + states @ field[here])
            first = here.stop
        assert first == n_units
        # A quadrature of continuous units has 16 nodes and more, and is not the listing itself.
        expected = kind.log_partition_sums(field[None], log_variance)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
