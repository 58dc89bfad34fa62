"""LayerInput: what a layer is trained on; and Targets, what its rows are to be predicted as."""

from dataclasses import dataclass

import numpy as np

from layerwise.models.draws import all_states
from layerwise.models.family import Units
from layerwise.models.units import BITS
from layerwise.numerics import units
from layerwise.numerics.rows import issparse
from layerwise.numerics.streams import DATA


@dataclass(frozen=True, eq=False)
class Targets:
    """What rows are to be predicted as.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_outputs)
        States of the outputs, in the dtype of the rows.
    units : Units or None
        What the outputs are; None of plain ones, compared by squared error.
    known : ndarray of shape (n_samples,), bool, default=None
        Which rows have a target; None is all. The values of others say nothing.
    """

    values: np.ndarray
    units: Units | None
    known: np.ndarray | None = None

    def take(self, index):
        """Return the targets of some of the rows."""
        known = None if self.known is None else self.known[index]
        return Targets(self.values[index], self.units, known)


class LayerInput:
    """States of a layer, drawn anew for each pass.

    The bottom layer's rows are the data. Where its units are Bernoulli units, a value in (0, 1) is
    a mean; of all other types values are states. A higher layer's rows are samples of the
    inference below it: the data's states are drawn, then the states of each layer given those of
    the layer under it.

    Parameters
    ----------
    means : ndarray or CSR of shape (n_samples, n_features)
        States of the bottom's units, or means of them. Sparse rows are drawn as sparse ones, the
        same states.
    inference : sequence of Conditional or Encoder, default=()
        q(h | x) of each layer that is gone through, with ``mean`` and ``sample``.
    units : Units, default=Bernoulli()
        Of the bottom.
    weights : ndarray of shape (n_samples,), default=None
        Of the rows, above zero: a weight of 2 is the row twice. None is ones.
    targets : Targets, default=None
        What the rows are to be predicted as, for layers that learn to.
    """

    def __init__(self, means, inference=(), units=BITS, weights=None, targets=None):
        self.means = means
        self.inference = tuple(inference)
        self.units = units
        self.weights = weights
        self.targets = targets
        self._takes_means = units.takes_means(means.shape[1])
        self._certain = all_states(means, self._takes_means)

    def __len__(self):
        return self.means.shape[0]

    @property
    def shares(self):
        """The rows' parts in the sum of their weights, or None where all count alike."""
        return None if self.weights is None else self.weights / self.weights.sum()

    @property
    def are_states(self):
        """Whether all values are states, so that there is nothing to draw."""
        return self._certain and not self.inference

    def above(self, inference):
        """Return the input of the layer above, through one more inference model."""
        inference = (*self.inference, inference)
        return LayerInput(self.means, inference, self.units, self.weights, self.targets)

    def take(self, index):
        """Return the input that consists of some of the rows."""
        weights = None if self.weights is None else self.weights[index]
        targets = None if self.targets is None else self.targets.take(index)
        return LayerInput(self.means[index], self.inference, self.units, weights, targets)

    @property
    def labelled(self):
        """The rows that have a target."""
        known = self.targets.known
        return self if known is None else self.take(np.flatnonzero(known))

    def draw(self, stream, *, resample=True):
        """Return states of all rows, as a function of ``stream``.

        Parameters
        ----------
        stream : Stream
        resample : bool, default=True
            False passes means on instead of states, at every layer.

        Returns
        -------
        ndarray or CSR of shape (n_samples, n_features of the layer)
            Not to be written to: certain rows are returned as they are.
        """
        if not resample:
            return self.expected()
        states = self.means
        if not self._certain:
            drawn = units.draw(states, stream, step=0, lane=DATA)
            states = drawn if self._takes_means.all() else self._drawn_where(drawn)
        for depth, inference in enumerate(self.inference, start=1):
            states = inference.sample(states, stream, step=depth, lane=DATA)
        return states

    def _drawn_where(self, drawn):
        """Return what was drawn in the columns that take means, and the others' states."""
        if not issparse(drawn):
            return np.where(self._takes_means, drawn, self.means)
        stay = ~self._takes_means[drawn.indices]
        drawn.data[stay] = self.means.data[stay]
        return drawn

    def expected(self):
        """Return the means of all rows, means passed on at every layer."""
        means = self.means
        for inference in self.inference:
            means = inference.mean(means)
        return means
