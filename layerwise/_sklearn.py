"""The only importer of scikit-learn's private names."""

from numbers import Integral, Real

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import _fit_context
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions, validate_params
from sklearn.utils.metaestimators import _BaseComposition as BaseComposition
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

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
    "has_fit_parameter",
    "masked_columns",
    "validate_params",
    "validated_rows",
    "validated_weights",
]

NON_NEGATIVE_INTEGER = Interval(Integral, 0, None, closed="left")
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
UNIT_INTERVAL = Interval(Real, 0, 1, closed="left")
FLOATS = {"dtype": [np.float64, np.float32], "order": "C"}


def fit_context(fit):
    """Decorate ``fit``: parameters are validated first, by scikit-learn's own sentences."""
    return _fit_context(prefer_skip_nested_validation=True)(fit)


def validated_rows(estimator, X, *, reset, sparse=False, allow_nan=False):
    """Return X as a C-contiguous float32 or float64 array, checked against what was fitted.

    Sparse matrices are taken where the estimator's tag says so. If ``sparse``, they are returned
    as arrays in the CSR format, whose rows have their columns in order and once each; else they
    are made dense.
    """
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr" if get_tags(estimator).input_tags.sparse else False,
        ensure_all_finite="allow-nan" if allow_nan else True,
        **FLOATS,
    )
    if not sparse:
        return dense_rows(X)
    return _canonical(X) if issparse(X) else X


def _canonical(X):
    """Return a sparse matrix as a CSR array whose rows have their columns in order, once each."""
    X = csr_array(X)
    if not X.has_canonical_format:
        X = X.copy()  # it is the user's
        X.sum_duplicates()
    return X


def dense_rows(X):
    """Return rows of a sparse matrix as an array, at once: where they need not be many."""
    return X.toarray(order="C") if issparse(X) else X


def validated_weights(sample_weight, X):
    """Return weights of the rows of X in float64, or None for None: not negative, not all zero."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not np.isfinite(weights.sum()):
        raise ValueError(
            "sample_weight asks for weights with a finite sum, and theirs is not. Scale them down."
        )
    return weights


def float_rows(X, *, sparse=False):
    """Return X as a C-contiguous float32 or float64 array, or if ``sparse`` as a CSR array."""
    X = check_array(X, input_name="X", accept_sparse="csr" if sparse else False, **FLOATS)
    return _canonical(X) if issparse(X) else X


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
