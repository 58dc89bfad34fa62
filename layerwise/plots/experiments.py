"""The pictures of the command's experiments, each from its result; figures, not displays."""

import numpy as np

from layerwise.plots._matplotlib import pyplot
from layerwise.plots.comparison import COLORS

ORDER = ("rbm", "srbm", "vanilla-ae", "aeri", "latent", "aeri-ft", "latent-ft")
MARKERS = ("s", "o", "v", "D", "^", "P")
NATS = "test log-likelihood (nats per row)"


def depth(result, name):
    """Return the figure of what searches reach, against the number of candidates."""
    figure, (ax,) = _figure("depth", 1)
    _curves(ax, result["curves"])
    ax.set_title(f"{name}: the best of so many candidates")
    return figure


def inference(result, name):
    """Return the figure of what searches reach, and of the gains within pairs."""
    figure, (left, right) = _figure("inference", 2)
    _curves(left, result["curves"])
    left.set_title(f"{name}: the best of so many candidates")
    gains = {label: np.array(values) for label, values in result["gains"].items() if values}
    if gains:
        right.boxplot(
            list(gains.values()), orientation="horizontal", widths=0.6, showfliers=False,
            medianprops={"color": "black"},
        )  # fmt: skip
        for place, values in enumerate(gains.values(), start=1):
            spread = 0.5 * ((np.arange(len(values)) * 0.6180339887498949) % 1 - 0.5)
            right.scatter(values, place + spread, s=14, alpha=0.5, color=COLORS[0], linewidths=0)
        right.set_yticks(range(1, len(gains) + 1), labels=list(gains))
        low, high = np.percentile(np.concatenate(list(gains.values())), (2, 98))
        margin = 0.1 * (high - low) or 1.0
        right.set_xlim(min(low, 0) - margin, max(high, 0) + margin)
    right.axvline(0, color="0.5", linewidth=1)
    right.set_xlabel("gain on test in pairs of the same sizes and rates (nats per row)")
    right.set_title("pairs whose rates are both above 0.001")
    return figure


def prediction(result, name):
    """Return the figure of finished models against the BLM of their bottom layers."""
    figure, (ax,) = _figure("prediction", 1)
    seen = [np.array(points) for points in result["points"].values() if points]
    for family, points in result["points"].items():
        if points:
            x, y = np.array(points).T
            ax.scatter(x, y, s=12, alpha=0.5, color=_color(family), linewidths=0, label=family)
    if seen:
        x, y = np.concatenate(seen).T
        low, high = np.percentile(y, 5), max(x.max(), y.max())
        margin = 0.05 * (high - low) or 1.0
        ax.plot([low - margin, high + margin], [low - margin, high + margin], color="0.6", lw=1)
        ax.set_xlim(np.percentile(x, 5) - margin, x.max() + margin)
        ax.set_ylim(low - margin, y.max() + margin)
        ax.legend(frameon=False, fontsize="small", markerscale=2)
    ax.set_xlabel("BLM of the bottom on validation (nats per row)")
    ax.set_ylabel(NATS)
    ax.set_title(f"{name}: what the bottom promises, and what comes of it")
    return figure


def selection(result, name):
    """Return the figure of what searches reach, against their cost."""
    figure, (ax,) = _figure("selection", 1)
    for family, searches in result["searches"].items():
        color = _color(family)
        for place, plan in enumerate(dict.fromkeys(s[0] for s in searches)):
            cost, mean, low, high = np.array([s[1:] for s in searches if s[0] == plan]).T
            joint = plan == "joint"
            label = "all at once" if joint else f"by layers, tops: {plan}"
            ax.errorbar(
                cost, mean, yerr=(mean - low, high - mean), color=color, capsize=2, linewidth=1,
                marker=MARKERS[place % len(MARKERS)], label=f"{family}, {label}",
                markerfacecolor="white" if joint else color,
            )  # fmt: skip
    _log_axis(ax)
    ax.set_xlabel("cost of the search (seconds of one processor)")
    ax.set_ylabel(NATS)
    ax.set_title(f"{name}: layers chosen one by one, or all at once")
    if result["searches"]:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def optimality(result, name):
    """Return the figure of the ways of training, on training and on test rows."""
    figure, axes = _figure("optimality", max(1, len(result["ways"])))
    for ax, (family, ways) in zip(axes, result["ways"].items()):
        labels = list(ways)
        for part, marker in (("train", "o"), ("test", "D")):
            ax.scatter(
                [ways[way][f"{part}_ll"] for way in labels], range(len(labels)), marker=marker,
                s=60, color=COLORS[0 if part == "train" else 5], zorder=3,
                label="training rows" if part == "train" else "test rows",
            )  # fmt: skip
        for place, way in enumerate(labels):
            ax.plot([ways[way]["bound"]] * 2, [place - 0.25, place + 0.25], color="0.3",
                    label=None if place else "U: most for this bottom, training rows")  # fmt: skip
        ax.set_yticks(range(len(labels)), labels=[_in_two(label) for label in labels])
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.set_xlabel("log-likelihood (nats per row)")
        ax.set_title(f"{name}: {family}")
        ax.grid(axis="x", color="0.92")
        ax.set_axisbelow(True)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _in_two(label):
    return label.replace(" from ", "\nfrom ").replace("layer by layer", "layer\nby layer")


def _figure(name, n_axes):
    plt = pyplot(f"The experiment {name}")
    figure, axes = plt.subplots(
        1, n_axes, figsize=(6.6 * n_axes, 4.6), layout="constrained", squeeze=False
    )
    for ax in axes[0]:
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return figure, list(axes[0])


def _curves(ax, curves):
    shown = []
    for family, found in curves.items():
        if not found["candidates"]:
            continue
        color = _color(family)
        ax.plot(found["candidates"], found["mean"], color=color, label=family)
        ax.fill_between(found["candidates"], found["low"], found["high"], color=color, alpha=0.12)
        shown += found["mean"][len(found["mean"]) // 3 :]
    if shown:
        low, high = min(shown), max(max(f["high"], default=-np.inf) for f in curves.values())
        margin = 0.08 * (high - low) or 1.0
        ax.set_ylim(low - margin, high + margin)
        ax.legend(frameon=False, fontsize="small", loc="lower right")
    _log_axis(ax)
    ax.set_xlabel("candidates searched (line: mean; band: middle half of searches)")
    ax.set_ylabel(NATS)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)


def _log_axis(ax):
    """Scale the axis of x by logarithms, with numbers as they are spoken at its ticks."""
    ax.set_xscale("log")
    ax.xaxis.get_major_locator().set_params(subs=(1, 2, 5))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")


def _color(family):
    # The last of seven shares the colour-blind's palette with a dark grey.
    return (*COLORS, "0.25")[ORDER.index(family)] if family in ORDER else "0.25"


def arms(result, name):
    """Return the figure of values by arm: a line for each measure, a panel for each condition."""
    plt = pyplot("The experiment arms")
    measures = result["measures"].values()
    most = max(len(found["values"]) for found in measures)
    n_arms = max(len(values) for found in measures for values in found["values"].values())
    figure, axes = plt.subplots(
        len(measures), most, figsize=(4.2 * most, len(measures) * (1.2 + 0.32 * n_arms)),
        layout="constrained", squeeze=False, sharey="row",
    )  # fmt: skip
    for line, found in zip(axes, measures):
        for ax in line[len(found["values"]) :]:
            ax.set_visible(False)
        for ax, (condition, values) in zip(line, found["values"].items()):
            places = {arm: -place for place, arm in enumerate(_arms_of(found))}
            for arm, (value, low, high) in values.items():
                ends = [[value - (value if low is None else low)], [(high or value) - value]]
                ax.errorbar(value, places[arm], xerr=ends, fmt="o", color=COLORS[0], capsize=3)
            ax.set_yticks(list(places.values()), labels=list(places))
            ax.set_ylim(0.5 - len(places), 0.5)
            ax.set_xlabel(found["title"])
            ax.set_title(f"{name}: {condition}")
            ax.grid(axis="x", color="0.92")
            ax.set_axisbelow(True)
            for side in ("top", "right"):
                ax.spines[side].set_visible(False)
    return figure


def _arms_of(found):
    """Return the arms of all conditions of a measure, in their order."""
    return dict.fromkeys(arm for values in found["values"].values() for arm in values)
