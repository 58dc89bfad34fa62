"""Doors to src/rbm/rbm.h. Only ``layerwise.numerics`` calls them.

Parameters and the optimiser's arrays are laid out components, visible intercepts, hidden
intercepts, log variances: n_parameters = (n_visible + 1) * (n_hidden + 1) - 1, and n_visible more
where there are Gaussian units. Units are runs of one kind each, of numerics.units.RUN.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)

def scratch_size(
    n_visible: int,
    n_hidden: int,
    visible_units: NDArray[np.void],   # (n_runs,)               in
    hidden_units: NDArray[np.void],    # (n_runs,)               in
    n_rows: int,
    n_chains: int,
    batch_size: int,
    n_steps: int,
    size: int,                         # bytes of a number
) -> int: ...
def contrastive(
    rows: NDArray[Real],               # (n_samples, n_visible)  in
    order: NDArray[np.int64],          # (n_rows,)               in
    visible_units: NDArray[np.void],   # (n_runs,)               in
    hidden_units: NDArray[np.void],    # (n_runs,)               in
    optimizer: NDArray[np.void],       # (1,)                    in; its count is of steps before
    weights: NDArray[np.float64],      # (n_samples,) or (0,)    in; of the rows, above zero
    target: NDArray[Real],             # (n_hidden,) or (0,)     in; of the hidden means
    cost: float,                       # of missing the target
    centered: bool,
    batch_size: int,
    n_steps: int,
    way: int,                          # of numerics.rbm.WAYS
    first_batch: int,                  # its number in the pass, of which this may be a part
    share: float,                      # of ones in the pass's rows: numerics.rbm.share_of_ones
    key: NDArray[np.uint32],           # (4,)                    in
    hidden_lane: int,
    visible_lane: int,
    n_threads: int,
    components: NDArray[Real],         # (n_hidden, n_visible)   in-out
    intercept_visible: NDArray[Real],  # (n_visible,)            in-out
    intercept_hidden: NDArray[Real],   # (n_hidden,)             in-out
    log_variance: NDArray[Real],       # (n_visible,) or (0,)    in-out
    chains: NDArray[Real],             # (n_chains, n_hidden)    in-out; no rows for CD
    mean_visible: NDArray[Real],       # (n_visible,)            in-out; (0,) if neither
    mean_hidden: NDArray[Real],        # (n_hidden,)             in-out; centred nor with a target
    first: NDArray[Real],              # (n_parameters,)         in-out
    second: NDArray[Real],             # (n_parameters,) or (0,) in-out
    scratch: NDArray[np.uint8],        # (>= scratch_size,)      out
    gap: NDArray[np.float64],          # (n_batches,)            out
) -> int: ...
def gibbs(
    components: NDArray[Real],         # (n_hidden, n_visible)   in
    intercept_visible: NDArray[Real],  # (n_visible,)            in
    intercept_hidden: NDArray[Real],   # (n_hidden,)             in
    log_variance: NDArray[Real],       # (n_visible,) or (0,)    in
    visible_units: NDArray[np.void],   # (n_runs,)               in
    hidden_units: NDArray[np.void],    # (n_runs,)               in
    n_steps: int,
    way: int,
    key: NDArray[np.uint32],           # (4,)                    in
    first_step: int,                   # its random numbers' step
    hidden_lane: int,
    visible_lane: int,
    n_threads: int,
    hidden: NDArray[Real],             # (n_chains, n_hidden)    in-out
    visible: NDArray[Real],            # (n_chains, n_visible)   out
    scratch: NDArray[np.uint8],        # (>= scratch_size of n_rows = n_chains)  out
) -> int: ...
def anneal_scratch_size(
    n_visible: int,
    n_hidden: int,
    visible_units: NDArray[np.void],   # (n_runs,)               in
    hidden_units: NDArray[np.void],    # (n_runs,)               in
    n_chains: int,
    n_steps: int,
    itemsize: int,
) -> int: ...
def anneal(
    components: NDArray[Real],         # (n_hidden, n_visible)   in
    intercept_visible: NDArray[Real],  # (n_visible,)            in
    intercept_hidden: NDArray[Real],   # (n_hidden,)             in
    log_variance: NDArray[Real],       # (n_visible,) or (0,)    in
    visible_units: NDArray[np.void],   # (n_runs,)               in
    hidden_units: NDArray[np.void],    # (n_runs,)               in
    betas: NDArray[np.float64],        # (n_steps + 1, n_chains) in; of any strides
    base: NDArray[Real],               # (n_visible,)            in; intercepts at beta 0
    base_log_variance: NDArray[Real],  # like log_variance       in
    way: int,
    key: NDArray[np.uint32],           # (4,)                    in
    first_step: int,                   # its random numbers' step
    hidden_lane: int,
    visible_lane: int,
    n_threads: int,
    hidden: NDArray[Real],             # (n_chains, n_hidden)    in-out
    visible: NDArray[Real],            # (n_chains, n_visible)   out
    log_weight: NDArray[np.float64],   # (n_chains,)             in-out
    scratch: NDArray[np.uint8],        # (>= anneal_scratch_size,)  out
) -> int: ...
