"""What all types of units share: an exponential family over a field.

Under a field a, a bias plus weighted neighbours, p(v | a) is proportional to base(v) exp(a v).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layerwise.numerics import units

__all__ = ["Units", "scale"]


def scale(log_variance):
    """Return standard deviations from the logarithms of variances, or None for None."""
    return None if log_variance is None else np.exp(log_variance / 2)


@dataclass(frozen=True)
class Units(ABC):
    """A type of units: a value, whose methods go by fields or by states.

    A new type says its ``code``, ``variance``, ``log_partition``, ``check`` and ``first_biases``,
    and what it does not share with the others. Methods of a type that have no docstring of their
    own have the one here.
    """

    # The kernels' name of the type, and the states of one unit where they can be listed so.
    code: ClassVar[int]
    states: ClassVar[np.ndarray | None] = None
    # Number of units, where the type knows it.
    n_units: ClassVar[int | None] = None
    # Whether each unit has two states, and whether no value is negative.
    is_binary: ClassVar[bool] = False
    is_positive: ClassVar[bool] = True
    # What gives each unit's mean from its own field, as networks name it, where something does.
    activation: ClassVar[str | None] = None
    # Whether zero is a value, as what sparse rows do not store must be.
    takes_zeros: ClassVar[bool] = True

    def __init_subclass__(cls):
        for name, method in vars(cls).items():
            if callable(method) and not name.startswith("_") and method.__doc__ is None:
                method.__doc__ = getattr(Units, name).__doc__

    def runs(self, n_units):
        """Return the runs of a layer as kernels take them: see ``numerics.units``.

        Parameters
        ----------
        n_units : int

        Returns
        -------
        ndarray of shape (n_runs,), of dtype RUN
        """
        return units.runs_of([(self.code, n_units)])

    def gaussian(self, n_units):
        """Return which units are Gaussian, and so have a variance.

        Parameters
        ----------
        n_units : int

        Returns
        -------
        ndarray of shape (n_units,), bool
        """
        return np.zeros(n_units, dtype=bool)

    def takes_means(self, n_units):
        """Return of which units a value may be the mean of states.

        Parameters
        ----------
        n_units : int

        Returns
        -------
        ndarray of shape (n_units,), bool
        """
        return np.zeros(n_units, dtype=bool)

    def factors(self, n_units):
        """Return the states of each unit, or group of units that depend on each other.

        Parameters
        ----------
        n_units : int

        Returns
        -------
        list of ndarray of shape (n_states, n_units of the group), or None
            In the order of the units; None where states cannot be listed.
        """
        return None

    def bits(self, n_units):
        """Return how states follow from bits: they are low + step * bit.

        Parameters
        ----------
        n_units : int

        Returns
        -------
        (low, step) : pair of ndarray of shape (n_units,), float64, or None
            None where units do not have two states.
        """
        return None

    def part(self, kept):
        """Return the type of some of the units, in their order.

        Parameters
        ----------
        kept : ndarray of shape (n_units,), bool
            Units that depend on each other, as in a softmax group, are kept together.

        Returns
        -------
        Units
        """
        return self

    def filled(self, X):
        """Return rows in which some state stands where a value is NaN: unknown.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_units)

        Returns
        -------
        ndarray of shape (n_rows, n_units)

        Raises
        ------
        ValueError
            If of units that depend on each other some are known and others are not.
        """
        return np.where(np.isnan(X), 0, X)

    def nodes(self, low, high, log_variance=None):
        """Return states whose weighted sum is the sum, or integral, over all states of each unit.

        Parameters
        ----------
        low, high : ndarray of shape (n_units,)
            Bounds of the fields. The sum over nodes of weight exp(field state) is exp of
            ``log_partition`` for each field between them, to a relative error of 1e-13; and for
            each mixture of such fields, whose weights are positive.
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.

        Returns
        -------
        list of (states, log_weights)
            Of each unit, or group of units that depend on each other, in their order: arrays of
            shape (n_nodes, n_units of the group) and (n_nodes,).
        """
        return [(states, np.zeros(len(states))) for states in self.factors(len(low))]

    def mean(self, field, log_variance=None):
        """Return the expected states.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_units), float32 or float64
        log_variance : ndarray of shape (n_units,), default=None
            Logarithms of the variances of Gaussian units, a parameter of the model; zeros if None.

        Returns
        -------
        ndarray of shape (n_rows, n_units), of the same dtype
        """
        return units.unit_means(field, self.runs(field.shape[1]), scale(log_variance))

    def sample(self, field, stream, *, step, lane, log_variance=None):
        """Return states, drawn with the numbers at the addresses (unit, row, step, lane).

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_units), float32 or float64
        stream : Stream
        step, lane : int
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.

        Returns
        -------
        ndarray of shape (n_rows, n_units), of the same dtype
        """
        runs = self.runs(field.shape[1])
        return units.unit_draws(field, runs, scale(log_variance), stream, step=step, lane=lane)

    def log_partition_sums(self, field, log_variance=None):
        """Return the sum of ``log_partition`` over units.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_units), float32 or float64
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            In nats.
        """
        return units.unit_log_partitions(field, self.runs(field.shape[1]), scale(log_variance))

    @abstractmethod
    def variance(self, field, log_variance=None):
        """Return the variances of the states.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_units), float32 or float64
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.

        Returns
        -------
        ndarray of shape (n_rows, n_units), of the same dtype
        """

    @abstractmethod
    def log_partition(self, field, log_variance=None):
        """Return log of the sum, or integral, of base(state) exp(state field) over states.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_units), float32 or float64
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.

        Returns
        -------
        ndarray of shape (n_rows, n_units)
            In nats. Of softmax units of each group, of shape (n_rows, n_groups).
        """

    def log_base(self, X, log_variance=None):
        """Return the sum over units of log base(state).

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_units)
            States.
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            In nats.
        """
        return np.zeros(len(X))

    def check(self, X):
        """Return rows of data, or raise ValueError unless they are such units' states.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_units)
            Where ``takes_means`` says so, means are taken too.

        Returns
        -------
        ndarray or CSR of shape (n_rows, n_units)
            ``X`` itself, or a copy where rounding had carried values past an end.
        """
        return X

    def check_means(self, X):
        """Return rows, or raise ValueError unless all values are states or means of states.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_units)

        Returns
        -------
        ndarray of shape (n_rows, n_units)
        """
        return self.check(X)

    @abstractmethod
    def first_biases(self, X, log_variance=None, weights=None):
        """Return biases that give units the means of rows, smoothed: never infinite.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_units)
            States or means.
        log_variance : ndarray of shape (n_units,), default=None
            As in ``mean``.
        weights : ndarray of shape (n_rows,), default=None
            Of the rows: 2 counts a row twice. None is ones.

        Returns
        -------
        ndarray of shape (n_units,), float64
        """

    def first_log_variance(self, X, weights=None):
        """Return the logarithms of the variances of rows: zero but for Gaussian units.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_units)
        weights : ndarray of shape (n_rows,), default=None
            As in ``first_biases``.

        Returns
        -------
        ndarray of shape (n_units,), float64
            Of a constant column it is zero too.
        """
        return np.zeros(X.shape[1])
