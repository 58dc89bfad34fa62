"""Layers of several types of units, and the names by which users say a type."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from layerwise.models.family import Units
from layerwise.models.units import (
    Bernoulli,
    Gaussian,
    Softmax,
    Spin,
    TruncatedExponential,
)
from layerwise.numerics.rows import side_by_side

__all__ = ["ALL", "Mixed", "units_of"]


@dataclass(frozen=True)
class Mixed(Units):
    """Types of units side by side in one layer.

    Parameters
    ----------
    parts : tuple of (Units, int)
        Types and their numbers of units, in the order of the columns.
    """

    parts: tuple

    @property
    def n_units(self):
        """Number of units of all parts."""
        return sum(size for _, size in self.parts)

    @property
    def is_binary(self):
        """Whether each unit has two states."""
        return all(kind.is_binary for kind, _ in self.parts)

    @property
    def is_positive(self):
        """Whether no value is negative."""
        return all(kind.is_positive for kind, _ in self.parts)

    @property
    def takes_zeros(self):
        """Whether zero is a value of all units."""
        return all(kind.takes_zeros for kind, _ in self.parts)

    def _slices(self):
        first = 0
        for kind, size in self.parts:
            yield kind, slice(first, first + size)
            first += size

    def _joined(self, ask, axis=-1):
        return np.concatenate([ask(kind, here) for kind, here in self._slices()], axis=axis)

    def runs(self, n_units):
        return self._joined(lambda kind, here: kind.runs(here.stop - here.start))

    def gaussian(self, n_units):
        return self._joined(lambda kind, here: kind.gaussian(here.stop - here.start))

    def takes_means(self, n_units):
        return self._joined(lambda kind, here: kind.takes_means(here.stop - here.start))

    def factors(self, n_units):
        parts = [kind.factors(size) for kind, size in self.parts]
        return None if None in parts else [factor for part in parts for factor in part]

    def part(self, kept):
        sizes = [(kind, kept[here]) for kind, here in self._slices() if kept[here].any()]
        return Mixed(tuple((kind.part(some), int(some.sum())) for kind, some in sizes))

    def nodes(self, low, high, log_variance=None):
        given = np.zeros(len(low)) if log_variance is None else log_variance
        parts = [kind.nodes(low[h], high[h], given[h]) for kind, h in self._slices()]
        return [node for part in parts for node in part]

    def bits(self, n_units):
        if not self.is_binary:
            return None
        parts = [kind.bits(size) for kind, size in self.parts]
        return tuple(np.concatenate(part) for part in zip(*parts))

    def _of_rows(self, method, X, log_variance, *more):
        given = np.zeros(X.shape[1]) if log_variance is None else log_variance
        return [
            getattr(kind, method)(X[:, here], given[here], *more) for kind, here in self._slices()
        ]

    def variance(self, field, log_variance=None):
        return np.concatenate(self._of_rows("variance", field, log_variance), axis=1)

    def log_partition(self, field, log_variance=None):
        return np.concatenate(self._of_rows("log_partition", field, log_variance), axis=1)

    def log_base(self, X, log_variance=None):
        return np.sum(self._of_rows("log_base", X, log_variance), axis=0)

    def first_biases(self, X, log_variance=None, weights=None):
        return np.concatenate(self._of_rows("first_biases", X, log_variance, weights))

    def first_log_variance(self, X, weights=None):
        return self._joined(lambda kind, here: kind.first_log_variance(X[:, here], weights))

    def check(self, X):
        return self._checked("check", X)

    def check_means(self, X):
        return self._checked("check_means", X)

    def filled(self, X):
        return self._checked("filled", X)

    def _checked(self, method, X):
        parts, same = [], True
        for kind, here in self._slices():
            given = X[:, here]
            try:
                parts.append(getattr(kind, method)(given))
            except ValueError as error:
                raise ValueError(f"In columns {here.start} to {here.stop - 1}: {error}") from None
            same = same and parts[-1] is given
        return X if same else side_by_side(parts)


NAMES = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "gaussian": Gaussian(),
    "truncated_exponential": TruncatedExponential(),
}
WAY_OUT = (
    f"Use {', '.join(map(repr, NAMES))}, a value such as Softmax((3, 3, 5)), or a list such as "
    "[('gaussian', 4), Softmax((3, 5))]."
)

# The laws of tests/laws/ run over these.
ALL = (
    Bernoulli(),
    Spin(),
    Gaussian(),
    TruncatedExponential(),
    Softmax((3, 2, 4)),
    Mixed(((Gaussian(), 2), (Softmax((3,)), 3), (Bernoulli(), 1), (Spin(), 2))),
)


def units_of(spec, n_units):
    """Return the units of a layer, from what a user may say of them.

    Parameters
    ----------
    spec : str, Units, or list
        A name, a value, or a list of pairs (name or value, number of units) and of values that
        know their number, for a layer of several types.
    n_units : int or None
        Number of units of the layer; None asks for nothing.

    Returns
    -------
    Units

    Raises
    ------
    ValueError
        If that is no type of units, or of another number.
    """
    found = _parsed(spec)
    if n_units is not None and found.n_units not in (None, n_units):
        raise ValueError(
            f"{spec!r} has {found.n_units} units, and the layer has {n_units}. Give sizes that "
            "sum to the number of columns."
        )
    return found


def _parsed(spec):
    if isinstance(spec, Units):
        return spec
    if isinstance(spec, str) and spec in NAMES:
        return NAMES[spec]
    if isinstance(spec, (list, tuple)) and spec:
        return Mixed(tuple(_part(entry) for entry in spec))
    raise ValueError(
        f"Units of a layer are a type or a list of types, and got {spec!r}. {WAY_OUT}"
    )


def _part(entry):
    if isinstance(entry, Units) and entry.n_units is not None:
        return entry, entry.n_units
    if isinstance(entry, (list, tuple)) and len(entry) == 2:
        kind, size = _parsed(entry[0]), entry[1]
        if isinstance(size, Integral) and size >= 1 and kind.n_units in (None, size):
            return kind, int(size)
    raise ValueError(
        "A list of units has pairs of a type and its number of units, or types that know their "
        f"number, and got {entry!r}. {WAY_OUT}"
    )
