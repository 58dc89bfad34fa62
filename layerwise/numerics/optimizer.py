"""The state of an optimiser between passes."""

from dataclasses import dataclass

import numpy as np

KINDS = {"sgd": 0, "adam": 1}  # the codes of src/optimizer/optimizer.h


@dataclass
class Optimizer:
    """What momentum SGD or Adam remembers of a flat sequence of parameters.

    Parameters
    ----------
    kind : {"sgd", "adam"}
    momentum : float
        Momentum of SGD; beta1 of Adam.
    decay : float
        Weight decay (L2). Kernels apply it to weights, not to biases.
    first, second : ndarray of shape (n_parameters,)
        Velocity (SGD) or first moment (Adam), and second moment (Adam).
    count : int
        Steps (batches) taken so far.
    """

    kind: str
    momentum: float
    decay: float
    first: np.ndarray
    second: np.ndarray
    count: int = 0

    @classmethod
    def start(cls, kind, n_parameters, dtype, *, momentum, decay):
        """Return the state before the first step."""
        first = np.zeros(n_parameters, dtype=dtype)
        second = np.zeros(n_parameters if kind == "adam" else 0, dtype=dtype)
        return cls(kind, momentum, decay, first, second)

    @property
    def code(self):
        """The kernel's name for ``kind``."""
        return KINDS[self.kind]
