"""Images, in labelled panels one above another."""

import math

import numpy as np

from layerwise.plots._matplotlib import pyplot


class SamplesDisplay:
    """Images sampled from models, beside data: a panel each.

    It is recommended to use :meth:`from_estimator` for the samples of one model. All parameters
    are stored as attributes.

    Parameters
    ----------
    samples : dict
        From the label of a panel to its images, ndarray of shape (n_images, n_features), with
        values in [0, 1]: 0 is drawn white, 1 dark. Panels are drawn from the top down.
    image_shape : tuple of two ints
        Height and width of an image in pixels; their product is ``n_features``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the panels.
    figure_ : matplotlib Figure
        Figure containing the panels.

    See Also
    --------
    ComparisonDisplay : Log-likelihoods of families of models.

    Examples
    --------
    >>> from layerwise.datasets import load_tea
    >>> from layerwise.plots import SamplesDisplay
    >>> tea = load_tea()
    >>> display = SamplesDisplay({"training": tea.train[:20]}, image_shape=(10, 10))
    >>> display.plot()  # doctest: +SKIP
    """

    def __init__(self, samples, *, image_shape):
        self.samples = samples
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls, estimator, *, n_samples=24, image_shape=None, random_state=None, label=None, ax=None
    ):
        """Sample from a fitted estimator and draw what comes.

        Parameters
        ----------
        estimator : fitted estimator
            With ``sample(n_samples, random_state=...)``: an RBM or a DBN.
        n_samples : int, default=24
            Number of images.
        image_shape : tuple of two ints, default=None
            Height and width in pixels. None is for square images.
        random_state : int, RandomState instance or None, default=None
            Passed on to ``estimator.sample``.
        label : str, default=None
            Label of the panel. None is for the name of the estimator's class.
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure.

        Returns
        -------
        SamplesDisplay
            The display, drawn.
        """
        images = np.asarray(estimator.sample(n_samples, random_state=random_state))
        if image_shape is None:
            side = math.isqrt(images.shape[1])
            image_shape = (side, side)
        label = type(estimator).__name__ if label is None else label
        return cls({label: images}, image_shape=image_shape).plot(ax=ax)

    def plot(self, ax=None, *, n_columns=12, cmap="Blues"):
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure of the right size.
        n_columns : int, default=12
            Images side by side.
        cmap : str or Colormap, default="Blues"
            From the colour of 0 to the colour of 1.

        Returns
        -------
        SamplesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``image_shape`` does not hold the features of the images.
        ImportError
            If matplotlib is not installed.
        """
        plt = pyplot("SamplesDisplay.plot")
        panels = {label: self._images(label, x) for label, x in self.samples.items()}
        picture, centres = _mosaic(list(panels.values()), n_columns)
        if ax is None:
            height, width = picture.shape
            inches = 8.0
            size = (inches, max(1.0, 0.8 * inches * height / width + 0.3))
            _, ax = plt.subplots(figsize=size, layout="constrained")
        colors = plt.get_cmap(cmap).with_extremes(bad=GAP_COLOR, under=(1, 1, 1, 0))
        ax.imshow(picture, cmap=colors, vmin=0, vmax=1.15, interpolation="none")
        ax.set_xticks([])
        ax.set_yticks(centres, labels=list(panels))
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _images(self, label, x):
        height, width = self.image_shape
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != height * width:
            raise ValueError(
                f"panel '{label}' has images of shape {x.shape[1:]}, which do not fill "
                f"image_shape={tuple(self.image_shape)}. Pass rows of {height * width} pixels, or "
                "another image_shape."
            )
        return x.reshape(-1, height, width)


GAP_COLOR = "0.88"  # a light frame around each image, so that white margins of images are seen
NOTHING = -1.0  # below the colours' range: transparent


def _mosaic(panels, n_columns):
    """Return one array with all images, NaN as their frames, and the middle row of each panel.

    Parameters
    ----------
    panels : list of ndarray of shape (n_images, height, width)
    n_columns : int
    """
    height, width = panels[0].shape[1:]
    gap = max(1, round(0.06 * max(height, width)))
    between = 3 * gap  # rows of nothing between panels
    n_columns = min(n_columns, max(len(panel) for panel in panels))
    n_rows = [-(-len(panel) // n_columns) for panel in panels]
    shape = (
        sum(gap + rows * (height + gap) for rows in n_rows) + between * (len(panels) - 1),
        gap + n_columns * (width + gap),
    )
    picture = np.full(shape, np.nan)
    centres, top = [], 0
    for panel, rows in zip(panels, n_rows):
        if top:
            picture[top : top + between] = NOTHING
            top += between
        for place, image in enumerate(panel):
            row, column = divmod(place, n_columns)
            y, x = top + gap + row * (height + gap), gap + column * (width + gap)
            picture[y : y + height, x : x + width] = image
        bottom = top + gap + rows * (height + gap)
        centres.append((top + bottom - 1) / 2)
        top = bottom
    return picture, centres
