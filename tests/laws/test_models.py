"""What is true of every model: probabilities sum to one, whichever way they are summed."""

import numpy as np
import pytest

from laws.models import SCALES, SIZES, dbn, rbm
from layerwise.exceptions import TooManyStates
from layerwise.likelihood import mixtures, partition, sampling
from layerwise.models.rbm import RBMParams
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.enumerate import all_states


def joint_log_probability(model):
    """Return log p(x, h1, h2, ...) up to log Z, and x's axis first, by the definition."""
    top = model.top
    v, h = (all_states(n) for n in top.components.shape[::-1])
    table = -(
        -(v @ top.intercept_visible)[:, None]
        - (h @ top.intercept_hidden)[None, :]
        - v @ top.components.T @ h.T
    )
    table = table - np.logaddexp.reduce(table, axis=None)
    for conditional in reversed(model.conditionals):
        x, h = all_states(conditional.n_visible), all_states(conditional.n_latent)
        field = h @ conditional.weights + conditional.bias
        log_p = x @ field.T - np.logaddexp(0, field).sum(axis=1)
        table = np.logaddexp.reduce(
            log_p[:, :, None] + table.reshape(1, table.shape[0], -1), axis=1
        )
    return np.logaddexp.reduce(table.reshape(table.shape[0], -1), axis=1)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("sizes", SIZES)
def test_probabilities_sum_to_one(rng, sizes, scale):
    model = dbn(rng, sizes, scale)
    log_p = mixtures.log_density(model)(all_states(sizes[0]))
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("sizes", SIZES)
def test_log_likelihood_is_the_joint_summed_over_all_latent_states(rng, sizes, scale):
    model = dbn(rng, sizes, scale)
    np.testing.assert_allclose(
        mixtures.log_density(model)(all_states(sizes[0])),
        joint_log_probability(model),
        rtol=1e-12,  # the bar for likelihoods; log p is -1e4 at the largest weights
        atol=1e-12,
    )


@pytest.mark.parametrize("scale", SCALES)
def test_listing_either_layer_gives_the_same_partition_function(rng, scale):
    model = rbm(rng, 9, 6, scale)
    mirrored = RBMParams(
        np.ascontiguousarray(model.components.T), model.intercept_hidden, model.intercept_visible
    )
    components, visible, hidden = (a.astype(float) for a in model.arrays())
    by_hidden = enumeration.log_partition(np.ascontiguousarray(components.T), visible, hidden)
    by_visible = enumeration.log_partition(components, hidden, visible)
    assert by_hidden == pytest.approx(by_visible, rel=1e-12)
    assert partition.log_z(model) == pytest.approx(partition.log_z(mirrored), rel=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_free_energy_is_the_energy_marginalised(rng, scale):
    model = rbm(rng, 5, 6, scale)
    v, h = all_states(5), all_states(6)
    energy = (
        -(v @ model.intercept_visible)[:, None]
        - h @ model.intercept_hidden
        - v @ model.components.T @ h.T
    )
    np.testing.assert_allclose(
        model.free_energy(v), -np.logaddexp.reduce(-energy, axis=1), rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize("sizes", [s for s in SIZES if len(s) > 1])
def test_permuting_latent_units_changes_nothing(rng, sizes):
    model = dbn(rng, sizes, 1.0)
    order = rng.permutation(sizes[-1])
    top = model.top
    permuted = type(model)(
        model.conditionals,
        RBMParams(top.components[order], top.intercept_visible, top.intercept_hidden[order]),
    )
    X = all_states(sizes[0])
    np.testing.assert_allclose(
        mixtures.log_density(permuted)(X),
        mixtures.log_density(model)(X),
        rtol=1e-13,  # the same terms in another order
    )


@pytest.mark.parametrize("sizes", [(7, 4), (4, 7), (6, 5, 4)])
def test_samples_have_the_model_s_probabilities(seed, rng, sizes):
    from layerwise.numerics.streams import Stream

    model = dbn(rng, sizes, 1.0)
    n_samples = 20_000
    stream = Stream.from_random_state(seed)
    top = sampling.exact_states(model.top, n_samples, stream, limit=20)
    X = model.down(top, stream.child("down"))
    index = (X @ 2 ** np.arange(sizes[0])).astype(int)
    counts = np.bincount(index, minlength=2 ** sizes[0])
    p = np.exp(mixtures.log_density(model)(all_states(sizes[0])))
    # A chi-squared over its degrees of freedom, on the cells with at least 5 expected counts: a
    # normal of variance 2 / k to a good approximation, and 5 sigma are one in three million.
    enough = n_samples * p >= 5
    k = enough.sum()
    chi2 = np.sum((counts - n_samples * p)[enough] ** 2 / (n_samples * p)[enough])
    assert abs(chi2 / k - 1) < 5 * np.sqrt(2 / k) + 1 / k


def test_too_many_states_are_refused_in_a_sentence():
    n = 40
    model = RBMParams(np.zeros((n, n)), np.zeros(n), np.zeros(n))
    with pytest.raises(TooManyStates, match=r"2\*\*40 states and the limit is 2\*\*30"):
        partition.log_z(model)
