"""The curves of ``history_``: likelihoods on one axis, objectives on another."""

import numpy as np

from layerwise.plots._matplotlib import pyplot
from layerwise.plots._pipelines import final
from layerwise.plots.comparison import COLORS

TRAINING, HELD_OUT, NEGATIVE = (
    "log_likelihood", "validation_log_likelihood", "negative_log_likelihood",
)  # fmt: skip
PANELS = ("log_likelihood", "objective")
BLUE, ORANGE, GREEN = COLORS[0], COLORS[5], COLORS[2]
# Colour and dashes of each curve: training rows are solid, held-out rows dashed, in both panels.
HELD = (0, (5, 2))
LOOKS = {
    "training rows": (BLUE, "-"),
    "training rows, before steps": (BLUE, "-"),
    "held-out rows": (ORANGE, HELD),
    "validation_free_energy_gap": (ORANGE, HELD),
}
NO_PROGRESS = "free_energy_gap"


class TrainingDisplay:
    """How training went: what ``history_`` tells of each pass, as curves.

    Log-likelihoods of training and of held-out rows share an axis, in nats per row; objectives,
    which are minimised, have another one below. Each training has a column: a layer, or the layers
    of a deep model and its ``fine_tuner``. Passes of which a number was not told are skipped, and
    those beside them joined by a line. It is recommended to use :meth:`from_estimator`. All
    parameters are stored as attributes.

    Parameters
    ----------
    histories : dict of str to dict of str to array-like of shape (n_passes,)
        From the label of a training to its ``history_``.
    name : str, default=None
        What stands before the labels in the titles.

    Attributes
    ----------
    curves : dict of str to dict of str to dict of str to tuple
        For each training, for ``"log_likelihood"`` and ``"objective"`` what is drawn on that axis:
        from the label of a curve to its passes, counted from 1, and its values, where told. Where
        a trainer tells its ``negative_log_likelihood`` alone, minus that is the curve of the
        training rows.
    best : dict of str to tuple of int and float
        Of each training that tells the log-likelihood of held-out rows, the pass where it was
        highest, and its value.
    ax_ : matplotlib Axes
        The place of all panels.
    axes_ : dict of tuple of str to matplotlib Axes
        The panel of each training, such as ``("layer1", "objective")``.
    figure_ : matplotlib Figure
        Figure containing the curves.

    See Also
    --------
    EarlyStopping : A callback that ends training once a number has not improved for some passes.
    FiltersDisplay : What the hidden units have learnt.

    Examples
    --------
    >>> from layerwise import DBN, PCD, RBM, LatentLayer
    >>> from layerwise.datasets import load_tea
    >>> from layerwise.plots import TrainingDisplay
    >>> tea = load_tea(random_state=7)
    >>> top = RBM(8, trainer=PCD(n_passes=60, early_stopping=True))
    >>> dbn = DBN([LatentLayer(8), ("top", top)], random_state=7).fit(tea.train)
    >>> display = TrainingDisplay.from_estimator(dbn, plot=False)
    >>> list(display.curves)
    ['layer1', 'top']
    >>> list(display.curves["top"]["log_likelihood"])
    ['training rows', 'held-out rows']
    >>> passes, values = display.curves["top"]["log_likelihood"]["held-out rows"]
    >>> bool(display.best["top"][1] == values.max())
    True
    """

    def __init__(self, histories, *, name=None):
        self.histories = histories
        self.name = name
        self.curves = {label: _curves(label, told) for label, told in histories.items()}
        self.best = {
            label: _highest(*panels["log_likelihood"]["held-out rows"])
            for label, panels in self.curves.items()
            if "held-out rows" in panels["log_likelihood"]
        }

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, plot=True):
        """Take the ``history_`` of a fitted estimator, and draw it.

        Parameters
        ----------
        estimator : estimator
            Fitted RBM, AutoEncoder, LatentLayer, DBN, or Pipeline that ends in one.
        name : str, default=None
            What stands before the labels in the titles.
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure.
        plot : bool, default=True
            False only takes the numbers, which needs no matplotlib.

        Returns
        -------
        TrainingDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``history_``.
        ValueError
            If it tells of no pass.
        """
        estimator = final(estimator)
        kind, history = type(estimator).__name__, getattr(estimator, "history_", None)
        if not isinstance(history, dict):
            raise TypeError(
                "TrainingDisplay takes a fitted estimator with a history_, and got "
                f"{estimator!r}. Has fit been called?"
            )
        deep = any(isinstance(told, dict) for told in history.values())
        display = cls(history if deep else {kind: history}, name=name)
        return display.plot(ax=ax) if plot else display

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place the panels are drawn. None is for a new figure.

        Returns
        -------
        TrainingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no training to draw.
        ImportError
            If matplotlib is not installed.
        """
        if not self.histories:
            raise ValueError("histories is empty: there is no training to draw.")
        plt = pyplot("TrainingDisplay.plot")
        panels = [panel for panel in PANELS if any(each[panel] for each in self.curves.values())]
        n_columns = len(self.curves)
        if ax is None:
            size = (1.2 + 4.4 * n_columns, 1.1 + 2.7 * len(panels))
            _, ax = plt.subplots(figsize=size, layout="constrained")
        grid = _grid(ax, len(panels), n_columns)
        figure, self.axes_ = ax.figure, {}
        ax.set_axis_off()
        for column, (label, curves) in enumerate(self.curves.items()):
            rows = [row for row, panel in enumerate(panels) if curves[panel]]
            for row in rows:
                # A training with one panel has it in all of its column.
                place = grid[row, column] if len(rows) > 1 else grid[:, column]
                part = figure.add_subplot(place)
                self.axes_[label, panels[row]] = part
                title = (
                    (f"{self.name}: {label}" if self.name else label) if row == rows[0] else None
                )
                self._draw(part, label, panels[row], title)
                if row == rows[-1]:
                    part.set_xlabel("pass")
                else:
                    part.tick_params(labelbottom=False)
        self.ax_, self.figure_ = ax, figure
        return self

    def _draw(self, ax, label, panel, title):
        curves = self.curves[label][panel]
        for name, (passes, values) in curves.items():
            color, dashes = LOOKS.get(name, (GREEN, "-"))
            marker = "." if len(passes) < 3 else None
            ax.plot(
                passes, values, color=color, linestyle=dashes, linewidth=1.6, marker=marker,
                label=name.replace("_", " "),
            )  # fmt: skip
        if panel == "log_likelihood":
            ax.set_ylabel("log-likelihood\n(nats per row)")
            if label in self.best:
                index, value = self.best[label]
                text = f"best: {value:.2f}, pass {index}".replace("-", "\N{MINUS SIGN}")
                ax.plot(
                    index, value, marker="D", markersize=6, color=ORANGE, linestyle="none",
                    markeredgecolor="black", zorder=4, label=text,
                )  # fmt: skip
        else:
            ax.set_ylabel("objective\n(nats per row)")
            if NO_PROGRESS in curves:
                ax.set_ylabel("objective, no measure\nof progress (nats per row)")
        # The legend stands above the panel, and has its title: nothing hides a curve.
        ax.legend(
            title=title, alignment="left", title_fontsize="medium", fontsize="small",
            loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2, ncols=2,
            frameon=False, handlelength=1.8, columnspacing=1.2,
        )  # fmt: skip
        n_passes = max(len(values) for values in self.histories[label].values())
        margin = 0.02 * n_passes + 0.5
        ax.set_xlim(1 - margin, n_passes + margin)
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        ax.grid(axis="y", color="0.92", linewidth=0.8)
        ax.set_axisbelow(True)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)


def _grid(ax, n_rows, n_columns):
    """Return a grid in the place of some axes."""
    place = ax.get_subplotspec()
    if place is not None:
        return place.subgridspec(n_rows, n_columns)
    from matplotlib.gridspec import GridSpec

    box = ax.get_position()
    return GridSpec(
        n_rows, n_columns, figure=ax.figure, left=box.x0, right=box.x1, bottom=box.y0, top=box.y1,
    )  # fmt: skip


def _curves(label, history):
    """Return what is drawn of one history, as ``TrainingDisplay.curves`` has it."""
    told = {}
    for name, values in history.items():
        values = np.asarray(values, dtype=float)
        if values.ndim != 1:
            raise ValueError(
                f"{name} of '{label}' must have one number for each pass, and has the shape "
                f"{values.shape}."
            )
        seen = np.isfinite(values)
        if seen.any():
            told[name] = np.flatnonzero(seen) + 1, values[seen]
    if not told:
        raise ValueError(
            f"'{label}' tells of no pass: its history_ is empty, as it is of a model that was "
            "made by hand. Pass one that was trained."
        )
    likelihoods = {}
    if TRAINING in told:
        likelihoods["training rows"] = told.pop(TRAINING)
    elif NEGATIVE in told:
        passes, values = told.pop(NEGATIVE)
        likelihoods["training rows, before steps"] = passes, -values
    if HELD_OUT in told:
        likelihoods["held-out rows"] = told.pop(HELD_OUT)
    return {"log_likelihood": likelihoods, "objective": told}


def _highest(passes, values):
    place = int(np.argmax(values))
    return int(passes[place]), float(values[place])
