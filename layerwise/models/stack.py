"""RBMs sampled through: deep restricted Boltzmann networks, whose model is a Markov chain."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerwise.models.family import Units, scale
from layerwise.models.mixed import units_of
from layerwise.models.rbm import WEIGHT_SCALE, RBMParams, hidden_units_of
from layerwise.numerics import stack
from layerwise.numerics.products import product
from layerwise.numerics.rows import by_blocks, issparse
from layerwise.numerics.streams import HIDDEN, STACK, VISIBLE

__all__ = ["ConvolvedParams", "StackParams"]


@dataclass(frozen=True, eq=False)
class ConvolvedParams:
    """An RBM over patches of rows that are grids: all patches have the same weights.

    Parameters
    ----------
    components : ndarray of shape (n_filters, size * size * channels)
    intercept_visible : ndarray of shape (height * width * channels,)
        Of each visible unit its own.
    intercept_hidden : ndarray of shape (n_filters,)
    visible, hidden : Units
    log_variance : ndarray of shape (n_visible,) or None
    grid : tuple of int
        height, width, channels, size, stride. Units of a row are in the order of lines, columns
        and channels; hidden units in that of patches, line by line, and of filters.
    """

    components: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray
    visible: Units
    hidden: Units
    log_variance: np.ndarray | None
    grid: tuple

    @cached_property
    def index(self):
        """The visible units of each patch, of shape (n_patches, size * size * channels)."""
        height, width, channels, size, stride = self.grid
        units = np.arange(height * width * channels).reshape(height, width, channels)
        return np.array(
            [
                units[y : y + size, x : x + size].ravel()
                for y in range(0, height - size + 1, stride)
                for x in range(0, width - size + 1, stride)
            ]
        )

    @property
    def n_hidden(self):
        """Number of hidden units of a row."""
        return len(self.index) * len(self.intercept_hidden)

    @property
    def n_visible(self):
        """Number of visible units of a row."""
        return len(self.intercept_visible)

    def hidden_field(self, visible):
        """Return the fields on the hidden units, of shape (n_rows, n_hidden)."""
        if issparse(visible):
            return by_blocks(self.hidden_field, visible)
        patches = np.asarray(visible, dtype=self.components.dtype)[:, self.index]
        rows = patches.reshape(-1, self.index.shape[1])
        field = product(rows, self.components.T, start=self.intercept_hidden)
        return field.reshape(len(patches), -1)

    def visible_field(self, hidden):
        """Return the fields on the visible units, of shape (n_rows, n_visible)."""
        n_rows = len(hidden)
        rows = np.asarray(hidden, dtype=self.components.dtype)
        rows = rows.reshape(-1, len(self.intercept_hidden))
        patches = product(rows, self.components).reshape(n_rows, *self.index.shape)
        field = np.tile(self.intercept_visible, (n_rows, 1))
        for p, index in enumerate(self.index):
            field[:, index] += patches[:, p]
        return field

    def hidden_mean(self, visible):
        """Return the means of h given v, of shape (n_rows, n_hidden)."""
        return self.hidden.mean(self.hidden_field(visible))

    def visible_mean(self, hidden):
        """Return the means of v given h, of shape (n_rows, n_visible)."""
        return self.visible.mean(self.visible_field(hidden), self.log_variance)

    def sample_hidden(self, visible, stream, *, step, lane=HIDDEN):
        """Return states of h given v: patch p of row i has the place of row i * n_patches + p."""
        field = self.hidden_field(visible)
        patches = np.ascontiguousarray(field.reshape(-1, len(self.intercept_hidden)))
        return self.hidden.sample(patches, stream, step=step, lane=lane).reshape(field.shape)


@dataclass(frozen=True, eq=False)
class StackParams:
    """RBMs, each on the hidden units of the one below, between which there are two biases.

    The model is where a chain goes that is drawn up through all layers and down again: of one
    layer it is the RBM, of more it has no energy.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,), float32 or float64
        Of all layers, as ``numerics.stack.layout`` says.
    shapes : tuple
        Of each layer its number of hidden units; or, over patches, the grid (height, width,
        channels, size, stride) and the number of hidden units of a patch.
    visible : Units
        Of rows.
    hidden : Units
        Of all layers above, of two states each and of one kind.
    n_visible : int
    """

    parameters: np.ndarray
    shapes: tuple
    visible: Units
    hidden: Units
    n_visible: int

    @classmethod
    def blank(cls, n_visible, shapes, *, visible="bernoulli", hidden="bernoulli", dtype=float):
        """Return a stack whose parameters are zero.

        Parameters
        ----------
        n_visible : int
        shapes : sequence
            As in the class.
        visible, hidden : str, Units or list, default="bernoulli"
            As in ``models.mixed.units_of``.
        dtype : dtype, default=float64
        """
        visible = units_of(visible, n_visible)
        found = cls(
            np.empty(0, dtype), tuple(shapes), visible, hidden_units_of(hidden, 1), n_visible
        )
        _, n_parameters = found._layout
        object.__setattr__(found, "parameters", np.zeros(n_parameters, dtype=dtype))
        return found

    @classmethod
    def init(cls, rows, shapes, stream, *, visible="bernoulli", hidden="bernoulli", weights=None):
        """Return a stack before training: each layer as an RBM starts on means of the one below.

        Parameters
        ----------
        rows : ndarray or CSR of shape (n_rows, n_visible)
            States or means, whose dtype is that of the parameters.
        shapes, visible, hidden
            As in ``blank``.
        stream : Stream
            The first layer's is its child "init", as that of an RBM.
        weights : ndarray of shape (n_rows,), default=None
            Of the rows.

        Returns
        -------
        StackParams
        """
        found = cls.blank(rows.shape[1], shapes, visible=visible, hidden=hidden, dtype=rows.dtype)
        for k, layer in enumerate(found.layers):
            own = stream.child("init", k) if k else stream.child("init")
            first = RBMParams.init(
                rows, len(layer.intercept_hidden), own, rows.dtype,
                visible=layer.visible, hidden=layer.hidden, weights=weights,
            )  # fmt: skip
            if layer.log_variance is not None:
                layer.log_variance[...] = first.log_variance
            layer.intercept_visible[...] = first.intercept_visible
            layer.components[...] = _first_weights(layer, first, own)
            rows = layer.hidden_mean(rows)
        return found

    @cached_property
    def _layout(self):
        kind = int(self.hidden.runs(1)["kind"][0])
        layers = [
            (shape[1], kind, shape[0]) if isinstance(shape, tuple) else (shape, kind, None)
            for shape in self.shapes
        ]
        has_variances = bool(self.visible.gaussian(self.n_visible).any())
        return stack.layout(self.n_visible, layers, has_variances=has_variances)

    @property
    def places(self):
        """Where each layer's arrays stand in ``parameters``: see ``numerics.stack.layout``."""
        return self._layout[0]

    @property
    def layers(self):
        """Each layer, as an RBM whose arrays are views of ``parameters``."""
        found = []
        for k, (shape, place) in enumerate(zip(self.shapes, self.places)):
            grid = shape[0] if isinstance(shape, tuple) else None
            n_visible, n_hidden = int(place["n_visible"]), int(place["n_hidden"])
            size = n_visible if grid is None else grid[3] ** 2 * grid[2]
            at = int(place["components"])
            weights = self.parameters[at : at + n_hidden * size].reshape(n_hidden, size)
            below, above = (
                self.parameters[place[name] : place[name] + n]
                for name, n in (("intercept_visible", n_visible), ("intercept_hidden", n_hidden))
            )
            units = self.visible if k == 0 else self.hidden
            variance = self.log_variance if k == 0 else None
            if grid is None:
                found.append(RBMParams(weights, below, above, units, self.hidden, variance))
            else:
                found.append(
                    ConvolvedParams(weights, below, above, units, self.hidden, variance, grid)
                )
        return found

    @property
    def sizes(self):
        """Units of a row, and hidden units of each layer."""
        return (self.n_visible, *(layer.n_hidden for layer in self.layers))

    @property
    def log_variance(self):
        """A view of the logarithms of the variances of rows, None where none is Gaussian."""
        at = int(self.places["log_variance"][0])
        return None if at < 0 else self.parameters[at : at + self.n_visible]

    def arrays(self):
        """Return the parameters, in the order of an optimiser's arrays."""
        return (self.parameters,)

    def runs_of(self, k):
        """Return the kinds of a layer's visible units, and of the hidden ones of a patch."""
        layer = self.layers[k]
        above = self.hidden.runs(len(layer.intercept_hidden))
        return layer.visible.runs(layer.n_visible), above

    def up(self, visible):
        """Return the means of the top given rows, means passed on at every layer."""
        for layer in self.layers:
            visible = layer.hidden_mean(visible)
        return visible

    def down(self, top):
        """Return the means of rows given the top, or means of it, means passed on."""
        for layer in reversed(self.layers):
            top = layer.visible_mean(top)
        return top

    def sample_hidden(self, visible, stream, *, step):
        """Return states of the top given rows, states drawn at every layer."""
        for k, layer in enumerate(self.layers):
            lane = HIDDEN if k == 0 else STACK + 2 * k
            visible = layer.sample_hidden(visible, stream, step=step, lane=lane)
        return visible

    def gibbs(self, visible, stream, n_steps):
        """Return rows after so many steps of the chain, up and down, from each row.

        Parameters
        ----------
        visible : ndarray of shape (n_rows, n_visible)
            States, or means of them.
        stream : Stream
        n_steps : int
            At least 1.

        Returns
        -------
        rows : ndarray of shape (n_rows, n_visible)
        top : ndarray of shape (n_rows, n_units of the top)
            States drawn given them.
        """
        visible = np.asarray(visible, dtype=self.parameters.dtype)
        top = np.ascontiguousarray(self.sample_hidden(visible, stream, step=0))
        rows = stack.stack_gibbs(
            self.parameters, self.places, top, stream, n_steps, visible=self.runs_of(0)[0]
        )
        return rows, top

    def mean_below(self, top, stream, *, lane):
        """Return the means of rows, given states of the top and states drawn on the way down."""
        for k, layer in reversed(list(enumerate(self.layers))):
            field = layer.visible_field(top)
            if k == 0:
                return self.visible.mean(field, self.log_variance)
            top = self.hidden.sample(field, stream, step=k, lane=lane)

    def starts(self, n_chains, stream):
        """Return rows of units at even odds, or at their intercepts where odds are none."""
        field = np.zeros((n_chains, self.n_visible), self.parameters.dtype)
        if not self.visible.is_binary:
            field += self.layers[0].intercept_visible
        return self.visible.sample(
            field, stream, step=0, lane=VISIBLE, log_variance=self.log_variance
        )


def _first_weights(layer, first, stream):
    """Return the first weights of a layer: those of an RBM, where it is one."""
    if isinstance(layer, RBMParams):
        return first.components
    weights = stream.generator().normal(scale=WEIGHT_SCALE, size=layer.components.shape)
    if layer.log_variance is not None:
        weights /= np.mean(scale(layer.log_variance))
    return weights
