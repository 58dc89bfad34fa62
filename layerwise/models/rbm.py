"""The restricted Boltzmann machine: two layers of Bernoulli units, and weights between them."""

from dataclasses import dataclass

import numpy as np

from layerwise.models.parameters import checked
from layerwise.numerics import rbm, units
from layerwise.numerics.products import product
from layerwise.numerics.streams import HIDDEN

# Standard deviation of the first weights. Hidden units must start different, or they stay alike
# for many passes: on binary digits with 12 hidden units, CD-1 came to -21.5, -20.9 and -20.3 nats
# in 40 passes from 0.001, 0.01 and 0.1. Larger ones saturate the units of wide layers.
WEIGHT_SCALE = 0.1


@dataclass(frozen=True, eq=False)
class RBMParams:
    """p(v, h) proportional to exp(-E), E(v, h) = -b.v - c.h - h.Wv, over zeros and ones.

    A value: trainers write into its arrays, and nothing else is ever replaced.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
        W.
    intercept_visible : ndarray of shape (n_visible,), of the same dtype
        b.
    intercept_hidden : ndarray of shape (n_hidden,), of the same dtype
        c.
    """

    components: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray

    def __post_init__(self):
        components = checked("components", self.components, (None, None))
        n_hidden, n_visible = components.shape
        for name, size in (("intercept_visible", n_visible), ("intercept_hidden", n_hidden)):
            value = checked(name, getattr(self, name), (size,), components.dtype)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "components", components)

    @classmethod
    def init(cls, means, n_hidden, stream, dtype=np.float64):
        """Return a machine before training: the data's own means, and small weights.

        Parameters
        ----------
        means : ndarray of shape (n_rows, n_visible)
            Rows of states or means. The visible biases are the log-odds of their mean, smoothed by
            one row of a half: never infinite.
        n_hidden : int
        stream : Stream
            The weights are normal with standard deviation 0.1.
        dtype : dtype, default=float64

        Returns
        -------
        RBMParams
        """
        n_rows, n_visible = means.shape
        mean = (means.sum(axis=0, dtype=np.float64) + 0.5) / (n_rows + 1)
        weights = stream.generator().normal(scale=WEIGHT_SCALE, size=(n_hidden, n_visible))
        return cls(
            weights.astype(dtype),
            (np.log(mean) - np.log1p(-mean)).astype(dtype),
            np.zeros(n_hidden, dtype=dtype),
        )

    @property
    def n_hidden(self):
        """Number of hidden units."""
        return self.components.shape[0]

    @property
    def n_visible(self):
        """Number of visible units."""
        return self.components.shape[1]

    def arrays(self):
        """Return weights, visible and hidden biases: the order of an optimiser's arrays."""
        return self.components, self.intercept_visible, self.intercept_hidden

    def hidden_field(self, visible):
        """Return the fields on the hidden units, of shape (n_rows, n_hidden)."""
        return units.affine(visible, self.components, self.intercept_hidden)

    def visible_field(self, hidden):
        """Return the fields on the visible units, of shape (n_rows, n_visible)."""
        return units.affine(hidden, self.components, self.intercept_visible, transpose=True)

    def hidden_mean(self, visible):
        """Return p(h_j = 1 | v), of shape (n_rows, n_hidden)."""
        return units.means(self.hidden_field(visible))

    def visible_mean(self, hidden):
        """Return p(v_i = 1 | h), of shape (n_rows, n_visible)."""
        return units.means(self.visible_field(hidden))

    def free_energy(self, visible):
        """Return F(v) = -log sum_h exp(-E(v, h)), in nats.

        Parameters
        ----------
        visible : ndarray of shape (n_rows, n_visible)

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Computed in float64, whatever the machine's dtype: likelihoods are differences of it.
        """
        visible = np.asarray(visible, dtype=np.float64)
        bias = self.intercept_visible.astype(np.float64)[:, np.newaxis]
        linear = product(visible, bias)[:, 0]
        return -linear - units.softplus_sums(self.hidden_field(visible))

    def energy(self, visible, hidden):
        """Return E(v, h) row by row, in nats.

        Parameters
        ----------
        visible : ndarray of shape (n_rows, n_visible)
        hidden : ndarray of shape (n_rows, n_hidden)

        Returns
        -------
        ndarray of shape (n_rows,), float64
        """
        visible, hidden = (np.asarray(part, dtype=np.float64) for part in (visible, hidden))
        linear = product(visible, self.intercept_visible[:, np.newaxis])[:, 0]
        return -linear - np.sum(hidden * self.hidden_field(visible), axis=1)

    def mirror(self):
        """Return the machine with its layers swapped: the same p(v, h)."""
        return RBMParams(
            np.ascontiguousarray(self.components.T), self.intercept_hidden, self.intercept_visible
        )

    def gibbs(self, visible, stream, n_steps):
        """Return visible states after ``n_steps`` steps of v -> h -> v from each row.

        Parameters
        ----------
        visible : ndarray of shape (n_rows, n_visible)
            States of the chains, or means of them.
        stream : Stream
        n_steps : int
            At least 1.

        Returns
        -------
        ndarray of shape (n_rows, n_visible), of the machine's dtype
        """
        visible = np.asarray(visible, dtype=self.components.dtype)
        hidden = units.draw(self.hidden_mean(visible), stream, step=0, lane=HIDDEN)
        return rbm.gibbs(*self.arrays(), hidden, stream, n_steps)
