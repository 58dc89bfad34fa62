"""Log-likelihoods of all candidates of families of models, between what simple models reach."""

import math

import numpy as np

from layerwise.plots._matplotlib import pyplot

PARTS = {"train_ll": "training", "valid_ll": "validation", "test_ll": "test"}
# Okabe and Ito's colours, which the colour-blind tell apart.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


class ComparisonDisplay:
    """Families of models side by side: a point for each candidate.

    The candidate of each family with the best validation log-likelihood is marked and its value
    written beside it. All parameters are stored as attributes.

    Parameters
    ----------
    records : list of dict
        One for each candidate, with ``family`` and the log-likelihoods ``train_ll``, ``valid_ll``
        and ``test_ll`` in nats per row (None where training diverged): the lines of the
        ``results.jsonl`` of ``layerwise compare``. Families stand in the order of their first
        record.
    baselines : dict, default=None
        From a label to the log-likelihoods on training, validation and test rows of a model that
        needs no search. Each is drawn as a line across.
    name : str, default=None
        What the data are called in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the comparison.
    figure_ : matplotlib Figure
        Figure containing the comparison.

    See Also
    --------
    SamplesDisplay : Images sampled from models.

    Examples
    --------
    >>> from layerwise.plots import ComparisonDisplay
    >>> records = [
    ...     {"family": "rbm", "train_ll": -20.1, "valid_ll": -24.8, "test_ll": -25.0},
    ...     {"family": "rbm", "train_ll": -28.3, "valid_ll": -29.0, "test_ll": -29.4},
    ... ]
    >>> display = ComparisonDisplay(records, baselines={"uniform": [-69.3, -69.3, -69.3]})
    >>> display.plot()  # doctest: +SKIP
    """

    def __init__(self, records, *, baselines=None, name=None):
        self.records = records
        self.baselines = baselines
        self.name = name

    def plot(self, ax=None, *, part="test"):
        """Draw the comparison.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure.
        part : {"test", "validation", "training"}, default="test"
            The rows whose log-likelihood is drawn. The marked candidate is the best on
            validation rows, whatever is drawn.

        Returns
        -------
        ComparisonDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``part`` is unknown.
        ImportError
            If matplotlib is not installed.
        """
        keys = {label: key for key, label in PARTS.items()}
        if part not in keys:
            raise ValueError(f"part='{part}' is unknown; choose one of {', '.join(keys)}.")
        plt = pyplot("ComparisonDisplay.plot")
        families = list(dict.fromkeys(record["family"] for record in self.records))
        if ax is None:
            width = 2.6 + 1.35 * max(3, len(families))
            _, ax = plt.subplots(figsize=(width, 5.2), layout="constrained")

        place = list(PARTS).index(keys[part])
        lines = {label: values[place] for label, values in (self.baselines or {}).items()}
        trained = [record for record in self.records if record["valid_ll"] is not None]
        low, high = _limits([record[keys[part]] for record in trained], list(lines.values()))
        for label, value in lines.items():
            ax.axhline(value, color="0.45", linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            ax.annotate(
                f"{label}\n{_number(value)}",
                (1, value),
                xycoords=("axes fraction", "data"),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
                color="0.3",
            )
        for column, family in enumerate(families):
            mine = [record for record in trained if record["family"] == family]
            color = COLORS[column % len(COLORS)]
            _draw_family(ax, column, mine, keys[part], color, low)

        ax.set_ylim(low, high)
        ax.set_xlim(-0.6, len(families) - 0.4)
        ax.set_xticks(range(len(families)), labels=families)
        ax.set_ylabel(f"{part} log-likelihood (nats per row)")
        ax.set_title(f"{self.name}: {_count(self.records)}" if self.name else _count(self.records))
        ax.grid(axis="y", color="0.92", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="x", length=0)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        _explain(ax, any(record[keys[part]] < low for record in trained))
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _draw_family(ax, column, records, key, color, low):
    """Draw the candidates of one family in its column; those below the axis at its foot."""
    if not records:
        ax.text(column, low, "none trained", ha="center", va="bottom", fontsize="small")
        return
    values = np.array([record[key] for record in records])
    seen = values >= low
    x = column + _spread(len(values))
    ax.scatter(x[seen], values[seen], s=22, color=color, alpha=0.55, linewidths=0, zorder=2)
    ax.scatter(
        x[~seen],
        np.full((~seen).sum(), low),
        s=22,
        marker="v",
        color=color,
        alpha=0.55,
        linewidths=0,
        zorder=2,
        clip_on=False,
    )
    best = max(range(len(records)), key=lambda i: records[i]["valid_ll"])
    at = max(values[best], low)
    ax.scatter(x[best], at, s=90, marker="D", color=color, edgecolors="black", zorder=4)
    ax.annotate(
        _number(values[best]),
        (x[best], at),
        xytext=(0, 9),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontweight="bold",
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        zorder=5,
    )


def _number(value):
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")  # as on the axis


def _spread(n):
    """Return places within a column, the same each time: multiples of the golden ratio."""
    return 0.44 * ((np.arange(n) * 0.6180339887498949 + 0.5) % 1 - 0.5)


def _limits(values, lines):
    """Return the ends of the axis: it holds all lines, and all candidates above the lowest.

    A candidate with a poor learning rate can lie a thousand nats below the uniform distribution;
    an axis that shows it shows nothing else.
    """
    floor = min(lines, default=-math.inf)
    shown = [*lines, *(value for value in values if value >= floor)] or [*values] or [-1.0, 0.0]
    low, high = min(shown), max(shown)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + 1.6 * margin


def _count(records):
    number = len(records)
    return f"{number} candidate{'s' if number != 1 else ''}"


def _explain(ax, some_below):
    """Draw the legend: what a point is, and which is marked."""
    handles = [
        ax.scatter([], [], s=22, color="0.4", alpha=0.55, linewidths=0, label="a candidate"),
        ax.scatter(
            [],
            [],
            s=90,
            marker="D",
            color="0.75",
            edgecolors="black",
            label="best on validation",
        ),
    ]
    if some_below:
        handles.append(ax.scatter([], [], s=22, marker="v", color="0.4", label="below the axis"))
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.08),
        ncols=len(handles),
        frameon=False,
        fontsize="small",
    )
