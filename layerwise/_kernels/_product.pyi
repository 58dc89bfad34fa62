"""Door to src/product.h. Only ``layerwise.numerics`` calls it. Status 0 is returned."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def product(
    a: NDArray[Real],             # (m, depth)  in, any strides
    b: NDArray[Real],             # (depth, n)  in, any strides
    start: NDArray[Real],         # (m, n)      in, contiguous rows; or no rows, for zero
    scale: float,
    n_threads: int,
    c: NDArray[Real],             # (m, n)      out
) -> int: ...
