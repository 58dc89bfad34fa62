"""DBN: layers trained one at a time under an RBM."""

from sklearn.base import clone

from layerwise._sklearn import BaseComposition, check_is_fitted, fit_context
from layerwise.estimators.base import Generative
from layerwise.estimators.checks import restored_on_error, validate, validate_rows
from layerwise.estimators.rbm import RBM, sample_visible
from layerwise.exceptions import Incompatible
from layerwise.likelihood.mixtures import log_density
from layerwise.models.dbn import DBNParams
from layerwise.models.inputs import LayerInput
from layerwise.numerics.streams import Stream


class DBN(Generative, BaseComposition):
    """Deep belief network: generative layers under an RBM, trained from the bottom up.

    Each layer is trained on samples of the inference below it, drawn anew in each pass; what
    remains of a layer in the model is its conditional p(x | h). Stacked RBMs, stacked
    auto-encoders and mixtures of both are lists of layers, and nothing else.

    Parameters
    ----------
    layers : list of estimators, or of (name, estimator)
        From the bottom up; the last is an :class:`RBM`. A layer has ``fit``, ``transform`` and,
        once fitted, ``conditional_``. Bare estimators are named ``layer1``, ``layer2`` and so on,
        so that ``layer1__n_components`` can be set and searched over.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; layers with a ``random_state`` of their own keep to it.

    Attributes
    ----------
    layers_ : list of estimators
        The layers, fitted.
    history_ : dict of str to dict
        The ``history_`` of each layer that has one, by its name.
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

    _parameter_constraints = {"layers": [list, tuple], "random_state": ["random_state"]}

    def __init__(self, layers, *, random_state=None):
        self.layers = layers
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
    def fit(self, X, y=None):
        """Train the layers, one after the other.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of zeros and ones, or of means in [0, 1].
        y : None
            Ignored.

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
        with restored_on_error(self):
            X = validate(self, X, reset=True)
            stream = Stream.from_random_state(self.random_state)
            rows, fitted, history = LayerInput(X), [], {}
            for depth, (name, layer) in enumerate(self._named_layers):
                layer = clone(layer)
                _fit_layer(layer, rows, stream.child("layer", depth))
                if not hasattr(layer, "conditional_"):
                    raise Incompatible(
                        f"DBN asks each layer for its p(x | h) once it is fitted, and {name} "
                        f"({type(layer).__name__}) has no conditional_. Use AutoEncoder or RBM, "
                        "or add the attribute."
                    )
                fitted.append(layer)
                if hasattr(layer, "history_"):
                    history[name] = layer.history_
                rows = rows.above(_inference(layer))
            self.layers_, self.history_ = fitted, history
            self.n_parameters_ = self.model_.n_parameters
        return self

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
        X : array-like of shape (n_samples, n_features)
            Rows of zeros and ones, or of means.

        Returns
        -------
        ndarray of shape (n_samples, n_components of the last layer)
        """
        check_is_fitted(self)
        means = validate(self, X)
        for layer in self.layers_:
            means = _inference(layer)(means)
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
        means = validate_rows(X, n_hidden, f"The top of DBN has {n_hidden} components")
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
        ndarray of shape (n_samples, n_features), of zeros and ones
        """
        stream = self._sampling_stream(n_samples, random_state)
        top = sample_visible(self.model_.top, n_samples, n_steps, stream.child("top"))
        return self.model_.down(top, stream.child("down"))

    @property
    def _n_features_out(self):
        return len(self.layers_[-1].components_)


def _fit_layer(layer, rows, stream):
    """Train one layer on rows that may be drawn anew; on their means if it cannot draw."""
    if not hasattr(layer, "_fit_rows"):
        layer.fit(rows.expected())
        return
    layer._validate_params()
    if layer.random_state is not None:
        stream = Stream.from_random_state(layer.random_state)
    layer._fit_rows(rows, stream)


def _inference(layer):
    """Return the function from states to the means of the layer above."""
    inference = getattr(layer, "inference_", None)
    return layer.transform if inference is None else inference.mean
