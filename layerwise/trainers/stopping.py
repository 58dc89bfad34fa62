"""Early stopping: training ends when the likelihood of held-out rows rises no more."""

import math
from numbers import Real

import numpy as np

from layerwise._sklearn import POSITIVE_INTEGER, Interval

__all__ = ["CONSTRAINTS", "EarlyStopping", "held_out"]

CONSTRAINTS = {
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_passes_no_change": [POSITIVE_INTEGER],
}


def held_out(trainer, state, rows):
    """Return the rows to train on, and an :class:`EarlyStopping` on the others.

    Parameters
    ----------
    trainer : Trainer
    state : TrainingState
        Which rows are held out is a function of its stream.
    rows : LayerInput

    Returns
    -------
    rows : LayerInput
    stopping : EarlyStopping
    """
    n_held = math.ceil(trainer.validation_fraction * len(rows))
    if n_held >= len(rows):
        raise ValueError(
            f"early_stopping asks for rows to train on beside the held-out ones, and "
            f"validation_fraction={trainer.validation_fraction} of {len(rows)} rows are all of "
            "them. Give more rows, or set early_stopping=False."
        )
    stream = state.stream.child("validation")
    order = stream.generator().permutation(len(rows))
    X = rows.take(np.sort(order[:n_held])).draw(stream.child("rows"))
    stopping = EarlyStopping(
        state.model, lambda: trainer._likelihood(state, X), trainer.n_passes_no_change
    )
    return rows.take(np.sort(order[n_held:])), stopping


class EarlyStopping:
    """Watches a number that should rise, and keeps the parameters that it was highest with.

    Parameters
    ----------
    model : object with ``arrays``
        Which training writes to.
    value : callable
        Returns the number, of the model as it stands.
    patience : int
        Passes without a new highest value after which training is over.
    """

    def __init__(self, model, value, patience):
        self.model, self.value, self.patience = model, value, patience
        self.highest, self.waited, self.kept = -math.inf, 0, None

    @property
    def is_over(self):
        """Whether training should end."""
        return self.waited >= self.patience

    def judge(self):
        """Look at the model after a pass, and return the number."""
        value = float(self.value())
        if value > self.highest:
            self.highest, self.waited = value, 0
            self.kept = [array.copy() for array in self.model.arrays()]
        else:
            self.waited += 1
        return value

    def restore(self):
        """Give the model the parameters that the number was highest with."""
        for array, kept in zip(self.model.arrays(), self.kept or ()):
            array[...] = kept
