"""Doors to src/network/network.h. Only ``layerwise.numerics`` calls them. A status is returned."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def size_of_layer(layers: NDArray[np.void]) -> int: ...
def size_of_branch(branches: NDArray[np.void]) -> int: ...
def scratch_size(
    layers: NDArray[np.void],      # (n_layers,) of numerics.network.LAYER  in
    dropout: NDArray[np.float64],  # (n_layers,), or (0,)                   in
    outputs: NDArray[np.void],     # (n_runs,) of numerics.units.RUN, or (0,)  in
    branches: NDArray[np.void],    # (n_branches,) of numerics.network.BRANCH, or (0,)  in
    contraction: NDArray[np.float64],  # (n_layers,), or (0,)               in
    batch_size: int,
    size: int,                     # bytes of a number: 4 or 8
) -> int: ...                      # not a status: the bytes of scratch
def affine(
    parameter: NDArray[Real],      # (n_parameters,)                        in
    layers: NDArray[np.void],      # (n_layers,)                            in
    value: NDArray[Real],          # (n_rows, n_inputs of layer k)          in
    k: int,
    n_threads: int,
    field: NDArray[Real],          # (n_rows, n_units of layer k)           out
) -> int: ...
def activate(
    activation: int,
    n_threads: int,
    value: NDArray[Real],          # (n_rows, n_units)                      in-out
) -> int: ...
def network_pass(
    value: NDArray[Real],          # (n_samples, n_inputs of layer 0)       in
    target: NDArray[Real],         # (n_samples, n_units of the last layer) in
    order: NDArray[np.int64],      # (n_rows,)                              in
    weights: NDArray[np.float64],  # (n_samples,), or (0,)                  in; of the rows, above zero
    layers: NDArray[np.void],      # (n_layers,)                            in
    dropout: NDArray[np.float64],  # (n_layers,), or (0,); below 1          in
    outputs: NDArray[np.void],     # (n_runs,); (0,) for the squared error  in
    branches: NDArray[np.void],    # (n_branches,), or (0,)                 in
    contraction: NDArray[np.float64],  # (n_layers,), or (0,); 0 of the last  in
    batch_size: int,
    corruption: float,
    code: int,                     # 1 .. n_layers - 1, or -1 for none
    optimizer: NDArray[np.void],   # (1,); its count is of the first step, from 1  in
    key: NDArray[np.uint32],       # (4,)                                   in
    first_step: int,               # that of the first batch's random numbers
    lane_corruption: int,
    lane_code: int,
    lane_dropout: int,             # of layer 0; those of the others follow
    n_threads: int,
    parameter: NDArray[Real],      # (n_parameters,)                        in-out
    first: NDArray[Real],          # (n_parameters,)                        in-out
    second: NDArray[Real],         # (n_parameters,), with sgd (0,)         in-out
    scratch: NDArray[np.uint8],    # (scratch_size,)                        scratch
    row_loss: NDArray[Real],       # (n_rows,)                              out
) -> int: ...
