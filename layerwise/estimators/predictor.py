"""DeepPredictor: what a deep classifier and a deep regressor share."""

from abc import ABC, abstractmethod
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
    has_callbacks,
    validated_rows,
    validated_weights,
)
from layerwise.estimators.callbacks import TakesCallbacks, opened, refuse_on_parts
from layerwise.estimators.checks import check_trainer, counted, restored_on_error, validate
from layerwise.estimators.foreign import as_layer
from layerwise.estimators.layered import Layered
from layerwise.estimators.network_layers import NetworkLayer
from layerwise.estimators.passes import fine_tuned
from layerwise.estimators.pretraining import (
    affine_layers,
    check_fits,
    check_supervised,
    pretrained,
    together,
)
from layerwise.estimators.stacking import layer_stream
from layerwise.exceptions import Incompatible
from layerwise.models.chain import Chain, Predictor
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
        context = None
        refuse_on_parts(self, dict(self._named_layers))
        if any(map(has_callbacks, [self, *(layer for _, layer in self._named_layers)])):
            context = opened(self, len(self.layers) + 1, X=X, y=y)
        with restored_on_error(self):
            stream = Stream.from_random_state(self.random_state)
            layers = [(name, as_layer(clone(layer))) for name, layer in self._named_layers]
            rows, meaning = self._rows(X, y, sample_weight, layers[0][1])
            vars(self).update(meaning)
            chain = self._pretrain(layers, rows, shares, stream, context, X, y)
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
        check_trainer(self, self._tuner, Predictor, "Backprop() or Shadow()")
        for name, layer in self._named_layers:
            layer = as_layer(layer)
            if not hasattr(type(layer), "handed_up"):
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

    def _pretrain(self, layers, rows, shares, stream, context, X, y):
        """Train the layers, and return the network that begins with them."""
        below, n_below = None, rows.means.shape[1]
        for name, layer in layers:
            if below is not None:
                check_fits(name, layer, below, n_below)
            below, n_below = layer.handed_up
        options = {"y": y, "verbose": self.verbose}
        if self.pretraining == "continuous":
            most = [getattr(getattr(each, "_trainer", None), "n_passes", 1) for _, each in layers]
            together(layers, rows, stream, most=most, **options)
        affine, here = [], rows
        for depth, ((name, layer), share) in enumerate(zip(layers, shares)):
            own = layer_stream(stream, depth)
            if layer.random_state is not None:
                own = Stream.from_random_state(layer.random_state)
            if self.pretraining == "greedy":
                task = None if context is None else context.subcontext(task_name=name)
                pretrained(
                    layer, here, own, supervised=self._supervised(), share=share, task=task,
                    whole=self, X=X, **options,
                )  # fmt: skip
            affine += affine_layers(layer, here, own.child("inference"))
            here = here.above(layer.inference_)
        sizes = [affine[0][0].shape[0], *(weights.shape[1] for weights, _, _ in affine)]
        activations = [activation for _, _, activation in affine]
        chain = output_on(
            sizes, activations, rows.targets, stream.child("output"), rows.means.dtype
        )
        for k, (weights, biases, _) in enumerate(affine):
            chain.weights(k)[...], chain.biases(k)[...] = weights, biases
        return chain

    def _supervised(self):
        """Return what trains a layer towards the target while it is trained by its own trainer."""
        return clone(self._tuner).set_params(early_stopping=False)

    def _fine_tune(self, chain, rows, stream, context, X, y):
        """Train all layers and the output."""
        tuner = self._tuner
        # Through means: values of Bernoulli units are inputs as they are, and no states are drawn.
        rows = LayerInput(rows.means, (), Gaussian(), rows.weights, rows.targets)

        def fitted(history):
            now = Chain(
                chain.parameters.copy(), chain.sizes, chain.activations, outputs=chain.outputs
            )
            return {"network_": now, "history_": self.history_ | {"fine_tuner": history}}

        self.network_ = chain
        self.history_["fine_tuner"] = fine_tuned(
            self, tuner, tuner.passes(Predictor(chain), rows, stream), fitted, context,
            objective="loss", X=X, y=y,
        )  # fmt: skip

    def _checked(self, X):
        """Return rows that the network takes, checked against what was fitted."""
        check_is_fitted(self)
        return validate(self, X, self._data_units(), sparse=True)

    def _data_units(self):
        return as_layer(self.layers_[0]).data_units(self.n_features_in_)

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
