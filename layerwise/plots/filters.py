"""Weights of hidden units as images, on one scale of colours."""

import math
from numbers import Integral

import numpy as np

from layerwise.estimators.meant import last_step
from layerwise.plots._matplotlib import pyplot
from layerwise.plots._pipelines import final
from layerwise.plots._units import read_units

# A unit is dead if none of its weights has this share of the largest of all units, or if the
# standard deviation of its means over the rows is below the second number: it says the same of
# every row. A unit that is on for one row in 2,000 has 0.022.
FAINT, SAME = 0.01, 0.01
ORDERS = ("index", "norm", "bias", "activity")
CAPTIONS = ("unit", "bias", "activity")


class FiltersDisplay:
    """Weights of hidden units as images: what each unit asks of the data.

    All images have one scale of colours, symmetric about zero, so that strong and weak units are
    told apart; dead units are crossed out. It is recommended to use :meth:`from_estimator`. All
    parameters are stored as attributes.

    Parameters
    ----------
    filters : array-like of shape (n_filters, n_features)
        An image for each unit, in the order in which they are drawn.
    image_shape : tuple of two ints
        Height and width of an image in pixels; their product is ``n_features``.
    units : array-like of shape (n_filters,), default=None
        The number of each unit in its layer. None numbers them from 0.
    biases : array-like of shape (n_filters,), default=None
        Hidden biases of the units.
    activities : array-like of shape (n_filters,), default=None
        Mean states of the units over rows of data.
    dead : array-like of shape (n_filters,), dtype bool, default=None
        Which units are crossed out. None takes those of which no weight has 1 % of the size of
        the largest one.
    n_units : int, default=None
        Number of units of the layer, where only some of them are drawn. None is for all.
    label : str, default="weight (nats)"
        What the colours are.
    name : str, default=None
        The title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the images.
    figure_ : matplotlib Figure
        Figure containing the images.
    limit_ : float
        The values from ``-limit_`` to ``limit_`` have colours of their own.

    See Also
    --------
    SamplesDisplay : Images sampled from models.
    TrainingDisplay : How training went.

    Examples
    --------
    >>> from layerwise import RBM
    >>> from layerwise.datasets import load_tea
    >>> from layerwise.plots import FiltersDisplay
    >>> tea = load_tea(random_state=7)
    >>> rbm = RBM(8, random_state=7).fit(tea.train)
    >>> display = FiltersDisplay.from_estimator(rbm, tea.train, order="activity", plot=False)
    >>> display.filters.shape, display.image_shape
    ((8, 100), (10, 10))
    >>> bool(display.activities[0] >= display.activities[-1])
    True
    """

    def __init__(
        self, filters, *, image_shape, units=None, biases=None, activities=None, dead=None,
        n_units=None, label="weight (nats)", name=None,
    ):  # fmt: skip
        self.filters = filters
        self.image_shape = image_shape
        self.units = units
        self.biases = biases
        self.activities = activities
        self.dead = dead
        self.n_units = n_units
        self.label = label
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X=None, *, layer=0, image_shape=None, n_filters=100, order="index",
        caption=None, name=None, ax=None, plot=True,
    ):  # fmt: skip
        """Take the weights of a fitted estimator's hidden units, and draw them.

        Of a layer above the bottom one of a :class:`DBN`, an image is what a unit changes in the
        data: the means of the data with this unit in its upper state, less those with it in its
        lower state, where the other units of its layer have their mean activity on ``X`` and means
        are passed down.

        Parameters
        ----------
        estimator : estimator
            Fitted RBM, AutoEncoder, LatentLayer, DBN, a Pipeline that ends in one, or another
            estimator with ``components_``. Of an auto-encoder the weights are those of p(x | h).
        X : array-like or sparse matrix of shape (n_samples, n_features), default=None
            Rows whose mean activities are measured, and found dead the units that say the same
            of all of them. None leaves that out; a layer above the bottom one needs them.
        layer : int, default=0
            Which layer of a DBN, counted from the bottom as in ``layers_``.
        image_shape : tuple of two ints, default=None
            Height and width in pixels. None is for square images.
        n_filters : int, default=100
            The first so many units are drawn, or all if there are fewer.
        order : {"index", "norm", "bias", "activity"}, default="index"
            The order of the units: as in the layer, or by the length of their weights, their
            hidden biases or their mean activities, from the largest down.
        caption : {"unit", "bias", "activity"}, default=None
            What is written under each image: the unit's number in the layer, its hidden bias or
            its mean activity. None writes nothing.
        name : str, default=None
            The title. None is for the name of the layer's class.
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure.
        plot : bool, default=True
            False only takes the numbers, which needs no matplotlib.

        Returns
        -------
        FiltersDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the layer has not what is asked for, or its images are not of ``image_shape``.
        TypeError
            If the estimator has no ``components_``.
        """
        _check_choice("order", order, ORDERS)
        if not (isinstance(n_filters, Integral) and n_filters >= 1):
            raise ValueError(f"n_filters must be an int of at least 1, and is {n_filters!r}.")
        estimator, X = (final(estimator), X) if X is None else last_step(estimator, X)
        of_layer, means, filters, label = read_units(estimator, X, layer)
        filters, biases = np.asarray(filters, dtype=float), None
        dead = _faint(filters)
        if getattr(of_layer, "intercept_hidden_", None) is not None:
            biases = np.asarray(of_layer.intercept_hidden_, dtype=float)
        activities = None
        if means is not None:
            activities = means.mean(axis=0)
            dead = dead | (means.std(axis=0) < SAME)

        keys = {
            "norm": np.sqrt((filters**2).sum(axis=1)), "bias": biases, "activity": activities,
            "index": -np.arange(len(filters)),
        }  # fmt: skip
        if keys[order] is None:
            raise ValueError(f"order='{order}' asks for {_lacking(order)}")
        units = np.argsort(-keys[order], kind="stable")[:n_filters]
        display = cls(
            filters[units],
            image_shape=_square(filters.shape[1]) if image_shape is None else image_shape,
            units=units,
            biases=None if biases is None else biases[units],
            activities=None if activities is None else activities[units],
            dead=dead[units],
            n_units=len(filters),
            label=label,
            name=type(of_layer).__name__ if name is None else name,
        )
        display._images()
        display._captions(caption)
        return display.plot(ax=ax, caption=caption) if plot else display

    def plot(self, ax=None, *, caption=None, n_columns=None, limit=None, cmap="RdBu"):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None is for a new figure of the right size.
        caption : {"unit", "bias", "activity"}, default=None
            What is written under each image. None writes nothing.
        n_columns : int, default=None
            Images side by side. None is for about as many as there are rows, and more of those
            that are narrow.
        limit : float, default=None
            Values beyond it have the colour of it. None is the largest one in size.
        cmap : str or Colormap, default="RdBu"
            Colours from ``-limit`` over zero to ``limit``.

        Returns
        -------
        FiltersDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``image_shape`` does not hold the features, a filter is not finite, or there is
            nothing of what the caption says.
        ImportError
            If matplotlib is not installed.
        """
        images, captions = self._images(), self._captions(caption)
        largest = float(np.abs(images).max())
        if limit is not None and not limit > 0:
            raise ValueError(f"limit must be a positive number, and is {limit!r}.")
        plt = pyplot("FiltersDisplay.plot")
        height, width = images.shape[1:]
        if n_columns is None:
            n_columns = math.ceil(math.sqrt(1.4 * len(images) * height / width))
        n_columns = max(1, min(n_columns, len(images)))
        n_rows = -(-len(images) // n_columns)
        gap = max(1, round(0.12 * max(height, width)))
        below = gap if captions is None else gap + _room(width, height)
        shape = n_rows * (height + below), n_columns * (width + gap) - gap
        if ax is None:
            inches = min(8.0, 1.0 + 0.9 * n_columns)
            size = (inches + 1.0, max(1.8, inches * shape[0] / shape[1] + 0.35))
            _, ax = plt.subplots(figsize=size, layout="constrained")

        picture = np.full(shape, np.nan)
        corners = []
        for place, image in enumerate(images):
            row, column = divmod(place, n_columns)
            y, x = row * (height + below), column * (width + gap)
            picture[y : y + height, x : x + width] = image
            corners.append((x - 0.5, y - 0.5))
        self.limit_ = float(limit) if limit is not None else largest or 1.0
        colors = plt.get_cmap(cmap).with_extremes(bad=(1, 1, 1, 0))
        drawn = ax.imshow(
            picture, cmap=colors, vmin=-self.limit_, vmax=self.limit_, interpolation="none"
        )
        self._frame(ax, corners, height, width)
        for (x, y), text in zip(corners, captions or ()):
            ax.text(x + width / 2, y + height + 0.5 * gap, text, ha="center", va="top", fontsize=7)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlim(-1, shape[1])
        ax.set_ylim(shape[0] - gap, -1)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_title(self._title(caption), fontsize="medium")
        beyond = "both" if largest > self.limit_ else "neither"
        bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.8, aspect=30, extend=beyond, pad=0.02)
        bar.set_label(self.label)
        bar.outline.set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _images(self):
        """Return the filters as finite images, of shape (n_filters, height, width)."""
        if np.shape(self.image_shape) != (2,):
            raise ValueError(
                f"image_shape must be a pair (height, width), and is {self.image_shape!r}."
            )
        height, width = self.image_shape
        filters = np.asarray(self.filters, dtype=float)
        if filters.ndim != 2 or filters.shape[1] != height * width or len(filters) == 0:
            raise ValueError(
                f"filters have the shape {filters.shape}, which do not fill "
                f"image_shape={(height, width)}. Pass rows of {height * width} weights, such as "
                "the columns of components_ that are pixels, or another image_shape."
            )
        if not np.isfinite(filters).all():
            raise ValueError("filters have values that are not finite, which have no colour.")
        for name in ("units", "biases", "activities", "dead"):
            values = getattr(self, name)
            if values is not None and np.shape(values) != (len(filters),):
                raise ValueError(
                    f"{name} must have one value for each of the {len(filters)} filters, and has "
                    f"the shape {np.shape(values)}."
                )
        return filters.reshape(-1, height, width)

    def _captions(self, caption):
        """Return a text for each filter, or None."""
        if caption is None:
            return None
        _check_choice("caption", caption, CAPTIONS)
        if caption == "unit":
            units = range(len(self.filters)) if self.units is None else self.units
            return [str(unit) for unit in units]
        values = self.biases if caption == "bias" else self.activities
        if values is None:
            raise ValueError(f"caption='{caption}' asks for {_lacking(caption)}")
        # Zero is added so that no value is "-0.00".
        rounded = np.round(np.asarray(values, dtype=float), 2) + 0.0
        return [f"{value:.2f}".replace("-", "\N{MINUS SIGN}") for value in rounded]

    def _dead(self):
        filters = np.asarray(self.filters, dtype=float)
        return _faint(filters) if self.dead is None else np.asarray(self.dead, dtype=bool)

    def _title(self, caption):
        shown = len(self.filters)
        of = f" of {self.n_units}" if self.n_units not in (None, shown) else ""
        n_dead = int(self._dead().sum())
        dead = f", {n_dead} dead (crossed out)" if n_dead else ""
        below = {
            "unit": "; below: number", "bias": "; below: hidden bias",
            "activity": "; below: mean activity", None: "",
        }[caption]  # fmt: skip
        units = f"{shown}{of} unit{'s' if of or shown != 1 else ''}"
        return f"{self.name + ': ' if self.name else ''}{units}{dead}{below}"

    def _frame(self, ax, corners, height, width):
        """Draw a frame around each image, and cross out those of dead units."""
        from matplotlib.collections import LineCollection

        frames, crosses = [], []
        for (x, y), dead in zip(corners, self._dead()):
            right, bottom = x + width, y + height
            frames.append([(x, y), (right, y), (right, bottom), (x, bottom), (x, y)])
            if dead:
                crosses += [[(x, y), (right, bottom)], [(x, bottom), (right, y)]]
        ax.add_collection(LineCollection(frames, colors="0.75", linewidths=0.7))
        ax.add_collection(LineCollection(crosses, colors="0.45", linewidths=1.0, label="dead"))


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(choices)}.")


def _lacking(what):
    if what == "bias":
        return "hidden biases, and this layer has none. Use another one: index, norm, activity."
    return "mean activities on rows of data. Pass X to from_estimator."


def _room(width, height):
    """Return the pixels that a line of text takes under an image of such a size."""
    return max(1, round(0.3 * max(width, height)))


def _faint(filters):
    """Return which filters have no weight of a visible size beside the largest of all."""
    sizes = np.abs(filters).max(axis=1)
    return sizes <= FAINT * sizes.max()


def _square(n_features):
    side = math.isqrt(n_features)
    if side**2 != n_features:
        raise ValueError(
            f"{n_features} features are no square image. Pass image_shape=(height, width), or "
            "FiltersDisplay the columns of components_ that are pixels."
        )
    return side, side
