"""Samples of fitted models given some of their units."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from layerwise._sklearn import validated_rows
from layerwise.likelihood.clamped import given_states

__all__ = ["sample_given"]


def sample_given(estimator, given, n_samples, n_steps, stream):
    """Return ``n_samples`` draws for each row of known states, of which NaN are free.

    Parameters
    ----------
    estimator : RBM or DBN
        Fitted.
    given : array-like of shape (n_rows, n_features)
    n_samples, n_steps : int
    stream : Stream

    Returns
    -------
    ndarray of shape (n_rows * n_samples, n_features)
        The draws of one row stand together.
    """
    check_scalar(n_steps, "n_steps", Integral, min_val=1)
    X, free = _known(estimator, given)
    X, free = (np.repeat(array, n_samples, axis=0) for array in (X, free))
    return given_states(estimator.model_, X, free, stream.child("given"), n_steps)


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
