"""DeepAutoEncoder: an encoder and a decoder of several layers, trained jointly or greedily."""

from copy import deepcopy
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.metaestimators import available_if

from layerwise._sklearn import UNIT_INTERVAL, Interval, StrOptions, check_is_fitted
from layerwise.estimators.autoencoder import AutoEncoder
from layerwise.estimators.base import Generative
from layerwise.estimators.checks import validate, validate_rows
from layerwise.estimators.sampling import rows_to_start
from layerwise.exceptions import Incompatible
from layerwise.likelihood.mixtures import LISTED_LIMIT, ListedMixture
from layerwise.likelihood.partition import refuse
from layerwise.models.chain import Chain, Encoder, Features
from layerwise.models.decoder import Decoder
from layerwise.models.deep_autoencoder import DeepAutoEncoderParams, denoising_chain
from layerwise.numerics import units
from layerwise.numerics.network import ACTIVATIONS, activate
from layerwise.numerics.streams import CODE, STATE
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.greedy import LayerByLayer

__all__ = ["DeepAutoEncoder"]


def _has_states(self):
    """Whether the code has states that can be listed: likelihoods are sums over them."""
    return self.units == "sigmoid"


def _is_joint(self):
    """Whether all layers are trained at once, and so can be gone on with."""
    return self.training == "joint"


class DeepAutoEncoder(AutoEncoder):
    """An auto-encoder whose encoder and decoder have as many layers as ``layer_sizes``.

    Joint training minimises one objective: the reconstruction error of the whole and, beside it,
    each layer's own reconstruction error of what it takes in, as a regulariser. Greedy training
    minimises the layers' own errors, one layer after the other. Zhou et al. (2014) find that joint
    training with layers' losses is better than greedy training, the more so the deeper it is, and
    that without them it is not.

    Parameters
    ----------
    layer_sizes : tuple of int, default=(128, 16)
        Units of the encoder's layers, from the data to the code. The decoder has the same layers
        in reverse order.
    training : {"joint", "greedy", "greedy+joint"}, default="joint"
        All layers at once; or one after the other, each for the trainer's ``n_passes``; or this,
        and then all at once for as many passes again.
    layer_loss : {"denoising", "contractive", "plain"} or None, default="denoising"
        How well a layer gives back what it takes in: with some of it set to zero, or as it is; or
        as it is and with a penalty on the squared derivatives of its units by its inputs
        (contractive). None is no loss of layers in joint training, and is "plain" in greedy
        training.
    layer_weight : float or sequence of float, default=0.1
        Of the layers' losses, all alike or from the bottom up, beside the loss of the whole, which
        has 1. Greedy training has no loss of the whole, and takes no notice of it.
    corruption : float, default=0.25
        Probability, below 1, with which each column of the data is set to zero in training; and
        each value between layers for the layer's own loss, if that is "denoising".
    contraction : float, default=0.1
        Weight of the penalty of contractive layers, beside their reconstruction error.
    units : {"sigmoid", "tanh", "relu"}, default="sigmoid"
        The activation of all layers but the output. With "sigmoid" the code's units are Bernoulli
        units: there are likelihoods, and the estimator is a layer for :class:`DBN`.
    tied : bool, default=False
        Whether the encoder's weights are the decoder's, transposed.
    code : {"mean", "sample"}, default="mean"
        What the decoder is trained on: means, or states drawn from them, which train the
        likelihood. States ask for ``units="sigmoid"``.
    visible : {"bernoulli", "spin", "gaussian", "truncated_exponential"}, unit type, or list, \
            default="bernoulli"
        As in :class:`AutoEncoder`.
    trainer : Backprop, default=None
        ``Backprop()`` if None. Its parameters can be set and searched over.
    warm_start : bool, default=False
        As in :class:`AutoEncoder`, with ``training="joint"``: after greedy training, set this and
        fit to go on as a whole.
    verbose : int, default=0
        If positive, a line is printed about once a second and after the last pass.
    random_state : int, RandomState instance or None, default=None
        Read when training starts anew; an int gives the same bits at every call.

    Attributes
    ----------
    network_ : Chain
        All layers, with ``weights(k)`` and ``biases(k)``: those of the encoder, then those of the
        decoder.
    components_ : ndarray of shape (n_units of the first layer, n_features)
        Weights of the decoder's last layer.
    inference_ : Encoder
        From rows to codes.
    conditional_ : Decoder
        p(x | code), whose fields are a function of several layers.
    latent_fields_ : ndarray of shape (n_samples, n_components)
        Fields on the code for the training rows, as in :class:`AutoEncoder`.
    latent_weights_ : ndarray of shape (n_samples,) or None
    noise_variance_ : ndarray of shape (n_features,)
        Only where there are Gaussian units.
    visible_units_ : unit type
    history_ : dict of str to ndarray of shape (n_passes,)
        ``"reconstruction_error"``: the loss in each pass, in nats per row, layers' own losses
        included. Of greedy training these are the passes of the first layer, of the second, and so
        on.
    n_parameters_ : int
        Number of the decoder's weights, intercepts and variances.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    See Also
    --------
    AutoEncoder : A generative layer of its own, with an encoder of any depth.
    parzen_log_likelihood : A number for models that have samples and no likelihood.

    Notes
    -----
    ``score_samples`` is the logarithm of the sum over all codes h of p(x | h) q_D(h), with q_D the
    encoder's q(h | x) aggregated over the training rows: exact, for at most 20 units of the code,
    and for ``units="sigmoid"`` alone. ``sample`` runs another model, the Markov chain of a
    denoising auto-encoder; with ``n_steps=0`` its draws are of the model of ``score_samples``.

    What a layer is to give back counts as constant in a step. If it did not, values that never
    change would have the least loss of all: on digits all codes became one, at any weight of
    layers from 0.1 up.

    References
    ----------
    Zhou, Arpit, Nwogu and Govindaraju, "Is joint training better for deep auto-encoders?", 2014.
    Rifai et al., "Contractive auto-encoders", 2011.
    Bengio, Yao, Alain and Vincent, "Generalized denoising auto-encoders as generative models",
    2013.

    Examples
    --------
    >>> from layerwise import Backprop, DeepAutoEncoder
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> model = DeepAutoEncoder((30, 8), trainer=Backprop(n_passes=200), random_state=7)
    >>> model.fit(tea.train).transform(tea.test).shape
    (81, 8)
    >>> bool(model.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    _parameter_constraints = {
        **{
            name: constraint
            for name, constraint in AutoEncoder._parameter_constraints.items()
            if name not in ("n_components", "encoder_layer_sizes")
        },
        "layer_sizes": [tuple, list],
        "training": [StrOptions({"joint", "greedy", "greedy+joint"})],
        "layer_loss": [StrOptions({"denoising", "contractive", "plain"}), None],
        "layer_weight": [Interval(Real, 0, None, closed="left"), tuple, list, np.ndarray],
        "corruption": [UNIT_INTERVAL],
        "contraction": [Interval(Real, 0, None, closed="left")],
        "units": [StrOptions({"sigmoid", "tanh", "relu"})],
    }

    is_affine = False
    _needed = "inference_", "latent_fields_", "n_features_in_"
    _trained_by = DeepAutoEncoderParams, "Backprop()"

    def __init__(
        self,
        layer_sizes=(128, 16),
        *,
        training="joint",
        layer_loss="denoising",
        layer_weight=0.1,
        corruption=0.25,
        contraction=0.1,
        units="sigmoid",
        tied=False,
        code="mean",
        visible="bernoulli",
        trainer=None,
        warm_start=False,
        verbose=0,
        random_state=None,
    ):
        self.layer_sizes = layer_sizes
        self.training = training
        self.layer_loss = layer_loss
        self.layer_weight = layer_weight
        self.corruption = corruption
        self.contraction = contraction
        self.units = units
        self.tied = tied
        self.code = code
        self.visible = visible
        self.trainer = trainer
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @property
    def network_part(self):
        """Size and activation of each layer of a network that the encoder becomes."""
        return [(size, self.units) for size in self.layer_sizes]

    @property
    def _trainer(self):
        trainer = Backprop() if self.trainer is None else self.trainer
        if self.training == "joint" or not isinstance(trainer, Backprop):
            return trainer
        return LayerByLayer(trainer, self.training == "greedy+joint")

    def _asked(self, n_features):
        return {
            "layer_sizes": tuple(self.layer_sizes),
            "n_features": n_features,
            "units": self.units,
            "tied": bool(self.tied),
            "visible": self.data_units(n_features),
        }

    def _first(self, rows, means, stream):
        n_layers, visible = len(self.layer_sizes), self.data_units(means.shape[1])
        inner = (means.shape[1], *self.layer_sizes)
        chain = Chain.init(
            (*inner, *inner[-2::-1]),
            (self.units,) * (2 * n_layers - 1),
            stream.child("init"),
            dtype=means.dtype,
            tied=tuple((k, 2 * n_layers - 1 - k) for k in range(n_layers)) if self.tied else (),
            outputs=visible,
        )
        params = self._params(chain)
        params.start_at(means, rows.weights)
        return params

    def _params(self, chain):
        n_layers, loss = len(self.layer_sizes), self.layer_loss
        weights = np.broadcast_to(0.0 if loss is None else self.layer_weight, n_layers)
        return DeepAutoEncoderParams(
            chain,
            n_layers,
            self.code == "sample",
            self.corruption,
            layer_weights=tuple(map(float, weights)),
            layer_corruption=self.corruption if loss == "denoising" else 0.0,
            contraction=self.contraction if loss == "contractive" else 0.0,
        )

    def _as_it_stands(self, model):
        return self._params(deepcopy(self.network_))

    def _attributes(self, model, rows, stream):
        chain, code = model.chain, model.code
        found = (
            {} if chain.log_variance is None else {"noise_variance_": np.exp(chain.log_variance)}
        )
        inference = (Encoder if chain.activations[0] == "sigmoid" else Features)(chain, 0, code)
        return {
            **found,
            "components_": chain.weights(chain.n_layers - 1),
            "visible_units_": chain.outputs,
            "inference_": inference,
            "latent_fields_": inference.field(rows.draw(stream.child("aggregate"))),
            "latent_weights_": rows.shares,
            "n_features_in_": chain.sizes[0],
            "n_parameters_": Decoder(chain, code).n_parameters,
        }

    def _check_parts(self):
        sizes, weights = self.layer_sizes, self.layer_weight
        if not (sizes and all(isinstance(size, Integral) and size >= 1 for size in sizes)):
            raise ValueError(
                "The 'layer_sizes' parameter of DeepAutoEncoder must be a tuple of at least one "
                f"int in the range [1, inf). Got {sizes!r} instead."
            )
        weights = [weights] * len(sizes) if isinstance(weights, Real) else list(weights)
        each = all(isinstance(weight, Real) and 0 <= weight < np.inf for weight in weights)
        if not each or len(weights) != len(sizes):
            raise ValueError(
                "The 'layer_weight' parameter of DeepAutoEncoder must be a number from 0 up, or "
                f"one for each of its {len(sizes)} layers. Got {self.layer_weight!r} instead."
            )
        if self.code == "sample" and self.units != "sigmoid":
            raise Incompatible(
                f"code='sample' draws states of the code, and units={self.units!r} have none. Use "
                "units='sigmoid', or code='mean'."
            )

    def _going_on(self, asked, trainer, rows):
        if not _is_joint(self):
            raise Incompatible(
                f"warm_start trains all layers at once, and training is {self.training!r}. Set "
                "training='joint' to go on from what was fitted, or fit with warm_start=False."
            )
        return super()._going_on(asked, trainer, rows)

    partial_fit = available_if(_is_joint)(AutoEncoder.partial_fit)

    @property
    def network_(self):
        """All layers: a Chain."""
        check_is_fitted(self)
        return self.inference_.chain

    @property
    def _decoder(self):
        return Decoder(self.network_, self.inference_.last)

    @property
    def _code_activation(self):
        return self.network_.activations[self.inference_.last - 1]

    @property
    def conditional_(self):
        """p(x | code), as deep models keep it; None where the code's units have no states."""
        return self._decoder if self._code_activation == "sigmoid" else None

    score_samples = available_if(_has_states)(Generative.score_samples)
    score = available_if(_has_states)(Generative.score)

    def _log_density(self):
        if self.conditional_ is None:
            raise Incompatible(
                "A likelihood is a sum over the states of the code, and units "
                f"{self._code_activation!r} have none. Use units='sigmoid', or "
                "parzen_log_likelihood on samples."
            )
        way_out = "Give it fewer units, or use parzen_log_likelihood on samples."
        refuse(self._n_features_out, LISTED_LIMIT, "The code", way_out)
        return ListedMixture(self.conditional_, self._log_inferred())

    def first_means(self, X):
        """Return the values of the first layer's units.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_units of the first layer)
        """
        check_is_fitted(self)
        return self.network_.forward(validate(self, X, self.visible_units_, sparse=True), 0, 1)

    def inverse_transform(self, X):
        """Return the means of x given codes, of shape (n_samples, n_features).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as ``transform`` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        decoder = self._decoder
        check = decoder.latent.check_means if self.conditional_ is not None else np.asarray
        whose = f"DeepAutoEncoder has {decoder.n_latent} components"
        return decoder.mean(validate_rows(X, decoder.n_latent, whose, check))

    def sample(self, n_samples=1, *, n_steps=100, start=None, means=False, random_state=None):
        """Return the ends of Markov chains that corrupt a row, encode it, and draw it anew.

        That is how a denoising auto-encoder is sampled (Bengio et al., 2013): the columns of a row
        are set to zero with the probability ``corruption``, its code is found, or drawn where
        ``code="sample"``, and a row is drawn given the code. With ``corruption=0`` a chain moves
        by the draws of rows alone.

        Parameters
        ----------
        n_samples : int, default=1
            Number of chains.
        n_steps : int, default=100
            Steps of each. 0 returns what chains start from.
        start : array-like of shape (n_samples, n_features), default=None
            Rows that chains start from. None draws training rows, their codes, and rows given
            these: with ``units="sigmoid"`` that is the model of ``score_samples``.
        means : bool, default=False
            Whether to return the means that the last step draws from: smoother to look at.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        stream = self._sampling_stream(n_samples, random_state)
        check_scalar(n_steps, "n_steps", Integral, min_val=0)
        if start is None:
            rows = self._first_rows(n_samples, stream, means=means and n_steps == 0)
        else:
            rows = rows_to_start(self, start, n_samples)
        return denoising_chain(
            self.inference_, self._decoder, rows, n_steps, stream, corruption=self.corruption,
            sample_code=self.code == "sample", means=means,
        )  # fmt: skip

    @property
    def _n_features_out(self):
        return self._decoder.n_latent

    def _first_rows(self, n_samples, stream, *, means):
        """Return rows, or their means, given codes of training rows: states, if there are some."""
        fields, weights = self._checked_fields(), self._checked_weights()
        order = stream.generator().choice(len(fields), n_samples, p=weights)
        code = activate(fields[order], ACTIVATIONS[self._code_activation])
        if self.conditional_ is not None:
            code = units.draw(code, stream, step=0, lane=CODE)
        if means:
            return self._decoder.mean(code)
        return self._decoder.sample(code, stream, step=0, lane=STATE)
