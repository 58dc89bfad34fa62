"""Early stopping: training ends when held-out rows gain no more."""

import math
from numbers import Real

import numpy as np

from layerwise._sklearn import POSITIVE_INTEGER, Interval

__all__ = ["CONSTRAINTS", "EarlyStopping", "GapStopping", "free_energy_gap", "held_out"]

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
    stopping : EarlyStopping or None
        None if there are too few rows to hold some out, and nobody insists on it.
    """
    n_held = math.ceil(trainer.validation_fraction * len(rows))
    if n_held >= len(rows) and trainer.early_stopping == "auto":
        return rows, None
    if n_held >= len(rows):
        raise ValueError(
            f"early_stopping asks for rows to train on beside the held-out ones, and "
            f"validation_fraction={trainer.validation_fraction} of {len(rows)} rows are all of "
            "them. Give more rows, or set early_stopping=False."
        )
    stream = state.stream.child("validation")
    order = stream.generator().permutation(len(rows))
    held, part = rows.take(np.sort(order[:n_held])), rows.take(np.sort(order[n_held:]))
    stopping = trainer._stopping(state, part, held.draw(stream.child("rows")), held)
    return part, stopping


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

    # Of the field of Pass that tells the number.
    name = "validation"

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
            self.highest = value
            self._keep()
        else:
            self.waited += 1
        return value

    def _keep(self):
        self.waited = 0
        self.kept = [array.copy() for array in self.model.arrays()]

    def restore(self):
        """Give the model the parameters that the number was highest with."""
        for array, kept in zip(self.model.arrays(), self.kept or ()):
            array[...] = kept


class GapStopping(EarlyStopping):
    """Watches a gap between held-out and other rows, which should not grow surely wider.

    A model that learns fits the rows it is trained on better than others, so the smallest gap is
    not the best model's: the latest parameters are kept for as long as the gap is not wider than
    the smallest one seen by more than three standard errors. That needs no partition function.

    Parameters
    ----------
    model : object with ``arrays``
    value : callable
        Returns the gap and its standard error, of the model as it stands.
    patience : int
        Passes in a row with a wider gap after which training is over.
    """

    name = "validation_gap"
    SURELY = 3  # standard errors

    def __init__(self, model, value, patience):
        super().__init__(model, value, patience)
        self.smallest = math.inf

    def judge(self):
        """Look at the model after a pass, and return the gap."""
        gap, error = self.value()
        self.smallest = min(self.smallest, gap)
        if gap <= self.smallest + self.SURELY * error:
            self._keep()
        else:
            self.waited += 1
        return gap


def free_energy_gap(params, held, others):
    """Return the mean free energy of held-out rows minus that of others, and its standard error.

    Parameters
    ----------
    params : RBMParams
    held, others : pair of states and of weights, or None, of their rows

    Returns
    -------
    gap, error : float
    """
    means, variances = [], []
    for X, weights in (held, others):
        energies = params.free_energy(X)
        share = np.full(len(energies), 1 / len(energies))
        if weights is not None:
            share = weights / weights.sum()
        means.append(float(energies @ share))
        variances.append(float((energies - means[-1]) ** 2 @ share**2))
    return means[0] - means[1], math.sqrt(sum(variances))
