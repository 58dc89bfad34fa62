"""Draws of rows that hold means: what a number about states says of them."""

import numpy as np
from scipy.sparse import csr_array, vstack

from layerwise.models.units import BITS
from layerwise.numerics import units
from layerwise.numerics.rows import blocks, dense, issparse
from layerwise.numerics.streams import DATA, Stream

__all__ = ["N_DRAWS", "all_drawn", "all_states", "are_states", "expected", "states_of"]

# Draws of each row of means. A prime: multiples of one unit's shift then take all places, so that
# any two units' places are as unrelated as if each had an order of its own (Latin hypercube
# sampling). On real-valued digits the standard deviation of a row's log-likelihood is 0.12 nats,
# that of the mean over 200 rows 0.009; independent draws have 0.59 and 0.045.
N_DRAWS = 17
# Values of states that are held at a time: 64 MB.
VALUES_AT_A_TIME = 2**23


def are_states(X, takes_means=True):
    """Return which rows hold states and no means, of shape (n_rows,).

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_units)
    takes_means : bool or ndarray of shape (n_units,), default=True
        Which units are Bernoulli units, whose values may be means: see ``Units.takes_means``.
    """
    return np.all((X == 0) | (X == 1) | np.logical_not(takes_means), axis=1)


def all_states(X, takes_means):
    """Return whether no value of any row is a mean.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_units)
    takes_means : ndarray of shape (n_units,)
        As in ``are_states``.
    """
    if not issparse(X):
        return bool(np.all(are_states(X, takes_means)))
    return bool(np.all((X.data == 0) | (X.data == 1) | ~takes_means[X.indices]))


def states_of(means, takes_means=True):
    """Return ``N_DRAWS`` states of each row of means of Bernoulli units.

    Each draw is one of the row's product of Bernoullis; together they are spread evenly, so that
    each unit is 1 in its mean's share of them, to within one. They are a function of the row's
    values alone: whoever asks, and whatever other rows there are, gets the same.

    Parameters
    ----------
    means : ndarray of shape (n_rows, n_units)
    takes_means : bool or ndarray of shape (n_units,), default=True
        As in ``are_states``; the values of other units are states, and stay.

    Returns
    -------
    ndarray of shape (n_rows, N_DRAWS, n_units), of the same dtype
    """
    draw = np.arange(N_DRAWS)[:, None]
    states = np.empty((len(means), N_DRAWS, means.shape[1]), means.dtype)
    for row, into in zip(means, states):
        stride, shift, within = units.uniforms(
            3, len(row), Stream.of_values(row), step=0, lane=DATA
        )
        stride = 1 + np.floor(stride * (N_DRAWS - 1)).astype(int)
        shift = np.floor(shift * N_DRAWS).astype(int)
        place = (stride * draw + shift) % N_DRAWS
        into[...] = np.where(takes_means, place + within < N_DRAWS * row, row)
    return states


def all_drawn(X, takes_means):
    """Return the draws of all rows, those of ``states_of``, one row's after the other's.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_units)
    takes_means : ndarray of shape (n_units,)

    Returns
    -------
    ndarray or CSR of shape (n_rows * N_DRAWS, n_units)
    """
    if not issparse(X):
        return states_of(X, takes_means).reshape(-1, X.shape[1])
    here = blocks(*X.shape, N_DRAWS * X.dtype.itemsize)
    return vstack(
        [csr_array(all_drawn(dense(X[rows]), takes_means)) for rows in here], format="csr"
    )


def expected(function, X, units=BITS):
    """Return the mean of a function of states over draws of each row.

    Parameters
    ----------
    function : callable
        Takes states, of shape (n_states, n_units), and returns a number for each.
    X : ndarray or CSR of shape (n_rows, n_units)
        A row of states is its own only draw.
    units : Units, default=Bernoulli()
        What the values are of.

    Returns
    -------
    value : ndarray of shape (n_rows,), float64
    variance : ndarray of shape (n_rows,), float64
        Of the value, as if draws were independent: the true one is smaller. Zero for states.
    """
    if issparse(X):
        here = blocks(*X.shape, X.dtype.itemsize)
        parts = [expected(function, dense(X[rows]), units) for rows in here]
        return tuple(np.concatenate(part) for part in zip(*parts))
    value, variance = np.empty(len(X)), np.zeros(len(X))
    takes_means = units.takes_means(X.shape[1])
    certain = are_states(X, takes_means)
    if certain.all():
        value[:] = function(X)
        return value, variance
    if certain.any():
        value[certain] = function(X[certain])
    rows = np.flatnonzero(~certain)
    size = max(1, VALUES_AT_A_TIME // (N_DRAWS * X.shape[1]))
    for at in range(0, len(rows), size):
        here = rows[at : at + size]
        drawn = states_of(X[here], takes_means)
        found = function(drawn.reshape(-1, X.shape[1])).reshape(len(here), N_DRAWS)
        value[here] = found.mean(axis=1)
        variance[here] = found.var(axis=1, ddof=1) / N_DRAWS
    return value, variance
