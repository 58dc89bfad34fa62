"""What bounds what in layer-wise training, measured: the criteria beside the likelihood."""

from layerwise.estimators.inequalities import CHAIN, inequalities
from layerwise.plots._matplotlib import pyplot
from layerwise.plots._text import aligned

# Marker, size and colour of each number of the chain, and how far it stands below its line: the
# criteria above, the model below, which else would hide each other.
LOOKS = {
    "criterion": (">", 46, "#56B4E9", -0.16),
    "bound": (">", 46, "#0072B2", -0.16),
    "theorem": ("|", 110, "0.25", 0.16),
    "likelihood": ("D", 40, "#D55E00", 0.16),
    "best": ("<", 46, "#009E73", 0.0),
}


class LatentMarginalDisplay:
    """The chain of inequalities of layer-wise training, side by side for some models.

    On the same rows, in nats per row: the criterion of an auto-encoder (expected log p(x | h)
    less the log of the number of rows) is at most its bound (the likelihood under the aggregated
    inference), which is at most the best latent marginal; and so is the likelihood of the model,
    whatever stands above its bottom layer. Of a deep model the theorem of Arnold and Ollivier
    (2013) promises, on its rows of training, the best latent marginal less its divergence from
    the latent distribution that the upper layers learnt. All parameters are stored as attributes.

    Parameters
    ----------
    chains : dict of str to dict of str to float
        From the label of a model to its ``"criterion"``, ``"bound"``, ``"theorem"`` (of deep
        models), ``"likelihood"`` and ``"best"``.
    name : str, default=None
        What the rows are called in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the numbers.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    best_latent_marginal : The best latent marginal, with its certificate.
    latent_marginal_bound : The bound.

    References
    ----------
    Arnold and Ollivier, "Layer-wise learning of deep generative models", arXiv 1212.1524, 2013.

    Examples
    --------
    >>> from layerwise import DBN, RBM, AutoEncoder
    >>> from layerwise.datasets import load_tea
    >>> from layerwise.plots import LatentMarginalDisplay
    >>> tea = load_tea(random_state=7)
    >>> dbn = DBN([AutoEncoder(6), RBM(6)], random_state=7).fit(tea.train)
    >>> display = LatentMarginalDisplay.from_estimators({"deep": dbn}, tea.train, plot=False)
    >>> chain = display.chains["deep"]
    >>> chain["criterion"] <= chain["bound"] <= chain["best"] + 1e-3
    True
    >>> chain["theorem"] <= chain["likelihood"] <= chain["best"] + 1e-3
    True
    """

    def __init__(self, chains, *, name=None):
        self.chains = chains
        self.name = name

    @classmethod
    def from_estimators(cls, estimators, X, *, name=None, ax=None, plot=True):
        """Measure fitted models on rows, and draw what was found.

        Parameters
        ----------
        estimators : dict of str to estimator
            Fitted RBM, AutoEncoder, LatentLayer, DBN, or Pipeline that ends in one, by label; at
            most 24 latent units in the bottom layer.
        X : array-like of shape (n_samples, n_features)
            Rows of states.
        name : str, default=None
            What the rows are called in the title.
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure.
        plot : bool, default=True
            False only measures, which needs no matplotlib.

        Returns
        -------
        LatentMarginalDisplay
            The display, drawn.
        """
        chains = {label: inequalities(model, X) for label, model in estimators.items()}
        display = cls(chains, name=name)
        return display.plot(ax=ax) if plot else display

    def table(self):
        """Return the numbers as text, a line for each model.

        Returns
        -------
        str
        """
        head = ("", *CHAIN)
        rows = [
            (label, *(f"{chain[key]:.2f}" if key in chain else "" for key in CHAIN))
            for label, chain in self.chains.items()
        ]
        return "\n".join(aligned([head, *rows]))

    def plot(self, ax=None):
        """Draw a line for each model, with a mark for each number of its chain.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure.

        Returns
        -------
        LatentMarginalDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = pyplot("LatentMarginalDisplay.plot")
        if ax is None:
            size = (8.0, 1.9 + 0.55 * len(self.chains))
            _, ax = plt.subplots(figsize=size, layout="constrained")
        for row, chain in enumerate(self.chains.values()):
            ends = min(chain.values()), max(chain.values())
            ax.plot(ends, [row, row], color="0.85", linewidth=1.5, zorder=1)
            for key, value in chain.items():
                marker, size, color, below = LOOKS[key]
                ax.scatter(value, row + below, marker=marker, s=size, color=color, zorder=3)
        shown = [key for key in CHAIN if any(key in chain for chain in self.chains.values())]
        for key in shown:
            marker, size, color, _ = LOOKS[key]
            ax.scatter([], [], marker=marker, s=size, color=color, label=CHAIN[key])
        ax.set_yticks(range(len(self.chains)), labels=list(self.chains))
        ax.set_ylim(max(1, len(self.chains)) - 0.5, -0.5)
        ax.set_xlabel("log-likelihood (nats per row)")
        ax.set_title(self.name or "What bounds what")
        ax.grid(axis="x", color="0.92", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        if shown:
            ax.figure.legend(
                *ax.get_legend_handles_labels(), loc="outside lower center", ncols=3,
                frameon=False, fontsize="small",
            )  # fmt: skip
        self.ax_, self.figure_ = ax, ax.figure
        return self
