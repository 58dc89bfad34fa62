"""Door to src/product.h. Only ``layerwise.numerics`` calls it. Status 0 is returned."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def product(
    a: NDArray[Real],     # (m, depth), or (depth, m) if transpose_a   in
    b: NDArray[Real],     # (depth, n), or (n, depth) if transpose_b   in
    bias: NDArray[Real],  # (n,)                                       in
    transpose_a: bool,
    transpose_b: bool,
    n_threads: int,
    out: NDArray[Real],   # (m, n)                                     out
) -> int: ...
