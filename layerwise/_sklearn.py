"""The only importer of scikit-learn's private names."""

from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions, validate_params
from sklearn.utils.metaestimators import _BaseComposition as BaseComposition
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

__all__ = [
    "NON_NEGATIVE_INTEGER",
    "POSITIVE",
    "POSITIVE_INTEGER",
    "UNIT_INTERVAL",
    "BaseComposition",
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_is_fitted",
    "dense_rows",
    "fit_context",
    "float_rows",
    "get_tags",
    "has_callbacks",
    "masked_columns",
    "validate_params",
    "validated_rows",
]

NON_NEGATIVE_INTEGER = Interval(Integral, 0, None, closed="left")
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
UNIT_INTERVAL = Interval(Real, 0, 1, closed="left")
FLOATS = {"dtype": [np.float64, np.float32], "order": "C"}


def fit_context(fit):
    """Decorate ``fit``: parameters are validated first, by scikit-learn's own sentences."""
    return _fit_context(prefer_skip_nested_validation=True)(fit)


def validated_rows(estimator, X, *, reset, allow_nan=False):
    """Return X as a C-contiguous float32 or float64 array, checked against what was fitted."""
    return dense_rows(
        validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr" if get_tags(estimator).input_tags.sparse else False,
            ensure_all_finite="allow-nan" if allow_nan else True,
            **FLOATS,
        )
    )


def dense_rows(X):
    """Return rows of a sparse matrix as an array: the one place where they lose their form."""
    return X.toarray(order="C") if issparse(X) else X


def float_rows(X):
    """Return X as a C-contiguous float32 or float64 array."""
    return check_array(X, input_name="X", **FLOATS)


def has_callbacks(estimator, *, handed_on=False):
    """Return whether an estimator has callbacks, or some that are handed on to its parts."""
    found = getattr(estimator, "_skl_callbacks", ())
    if not (found and handed_on):
        return bool(found)
    # Here and not above: importing it imports what is optional.
    from sklearn.callback import AutoPropagatedCallback

    return any(isinstance(each, AutoPropagatedCallback) for each in found)


def masked_columns(params):
    """Return the ``param_<name>`` columns of search results, masked where a dict lacks a name."""
    # Here and not above: importing it imports what is optional.
    from sklearn.model_selection._search import _yield_masked_array_for_each_param

    return dict(_yield_masked_array_for_each_param(params))
