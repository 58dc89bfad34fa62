"""DRBN: deep restricted Boltzmann networks, their trainers and their exact distribution."""

import copy
from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from layerwise import (
    CD,
    DBN,
    DRBN,
    PCD,
    RBM,
    Convolution,
    DeepClassifier,
    Incompatible,
    JointCD,
    JointPCD,
    TooManyStates,
    latent_marginal_bound,
    log_likelihood,
    parzen_log_likelihood,
)
from layerwise.datasets import load_tea
from layerwise.likelihood import stationary
from layerwise.models.stack import StackParams
from layerwise.numerics.streams import Stream

QUICK = {"n_passes": 3}


def bits(n_rows=60, n_columns=9):
    rng = np.random.default_rng(11)
    patterns = rng.random((4, n_columns)) < 0.5
    rows = patterns[rng.integers(4, size=n_rows)] ^ (rng.random((n_rows, n_columns)) < 0.1)
    return rows.astype(float)


def made(layer_sizes=(6, 4), *, trainer=None, random_state=23, **options):
    trainer = JointCD(**QUICK) if trainer is None else trainer
    return DRBN(layer_sizes, trainer=trainer, random_state=random_state, **options)


def grey(n_rows=60):
    return np.random.default_rng(3).random((n_rows, 9))


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "gaussian", "truncated_exponential"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_steps": 3, "optimizer": "adam", "batch_size": 7},
        {"l1_decay": 0.01, "weight_decay": 0.1, "schedule": "linear"},
    ],
)
@pytest.mark.parametrize("kinds", [(CD, JointCD), (PCD, JointPCD)])
def test_one_layer_is_the_rbm_bit_for_bit(kinds, options, dtype, visible):
    X = {"bernoulli": bits(), "spin": 2 * bits() - 1}.get(visible, grey()).astype(dtype)
    options = {"n_passes": 4, "learning_rate": 0.01, **options}
    rbm, drbn = (
        kind(units, visible=visible, trainer=trainer(**options), random_state=23).fit(X)
        for kind, units, trainer in ((RBM, 5, kinds[0]), (DRBN, (5,), kinds[1]))
    )
    (layer,) = drbn.layers_
    assert np.array_equal(layer.components, rbm.components_)
    assert np.array_equal(layer.intercept_visible, rbm.intercept_visible_)
    assert np.array_equal(layer.intercept_hidden, rbm.intercept_hidden_)
    assert np.array_equal(drbn.history_["free_energy_gap"], rbm.history_["free_energy_gap"])
    assert np.array_equal(drbn.score_samples(X), rbm.score_samples(X))
    assert np.array_equal(drbn.transform(X), rbm.transform(X))
    assert drbn.n_parameters_ == rbm.n_parameters_
    if visible == "gaussian":
        assert np.array_equal(drbn.noise_variance_, rbm.noise_variance_)


def test_grey_rows_weights_and_sparse_rows_too():
    X, weights = grey(), np.linspace(0.1, 3, 60)
    for kinds in ((CD, JointCD), (PCD, JointPCD)):
        rbm = RBM(5, trainer=kinds[0](**QUICK), random_state=23).fit(X, sample_weight=weights)
        drbn = made((5,), trainer=kinds[1](**QUICK)).fit(X, sample_weight=weights)
        assert np.array_equal(drbn.components_, rbm.components_)
    for sizes in ((5,), (5, 4)):
        dense, sparse = made(sizes).fit(bits()), made(sizes).fit(csr_array(bits()))
        assert np.array_equal(dense.params_.parameters, sparse.params_.parameters)
        assert np.array_equal(dense.transform(bits()), dense.transform(csr_array(bits())))


def transition(params):
    """p(x' | x) of all pairs of states, from the definition: a sum over all states in between."""
    below = np.array(list(product([0.0, 1.0], repeat=params.n_visible)))[:, ::-1]
    whole = np.eye(len(below))
    listed = [below]
    for layer in params.layers:
        above = np.array(list(product([0.0, 1.0], repeat=layer.n_hidden)))[:, ::-1]
        mean = layer.hidden_mean(listed[-1])
        whole = whole @ np.array(
            [[np.prod(np.where(h == 1, m, 1 - m)) for h in above] for m in mean]
        )
        listed.append(above)
    for layer, here, above in zip(
        reversed(params.layers), reversed(listed[:-1]), reversed(listed[1:])
    ):
        mean = layer.visible_mean(above)
        whole = whole @ np.array(
            [[np.prod(np.where(v == 1, m, 1 - m)) for v in here] for m in mean]
        )
    return below, whole


def random_stack(n_visible, sizes, scale=1.0, **kinds):
    params = StackParams.blank(n_visible, sizes, **kinds)
    rng = np.random.default_rng(len(params.parameters))
    params.parameters[...] = rng.normal(scale=scale, size=len(params.parameters))
    return params


@pytest.mark.parametrize(
    ("n_visible", "sizes"),
    [
        (4, (3,)),
        (4, (3, 2)),
        (3, (4, 2)),
        (2, (4, 3, 4)),
        (4, (2, 5)),
        (3, (4, 5)),
        (4, (((2, 2, 1, 1, 1), 1), 3)),
    ],
)
def test_distribution_is_what_the_chain_leaves_as_it_is(n_visible, sizes):
    params = random_stack(n_visible, sizes)
    states, whole = transition(params)
    share = np.exp(stationary.log_density(params)(states))
    assert share.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(share @ whole, share, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.exp(stationary.log_stationary(params)).sum(), 1, atol=1e-12)


@pytest.mark.parametrize("kinds", [{}, {"hidden": "spin"}, {"visible": "spin", "hidden": "spin"}])
def test_distribution_of_one_layer_is_the_rbms(kinds):
    params = random_stack(6, (4,), **kinds)
    rbm = RBM.from_parameters(*params.layers[0].arrays(), **kinds)
    states = np.array(list(product([0.0, 1.0], repeat=6)))
    states = 2 * states - 1 if kinds.get("visible") else states
    np.testing.assert_allclose(
        stationary.log_density(params)(states), rbm.score_samples(states), atol=1e-9
    )  # of a probability of 1e-6 and above, solved for to 1e-14


def test_chains_go_to_the_exact_distribution(seed):
    params = random_stack(3, (4, 3), scale=0.7)
    n = 40_000
    stream = Stream.from_random_state(seed)
    rows, _ = params.gibbs(params.starts(n, stream.child("start")), stream, 60)
    states = np.array(list(product([0.0, 1.0], repeat=3)))
    counts = (rows[:, None] == states).all(axis=2).sum(axis=0)
    p = np.exp(stationary.log_density(params)(states))
    assert np.all(np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)))


def test_training_raises_the_exact_likelihood():
    X = bits(300, 6)
    for sizes in ((5, 4), (6, 5, 4)):
        for trainer in (JointCD(n_steps=5), JointPCD(n_steps=2)):
            start = made(sizes, trainer=clone(trainer).set_params(n_passes=1, learning_rate=1e-9))
            model = made(sizes, trainer=clone(trainer).set_params(n_passes=600))
            before, after = start.fit(X).score(X), model.fit(X).score(X)
            assert after > before + 0.3
            assert log_likelihood(model, X).value == pytest.approx(after, rel=1e-12)


def test_layers_over_patches_learn_and_are_seen_to():
    X = bits(80, 36)
    layers = (Convolution(4, 3, stride=1), Convolution(3, 2, stride=2), 5)
    model = made(layers, trainer=JointPCD(n_passes=200, n_chains=20)).fit(X)
    assert [layer.components.shape for layer in model.layers_] == [(4, 9), (3, 16), (5, 12)]
    assert model.transform(X).shape == (80, 5)
    assert model.inverse_transform(model.transform(X)).shape == X.shape
    assert model.sample(7, n_steps=3).shape == (7, 36)
    wide = made((Convolution(2, 3),), image_shape=(4, 9)).fit(X)
    assert wide.transform(X).shape == (80, 2 * 7 * 2)
    color = made((Convolution(2, 3),), image_shape=(3, 4, 3)).fit(X)
    assert color.components_.shape == (2, 27)
    trainer = JointPCD(n_passes=200, batch_size=20, n_chains=20, learning_rate=0.1)
    learnt = made((Convolution(8, 4, stride=2), 10), trainer=trainer).fit(X)
    assert np.mean((learnt.reconstruct(X) - X) ** 2) < 0.75 * X.var(axis=0).mean()


def test_a_filter_finds_what_is_in_every_patch():
    rng = np.random.default_rng(2)
    images = np.zeros((400, 8, 8))
    for image in images:
        for _ in range(3):
            y, x = rng.integers(6, size=2)
            image[y : y + 3, x + 1] = 1  # upright bars
    trainer = JointCD(n_passes=150, learning_rate=0.2)
    model = DRBN((Convolution(3, 3),), trainer=trainer, random_state=5)
    filters = model.fit(images.reshape(400, 64)).components_.reshape(3, 3, 3)
    # The strongest filter is upright: its columns differ by more than its lines do.
    strongest = filters[np.argmax([np.ptp(each) for each in filters])]
    assert np.ptp(strongest.mean(axis=0)) > 4 * np.ptp(strongest.mean(axis=1))


def test_going_on_is_one_training():
    X = bits()
    for trainer in (JointCD, JointPCD):
        whole = made(trainer=trainer(n_passes=6)).fit(X)
        parts = made(trainer=trainer(n_passes=3), warm_start=True).fit(X).fit(X)
        steps = made(trainer=trainer(n_passes=3))
        for _ in range(6):
            steps.partial_fit(X)
        for other in (parts, steps):
            assert np.array_equal(whole.params_.parameters, other.params_.parameters)
        with pytest.raises(Incompatible, match="layer_sizes"):
            parts.set_params(layer_sizes=(6, 5)).fit(X)


def test_chains_start_where_they_are_told():
    X = bits(200)
    model = made((20, 10), trainer=JointPCD(n_passes=600, learning_rate=0.1)).fit(X)
    assert np.array_equal(model.sample(5, n_steps=9), model.sample(5, n_steps=9))
    near = model.sample(200, n_steps=1, start=X)
    assert np.mean(near != X) < np.mean(model.sample(200, n_steps=50) != X)
    means = model.sample(5, n_steps=3, means=True)
    assert np.all((means > 0) & (means < 1))
    # Means of many chains are the mean of their draws.
    many = model.sample(4000, n_steps=30, means=True).mean(axis=0)
    drawn = model.sample(4000, n_steps=31).mean(axis=0)
    assert np.abs(many - drawn).max() < 5 * 0.5 / np.sqrt(4000) * 1.5
    with pytest.raises(ValueError, match="asks for 5 chains, and start has 200 rows"):
        model.sample(5, start=X)
    found = parzen_log_likelihood(model.sample(300), X[:100], X_valid=X[100:])
    noise = np.random.default_rng(5).integers(2, size=(300, 9)).astype(float)
    assert found.value > parzen_log_likelihood(noise, X[:100], X_valid=X[100:]).value


def test_search_over_its_parameters():
    grid = {"layer_sizes": [(3,), (3, 2)], "trainer__learning_rate": [0.1, 0.01]}
    search = GridSearchCV(made(), grid, cv=2).fit(bits())
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (dict(layer_sizes=()), ValueError, "1 to 16"),
        (dict(layer_sizes=(3,) * 17), ValueError, "1 to 16"),
        (dict(layer_sizes=(3, 0)), ValueError, "1 to 16"),
        (dict(layer_sizes=(3, "4")), ValueError, "1 to 16"),
        (dict(layer_sizes=(3, Convolution(2, 2))), Incompatible, "below all others"),
        (dict(layer_sizes=(Convolution(2, 4),)), Incompatible, "smaller patches"),
        (dict(layer_sizes=(Convolution(2, 2),), image_shape=(2, 4)), Incompatible, "image_shape"),
        (dict(layer_sizes=(Convolution(2, 2),), image_shape=(9,)), Incompatible, "image_shape"),
        (dict(hidden="gaussian"), Incompatible, "hidden='bernoulli'"),
        (dict(trainer=CD()), Incompatible, r"JointCD\(\) or JointPCD\(\)"),
        (dict(trainer=JointCD), TypeError, r"JointCD\(\)"),
        (dict(trainer=JointCD(n_steps=0)), ValueError, "n_steps"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(options, error, sentence):
    model = made(**options)
    with pytest.raises(error, match=sentence):
        model.fit(bits())
    assert not hasattr(model, "params_")


def test_patches_ask_for_an_image():
    with pytest.raises(Incompatible, match="8 columns are no image"):
        made((Convolution(2, 2),)).fit(bits(20, 8))
    for wrong in (0, 1.5, "3"):
        with pytest.raises(ValueError, match="must be an int"):
            Convolution(wrong, 3)


def test_what_was_fitted_survives_and_says_what_is_missing():
    X = bits()
    model = made().fit(X)
    before = copy.deepcopy(model.params_.parameters)
    with pytest.raises(ValueError, match="learning_rate"):
        model.set_params(trainer=JointCD(learning_rate=-1.0)).fit(X)
    assert np.array_equal(model.params_.parameters, before)
    with pytest.raises(NotFittedError):
        made().sample(3)
    with pytest.raises(TooManyStates, match="parzen_log_likelihood"):
        made((13, 2)).fit(X).score(X)
    with pytest.raises(TooManyStates, match=r"2\*\*70 states"):  # beyond what numpy counts to
        made((3, 2)).fit(bits(20, 70)).score(bits(20, 70))
    with pytest.raises(Incompatible, match="cannot be listed"):
        made(visible="gaussian").fit(X).score(X)
    with pytest.raises(TypeError, match=r"p\(x \| h\)"):
        latent_marginal_bound(model, X)
    with pytest.raises(Incompatible, match="DRBN"):
        DBN([made(), RBM(2)]).fit(X)
    with pytest.raises(Incompatible, match="DRBN has several layers"):
        DeepClassifier([made()]).fit(X, np.arange(60) % 2)


def test_a_chain_that_hardly_moves_is_told():
    params = StackParams.blank(3, (3, 3))
    for layer in params.layers:  # each unit is a copy of the one below
        layer.components[...] = 80 * np.eye(3)
        layer.intercept_visible[...] = layer.intercept_hidden[...] = -40
    with pytest.raises(ValueError, match="hardly leaves some states"):
        stationary.log_density(params)


def test_deep_chains_learn_tea():
    tea = load_tea(random_state=7)
    trainer = JointPCD(n_passes=150, n_steps=2, learning_rate=0.05)
    model = DRBN((60, 40), trainer=trainer, random_state=7).fit(tea.train)
    means = tea.train.mean(axis=0)
    found = parzen_log_likelihood(
        model.sample(1000, n_steps=300, means=True), tea.test, X_valid=tea.valid
    )
    alone = parzen_log_likelihood(np.tile(means, (4, 1)), tea.test, X_valid=tea.valid)
    assert found.value > alone.value + 1
