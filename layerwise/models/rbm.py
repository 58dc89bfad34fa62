"""The restricted Boltzmann machine: two layers of units, and weights between them."""

from dataclasses import dataclass

import numpy as np

from layerwise.exceptions import Incompatible
from layerwise.models.conditional import Conditional
from layerwise.models.family import Units, scale
from layerwise.models.mixed import units_of
from layerwise.models.parameters import checked, checked_log_variance
from layerwise.models.units import BITS
from layerwise.numerics import rbm, units
from layerwise.numerics.products import product
from layerwise.numerics.rows import by_blocks, issparse
from layerwise.numerics.streams import HIDDEN, VISIBLE

# Standard deviation of the first weights. Hidden units must start different, or they stay alike
# for many passes: on binary digits with 12 hidden units, CD-1 came to -21.5, -20.9 and -20.3 nats
# in 40 passes from 0.001, 0.01 and 0.1. Larger ones saturate the units of wide layers, and of
# 500 x 2000 units 0.1 left wells that no annealing finds (docs/experiments/large_rbms.md).
WEIGHT_SCALE = 0.1
# Of the hidden units that are added to an RBM which is to stay what it was.
ADDED_SCALE = 0.01


@dataclass(frozen=True, eq=False)
class RBMParams:
    """p(v, h) proportional to exp(-E), E(v, h) = -b.v - c.h - h.Wv - sum of log base(v_i).

    A value: trainers write into its arrays, and nothing else is ever replaced.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
        W.
    intercept_visible : ndarray of shape (n_visible,), of the same dtype
        b.
    intercept_hidden : ndarray of shape (n_hidden,), of the same dtype
        c.
    visible : Units, default=Bernoulli()
    hidden : Units, default=Bernoulli()
        Of two states each.
    log_variance : ndarray of shape (n_visible,), of the same dtype, default=None
        Logarithms of the variances of Gaussian units, zero for others: there is one where visible
        units are Gaussian, and None is zeros then.
    """

    components: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray
    visible: Units = BITS
    hidden: Units = BITS
    log_variance: np.ndarray | None = None

    def __post_init__(self):
        components = checked("components", self.components, (None, None))
        n_hidden, n_visible = components.shape
        for name, size in (("intercept_visible", n_visible), ("intercept_hidden", n_hidden)):
            value = checked(name, getattr(self, name), (size,), components.dtype)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "visible", units_of(self.visible, n_visible))
        object.__setattr__(self, "hidden", hidden_units_of(self.hidden, n_hidden))
        log_variance = checked_log_variance(self.log_variance, self.visible, components)
        object.__setattr__(self, "log_variance", log_variance)

    @classmethod
    def init(
        cls, rows, n_hidden, stream, dtype=np.float64, *, visible="bernoulli", hidden="bernoulli",
        weights=None, weight_scale=WEIGHT_SCALE,
    ):  # fmt: skip
        """Return an RBM before training: the data's own means and variances, and small weights.

        Parameters
        ----------
        rows : ndarray or CSR of shape (n_rows, n_visible)
            States or means. The visible biases give the units the means of the rows, smoothed by
            one row of the middle: never infinite. Variances are the rows' own, or 1 of a constant
            column.
        n_hidden : int
        stream : Stream
            The weights are normal.
        dtype : dtype, default=float64
        visible, hidden : str, Units or list, default="bernoulli"
            As in ``models.mixed.units_of``.
        weights : ndarray of shape (n_rows,), default=None
            Of the rows: 2 counts a row twice. None is ones.
        weight_scale : float, default=0.1
            Standard deviation of the weights, in units of each Gaussian visible unit's own.

        Returns
        -------
        RBMParams
        """
        n_visible = rows.shape[1]
        visible = units_of(visible, n_visible)
        components = stream.generator().normal(scale=weight_scale, size=(n_hidden, n_visible))
        log_variance = None
        if visible.gaussian(n_visible).any():
            log_variance = visible.first_log_variance(rows, weights)
            components /= scale(log_variance)
        biases = visible.first_biases(rows, log_variance, weights)
        return cls(
            components.astype(dtype),
            biases.astype(dtype),
            np.zeros(n_hidden, dtype=dtype),
            visible,
            hidden,
            None if log_variance is None else log_variance.astype(dtype),
        )

    def turned_over(self, n_hidden, stream, hidden="bernoulli"):
        """Return an RBM whose visible units are distributed as this one's hidden units are.

        Its first hidden units are this one's visible units. Further ones have weights near zero,
        whose mean effect the visible biases take back, so that the distribution is this one's but
        for terms of second order in these weights.

        Parameters
        ----------
        n_hidden : int
            Not smaller than ``n_visible``.
        stream : Stream
            Further weights are normal with standard deviation 0.01.
        hidden : str or Units, default="bernoulli"
            Of this RBM's visible units, which have two states, and further ones.

        Returns
        -------
        RBMParams
            Of the same dtype.
        """
        n_added, dtype = n_hidden - self.n_visible, self.components.dtype
        hidden = hidden_units_of(hidden, n_hidden)
        added = stream.generator().normal(scale=ADDED_SCALE, size=(n_added, self.n_hidden))
        biases = np.concatenate([self.intercept_visible, np.zeros(n_added)])
        unmoved = hidden.mean(np.zeros((1, n_hidden)))[0, self.n_visible :]
        return RBMParams(
            np.concatenate([self.components.T, added]).astype(dtype),
            (self.intercept_hidden - unmoved @ added).astype(dtype),
            biases.astype(dtype),
            self.hidden,
            hidden,
        )

    @property
    def n_hidden(self):
        """Number of hidden units."""
        return self.components.shape[0]

    @property
    def n_visible(self):
        """Number of visible units."""
        return self.components.shape[1]

    @property
    def over_bits(self):
        """Whether all units are Bernoulli units, for which there are kernels of their own."""
        return self.visible == self.hidden == BITS

    def arrays(self):
        """Return weights, visible and hidden biases, and where there are some the logarithms of
        variances: the order of an optimiser's arrays.
        """
        arrays = self.components, self.intercept_visible, self.intercept_hidden
        return arrays if self.log_variance is None else (*arrays, self.log_variance)

    def runs(self):
        """Return the kinds of visible and of hidden units, as kernels take them."""
        return self.visible.runs(self.n_visible), self.hidden.runs(self.n_hidden)

    def replaced(self, *arrays):
        """Return an RBM of the same units with other arrays, in the order of ``arrays``."""
        return RBMParams(*arrays[:3], self.visible, self.hidden, *arrays[3:])

    def astype(self, dtype):
        """Return the same RBM with parameters of another float type."""
        return self.replaced(*(array.astype(dtype) for array in self.arrays()))

    @property
    def conditional(self):
        """p(v | h)."""
        return Conditional(
            self.components, self.intercept_visible, self.visible, self.hidden, self.log_variance
        )

    @property
    def inference(self):
        """p(h | v), a product of the hidden units' distributions."""
        return Conditional(self.components.T, self.intercept_hidden, self.hidden, self.visible)

    @property
    def affine_layers(self):
        """Weights, biases and activation of the inference: arrays as they stand, not copies."""
        return [(self.components.T, self.intercept_hidden, self.hidden.activation)]

    def hidden_field(self, visible):
        """Return the fields on the hidden units, of shape (n_rows, n_hidden)."""
        return units.affine(visible, self.components, self.intercept_hidden)

    def visible_field(self, hidden):
        """Return the fields on the visible units, of shape (n_rows, n_visible)."""
        return units.affine(hidden, self.components, self.intercept_visible, transpose=True)

    def hidden_mean(self, visible):
        """Return the means of h given v, of shape (n_rows, n_hidden)."""
        return self.hidden.mean(self.hidden_field(visible))

    def visible_mean(self, hidden):
        """Return the means of v given h, of shape (n_rows, n_visible)."""
        return self.visible.mean(self.visible_field(hidden), self.log_variance)

    def sample_hidden(self, visible, stream, *, step, lane=HIDDEN):
        """Return states of h given v, drawn at the addresses (unit, row, step, lane)."""
        return self.hidden.sample(self.hidden_field(visible), stream, step=step, lane=lane)

    def sample_visible(self, hidden, stream, *, step, lane=VISIBLE):
        """Return states of v given h, drawn at the addresses (unit, row, step, lane)."""
        field = self.visible_field(hidden)
        return self.visible.sample(
            field, stream, step=step, lane=lane, log_variance=self.log_variance
        )

    def row_part(self, visible):
        """Return b.v + log base(v) for rows v in nats, of shape (n_rows,), float64."""
        bias = self.intercept_visible.astype(np.float64)[:, np.newaxis]
        linear = product(np.asarray(visible, dtype=np.float64), bias)[:, 0]
        return linear + self.visible.log_base(visible, self.log_variance)

    def free_energy(self, visible):
        """Return F(v) = -log sum_h exp(-E(v, h)), in nats.

        Parameters
        ----------
        visible : ndarray or CSR of shape (n_rows, n_visible)

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Computed in float64, whatever the RBM's dtype: likelihoods are differences of it.
        """
        if issparse(visible):
            return by_blocks(self.free_energy, visible)
        visible = np.asarray(visible, dtype=np.float64)
        softplus = self.hidden.log_partition_sums(self.hidden_field(visible))
        return -self.row_part(visible) - softplus

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
        return -self.row_part(visible) - np.sum(hidden * self.hidden_field(visible), axis=1)

    def in_bits(self):
        """Return the same RBM over bits in the place of all two-state units, and a constant.

        Hidden units become Bernoulli units; visible units too where all of them have two states.
        With h = low + step * bit, a product with h becomes a product with the bit and an offset
        of the other layer's biases.

        Returns
        -------
        params : RBMParams
            In float64. Of an RBM of Bernoulli units, the same numbers.
        constant : float
            In nats, to add to log of the sum over all states of exp(-energy).
        """
        W, b, c = (array.astype(np.float64) for array in self.arrays()[:3])
        n_hidden, n_visible = W.shape
        constant, visible = 0.0, self.visible
        if self.hidden != BITS:
            low, step = self.hidden.bits(n_hidden)
            constant += float(c @ low)
            b, c, W = b + low @ W, c * step, step[:, None] * W
        if visible.is_binary and visible != BITS:
            low, step = visible.bits(n_visible)
            constant += float(b @ low)
            c, b, W, visible = c + W @ low, b * step, W * step, BITS
        log_variance = None
        if self.log_variance is not None:
            log_variance = self.log_variance.astype(np.float64)
        return RBMParams(W, b, c, visible, BITS, log_variance), constant

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
        ndarray of shape (n_rows, n_visible), of the RBM's dtype
        """
        visible = np.asarray(visible, dtype=self.components.dtype)
        hidden = self.sample_hidden(visible, stream, step=0)
        kinds = dict(zip(("visible", "hidden"), self.runs()))
        return rbm.gibbs(
            *self.arrays()[:3], hidden, stream, n_steps, **kinds, log_variance=self.log_variance
        )


def hidden_units_of(spec, n_hidden):
    """Return the hidden units of an RBM, or raise Incompatible unless they have two states."""
    found = units_of(spec, n_hidden)
    if not found.is_binary:
        raise Incompatible(
            f"Likelihoods are sums over the states of the hidden units, two of each, and {spec!r} "
            "has not two. Use hidden='bernoulli' or hidden='spin'."
        )
    return found
