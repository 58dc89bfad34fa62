"""What training tells of a pass, and where it stands between two."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from layerwise.likelihood.tempering import Ladder
from layerwise.numerics.optimizer import Optimizer
from layerwise.numerics.streams import Stream

__all__ = ["Pass", "TrainingState"]


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
    validation : float
        Mean log-likelihood of held-out rows after it, in nats; NaN where none are held out, or
        where it costs too much.
    validation_gap : float
        Mean free energy of held-out rows minus that of as many others, where they are judged by
        it; NaN elsewhere.
    swap_rate : float
        Which part of the swaps of the two neighbouring replicas that swap least was accepted; NaN
        where there are none.
    """

    index: int
    objective: float
    log_likelihood: float = math.nan
    validation: float = math.nan
    validation_gap: float = math.nan
    swap_rate: float = math.nan


@dataclass(eq=False)
class TrainingState:
    """Where training stands: each pass improves it in place, and it can be gone on from.

    Parameters
    ----------
    model : RBMParams or AutoEncoderParams
        What is trained.
    optimizer : Optimizer
    stream : Stream
        Where the random numbers of all passes come from: those of a pass are a function of this
        and of its index.
    chains : ndarray of shape (n_chains, n_hidden), default=None
        Hidden states of persistent chains, where there are some.
    n_passes : int, default=0
        Passes taken so far.
    first : int, default=0
        The pass that the trainer's schedule and its ``n_passes`` are counted from: those before
        it belong to trainings that have ended, and that are gone on from.
    means : pair of ndarray, default=None
        Running means of the data's visible and hidden units, where training asks for them.
    ladder : likelihood.tempering.Ladder, default=None
        Inverse temperatures of replicas, where there are some: chains stand in their order.
    swap_rate : float, default=nan
        As of ``Pass``, of the last one.
    """

    model: object
    optimizer: Optimizer
    stream: Stream
    chains: np.ndarray | None = None
    n_passes: int = 0
    first: int = 0
    means: tuple | None = None
    ladder: Ladder | None = None
    swap_rate: float = math.nan

    @property
    def since(self):
        """Passes taken since the first one that counts."""
        return self.n_passes - self.first
