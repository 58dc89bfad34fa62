"""RBM: a restricted Boltzmann machine whose score is its log-likelihood."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from layerwise._sklearn import POSITIVE_INTEGER, HasMethods, check_is_fitted
from layerwise.estimators.base import Layer
from layerwise.estimators.checks import check_trainer, run_passes, validate
from layerwise.likelihood.mixtures import log_density
from layerwise.likelihood.sampling import exact_states
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.draws import expected
from layerwise.models.rbm import RBMParams
from layerwise.numerics import units
from layerwise.numerics.streams import VISIBLE
from layerwise.trainers.contrastive import PCD

# Exact draws list the smaller layer; 2**20 states are a table of 8 MB, made in milliseconds.
EXACT_SAMPLES = 20


def sample_visible(params, n_samples, n_steps, stream):
    """Return states of an RBM's visible units: exact draws, or the ends of Gibbs chains."""
    check_scalar(n_steps, "n_steps", Integral, min_val=1)
    states = exact_states(params, n_samples, stream, limit=EXACT_SAMPLES)
    if states is not None:
        return states
    start = np.full((n_samples, len(params.intercept_visible)), 0.5, params.components.dtype)
    start = units.draw(start, stream.child("start"), step=0, lane=VISIBLE)
    return params.gibbs(start, stream.child("gibbs"), n_steps)


class RBM(Layer):
    """Restricted Boltzmann machine with Bernoulli units and an exact log-likelihood.

    The energy of visible states v and hidden states h is
    ``-v . intercept_visible_ - h . intercept_hidden_ - h . components_ . v``.

    Parameters
    ----------
    n_components : int, default=16
        Number of hidden units. The log-likelihood is a sum over the 2**n states of the smaller
        layer; with 16 it takes a millisecond, and ``ExactGradient`` can train.
    trainer : CD, PCD or ExactGradient, default=None
        How to train; ``PCD()`` if None. Its parameters can be set and searched over, as
        ``trainer__learning_rate``, those of the default too.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; an int gives the same bits at every call.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, of the dtype of ``X``.
    intercept_visible_ : ndarray of shape (n_features,)
    intercept_hidden_ : ndarray of shape (n_components,)
    history_ : dict of str to ndarray of shape (n_passes,)
        What was told of each pass, in nats per row. ``"log_likelihood"`` is the exact mean
        log-likelihood of the training rows (as drawn for that pass) after it: the measure of
        progress. It is there where it costs less than a tenth of training, or less than about
        20 ms in all, and NaN in the passes that were left out for that. Then the trainer's own
        objective, which is minimised: ``"negative_log_likelihood"`` of ``ExactGradient``, before
        the step of each batch; ``"free_energy_gap"`` of ``CD`` and ``PCD``, between the data and
        the chains, which is no measure of progress.
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
    Values in (0, 1) are means of Bernoulli units. Training draws their states anew in each pass,
    and their score is the expected log-likelihood of such draws.

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

    _default_trainer = PCD

    def __init__(self, n_components=16, *, trainer=None, random_state=None):
        self.n_components = n_components
        self.trainer = trainer
        self.random_state = random_state

    def _fit_rows(self, rows, stream):
        trainer = self._trainer
        check_trainer(self, trainer, RBMParams, "PCD(), CD() or ExactGradient()")
        means = rows.expected()
        params = RBMParams.init(means, self.n_components, stream.child("init"), means.dtype)
        self.history_ = run_passes(trainer, trainer.passes(params, rows, stream.child("train")))
        self.components_ = params.components
        self.intercept_visible_ = params.intercept_visible
        self.intercept_hidden_ = params.intercept_hidden
        self.n_features_in_ = means.shape[1]
        self.n_parameters_ = self.model_.n_parameters
        return self

    @property
    def params_(self):
        """The fitted parameters, as the lower floors take them."""
        check_is_fitted(self)
        return RBMParams(self.components_, self.intercept_visible_, self.intercept_hidden_)

    @property
    def model_(self):
        """The generative model."""
        return DBNParams((), self.params_)

    @property
    def inference_(self):
        """p(h | v): the RBM's own posterior, which is a product of Bernoullis."""
        params = self.params_
        return Conditional(params.components.T, params.intercept_hidden)

    def free_energy(self, X):
        """Return F(x) = -log of the sum over h of exp(-energy), in nats, of shape (n_samples,).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in ``score_samples``: of a row of means, the expected free energy of its draws.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = validate(self, X)
        return expected(self.params_.free_energy, X)[0]

    def _log_density(self):
        return log_density(self.model_)

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
        stream = self._sampling_stream(n_samples, random_state)
        return sample_visible(self.params_, n_samples, n_steps, stream)
