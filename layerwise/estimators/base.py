"""What estimators share: a score that is a mean log-likelihood, and the face of a layer."""

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from layerwise.estimators._sklearn import (
    check_is_fitted,
    fit_context,
    preserved,
    validate,
    validate_codes,
)
from layerwise.models.conditional import Conditional
from layerwise.models.rows import Rows
from layerwise.numerics.streams import Stream


class Generative(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """A transformer that is a model of its data: ``score_samples`` is its log-likelihood."""

    def score(self, X, y=None):
        """Return the mean log-likelihood of the rows, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        float
        """
        return float(np.mean(self.score_samples(X)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class Layer(Generative, BaseEstimator):
    """One layer of latent units over the data.

    A subclass has ``_fit_rows(rows, stream)``, which trains on :class:`Rows` and so serves inside
    a deep model too, and once fitted ``components_``, ``intercept_visible_`` and ``inference_``.
    """

    @fit_context
    def fit(self, X, y=None):
        """Train on rows of zeros and ones, or of means in [0, 1].

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self
            This estimator.

        Raises
        ------
        Incompatible
            If the trainer, or a parameter, does not fit this layer.
        Diverged
            If a pass leaves the finite numbers; what was fitted before is kept.
        """
        with preserved(self):
            X = validate(self, X, reset=True)
            return self._fit_rows(Rows(X), Stream.from_random_state(self.random_state))

    @property
    def conditional_(self):
        """p(x | h): what this layer leaves behind for the likelihood of deep models."""
        check_is_fitted(self)
        return Conditional(self.components_, self.intercept_visible_)

    def transform(self, X):
        """Return the inference model's means, of shape (n_samples, n_components).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        return self.inference_.mean(validate(self, X))

    def inverse_transform(self, H):
        """Return p(x = 1 | h), of shape (n_samples, n_features).

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)
            Latent states, or their means.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return self.conditional_.mean(validate_codes(self, H, len(self.components_)))

    @property
    def _n_features_out(self):
        return len(self.components_)
