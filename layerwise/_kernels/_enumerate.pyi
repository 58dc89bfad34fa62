"""Doors to src/enumerate/enumerate.h. Only ``layerwise.numerics`` calls them. Status 0 is returned.

All take weights (n_analytic, n_enumerated) and the biases of both layers, and work on the chunks
first <= k < last of the 2**n_enumerated states, with ``scratch`` doubles of memory.
"""

import numpy as np
from numpy.typing import NDArray

def chunks(n_enumerated: int) -> int: ...
def slabs(n_analytic: int, n_enumerated: int) -> tuple[int, int]: ...
def scratch(n_analytic: int, n_enumerated: int, n_threads: int) -> int: ...
def sums(
    weights: NDArray[np.float64],          # (n_analytic, n_enumerated)  in
    analytic_bias: NDArray[np.float64],    # (n_analytic,)               in
    enumerated_bias: NDArray[np.float64],  # (n_enumerated,)             in
    first: int,
    last: int,
    n_threads: int,
    memory: NDArray[np.float64],           # (scratch,)                  out
    mantissa: NDArray[np.float64],         # (last - first,)             out
    exponent: NDArray[np.int64],           # (last - first,)             out
) -> int: ...
def logs(
    weights: NDArray[np.float64],          # (n_analytic, n_enumerated)  in
    analytic_bias: NDArray[np.float64],    # (n_analytic,)               in
    enumerated_bias: NDArray[np.float64],  # (n_enumerated,)             in
    first: int,
    last: int,
    n_threads: int,
    memory: NDArray[np.float64],           # (scratch,)                  out
    log_weight: NDArray[np.float64],       # (states of the chunks,)     out
) -> int: ...
def moments(
    weights: NDArray[np.float64],          # (n_analytic, n_enumerated)  in
    analytic_bias: NDArray[np.float64],    # (n_analytic,)               in
    enumerated_bias: NDArray[np.float64],  # (n_enumerated,)             in
    first: int,
    last: int,
    single: bool,
    n_threads: int,
    memory: NDArray[np.float64],           # (scratch,)                  out
    slab: NDArray[np.float64],             # slabs(...)                  in-out
) -> int: ...
def under(
    weights: NDArray[np.float64],          # (n_analytic, n_enumerated)  in
    analytic_bias: NDArray[np.float64],    # (n_analytic,)               in
    enumerated_bias: NDArray[np.float64],  # (n_enumerated,)             in
    given: NDArray[np.float64],            # (2**n_enumerated,)          in
    least: float,
    first: int,
    last: int,
    single: bool,
    n_threads: int,
    memory: NDArray[np.float64],           # (scratch,)                  out
    slab: NDArray[np.float64],             # slabs(...)                  in-out
) -> int: ...
def fold(
    slab: NDArray[np.float64],             # slabs(...)                  in
    log_z: NDArray[np.float64],            # (1,)                        out
    mean_analytic: NDArray[np.float64],    # (n_analytic,)               out
    mean_enumerated: NDArray[np.float64],  # (n_enumerated,)             out
    correlation: NDArray[np.float64],      # (n_analytic, n_enumerated)  out
) -> int: ...
