"""Doors to src/units/units.h and src/base/philox.h. Only ``layerwise.numerics`` calls them. Status 0 is returned."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def philox(
    counter: NDArray[np.uint32],  # (4,)   in
    key: NDArray[np.uint32],      # (2,)   in
    out: NDArray[np.uint32],      # (4,)   out
) -> int: ...
def words(
    key: NDArray[np.uint32],      # (4,)               in
    step: int,
    lane: int,
    n_threads: int,
    word: NDArray[np.uint32],     # (n_rows, n_units)  out
) -> int: ...
def states(
    mean: NDArray[Real],          # (n_rows, n_units)  in
    key: NDArray[np.uint32],      # (4,)               in
    first_row: int,               # the address of row 0
    step: int,
    lane: int,
    n_threads: int,
    state: NDArray[Real],         # (n_rows, n_units)  out
) -> int: ...
def size_of_run(units: NDArray[np.void]) -> int: ...
def unit_means(
    field: NDArray[Real],         # (n_rows, n_units)                   in
    units: NDArray[np.void],      # (n_runs,) of numerics.units.RUN     in
    scale: NDArray[Real],         # (n_units,), or (0,)                 in
    n_threads: int,
    mean: NDArray[Real],          # (n_rows, n_units)                   out
) -> int: ...
def unit_draws(
    field: NDArray[Real],         # (n_rows, n_units)                   in
    units: NDArray[np.void],      # (n_runs,)                           in
    scale: NDArray[Real],         # (n_units,), or (0,)                 in
    key: NDArray[np.uint32],      # (4,)                                in
    step: int,
    lane: int,
    n_threads: int,
    state: NDArray[Real],         # (n_rows, n_units)                   out
) -> int: ...
def unit_log_partitions(
    field: NDArray[Real],         # (n_rows, n_units)                   in
    units: NDArray[np.void],      # (n_runs,)                           in
    scale: NDArray[Real],         # (n_units,), or (0,)                 in
    n_threads: int,
    total: NDArray[np.float64],   # (n_rows,)                           out
) -> int: ...
