"""Rows: what a layer is trained on."""

import numpy as np

from layerwise.models.draws import are_states
from layerwise.numerics import units
from layerwise.numerics.streams import DATA


class Rows:
    """States of a layer, drawn anew for each pass.

    The bottom layer's rows are the data; a value in (0, 1) is the mean of a Bernoulli unit. A
    higher layer's rows are samples of the inference below it: the data's states are drawn, then
    the states of each layer given those of the layer under it.

    Parameters
    ----------
    means : ndarray of shape (n_samples, n_features)
        Means of the bottom's units.
    inference : sequence of callables
        Each takes states of one layer, of shape (n_samples, n), and returns means of the next.
    """

    def __init__(self, means, inference=()):
        self.means = means
        self.inference = tuple(inference)
        self._certain = bool(np.all(are_states(means)))

    def __len__(self):
        return len(self.means)

    @property
    def are_states(self):
        """Whether all values are zeros and ones, so that there is nothing to draw."""
        return self._certain and not self.inference

    def above(self, inference):
        """Return the rows of the layer above, through one more inference model."""
        return Rows(self.means, (*self.inference, inference))

    def draw(self, stream, *, resample=True):
        """Return states of all rows, as a function of ``stream``.

        Parameters
        ----------
        stream : Stream
        resample : bool, default=True
            False passes means on instead of states, at every layer.

        Returns
        -------
        ndarray of shape (n_samples, n_features of the layer)
            Not to be written to: certain rows are returned as they are.
        """
        if not resample:
            return self.expected()
        states = self.means
        if not self._certain:
            states = units.draw(states, stream, step=0, lane=DATA)
        for depth, inference in enumerate(self.inference, start=1):
            states = units.draw(inference(states), stream, step=depth, lane=DATA)
        return states

    def expected(self):
        """Return the means of all rows, means passed on at every layer."""
        means = self.means
        for inference in self.inference:
            means = inference(means)
        return means
