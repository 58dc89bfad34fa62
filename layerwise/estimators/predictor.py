"""DeepPredictor: what a deep classifier and a deep regressor share."""

from abc import ABC, abstractmethod
from copy import deepcopy
from numbers import Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_consistent_length

from layerwise._saving import Saved
from layerwise._sklearn import (
    HasMethods,
    StrOptions,
    check_is_fitted,
    fit_context,
    get_tags,
    validated_rows,
    validated_weights,
)
from layerwise.estimators.callbacks import TakesCallbacks, as_task
from layerwise.estimators.checks import check_trainer, counted, restored_on_error, validate
from layerwise.estimators.foreign import as_layer
from layerwise.estimators.layered import Layered
from layerwise.estimators.network_layers import NetworkLayer
from layerwise.estimators.passes import fine_tuned
from layerwise.estimators.pretraining import (
    affine_layers,
    check_fits,
    check_supervised,
    supervised,
    train_together,
)
from layerwise.estimators.stacking import layer_stream, own_stream
from layerwise.exceptions import Incompatible
from layerwise.models.chain import Predictor
from layerwise.models.inputs import LayerInput
from layerwise.models.units import Gaussian
from layerwise.numerics.streams import Stream
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.supervision import output_on


class DeepPredictor(
    TakesCallbacks, Saved, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Layered, ABC
):
    """Layers trained one after the other, then as a network towards a target.

    A subclass says what targets are (``_targets``).
    """

    _parameter_constraints = {
        "layers": [list, tuple],
        "fine_tuner": [None, HasMethods(["passes", "check"])],
        "pretraining": [StrOptions({"greedy", "continuous"})],
        "supervision": [Real, list, tuple],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _needed = ("layers_", "network_", "n_features_in_")

    def set_params(self, **params):
        """Set parameters, layers by name, and parts' parameters as ``layer1__n_components``.

        Parameters
        ----------
        **params : dict
            Where ``fine_tuner`` is None, its parameters are set on a new ``Backprop()``.

        Returns
        -------
        self
            This estimator.
        """
        of_tuner = any(name.startswith("fine_tuner__") for name in params)
        if of_tuner and params.get("fine_tuner", self.fine_tuner) is None:
            params["fine_tuner"] = Backprop()
        return super().set_params(**params)

    @property
    def _tuner(self):
        return Backprop() if self.fine_tuner is None else self.fine_tuner

    @abstractmethod
    def _targets(self, y, dtype, weights):
        """Return the Targets of all rows, and the attributes that say what they mean.

        ``weights`` are those of the rows, or None.
        """

    @fit_context
    def fit(self, X, y, sample_weight=None):
        """Train the layers one after the other, and then all of them towards the target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            What the first layer takes: rows of states of an RBM's visible units, or any real
            numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. Rows without one, of which a classifier's label is -1 and a regressor's
            targets are NaN, are used while layers are trained that need none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none negative and some positive; 1 if None.

        Returns
        -------
        self
            This estimator.

        Raises
        ------
        Incompatible
            If the layers do not fit together, or not what they are asked for.
        Diverged
            If training diverges; what was fitted before is kept.

        Notes
        -----
        Ctrl-C ends training once the pass under way is done, and what was fitted before is kept.
        Callbacks hear of a task for each layer and one for the ``fine_tuner``, with its passes.
        """
        shares = self._check_layers()
        context = self._opened(len(self.layers) + 1, X, y)
        with restored_on_error(self):
            stream = Stream.from_random_state(self.random_state)
            layers = [(name, as_layer(clone(layer))) for name, layer in self._named_layers]
            rows, meaning = self._rows(X, y, sample_weight, layers[0][1])
            vars(self).update(meaning)
            chain = self._network(layers, rows, stream)
            self._pretrain(chain, layers, rows, shares, stream, context, X, y)
            self.layers_ = [layer.estimator for _, layer in layers]
            self.history_ = {
                name: layer.history_ for name, layer in layers if layer.history_ is not None
            }
            self._fine_tune(chain, rows.labelled, stream.child("fine_tuner"), context, X, y)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    def _check_layers(self):
        """Raise what is wrong with the parts, before any work; return each layer's share."""
        self._check_entries("RBM()")
        check_trainer(self, self._tuner, Predictor, "Backprop() or Shadow()", "fine_tuner")
        for name, layer in self._named_layers:
            layer = as_layer(layer)
            if not hasattr(type(layer), "network_part"):
                raise Incompatible(
                    f"{type(self).__name__} goes through its layers by their weights, and {name} "
                    f"is {layer!r}. Use RBM, AutoEncoder, LatentLayer, Supervised or Dense."
                )
            layer.check_parameters()
        shares = self.supervision
        if isinstance(shares, Real):
            shares = [shares] * len(self.layers)
        if len(shares) != len(self.layers) or not all(
            isinstance(share, Real) and 0 <= share < np.inf for share in shares
        ):
            raise ValueError(
                "The 'supervision' parameter must be a number that is not negative, or one for "
                f"each of the {len(self.layers)} layers. Got {self.supervision!r} instead."
            )
        if any(shares) and self.pretraining == "continuous":
            raise Incompatible(
                "supervision is taken up while one layer is trained at a time, and "
                "pretraining='continuous' trains all at once. Set one of the two back."
            )
        shares = [
            0.0 if isinstance(layer, NetworkLayer) else share
            for share, (_, layer) in zip(shares, self._named_layers)
        ]
        for share, (name, layer) in zip(shares, self._named_layers):
            if share:
                check_supervised(name, as_layer(layer))
        return shares

    def _rows(self, X, y, sample_weight, bottom):
        """Return the rows to train on with their targets, and what these mean."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None. Pass "
                "the labels or numbers to be predicted."
            )
        X = validated_rows(self, X, reset=True, sparse=True)
        units = bottom.data_units(X.shape[1])
        X, weights = units.check(X), validated_weights(sample_weight, X)
        check_consistent_length(X, y)
        targets, meaning = self._targets(y, X.dtype, weights)
        kept = slice(None) if weights is None else np.flatnonzero(weights > 0)
        targets = targets.take(kept)
        X, weights = counted(X, weights)
        if targets.known is not None and not targets.known.any():
            raise ValueError(
                "All rows that have a target have the weight 0, and none is left to learn from. "
                "Set other weights."
            )
        return LayerInput(X, units=units, weights=weights, targets=targets), meaning

    def _network(self, layers, rows, stream):
        """Return the network with random weights, or raise why it cannot be trained."""
        sizes, activations = [rows.means.shape[1]], []
        for name, layer in layers:
            check_fits(name, layer, activations[-1] if activations else None, sizes[-1])
            for size, activation in layer.network_part:
                sizes.append(size)
                activations.append(activation)
        dtype = rows.means.dtype
        chain = output_on(sizes, activations, rows.targets, stream.child("output"), dtype)
        if hasattr(self._tuner, "start"):  # it refuses here what it would after hours
            self._tuner.start(Predictor(chain), rows.labelled, stream)
        return chain

    def _pretrain(self, chain, layers, rows, shares, stream, context, X, y):
        """Train the layers, and give the network their weights."""
        options = {"y": y, "verbose": self.verbose}
        streams = [
            own_stream(layer, layer_stream(stream, depth))
            for depth, (_, layer) in enumerate(layers)
        ]
        if self.pretraining == "continuous":
            train_together([layer for _, layer in layers], rows, streams, **options)
        k = 0
        for (name, layer), own, share in zip(layers, streams, shares):
            if self.pretraining == "greedy":
                task = None if context is None else context.subcontext(task_name=name)
                with (
                    as_task(task, self, layer.estimator, X=X, y=y),
                    supervised(layer, self._tuner, share),
                ):
                    layer.fit_input(rows, own, **options)
            for weights, biases, _ in affine_layers(layer, rows, own.child("inference")):
                chain.weights(k)[...], chain.biases(k)[...] = weights, biases
                k += 1
            rows = rows.above(layer.inference_)

    def _fine_tune(self, chain, rows, stream, context, X, y):
        """Train all layers and the output."""
        tuner = self._tuner
        # Through means: values of Bernoulli units are inputs as they are, and no states are drawn.
        rows = LayerInput(rows.means, (), Gaussian(), rows.weights, rows.targets)

        def fitted(history):
            history = self.history_ | {"fine_tuner": history}
            return {"network_": deepcopy(chain), "history_": history}

        self.network_ = chain
        self.history_["fine_tuner"] = fine_tuned(
            self, tuner, tuner.passes(Predictor(chain), rows, stream), fitted, context,
            objective="loss", X=X, y=y,
        )  # fmt: skip

    def _checked(self, X):
        """Return rows that the network takes, checked against what was fitted."""
        check_is_fitted(self)
        units = as_layer(self.layers_[0]).data_units(self.n_features_in_)
        return validate(self, X, units, sparse=True)

    def transform(self, X):
        """Return the units of the last hidden layer, as the network has them after training.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components of the last layer)
        """
        X = self._checked(X)
        return self.network_.forward(X, 0, self.network_.n_layers - 1)

    @property
    def _n_features_out(self):
        return self.network_.sizes[-2]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        for _, bottom in self._named_layers[:1]:
            if isinstance(bottom, NetworkLayer):
                tags.input_tags.sparse = True
            elif isinstance(bottom, BaseEstimator):
                of_bottom = get_tags(bottom).input_tags
                tags.input_tags.positive_only = of_bottom.positive_only
                tags.input_tags.sparse = of_bottom.sparse
        return tags
