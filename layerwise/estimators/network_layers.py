"""Dense and Supervised: layers of a deep predictor that are no models of their input."""

from copy import deepcopy

import numpy as np
from sklearn.base import BaseEstimator

from layerwise._sklearn import POSITIVE_INTEGER, HasMethods, StrOptions
from layerwise.estimators.training import Trains
from layerwise.models.chain import Chain, Features, Predictor
from layerwise.models.units import Gaussian
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.supervision import output_on

__all__ = ["Dense", "Supervised"]


class NetworkLayer(BaseEstimator):
    """An affine map and an activation, of numbers: it takes any real columns, and draws nothing.

    A subclass sets ``inference_``, whose means are the layer's units.
    """

    _parameter_constraints = {
        "n_components": [POSITIVE_INTEGER],
        "activation": [StrOptions({"relu", "sigmoid", "tanh"})],
        "random_state": ["random_state"],
    }

    def data_units(self, n_features):
        """Return what so many columns are of: any real numbers.

        Parameters
        ----------
        n_features : int

        Returns
        -------
        unit type
        """
        return Gaussian()

    @property
    def estimator(self):
        """This layer itself."""
        return self

    @property
    def network_part(self):
        """Size and activation of each layer of a network that this one becomes."""
        return [(self.n_components, self.activation)]

    def check_parameters(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self._validate_params()


class Dense(NetworkLayer):
    """A layer of a deep predictor with random weights, which is trained with the whole alone.

    Parameters
    ----------
    n_components : int, default=64
        Number of units.
    activation : {"relu", "sigmoid", "tanh"}, default="relu"
    random_state : int, RandomState instance or None, default=None
        The predictor's own if None.

    See Also
    --------
    Supervised : A layer that is trained towards the target before the whole is.

    Notes
    -----
    It is a part of :class:`DeepClassifier` and :class:`DeepRegressor`, and has no ``fit`` of its
    own. Weights are uniform within +-sqrt(6 / (n_inputs + n_components)) and biases zero (Glorot
    and Bengio, 2010).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from layerwise import DeepClassifier, Dense
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DeepClassifier([Dense(20), Dense(20, activation="tanh")], random_state=7)
    >>> bool(make_pipeline(StandardScaler(), net).fit(X, y).score(X, y) > 0.9)
    True
    """

    history_ = None

    def __init__(self, n_components=64, *, activation="relu", random_state=None):
        self.n_components = n_components
        self.activation = activation
        self.random_state = random_state

    def fit_input(self, rows, stream, *, y=None, verbose=0, after=None, one_pass=False):
        """Take random weights, unless there are some to go on from.

        Parameters
        ----------
        rows : LayerInput
        stream : Stream
            Where the weights come from.
        y : default=None
            Not used.
        verbose : int, default=0
            Not used.
        after : Dense, default=None
            This layer itself, with weights.
        one_pass : bool, default=False
            Not used.

        Returns
        -------
        self
            This layer.
        """
        if after is None:
            means = rows.expected()
            sizes = means.shape[1], self.n_components
            chain = Chain.init(sizes, (self.activation,), stream.child("init"), dtype=means.dtype)
            self.inference_ = Features(chain, 0, 1)
        return self


class Supervised(Trains, NetworkLayer):
    """A layer of a deep predictor, trained first as the hidden layer of a small one.

    A net of one hidden layer learns the target from what the layers below hand up; its output
    weights are then discarded (Bengio, Lamblin, Popovici and Larochelle, "Greedy layer-wise
    training of deep networks", 2007, section 4).

    Parameters
    ----------
    n_components : int, default=64
        Number of units.
    activation : {"sigmoid", "relu", "tanh"}, default="sigmoid"
    trainer : Backprop, default=None
        ``Backprop()`` if None. Rows without a target are left out.
    verbose : int, default=0
        If positive, a line is printed about once a second.
    random_state : int, RandomState instance or None, default=None
        The predictor's own if None.

    See Also
    --------
    Dense : A layer that is not trained before the whole is.

    Notes
    -----
    It is a part of :class:`DeepClassifier` and :class:`DeepRegressor`, and has no ``fit`` of its
    own.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import DeepClassifier, Supervised
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepClassifier([Supervised(30), Supervised(30)], random_state=7)
    >>> bool(net.set_params(layer1__n_components=50).fit(X / 16, y).score(X / 16, y) > 0.9)
    True
    """

    _parameter_constraints = NetworkLayer._parameter_constraints | {
        "trainer": [None, HasMethods(["passes", "check"])],
        "verbose": ["verbose"],
    }
    _default_trainer = Backprop
    _trained_by = Predictor, "Backprop()"

    def __init__(
        self, n_components=64, *, activation="sigmoid", trainer=None, verbose=0, random_state=None
    ):
        self.n_components = n_components
        self.activation = activation
        self.trainer = trainer
        self.verbose = verbose
        self.random_state = random_state

    def fit_input(self, rows, stream, **options):
        """Train on the rows that have a target.

        Parameters
        ----------
        rows : LayerInput
            With targets.
        stream : Stream
            Where all random numbers come from.
        **options : dict
            As other layers take them: ``y``, ``verbose``, ``after``, ``one_pass``.

        Returns
        -------
        self
            This layer.
        """
        return super().fit_input(rows.labelled, stream, **options)

    def _asked(self, n_features):
        return {
            "n_components": self.n_components,
            "n_features": n_features,
            "activation": self.activation,
        }

    def _first(self, rows, means, stream):
        sizes = means.shape[1], self.n_components
        return Predictor(
            output_on(sizes, [self.activation], rows.targets, stream.child("init"), means.dtype)
        )

    def _as_it_stands(self, model):
        return deepcopy(model)

    def _attributes(self, model, rows, stream):
        return {
            "components_": np.ascontiguousarray(model.chain.weights(0).T),
            "inference_": Features(model.chain, 0, 1),
        }
