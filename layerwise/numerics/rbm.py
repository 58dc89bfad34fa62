"""One pass of training over the rows, and one step of an optimiser."""

from itertools import pairwise

import numpy as np

from layerwise._kernels import _rbm
from layerwise.numerics import runtime
from layerwise.numerics.status import check
from layerwise.numerics.streams import HIDDEN, VISIBLE

# A product with states takes half of the time of its multiply-adds in large batches, and threads
# wait for each other a few times a batch: 784 x 128 units in batches of 10 stay with one.
STATES_GAIN = 3
# Gibbs steps of a call: enough to repay what a call sets up, few enough for Ctrl-C to be heard.
STEPS_OF_A_CALL = 50


def contrastive_pass(
    components, intercept_visible, intercept_hidden, X, order, chains, optimizer,
    *, rate, n_steps, batch_size, stream, scratch=None,
):  # fmt: skip
    """One pass of CD-k or PCD-k, in place; return its objective.

    Each batch is a step down the free-energy gap: the mean F of the batch minus the mean F of the
    model's states, each over its own number of rows, the model's states held fixed.
    F(v) = -b.v - sum_j softplus(c_j + W_j.v).

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
        Updated, as are the intercepts.
    intercept_visible : ndarray of shape (n_visible,)
    intercept_hidden : ndarray of shape (n_hidden,)
    X : ndarray of shape (n_samples, n_visible)
        States, or means of them. Cast to the dtype of the components.
    order : ndarray of shape (n_rows,)
        Which rows, in which order.
    chains : ndarray of shape (n_chains, n_hidden) or None
        PCD's hidden states, updated; None for CD, whose chains start from each batch.
    optimizer : Optimizer
        Updated. Its arrays are laid out components, visible intercepts, hidden intercepts.
    rate : float
        Learning rate.
    n_steps : int
        Gibbs steps of the chains, at least 1.
    batch_size : int
        Rows of a batch. The last may be shorter.
    stream : Stream
        This pass's own.
    scratch : ndarray, default=None
        From ``contrastive_scratch``; None allocates it for this pass.

    Returns
    -------
    float
        The free-energy gap in nats, each row's batch measured before its step.

    Raises
    ------
    Diverged
        If a parameter is not finite, or 2**30 and more in size.
    """
    dtype = components.dtype
    X = np.ascontiguousarray(X, dtype=dtype)
    order = np.ascontiguousarray(order, dtype=np.int64)
    if chains is None:
        chains = np.empty((0, components.shape[0]), dtype=dtype)
    if scratch is None:
        scratch = contrastive_scratch(components, len(order), len(chains), batch_size, n_steps)
    gap = np.empty(-(-len(order) // batch_size))
    most_rows = max(min(batch_size, len(order)), len(chains))
    n_threads = runtime.count(most_rows * components.size // STATES_GAIN)
    status = _rbm.contrastive(
        X, order, batch_size, n_steps, optimizer.code, rate, optimizer.momentum, optimizer.decay,
        optimizer.count, stream.as_array(), HIDDEN, VISIBLE, n_threads, components,
        intercept_visible, intercept_hidden, chains, optimizer.first, optimizer.second, scratch,
        gap,
    )  # fmt: skip
    check(status)
    optimizer.count += len(gap)
    rows_of = np.minimum(batch_size, len(order) - batch_size * np.arange(len(gap)))
    return float(rows_of @ gap / len(order))


def contrastive_scratch(components, n_rows, n_chains, batch_size, n_steps):
    """Return memory for ``contrastive_pass``, to be used again over passes.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible)
    n_rows, n_chains, batch_size, n_steps : int
        No chains for CD.

    Returns
    -------
    ndarray of uint8
    """
    n_hidden, n_visible = components.shape
    size = _rbm.scratch_size(
        n_rows, n_visible, n_hidden, n_chains, batch_size, n_steps, components.dtype.itemsize
    )
    return np.empty(size, dtype=np.uint8)


def gibbs(components, intercept_visible, intercept_hidden, hidden, stream, n_steps):
    """Take Gibbs steps: visible states given the hidden ones, then hidden given the visible.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
    intercept_visible : ndarray of shape (n_visible,)
    intercept_hidden : ndarray of shape (n_hidden,)
    hidden : ndarray of shape (n_chains, n_hidden)
        States of the chains, updated.
    stream : Stream
        The numbers of step s = 1 .. n_steps sit at step s of the lanes of both layers.
    n_steps : int
        At least 1.

    Returns
    -------
    ndarray of shape (n_chains, n_visible)
        The last visible states.
    """
    n_chains = len(hidden)
    visible = np.empty((n_chains, components.shape[1]), dtype=components.dtype)
    n_threads = runtime.count(n_chains * components.size // STATES_GAIN)
    # Calls of equal length: many steps keep tables, few do not, and all are to go the same way.
    n_calls = -(-n_steps // STEPS_OF_A_CALL)
    scratch = contrastive_scratch(
        components, n_chains, n_chains, max(1, n_chains), n_steps // n_calls
    )
    for done, end in pairwise(n_steps * call // n_calls for call in range(n_calls + 1)):
        check(_rbm.gibbs(
            components, intercept_visible, intercept_hidden, end - done, stream.as_array(),
            done + 1, HIDDEN, VISIBLE, n_threads, hidden, visible, scratch,
        ))  # fmt: skip
    return visible


def descend(parameters, gradients, optimizer, *, rate):
    """Take one step of the optimiser down the gradients, in place; the first parameter decays.

    Parameters
    ----------
    parameters : sequence of C-contiguous ndarrays, float32 or float64
        In the order in which the optimiser's arrays are laid out: weights, then biases.
    gradients : sequence of ndarrays of the same shapes
        Cast to the dtype of the parameters.
    optimizer : Optimizer
    rate : float

    Raises
    ------
    Diverged
        If a parameter is not finite, or 2**30 and more in size.
    """
    optimizer.count += 1
    start, decay = 0, optimizer.decay
    for parameter, gradient in zip(parameters, gradients, strict=True):
        here = slice(start, start + parameter.size)
        status = _rbm.update(
            np.ascontiguousarray(gradient, dtype=parameter.dtype).reshape(-1),
            optimizer.code, rate, optimizer.momentum, decay, optimizer.count,
            runtime.count(parameter.size), parameter.reshape(-1), optimizer.first[here],
            optimizer.second[here],
        )  # fmt: skip
        check(status)
        start, decay = here.stop, 0.0
