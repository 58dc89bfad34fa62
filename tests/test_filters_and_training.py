"""Pictures of weights and of training show the numbers of the model, and of its history."""

import sys
from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer

from layerwise import (
    CD,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    ExactGradient,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
)
from layerwise.plots import FiltersDisplay, TrainingDisplay

matplotlib = pytest.importorskip("matplotlib")
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(autouse=True)
def plt():
    """Pyplot without a screen, and no figure left open."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.fixture
def X(rng):
    return (rng.random((40, 12)) < 0.4).astype(float)


@pytest.fixture
def weights(rng):
    return rng.normal(size=(5, 12))


def by_hand(weights, biases=None, **units):
    biases = np.zeros(len(weights)) if biases is None else biases
    return RBM.from_parameters(weights, np.full(weights.shape[1], 0.3), biases, **units)


def shown(display):
    """Return the images that were drawn, by reading the picture inside the frames."""
    picture = display.ax_.images[0].get_array().filled(np.nan)
    height, width = display.image_shape
    corners = [np.round(frame[0] + 0.5).astype(int) for frame in frames(display)[0].get_segments()]
    return np.array([picture[y : y + height, x : x + width] for x, y in corners])


def frames(display):
    """Return the frames of the images, and the crosses of dead units."""
    return display.ax_.collections[:2]


def curve(display, label, panel):
    """Return the drawn lines of a panel by their label: passes and values."""
    lines = display.axes_[label, panel].lines
    return {line.get_label(): np.array(line.get_data()) for line in lines}


MAKE = [
    lambda: FiltersDisplay(np.eye(6), image_shape=(2, 3)),
    lambda: TrainingDisplay({"a": {"log_likelihood": [-3.0, -2.0], "objective": [5.0, 4.0]}}),
]


@pytest.mark.parametrize("make", MAKE)
def test_displays_return_themselves_and_draw_where_they_are_told(make, plt):
    display = make()
    assert display.plot() is display
    assert display.ax_.figure is display.figure_
    figure, (left, right) = plt.subplots(1, 2)
    assert display.plot(ax=right).ax_ is right
    assert display.figure_ is figure
    assert not left.has_data()
    free = figure.add_axes([0.1, 0.1, 0.5, 0.5])  # one that is in no grid
    assert display.plot(ax=free).ax_ is free


@pytest.mark.parametrize("make", MAKE)
def test_without_matplotlib_a_sentence_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="draws with matplotlib, which is not installed"):
        make().plot()


def test_numbers_need_no_matplotlib(monkeypatch, weights, X):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    layer = AutoEncoder(3, trainer=Backprop(n_passes=2), random_state=5).fit(X)
    filters = FiltersDisplay.from_estimator(layer, image_shape=(3, 4), plot=False).filters
    np.testing.assert_array_equal(filters, layer.components_)
    curves = TrainingDisplay.from_estimator(layer, plot=False).curves
    assert list(curves) == ["AutoEncoder"]


def test_all_filters_are_drawn_on_one_symmetric_scale(weights):
    weights[3, 7] = -9.5
    display = FiltersDisplay.from_estimator(by_hand(weights), image_shape=(3, 4))
    np.testing.assert_array_equal(shown(display), weights.reshape(5, 3, 4))
    assert display.limit_ == 9.5
    assert display.ax_.images[0].get_clim() == (-9.5, 9.5)
    display.plot(limit=2.0, n_columns=1)
    assert display.ax_.images[0].get_clim() == (-2.0, 2.0)
    np.testing.assert_array_equal(shown(display), weights.reshape(5, 3, 4))


@pytest.mark.parametrize("kind", ["norm", "bias", "activity", "index"])
def test_units_are_ordered_by_what_is_asked_and_carry_their_numbers(kind, weights, X, rng):
    biases = rng.normal(size=5)
    rbm = by_hand(weights, biases)
    activity = expit(X @ weights.T + biases).mean(axis=0)
    by = {
        "norm": np.linalg.norm(weights, axis=1), "bias": biases, "activity": activity,
        "index": -np.arange(5),
    }[kind]  # fmt: skip
    expected = np.argsort(-by)[:3]
    display = FiltersDisplay.from_estimator(
        rbm, X, order=kind, n_filters=3, image_shape=(4, 3), caption="activity"
    )
    np.testing.assert_array_equal(display.units, expected)
    np.testing.assert_array_equal(display.filters, weights[expected])
    np.testing.assert_array_equal(display.biases, biases[expected])
    np.testing.assert_allclose(display.activities, activity[expected], rtol=1e-12)
    written = [text.get_text() for text in display.ax_.texts]
    assert written == [f"{value:.2f}" for value in activity[expected]]
    assert display.ax_.get_title().startswith("RBM: 3 of 5 units")
    written = [text.get_text() for text in display.plot(caption="bias").ax_.texts]
    assert [float(text.replace(MINUS, "-")) for text in written] == list(
        np.round(biases[expected], 2)
    )
    written = [text.get_text() for text in display.plot(caption="unit").ax_.texts]
    assert written == [str(unit) for unit in expected]


def test_dead_units_are_crossed_out(weights, X):
    """Those without weights, and on rows those that say the same of each."""
    weights[1] = 1e-4
    biases = np.array([0.0, 0.0, 0.0, 60.0, -60.0])
    rbm = by_hand(weights, biases)
    display = FiltersDisplay.from_estimator(rbm, image_shape=(3, 4))
    assert display.dead.tolist() == [False, True, False, False, False]
    assert len(frames(display)[1].get_segments()) == 2
    assert "1 dead" in display.ax_.get_title()
    display = FiltersDisplay.from_estimator(rbm, X, image_shape=(3, 4), order="bias")
    assert display.units[display.dead].tolist() == [3, 1, 4]
    assert len(frames(display)[1].get_segments()) == 6
    plain = FiltersDisplay(weights, image_shape=(3, 4)).plot()
    assert len(frames(plain)[1].get_segments()) == 2
    nothing = FiltersDisplay(np.zeros((2, 4)), image_shape=(2, 2)).plot()
    assert len(frames(nothing)[1].get_segments()) == 4
    assert nothing.limit_ == 1.0


def test_a_unit_of_few_rows_is_not_dead(weights):
    rows = np.zeros((2000, 12))
    rows[0] = 1
    weights[0], biases = 20.0, np.full(5, -100.0)
    display = FiltersDisplay.from_estimator(
        by_hand(weights, biases), rows, image_shape=(3, 4), plot=False
    )
    assert display.dead.tolist() == [False, True, True, True, True]


@pytest.mark.parametrize("units", ["bernoulli", "spin"])
def test_images_of_an_upper_layer_are_what_its_units_change_in_the_data(units, weights, X, rng):
    """Held to means passed down one unit at a time, in plain sums."""
    upper, biases = rng.normal(size=(4, 5)), rng.normal(size=(3, 5))
    bottom = by_hand(weights, biases[0], hidden=units)
    top = RBM.from_parameters(upper, biases[1], biases[2, :4], visible=units, hidden=units)
    dbn = DBN.from_parameters([bottom, top])
    mean, low = (expit, 0) if units == "bernoulli" else (np.tanh, -1)
    middle = mean(X @ weights.T + biases[0])
    activity = mean(middle @ upper.T + biases[2, :4]).mean(axis=0)
    expected = []
    for unit in range(4):
        ends = []
        for state in (1, low):
            hidden = activity.copy()
            hidden[unit] = state
            ends.append(expit(mean(hidden @ upper + biases[1]) @ weights + 0.3))
        expected.append(ends[0] - ends[1])
    display = FiltersDisplay.from_estimator(dbn, X, layer=1, image_shape=(3, 4))
    np.testing.assert_allclose(display.filters, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(display.activities, activity, rtol=1e-9)
    assert display.label == "change of the data's mean"
    last = FiltersDisplay.from_estimator(dbn, X, layer=-1, image_shape=(3, 4), plot=False)
    np.testing.assert_array_equal(last.filters, display.filters)
    below = FiltersDisplay.from_estimator(dbn, X, image_shape=(3, 4), plot=False)
    np.testing.assert_array_equal(below.filters, weights)
    np.testing.assert_allclose(below.activities, middle.mean(axis=0), rtol=1e-9)


def test_estimators_of_all_sorts_have_filters(X):
    shape = {"image_shape": (3, 4), "plot": False}
    for model in (
        RBM(3, trainer=CD(n_passes=2)),
        BernoulliRBM(3, n_iter=2),
        LatentLayer(3, trainer=MarginalAscent(n_passes=2)),
        PCA(3),
    ):
        model.fit(X)
        display = FiltersDisplay.from_estimator(model, X, **shape)
        np.testing.assert_array_equal(display.filters, model.components_)
        np.testing.assert_allclose(display.activities, model.transform(X).mean(axis=0))
        assert display.label == ("weight" if isinstance(model, PCA) else "weight (nats)")
        assert (display.biases is None) == (not hasattr(model, "intercept_hidden_"))
    pipeline = make_pipeline(Binarizer(threshold=0.5), RBM(3, trainer=CD(n_passes=2)))
    pipeline.fit(2 * X)
    display = FiltersDisplay.from_estimator(pipeline, 2 * X, **shape)
    np.testing.assert_allclose(display.activities, pipeline[-1].transform(X).mean(axis=0))
    assert FiltersDisplay.from_estimator(pipeline, **shape).activities is None
    sparse = FiltersDisplay.from_estimator(pipeline, csr_array(2 * X), **shape)
    np.testing.assert_array_equal(sparse.activities, display.activities)


def test_filters_that_cannot_be_drawn_are_told_in_sentences(weights, X):
    rbm = by_hand(weights)
    dbn = DBN.from_parameters([rbm, by_hand(weights[:, :5])])
    shape = {"image_shape": (3, 4)}
    for model, options, words in (
        (rbm, {}, r"12 features are no square image. Pass image_shape=\(height, width\)"),
        (rbm, {"image_shape": (3, 3)}, r"do not fill image_shape=\(3, 3\)"),
        (rbm, shape | {"order": "size"}, "order='size' is unknown; choose one of index, norm"),
        (rbm, shape | {"order": "activity"}, "asks for mean activities on rows of data. Pass X"),
        (rbm, shape | {"caption": "activity"}, "asks for mean activities on rows of data"),
        (rbm, shape | {"caption": "size"}, "caption='size' is unknown"),
        (rbm, shape | {"n_filters": 0}, "n_filters must be an int of at least 1, and is 0"),
        (rbm, shape | {"layer": 1}, "layer=1 asks for a DBN, and RBM is a single layer"),
        (dbn, shape | {"layer": 1}, "its units are drawn by what they change .* Pass X"),
        (dbn, shape | {"layer": 2}, "layer=2 is none of the 2 of this DBN"),
    ):
        with pytest.raises(ValueError, match=words):
            FiltersDisplay.from_estimator(model, **options)
    layer = AutoEncoder(3, trainer=Backprop(n_passes=2)).fit(X)
    with pytest.raises(ValueError, match="asks for hidden biases, and this layer has none"):
        FiltersDisplay.from_estimator(layer, order="bias", **shape)
    with pytest.raises(TypeError, match="takes a fitted estimator with components_"):
        FiltersDisplay.from_estimator(RBM())
    weights[0, 0] = np.nan
    with pytest.raises(ValueError, match="values that are not finite"):
        FiltersDisplay(weights, **shape).plot()
    with pytest.raises(
        ValueError, match=r"image_shape must be a pair \(height, width\), and is 4"
    ):
        FiltersDisplay(np.eye(4), image_shape=4).plot()
    with pytest.raises(ValueError, match="biases must have one value for each of the 4 filters"):
        FiltersDisplay(np.eye(4), image_shape=(2, 2), biases=[1, 2]).plot()
    with pytest.raises(ValueError, match="limit must be a positive number"):
        FiltersDisplay(np.eye(4), image_shape=(2, 2)).plot(limit=0)


def test_curves_are_those_of_the_history_and_passes_not_told_are_joined():
    history = {
        "log_likelihood": [np.nan, -9.0, np.nan, -7.0],
        "free_energy_gap": [4.0, 3.0, 2.0, 1.5],
        "validation_log_likelihood": [-9.5, -8.0, -8.5, np.nan],
    }
    display = TrainingDisplay({"rbm": history}, name="Tea").plot()
    likelihoods = curve(display, "rbm", "log_likelihood")
    np.testing.assert_array_equal(likelihoods["training rows"], [[2, 4], [-9, -7]])
    np.testing.assert_array_equal(likelihoods["held-out rows"], [[1, 2, 3], [-9.5, -8, -8.5]])
    assert display.best == {"rbm": (2, -8.0)}
    np.testing.assert_array_equal(likelihoods[f"best: {MINUS}8.00, pass 2"], [[2], [-8]])
    objectives = curve(display, "rbm", "objective")
    assert list(objectives) == ["free energy gap"]
    np.testing.assert_array_equal(objectives["free energy gap"], [[1, 2, 3, 4], [4, 3, 2, 1.5]])
    panels = display.axes_["rbm", "log_likelihood"], display.axes_["rbm", "objective"]
    assert panels[0].get_xlim() == panels[1].get_xlim()
    assert "no measure" in panels[1].get_ylabel()
    assert panels[0].get_legend().get_title().get_text() == "Tea: rbm"


def test_a_negative_log_likelihood_that_is_told_alone_shares_the_axis_of_held_out_rows(X):
    layer = LatentLayer(3, trainer=MarginalAscent(n_passes=6), random_state=5).fit(X)
    display = TrainingDisplay.from_estimator(layer)
    assert list(display.axes_) == [("LatentLayer", "log_likelihood")]
    drawn = curve(display, "LatentLayer", "log_likelihood")
    np.testing.assert_array_equal(
        drawn["training rows, before steps"][1], -layer.history_["negative_log_likelihood"]
    )
    held = layer.history_["validation_log_likelihood"]
    np.testing.assert_array_equal(drawn["held-out rows"][1], held[np.isfinite(held)])
    exact = RBM(3, trainer=ExactGradient(n_passes=6), random_state=5).fit(X)
    display = TrainingDisplay.from_estimator(exact)
    assert list(curve(display, "RBM", "log_likelihood")) == ["training rows"]
    objective = curve(display, "RBM", "objective")["negative log likelihood"]
    np.testing.assert_array_equal(objective[1], exact.history_["negative_log_likelihood"])


def test_each_layer_and_the_fine_tuner_have_a_column(X):
    layers = [
        ("low", AutoEncoder(4, trainer=Backprop(n_passes=3))),
        ("top", RBM(3, trainer=PCD(n_passes=5, early_stopping=True))),
    ]
    tuner = LikelihoodAscent(n_passes=4, learning_rate=0.01)
    dbn = DBN(layers, fine_tuner=tuner, random_state=5).fit(X)
    display = TrainingDisplay.from_estimator(make_pipeline(dbn))
    assert set(display.axes_) == {
        ("low", "objective"),
        ("top", "log_likelihood"),
        ("top", "objective"),
        ("fine_tuner", "log_likelihood"),
    }
    assert list(display.best) == ["top"]
    told = dbn.history_["top"]["validation_log_likelihood"]
    assert display.best["top"] == (np.argmax(told) + 1, told.max())
    error = curve(display, "low", "objective")["reconstruction error"]
    np.testing.assert_array_equal(error[1], dbn.history_["low"]["reconstruction_error"])


@pytest.mark.parametrize("n_columns", [1, 2, 4])
def test_panels_do_not_overlap(n_columns):
    history = {
        "log_likelihood": [-9.0, -7.0], "free_energy_gap": [4.0, 3.0],
        "validation_log_likelihood": [-9.0, -8.0],
    }  # fmt: skip
    labels = [f"layer{number}" for number in range(n_columns)]
    display = TrainingDisplay(dict.fromkeys(labels, history), name="Cmnist").plot()
    display.figure_.canvas.draw()
    renderer = display.figure_.canvas.get_renderer()
    boxes = [part.get_tightbbox(renderer) for part in display.axes_.values()]
    assert len(boxes) == 2 * n_columns
    for i, j in product(range(len(boxes)), repeat=2):
        assert i == j or not boxes[i].overlaps(boxes[j])


def test_one_pass_is_seen_as_a_point():
    ax = TrainingDisplay({"rbm": {"log_likelihood": [-5.0]}}).plot().axes_["rbm", "log_likelihood"]
    assert ax.lines[0].get_marker() == "."
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]


def test_trainings_that_cannot_be_drawn_are_told_in_sentences(weights):
    with pytest.raises(TypeError, match="takes a fitted estimator with a history_, and got RBM"):
        TrainingDisplay.from_estimator(RBM())
    with pytest.raises(ValueError, match="'RBM' tells of no pass: its history_ is empty"):
        TrainingDisplay.from_estimator(by_hand(weights))
    with pytest.raises(ValueError, match="'a' must have one number for each pass"):
        TrainingDisplay({"a": {"log_likelihood": -3.0}})
    with pytest.raises(ValueError, match="histories is empty"):
        TrainingDisplay({}).plot()
