"""LayerInput: what a layer is trained on."""

import numpy as np

from layerwise.models.draws import are_states
from layerwise.models.units import BITS
from layerwise.numerics import units
from layerwise.numerics.streams import DATA


class LayerInput:
    """States of a layer, drawn anew for each pass.

    The bottom layer's rows are the data. Where its units are Bernoulli units, a value in (0, 1) is
    a mean; of all other types values are states. A higher layer's rows are samples of the
    inference below it: the data's states are drawn, then the states of each layer given those of
    the layer under it.

    Parameters
    ----------
    means : ndarray of shape (n_samples, n_features)
        States of the bottom's units, or means of them.
    inference : sequence of Conditional or Encoder, default=()
        q(h | x) of each layer that is gone through, with ``mean`` and ``sample``.
    units : Units, default=Bernoulli()
        Of the bottom.
    """

    def __init__(self, means, inference=(), units=BITS):
        self.means = means
        self.inference = tuple(inference)
        self.units = units
        self._takes_means = units.takes_means(means.shape[1])
        self._certain = bool(np.all(are_states(means, self._takes_means)))

    def __len__(self):
        return len(self.means)

    @property
    def are_states(self):
        """Whether all values are states, so that there is nothing to draw."""
        return self._certain and not self.inference

    def above(self, inference):
        """Return the input of the layer above, through one more inference model."""
        return LayerInput(self.means, (*self.inference, inference), self.units)

    def take(self, index):
        """Return the input that consists of some of the rows."""
        return LayerInput(self.means[index], self.inference, self.units)

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
            drawn = units.draw(states, stream, step=0, lane=DATA)
            states = (
                drawn if self._takes_means.all() else np.where(self._takes_means, drawn, states)
            )
        for depth, inference in enumerate(self.inference, start=1):
            states = inference.sample(states, stream, step=depth, lane=DATA)
        return states

    def expected(self):
        """Return the means of all rows, means passed on at every layer."""
        means = self.means
        for inference in self.inference:
            means = inference.mean(means)
        return means
