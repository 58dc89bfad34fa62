"""DBN: layers trained one at a time under an RBM."""

from copy import copy

from sklearn.base import BaseEstimator, clone

from layerwise._sklearn import (
    HasMethods,
    StrOptions,
    check_is_fitted,
    fit_context,
    get_tags,
    validated_rows,
)
from layerwise.estimators.annealing import taken_log_z
from layerwise.estimators.base import Generative, Layer
from layerwise.estimators.bounds import VariationalBound
from layerwise.estimators.callbacks import TakesCallbacks, as_task
from layerwise.estimators.checks import (
    check_trainer,
    layer_input,
    restored_on_error,
    validate,
    validate_rows,
)
from layerwise.estimators.foreign import as_layer, check_weighable
from layerwise.estimators.layered import Layered
from layerwise.estimators.passes import fine_tuned
from layerwise.estimators.sampling import sample_given, sample_visible
from layerwise.estimators.stacking import (
    adopted,
    check_layers,
    check_transposed,
    fit_layer,
    fitted_layers,
    layer_stream,
    layers_by_hand,
    transposed,
)
from layerwise.exceptions import Incompatible
from layerwise.likelihood.mixtures import log_density
from layerwise.models.dbn import DBNParams
from layerwise.models.recognition import RecognizedDBN, recognized
from layerwise.numerics.streams import Stream


class DBN(TakesCallbacks, Generative, Layered):
    """Deep belief network: generative layers under an RBM, trained from the bottom up.

    Each layer is trained on samples of the inference below it, drawn anew in each pass; what
    remains of a layer in the model is its conditional p(x | h). Stacked RBMs, stacked
    auto-encoders and mixtures of both are lists of layers, and nothing else.

    Parameters
    ----------
    layers : list of estimators, or of (name, estimator)
        From the bottom up; the last is an :class:`RBM`. A layer of another package has ``fit``,
        ``transform`` to means of its latent units and, once fitted, ``conditional_``. A layer's
        visible units are what the latent units below it are. Bare estimators are named
        ``layer1``, ``layer2`` and so on, so that ``layer1__n_components`` can be set and searched
        over.
    fine_tuner : LikelihoodAscent or WakeSleep, default=None
        Trains all layers at once, after they were trained one at a time; None leaves them.
    init : {"random", "transposed"}, default="random"
        What the layers above the first start from. "random" is small weights of their own;
        "transposed" is the RBM below, turned over: its visible units become the first hidden
        ones, and further ones have weights near zero, so that the deep model starts as good as
        the RBM below (Hinton, Osindero and Teh, 2006). All layers must be RBMs then, of which the
        first may be frozen, each with at least as many components as the one below has visible
        units, and of their kind. Large tops that start so, and are trained at small rates, keep a
        log Z that :class:`AIS` finds.
    likelihood : "exact" or VariationalBound, default="exact"
        What ``score`` and ``score_samples`` are: exact log-likelihoods, for which a latent layer
        of at most 24 units is listed; or lower bounds of them, by :class:`VariationalBound`, for
        layers of any size.
    warm_start : bool, default=False
        Whether ``fit`` goes on from what was fitted before: each layer, from the bottom up, for as
        many passes more as its trainer takes, then the ``fine_tuner`` from there. Layers of other
        packages are fitted anew. False starts anew.
    verbose : int, default=0
        If positive, all layers print lines, as those with ``verbose`` of their own do.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; layers with a ``random_state`` of their own keep to it.

    Attributes
    ----------
    layers_ : list of estimators
        The layers, fitted.
    inferences_ : list
        q(h | x) of each layer, from the bottom up: the layers' own, or what :class:`WakeSleep`
        made of them.
    history_ : dict of str to dict
        The ``history_`` of each layer that has one, by its name, and that of the ``fine_tuner``.
    n_parameters_ : int
        Number of generative parameters: inference is not counted.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    best_latent_marginal : What the best of all upper layers could reach on a bottom layer.

    References
    ----------
    Arnold and Ollivier, "Layer-wise learning of deep generative models", arXiv 1212.1524, 2013.
    Hinton, Osindero and Teh, "A fast learning algorithm for deep belief nets", 2006.

    Examples
    --------
    >>> from layerwise import DBN, PCD, RBM, AutoEncoder
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> layers = [AutoEncoder(6, encoder_layer_sizes=(50,)), RBM(6, trainer=PCD(n_passes=100))]
    >>> dbn = DBN(layers, random_state=7).set_params(layer1__n_components=8).fit(tea.train)
    >>> dbn.sample(3, random_state=7).shape
    (3, 100)
    >>> bool(dbn.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    _parameter_constraints = {
        "layers": [list, tuple],
        "fine_tuner": [None, HasMethods(["passes", "check"])],
        "init": [StrOptions({"random", "transposed"})],
        "likelihood": [StrOptions({"exact"}), VariationalBound],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _needed = ("layers_", "n_features_in_")

    def __init__(
        self, layers, *, fine_tuner=None, init="random", likelihood="exact", warm_start=False,
        verbose=0, random_state=None,
    ):  # fmt: skip
        self.layers = layers
        self.fine_tuner = fine_tuner
        self.init = init
        self.likelihood = likelihood
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @fit_context
    def fit(self, X, y=None, sample_weight=None):
        """Train the layers, one after the other.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of states of the bottom layer's units, or of means of Bernoulli units.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for every layer and the ``fine_tuner``: as of a layer's ``fit``.

        Returns
        -------
        DBN
            This estimator.

        Raises
        ------
        Incompatible
            If the layers do not fit together, or not with ``init``.
        Diverged
            If training diverges; what was fitted before is kept.

        Notes
        -----
        Ctrl-C ends training once the pass under way is done, and what was fitted before is kept.
        Callbacks hear of a task for each layer and one for the ``fine_tuner``, with its passes;
        of a layer's passes hear those that are set on the layer, and those that scikit-learn
        hands on to parts, such as ``ProgressBar``.
        """
        self._check_layers()
        if self.fine_tuner is not None:
            suggestion = "LikelihoodAscent() or WakeSleep()"
            check_trainer(self, self.fine_tuner, RecognizedDBN, suggestion, "fine_tuner")
            for _, layer in self._named_layers:
                layer.check_parameters()
            self.fine_tuner.check_sizes(
                [layer.n_components for _, layer in self._named_layers[:-1]]
            )
        context = self._opened(len(self.layers) + (self.fine_tuner is not None), X, y)
        with restored_on_error(self):
            before, tuned = self._fitted_before()
            rows = validated_rows(self, X, reset=True, sparse=True)
            stream = Stream.from_random_state(self.random_state)
            layers = [(name, as_layer(clone(layer))) for name, layer in self._named_layers]
            units = layers[0][1].data_units(rows.shape[1])
            if self.init == "transposed":
                check_transposed(layers, rows.shape[1])
            data = rows = layer_input(rows, units, sample_weight)
            if data.weights is not None:
                for _, layer in layers:
                    check_weighable(layer)
            below = None
            for depth, ((name, layer), after) in enumerate(zip(layers, before)):
                task = None if context is None else context.subcontext(task_name=name)
                own = layer_stream(stream, depth)
                options = {}
                if depth and after is None and self.init == "transposed":
                    options["start"] = transposed(layer, layers[depth - 1][1], own)
                with as_task(task, self, layer.estimator, X=X, y=y):
                    below = fit_layer(
                        name, layer, rows, own, below,
                        y=y, verbose=self.verbose, after=after, **options,
                    )  # fmt: skip
                rows = rows.above(layer.inference_)
            self._take(layers, units)
            if self.fine_tuner is not None:
                self._fine_tune(data, stream.child("fine_tuner"), context, X, y, tuned)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    @classmethod
    def from_parameters(cls, layers):
        """Return a fitted deep model made of layers that are fitted already.

        Nothing is trained, and nothing copied but arrays of numbers. The layers keep their own
        inference for ``transform``; what counts for likelihoods and samples is p(x | h) of all but
        the last, and the last as a whole: ``log_partition(dbn.layers_[-1])`` is its log Z.

        Parameters
        ----------
        layers : list of estimators, of (name, estimator) or of arrays
            From the bottom up. Fitted estimators, the last of them an :class:`RBM`, or triples
            ``(components, intercept_visible, intercept_hidden)`` of an RBM of zeros and ones; for
            other units pass ``RBM.from_parameters(...)``.

        Returns
        -------
        DBN

        Raises
        ------
        Incompatible
            If a layer's visible units are not the latent units of the layer below it.
        NotFittedError
            If an estimator is not fitted.
        ValueError
            If arrays are no RBM.

        Examples
        --------
        >>> import numpy as np
        >>> from layerwise import DBN
        >>> bottom = np.zeros((3, 4)), np.zeros(4), np.zeros(3)
        >>> top = np.zeros((2, 3)), np.zeros(3), np.zeros(2)
        >>> dbn = DBN.from_parameters([bottom, top])
        >>> round(dbn.score(np.eye(4)), 6)  # four fair coins
        -2.772589
        """
        dbn = cls(layers_by_hand(layers))
        dbn._check_layers()
        fitted = fitted_layers(dbn._named_layers)
        dbn._take(fitted, fitted[0][1].conditional_.visible)
        bottom = fitted[0][1].estimator
        dbn.n_features_in_ = dbn.model_.bottom.n_visible
        if hasattr(bottom, "feature_names_in_"):
            dbn.feature_names_in_ = bottom.feature_names_in_
        return dbn

    def _fitted_before(self):
        """Return what to go on from: a fitted layer or None for each, and the tuner's history."""
        found = getattr(self, "layers_", None)
        if not self.warm_start or found is None:
            return [None] * len(self.layers), None
        kinds = [type(layer) for _, layer in self._named_layers]
        if kinds != [type(layer) for layer in found]:
            was, now = (
                ", ".join(kind.__name__ for kind in each)
                for each in ([type(layer) for layer in found], kinds)
            )
            raise Incompatible(
                f"DBN is to go on from what was fitted, layers of {was}, and has layers of {now}. "
                "Set them as they were, or train anew: fit with warm_start=False."
            )
        layers = [layer if isinstance(layer, Layer) else None for layer in found]
        return layers, self.history_.get("fine_tuner")

    def _fine_tune(self, rows, stream, context, X, y, before):
        """Train all layers at once; ``before`` is what was told of that in fits before."""
        tuner = self.fine_tuner
        learns_inference = issubclass(tuner.needs, RecognizedDBN)
        model = self.model_.copy()
        if learns_inference:
            model = recognized(model, self.inferences_)

        def fitted(history):
            layers, now = [copy(layer) for layer in self.layers_], model.copy()
            adopted(layers, now)
            return {
                "layers_": layers,
                "history_": self.history_ | {"fine_tuner": history},
                "_learned": now.inferences if learns_inference else None,
            }

        history = fine_tuned(
            self, tuner, tuner.passes(model, rows, stream), fitted, context,
            objective=tuner.objective, before=before, X=X, y=y,
        )  # fmt: skip
        adopted(self.layers_, model)
        self._learned = model.inferences if learns_inference else None
        self.history_["fine_tuner"] = history

    def _take(self, layers, units):
        """Be made of fitted layers, pairs of (name, Layer) from the bottom up, on such columns."""
        self.layers_ = [layer.estimator for _, layer in layers]
        self._learned = None
        self.visible_units_ = units
        self.history_ = {
            name: layer.history_ for name, layer in layers if layer.history_ is not None
        }
        self.n_parameters_ = self.model_.n_parameters

    @property
    def _is_positive(self):
        for _, bottom in self._named_layers[:1]:
            if isinstance(bottom, BaseEstimator):
                return get_tags(bottom).input_tags.positive_only
        return True

    @property
    def _takes_sparse(self):
        for _, bottom in self._named_layers[:1]:
            if isinstance(bottom, BaseEstimator):
                return get_tags(bottom).input_tags.sparse
        return True

    def _check_layers(self):
        """Raise what is wrong with the layers, before any work."""
        self._check_entries("RBM()")
        check_layers(self._named_layers, tuner=self.fine_tuner)

    @property
    def model_(self):
        """The generative model."""
        check_is_fitted(self)
        conditionals = tuple(layer.conditional_ for layer in self.layers_[:-1])
        return DBNParams(conditionals, self.layers_[-1].params_)

    @property
    def conditional_(self):
        """p(x | h) of the bottom layer."""
        check_is_fitted(self)
        return self.layers_[0].conditional_

    @property
    def inferences_(self):
        """q(h | x) of each layer: its own, or below the top what a fine tuner made of it."""
        own = [as_layer(layer).inference_ for layer in self.layers_]
        learned = getattr(self, "_learned", None)
        return own if learned is None else [*learned, own[-1]]

    def transform(self, X):
        """Return the means of the top's hidden units, means passed on at every layer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of states, or of means of Bernoulli units.

        Returns
        -------
        ndarray of shape (n_samples, n_components of the last layer)
        """
        check_is_fitted(self)
        means = validate(self, X, self.visible_units_, sparse=True)
        for inference in self.inferences_:
            means = inference.mean(means)
        return means

    def inverse_transform(self, X):
        """Return the means of the data given hidden units of the top, means passed down.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components of the last layer)
            Hidden states of the top, or their means, as ``transform`` returns.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        dbn = self.model_
        n_hidden = dbn.top.n_hidden
        whose, check = f"The top of DBN has {n_hidden} components", dbn.top.hidden.check_means
        means = validate_rows(X, n_hidden, whose, check)
        means = dbn.top.visible_mean(means)
        for conditional in reversed(dbn.conditionals):
            means = conditional.mean(means)
        return means

    def _log_density(self):
        if self.likelihood == "exact":
            # The top's marginal is pushed down layer by layer, by sums over all latent states.
            return log_density(self.model_)
        log_z = taken_log_z(self.layers_[-1])
        return lambda X: self._bound(self.likelihood, X)[0] - log_z

    def _bound(self, method, X):
        """Return what a method says of rows, without log Z of the top, and its errors."""
        return method.of_rows(self.model_, self.inferences_[:-1], X)

    def sample(self, n_samples=1, *, given=None, n_steps=1000, random_state=None):
        """Return rows drawn from the model, or from it given some of the data's units.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or with ``given`` of draws for each of its rows.
        given : array-like or sparse matrix of shape (n_rows, n_features), default=None
            Rows of known states, with NaN where a unit is free, as in ``RBM.sample``. Draws go by
            the posterior of the first layer's latent units, and are exact.
        n_steps : int, default=1000
            Steps of Gibbs sampling at the top; not used where its draws are exact, that is where
            the smaller of its layers has at most 20 units. With ``given``, of a single RBM alone.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            States of the bottom layer's units. With ``given``, of shape (n_rows * n_samples,
            n_features) and of its dtype, as ``RBM.sample`` returns it.

        Raises
        ------
        TooManyStates
            With ``given``, if the first layer has more than 24 latent units, or layers above it so
            many that their marginals cannot be had.
        """
        stream = self._sampling_stream(n_samples, random_state)
        if given is not None:
            return sample_given(self, given, n_samples, n_steps, stream)
        top = sample_visible(self.model_.top, n_samples, n_steps, stream.child("top"))
        return self.model_.down(top, stream.child("down"))

    @property
    def _n_features_out(self):
        return len(self.layers_[-1].components_)
