"""RBM: a restricted Boltzmann machine whose score is its log-likelihood."""

from typing import NamedTuple

import numpy as np

from layerwise._sklearn import (
    POSITIVE,
    POSITIVE_INTEGER,
    HasMethods,
    StrOptions,
    check_is_fitted,
)
from layerwise.estimators.annealing import AIS, taken_log_z
from layerwise.estimators.base import Layer
from layerwise.estimators.checks import validate
from layerwise.estimators.sampling import sample_given, sample_visible
from layerwise.estimators.training import kept_log_variance
from layerwise.exceptions import Incompatible
from layerwise.likelihood.gradient import model_moments
from layerwise.likelihood.partition import SUM_LIMIT, TABLE_LIMIT, listed_layer, refuse
from layerwise.models.dbn import DBNParams
from layerwise.models.draws import expected
from layerwise.models.family import Units
from layerwise.models.parameters import checked, checked_log_of
from layerwise.models.rbm import RBMParams, hidden_units_of
from layerwise.models.units import BITS
from layerwise.numerics.rows import dense
from layerwise.trainers.contrastive import PCD

# Rows that an RBM keeps of its training, for chains of annealing to start from: a burn-in follows.
N_EXAMPLES = 32


class Moments(NamedTuple):
    """Expected values under an RBM: of visible units v, of hidden units h, and of h v^T."""

    visible: np.ndarray
    hidden: np.ndarray
    products: np.ndarray


class RBM(Layer):
    """Restricted Boltzmann machine whose score is its log-likelihood, exact or in a bracket.

    The energy of visible states v and hidden states h is
    ``-v . intercept_visible_ - h . intercept_hidden_ - h . components_ . v``, and where visible
    units are Gaussian also the sum of ``v**2 / (2 * noise_variance_)``.

    Parameters
    ----------
    n_components : int, default=16
        Number of hidden units. The exact log-likelihood is a sum over the 2**n states of the
        smaller layer, or of the hidden layer where visible states cannot be listed; with 16 it
        takes a millisecond, and ``ExactGradient`` can train.
    visible : str, unit type or list, default="bernoulli"
        What the columns of ``X`` are: ``"bernoulli"`` (0 and 1, or means in between),
        ``"spin"`` (-1 and 1), ``"gaussian"`` (real numbers with learned variances; standardise
        them), ``"truncated_exponential"`` (real numbers in [0, 1]), a value such as
        ``Softmax((3, 3, 5))`` (columns in groups of which exactly one is 1), or a list for
        columns of several types: ``[("gaussian", 4), Softmax((3, 5))]``.
    hidden : {"bernoulli", "spin"} or unit type, default="bernoulli"
        What the hidden units are: of two states each.
    trainer : CD, PCD or ExactGradient, default=None
        How to train; ``PCD()`` if None. Its parameters can be set and searched over, as
        ``trainer__learning_rate``, those of the default too.
    likelihood : {"auto", "exact"} or AIS, default="auto"
        How log Z is found, which all log-likelihoods need. ``"exact"`` sums over all states and
        refuses more than 2**30 of them; :class:`AIS` estimates it, with a bracket, for any number;
        ``"auto"`` is exact up to 2**30 states and ``AIS()`` beyond, which takes seconds to a
        minute, once for each model. ``log_partition(rbm)`` returns it with its bracket.
    weight_scale : float, default=0.1
        Standard deviation of the first weights, in units of a Gaussian visible unit's own.
        Hidden units that start alike stay so for long. In layers of thousands of units large
        weights leave wells that no annealing finds: start them at 0.01 to 0.03.
    warm_start : bool, default=False
        Whether ``fit`` goes on from what was fitted before, for as many passes more, as
        ``partial_fit`` goes on. The trainer may have other options by then, and its schedule
        starts again: at a constant rate, two fits of n passes are one of 2 n, bit for bit, where
        no rows are held out. False starts anew.
    verbose : int, default=0
        If positive, a line is printed to stdout about once a second and after the last pass: the
        pass, what ``history_`` says of it, and the time so far.
    random_state : int, RandomState instance or None, default=None
        Read when training starts anew; an int gives the same bits at every call.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, of the dtype of ``X``.
    intercept_visible_ : ndarray of shape (n_features,)
        In nats per unit of ``X``: the mean of a Gaussian unit is its variance times its field.
    intercept_hidden_ : ndarray of shape (n_components,)
    history_ : dict of str to ndarray of shape (n_passes,)
        What was told of each pass, those before ``fit`` or ``partial_fit`` went on among them, in
        nats per row. ``"log_likelihood"`` is the exact mean log-likelihood of the training rows
        (as drawn for that pass) after it: the measure of progress. It is there where it costs less
        than a tenth of training, or less than about 20 ms in all, and NaN in the passes that were
        left out for that. Then the trainer's own objective, which is minimised:
        ``"negative_log_likelihood"`` of ``ExactGradient``, before the step of each batch;
        ``"free_energy_gap"`` of ``CD`` and ``PCD``, between the data and the chains, which is no
        measure of progress. Where a trainer holds rows out, what they were judged by:
        ``"validation_log_likelihood"`` or ``"validation_free_energy_gap"``. Of
        ``ParallelTempering`` the ``"swap_rate"`` of the neighbours that swap least.
    examples_ : ndarray of shape (32, n_features) or None
        Rows of training, drawn again: where log Z cannot be summed, :class:`AIS` starts from them
        too. None where it can.
    n_parameters_ : int
        Number of weights, intercepts and variances.
    noise_variance_ : ndarray of shape (n_features,)
        Variances of Gaussian units given the hidden units, and 1 for others. Only where there are
        Gaussian units.
    visible_units_, hidden_units_ : unit types
        What the layers were fitted as.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    AutoEncoder : A generative layer with an inference network of its own.
    DBN : Layers under an RBM.

    Notes
    -----
    Values in (0, 1) are means of Bernoulli units. Training draws their states anew in each pass,
    and their score is the expected log-likelihood of such draws. Values of all other units are
    states. Log-likelihoods of continuous units are logarithms of densities.

    Where log Z is estimated, ``score_samples`` is as deterministic as where it is exact: equal
    parameters draw equal numbers. All its values are off by the same number, which is as large as
    the bracket of log Z at most; where that is wider than ``tol`` of ``AIS``, a
    ``ConvergenceWarning`` says so.

    ``RBM.from_parameters`` makes one of given weights. Fitted ones are saved by ``pickle``, by
    ``joblib``, and by ``skops.io``, which runs no code of a file: the types that it asks you to
    trust are classes of this package alone.

    Examples
    --------
    >>> from layerwise import PCD, RBM
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> rbm = RBM(8, trainer=PCD(n_passes=100), random_state=7).fit(tea.train)
    >>> rbm.transform(tea.test).shape
    (81, 8)
    >>> bool(rbm.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    _parameter_constraints = {
        "n_components": [POSITIVE_INTEGER],
        "visible": [str, Units, list, tuple],
        "hidden": [str, Units, list, tuple],
        "trainer": [None, HasMethods(["passes", "check"])],
        "likelihood": [StrOptions({"auto", "exact"}), AIS],
        "weight_scale": [POSITIVE],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _default_trainer = PCD
    _needed = ("components_", "intercept_visible_", "intercept_hidden_", "n_features_in_")
    # Where a file does not say it, which is older than other types.
    hidden_units_ = BITS
    _trained_by = RBMParams, "PCD(), CD() or ExactGradient()"

    def __init__(
        self,
        n_components=16,
        *,
        visible="bernoulli",
        hidden="bernoulli",
        trainer=None,
        likelihood="auto",
        weight_scale=0.1,
        warm_start=False,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.visible = visible
        self.hidden = hidden
        self.trainer = trainer
        self.likelihood = likelihood
        self.weight_scale = weight_scale
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _asked(self, n_features):
        return {
            "n_components": self.n_components,
            "n_features": n_features,
            "visible": self.data_units(n_features),
            "hidden": hidden_units_of(self.hidden, self.n_components),
        }

    def _first(self, rows, means, stream):
        return RBMParams.init(
            means,
            self.n_components,
            stream.child("init"),
            means.dtype,
            visible=self.data_units(means.shape[1]),
            hidden=hidden_units_of(self.hidden, self.n_components),
            weights=rows.weights,
            weight_scale=self.weight_scale,
        )

    def _as_it_stands(self, model):
        now = self.params_
        arrays = [*now.arrays()[:3], *kept_log_variance(self, model, now.log_variance)]
        return now.replaced(*map(np.copy, arrays))

    def _attributes(self, model, rows, stream):
        arrays = model.arrays()
        names = "components_", "intercept_visible_", "intercept_hidden_"
        found = dict(zip(names, arrays))
        if model.log_variance is not None:
            found["noise_variance_"] = np.exp(model.log_variance)
        return {
            **found,
            "visible_units_": model.visible,
            "hidden_units_": model.hidden,
            "n_features_in_": model.n_visible,
            "n_parameters_": DBNParams((), model).n_parameters,
            "examples_": self._examples(model, rows, stream.child("examples")),
        }

    def _examples(self, model, rows, stream):
        """Return some rows of states where log Z is to be estimated, and else None."""
        if listed_layer(model)[1] <= SUM_LIMIT:
            return None
        chosen = stream.generator().integers(len(rows), size=N_EXAMPLES)
        states = dense(rows.take(np.sort(chosen)).draw(stream.child("rows")), np.float64)
        whole = np.abs(states).max() < 128 and np.array_equal(states, np.rint(states))
        return states.astype(np.int8 if whole else model.components.dtype)  # small in a pickle

    @property
    def kept_rows(self):
        """Rows from which annealing starts too, of the width of the parameters; or None."""
        found = getattr(self, "examples_", None)
        fits = found is not None and found.shape[1] == self.components_.shape[1]
        return found if fits else None

    @property
    def network_part(self):
        """Size and activation of the layer of a network that p(h | x) becomes; None if of none."""
        hidden = hidden_units_of(self.hidden, self.n_components)
        return [(self.n_components, hidden.activation)]

    def adopt_params(self, params):
        """Take the parameters of an RBM of this one's sizes and units.

        Parameters
        ----------
        params : RBMParams
        """
        self.components_ = params.components
        self.intercept_visible_ = params.intercept_visible
        self.intercept_hidden_ = params.intercept_hidden
        if params.log_variance is not None:
            self.noise_variance_ = np.exp(params.log_variance)

    @property
    def params_(self):
        """The fitted parameters, as the lower floors take them."""
        check_is_fitted(self)
        variance = getattr(self, "noise_variance_", None)
        return RBMParams(
            self.components_,
            self.intercept_visible_,
            self.intercept_hidden_,
            self.visible_units_,
            self.hidden_units_,
            None if variance is None else np.log(variance),
        )

    @property
    def model_(self):
        """The generative model."""
        return DBNParams((), self.params_)

    @property
    def conditional_(self):
        """p(x | h): the part of this layer that deep models keep."""
        return self.params_.conditional

    @property
    def inference_(self):
        """p(h | x): the RBM's own posterior, a product of distributions of its hidden units."""
        return self.params_.inference

    @classmethod
    def from_parameters(
        cls, components, intercept_visible, intercept_hidden, *, visible="bernoulli",
        hidden="bernoulli", noise_variance=None,
    ):  # fmt: skip
        """Return a fitted RBM with these weights, which no training made.

        Parameters
        ----------
        components : array-like of shape (n_components, n_features)
            Weights W of the energy -v . b - h . c - h . W v. For spins of +-1, ``components`` and
            intercepts are couplings and fields at temperature 1. float32 is kept, and all arrays
            are copied.
        intercept_visible : array-like of shape (n_features,)
            b, in nats per unit of v.
        intercept_hidden : array-like of shape (n_components,)
            c.
        visible : str, unit type or list, default="bernoulli"
            What the visible units are, as in the class.
        hidden : {"bernoulli", "spin"} or unit type, default="bernoulli"
            What the hidden units are.
        noise_variance : array-like of shape (n_features,), default=None
            Variances of Gaussian units given the hidden units; 1 for others. None is 1 for all.

        Returns
        -------
        RBM
            It scores, samples and transforms as one that was trained; ``history_`` is empty.

        Raises
        ------
        ValueError
            If shapes do not fit together, a number is not finite, a variance is not positive, or
            units are none.
        Incompatible
            If hidden units have not two states.

        Examples
        --------
        >>> import numpy as np
        >>> from layerwise import RBM, log_partition
        >>> rbm = RBM.from_parameters(np.zeros((2, 3)), np.zeros(3), np.zeros(2))
        >>> round(float(log_partition(rbm)), 6)  # log of 2**5 states of equal weight
        3.465736
        """
        arrays = [
            checked(name, np.array(value), shape)
            for name, value, shape in (
                ("components", components, (None, None)),
                ("intercept_visible", intercept_visible, (None,)),
                ("intercept_hidden", intercept_hidden, (None,)),
            )
        ]
        if 0 in arrays[0].shape:
            raise ValueError(
                "components must have at least one hidden and one visible unit, and has the shape "
                f"{arrays[0].shape}. Pass weights of shape (n_components, n_features)."
            )
        variance = checked_log_of(noise_variance, arrays[0])
        params = RBMParams(*arrays, visible, hidden, variance)
        return cls._of_params(cls(params.n_hidden, visible=visible, hidden=hidden), params)

    @staticmethod
    def _of_params(rbm, params):
        """Return an RBM as if these were what it had been fitted to."""
        rbm.visible_units_, rbm.hidden_units_ = params.visible, params.hidden
        rbm.adopt_params(params)
        rbm.n_features_in_ = params.n_visible
        rbm.n_parameters_ = rbm.model_.n_parameters
        rbm.history_ = {}
        return rbm

    def moments(self):
        """Return the means of both layers, and of the products of their units, exactly.

        Returns
        -------
        Moments
            ``visible`` is E[v] of shape (n_features,), ``hidden`` E[h] of shape (n_components,),
            and ``products`` E[h v^T] of shape (n_components, n_features), in float64: sums over
            all states of the smaller layer, or of the hidden one where visible states cannot be
            listed. States are left out that weigh less than 2**-40, all together.

        Raises
        ------
        TooManyStates
            If that layer has more than 2**24 states.

        Examples
        --------
        >>> import numpy as np
        >>> from layerwise import RBM
        >>> rbm = RBM.from_parameters([[0.0, 0.0]], [0.0, np.log(3)], [0.0])
        >>> rbm.moments().visible.round(9).tolist()
        [0.5, 0.75]
        """
        params = self.params_
        refuse(
            listed_layer(params)[1],
            TABLE_LIMIT,
            "The moments of an RBM",
            "Estimate them by the means of sample(n_samples).",
        )
        _, products, visible, hidden, _ = model_moments(params)
        return Moments(visible, hidden, products)

    def free_energy(self, X):
        """Return F(x) = -log of the sum over h of exp(-energy), in nats, of shape (n_samples,).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As in ``score_samples``: of a row of means, the expected free energy of its draws.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = validate(self, X, self.visible_units_, sparse=True)
        return expected(self.params_.free_energy, X, self.visible_units_)[0]

    def _log_density(self):
        params, log_z = self.params_, taken_log_z(self)
        return lambda X: -params.free_energy(X) - log_z

    def sample(self, n_samples=1, *, given=None, n_steps=1000, sampler=None, random_state=None):
        """Return rows drawn from the model, or from it given some of the visible units.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or with ``given`` of draws for each of its rows.
        given : array-like or sparse matrix of shape (n_rows, n_features), default=None
            Rows of known states, with NaN where a unit is free. Of a softmax group all units are
            free, or none. None leaves all units free. Sparse rows are made dense at once, as the
            draws are.
        n_steps : int, default=1000
            Steps of Gibbs sampling from random states; not used where draws are exact, that is
            where the smaller layer has at most 20 units. With ``given``: where the hidden layer
            has at most 20, or the free units of a row at most 2**16 states. Chains keep the known
            units as they are.
        sampler : ParallelTempering, default=None
            Takes tempered steps instead, in which chains cross between clusters of states: each
            costs as much as ``n_replicas`` others. It is taken where draws could be exact, too.
            None is Gibbs sampling. Not for ``given``.
        random_state : int, RandomState instance or None, default=None
            The estimator's own if None.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            States of the visible units. With ``given``, of shape (n_rows * n_samples, n_features)
            and of its dtype: the draws of its first row, then those of the second, and so on, with
            known values as they were.

        Warns
        -----
        ConvergenceWarning
            If replicas of the ``sampler`` hardly swap.
        """
        stream = self._sampling_stream(n_samples, random_state)
        if given is not None and sampler is not None:
            raise Incompatible(
                "sample takes known units by given, or a sampler, and got both. Leave one out."
            )
        if given is not None:
            return sample_given(self, given, n_samples, n_steps, stream)
        return sample_visible(self.params_, n_samples, n_steps, stream, sampler)
