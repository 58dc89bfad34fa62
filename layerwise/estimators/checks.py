"""What estimators ask of their input, and how they lose nothing where training fails."""

from contextlib import contextmanager

import numpy as np

from layerwise._sklearn import float_rows, validated_rows, validated_weights
from layerwise.exceptions import Incompatible
from layerwise.models.inputs import LayerInput
from layerwise.models.units import BITS

__all__ = [
    "check_trainer",
    "counted",
    "layer_input",
    "refuse_trainer",
    "restored_on_error",
    "validate",
    "validate_rows",
]


def validate(estimator, X, units=BITS, *, reset=False, sparse=False):
    """Return X as a C-contiguous float32 or float64 array of values that such units take.

    If ``sparse`` matrices are taken, they are returned as CSR arrays.
    """
    return units.check(validated_rows(estimator, X, reset=reset, sparse=sparse))


def layer_input(X, units, sample_weight=None):
    """Return what a bottom layer is trained on: checked rows, those of weight zero left out.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        As ``validated_rows`` returns them.
    units : Units
    sample_weight : array-like of shape (n_samples,), float or None
    """
    weights = validated_weights(sample_weight, X)
    X, weights = counted(units.check(X), weights)
    return LayerInput(X, units=units, weights=weights)


def counted(X, weights):
    """Return the rows of positive weights, and these: None where all are 1."""
    if weights is None:
        return X, None
    if not np.all(weights):
        X, weights = X[weights > 0], weights[weights > 0]
    return X, None if np.all(weights == 1) else weights


def validate_rows(X, n_columns, whose, check, *, sparse=False):
    """Return rows for what has no feature names, as ``validate`` returns them.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_columns)
    n_columns : int
    whose : str
        What has so many of what, as in "The layer has 5 visible units".
    check : callable
        Returns the rows, or raises why they are none of the units in question.
    sparse : bool, default=False
        Whether sparse matrices are taken, and returned as CSR arrays.
    """
    X = float_rows(X, sparse=sparse)
    if X.shape[1] != n_columns:
        raise ValueError(f"{whose} and X has {X.shape[1]} columns. Pass rows of that width.")
    return check(X)


def check_trainer(estimator, trainer, kind, suggestion, name="trainer"):
    """Raise what is wrong with a trainer's parameters, or that it trains another kind of model."""
    if isinstance(trainer, type):
        refuse_trainer(estimator, trainer, name)
    if not issubclass(kind, getattr(trainer, "needs", object)):
        raise Incompatible(
            f"The {name} of {type(estimator).__name__} is {type(trainer).__name__}(), which "
            f"trains models of another kind. Use {suggestion}."
        )
    trainer.check()


def refuse_trainer(estimator, trainer, name="trainer"):
    """Raise that a class, or something else that is no trainer, was given as one."""
    if isinstance(trainer, type):
        what, way_out = f"the class {trainer.__name__}", trainer
    else:
        what, way_out = repr(trainer), estimator._default_trainer
    raise TypeError(
        f"The {name!r} parameter of {type(estimator).__name__} must be a trainer, and is {what}. "
        f"Pass {way_out.__name__}()."
    )


@contextmanager
def restored_on_error(estimator):
    """Give an estimator its attributes back if what happens inside fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
