"""Types of units: what a layer's fields say about its states.

``family`` says what is asked of a type; ``mixed`` joins types in one layer, and reads their names.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from layerwise.models.family import Units
from layerwise.numerics import units
from layerwise.numerics.rows import column_moments, column_variances, issparse

__all__ = ["BITS", "Bernoulli", "Gaussian", "Softmax", "Spin", "TruncatedExponential"]

# Scaling into [0, 1] rounds: scikit-learn's MinMaxScaler gives 1.0000000000000002 for the largest
# value of a column. So many units in the last place of 1 are taken for that.
ROUNDING = 4
# Of a Gaussian unit's integral, in standard deviations: the step between nodes, and how far they
# go beyond the outermost means. By Poisson's summation formula the trapezoidal rule errs by
# 2 exp(-2 (pi / step)**2) of each Gaussian, which is 1e-15; beyond 9 there is 2e-19 of it.
STEP, REACH = 0.75, 9.0
# Of a truncated exponential unit's integral: the points of Gauss and Legendre on each panel, and
# field times width of a panel. The rule errs by less than 1e-16 of each exponential.
POINTS, FIELD_OF_PANEL = 16, 12.0
# A column whose variance is less than this share of its mean square is constant but for rounding.
CONSTANT = 1e-12


def _smoothed(X, low, high, weights=None):
    """Return the means of columns in (low, high), with one row of the middle added."""
    return (column_moments(X, weights) + (low + high) / 2) / (_total(X, weights) + 1)


def _total(X, weights):
    """Return the number of rows, or the sum of their weights."""
    return X.shape[0] if weights is None else weights.sum()


def _in_unit_interval(X, kind, what, way_out):
    """Return ``X`` with rounding beyond 0 and 1 taken back, or raise that it is not inside."""
    low, high = X.min(), X.max()
    slack = ROUNDING * np.finfo(X.dtype).eps
    if not (low >= -slack and high <= 1 + slack):
        sign = "Negative values in data: " if low < -slack else ""
        raise ValueError(
            f"{sign}{kind} units take values in [0, 1]{what}, and X has values from "
            f"{float(low)!r} to {float(high)!r}. Scale X into [0, 1], as MinMaxScaler(clip=True) "
            f"does for new rows too{way_out}."
        )
    if low >= 0 and high <= 1:
        return X
    if not issparse(X):
        return np.clip(X, 0, 1)
    X = X.copy()
    X.data = np.clip(X.data, 0, 1)
    return X


@dataclass(frozen=True)
class Bernoulli(Units):
    """States 0 and 1, with p(1 | field) = 1 / (1 + exp(-field)).

    A value in (0, 1) in the data is the mean of a unit, whose states are drawn.
    """

    code = units.BERNOULLI
    is_binary = True
    activation = "sigmoid"
    states: ClassVar = np.array([0.0, 1.0])

    def factors(self, n_units):
        return [self.states[:, None]] * n_units

    def bits(self, n_units):
        return np.zeros(n_units), np.ones(n_units)

    def takes_means(self, n_units):
        return np.ones(n_units, dtype=bool)

    def variance(self, field, log_variance=None):
        # p(1) p(0), not p (1 - p), which is zero for every field above 37.
        return units.means(field) * units.means(-field)

    def log_partition(self, field, log_variance=None):
        return np.logaddexp(0, field)

    def check(self, X):
        return _in_unit_interval(X, "Bernoulli", ", states or their means", ", or make it binary")

    def first_biases(self, X, log_variance=None, weights=None):
        mean = _smoothed(X, 0, 1, weights)
        return np.log(mean) - np.log1p(-mean)


# What layers are of unless it is said: zeros and ones.
BITS = Bernoulli()


@dataclass(frozen=True)
class Spin(Units):
    """States -1 and 1, with the mean tanh(field)."""

    code = units.SPIN
    is_binary = True
    is_positive = False
    takes_zeros = False
    activation = "tanh"
    states: ClassVar = np.array([-1.0, 1.0])

    def factors(self, n_units):
        return [self.states[:, None]] * n_units

    def bits(self, n_units):
        return np.full(n_units, -1.0), np.full(n_units, 2.0)

    def filled(self, X):
        return np.where(np.isnan(X), 1, X)

    def variance(self, field, log_variance=None):
        return 4 * units.means(2 * field) * units.means(-2 * field)

    def log_partition(self, field, log_variance=None):
        return np.logaddexp(field, -field)

    def check(self, X):
        if issparse(X):
            raise ValueError(
                "Spin units take the values -1 and 1, and X is sparse: what it does not store is "
                "0. Pass X.toarray(), coded as 2 * X - 1 does, or use visible='bernoulli'."
            )
        wrong = np.abs(X) != 1
        if wrong.any():
            raise ValueError(
                f"Spin units take the values -1 and 1, and X has {float(X[wrong][0])!r}. Code X "
                "so, as 2 * X - 1 does for zeros and ones, or use visible='bernoulli'."
            )
        return X

    def check_means(self, X):
        slack = ROUNDING * np.finfo(X.dtype).eps
        if not np.abs(X).max() <= 1 + slack:
            raise ValueError(
                "Means of Spin units are in [-1, 1], and X has values from "
                f"{float(X.min())!r} to {float(X.max())!r}. Pass states or means."
            )
        return np.clip(X, -1, 1)

    def first_biases(self, X, log_variance=None, weights=None):
        return np.arctanh(_smoothed(X, -1, 1, weights))


@dataclass(frozen=True)
class Gaussian(Units):
    """Real numbers of a learned variance s2: mean s2 * field, base density exp(-v**2 / (2 s2)).

    The variances are parameters of the model. Standardise the data: learning rates are made for
    variances near 1.
    """

    code = units.GAUSSIAN
    is_positive = False

    def gaussian(self, n_units):
        return np.ones(n_units, dtype=bool)

    def mean(self, field, log_variance=None):
        return super().mean(field, self._given(field, log_variance))

    def sample(self, field, stream, *, step, lane, log_variance=None):
        given = self._given(field, log_variance)
        return super().sample(field, stream, step=step, lane=lane, log_variance=given)

    def log_partition_sums(self, field, log_variance=None):
        return super().log_partition_sums(field, self._given(field, log_variance))

    def _given(self, field, log_variance):
        return np.zeros(field.shape[1], field.dtype) if log_variance is None else log_variance

    def variance(self, field, log_variance=None):
        variance = np.exp(self._given(field, log_variance)).astype(field.dtype)
        return np.broadcast_to(variance, field.shape).copy()

    def log_partition(self, field, log_variance=None):
        given = self._given(field, log_variance)
        return np.exp(given) * field**2 / 2 + (np.log(2 * np.pi) + given) / 2

    def nodes(self, low, high, log_variance=None):
        found = []
        for a, b, s in zip(low, high, np.exp(self._given(low[None], log_variance) / 2)):
            # In standard deviations from a mean of zero: the mean is s * field of them.
            n = int(np.ceil((s * (b - a) + 2 * REACH) / STEP))
            z = s * a - REACH + STEP * np.arange(n + 1)
            found.append((s * z[:, None], np.log(STEP * s) - z**2 / 2))
        return found

    def log_base(self, X, log_variance=None):
        squares = np.asarray(X, dtype=float) ** 2
        return -np.sum(squares / (2 * np.exp(self._given(squares, log_variance))), axis=1)

    def first_biases(self, X, log_variance=None, weights=None):
        mean = column_moments(X, weights) / _total(X, weights)
        return mean / np.exp(self._given(mean[None], log_variance))

    def first_log_variance(self, X, weights=None):
        square = column_moments(X, weights, power=2) / _total(X, weights)
        variance = column_variances(X, weights)
        return np.log(np.where(variance > CONSTANT * square, variance, 1.0))


# a/12 - a^3/720 + ..., which is mean - 1/2 under a small field: Bernoulli numbers over factorials.
_NEAR_ZERO = np.array([
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000,
    1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000,
    -174611 / 802857662698291200000,
])  # fmt: skip


@dataclass(frozen=True)
class TruncatedExponential(Units):
    """Numbers in [0, 1] with a density proportional to exp(field * v)."""

    code = units.TRUNCATED_EXPONENTIAL

    def variance(self, field, log_variance=None):
        size = np.abs(field)
        away = np.maximum(size, 1)
        far = 1 / away**2 - np.exp(-away) / np.expm1(-away) ** 2
        near = np.polynomial.polynomial.polyval(
            np.minimum(size, 1) ** 2, _NEAR_ZERO * np.arange(1, 2 * len(_NEAR_ZERO), 2)
        )
        return np.where(size < 1, near, far).astype(field.dtype)

    def nodes(self, low, high, log_variance=None):
        at, weights = np.polynomial.legendre.leggauss(POINTS)
        found = []
        for a, b in zip(low, high):
            n = max(1, int(np.ceil(max(abs(a), abs(b)) / FIELD_OF_PANEL)))
            states = (np.arange(n)[:, None] + (at + 1) / 2) / n
            found.append((states.reshape(-1, 1), np.tile(np.log(weights / (2 * n)), n)))
        return found

    def log_partition(self, field, log_variance=None):
        size = np.maximum(np.abs(field), np.finfo(field.dtype).tiny)
        return np.maximum(field, 0) + np.log(-np.expm1(-size) / size)

    def check(self, X):
        return _in_unit_interval(X, "Truncated exponential", "", "")

    def first_biases(self, X, log_variance=None, weights=None):
        # By bisection: the mean rises with the field, and is 1 / |field| far from zero.
        mean = _smoothed(X, 0, 1, weights)
        high = 1 / np.minimum(mean, 1 - mean) + 2
        low = -high
        for _ in range(60):
            middle = (low + high) / 2
            above = self.mean(middle[None])[0] > mean
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return (low + high) / 2


@dataclass(frozen=True)
class Softmax(Units):
    """Groups of units of which exactly one is 1: p(unit k is 1) is proportional to exp(field).

    Parameters
    ----------
    sizes : tuple of int, default=None
        How many units each group has, in the order of the columns. None is one group of all.
    """

    sizes: tuple | None = None
    code = units.SOFTMAX

    def __post_init__(self):
        if self.sizes is None:
            return
        sizes = tuple(int(size) for size in self.sizes)
        if not sizes or min(sizes) < 1 or sizes != tuple(self.sizes):
            raise ValueError(
                f"Softmax asks for the sizes of its groups, ints of at least 1, and got "
                f"{self.sizes!r}. Write Softmax((3, 3, 5)) for three groups."
            )
        object.__setattr__(self, "sizes", sizes)

    @property
    def n_units(self):
        """Number of units of all groups, None if it is not said."""
        return None if self.sizes is None else sum(self.sizes)

    def groups(self, n_units):
        """Return the sizes of the groups of so many units.

        Parameters
        ----------
        n_units : int

        Returns
        -------
        tuple of int
        """
        return (n_units,) if self.sizes is None else self.sizes

    def runs(self, n_units):
        return units.runs_of([(self.code, size) for size in self.groups(n_units)])

    def factors(self, n_units):
        return [np.eye(size) for size in self.groups(n_units)]

    def part(self, kept):
        starts = self._starts(len(kept))
        return Softmax(tuple(np.asarray(self.groups(len(kept)))[kept[starts]].tolist()))

    def filled(self, X):
        sizes, starts = self.groups(X.shape[1]), self._starts(X.shape[1])
        unknown = np.isnan(X)
        counts = np.add.reduceat(unknown.astype(int), starts, axis=1)
        partly = (counts > 0) & (counts < sizes)
        if partly.any():
            row, group = np.argwhere(partly)[0]
            first = int(starts[group])
            raise ValueError(
                f"Of a softmax group all columns are known, or none, and in row {int(row)} of X "
                f"columns {first} to {first + sizes[group] - 1} are NaN in part. Set all of them "
                "to NaN, or none."
            )
        first = np.zeros(X.shape[1])
        first[starts] = 1
        return np.where(unknown, first, X)

    def _starts(self, n_units):
        return np.cumsum([0, *self.groups(n_units)[:-1]])

    def variance(self, field, log_variance=None):
        mean = self.mean(field)
        return mean * (1 - mean)

    def log_partition(self, field, log_variance=None):
        return np.logaddexp.reduceat(field, self._starts(field.shape[1]), axis=1)

    def check(self, X):
        wrong = self._wrong_of_sparse(X) if issparse(X) else self._wrong(X)
        if wrong.any():
            sign = "Negative values in data: " if X.min() < 0 else ""
            raise ValueError(
                f"{sign}Softmax units take rows of zeros and a single 1 in each group of "
                f"{self.groups(X.shape[1])} columns, and row {int(np.argmax(wrong))} of X is "
                "none. Make them so, as OneHotEncoder(sparse_output=False) does."
            )
        return X

    def _wrong(self, X):
        ones = np.add.reduceat(X, self._starts(X.shape[1]), axis=1)
        return np.any((X != 0) & (X != 1), axis=1) | np.any(ones != 1, axis=1)

    def _wrong_of_sparse(self, X):
        sizes = self.groups(X.shape[1])
        group = np.repeat(np.arange(len(sizes)), sizes)[X.indices]
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        n = X.shape[0] * len(sizes)
        ones = np.bincount(row * len(sizes) + group, X.data, n).reshape(X.shape[0], -1)
        wrong = np.any(ones != 1, axis=1)
        wrong[row[(X.data != 0) & (X.data != 1)]] = True
        return wrong

    def first_biases(self, X, log_variance=None, weights=None):
        sizes = self.groups(X.shape[1])
        counts = column_moments(X, weights) + 1 / np.repeat(sizes, sizes)
        return np.log(counts / (_total(X, weights) + 1))
