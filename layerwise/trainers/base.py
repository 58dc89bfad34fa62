"""What all trainers share: the form of a pass, the learning rate, and what a parameter may be."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from layerwise.exceptions import Diverged


class Pass(NamedTuple):
    """One pass over the data, as a trainer reports it.

    Attributes
    ----------
    index : int
        Which pass, from 0.
    objective : float
        The trainer's stated objective in nats per row, over this pass: it is being minimised.
    log_likelihood : float
        Exact mean log-likelihood of the pass's rows after it, in nats; NaN where it was not
        computed.
    """

    index: int
    objective: float
    log_likelihood: float = math.nan


@dataclass(frozen=True)
class Interval:
    """Numbers of a type from ``low`` to ``high``; a bracket "[" or "]" takes its end in."""

    kind: type
    low: float
    high: float = np.inf
    brackets: str = "[)"

    def __contains__(self, value):
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        above = value >= self.low if self.brackets[0] == "[" else value > self.low
        below = value <= self.high if self.brackets[1] == "]" else value < self.high
        return bool(above and below)

    def __str__(self):
        name = "an int" if self.kind is Integral else "a float"
        low = self.low if self.kind is Integral else float(self.low)
        high = self.high if self.kind is Integral else float(self.high)
        return f"{name} in the range {self.brackets[0]}{low}, {high}{self.brackets[1]}"


@dataclass(frozen=True)
class Options:
    """One of a few strings."""

    values: tuple

    def __contains__(self, value):
        return isinstance(value, str) and value in self.values

    def __str__(self):
        return "a str among {" + ", ".join(map(repr, self.values)) + "}"


@dataclass(frozen=True)
class Instance:
    """Any object of some types, called by a name: a bool, or None."""

    kinds: tuple
    name: str

    def __contains__(self, value):
        return isinstance(value, self.kinds)

    def __str__(self):
        return self.name


class Callable:
    """Anything that can be called."""

    def __contains__(self, value):
        return callable(value)

    def __str__(self):
        return "a callable"


COUNT = Interval(Integral, 1)
NONE = Instance((type(None),), "None")


class Trainer(BaseEstimator):
    """An iterator over passes: ``passes(model, rows, stream)`` improves ``model`` and yields.

    A trainer is a value: parameters only, no state. ``objective`` is the name, in ``history_``, of
    what it minimises, ``needs`` is the type of model that it improves, and ``limits`` says what
    its parameters may be: for each, the sets of which one must contain it.
    """

    objective = ""
    needs = object
    limits: ClassVar = {
        "learning_rate": (Interval(Real, 0, brackets="()"),),
        "momentum": (Interval(Real, 0, 1),),
        "weight_decay": (Interval(Real, 0),),
        "batch_size": (COUNT,),
        "n_passes": (COUNT,),
        "optimizer": (Options(("adam", "sgd")),),
        "schedule": (Options(("constant", "linear", "warmup")), Callable()),
        "resample": (Instance((bool, np.bool_), "an instance of 'bool'"),),
    }  # fmt: skip

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        for name, sets in self.limits.items():
            value = getattr(self, name, None)
            if not any(value in allowed for allowed in sets):
                must = " or ".join(map(str, sets))
                raise ValueError(
                    f"The {name!r} parameter of {type(self).__name__} must be {must}. "
                    f"Got {value!r} instead."
                )

    def rate(self, index):
        """Return the learning rate of a pass.

        Parameters
        ----------
        index : int
            Which pass, from 0.

        Returns
        -------
        float
        """
        if callable(self.schedule):
            return self.learning_rate * self.schedule(index)
        rate = self.learning_rate
        if self.schedule != "constant":
            rate *= 1 - index / self.n_passes
        if self.schedule == "warmup":
            rate *= min(1, (index + 1) / max(1, self.n_passes // 10))
        return rate

    def diverged(self, index):
        """Return the error of a pass after which the model is of no use.

        Parameters
        ----------
        index : int
            Which pass, from 0.

        Returns
        -------
        Diverged
        """
        decay = f", weight_decay={self.weight_decay}" if self.weight_decay else ""
        return Diverged(
            f"{type(self).__name__} left the finite numbers, or a parameter grew beyond 2**30, in "
            f"pass {index} (learning_rate={self.learning_rate}{decay}). "
            f"Lower the learning rate{' or the weight decay' if decay else ''}."
        )
