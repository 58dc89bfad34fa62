"""The state of an optimiser between passes, and one step of it."""

from dataclasses import dataclass

import numpy as np

from layerwise._kernels import _optimizer
from layerwise.numerics import runtime
from layerwise.numerics.layouts import agreed
from layerwise.numerics.status import check

KINDS = {"sgd": 0, "adam": 1}  # the codes of src/optimizer/optimizer.h

# lw_optimizer of src/optimizer/optimizer.h.
OPTIMIZER = agreed(
    np.dtype(
        [
            ("kind", np.int64),
            ("rate", np.float64),
            ("momentum", np.float64),
            ("decay", np.float64),
            ("l1_decay", np.float64),
            ("count", np.int64),
        ]
    ),
    _optimizer.size_of_optimizer,
)


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
    l1_decay : float, default=0.0
        The same of L1: after each step weights are closer to zero by the learning rate times this,
        and zero if they were no further away.
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
    l1_decay: float = 0.0

    @classmethod
    def start(cls, kind, n_parameters, dtype, *, momentum, decay, l1_decay=0.0):
        """Return the state before the first step."""
        first = np.zeros(n_parameters, dtype=dtype)
        second = np.zeros(n_parameters if kind == "adam" else 0, dtype=dtype)
        return cls(kind, momentum, decay, first, second, l1_decay=l1_decay)

    def as_array(self, rate, *, count=None, decays=True):
        """Return what kernels take: an array of one structured value.

        Parameters
        ----------
        rate : float
            Learning rate.
        count : int, default=None
            ``self.count`` if None.
        decays : bool, default=True
            False leaves out both decays.
        """
        count = self.count if count is None else count
        decay, l1_decay = (self.decay, self.l1_decay) if decays else (0.0, 0.0)
        step = KINDS[self.kind], rate, self.momentum, decay, l1_decay, count
        return np.array([step], dtype=OPTIMIZER)


def descend(parameters, gradients, optimizer, *, rate):
    """Take one step of the optimiser down the gradients, in place; matrices decay.

    Parameters
    ----------
    parameters : sequence of C-contiguous ndarrays, float32 or float64
        In the order in which the optimiser's arrays are laid out. Those of two dimensions are
        weights.
    gradients : sequence of ndarrays of the same shapes
        Cast to the dtype of the parameters.
    optimizer : Optimizer
    rate : float

    Raises
    ------
    Diverged
        If a parameter is not finite, or 2**30 and more in size.
    """
    optimizer.count += 1
    start = 0
    for parameter, gradient in zip(parameters, gradients, strict=True):
        here = slice(start, start + parameter.size)
        status = _optimizer.update(
            np.ascontiguousarray(gradient, dtype=parameter.dtype).reshape(-1),
            optimizer.as_array(rate, decays=parameter.ndim == 2),
            runtime.count(parameter.size),
            parameter.reshape(-1),
            optimizer.first[here],
            optimizer.second[here],
        )
        check(status)
        start = here.stop
