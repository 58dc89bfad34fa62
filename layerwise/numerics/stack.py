"""One pass of joint CD or PCD over a stack of RBMs, and steps of its chain."""

from itertools import pairwise

import numpy as np

from layerwise._kernels import _stack
from layerwise.numerics import runtime
from layerwise.numerics.layouts import agreed
from layerwise.numerics.rbm import STATES_GAIN, STEPS_OF_A_CALL, mean_over_rows
from layerwise.numerics.rows import blocks, calls, dense, issparse
from layerwise.numerics.status import check
from layerwise.numerics.streams import HIDDEN, STACK, VISIBLE

# The most layers that a pass takes: LW_STACK_MOST of src/rbm/stack.h.
MOST_LAYERS = 16
PLACES = "components", "intercept_visible", "intercept_hidden", "log_variance"

# lw_stack_layer of the same.
LAYER = agreed(
    np.dtype(
        [
            (name, np.int64)
            for name in (
                *("n_visible", "n_hidden", "hidden_kind"),
                *("height", "width", "channels", "size", "stride"),
                *PLACES,
            )
        ]
    ),
    _stack.size_of_layer,
)


def layout(n_visible, layers, *, has_variances=False):
    """Where each layer's weights and intercepts stand in one flat array of parameters.

    Layer by layer, there are the weights, the visible and then the hidden intercepts, and after
    those of the first layer the logarithms of the variances, if there are Gaussian units.

    Parameters
    ----------
    n_visible : int
        Units of a row.
    layers : sequence of tuples (n_hidden, kind, grid)
        Hidden units of each layer, for each patch if ``grid`` is not None but (height, width,
        channels, size, stride); and the code of their kind.
    has_variances : bool, default=False

    Returns
    -------
    layers : ndarray of shape (n_layers,), of dtype LAYER
    n_parameters : int
    """
    found, at, below = np.zeros(len(layers), dtype=LAYER), 0, n_visible
    for k, (n_hidden, kind, grid) in enumerate(layers):
        size, n_patches = below, 1
        if grid is not None:
            height, width, channels, side, stride = grid
            size = side * side * channels
            n_patches = ((height - side) // stride + 1) * ((width - side) // stride + 1)
        places = [at, at + n_hidden * size, at + n_hidden * size + below, -1]
        at = places[2] + n_hidden
        if k == 0 and has_variances:
            places[3], at = at, at + below
        found[k] = (below, n_hidden, kind, *(grid or (0,) * 5), *places)
        below = n_hidden * n_patches
    return found, at


def stack_pass(
    parameters, layers, X, order, chains, optimizer,
    *, rate, n_steps, batch_size, stream, visible, weights=None, scratch=None,
):  # fmt: skip
    """One pass of joint CD-k or PCD-k, in place; return its objective.

    Each batch is a step of every layer down its own free-energy gap, as ``contrastive_pass`` takes
    it: the mean F of the data minus that of the model's states. The data of a layer are states
    drawn given the states below it, up from the rows. The model's states are those of chains that
    go down through all layers and up again, ``n_steps`` times, each state drawn given the last
    one; they start from the data's states of the top, or go on from their own. What patches share
    steps by the mean of their slopes.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,), float32 or float64
        Updated.
    layers : ndarray of shape (n_layers,), of dtype LAYER
        As ``layout`` returns it; at most 16.
    X : ndarray or CSR of shape (n_samples, n_visible)
        States, or means of Bernoulli units. Sparse rows are made dense some batches at a time, and
        leave the same bits.
    order : ndarray of shape (n_rows,)
        Which rows, in which order.
    chains : ndarray of shape (n_chains, n_units of the top) or None
        PCD's states of the top, updated; None for CD.
    optimizer : Optimizer
        Updated. Its arrays are laid out as the parameters.
    rate : float
    n_steps : int
        Rounds of a chain, down and up, at least 1.
    batch_size : int
    stream : Stream
        This pass's own.
    visible : ndarray of dtype RUN
        Kinds of the units of rows.
    weights : ndarray of shape (n_samples,), default=None
        Of the rows, as in ``contrastive_pass``.
    scratch : ndarray, default=None
        From ``stack_scratch``; None allocates it for this pass.

    Returns
    -------
    float
        The sum of the layers' gaps in nats, each row's batch measured before its step.

    Raises
    ------
    Diverged
        If a parameter is not finite, or 2**30 and more in size.
    """
    dtype = parameters.dtype
    order = np.ascontiguousarray(order, dtype=np.int64)
    if chains is None:
        chains = np.empty((0, 1), dtype=dtype)
    if scratch is None:
        scratch = stack_scratch(
            parameters, layers, len(order), len(chains), batch_size, n_steps, visible
        )
    gap = np.empty(-(-len(order) // batch_size))
    n_data = min(batch_size, len(order))
    most_rows = max(n_data, len(chains))
    n_threads = runtime.count(most_rows * len(parameters) // len(layers) // STATES_GAIN)

    def batches(rows, here, weights, first):
        part = gap[first : first - (-len(here) // batch_size)]
        status = _stack.stack_pass(
            rows, here, weights, layers, visible, optimizer.as_array(rate), batch_size, n_steps,
            first, stream.as_array(), HIDDEN, VISIBLE, STACK, n_threads, parameters,
            optimizer.first, optimizer.second, chains, scratch, part,
        )  # fmt: skip
        check(status)
        optimizer.count += len(part)

    if issparse(X):
        for at in blocks(len(order), X.shape[1], dtype.itemsize, batch_size):
            here = order[at]
            part = np.empty(0) if weights is None else weights[here]
            batches(dense(X[here], dtype), np.arange(len(here)), part, at.start // batch_size)
    else:
        X = np.ascontiguousarray(X, dtype=dtype)
        given = np.empty(0) if weights is None else weights
        work = (3 * n_data + 2 * n_steps * most_rows) * len(parameters)
        for at in calls(len(order), batch_size, work):
            batches(X, order[at], given, at.start // batch_size)
    return mean_over_rows(gap, order, batch_size, weights)


def stack_scratch(parameters, layers, n_rows, n_chains, batch_size, n_steps, visible):
    """Return memory for ``stack_pass``, to be used again over passes.

    Parameters
    ----------
    parameters, layers, visible : ndarray
        As in ``stack_pass``.
    n_rows, n_chains, batch_size, n_steps : int
        No chains for CD.

    Returns
    -------
    ndarray of uint8
    """
    size = _stack.scratch_size(
        layers, visible, n_rows, n_chains, batch_size, n_steps, parameters.itemsize
    )
    return np.empty(size, dtype=np.uint8)


def stack_gibbs(parameters, layers, states, stream, n_steps, *, visible):
    """Take steps of chains: down through all layers, and up again.

    Parameters
    ----------
    parameters, layers, visible : ndarray
        As in ``stack_pass``.
    states : ndarray of shape (n_chains, n_units of the top)
        Updated.
    stream : Stream
        The numbers of step s = 1 .. n_steps sit at step s of the lanes of all layers.
    n_steps : int
        At least 1.

    Returns
    -------
    ndarray of shape (n_chains, n_visible)
        The last visible states.
    """
    n_chains = len(states)
    rows = np.empty((n_chains, int(layers["n_visible"][0])), dtype=parameters.dtype)
    n_threads = runtime.count(n_chains * len(parameters) // len(layers) // STATES_GAIN)
    n_calls = -(-n_steps // STEPS_OF_A_CALL)
    scratch = stack_scratch(
        parameters, layers, n_chains, n_chains, max(1, n_chains), n_steps, visible
    )
    for done, end in pairwise(n_steps * call // n_calls for call in range(n_calls + 1)):
        check(_stack.stack_gibbs(
            parameters, layers, visible, end - done, stream.as_array(), done + 1, HIDDEN, VISIBLE,
            STACK, n_threads, states, rows, scratch,
        ))  # fmt: skip
    return rows
