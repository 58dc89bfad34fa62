"""Doors to src/rbm/rbm.h and src/optimizer/optimizer.h. Only ``layerwise.numerics`` calls them.

Parameters and the optimiser's arrays are laid out components, visible intercepts, hidden
intercepts: n_parameters = (n_visible + 1) * (n_hidden + 1) - 1.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def scratch_size(
    n_rows: int,
    n_visible: int,
    n_hidden: int,
    n_chains: int,
    batch_size: int,
    n_steps: int,
    size: int,                         # bytes of a number
) -> int: ...
def contrastive(
    rows: NDArray[Real],               # (n_samples, n_visible)  in
    order: NDArray[np.int64],          # (n_rows,)               in
    batch_size: int,
    n_steps: int,
    kind: int,
    rate: float,
    momentum: float,
    decay: float,
    count: int,                        # steps taken before
    key: NDArray[np.uint32],           # (4,)                    in
    hidden_lane: int,
    visible_lane: int,
    n_threads: int,
    components: NDArray[Real],         # (n_hidden, n_visible)   in-out
    intercept_visible: NDArray[Real],  # (n_visible,)            in-out
    intercept_hidden: NDArray[Real],   # (n_hidden,)             in-out
    chains: NDArray[Real],             # (n_chains, n_hidden)    in-out; no rows for CD
    first: NDArray[Real],              # (n_parameters,)         in-out
    second: NDArray[Real],             # (n_parameters,) or (0,) in-out
    scratch: NDArray[np.uint8],        # (>= scratch_size,)      out
    gap: NDArray[np.float64],          # (n_batches,)            out
) -> int: ...
def gibbs(
    components: NDArray[Real],         # (n_hidden, n_visible)   in
    intercept_visible: NDArray[Real],  # (n_visible,)            in
    intercept_hidden: NDArray[Real],   # (n_hidden,)             in
    n_steps: int,
    key: NDArray[np.uint32],           # (4,)                    in
    first_step: int,                   # its random numbers' step
    hidden_lane: int,
    visible_lane: int,
    n_threads: int,
    hidden: NDArray[Real],             # (n_chains, n_hidden)    in-out
    visible: NDArray[Real],            # (n_chains, n_visible)   out
    scratch: NDArray[np.uint8],        # (>= scratch_size of n_rows = n_chains)  out
) -> int: ...
def update(
    gradient: NDArray[Real],           # (n,)         in
    kind: int,
    rate: float,
    momentum: float,
    decay: float,
    count: int,                        # this step, from 1
    n_threads: int,
    parameter: NDArray[Real],          # (n,)         in-out
    first: NDArray[Real],              # (n,)         in-out
    second: NDArray[Real],             # (n,) or (0,) in-out
) -> int: ...
