"""One pass of CD or PCD over the rows, and Gibbs steps, for units of any kind."""

from itertools import pairwise

import numpy as np

from layerwise._kernels import _rbm
from layerwise.numerics import runtime
from layerwise.numerics.rows import blocks, calls, dense, issparse, share_of_ones
from layerwise.numerics.status import check
from layerwise.numerics.streams import HIDDEN, VISIBLE
from layerwise.numerics.units import bernoulli_run

# A product with states takes half of the time of its multiply-adds in large batches, and threads
# wait for each other a few times a batch: 784 x 128 units in batches of 10 stay with one.
STATES_GAIN = 3
# How an RBM is moved between its layers: the codes of src/rbm/rbm.h. "dense" moves all kinds of
# units and any rows, the others Bernoulli units and rows of zeros and ones; "chosen" the fastest.
WAYS = {"chosen": 0, "dense": 1, "lists": 2, "lookup": 3}
# Gibbs steps of a call: enough to repay what a call sets up, few enough for Ctrl-C to be heard.
STEPS_OF_A_CALL = 50
UNKNOWN = -2.0  # share of ones that the kernel counts itself: LW_SHARE_UNKNOWN of src/rbm/rbm.h


def contrastive_pass(
    components, intercept_visible, intercept_hidden, X, order, chains, optimizer,
    *, rate, n_steps, batch_size, stream, visible=None, hidden=None, log_variance=None,
    weights=None, means=None, centered=False, target=None, cost=0.0, scratch=None, way="chosen",
):  # fmt: skip
    """One pass of CD-k or PCD-k, in place; return its objective.

    Each batch is a step down the free-energy gap: the mean F of the batch minus the mean F of the
    model's states, each over its own number of rows, the model's states held fixed. With A the
    log-partition of hidden units, F(v) = -b.v - sum_i log base(v_i) - sum_j A(c_j + W_j.v).

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
        Updated, as are the intercepts.
    intercept_visible : ndarray of shape (n_visible,)
    intercept_hidden : ndarray of shape (n_hidden,)
    X : ndarray or CSR of shape (n_samples, n_visible)
        States, or means of Bernoulli units. Cast to the dtype of the components. Sparse rows are
        made dense some batches at a time, and leave the same bits.
    order : ndarray of shape (n_rows,)
        Which rows, in which order.
    chains : ndarray of shape (n_chains, n_hidden) or None
        PCD's hidden states, updated; None for CD, whose chains start from each batch.
    optimizer : Optimizer
        Updated. Its arrays are laid out components, visible intercepts, hidden intercepts, log
        variances.
    rate : float
        Learning rate.
    n_steps : int
        Gibbs steps of the chains, at least 1.
    batch_size : int
        Rows of a batch. The last may be shorter.
    stream : Stream
        This pass's own.
    visible, hidden : ndarray of dtype RUN, default=None
        Kinds of the units, in runs of one kind; Bernoulli if None.
    log_variance : ndarray of shape (n_visible,), default=None
        Of Gaussian visible units, updated.
    weights : ndarray of shape (n_samples,), default=None
        Of the rows, above zero. Each mean over a batch's rows is by their weights, and so is that
        over CD's chains, which are the rows' own. None is equal ones.
    means : pair of ndarray of shapes (n_visible,) and (n_hidden,), default=None
        Running means of the data, updated: before the step t of the optimiser they go
        max(1 / t, 0.01) of the way to the batch's. Needed by ``centered`` and ``target``.
    centered : bool, default=False
        Whether the step is down the slopes by the parameters of an energy of v and h minus these
        means, in the parameters of the plain one: with dW, db, dc the plain slopes,
        dW' = dW - dc mean_v^T - mean_h db^T, db' = db - dW'^T mean_h, dc' = dc - dW' mean_v.
    target : ndarray of shape (n_hidden,), default=None
        What the running means of hidden units should be. A unit's field has the slope
        cost * (mean - target) in every row, beside the gap's.
    cost : float, default=0.0
    scratch : ndarray, default=None
        From ``contrastive_scratch``; None allocates it for this pass.
    way : {"chosen", "dense", "lists", "lookup"}, default="chosen"
        Any but the first is for comparison; one that cannot move these units or rows hands over.

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
    order = np.ascontiguousarray(order, dtype=np.int64)
    if chains is None:
        chains = np.empty((0, components.shape[0]), dtype=dtype)
    visible, hidden = runs_of(components, visible, hidden)
    nothing = np.empty(0, dtype=dtype)
    log_variance = nothing if log_variance is None else log_variance
    means = (nothing, nothing) if means is None else means
    target = nothing if target is None else np.ascontiguousarray(target, dtype=dtype)
    if scratch is None:
        scratch = contrastive_scratch(
            components, len(order), len(chains), batch_size, n_steps, visible, hidden
        )
    gap = np.empty(-(-len(order) // batch_size))
    most_rows = max(min(batch_size, len(order)), len(chains))
    n_threads = runtime.count(most_rows * components.size // STATES_GAIN)

    def batches(rows, here, weights, first, share):
        part = gap[first : first - (-len(here) // batch_size)]
        status = _rbm.contrastive(
            rows, here, visible, hidden, optimizer.as_array(rate), weights, target, cost, centered,
            batch_size, n_steps, WAYS[way], first, share, stream.as_array(), HIDDEN, VISIBLE,
            n_threads, components, intercept_visible, intercept_hidden, log_variance, chains,
            *means, optimizer.first, optimizer.second, scratch, part,
        )  # fmt: skip
        check(status)
        optimizer.count += len(part)

    if issparse(X):
        share = share_of_ones(X)
        for at in blocks(len(order), X.shape[1], dtype.itemsize, batch_size):
            here = order[at]
            part = np.empty(0) if weights is None else weights[here]
            rows = dense(X[here], dtype)
            batches(rows, np.arange(len(here)), part, at.start // batch_size, share)
    else:
        X = np.ascontiguousarray(X, dtype=dtype)
        given = np.empty(0) if weights is None else weights
        walks = n_steps * max(min(batch_size, len(order)), len(chains))
        work = (2 * min(batch_size, len(order)) + 2 * walks) * components.size
        cut = calls(len(order), batch_size, work)
        # All calls are to go the way that one would go.
        share = UNKNOWN if len(cut) == 1 else share_of_ones(X[order])
        for at in cut:
            batches(X, order[at], given, at.start // batch_size, share)
    return mean_over_rows(gap, order, batch_size, weights)


def mean_over_rows(gap, order, batch_size, weights):
    """Return the mean over rows of what each batch has the same of, by weights if not None."""
    first = batch_size * np.arange(len(gap))
    rows_of = np.minimum(batch_size, len(order) - first)
    if weights is not None:
        rows_of = np.add.reduceat(weights[order], first)
    return float(rows_of @ gap / rows_of.sum())


def contrastive_scratch(
    components, n_rows, n_chains, batch_size, n_steps, visible=None, hidden=None
):
    """Return memory for ``contrastive_pass``, to be used again over passes.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible)
    n_rows, n_chains, batch_size, n_steps : int
        No chains for CD.
    visible, hidden : ndarray of dtype RUN, default=None
        As in ``contrastive_pass``.

    Returns
    -------
    ndarray of uint8
    """
    n_hidden, n_visible = components.shape
    size = _rbm.scratch_size(
        n_visible, n_hidden, *runs_of(components, visible, hidden), n_rows, n_chains, batch_size,
        n_steps, components.dtype.itemsize,
    )  # fmt: skip
    return np.empty(size, dtype=np.uint8)


def runs_of(components, visible, hidden):
    """Return the kinds of both layers' units, Bernoulli where they are None."""
    n_hidden, n_visible = components.shape
    visible = bernoulli_run(n_visible) if visible is None else visible
    hidden = bernoulli_run(n_hidden) if hidden is None else hidden
    return visible, hidden


def gibbs(
    components, intercept_visible, intercept_hidden, states, stream, n_steps,
    *, visible=None, hidden=None, log_variance=None, way="chosen",
):  # fmt: skip
    """Take Gibbs steps: visible states given the hidden ones, then hidden given the visible.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
    intercept_visible : ndarray of shape (n_visible,)
    intercept_hidden : ndarray of shape (n_hidden,)
    states : ndarray of shape (n_chains, n_hidden)
        Hidden states of the chains, updated.
    stream : Stream
        The numbers of step s = 1 .. n_steps sit at step s of the lanes of both layers.
    n_steps : int
        At least 1.
    visible, hidden, log_variance, way
        As in ``contrastive_pass``.

    Returns
    -------
    ndarray of shape (n_chains, n_visible)
        The last visible states.
    """
    n_chains = len(states)
    visible, hidden = runs_of(components, visible, hidden)
    if log_variance is None:
        log_variance = np.empty(0, dtype=components.dtype)
    rows = np.empty((n_chains, components.shape[1]), dtype=components.dtype)
    n_threads = runtime.count(n_chains * components.size // STATES_GAIN)
    # Calls of equal length: many steps keep tables, few do not, and all are to go the same way.
    n_calls = -(-n_steps // STEPS_OF_A_CALL)
    scratch = contrastive_scratch(
        components, n_chains, n_chains, max(1, n_chains), n_steps // n_calls, visible, hidden
    )
    for done, end in pairwise(n_steps * call // n_calls for call in range(n_calls + 1)):
        check(_rbm.gibbs(
            components, intercept_visible, intercept_hidden, log_variance, visible, hidden,
            end - done, WAYS[way], stream.as_array(), done + 1, HIDDEN, VISIBLE, n_threads, states,
            rows, scratch,
        ))  # fmt: skip
    return rows


def anneal(
    components, intercept_visible, intercept_hidden, states, stream, betas, base,
    *, visible=None, hidden=None, log_variance=None, base_log_variance=None, progress=None,
    watch=None, way="chosen",
):  # fmt: skip
    """Take Gibbs steps of tempered chains; return visible states and importance weights.

    At beta an RBM is, with x = c + v W^T and A the log-partition of hidden units,
    log f_beta(v) = (1 - beta) (base.v + log base_0(v)) + beta (b.v + log base(v)) + sum_j
    A(beta x_j): itself at 1, and independent units at 0. A step draws visible states given the
    hidden ones, weighs the way from its beta to the next one, log f_next(v) - log f_beta(v), and
    draws hidden states at the next one.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
    intercept_visible : ndarray of shape (n_visible,)
    intercept_hidden : ndarray of shape (n_hidden,)
    states : ndarray of shape (n_chains, n_hidden)
        Hidden states of the chains at their first betas, updated. Of no account where these are 0.
    stream : Stream
        The numbers of step s = 1 .. n_steps sit at step s of the lanes of both layers.
    betas : ndarray of shape (n_steps + 1, n_chains), float64
        Of each step and chain; of any strides, so that all chains may share one row's numbers.
    base : ndarray of shape (n_visible,)
        Visible intercepts at beta 0.
    visible, hidden, log_variance
        As in ``contrastive_pass``.
    base_log_variance : ndarray of shape (n_visible,), default=None
        Of Gaussian visible units at beta 0.
    progress : callable, default=None
        Called after some steps as ``progress(done, n_steps)``.
    watch : callable, default=None
        Called with it as ``watch(done, log_weight)``, of the steps so far.
    way : {"chosen", "dense", "lookup"}, default="chosen"

    Returns
    -------
    visible : ndarray of shape (n_chains, n_visible)
        The last visible states, drawn at the last beta but one.
    log_weight : ndarray of shape (n_chains,), float64
        Sums over steps.
    """
    n_chains, n_steps = len(states), len(betas) - 1
    visible, hidden = runs_of(components, visible, hidden)
    nothing = np.empty(0, dtype=components.dtype)
    log_variance = nothing if log_variance is None else log_variance
    base_log_variance = nothing if base_log_variance is None else base_log_variance
    rows = np.empty((n_chains, components.shape[1]), dtype=components.dtype)
    log_weight = np.zeros(n_chains)
    if not n_chains:
        return rows, log_weight
    n_threads = runtime.count(n_chains * components.size // STATES_GAIN)
    # Calls of equal length go the same way, as in ``gibbs``.
    n_calls = -(-n_steps // STEPS_OF_A_CALL)
    scratch = np.empty(
        _rbm.anneal_scratch_size(
            *components.shape[::-1], visible, hidden, n_chains, -(-n_steps // n_calls),
            components.dtype.itemsize,
        ),
        dtype=np.uint8,
    )  # fmt: skip
    for done, end in pairwise(n_steps * call // n_calls for call in range(n_calls + 1)):
        check(_rbm.anneal(
            components, intercept_visible, intercept_hidden, log_variance, visible, hidden,
            betas[done : end + 1], base, base_log_variance, WAYS[way], stream.as_array(),
            done + 1, HIDDEN, VISIBLE, n_threads, states, rows, log_weight, scratch,
        ))  # fmt: skip
        if progress is not None:
            progress(end, n_steps)
        if watch is not None:
            watch(end, log_weight)
    return rows, log_weight
