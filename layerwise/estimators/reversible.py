"""Public functions on fitted networks: are they reversible, and do they look random?"""

from layerwise._sklearn import check_is_fitted
from layerwise.estimators.predictor import DeepPredictor
from layerwise.exceptions import Incompatible
from layerwise.likelihood.reversible import layer_likeness, layer_reversal
from layerwise.models.reversal import other_than_relu
from layerwise.numerics.rows import dense
from layerwise.numerics.streams import Stream

__all__ = ["random_likeness", "reversibility"]


def reversibility(model, X, *, random_state=None):
    """Return how far each hidden layer of a network is reversible, on some rows.

    A layer of ReLU units h = r(W'x + b) with random-like weights is the inverse of a generative
    model: x = r(alpha W h) gives the layer's input back, and the layer then gives h again, the
    better the more inputs there are. Each layer is looked at on its own inputs, the values of the
    layer below; alpha is that of least squares. Where each input of x is kept with a probability
    rho, and divided by it, the error of h is to fall with rho n, of n inputs.

    Parameters
    ----------
    model : DeepClassifier or DeepRegressor
        Fitted, of ReLU layers.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    random_state : int, RandomState instance or None, default=None
        Of the random order of weights that each layer is compared with, and of the inputs that
        are kept; the model's own if None.

    Returns
    -------
    list of LayerReversal
        For each hidden layer, from the bottom up, ``trained`` and ``shuffled``: ``slope``,
        ``input_error``, ``hidden_error``, ``active`` units, and with inputs of x left out
        ``kept_errors`` of h against ``kept``, which is rho n. Errors are relative: 0 where the
        reverse is exact, whose slope is 1.

    Raises
    ------
    Incompatible
        If the model is another, or a layer has other units than ReLU.

    References
    ----------
    Arora, Liang and Ma, "Why are deep nets reversible: a simple theory, with implications for
    training", 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import Backprop, DeepClassifier, Dense, reversibility
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepClassifier([Dense(200)], fine_tuner=Backprop(n_passes=5), random_state=7)
    >>> (layer,) = reversibility(net.fit(X / 16, y), X / 16)
    >>> layer.n_inputs, layer.n_units
    (64, 200)
    >>> layer.trained.input_error < 1  # 1 is that of rows of zeros
    True
    """
    chain = _network(model, "reversibility")
    other = other_than_relu(chain)
    if other:
        raise Incompatible(
            "reversibility asks for a network of ReLU layers, and this one has "
            f"{other} layers. Use layers Dense(n) or "
            "Supervised(n, activation='relu')."
        )
    below = dense(model._checked(X), chain.parameters.dtype)
    seed = model.random_state if random_state is None else random_state
    generator, found = Stream.from_random_state(seed).child("shuffled").generator(), []
    for k in range(chain.n_layers - 1):
        found.append(layer_reversal(chain.weights(k), chain.biases(k), below, generator))
        below = chain.forward(below, k, k + 1)
    return found


def random_likeness(model):
    """Return how far the weights of each layer look like independent normal numbers.

    Entries are compared with a normal law, singular values with the Marchenko-Pastur law, which
    those of a random matrix follow.

    Parameters
    ----------
    model : DeepClassifier or DeepRegressor
        Fitted, of any layers.

    Returns
    -------
    list of LayerLikeness
        For each hidden layer, from the bottom up: ``mean``, ``deviation``, ``skewness``,
        ``kurtosis``, ``normal_distance`` with its ``normal_noise``, ``spectrum_distance``,
        ``outside``, ``weights`` and ``spectrum``.

    Raises
    ------
    Incompatible
        If the model is another.

    References
    ----------
    Arora, Liang and Ma, "Why are deep nets reversible: a simple theory, with implications for
    training", 2015, section 2.2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import Backprop, DeepClassifier, Dense, random_likeness
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepClassifier([Dense(200)], fine_tuner=Backprop(n_passes=5), random_state=7)
    >>> (layer,) = random_likeness(net.fit(X / 16, y))
    >>> layer.spectrum.shape
    (64,)
    """
    chain = _network(model, "random_likeness")
    return [layer_likeness(chain.weights(k)) for k in range(chain.n_layers - 1)]


def _network(model, name):
    """Return the network of a fitted predictor, or raise that there is none."""
    if not isinstance(model, DeepPredictor):
        raise Incompatible(
            f"{name} asks for a DeepClassifier or a DeepRegressor, and got {model!r}. Pass one "
            "that is fitted."
        )
    check_is_fitted(model)
    return model.network_
