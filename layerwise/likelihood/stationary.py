"""Where the chain of a stack of RBMs goes: its exact distribution, where layers can be listed."""

import math
import warnings

import numpy as np
from scipy.linalg import LinAlgWarning, lapack, lu_factor, lu_solve
from scipy.special import logsumexp

from layerwise.exceptions import Incompatible
from layerwise.likelihood.partition import refuse
from layerwise.models.stack import StackParams
from layerwise.models.states import n_states, states_of_units
from layerwise.numerics.rows import dense

__all__ = ["log_density", "log_stationary"]

# Of a layer, as a power of 2: matrices of 2**24 numbers, and a system of 2**12 unknowns, some
# seconds each.
LAYER_LIMIT = 12
# The least reciprocal condition of the system: below it fewer than four digits are known.
SINGULAR = 1e-12


def log_density(params):
    """Return the function from rows of states to log p(x) under the chain's distribution, in nats.

    Parameters
    ----------
    params : StackParams

    Raises
    ------
    TooManyStates
        If a layer has more than 2**12 states.
    Incompatible
        If the units of rows cannot be listed.
    """
    wide = StackParams(
        params.parameters.astype(float), params.shapes, params.visible, params.hidden,
        params.n_visible,
    )  # fmt: skip
    bottom, share = wide.layers[0], _of_first_hidden(wide)
    with np.errstate(divide="ignore"):  # of states that are never taken
        log_marginal = np.log(share)
    states = states_of_units(params.hidden, bottom.n_hidden)
    field = bottom.visible_field(states)
    partition = params.visible.log_partition_sums(field, wide.log_variance)

    def function(X):
        pairs = dense(X, np.float64) @ field.T + (log_marginal - partition)
        return logsumexp(pairs, axis=1) + params.visible.log_base(X, wide.log_variance)

    return function


def log_stationary(params):
    """Return log p(x) of all states x of the rows' units, of shape (2**n_visible,)."""
    return log_density(params)(states_of_units(params.visible, params.n_visible))


def _of_first_hidden(params):
    """Return the distribution of the first layer's hidden states on the way down.

    The chain's states of one layer, once a round, are a Markov chain of their own; the smallest
    layer's is solved for, and its distribution taken along the way to where it is asked for.
    """
    units = [params.visible] + [params.hidden] * len(params.layers)
    if n_states(params.visible, params.n_visible) is None:
        raise Incompatible(
            "The exact distribution of a DRBN lists the states of the rows' units, and those of "
            f"{params.visible!r} cannot be listed. Use parzen_log_likelihood on samples."
        )
    for name, (kind, n) in enumerate(zip(units, params.sizes)):
        refuse(
            math.log2(n_states(kind, n)),
            LAYER_LIMIT,
            "The rows of a DRBN" if name == 0 else f"Layer {name} of a DRBN",
            "Only small ones have exact likelihoods: use parzen_log_likelihood on samples.",
        )
    listed = [states_of_units(kind, n) for kind, n in zip(units, params.sizes)]
    up, down = [], []
    for layer, below, above in zip(params.layers, listed, listed[1:]):
        up.append(_probabilities(layer.hidden, layer.hidden_field(below), above))
        down.append(_probabilities(layer.visible, layer.visible_field(above), below))
    # The round from rows to rows: up, then down from the top; cut where a layer is smallest.
    moves = [*up, *reversed(down)]
    first = int(np.argmin([len(states) for states in listed]))
    ordered = moves[first:] + moves[:first]
    share = _fixed_point(ordered)
    for move in moves[first : len(moves) - 1]:
        share = share @ move
    return share


def _probabilities(units, field, states):
    """Return p(state | field) of each field (rows) and each state (columns)."""
    linear = field @ states.T - units.log_partition_sums(field)[:, None]
    found = np.exp(linear + units.log_base(states))
    return found / found.sum(axis=1, keepdims=True)  # of what rounding has left


def _fixed_point(moves):
    """Return the distribution that a round of moves leaves as it is."""
    whole = moves[0]
    for move in moves[1:]:
        whole = whole @ move
    system = whole.T - np.eye(len(whole))
    system[0] = 1.0  # in the place of one of the equations, of which one says nothing
    size = np.abs(system).sum(axis=0).max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)  # of a singular one, which is told below
        factors = lu_factor(system)
    if not lapack.dgecon(factors[0], size)[0] > SINGULAR:
        raise ValueError(
            "The chain of the DRBN hardly leaves some states, so that its distribution cannot be "
            "told from the rounding of its probabilities. Its weights are too large for an exact "
            "likelihood: train for fewer passes, or with weight_decay."
        )
    share = np.maximum(lu_solve(factors, np.eye(len(whole))[0]), 0)
    share = share @ whole  # a round forgets a part of what rounding left
    return share / share.sum()
