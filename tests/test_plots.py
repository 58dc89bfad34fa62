"""Displays follow scikit-learn's conventions and draw what they were given."""

import sys

import numpy as np
import pytest

from layerwise import DBN, RBM, AutoEncoder, LatentLayer, MarginalAscent
from layerwise.datasets import load_tea
from layerwise.plots import ComparisonDisplay, LatentMarginalDisplay, SamplesDisplay

matplotlib = pytest.importorskip("matplotlib")
CHAIN = {"criterion": -9.0, "bound": -8.0, "likelihood": -8.5, "best": -7.0}
BASELINES = {"uniform": [-69.3, -69.4, -69.5], "perfect": [-5.5, -5.6, -5.7]}


@pytest.fixture(autouse=True)
def plt():
    """Pyplot without a screen, and no figure left open."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def record(family, valid, test):
    train = None if valid is None else valid + 1
    return {"family": family, "train_ll": train, "valid_ll": valid, "test_ll": test}


def points(ax):
    """Return the drawn points of the candidates and of the marked ones, as (x, y) rows."""
    drawn = [c for c in ax.collections if len(c.get_offsets())]
    marked = [c for c in drawn if c.get_sizes()[0] > 50]
    return (
        np.concatenate([c.get_offsets() for c in drawn if c not in marked]),
        np.concatenate([c.get_offsets() for c in marked]),
    )


class Sampler:
    """Something that samples: what `from_estimator` asks of an estimator."""

    def __init__(self, n_features):
        self.n_features = n_features

    def sample(self, n_samples, random_state=None):
        return np.random.RandomState(random_state).randint(0, 2, (n_samples, self.n_features))


@pytest.mark.parametrize("make", [
    lambda: SamplesDisplay({"data": load_tea().train[:5]}, image_shape=(10, 10)),
    lambda: ComparisonDisplay([record("rbm", -20.0, -21.0)], baselines=BASELINES),
    lambda: LatentMarginalDisplay({"a": dict(CHAIN), "b": {**CHAIN, "best": -3.0}}, name="Tea"),
    lambda: LatentMarginalDisplay({}),
])  # fmt: skip
def test_displays_return_themselves_and_draw_where_they_are_told(make, plt):
    display = make()
    assert display.plot() is display
    assert display.ax_.figure is display.figure_
    _, ax = plt.subplots()
    assert display.plot(ax=ax).ax_ is ax
    assert display.figure_ is ax.figure


def test_the_marked_candidate_is_the_best_on_validation_not_on_test():
    records = [
        record("rbm", -20.0, -30.0),
        record("rbm", -25.0, -22.0),
        record("aeri", -9.0, -8.0),
    ]
    display = ComparisonDisplay(records, baselines=BASELINES).plot()
    candidates, marked = points(display.ax_)
    assert sorted(candidates[:, 1]) == [-30.0, -22.0, -8.0]
    np.testing.assert_array_equal(marked[:, 1], [-30.0, -8.0])
    np.testing.assert_array_equal(np.round(marked[:, 0]), [0, 1])  # each in its own column
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["rbm", "aeri"]
    assert {"\N{MINUS SIGN}30.00", "\N{MINUS SIGN}8.00"} <= {
        text.get_text() for text in display.ax_.texts
    }


@pytest.mark.parametrize(("part", "place"), [("training", 0), ("validation", 1), ("test", 2)])
def test_each_part_is_drawn_with_its_own_baselines(part, place):
    display = ComparisonDisplay([record("rbm", -20.0, -21.0)], baselines=BASELINES).plot(part=part)
    assert points(display.ax_)[0][0, 1] == [-19.0, -20.0, -21.0][place]
    lines = {line.get_ydata()[0] for line in display.ax_.lines}
    assert lines == {values[place] for values in BASELINES.values()}
    assert display.ax_.get_ylabel() == f"{part} log-likelihood (nats per row)"


def test_candidates_far_below_do_not_stretch_the_axis_and_are_still_seen():
    records = [record("rbm", -20.0, -21.0), record("rbm", -4000.0, -5000.0)]
    display = ComparisonDisplay(records, baselines=BASELINES).plot()
    low, high = display.ax_.get_ylim()
    assert -80 < low < -69.5
    assert high > -5.7
    assert low in points(display.ax_)[0][:, 1]
    assert "below the axis" in [t.get_text() for t in display.ax_.get_legend().get_texts()]


def test_a_family_that_never_trained_keeps_its_column():
    records = [record("rbm", None, None), record("aeri", -9.0, -8.0)]
    display = ComparisonDisplay(records).plot()
    assert "none trained" in {text.get_text() for text in display.ax_.texts}
    np.testing.assert_array_equal(np.round(points(display.ax_)[1]), [[1, -8]])


def test_only_failures_and_nothing_at_all_can_be_drawn():
    ComparisonDisplay([record("rbm", None, None)]).plot()
    ComparisonDisplay([]).plot()


def test_an_unknown_part_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="part='tests' is unknown; choose one of training"):
        ComparisonDisplay([]).plot(part="tests")


def test_panels_hold_their_images_and_labels():
    images = load_tea().train[:5]
    display = SamplesDisplay({"data": images, "ones": np.ones((3, 100))}, image_shape=(10, 10))
    display.plot(n_columns=2)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["data", "ones"]
    picture = np.asarray(display.ax_.images[0].get_array().filled(np.nan))
    np.testing.assert_array_equal(picture[1:11, 1:11], images[0].reshape(10, 10))
    np.testing.assert_array_equal(picture[1:11, 12:22], images[1].reshape(10, 10))
    assert np.sum(picture == 1) == images.sum() + 300


def test_from_estimator_draws_what_the_estimator_samples():
    display = SamplesDisplay.from_estimator(
        Sampler(12), n_samples=4, image_shape=(3, 4), random_state=17, label="mine"
    )
    expected = Sampler(12).sample(4, random_state=17)
    np.testing.assert_array_equal(display.samples["mine"], expected)
    assert display.ax_.get_yticklabels()[0].get_text() == "mine"


def test_square_images_need_no_shape_and_others_are_refused_in_a_sentence():
    assert SamplesDisplay.from_estimator(Sampler(9), random_state=17).image_shape == (3, 3)
    with pytest.raises(ValueError, match=r"do not fill image_shape=\(3, 3\)"):
        SamplesDisplay.from_estimator(Sampler(12), random_state=17)


@pytest.mark.parametrize("display", [
    SamplesDisplay({"data": np.ones((2, 4))}, image_shape=(2, 2)), ComparisonDisplay([])
])  # fmt: skip
def test_without_matplotlib_a_sentence_says_what_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="draws with matplotlib, which is not installed"):
        display.plot()


def test_the_chain_of_inequalities_is_measured_and_drawn():
    tea = load_tea(random_state=7).train
    models = {
        "deep": DBN([AutoEncoder(5), RBM(4)], random_state=7).fit(tea),
        "stacked": DBN([RBM(5, hidden="spin"), RBM(4, visible="spin")], random_state=7).fit(tea),
        "exact": DBN([LatentLayer(5, trainer=MarginalAscent(n_passes=20)), RBM(4)]).fit(tea),
        "alone": AutoEncoder(5, random_state=7).fit(tea),
    }
    display = LatentMarginalDisplay.from_estimators(models, tea, name="Tea")
    for label, chain in display.chains.items():
        assert chain["criterion"] <= chain["bound"] <= chain["best"] + 1e-3
        assert chain["likelihood"] <= chain["best"] + 1e-3
        assert ("theorem" in chain) == (label != "alone")
        if label != "alone":
            assert chain["theorem"] <= chain["likelihood"] + 1e-3
    drawn = {
        (float(x), float(np.round(y)))
        for marks in display.ax_.collections
        for x, y in marks.get_offsets()
    }
    asked = {
        (value, float(row))
        for row, chain in enumerate(display.chains.values())
        for value in chain.values()
    }
    assert drawn == asked
    lines = display.table().splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(models)
    assert f"{display.chains['deep']['best']:.2f}" in lines[1]
