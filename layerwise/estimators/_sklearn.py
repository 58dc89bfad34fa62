"""The only importer of scikit-learn's private names, and what all estimators share."""

from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import _BaseComposition as BaseComposition
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from layerwise.exceptions import Incompatible
from layerwise.models.units import Bernoulli

__all__ = [
    "POSITIVE_INTEGER",
    "UNIT_INTERVAL",
    "BaseComposition",
    "HasMethods",
    "StrOptions",
    "check_is_fitted",
    "check_trainer",
    "fit_context",
    "observe",
    "preserved",
    "validate",
    "validate_codes",
]

POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
UNIT_INTERVAL = Interval(Real, 0, 1, closed="left")


def fit_context(fit):
    """Decorate ``fit``: parameters are validated first, by scikit-learn's own sentences."""
    return _fit_context(prefer_skip_nested_validation=True)(fit)


def validate(estimator, X, *, reset=False):
    """Return X as a C-contiguous float32 or float64 array of means of Bernoulli units."""
    X = validate_data(
        estimator, X, reset=reset, dtype=[np.float64, np.float32], order="C", accept_sparse=False
    )
    Bernoulli().check(X)
    return X


def validate_codes(estimator, H, n_components):
    """Return hidden states or means as an array of shape (n_samples, n_components)."""
    H = check_array(H, dtype=[np.float64, np.float32], order="C")
    if H.shape[1] != n_components:
        raise ValueError(
            f"{type(estimator).__name__} has {n_components} components and H has {H.shape[1]} "
            "columns. Pass what transform returns."
        )
    Bernoulli().check(H)
    return H


def check_trainer(estimator, trainer, kind, suggestion):
    """Raise what is wrong with a trainer's parameters, or that it trains another kind of model."""
    if not issubclass(kind, getattr(trainer, "needs", object)):
        raise Incompatible(
            f"{type(trainer).__name__} trains {trainer.needs.__name__}, and "
            f"{type(estimator).__name__} has {kind.__name__}. Use {suggestion}."
        )
    trainer.check()


@contextmanager
def preserved(estimator):
    """Give an estimator its attributes back if what happens inside fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def observe(passes):
    """Drain a trainer's passes and return the objective of each, in nats per row."""
    return np.array([done.objective for done in passes])
