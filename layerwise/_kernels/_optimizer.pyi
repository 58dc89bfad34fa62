"""Door to src/optimizer/optimizer.h. Only ``layerwise.numerics`` calls it."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def size_of_optimizer(optimizer: NDArray[np.void]) -> int: ...
def update(
    gradient: NDArray[Real],           # (n,)         in
    optimizer: NDArray[np.void],       # (1,), of numerics.optimizer.OPTIMIZER  in; its count is of
                                       #              this step, from 1
    n_threads: int,
    parameter: NDArray[Real],          # (n,)         in-out
    first: NDArray[Real],              # (n,)         in-out
    second: NDArray[Real],             # (n,) or (0,) in-out
) -> int: ...
