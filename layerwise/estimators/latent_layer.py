"""LatentLayer: p(x | h) trained up the best latent marginal, with exact inference."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from layerwise._sklearn import POSITIVE_INTEGER, HasMethods, check_is_fitted
from layerwise.estimators.base import Layer
from layerwise.estimators.sampling import sample_layer_given
from layerwise.estimators.training import kept_log_variance
from layerwise.exceptions import Incompatible
from layerwise.likelihood.marginal import WAY_OUT, log_inferred
from layerwise.likelihood.partition import TABLE_LIMIT, refuse
from layerwise.likelihood.posterior import Posterior
from layerwise.likelihood.sampling import drawn_index
from layerwise.models.conditional import Conditional
from layerwise.models.family import Units, scale
from layerwise.models.latent import LatentParams
from layerwise.models.parameters import checked
from layerwise.models.units import BITS
from layerwise.numerics.streams import CODE, STATE
from layerwise.trainers.latent import MarginalAscent
from layerwise.trainers.smoothing import log_with_broad

# Standard deviation of the first weights, where none are given.
WEIGHT_SCALE = 0.5


class LatentLayer(Layer):
    """A generative layer p(x | h) trained for the best latent marginal itself, exactly.

    All 2**n states of its Bernoulli latent units are listed: the latent distribution has a free
    weight for each of them, the inference is the exact posterior, and training goes up the
    criterion of layer-wise training (Arnold and Ollivier, 2013) without a bound in its place. The
    layers above it in a :class:`DBN` are trained on exact draws of the posterior. Alone, it is a
    model too, of the rows under its own latent distribution.

    Parameters
    ----------
    n_components : int, default=12
        Number of latent units, at most 20. A pass over 1,000 rows takes some milliseconds with 12
        units, and twice as long with each unit more.
    init : estimator, default=None
        What training starts from, which then holds out no rows: a layer of the same sizes, such
        as ``AutoEncoder(12)``, whose p(x | h) and inference are taken. It is fitted first, to the
        same rows, unless it is fitted already; a ``FrozenEstimator`` around a fitted layer stays
        fitted when it is cloned, as it is in a :class:`DBN` and in a search. None starts from
        random weights.
    visible : str, unit type or list, default="bernoulli"
        What the columns of the data are: see :class:`AutoEncoder`.
    trainer : MarginalAscent, default=None
        ``MarginalAscent()`` if None. Its parameters can be set and searched over, as
        ``trainer__learning_rate``, those of the default too.
    warm_start : bool, default=False
        Whether ``fit`` goes on from what was fitted before, for as many passes more, as
        ``partial_fit`` goes on. The trainer's schedule starts again: at a constant rate, two fits
        of n passes are one of 2 n, bit for bit, where no rows are held out. False starts anew.
    verbose : int, default=0
        If positive, a line is printed to stdout about once a second and after the last pass: the
        pass, what ``history_`` says of it, and the time so far.
    random_state : int, RandomState instance or None, default=None
        Read when training starts anew; an int gives the same bits at every call.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Generative weights, of the dtype of ``X``.
    intercept_visible_ : ndarray of shape (n_features,)
    noise_variance_ : ndarray of shape (n_features,)
        Variances of Gaussian units given the latent units, and 1 for others. Only where there are
        Gaussian units.
    latent_marginal_ : ndarray of shape (2**n_components,)
        The latent distribution; bit j of an index is the state of unit j. After ``partial_fit`` it
        is that of the rows of the last call; where the layer is part of a fitted ``DBN`` with a
        ``fine_tuner``, that of the whole model.
    visible_units_ : unit type
        What the columns of the data were fitted as.
    inference_ : Posterior
        q(h | x), the exact posterior under ``latent_marginal_``.
    history_ : dict of str to ndarray of shape (n_passes,)
        What was told of each pass, those before ``fit`` or ``partial_fit`` went on among them, in
        nats per row. ``"negative_log_likelihood"`` under the latent distribution as it was, each
        batch before its step; ``"validation_log_likelihood"`` of the held-out rows after each
        pass, where rows are held out, and NaN in the final passes, which see all rows.
    n_parameters_ : int
        Number of generative weights, intercepts and variances: what stays of the layer in a deep
        model. The latent distribution is not counted.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    AutoEncoder : A layer for more latent units than can be listed.
    best_latent_marginal : The criterion, of any layer on any rows, with a certificate.

    References
    ----------
    Arnold and Ollivier, "Layer-wise learning of deep generative models", arXiv 1212.1524, 2013.

    Examples
    --------
    >>> from layerwise import DBN, RBM, LatentLayer
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> layer = LatentLayer(8, random_state=7).fit(tea.train)
    >>> layer.transform(tea.test).shape
    (81, 8)
    >>> dbn = DBN([LatentLayer(8), RBM(8)], random_state=7).fit(tea.train)
    >>> bool(dbn.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    has_network = False
    _parameter_constraints = {
        "n_components": [POSITIVE_INTEGER],
        "init": [None, HasMethods(["fit", "get_params"])],
        "visible": [str, Units, list, tuple],
        "trainer": [None, HasMethods(["passes", "check"])],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _default_trainer = MarginalAscent
    _needed = ("components_", "intercept_visible_", "latent_marginal_", "n_features_in_")
    _trained_by = LatentParams, "MarginalAscent()"

    def __init__(
        self, n_components=12, *, init=None, visible="bernoulli", trainer=None, warm_start=False,
        verbose=0, random_state=None,
    ):  # fmt: skip
        self.n_components = n_components
        self.init = init
        self.visible = visible
        self.trainer = trainer
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @property
    def _trainer(self):
        trainer = super()._trainer
        if self.init is not None and getattr(trainer, "early_stopping", None) == "auto":
            trainer = clone(trainer).set_params(early_stopping=False)
        return trainer

    def _check_parts(self):
        refuse(self.n_components, TABLE_LIMIT, "The latent distribution", WAY_OUT)

    def _asked(self, n_features):
        return {
            "n_components": self.n_components,
            "n_features": n_features,
            "visible": self.data_units(n_features),
        }

    def _first(self, rows, means, stream):
        visible = self.data_units(means.shape[1])
        if self.init is None:
            return self._random(means, visible, stream.child("init"), rows.weights)
        return self._from_init(rows, visible, stream)

    def _as_it_stands(self, model):
        now, log_marginal = self.conditional_, self._log_marginal
        arrays = [*now.arrays()[:2], *kept_log_variance(self, model, now.log_variance)]
        if model is not None and np.array_equal(
            weights_of(model.log_marginal), self.latent_marginal_
        ):
            log_marginal = model.log_marginal
        return LatentParams(now.replaced(*map(np.copy, arrays)), log_marginal.copy())

    def _attributes(self, model, rows, stream):
        conditional = model.conditional
        found = {"components_": conditional.weights, "intercept_visible_": conditional.bias}
        if conditional.log_variance is not None:
            found["noise_variance_"] = np.exp(conditional.log_variance)
        return {
            **found,
            "latent_marginal_": weights_of(model.log_marginal),
            "visible_units_": conditional.visible,
            "n_features_in_": conditional.n_visible,
            "n_parameters_": conditional.n_parameters,
        }

    def _random(self, means, visible, stream, row_weights):
        """Return random weights under the means of the rows, and a uniform marginal."""
        n_features = means.shape[1]
        log_variance = None
        weights = stream.generator().normal(
            scale=WEIGHT_SCALE, size=(self.n_components, n_features)
        )
        if visible.gaussian(n_features).any():
            log_variance = visible.first_log_variance(means, row_weights)
            weights /= scale(log_variance)
        # Latent units are on half of the time: in the middle of the states are the rows' means.
        biases = visible.first_biases(means, log_variance, row_weights)
        biases = biases - weights.sum(axis=0) / 2
        conditional = Conditional(weights, biases, visible, log_variance=log_variance)
        n_states = 2**self.n_components
        return LatentParams(
            conditional.astype(means.dtype), np.full(n_states, -np.log(float(n_states)))
        )

    def _from_init(self, rows, visible, stream):
        """Return p(x | h) of another layer, and what its inference says of the rows."""
        found, n_features = self.init, rows.expected().shape[1]
        if not _is_fitted(found) and isinstance(found, Layer):
            found = clone(found)
            found.check_parameters()
            found.fit_input(rows, stream.child("init"))
        given = getattr(found, "conditional_", None)
        if given is None:
            raise Incompatible(
                "LatentLayer asks that init is a layer, fitted or not, and it is "
                f"{self.init!r}. Use AutoEncoder or RBM."
            )
        asked = f"{self.n_components} {BITS!r} latent units and {n_features} columns, {visible!r}"
        has = f"{given.n_latent} {given.latent!r} and {given.n_visible}, {given.visible!r}"
        if (given.n_latent, given.n_visible, given.latent, given.visible) != (
            self.n_components, n_features, BITS, visible,
        ):  # fmt: skip
            raise Incompatible(
                f"LatentLayer starts from a layer of its own sizes and units: {asked}; init has "
                f"{has}. Set both alike."
            )
        states = rows.draw(stream.child("aggregate"))
        marginal = np.exp(log_inferred(found.inference_, states, rows.shares))
        dtype = rows.expected().dtype
        copy = given.replaced(*(array.astype(dtype) for array in given.arrays()))
        return LatentParams(copy, log_with_broad(marginal))

    def adopt(self, conditional, log_marginal):
        """Take the parameters of a model that was trained as a whole.

        Parameters
        ----------
        conditional : Conditional
        log_marginal : callable
            Returns the model's latent distribution, of shape (2**n_components,).
        """
        super().adopt(conditional, log_marginal)
        self.latent_marginal_ = weights_of(log_marginal())

    @property
    def _log_marginal(self):
        # Like the weights, it may come from a user's hand.
        check_is_fitted(self)
        shape = (2 ** len(self.components_),)
        marginal = checked("latent_marginal_", self.latent_marginal_, shape, np.float64)
        if not (marginal.min() >= 0 and abs(marginal.sum() - 1) < 1e-6):
            raise ValueError(
                "latent_marginal_ must be weights that are not negative and sum to 1, and they "
                f"are from {marginal.min():.3g} up and sum to {marginal.sum():.6g}. Set others, "
                "or train again."
            )
        with np.errstate(divide="ignore"):
            return np.log(marginal)

    @property
    def inference_(self):
        """q(h | x), the exact posterior under ``latent_marginal_``."""
        return Posterior(self.conditional_, self._log_marginal)

    def _log_density(self):
        return self.inference_

    def sample(self, n_samples=1, *, given=None, random_state=None):
        """Return rows drawn from the model of ``score_samples``, or from it given some units.

        All draws are exact.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or with ``given`` of draws for each of its rows.
        given : array-like or sparse matrix of shape (n_rows, n_features), default=None
            Rows of known states, with NaN where a unit is free, as in ``RBM.sample``. Draws go by
            the posterior of the latent units given the known ones, and are exact. Sparse rows are
            made dense at once, as the draws are.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            With ``given``, of shape (n_rows * n_samples, n_features) and of its dtype: the draws
            of its first row, then those of the second, and so on, with known values as they were.
        """
        stream = self._sampling_stream(n_samples, random_state)
        if given is not None:
            log_marginal = self._log_marginal
            return sample_layer_given(self, given, n_samples, lambda: log_marginal, stream)
        index = drawn_index(self._log_marginal, n_samples, stream, lane=CODE)
        states = self.inference_.states(index)
        return self.conditional_.sample(states, stream, step=0, lane=STATE)


def weights_of(log_marginal):
    """Return weights that sum to 1, of their logarithms."""
    marginal = np.exp(log_marginal)
    return marginal / marginal.sum()


def _is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
