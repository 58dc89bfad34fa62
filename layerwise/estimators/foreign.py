"""Layers of other packages, as a deep model sees its own."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from layerwise._sklearn import check_is_fitted, has_fit_parameter
from layerwise.estimators.base import Layer
from layerwise.estimators.network_layers import NetworkLayer
from layerwise.exceptions import Incompatible
from layerwise.models.units import BITS
from layerwise.numerics import units

__all__ = ["Foreign", "as_layer", "check_weighable"]


def as_layer(estimator):
    """Return an estimator as a layer: itself, or what makes it one."""
    if isinstance(estimator, (Layer, NetworkLayer)):
        return estimator
    if isinstance(estimator, FrozenEstimator) and isinstance(estimator.estimator, Layer):
        return Frozen(estimator)
    return Foreign(estimator)


def check_weighable(layer):
    """Raise that a layer cannot be fitted to weighted rows, if it is of another package."""
    if type(layer) is Foreign and not has_fit_parameter(layer.estimator, "sample_weight"):
        raise Incompatible(
            "sample_weight asks that every layer takes weighted rows, and the fit of "
            f"{type(layer.estimator).__name__} has no sample_weight. Use AutoEncoder or RBM, "
            "or no weights."
        )


@dataclass(frozen=True)
class Foreign:
    """An estimator with ``fit`` and ``transform``, and once fitted ``conditional_``.

    It cannot draw rows anew in each pass, so it is fitted to their means.

    Parameters
    ----------
    estimator : estimator
    """

    estimator: BaseEstimator
    random_state = None
    history_ = None

    def data_units(self, n_features):
        """Return what so many columns are of: zeros and ones, as nothing else can be asked for."""
        return BITS

    def check_parameters(self):
        """Leave the parameters to ``fit``."""

    def fit_input(self, rows, stream, *, y=None, verbose=0, after=None):
        """Fit the estimator to the means of the rows; it knows nothing of the rest."""
        if rows.weights is None:
            self.estimator.fit(rows.expected(), None)
            return self
        check_weighable(self)
        self.estimator.fit(rows.expected(), None, sample_weight=rows.weights)
        return self

    @property
    def conditional_(self):
        """p(x | h), or None if the estimator has none."""
        return getattr(self.estimator, "conditional_", None)

    @property
    def inference_(self):
        """q(h | x), whose means are those of ``transform``."""
        return Transformed(self.estimator, self.conditional_.latent)


class Frozen(Foreign):
    """A ``FrozenEstimator`` around a fitted :class:`Layer`, whose own inference is drawn from."""

    def data_units(self, n_features):
        """Return what the layer's columns were fitted as."""
        check_is_fitted(self.estimator)
        return self.estimator.visible_units_

    @property
    def network_part(self):
        """Size and activation of each layer of a network that the layer's inference becomes."""
        affine = getattr(self.inference_, "affine_layers", None)
        if affine is None:  # a posterior
            return [(self.conditional_.n_latent, "sigmoid")]
        return [(weights.shape[1], activation) for weights, _, activation in affine]

    def fit_input(self, rows, stream, *, y=None, verbose=0, after=None, one_pass=False):
        """Leave the layer as it is, if rows are of its width."""
        has, asked = self.conditional_.n_visible, rows.expected().shape[1]
        if has != asked:
            raise Incompatible(
                f"A frozen {type(self.estimator.estimator).__name__} was fitted to {has} "
                f"columns, and gets {asked}. Freeze one of the same width."
            )
        return self

    @property
    def inference_(self):
        """q(h | x) of the layer."""
        return self.estimator.inference_


@dataclass(frozen=True)
class Transformed:
    """q(h | x), independent two-state units whose means an estimator's ``transform`` returns."""

    estimator: BaseEstimator
    latent: object

    def mean(self, X):
        """Return the means of h, of shape (n_rows, n_latent)."""
        return self.estimator.transform(X)

    def sample(self, X, stream, *, step, lane):
        """Return states of h, drawn at the addresses (unit, row, step, lane)."""
        mean = np.asarray(self.mean(X))
        low, step_up = self.latent.bits(mean.shape[1])
        bits = units.draw((mean - low) / step_up, stream, step=step, lane=lane)
        return (low + step_up * bits).astype(mean.dtype)
