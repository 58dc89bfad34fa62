"""DBN: layers trained one at a time under an RBM."""

import numpy as np
from sklearn.base import BaseEstimator, clone

from layerwise._sklearn import (
    BaseComposition,
    HasMethods,
    check_is_fitted,
    fit_context,
    get_tags,
    validated_rows,
)
from layerwise.estimators.base import Generative, Layer
from layerwise.estimators.checks import (
    check_trainer,
    layer_input,
    restored_on_error,
    run_passes,
    validate,
    validate_rows,
)
from layerwise.estimators.foreign import as_layer
from layerwise.estimators.rbm import RBM, sample_visible
from layerwise.exceptions import Incompatible
from layerwise.likelihood.mixtures import latent_log_marginals, log_density
from layerwise.models.dbn import DBNParams
from layerwise.numerics.streams import Stream


class DBN(Generative, BaseComposition):
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
    fine_tuner : LikelihoodAscent, default=None
        Trains all layers at once, after they were trained one at a time; None leaves them.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; layers with a ``random_state`` of their own keep to it.

    Attributes
    ----------
    layers_ : list of estimators
        The layers, fitted.
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
        "random_state": ["random_state"],
    }

    def __init__(self, layers, *, fine_tuner=None, random_state=None):
        self.layers = layers
        self.fine_tuner = fine_tuner
        self.random_state = random_state

    @property
    def _named_layers(self):
        entries = self.layers if isinstance(self.layers, (list, tuple)) else ()
        return [
            entry if isinstance(entry, tuple) else (f"layer{number}", entry)
            for number, entry in enumerate(entries, start=1)
        ]

    @_named_layers.setter
    def _named_layers(self, named):
        self.layers = [
            pair if isinstance(entry, tuple) else pair[1]
            for entry, pair in zip(self.layers, named)
        ]

    def get_params(self, deep=True):
        """Return the parameters, and those of the layers by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the layers' parameters too.

        Returns
        -------
        dict
        """
        return self._get_params("_named_layers", deep=deep)

    def set_params(self, **params):
        """Set parameters, layers by name, and layers' parameters as ``layer1__n_components``.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        DBN
            This estimator.
        """
        if "layers" in params:
            self.layers = params.pop("layers")
        self._set_params("_named_layers", **params)
        return self

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
            If the layers do not fit together.
        Diverged
            If training diverges; what was fitted before is kept.
        """
        self._check_layers()
        if self.fine_tuner is not None:
            check_trainer(self, self.fine_tuner, DBNParams, "LikelihoodAscent()")
            for _, layer in self._named_layers:
                layer.check_parameters()
            self.fine_tuner.check_sizes(
                [layer.n_components for _, layer in self._named_layers[:-1]]
            )
        with restored_on_error(self):
            X = validated_rows(self, X, reset=True, sparse=self._takes_sparse)
            stream = Stream.from_random_state(self.random_state)
            layers = [(name, as_layer(clone(layer))) for name, layer in self._named_layers]
            units = layers[0][1].data_units(X.shape[1])
            data = rows = layer_input(X, units, sample_weight)
            below = None
            for depth, (name, layer) in enumerate(layers):
                below = fit_layer(name, layer, rows, layer_stream(stream, depth), below)
                rows = rows.above(layer.inference_)
            self._take(layers, units)
            if self.fine_tuner is not None:
                told = self._fine_tune(data, stream.child("fine_tuner"))
                self.history_["fine_tuner"] = told
        return self

    def _fine_tune(self, rows, stream):
        """Train all layers at once, and return what was told of it."""
        model = self.model_.copy()
        passes = self.fine_tuner.passes(model, rows, stream)
        history = run_passes(self.fine_tuner, passes)
        marginals = latent_log_marginals(model) if model.conditionals else []
        for layer, conditional, marginal in zip(self.layers_, model.conditionals, marginals):
            layer.adopt(conditional, marginal)
        self.layers_[-1].adopt_params(model.top)
        return history

    def _take(self, layers, units):
        """Be made of fitted layers, pairs of (name, Layer) from the bottom up, on such columns."""
        self.layers_ = [layer.estimator for _, layer in layers]
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
        if not self.layers:
            raise Incompatible("DBN asks for at least one layer, and layers is empty. Add RBM().")
        for entry in self.layers:
            if isinstance(entry, tuple) and not (len(entry) == 2 and isinstance(entry[0], str)):
                raise Incompatible(
                    "DBN asks for layers that are estimators or pairs of (name, estimator), and "
                    f"one is {entry!r}. Write it as ('bottom', AutoEncoder()), or without a name."
                )
        names = [name for name, _ in self._named_layers]
        self._validate_names(names)
        for name, layer in self._named_layers:
            if isinstance(layer, type):
                raise Incompatible(
                    f"DBN asks for estimators as layers, and {name} is the class "
                    f"{layer.__name__}. Pass {layer.__name__}()."
                )
            if not (hasattr(layer, "fit") and hasattr(layer, "transform")):
                raise Incompatible(
                    f"DBN asks for layers with fit and transform, and {name} is {layer!r}. "
                    "Use AutoEncoder or RBM."
                )
            if self.fine_tuner is not None and not isinstance(layer, Layer):
                raise Incompatible(
                    f"fine_tuner trains the layers of this package, and {name} is "
                    f"{type(layer).__name__}. Use AutoEncoder, LatentLayer or RBM, or "
                    "fine_tuner=None."
                )
        name, last = self._named_layers[-1]
        if not isinstance(last, RBM):
            raise Incompatible(
                f"DBN asks for an RBM as its last layer, and {name} is {type(last).__name__}. "
                "Append RBM(): it gives the distribution over the units below it."
            )

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
        for layer in self.layers_:
            means = as_layer(layer).inference_.mean(means)
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
        # The top's marginal is pushed down layer by layer, by sums over all latent states.
        return log_density(self.model_)

    def sample(self, n_samples=1, *, n_steps=1000, random_state=None):
        """Return rows drawn from the model: from the top RBM, then down.

        Parameters
        ----------
        n_samples : int, default=1
        n_steps : int, default=1000
            Steps of Gibbs sampling at the top; not used where its draws are exact, that is where
            the smaller of its layers has at most 20 units.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            States of the bottom layer's units.
        """
        stream = self._sampling_stream(n_samples, random_state)
        top = sample_visible(self.model_.top, n_samples, n_steps, stream.child("top"))
        return self.model_.down(top, stream.child("down"))

    @property
    def _n_features_out(self):
        return len(self.layers_[-1].components_)


def layer_stream(stream, depth):
    """Return the stream of the layer at a depth, of the stream of the whole."""
    return stream.child("layer", depth)


def fit_layer(name, layer, rows, stream, below=None):
    """Train one layer on what the layers below it hand up, and return its p(x | h).

    Parameters
    ----------
    name : str
    layer : Layer
    rows : LayerInput
    stream : Stream
        Not used if the layer has a ``random_state`` of its own.
    below : Conditional, default=None
        p(x | h) of the layer below.

    Returns
    -------
    Conditional

    Raises
    ------
    Incompatible
        If the layer does not fit the layer below, or has no p(x | h).
    """
    if below is not None:
        _check_units(name, layer, below.latent, below.n_latent)
    layer.check_parameters()
    if layer.random_state is not None:
        stream = Stream.from_random_state(layer.random_state)
    layer.fit_input(rows, stream)
    return _conditional(name, layer)


def _conditional(name, layer):
    """Return p(x | h) of a fitted layer, or raise that it has none."""
    found = layer.conditional_
    if found is None:
        raise Incompatible(
            f"DBN asks each layer for its p(x | h) once it is fitted, and {name} "
            f"({type(layer.estimator).__name__}) has no conditional_. Use AutoEncoder or RBM, or "
            "add the attribute."
        )
    return found


def _check_units(name, layer, latent, n_latent):
    """Raise Incompatible if a layer's visible units are not what the latent units below it are."""
    visible = layer.data_units(n_latent)
    if not (visible.is_binary and np.array_equal(visible.bits(n_latent), latent.bits(n_latent))):
        raise Incompatible(
            f"DBN asks that a layer's visible units are the latent units of the layer below it: "
            f"those of {name} are {visible!r}, and those below it {latent!r}. Set both alike, as "
            "with hidden='spin' below and visible='spin' above."
        )
