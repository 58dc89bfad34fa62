"""Draws of some visible units given the states of all others."""

import numpy as np

from layerwise.likelihood.mixtures import latent_log_marginals
from layerwise.likelihood.partition import refuse
from layerwise.likelihood.plain import table
from layerwise.likelihood.posterior import Posterior
from layerwise.likelihood.sampling import drawn_index, exact_states, first_states
from layerwise.models.conditional import Conditional
from layerwise.models.rbm import RBMParams
from layerwise.models.states import states_of_units
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.products import product
from layerwise.numerics.streams import CODE, STATE

__all__ = ["given_states", "given_states_of_layer"]

# As powers of 2, what is listed for exact draws: states of the latent units, once for all rows,
# and of the free units, for each row anew. A deep model has no other way to its draws.
LATENT_LIMIT, FREE_LIMIT, DEEP_LIMIT = 20, 16, 24


def given_states(dbn, X, free, stream, n_steps):
    """Return rows whose free units are drawn from the model, given the others of their row.

    With the latent units over the data listed, p(h | known) is a table, given which free units are
    independent. Of an RBM with many hidden units and few free ones those are listed. Where neither
    can be, its Gibbs chains keep the known units as they are.

    Parameters
    ----------
    dbn : DBNParams
    X : ndarray of shape (n_rows, n_visible)
        States, of free units any.
    free : ndarray of shape (n_rows, n_visible), bool
        Of units that depend on each other, as in a softmax group, all or none.
    stream : Stream
    n_steps : int
        Of Gibbs chains, at least 1.

    Returns
    -------
    ndarray of shape (n_rows, n_visible)
        Of the dtype of X, with its values where units are not free.

    Raises
    ------
    TooManyStates
        If a deep model has more than 24 latent units over the data, or marginals of its layers
        take too many states.
    """
    if dbn.conditionals or dbn.top.n_hidden <= LATENT_LIMIT:
        return _by_pattern(_LatentListed.of(dbn), X, free, stream)
    # Rows with many free units go as chains, all together.
    few = np.array([_bits(dbn.top, pattern) <= FREE_LIMIT for pattern in free], dtype=bool)
    states = _by_pattern(_FreeListed(dbn.top), X, free & few[:, None], stream.child("listed"))
    if not few.all():
        states[~few] = _chains(dbn.top, X[~few], free[~few], stream.child("chains"), n_steps)
    return states


def given_states_of_layer(conditional, log_marginal, X, free, stream):
    """Return rows whose free units are drawn from one layer under its own latent distribution.

    Draws go by the posterior of the latent units given the known units of a row, and are exact.

    Parameters
    ----------
    conditional : Conditional
        p(x | h), with latent units of two states each.
    log_marginal : callable
        Returns log p(h) of all latent states, which are at most 2**24.
    X, free, stream
        As in ``given_states``.

    Returns
    -------
    ndarray of shape (n_rows, n_visible)

    Raises
    ------
    TooManyStates
        If there are more than 24 latent units.
    """
    refuse(
        conditional.n_latent,
        DEEP_LIMIT,
        "A draw from a layer given some of its units",
        "Give the layer fewer units, or sample without given.",
    )
    return _by_pattern(_LatentListed(conditional, log_marginal()), X, free, stream)


def _bits(params, pattern):
    """Return the logarithm of the number of states of some visible units, infinite of continuous
    ones.
    """
    if not pattern.any():
        return 0.0
    factors = params.visible.part(pattern).factors(int(pattern.sum()))
    return np.inf if factors is None else sum(np.log2(len(factor)) for factor in factors)


def _by_pattern(draw, X, free, stream):
    """Return rows whose free units are drawn, those with the same ones free at a time."""
    states = X.copy()
    patterns, which = np.unique(free, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == number)
        if pattern.any():
            found = draw(X[rows], pattern, stream.child(number))
            states[np.ix_(rows, pattern)] = found
    return states


class _LatentListed:
    """Draws of free units by way of the latent units, all of whose states are listed."""

    def __init__(self, conditional, log_marginal):
        self.given, self.log_marginal = conditional, log_marginal

    @classmethod
    def of(cls, dbn):
        if not dbn.conditionals:
            return cls(dbn.bottom, _hidden_log_weights(dbn.top))
        refuse(
            dbn.bottom.n_latent,
            DEEP_LIMIT,
            "A draw from a deep model given some of its units",
            "Give its first layer fewer units, or sample without given.",
        )
        return cls(dbn.bottom, latent_log_marginals(dbn)[0])

    def __call__(self, X, pattern, stream):
        latent = self._latent(X, ~pattern, stream)
        drawn = self.given.sample(latent, stream, step=0, lane=STATE)
        return drawn[:, pattern].astype(X.dtype)

    def _latent(self, X, known, stream):
        given = self.given
        if not known.any():
            index = drawn_index(self.log_marginal, len(X), stream, lane=CODE)
            states = states_of_units(given.latent, given.n_latent, at=index)
            return states.astype(given.weights.dtype)
        of_known = Conditional(
            given.weights[:, known], given.bias[known], given.visible.part(known), given.latent,
            _log_variance(given, known),
        )  # fmt: skip
        posterior = Posterior(of_known, self.log_marginal)
        return posterior.sample(np.ascontiguousarray(X[:, known]), stream, step=0, lane=CODE)


class _FreeListed:
    """Draws of free units of an RBM, all of whose states are listed."""

    def __init__(self, params):
        self.params = params

    def __call__(self, X, pattern, stream):
        params, known = self.params, ~pattern
        drawn = np.empty((len(X), int(pattern.sum())), X.dtype)
        rows, which = np.unique(X[:, known], axis=0, return_inverse=True)
        for number, row in enumerate(rows):
            here = which.ravel() == number
            fields = product(row[None].astype(float), params.components[:, known].T.astype(float))
            # Given the known units, the free ones are those of an RBM of other hidden biases.
            part = RBMParams(
                params.components[:, pattern].astype(float),
                params.intercept_visible[pattern],
                params.intercept_hidden + fields[0],
                params.visible.part(pattern),
                params.hidden,
            )
            drawn[here] = exact_states(
                part, int(here.sum()), stream.child(number), limit=FREE_LIMIT
            )
        return drawn


def _chains(params, X, free, stream, n_steps):
    """Return the ends of Gibbs chains that keep the known units of their rows."""
    dtype = params.components.dtype
    known = X.astype(dtype)
    states = np.where(free, first_states(params, len(X), stream.child("start")), known)
    for step in range(1, n_steps + 1):
        hidden = params.sample_hidden(states, stream, step=step)
        states = np.where(free, params.sample_visible(hidden, stream, step=step), known)
    return np.where(free, states.astype(X.dtype), X)


def _hidden_log_weights(params):
    """Return log p(h) of all hidden states of an RBM, up to a constant."""
    bits, _ = params.in_bits()
    if bits.over_bits:
        W, b, c = bits.arrays()
        return enumeration.log_weights(np.ascontiguousarray(W.T), b, c)
    return table(bits, "hidden")


def _log_variance(conditional, kept):
    """Return the logarithms of the variances of some units, or None where none is Gaussian."""
    gaussian = conditional.visible.gaussian(conditional.n_visible)
    return conditional.log_variance[kept] if gaussian[kept].any() else None
