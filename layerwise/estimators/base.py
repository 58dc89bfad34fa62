"""What estimators share: a score that is a mean log-likelihood, and the face of a layer."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_scalar

from layerwise._sklearn import check_is_fitted, fit_context
from layerwise.estimators.checks import (
    refuse_trainer,
    restored_on_error,
    validate,
    validate_rows,
)
from layerwise.models.conditional import Conditional
from layerwise.models.draws import expected
from layerwise.models.inputs import LayerInput
from layerwise.numerics.streams import Stream


class Generative(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """A transformer that is a model of its data: ``score_samples`` is its log-likelihood.

    A subclass has ``_log_density()``, which returns the function from rows of zeros and ones to
    their log-likelihoods.
    """

    def score_samples(self, X):
        """Return the log-likelihood of each row, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of zeros and ones, whose log-likelihoods are exact. A row with values in (0, 1)
            is one of means: its value is the expected log-likelihood of a row drawn from them,
            estimated by 17 draws which are a function of the row's values alone.

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        TooManyStates
            If the sum is over too many states: of an RBM both of whose layers have more than 30
            units, or of a latent layer with more than 24 units in other models.
        """
        check_is_fitted(self)
        X = validate(self, X)
        return expected(self._log_density(), X)[0]

    def score(self, X, y=None):
        """Return the mean log-likelihood of the rows, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in ``score_samples``.
        y : None
            Ignored.

        Returns
        -------
        float
        """
        return float(np.mean(self.score_samples(X)))

    def _sampling_stream(self, n_samples, random_state):
        """Return the stream of a call of ``sample``, whose arguments are checked."""
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        seed = self.random_state if random_state is None else random_state
        return Stream.from_random_state(seed).child("sample")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.positive_only = True
        return tags


class Layer(Generative, BaseEstimator):
    """One layer of latent units over the data.

    A subclass has ``_fit_rows(rows, stream)``, which trains on :class:`LayerInput` and so serves inside
    a deep model too, ``_default_trainer``, and once fitted ``components_``,
    ``intercept_visible_`` and ``inference_``.
    """

    def set_params(self, **params):
        """Set parameters, the trainer's too: ``trainer__learning_rate``.

        Parameters
        ----------
        **params : dict
            Where ``trainer`` is None, its parameters are set on a new default trainer, whether it
            was None before or is set to it here.

        Returns
        -------
        self
            This estimator.
        """
        if any(name.startswith("trainer__") for name in params):
            trainer = params.get("trainer", self.trainer)
            if trainer is None:
                params["trainer"] = self._default_trainer()
            elif isinstance(trainer, type) or not hasattr(trainer, "set_params"):
                refuse_trainer(self, trainer)
        return super().set_params(**params)

    @property
    def _trainer(self):
        return self._default_trainer() if self.trainer is None else self.trainer

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
            If training diverges; what was fitted before is kept.
        """
        with restored_on_error(self):
            X = validate(self, X, reset=True)
            return self._fit_rows(LayerInput(X), Stream.from_random_state(self.random_state))

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
            Rows of zeros and ones. Means in (0, 1) are taken in the place of states: nothing is
            drawn.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        return self.inference_.mean(validate(self, X))

    def inverse_transform(self, X):
        """Return p(x = 1 | h), of shape (n_samples, n_features).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Latent states h, or their means.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        conditional = self.conditional_
        whose = f"{type(self).__name__} has {conditional.n_latent} components"
        return conditional.mean(validate_rows(X, conditional.n_latent, whose))

    @property
    def _n_features_out(self):
        return len(self.components_)
