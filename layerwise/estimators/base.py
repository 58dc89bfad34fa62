"""What estimators share: a score that is a mean log-likelihood, and the face of a layer."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_scalar

from layerwise._saving import Saved
from layerwise._sklearn import check_is_fitted, fit_context, validated_rows, validated_weights
from layerwise.estimators.checks import (
    layer_input,
    restored_on_error,
    validate,
    validate_rows,
)
from layerwise.estimators.training import Trains
from layerwise.models.conditional import Conditional
from layerwise.models.draws import expected
from layerwise.models.mixed import units_of
from layerwise.models.units import BITS
from layerwise.numerics.streams import Stream


class Generative(Saved, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """A transformer that is a model of its data: ``score_samples`` is its log-likelihood.

    A subclass has ``_log_density()``, which returns the function from rows of states to their
    log-likelihoods.
    """

    # What the columns of the data are. Fitting sets it where it is not the same for all.
    visible_units_ = BITS

    def score_samples(self, X):
        """Return the log-likelihood of each row, in nats.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of states, whose log-likelihoods are exact. Where units are Bernoulli units, a row
            with values in (0, 1) is one of means: its value is the expected log-likelihood of a
            row drawn from them, estimated by 17 draws which are a function of the row's values
            alone.

        Returns
        -------
        ndarray of shape (n_samples,)
            Where some of the units are continuous, these are logarithms of densities.

        Raises
        ------
        TooManyStates
            If the sum is over too many states: of an RBM of whose layers none can be listed in
            2**30 states, or of a latent layer with more than 24 units in other models.
        """
        check_is_fitted(self)
        X = validate(self, X, self.visible_units_, sparse=True)
        return expected(self._log_density(), X, self.visible_units_)[0]

    def score(self, X, y=None, sample_weight=None):
        """Return the mean log-likelihood of the rows, in nats.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As in ``score_samples``.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the mean, none negative and some positive; equal ones if None.

        Returns
        -------
        float
        """
        values = self.score_samples(X)
        weights = validated_weights(sample_weight, values)
        if weights is None:
            return float(np.mean(values))
        counted = weights > 0  # minus infinity times zero is not a number
        return float(np.average(values[counted], weights=weights[counted]))

    def reconstruct(self, X):
        """Return the means of x given the inference's means of the latent units of each row.

        It is ``inverse_transform(transform(X))``: what the model keeps of a row. Nothing is
        drawn. The means of x given means of h are not the mean of x over draws of h.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of states, or of means of Bernoulli units.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        return self.inverse_transform(self.transform(X))

    @property
    def _is_positive(self):
        """Whether the data may have no negative values."""
        return self.visible_units_.is_positive

    @property
    def _takes_sparse(self):
        """Whether the data may be sparse: zero is a value."""
        return self.visible_units_.takes_zeros

    def _sampling_stream(self, n_samples, random_state):
        """Return the stream of a call of ``sample``, whose arguments are checked."""
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        seed = self.random_state if random_state is None else random_state
        return Stream.from_random_state(seed).child("sample")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.positive_only = self._is_positive
        tags.input_tags.sparse = self._takes_sparse
        return tags


class Layer(Trains, Generative, BaseEstimator):
    """One layer of latent units over the data, and what a :class:`DBN` asks of it.

    A layer has, beside ``fit`` and ``transform``,

    - ``data_units(n_features)``: what its columns are, from its parameters alone;
    - ``check_parameters()``: raises what is wrong with the others;
    - ``fit_input(rows, stream, *, y, verbose, after)``: ``fit`` on a :class:`LayerInput`, whose
      states are drawn anew in each pass, with the random numbers of a stream;
    - ``conditional_``: p(x | h), once fitted, which is all that stays of it in a deep model;
    - ``inference_``: q(h | x), once fitted, with ``mean`` and ``sample``, and either ``log_odds``
      of independent units, or ``log_aggregated``, the mean of q(h | x) over rows;
    - ``adopt(conditional, log_marginal)``: takes the parameters of a deep model that was trained
      as a whole;
    - ``estimator``: itself, or what it speaks for (``foreign.py``); ``random_state``; and
      ``history_``, which may be None.

    A subclass has ``_default_trainer`` too, ``components_`` and ``intercept_visible_``, and what
    :class:`Trains` asks for.
    """

    # Whether p(x | h) is one affine layer, which training of a deep model as a whole asks for.
    is_affine = True
    # Whether q(h | x) is a network of its own, which such training can go on with.
    has_network = True

    @fit_context
    def fit(self, X, y=None, sample_weight=None):
        """Train on rows of states, or of means of Bernoulli units.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Sparse rows leave the same bits as dense ones, and are made dense some at a time.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none negative and some positive; 1 if None. Means and gradients
            over rows are by their weights: a weight of 2 is the row twice, and rows of weight 0
            are left out. In a batch, a weight is the row's share of the batch's step, whose size
            does not change if all weights are multiplied by a constant.

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

        Notes
        -----
        Ctrl-C ends training once the pass under way is done, and what was fitted before is kept.
        A callback that ends training keeps what has been trained so far: see
        :class:`EarlyStopping`.
        """
        goes_on = self.warm_start and hasattr(self, "components_")
        audience = self._audience(X, y)
        with restored_on_error(self):
            rows = self._rows(X, sample_weight, reset=True)
            stream = None if goes_on else Stream.from_random_state(self.random_state)
            return self._train(rows, stream, audience, goes_on=goes_on)

    @fit_context
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on training by one pass over these rows.

        The first call starts as ``fit`` does, from these rows; later ones, and those after
        ``fit``, go on with the parameters, the optimiser and the persistent chains as they stand.
        So ``n`` calls with the same rows make what ``fit`` makes of them in ``n_passes=n`` passes,
        bit for bit, where the learning rate is the same and no rows are held out.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Any number of rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            As in ``fit``: the weights of these rows among themselves.

        Returns
        -------
        self
            This estimator.

        Raises
        ------
        Incompatible
            If the trainer does not fit this layer, or a parameter asks for other sizes or units
            than those of the model that is to go on.
        Diverged
            If training diverges; all is as it was before the call.

        Notes
        -----
        The rate of a call is that of the trainer's schedule at the number of passes so far, since
        training began or since the last ``fit`` began; beyond ``n_passes`` it stays that of the
        last pass. ``early_stopping`` is for ``fit`` alone: no rows are held out here.
        """
        goes_on = hasattr(self, "components_")
        audience = self._audience(X, y, task="partial_fit")
        with restored_on_error(self):
            rows = self._rows(X, sample_weight, reset=not goes_on)
            stream = None if goes_on else Stream.from_random_state(self.random_state)
            return self._train(rows, stream, audience, goes_on=goes_on, one_pass=True)

    def _rows(self, X, sample_weight, *, reset):
        """Return the rows to train on."""
        X = validated_rows(self, X, reset=reset, sparse=True)
        return layer_input(X, self.data_units(X.shape[1]), sample_weight)

    def data_units(self, n_features):
        """Return what so many columns of data are of.

        Parameters
        ----------
        n_features : int

        Returns
        -------
        unit type
        """
        return units_of(self.visible, n_features)

    @property
    def _is_positive(self):
        try:
            return units_of(self.visible, None).is_positive
        except ValueError:  # fit says what is wrong with it
            return True

    @property
    def _takes_sparse(self):
        try:
            return units_of(self.visible, None).takes_zeros
        except ValueError:  # fit says what is wrong with it
            return True

    def check_parameters(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self._validate_params()

    @property
    def estimator(self):
        """This layer itself."""
        return self

    @property
    def network_part(self):
        """Size and activation of each layer of a network that this layer's inference becomes."""
        return [(self.n_components, "sigmoid")]

    @property
    def conditional_(self):
        """p(x | h): the part of this layer that deep models keep."""
        check_is_fitted(self)
        variance = getattr(self, "noise_variance_", None)
        return Conditional(
            self.components_,
            self.intercept_visible_,
            self.visible_units_,
            log_variance=None if variance is None else np.log(variance),
        )

    def adopt(self, conditional, log_marginal):
        """Take the parameters of a model that was trained as a whole; inference stays as it is.

        Parameters
        ----------
        conditional : Conditional
            Of this layer's sizes and units.
        log_marginal : callable
            Returns the model's distribution of the latent states, of shape (2**n_components,).
        """
        self.components_, self.intercept_visible_ = conditional.weights, conditional.bias
        if conditional.log_variance is not None:
            self.noise_variance_ = np.exp(conditional.log_variance)

    def transform(self, X):
        """Return the inference model's means, of shape (n_samples, n_components).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of states. Means in (0, 1) of Bernoulli units are taken in the place of states:
            nothing is drawn.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        return self.inference_.mean(validate(self, X, self.visible_units_, sparse=True))

    def inverse_transform(self, X):
        """Return the means of x given h, of shape (n_samples, n_features).

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
        check = conditional.latent.check_means
        return conditional.mean(validate_rows(X, conditional.n_latent, whose, check))

    @property
    def _n_features_out(self):
        return len(self.components_)
