"""RBM: a restricted Boltzmann machine whose score is its log-likelihood."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from layerwise.estimators._sklearn import (
    POSITIVE_INTEGER,
    HasMethods,
    check_is_fitted,
    check_trainer,
    observe,
    validate,
)
from layerwise.estimators.base import Layer
from layerwise.likelihood.exact import belief_log_likelihood, exact_states
from layerwise.models.belief import Belief
from layerwise.models.conditional import Conditional
from layerwise.models.rbm import RBMParams
from layerwise.numerics import layers
from layerwise.numerics.streams import VISIBLE, Stream
from layerwise.trainers.contrastive import PCD

# Exact draws list the smaller layer; 2**20 states are a table of 8 MB, made in milliseconds.
EXACT_SAMPLES = 20


def sample_visible(params, n_samples, n_steps, stream):
    """Return states of an RBM's visible units: exact draws, or the ends of Gibbs chains."""
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_steps, "n_steps", Integral, min_val=1)
    states = exact_states(params, n_samples, stream, limit=EXACT_SAMPLES)
    if states is not None:
        return states
    start = np.full((n_samples, len(params.intercept_visible)), 0.5, params.components.dtype)
    start = layers.draw(start, stream.child("start"), step=0, lane=VISIBLE)
    return params.gibbs(start, stream.child("gibbs"), n_steps)


class RBM(Layer):
    """Restricted Boltzmann machine with Bernoulli units and an exact log-likelihood.

    The energy of visible states v and hidden states h is
    ``-v . intercept_visible_ - h . intercept_hidden_ - h . components_ . v``.

    Parameters
    ----------
    n_components : int, default=64
        Number of hidden units.
    trainer : CD, PCD or ExactGradient, default=None
        How to train; ``PCD()`` if None. Its parameters can be searched over, as
        ``trainer__learning_rate``.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; an int gives the same bits at every call.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, of the dtype of ``X``.
    intercept_visible_ : ndarray of shape (n_features,)
    intercept_hidden_ : ndarray of shape (n_components,)
    history_ : ndarray of shape (n_passes,)
        The trainer's objective in each pass, in nats per row; smaller is better.
    n_parameters_ : int
        Number of weights and intercepts.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    AutoEncoder : A generative layer with an inference network of its own.
    DBN : Layers under an RBM.

    Notes
    -----
    Values in (0, 1) are means of Bernoulli units, whose states are drawn anew in each pass.

    Examples
    --------
    >>> from layerwise import PCD, RBM
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> rbm = RBM(8, trainer=PCD(n_passes=100), random_state=7).fit(tea.train)
    >>> rbm.transform(tea.test).shape
    (81, 8)
    >>> bool(rbm.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    _parameter_constraints = {
        "n_components": [POSITIVE_INTEGER],
        "trainer": [None, HasMethods(["passes", "check"])],
        "random_state": ["random_state"],
    }

    def __init__(self, n_components=64, *, trainer=None, random_state=None):
        self.n_components = n_components
        self.trainer = trainer
        self.random_state = random_state

    def _fit_rows(self, rows, stream):
        trainer = PCD() if self.trainer is None else self.trainer
        check_trainer(self, trainer, RBMParams, "PCD(), CD() or ExactGradient()")
        means = rows.expected()
        params = RBMParams.init(means, self.n_components, stream.child("init"), means.dtype)
        self.history_ = observe(trainer.passes(params, rows, stream.child("train")))
        self.components_ = params.components
        self.intercept_visible_ = params.intercept_visible
        self.intercept_hidden_ = params.intercept_hidden
        self.n_features_in_ = means.shape[1]
        self.n_parameters_ = self.belief_.n_parameters
        return self

    @property
    def params_(self):
        """The fitted parameters, as the lower floors take them."""
        check_is_fitted(self)
        return RBMParams(self.components_, self.intercept_visible_, self.intercept_hidden_)

    @property
    def belief_(self):
        """The generative model."""
        return Belief((), self.params_)

    @property
    def inference_(self):
        """p(h | v): the RBM's own posterior, which is a product of Bernoullis."""
        check_is_fitted(self)
        return Conditional(np.ascontiguousarray(self.components_.T), self.intercept_hidden_)

    def free_energy(self, X):
        """Return F(x) = -log of the sum over h of exp(-energy), in nats, of shape (n_samples,).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.params_.free_energy(validate(self, X))

    def score_samples(self, X):
        """Return the exact log-likelihood of each row, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of zeros and ones.

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        TooManyStates
            If both layers have more than 30 units; the smaller is enumerated.
        """
        check_is_fitted(self)
        return belief_log_likelihood(self.belief_, validate(self, X))

    def sample(self, n_samples=1, *, n_steps=1000, random_state=None):
        """Return rows drawn from the model.

        Parameters
        ----------
        n_samples : int, default=1
        n_steps : int, default=1000
            Steps of Gibbs sampling from random states; not used where draws are exact, that is
            where the smaller layer has at most 20 units.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features), of zeros and ones
        """
        check_is_fitted(self)
        seed = self.random_state if random_state is None else random_state
        stream = Stream.from_random_state(seed).child("sample")
        return sample_visible(self.params_, n_samples, n_steps, stream)
