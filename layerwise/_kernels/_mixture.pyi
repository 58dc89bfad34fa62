"""Doors to src/mixture.h. Only ``layerwise.numerics`` calls them. Status 0 is returned."""

import numpy as np
from numpy.typing import NDArray

def rows(
    low: NDArray[np.float64],     # (m, depth)  in
    high: NDArray[np.float64],    # (m, n)      in
    table: NDArray[np.float64],   # (n, depth)  in
    limit: NDArray[np.float64],   # (n,)        in, the largest of each row of table
    n_threads: int,
    sum: NDArray[np.float64],     # (m,)        out
) -> int: ...
def shares(
    low: NDArray[np.float64],     # (m, depth)  in
    high: NDArray[np.float64],    # (m, n)      in
    table: NDArray[np.float64],   # (n, depth)  in
    limit: NDArray[np.float64],   # (n,)        in, the largest of each row of table
    sum: NDArray[np.float64],     # (m,)        in, finite
    n_threads: int,
    by_high: NDArray[np.float64], # (m, n)      out
    by_low: NDArray[np.float64],  # (m, depth)  out
) -> int: ...
def pick(
    a: NDArray[np.float64],       # (m, n)      in
    b: NDArray[np.float64],       # (any, n)    in
    row: NDArray[np.int64],       # (m,)        in, of b; empty if row i is that of a
    uniform: NDArray[np.float64], # (m,)        in
    n_threads: int,
    index: NDArray[np.int64],     # (m,)        out
) -> int: ...
def cells(
    a: NDArray[np.float64],       # (m, depth)  in
    b: NDArray[np.float64],       # (n, depth)  in
    cell: NDArray[np.int64],      # (count,)    in, i * n + j of the pairs of rows (i, j)
    n_threads: int,
    sum: NDArray[np.float64],     # (count,)    out
) -> int: ...
