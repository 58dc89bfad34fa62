"""Doors to src/rbm/stack.h. Only ``layerwise.numerics`` calls them. A status is returned."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def size_of_layer(layers: NDArray[np.void]) -> int: ...
def scratch_size(
    layers: NDArray[np.void],         # (n_layers,) of numerics.stack.LAYER  in
    visible_units: NDArray[np.void],  # (n_runs,) of numerics.units.RUN      in
    n_rows: int,
    n_chains: int,
    batch_size: int,
    n_steps: int,
    size: int,                        # bytes of a number: 4 or 8
) -> int: ...                         # not a status: the bytes of scratch
def stack_pass(
    rows: NDArray[Real],              # (n_samples, n_visible)               in
    order: NDArray[np.int64],         # (n_rows,)                            in
    weights: NDArray[np.float64],     # (n_samples,), or (0,); above zero    in
    layers: NDArray[np.void],         # (n_layers,), at most 16              in
    visible_units: NDArray[np.void],  # (n_runs,)                            in
    optimizer: NDArray[np.void],      # (1,) of numerics.optimizer.STRUCT    in
    batch_size: int,
    n_steps: int,
    first_batch: int,
    key: NDArray[np.uint32],          # (4,)                                 in
    hidden_lane: int,
    visible_lane: int,
    lane: int,
    n_threads: int,
    parameter: NDArray[Real],         # (n_parameters,)                      in-out
    first: NDArray[Real],             # (n_parameters,)                      in-out
    second: NDArray[Real],            # (n_parameters,), or (0,)             in-out
    chains: NDArray[Real],            # (n_chains, n_top), or (0, n_top)     in-out
    scratch: NDArray[np.uint8],       # (scratch_size,)                      scratch
    gap: NDArray[np.float64],         # (n_batches,)                         out
) -> int: ...
def stack_gibbs(
    parameter: NDArray[Real],         # (n_parameters,)                      in
    layers: NDArray[np.void],         # (n_layers,)                          in
    visible_units: NDArray[np.void],  # (n_runs,)                            in
    n_steps: int,
    key: NDArray[np.uint32],          # (4,)                                 in
    first_step: int,
    hidden_lane: int,
    visible_lane: int,
    lane: int,
    n_threads: int,
    top: NDArray[Real],               # (n_chains, n_top)                    in-out
    visible: NDArray[Real],           # (n_chains, n_visible)                out
    scratch: NDArray[np.uint8],       # (scratch_size,)                      scratch
) -> int: ...
