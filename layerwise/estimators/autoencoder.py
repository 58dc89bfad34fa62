"""AutoEncoder: a generative layer, and an inference network that may be richer than it."""

from copy import deepcopy
from numbers import Integral

import numpy as np

from layerwise._sklearn import (
    POSITIVE_INTEGER,
    UNIT_INTERVAL,
    HasMethods,
    StrOptions,
)
from layerwise.estimators.base import Layer
from layerwise.estimators.sampling import sample_layer_given
from layerwise.estimators.training import kept_log_variance
from layerwise.exceptions import Incompatible
from layerwise.likelihood.marginal import WAY_OUT, log_aggregated_posterior
from layerwise.likelihood.mixtures import Mixture
from layerwise.likelihood.partition import TABLE_LIMIT, refuse
from layerwise.models.chain import AutoEncoderParams, Chain, Encoder
from layerwise.models.family import Units
from layerwise.models.parameters import checked
from layerwise.numerics import units
from layerwise.numerics.streams import CODE, STATE
from layerwise.trainers.backprop import Backprop


class AutoEncoder(Layer):
    """A generative layer p(x | h) trained with an inference network q(h | x).

    Latent units are Bernoulli units; visible ones are of any kind. The generative layer is one
    affine map; the inference network has as many hidden layers as asked for. Richer inference than
    the generative layer's own kind ("auto-encoder with rich inference") brings the layer closer to
    the best latent marginal, and costs the deep model no parameters: inference is not part of it.
    Alone, the layer is a model too, whose latent distribution is the inference aggregated over the
    training rows.

    Parameters
    ----------
    n_components : int, default=16
        Number of latent units. The log-likelihood is a sum over their 2**n states: 16 units take
        a tenth of a second on thousands of rows.
    encoder_layer_sizes : tuple of int, default=()
        Sizes of the inference network's hidden layers, from the data to the code. Empty is the
        ordinary auto-encoder; ``(200,)`` is rich inference.
    tied : bool, default=False
        Whether the inference network uses the generative weights, transposed. Only without hidden
        layers.
    code : {"sample", "mean"}, default="sample"
        What the generative layer is trained on: states sampled from q(h | x), or its means. For
        likelihoods h is always binary, and only states train the bound of the likelihood; means
        lose 1 to 9 nats on data of some thousand rows, and may win where there are a hundred.
    corruption : float, default=0.0
        Probability, below 1, with which the inference network's input is set to zero while
        training (a denoising auto-encoder).
    visible : {"bernoulli", "spin", "gaussian", "truncated_exponential"}, unit type, or list, \
            default="bernoulli"
        What the columns of the data are. ``Softmax((3, 5))`` is a group of three columns and one
        of five; a list such as ``[("gaussian", 4), Softmax((3, 5))]`` has several types. The
        variances of Gaussian units are learned: standardise the data.
    trainer : Backprop, default=None
        ``Backprop()`` if None. Its parameters can be set and searched over, as
        ``trainer__learning_rate``, those of the default too.
    warm_start : bool, default=False
        Whether ``fit`` goes on from what was fitted before, for as many passes more, as
        ``partial_fit`` goes on. The trainer's schedule starts again: at a constant rate, two fits
        of n passes are one of 2 n, bit for bit, where no rows are held out. False starts anew.
    verbose : int, default=0
        If positive, a line is printed to stdout about once a second and after the last pass: the
        pass, what ``history_`` says of it, and the time so far.
    random_state : int, RandomState instance or None, default=None
        Read when training starts anew; an int gives the same bits at every call.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Generative weights, of the dtype of ``X``.
    intercept_visible_ : ndarray of shape (n_features,)
        In nats per unit of ``X``: the mean of a Gaussian unit is its variance times its field.
    noise_variance_ : ndarray of shape (n_features,)
        Variances of Gaussian units given the latent units, and 1 for others. Only where there are
        Gaussian units.
    visible_units_ : unit type
        What the columns of the data were fitted as.
    inference_ : Encoder
        The inference network: ``inference_.mean(X)`` is q(h = 1 | x), ``inference_.field(X)`` its
        log-odds.
    latent_fields_ : ndarray of shape (n_samples, n_components)
        Log-odds of q(h = 1 | x) for the training rows (for a draw of each, where they are means;
        after ``partial_fit``, for the rows of the last call);
        their aggregate is the latent distribution of ``score_samples`` and ``sample``. Rows of
        weight zero are left out.
    latent_weights_ : ndarray of shape (n_samples,) or None
        Their shares in the aggregate, which sum to 1. None where rows had no weights.
    history_ : dict of str to ndarray of shape (n_passes,)
        What was told of each pass, those before ``fit`` or ``partial_fit`` went on among them.
        ``"reconstruction_error"``: the trainer's loss in each pass, in nats per row; smaller is
        better. Of continuous units it is minus the logarithm of a density, and may be negative.
    n_parameters_ : int
        Number of generative weights, intercepts and variances; inference is not counted.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    DBN : Layers under an RBM.
    latent_marginal_bound : The same likelihood, for other rows than those of training.

    References
    ----------
    Arnold and Ollivier, "Layer-wise learning of deep generative models", arXiv 1212.1524, 2013.
    Vincent et al., "Extracting and composing robust features with denoising autoencoders", 2008.

    Examples
    --------
    >>> from layerwise import AutoEncoder
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> layer = AutoEncoder(8, encoder_layer_sizes=(50,), random_state=7).fit(tea.train)
    >>> layer.transform(tea.test).shape
    (81, 8)
    >>> bool(layer.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    _parameter_constraints = {
        "n_components": [POSITIVE_INTEGER],
        "encoder_layer_sizes": [tuple, list],
        "tied": ["boolean"],
        "code": [StrOptions({"mean", "sample"})],
        "corruption": [UNIT_INTERVAL],
        "visible": [str, Units, list, tuple],
        "trainer": [None, HasMethods(["passes", "check"])],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _default_trainer = Backprop
    _needed = (
        "components_", "intercept_visible_", "inference_", "latent_fields_", "n_features_in_",
    )  # fmt: skip
    _trained_by = AutoEncoderParams, "Backprop()"

    def __init__(
        self,
        n_components=16,
        *,
        encoder_layer_sizes=(),
        tied=False,
        code="sample",
        corruption=0.0,
        visible="bernoulli",
        trainer=None,
        warm_start=False,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.encoder_layer_sizes = encoder_layer_sizes
        self.tied = tied
        self.code = code
        self.corruption = corruption
        self.visible = visible
        self.trainer = trainer
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _sizes(self, n_features):
        return (n_features, *self.encoder_layer_sizes, self.n_components, n_features)

    @property
    def network_part(self):
        """Size and activation of each layer of the inference network."""
        sizes = (*self.encoder_layer_sizes, self.n_components)
        return [(size, "sigmoid") for size in sizes]

    def _asked(self, n_features):
        return {
            "n_components": self.n_components,
            "n_features": n_features,
            "encoder_layer_sizes": tuple(self.encoder_layer_sizes),
            "tied": bool(self.tied),
            "visible": self.data_units(n_features),
        }

    def _first(self, rows, means, stream):
        sizes = self._sizes(means.shape[1])
        chain = Chain.init(
            sizes,
            ("sigmoid",) * (len(sizes) - 2),
            stream.child("init"),
            dtype=means.dtype,
            tied=((0, 1),) if self.tied else (),
            outputs=self.data_units(means.shape[1]),
        )
        params = self._params(chain)
        params.start_at(means, rows.weights)
        return params

    def _params(self, chain):
        return AutoEncoderParams(chain, chain.n_layers - 1, self.code == "sample", self.corruption)

    def _as_it_stands(self, model):
        chain, now = deepcopy(self.inference_.chain), self.conditional_
        decoder = chain.n_layers - 1
        chain.weights(decoder)[...] = now.weights
        chain.biases(decoder)[...] = now.bias
        for kept in kept_log_variance(self, model, now.log_variance):
            chain.log_variance[...] = kept
        return self._params(chain)

    def _attributes(self, model, rows, stream):
        chain, code = model.chain, model.code
        found = {"components_": chain.weights(code), "intercept_visible_": chain.biases(code)}
        if chain.log_variance is not None:
            found["noise_variance_"] = np.exp(chain.log_variance)
        inference = Encoder(chain, 0, code)
        return {
            **found,
            "visible_units_": chain.outputs,
            "inference_": inference,
            "latent_fields_": inference.field(rows.draw(stream.child("aggregate"))),
            "latent_weights_": rows.shares,
            "n_features_in_": chain.sizes[0],
            "n_parameters_": model.conditional.n_parameters,
        }

    def _check_parts(self):
        sizes = self.encoder_layer_sizes
        if not all(isinstance(size, Integral) and size >= 1 for size in sizes):
            raise ValueError(
                "The 'encoder_layer_sizes' parameter of AutoEncoder must be a tuple of ints in "
                f"the range [1, inf). Got {sizes!r} instead."
            )
        if self.tied and len(sizes) > 0:
            raise Incompatible(
                "tied=True asks the inference network to be the generative weights, transposed, "
                f"and encoder_layer_sizes={sizes!r} gives it hidden layers. Use tied=False, or "
                "encoder_layer_sizes=()."
            )

    def _log_density(self):
        # p(x) = sum over h of p(x | h) q_D(h), with q_D the inference aggregated over the training
        # rows: this one layer, and the latent distribution that it would hand to layers above.
        refuse(len(self.components_), TABLE_LIMIT, "The aggregated inference", WAY_OUT)
        return Mixture(self.conditional_, self._log_inferred())

    def _log_inferred(self):
        return log_aggregated_posterior(self._checked_fields(), self._checked_weights())

    def _checked_fields(self):
        # Like the weights, they may come from a user's hand.
        return checked("latent_fields_", self.latent_fields_, (None, self._n_features_out))

    def _checked_weights(self):
        given = getattr(self, "latent_weights_", None)
        if given is None:
            return None
        n_rows = len(self.latent_fields_)
        weights = checked("latent_weights_", given, (n_rows,), np.float64)
        if not (weights.min() > 0 and abs(weights.sum() - 1) < 1e-6):
            raise ValueError(
                "latent_weights_ must be positive and sum to 1, and they are from "
                f"{weights.min():.3g} up and sum to {weights.sum():.6g}. Set others, or train "
                "again."
            )
        return weights

    def sample(self, n_samples=1, *, given=None, random_state=None):
        """Return rows drawn from the model of ``score_samples``, or from it given some units.

        A training row is drawn, then its code, then a row given the code: exactly, and for any
        number of components.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or with ``given`` of draws for each of its rows.
        given : array-like or sparse matrix of shape (n_rows, n_features), default=None
            Rows of known states, with NaN where a unit is free, as in ``RBM.sample``. Draws go by
            the posterior of the latent units given the known ones, and are exact. Sparse rows are
            made dense at once, as the draws are.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            With ``given``, of shape (n_rows * n_samples, n_features) and of its dtype: the draws
            of its first row, then those of the second, and so on, with known values as they were.

        Raises
        ------
        TooManyStates
            With ``given``, if there are more than 24 components.
        """
        stream = self._sampling_stream(n_samples, random_state)
        if given is not None:
            return sample_layer_given(self, given, n_samples, self._log_inferred, stream)
        fields = self._checked_fields()
        weights, generator = self._checked_weights(), stream.generator()
        if weights is None:
            rows = generator.integers(len(fields), size=n_samples)
        else:
            rows = generator.choice(len(fields), n_samples, p=weights / weights.sum())
        code = units.means(fields[rows])
        states = units.draw(code, stream, step=0, lane=CODE)
        return self.conditional_.sample(states, stream, step=0, lane=STATE)
