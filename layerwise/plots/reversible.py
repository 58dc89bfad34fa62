"""Are networks reversible, and do their weights look random? Two pictures."""

import numpy as np
from scipy import stats

from layerwise.estimators.reversible import random_likeness, reversibility
from layerwise.likelihood.reversible import marchenko_pastur_density, marchenko_pastur_edges
from layerwise.plots._matplotlib import pyplot

TRAINED, SHUFFLED = "#0072B2", "0.6"


class ReversibilityDisplay:
    """Errors of hidden layers that are recovered from their own reverse, and from parts of it.

    All parameters are stored as attributes.

    Parameters
    ----------
    layers : list of LayerReversal
        As :func:`~layerwise.reversibility` returns them.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        A panel for each layer.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    reversibility : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import Backprop, DeepClassifier, Dense
    >>> from layerwise.plots import ReversibilityDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepClassifier([Dense(200)], fine_tuner=Backprop(n_passes=5), random_state=7)
    >>> display = ReversibilityDisplay.from_estimator(net.fit(X / 16, y), X / 16, plot=False)
    >>> len(display.layers)
    1
    """

    def __init__(self, layers):
        self.layers = layers

    @classmethod
    def from_estimator(cls, model, X, *, random_state=None, plot=True):
        """Measure a fitted network on rows, and draw what was found.

        Parameters
        ----------
        model : DeepClassifier or DeepRegressor
            Fitted, of ReLU layers.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows.
        random_state : int, RandomState instance or None, default=None
            Of the shuffled weights and the inputs that are kept; the model's own if None.
        plot : bool, default=True
            False only measures, which needs no matplotlib.

        Returns
        -------
        ReversibilityDisplay
            The display, drawn.
        """
        display = cls(reversibility(model, X, random_state=random_state))
        return display.plot() if plot else display

    def plot(self):
        """Draw a panel for each layer: the error of h against rho n, the inputs that are kept.

        Returns
        -------
        ReversibilityDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.figure_, self.axes_ = _panels("ReversibilityDisplay.plot", 1, len(self.layers))
        for number, (ax, layer) in enumerate(zip(self.axes_[0], self.layers), start=1):
            for name, color in (("shuffled", SHUFFLED), ("trained", TRAINED)):
                found = getattr(layer, name)
                label = (
                    f"{name}: slope {found.slope:.2f}, error of h {found.hidden_error:.2f}, "
                    f"of the input {found.input_error:.2f}"
                )
                ax.plot(found.kept, found.kept_errors, "o-", color=color, label=label)
            ax.set_title(f"layer {number}: {layer.n_inputs} to {layer.n_units}", pad=36)
            ax.set_xscale("log", base=2)
            ax.set_yscale("log", base=2)
            ax.xaxis.set_major_formatter("{x:.0f}")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.set_xlabel("inputs kept of the reverse, rho n")
            ax.set_ylabel("relative squared error of h")
            ax.legend(
                loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, fontsize="x-small"
            )
        return self


class RandomLikenessDisplay:
    """The weights of layers beside the laws of random ones.

    All parameters are stored as attributes.

    Parameters
    ----------
    layers : list of LayerLikeness
        As :func:`~layerwise.random_likeness` returns them.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        For each layer, a panel of entries and one of singular values.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    random_likeness : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import Backprop, DeepClassifier, Dense
    >>> from layerwise.plots import RandomLikenessDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepClassifier([Dense(200)], fine_tuner=Backprop(n_passes=5), random_state=7)
    >>> display = RandomLikenessDisplay.from_estimator(net.fit(X / 16, y), plot=False)
    >>> len(display.layers)
    1
    """

    def __init__(self, layers):
        self.layers = layers

    @classmethod
    def from_estimator(cls, model, *, plot=True):
        """Measure a fitted network, and draw what was found.

        Parameters
        ----------
        model : DeepClassifier or DeepRegressor
            Fitted.
        plot : bool, default=True
            False only measures, which needs no matplotlib.

        Returns
        -------
        RandomLikenessDisplay
            The display, drawn.
        """
        display = cls(random_likeness(model))
        return display.plot() if plot else display

    def plot(self):
        """Draw entries beside a normal law, and singular values beside Marchenko-Pastur's.

        Returns
        -------
        RandomLikenessDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.figure_, self.axes_ = _panels("RandomLikenessDisplay.plot", 2, len(self.layers))
        for number, layer in enumerate(self.layers, start=1):
            entries, values = self.axes_[:, number - 1]
            standard = (layer.weights.ravel() - layer.mean) / layer.deviation
            ends = np.linspace(-5, 5, 81)
            entries.hist(standard, ends, density=True, color=TRAINED, alpha=0.6)
            entries.plot(ends, stats.norm.pdf(ends), color="black", label="normal law")
            entries.set_title(
                f"layer {number}: distance {layer.normal_distance:.3f}, "
                f"excess kurtosis {layer.kurtosis:.1f}"
            )
            entries.set_xlabel("weights, standardised")
            entries.legend(frameon=False, fontsize="small")
            short, long = sorted((layer.n_inputs, layer.n_units))
            low, high = marchenko_pastur_edges(short / long)
            most = max(1.5 * high, float(np.quantile(layer.spectrum, 0.98)))
            values.hist(
                np.minimum(layer.spectrum, most), np.linspace(0, most, 61), density=True,
                color=TRAINED, alpha=0.6,
            )  # fmt: skip
            x = np.linspace(low, high, 400)[1:-1]
            law = marchenko_pastur_density(x, short / long)
            values.plot(x, law, color="black", label="Marchenko-Pastur")
            values.set_ylim(0, 3 * np.quantile(law, 0.9))
            values.set_title(
                f"distance {layer.spectrum_distance:.2f}, {100 * layer.outside:.0f} % outside"
            )
            values.set_xlabel("squared singular values; the last bar has those beyond")
            values.legend(frameon=False, fontsize="small")
        return self


def _panels(name, n_rows, n_columns):
    """Return a figure with panels, a column for each layer."""
    plt = pyplot(name)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(4.6 * n_columns, 3.6 * n_rows + 0.3), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for ax in axes.ravel():
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return figure, axes
