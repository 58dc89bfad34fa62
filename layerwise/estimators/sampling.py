"""Samples of fitted models, free or given some of their units."""

import warnings
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar

from layerwise._sklearn import validated_rows
from layerwise.estimators.checks import validate
from layerwise.exceptions import Incompatible
from layerwise.likelihood.clamped import given_states, given_states_of_layer
from layerwise.likelihood.sampling import exact_states, first_states

__all__ = ["rows_to_start", "sample_given", "sample_layer_given", "sample_visible"]

# Exact draws list the smaller layer; 2**20 states are a table of 8 MB, made in milliseconds.
EXACT_SAMPLES = 20


def sample_visible(params, n_samples, n_steps, stream, sampler=None):
    """Return states of an RBM's visible units: exact draws, or the ends of Gibbs chains.

    A sampler, such as ``ParallelTempering``, is taken in any case.
    """
    check_scalar(n_steps, "n_steps", Integral, min_val=1)
    if sampler is not None:
        if not hasattr(sampler, "draw"):
            raise TypeError(
                f"sampler must be a ParallelTempering() or have its method draw, and is "
                f"{sampler!r}. None is Gibbs sampling."
            )
        start = first_states(params, n_samples, stream.child("start"))
        states, advice = sampler.draw(params, start, n_steps, stream.child("tempered"))
        if advice is not None:
            warnings.warn(advice, ConvergenceWarning, stacklevel=3)
        return states
    states = exact_states(params, n_samples, stream, limit=EXACT_SAMPLES)
    if states is not None:
        return states
    start = first_states(params, n_samples, stream.child("start"))
    return params.gibbs(start, stream.child("gibbs"), n_steps)


def sample_given(estimator, given, n_samples, n_steps, stream):
    """Return ``n_samples`` draws for each row of known states, of which NaN are free.

    Parameters
    ----------
    estimator : RBM or DBN
        Fitted.
    given : array-like or sparse matrix of shape (n_rows, n_features)
    n_samples, n_steps : int
    stream : Stream

    Returns
    -------
    ndarray of shape (n_rows * n_samples, n_features)
        The draws of one row stand together.
    """
    check_scalar(n_steps, "n_steps", Integral, min_val=1)
    if not estimator.conditional_.is_affine:
        raise Incompatible(
            f"sample(given=...) of {type(estimator).__name__} asks for a first layer whose "
            "p(x | h) is affine, and it has a decoder of several layers. Use a first layer such "
            "as AutoEncoder."
        )
    draw = partial(given_states, estimator.model_, n_steps=n_steps)
    return _drawn(estimator, given, n_samples, draw, stream)


def sample_layer_given(estimator, given, n_samples, log_marginal, stream):
    """Return what ``sample_given`` does, of a layer under a latent distribution of its own.

    Parameters
    ----------
    estimator : AutoEncoder or LatentLayer
        Fitted.
    given : array-like or sparse matrix of shape (n_rows, n_features)
    n_samples : int
    log_marginal : callable
        Returns log p(h) of all latent states, of shape (2**n_components,).
    stream : Stream

    Returns
    -------
    ndarray of shape (n_rows * n_samples, n_features)
    """
    draw = partial(given_states_of_layer, estimator.conditional_, log_marginal)
    return _drawn(estimator, given, n_samples, draw, stream)


def rows_to_start(estimator, start, n_samples):
    """Return rows that chains are to start from, if there are as many as chains."""
    rows = validate(estimator, start, estimator.visible_units_)
    if len(rows) != n_samples:
        raise ValueError(
            f"sample asks for {n_samples} chains, and start has {len(rows)} rows. Pass as many "
            "rows as chains."
        )
    return rows


def _drawn(estimator, given, n_samples, draw, stream):
    X, free = _known(estimator, given)
    X, free = (np.repeat(array, n_samples, axis=0) for array in (X, free))
    return draw(X, free, stream.child("given"))


def _known(estimator, given):
    """Return rows with some state in the place of NaN, and which units are free."""
    X = validated_rows(estimator, given, reset=False, allow_nan=True)
    units, free = estimator.visible_units_, np.isnan(X)
    X = units.check(units.filled(X).astype(X.dtype, copy=False))
    means = units.takes_means(X.shape[1]) & (X != 0) & (X != 1)
    if means.any():
        row, column = np.argwhere(means)[0]
        raise ValueError(
            "sample(given=...) asks for states of the known units, and row "
            f"{int(row)}, column {int(column)} of X has {float(X[row, column])!r}, which is a "
            "mean. Give 0 or 1, or NaN where the unit is free."
        )
    return X, free
