"""DRBN: a deep restricted Boltzmann network, sampled up and down through all layers."""

import math
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from layerwise._sklearn import HasMethods, check_is_fitted
from layerwise.estimators.base import Layer
from layerwise.estimators.checks import validate, validate_rows
from layerwise.estimators.sampling import rows_to_start
from layerwise.exceptions import Incompatible
from layerwise.likelihood import mixtures, stationary
from layerwise.models.dbn import DBNParams
from layerwise.models.family import Units
from layerwise.models.rbm import RBMParams
from layerwise.models.stack import StackParams
from layerwise.numerics.stack import MOST_LAYERS
from layerwise.numerics.streams import STATE
from layerwise.trainers.joint import JointCD

__all__ = ["DRBN", "Convolution"]


@dataclass(frozen=True)
class Convolution:
    """A layer of a :class:`DRBN` whose units see patches of an image, with weights of all patches.

    In training the weights take the mean over patches of their slopes, so that one learning rate
    suits layers of either kind.

    Parameters
    ----------
    n_filters : int
        Hidden units of a patch.
    size : int
        Lines and columns of a patch.
    stride : int, default=1
        Lines, and columns, from one patch to the next.

    Examples
    --------
    >>> from layerwise import Convolution
    >>> Convolution(64, 12, stride=2)  # on 28 x 28 pixels, 9 x 9 patches
    Convolution(n_filters=64, size=12, stride=2)
    """

    n_filters: int
    size: int
    stride: int = 1

    def __post_init__(self):
        for name in ("n_filters", "size", "stride"):
            value = getattr(self, name)
            if not (isinstance(value, Integral) and value >= 1):
                raise ValueError(
                    f"The '{name}' of Convolution must be an int in the range [1, inf). Got "
                    f"{value!r} instead."
                )


class DRBN(Layer):
    """A deep restricted Boltzmann network: RBMs that are sampled through, up and down.

    Each layer is an RBM on the hidden units of the one below; units in between have a bias for the
    way up and one for the way down. The model is where a chain goes that is drawn up through all
    layers and down again. Of one layer it is the RBM; of more there is no energy, and so no
    likelihood but where all layers can be listed.

    Parameters
    ----------
    layer_sizes : tuple of int or Convolution, default=(128, 64)
        Hidden units of each layer, from the data up; layers over patches come first.
    visible : {"bernoulli", "spin", "gaussian", "truncated_exponential"}, unit type, or list, \
            default="bernoulli"
        What the columns of the data are, as in :class:`RBM`.
    hidden : {"bernoulli", "spin"} or unit type, default="bernoulli"
        What all hidden units are.
    image_shape : tuple of int, default=None
        Lines, columns, and channels if there are more than one, of a row: for layers over patches.
        A row's columns are in the order of lines, columns and channels. None is a square.
    trainer : JointCD or JointPCD, default=None
        ``JointCD()`` if None. Its parameters can be set and searched over.
    warm_start : bool, default=False
        As in :class:`RBM`.
    verbose : int, default=0
        If positive, a line is printed about once a second and after the last pass.
    random_state : int, RandomState instance or None, default=None
        Read when training starts anew; an int gives the same bits at every call.

    Attributes
    ----------
    layers_ : list
        Each layer's parameters, from the data up: ``components``, ``intercept_visible`` (of the
        way down) and ``intercept_hidden`` (of the way up).
    components_ : ndarray of shape (n_units, n_features) or (n_filters, n_pixels of a patch)
        Weights of the first layer.
    noise_variance_ : ndarray of shape (n_features,)
        Only where there are Gaussian units.
    visible_units_, hidden_units_ : unit type
    history_ : dict of str to ndarray of shape (n_passes,)
        ``"free_energy_gap"``: what each step descends, summed over layers, in nats per row. It is
        no measure of progress.
    n_parameters_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    See Also
    --------
    DBN : RBMs trained one after the other, of which the top alone is sampled both ways.
    parzen_log_likelihood : A number for models that have samples and no likelihood.

    References
    ----------
    Hu, Gao and Ma, "Deep restricted Boltzmann networks", 2016.

    Examples
    --------
    >>> from layerwise import DRBN, JointCD
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> model = DRBN((40, 20), trainer=JointCD(n_passes=100), random_state=7).fit(tea.train)
    >>> model.transform(tea.test).shape
    (81, 20)
    >>> model.sample(5, n_steps=100).shape
    (5, 100)
    """

    _parameter_constraints = {
        "layer_sizes": [tuple, list],
        "visible": [str, Units, list, tuple],
        "hidden": [str, Units],
        "image_shape": [None, tuple, list],
        "trainer": [None, HasMethods(["passes", "check"])],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    is_affine = False
    conditional_ = None
    _default_trainer = JointCD
    _needed = "params_", "n_features_in_"
    _trained_by = StackParams, "JointCD() or JointPCD()"

    def __init__(
        self,
        layer_sizes=(128, 64),
        *,
        visible="bernoulli",
        hidden="bernoulli",
        image_shape=None,
        trainer=None,
        warm_start=False,
        verbose=0,
        random_state=None,
    ):
        self.layer_sizes = layer_sizes
        self.visible = visible
        self.hidden = hidden
        self.image_shape = image_shape
        self.trainer = trainer
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _asked(self, n_features):
        return {
            "layer_sizes": self._shapes(n_features),
            "n_features": n_features,
            "visible": self.data_units(n_features),
            "hidden": self.hidden,
        }

    def _shapes(self, n_features):
        """Return the layers as ``StackParams`` takes them, or raise which does not fit."""
        grid, shapes = None, []
        if any(isinstance(layer, Convolution) for layer in self.layer_sizes):
            grid = self._image(n_features)
        for number, layer in enumerate(self.layer_sizes, start=1):
            if not isinstance(layer, Convolution):
                grid = None
                shapes.append(int(layer))
                continue
            if grid is None:
                raise Incompatible(
                    f"Layer {number} of DRBN is over patches, and the layer below it has no lines "
                    "and columns. Put layers of Convolution below all others."
                )
            if layer.size > min(grid[:2]):
                raise Incompatible(
                    f"Layer {number} of DRBN asks for patches of {layer.size} x {layer.size}, and "
                    f"what is below it has {grid[0]} x {grid[1]}. Use smaller patches."
                )
            shapes.append(((*grid, layer.size, layer.stride), layer.n_filters))
            lines, columns = ((side - layer.size) // layer.stride + 1 for side in grid[:2])
            grid = (lines, columns, layer.n_filters)
        return tuple(shapes)

    def _image(self, n_features):
        shape = self.image_shape
        if shape is None:
            side = math.isqrt(n_features)
            shape = side, side
        shape = (*shape, 1) if len(shape) == 2 else tuple(shape)
        if len(shape) != 3 or math.prod(shape) != n_features:
            raise Incompatible(
                f"Patches are taken of images, and {n_features} columns are no image of the shape "
                f"{self.image_shape or shape[:2]}. Set image_shape=(lines, columns)."
            )
        return shape

    def _check_parts(self):
        sizes = self.layer_sizes
        fits = all(
            isinstance(size, Convolution) or (isinstance(size, Integral) and size >= 1)
            for size in sizes
        )
        if not (fits and 1 <= len(sizes) <= MOST_LAYERS):
            raise ValueError(
                f"The 'layer_sizes' parameter of DRBN must be a tuple of 1 to {MOST_LAYERS} ints "
                f"in the range [1, inf), or Convolution. Got {sizes!r} instead."
            )

    def _first(self, rows, means, stream):
        return StackParams.init(
            means,
            self._shapes(means.shape[1]),
            stream,
            visible=self.data_units(means.shape[1]),
            hidden=self.hidden,
            weights=rows.weights,
        )

    def _as_it_stands(self, model):
        return deepcopy(self.params_)

    def _attributes(self, model, rows, stream):
        layers, n_parameters, found = model.layers, len(model.parameters), {}
        if model.log_variance is not None:
            found["noise_variance_"] = np.exp(model.log_variance)
            n_parameters -= int((~model.visible.gaussian(model.n_visible)).sum())
        return {
            **found,
            "params_": model,
            "layers_": layers,
            "components_": layers[0].components,
            "visible_units_": model.visible,
            "hidden_units_": model.hidden,
            "n_features_in_": model.n_visible,
            "n_parameters_": n_parameters,
        }

    @property
    def network_part(self):
        """Refuse: units between layers have no inference but the chain's."""
        raise Incompatible(
            "A layer of a network has one affine map of its inputs, and DRBN has several layers. "
            "Use RBM for each of them."
        )

    def _log_density(self):
        layers = self.params_.layers
        if len(layers) == 1 and isinstance(layers[0], RBMParams):
            return mixtures.log_density(DBNParams((), layers[0]))
        return stationary.log_density(self.params_)

    def transform(self, X):
        """Return the means of the top's units, means passed up at every layer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of states, or of means of Bernoulli units.

        Returns
        -------
        ndarray of shape (n_samples, n_units of the top)
        """
        check_is_fitted(self)
        return self.params_.up(validate(self, X, self.visible_units_, sparse=True))

    def first_means(self, X):
        """Return the means of the first layer's units, over patches those of each filter.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, len(components_))
        """
        check_is_fitted(self)
        means = self.params_.layers[0].hidden_mean(
            validate(self, X, self.visible_units_, sparse=True)
        )
        return means.reshape(len(means), -1, len(self.components_)).mean(axis=1)

    def inverse_transform(self, X):
        """Return the means of rows given the top's units, means passed down at every layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_units of the top)
            States, or means, as ``transform`` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        n_top = self.params_.sizes[-1]
        whose = f"The top of DRBN has {n_top} units"
        return self.params_.down(validate_rows(X, n_top, whose, self.hidden_units_.check_means))

    def sample(self, n_samples=1, *, n_steps=1000, start=None, means=False, random_state=None):
        """Return where chains are after some steps up and down through all layers.

        Parameters
        ----------
        n_samples : int, default=1
            Number of chains.
        n_steps : int, default=1000
            Steps of each.
        start : array-like of shape (n_samples, n_features), default=None
            Rows that chains start from; None starts from noise.
        means : bool, default=False
            Whether to return the means that one more way down draws rows from: smoother to look
            at.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        stream = self._sampling_stream(n_samples, random_state)
        check_scalar(n_steps, "n_steps", Integral, min_val=1)
        if start is None:
            rows = self.params_.starts(n_samples, stream.child("start"))
        else:
            rows = rows_to_start(self, start, n_samples)
        rows, top = self.params_.gibbs(rows, stream, n_steps)
        return self.params_.mean_below(top, stream, lane=STATE) if means else rows

    @property
    def _n_features_out(self):
        return self.params_.sizes[-1]
