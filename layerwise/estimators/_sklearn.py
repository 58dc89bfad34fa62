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
    "validate_rows",
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
    return Bernoulli().check(X)


def validate_rows(X, n_columns, whose):
    """Return rows for what has no feature names, as ``validate`` returns them.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_columns)
    n_columns : int
    whose : str
        What has so many of what, as in "The layer has 5 visible units".
    """
    X = check_array(X, dtype=[np.float64, np.float32], order="C", input_name="X")
    if X.shape[1] != n_columns:
        raise ValueError(f"{whose} and X has {X.shape[1]} columns. Pass rows of that width.")
    return Bernoulli().check(X)


def check_trainer(estimator, trainer, kind, suggestion):
    """Raise what is wrong with a trainer's parameters, or that it trains another kind of model."""
    if isinstance(trainer, type):
        raise TypeError(
            f"The 'trainer' parameter of {type(estimator).__name__} must be a trainer, and is the "
            f"class {trainer.__name__}. Pass {trainer.__name__}()."
        )
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


def observe(trainer, passes):
    """Drain a trainer's passes and return what it told of them, as arrays by name."""
    done = list(passes)
    log_likelihood = np.array([each.log_likelihood for each in done])
    history = {trainer.objective: np.array([each.objective for each in done])}
    if not np.all(np.isnan(log_likelihood)):
        history = {"log_likelihood": log_likelihood, **history}
    return history
