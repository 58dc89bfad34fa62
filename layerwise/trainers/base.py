"""What all trainers share: the form of a pass, and the learning rate over passes."""

from typing import NamedTuple

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
    """

    index: int
    objective: float


class Trainer(BaseEstimator):
    """An iterator over passes: ``passes(model, rows, stream)`` improves ``model`` and yields.

    A trainer is a value: parameters only, no state. ``objective`` names what it minimises.
    """

    objective = ""

    def rate(self, index):
        """Return the learning rate of pass ``index``."""
        if self.schedule == "linear":
            return self.learning_rate * (1 - index / self.n_passes)
        if callable(self.schedule):
            return self.learning_rate * self.schedule(index)
        return self.learning_rate

    def diverged(self, index):
        """Return the error of a pass that left the finite numbers."""
        return Diverged(
            f"{type(self).__name__} left the finite numbers in pass {index} "
            f"(learning_rate={self.learning_rate}). Lower the learning rate."
        )
