"""BernoulliRBM: scikit-learn's estimator of that name, on the kernels of :class:`RBM`."""

import time
from functools import partial

import numpy as np
from sklearn.utils import check_random_state

from layerwise._sklearn import (
    NON_NEGATIVE_INTEGER,
    POSITIVE,
    POSITIVE_INTEGER,
    check_is_fitted,
)
from layerwise.estimators.checks import validate
from layerwise.estimators.rbm import RBM
from layerwise.likelihood import pseudo
from layerwise.models.rbm import RBMParams
from layerwise.models.units import BITS
from layerwise.numerics.rows import blocks, by_blocks, dense
from layerwise.numerics.streams import Stream
from layerwise.trainers.contrastive import PCD

# Standard deviation of the first weights: scikit-learn's, so that its learning rates and numbers
# of iterations mean what they meant. RBM starts larger, and its biases from the data.
WEIGHT_SCALE = 0.01


class _Iterations(PCD):
    """PCD on means as they are, which may take no pass at all, and prints a line on each.

    Parameters
    ----------
    rbm : BernoulliRBM
        Whose training it is.
    """

    _parameter_constraints = {}  # the RBM's have been checked

    def __init__(self, rbm):
        super().__init__(
            n_chains=rbm.batch_size,
            learning_rate=rbm.learning_rate,
            momentum=0.0,
            batch_size=rbm.batch_size,
            n_passes=rbm.n_iter,
            resample=False,
        )
        self.rbm = rbm

    def _take(self, state, rows, step, rate):
        begin = time.perf_counter()
        found = super()._take(state, rows, step, rate)
        if self.rbm.verbose:
            self._print(state, rows.expected(), begin)
        return found

    def _print(self, state, X, begin):
        """Print a line on a pass, as scikit-learn does."""
        generator = state.stream.child("verbose", state.n_passes).generator()
        columns = generator.integers(X.shape[1], size=X.shape[0])
        parts = [
            pseudo.log_of_one_unit(state.model, dense(X[here]), columns[here])
            for here in blocks(*X.shape, X.dtype.itemsize)
        ]
        value = np.concatenate(parts).mean()
        print(
            f"[{type(self.rbm).__name__}] Iteration {state.n_passes}, pseudo-likelihood = "
            f"{value:.2f}, time = {time.perf_counter() - begin:.2f}s"
        )


class BernoulliRBM(RBM):
    """Restricted Boltzmann machine with the interface of scikit-learn's ``BernoulliRBM``.

    A program that imports it from here instead of ``sklearn.neural_network`` runs as it is: the
    same parameters, attributes and methods, trained by the same algorithm, persistent contrastive
    divergence with ``batch_size`` chains. What differs is said in the notes. Beyond that it is an
    :class:`RBM`: ``log_likelihood(rbm, X)``, ``log_partition(rbm)``, ``rbm.sample(n)``.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    learning_rate : float, default=0.1
        Of each batch's mean gradient.
    batch_size : int, default=10
        Rows of a step, and number of chains. A shorter last batch counts its own rows.
    n_iter : int, default=10
        Passes over the training rows; 0 leaves the first weights.
    verbose : int, default=0
        If positive, each pass prints a line with an estimate of the pseudo-likelihood from one
        random feature of each row.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; an int gives the same bits at every call.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, of the dtype of ``X``.
    intercept_hidden_ : ndarray of shape (n_components,)
    intercept_visible_ : ndarray of shape (n_features,)
    h_samples_ : ndarray of shape (batch_size, n_components)
        Hidden states of the chains, from which ``partial_fit`` goes on.
    history_ : dict of str to ndarray
        What was told of each pass of the last call: see :class:`RBM`.
    n_parameters_ : int
        Number of weights and intercepts.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    RBM : Units of other types, other trainers, and a score that is the log-likelihood.
    log_pseudolikelihood : The mean of ``score_samples``, of any RBM.

    Notes
    -----
    Where scikit-learn 1.9 does otherwise:

    - Each mean is over its own number of rows. There, a last batch of one row weighs its chains
      ``batch_size`` times, and ``partial_fit`` with more rows than ``batch_size`` diverges.
    - ``partial_fit`` returns the estimator, takes any number of rows, in batches, and keeps
      float32.
    - ``score_samples`` is the mean over all features of what is there one random feature's, and so
      the same at each call; ``score`` is its mean.
    - Rows are taken in an order drawn anew for each pass; chains start from rows.
    - Values beyond [0, 1] are refused.
    - A diverged fit is an error, and leaves what was fitted before.

    Values in (0, 1) are taken as they are, as means, in training too. Sparse matrices are taken by
    all methods, and made dense.

    References
    ----------
    Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient", 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from layerwise import BernoulliRBM
    >>> X = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    >>> model = BernoulliRBM(n_components=2)
    >>> model.fit(X)
    BernoulliRBM(n_components=2)
    >>> model.transform(X).shape
    (4, 2)
    """

    _parameter_constraints = {
        "n_components": [POSITIVE_INTEGER],
        "learning_rate": [POSITIVE],
        "batch_size": [POSITIVE_INTEGER],
        "n_iter": [NON_NEGATIVE_INTEGER],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # What RBM has as parameters, or finds in fitting, is here the same for all.
    visible = hidden = "bernoulli"
    visible_units_ = BITS
    trainer = None
    likelihood = "auto"

    def __init__(
        self,
        n_components=256,
        *,
        learning_rate=0.1,
        batch_size=10,
        n_iter=10,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state

    @classmethod
    def from_parameters(cls, components, intercept_visible, intercept_hidden):
        """Return a fitted estimator with these weights, which no training made.

        Parameters
        ----------
        components : array-like of shape (n_components, n_features)
            Weights. float32 is kept, and all arrays are copied.
        intercept_visible : array-like of shape (n_features,)
        intercept_hidden : array-like of shape (n_components,)

        Returns
        -------
        BernoulliRBM
            ``partial_fit`` goes on from these weights.
        """
        params = RBM.from_parameters(components, intercept_visible, intercept_hidden).params_
        return cls._of_params(cls(params.n_hidden), params)

    @property
    def _trainer(self):
        return _Iterations(self)

    def _lines(self, trainer, n_passes):
        return None  # the trainer prints its own

    def _first(self, rows, means, stream):
        n_features, dtype = means.shape[1], means.dtype
        generator = stream.child("init").generator()
        weights = generator.normal(scale=WEIGHT_SCALE, size=(self.n_components, n_features))
        return RBMParams(
            weights.astype(dtype), np.zeros(n_features, dtype), np.zeros(self.n_components, dtype)
        )

    def _train(self, rows, stream, audience, **options):
        super()._train(rows, stream, audience, **options)
        self.h_samples_ = self._trained.state.chains
        vars(self).pop("random_state_", None)
        return self

    def gibbs(self, v):
        """Return visible states after one Gibbs step from each row, new ones at each call.

        Parameters
        ----------
        v : {array-like, sparse matrix} of shape (n_samples, n_features)
            States of the visible units, or means of them.

        Returns
        -------
        ndarray of shape (n_samples, n_features), bool
        """
        check_is_fitted(self)
        v = validate(self, v, BITS)
        if not hasattr(self, "random_state_"):
            self.random_state_ = check_random_state(self.random_state)
        stream = Stream.from_random_state(self.random_state_)
        return self.params_.gibbs(v, stream, 1).astype(bool)

    def score_samples(self, X):
        """Return the pseudo-likelihood of each row: the sum over features i of log p(v_i | rest).

        It is what scikit-learn's estimate, from one random feature of each row, is on average;
        here all features are summed, and nothing is drawn.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            States. Of a value v in (0, 1) the free energy is compared with that of 1 - v, as
            scikit-learn does; ``log_pseudolikelihood`` draws states instead.

        Returns
        -------
        ndarray of shape (n_samples,)
            In nats.
        """
        check_is_fitted(self)
        function = partial(pseudo.log_pseudolikelihood, self.params_)
        return by_blocks(function, validate(self, X, BITS, sparse=True))

    def score(self, X, y=None, sample_weight=None):
        """Return the mean pseudo-likelihood of the rows, in nats.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            As in ``score_samples``.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the mean, none negative and some positive; equal ones if None.

        Returns
        -------
        float
        """
        return super().score(X, y, sample_weight)

    # What programs written against scikit-learn's class may call, though it is private there.

    def _mean_hiddens(self, v):
        return self.params_.hidden_mean(np.atleast_2d(v)).reshape(*np.shape(v)[:-1], -1)

    def _sample_hiddens(self, v, rng):
        stream = Stream.from_random_state(rng)
        states = self.params_.sample_hidden(np.atleast_2d(v), stream, step=0)
        return states.astype(bool).reshape(*np.shape(v)[:-1], -1)
