"""Numbers about fitted models: faces of ``layerwise.likelihood`` that take estimators."""

import sys
import time
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar

from layerwise._sklearn import check_is_fitted, validated_weights
from layerwise.estimators.base import Generative
from layerwise.estimators.checks import counted, validate
from layerwise.estimators.dbn import DBN
from layerwise.estimators.meant import (
    bottom,
    conditional_of,
    drawn,
    inference_of,
    is_pipeline,
    last_step,
)
from layerwise.estimators.rbm import RBM
from layerwise.exceptions import Incompatible
from layerwise.likelihood import marginal, pseudo, sampled
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.partition import log_z
from layerwise.models.draws import N_DRAWS, expected
from layerwise.models.rbm import RBMParams
from layerwise.numerics.rows import mean_by_shares
from layerwise.numerics.streams import CODE, Stream

# Seconds between two lines of progress.
PROGRESS_EVERY = 3.0


def log_partition(model, *, n_jobs=None, verbose=0):
    """Log of the partition function of an RBM, in nats, exactly.

    Parameters
    ----------
    model : RBM, RBMParams or Pipeline
        A fitted :class:`RBM`, its parameters, or a pipeline that ends in one. The smaller layer is
        listed, or the hidden layer where visible states cannot be: at most 2**30 states.
    n_jobs : int, default=None
        Over how many joblib workers a large sum is spread: None means 1 unless in a
        ``joblib.parallel_config``, which may also name a cluster; -1 means all processors. One
        worker already uses all processors of one machine, by threads. The same bits are returned
        for any number of workers on machines with the same instructions.
    verbose : int, default=0
        If positive, what is done and the time left are printed to stderr every few seconds.

    Returns
    -------
    Estimate
        Exact: relative error at most 1e-12.

    Raises
    ------
    TooManyStates
        If each layer that can be listed has more than 2**30 states.
    TypeError
        If the model is not an RBM, or ``n_jobs`` not an int or None.
    ValueError
        If weights or intercepts are not finite, or too large.
    """
    params = model[-1] if is_pipeline(model) else model
    if isinstance(params, DBN):
        raise TypeError(
            "log_partition takes an RBM, and got a DBN, whose probabilities sum to 1 as they are. "
            "For log Z of its top pass dbn.layers_[-1]."
        )
    if isinstance(params, BaseEstimator):
        check_is_fitted(params)
        params = getattr(params, "params_", params)
    if not isinstance(params, RBMParams):
        raise TypeError(f"log_partition takes a fitted RBM or an RBMParams, and got {model!r}.")
    if not (n_jobs is None or isinstance(n_jobs, Integral)):
        raise TypeError(f"n_jobs must be an int or None, and is {n_jobs!r}.")
    progress = _lines_of_progress("log Z") if verbose > 0 else None
    value = log_z(params, n_jobs=n_jobs, progress=progress)
    return Estimate.exact(value, "sum over all states of the smaller layer")


def log_likelihood(model, X, *, sample_weight=None):
    """Mean log-likelihood of rows under a fitted model, in nats per row.

    Parameters
    ----------
    model : RBM, AutoEncoder, DBN or Pipeline
        Fitted; a pipeline ends in one of the others.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows of states; values in (0, 1) are means where units are Bernoulli units.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean, none negative and some positive: a weight of 2 is the row
        twice, and rows of weight 0 are left out. None is equal ones.

    Returns
    -------
    Estimate
        Exact for rows of states; of continuous units it is the mean of log densities. Rows of
        means have the expected log-likelihood of rows drawn from them: estimated by 17 draws of
        each, ``low`` and ``high`` 3 standard errors away, or less, as draws are spread more evenly
        than this counts.

    Raises
    ------
    TooManyStates
        If the model is too large to be summed.
    TypeError
        If the model is none of these.
    """
    model, X = last_step(model, X)
    if not isinstance(model, Generative):
        raise TypeError(
            "log_likelihood takes an RBM, an AutoEncoder, a DBN or a Pipeline that ends in one, "
            f"and got {model!r}."
        )
    check_is_fitted(model)
    X, shares = _shared(validate(model, X, model.visible_units_, sparse=True), sample_weight)
    return _mean(model, model._log_density(), X, shares, "sum over all latent states")


def log_pseudolikelihood(model, X, *, sample_weight=None):
    """Mean pseudo-log-likelihood of rows under a fitted RBM, in nats per row.

    The pseudo-likelihood of a row is the product over its units of p(unit | all other units), a
    softmax group counting as one unit. It needs no partition function, so it can be had of an RBM
    of any size; it is another number than the likelihood, and not comparable with it, save where
    units are independent.

    Parameters
    ----------
    model : RBM, BernoulliRBM or Pipeline
        Fitted; a pipeline ends in one of the others.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows of states; values in (0, 1) are means where units are Bernoulli units.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean, none negative and some positive: a weight of 2 is the row
        twice, and rows of weight 0 are left out. None is equal ones.

    Returns
    -------
    Estimate
        Exact for rows of states: a sum over all units, of which none is drawn. Of continuous units
        p is a density, whose normalisation is a quadrature to a relative error of 1e-13. Rows of
        means have the expected value of rows drawn from them, as in ``log_likelihood``.

    Raises
    ------
    TypeError
        If the model is not an RBM.

    References
    ----------
    Besag, "Statistical analysis of non-lattice data", 1975.

    Examples
    --------
    >>> import numpy as np
    >>> from layerwise import RBM, log_pseudolikelihood
    >>> rbm = RBM.from_parameters(np.zeros((300, 5)), np.zeros(5), np.zeros(300))
    >>> round(float(log_pseudolikelihood(rbm, np.eye(5))), 6)  # five fair coins
    -3.465736
    """
    model, X = last_step(model, X)
    if isinstance(model, DBN):
        raise TypeError(
            "log_pseudolikelihood takes an RBM, and got a DBN, whose units given all others need "
            "sums over its latent states. Use log_likelihood, or pass dbn.layers_[-1]."
        )
    if not isinstance(model, RBM):
        raise TypeError(
            "log_pseudolikelihood takes a fitted RBM, or a Pipeline that ends in one, and got "
            f"{model!r}."
        )
    params = model.params_
    X, shares = _shared(validate(model, X, model.visible_units_, sparse=True), sample_weight)
    function = partial(pseudo.log_pseudolikelihood, params)
    return _mean(model, function, X, shares, "sum over all units")


def _mean(model, function, X, shares, method):
    """Return the mean over rows of what a function says of states, exact unless rows are means."""
    value, variance = expected(function, X, model.visible_units_)
    mean = float(mean_by_shares(value, shares))
    share = 1 / len(value) if shares is None else shares
    error = float(np.sqrt(np.sum(variance * share**2)))
    if error == 0:
        return Estimate.exact(mean, method)
    method += f", mean over {N_DRAWS} draws of each row of means"
    return Estimate(mean, mean - 3 * error, mean + 3 * error, method)


def _shared(X, sample_weight):
    """Return the rows that count, and their shares in the mean: None where all count alike."""
    X, weights = counted(X, validated_weights(sample_weight, X))
    if weights is None or np.all(weights == weights[0]):
        return X, None
    shares = weights / weights.sum()
    return X[shares > 0], shares[shares > 0]  # of weights of all sizes, some may underflow


def best_latent_marginal(
    layer, X, tol=1e-3, *, sample_weight=None, n_draws=None, random_state=None
):
    """Best mean log-likelihood of ``X`` over all distributions of the latent states.

    The value U_D of Arnold and Ollivier (2013), section 2: no upper layers, however deep, can
    give ``X`` a higher likelihood on this conditional.

    Parameters
    ----------
    layer : RBM, AutoEncoder, DBN, Pipeline or Conditional
        A fitted layer, whose p(x | h) is taken, or a conditional itself; of a DBN, the bottom
        layer; of a pipeline, the last step. At most 24 latent units, or any number with
        ``n_draws``.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows of states. If some have values in (0, 1) where units are Bernoulli units, which are
        means, 17 draws of each row take its place: those of ``score_samples``. Sparse rows are
        made dense some at a time.
    tol : float, default=1e-3
        Width of the bracket at which to stop, in nats.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean, none negative and some positive: a weight of 2 is the row
        twice, and rows of weight 0 are left out. None is equal ones.
    n_draws : int, default=None
        Instead of all latent states, take so many draws of the layer's q(h | x), spread evenly
        over the rows, or by their weights. What is found is a lower bound, and certain: no state
        is left out of a bracket that was never in it. None lists all states.
    random_state : int, RandomState instance or None, default=None
        Of the draws.

    Returns
    -------
    Estimate
        ``low`` is reached by ``weights``, of shape (2**n_latent,); no distribution exceeds
        ``high``. ``value`` is ``low``. With ``n_draws``, ``weights`` are of ``states``, ``high``
        is infinite, and ``error`` says by how much other draws would differ.

    Raises
    ------
    TooManyStates
        If there are more than 24 latent units, and ``n_draws`` is None.
    Incompatible
        If states are to be drawn and the layer has no ``inference_``.
    TypeError
        If the layer is none of these.

    Notes
    -----
    At any weights Q the maximum is at most L(Q) + log max_h D(h), with D(h) the mean over rows of
    p(x | h) / p_Q(x) (Lindsay's bound), by the rows' weights where they have some. That
    certificate, and not an iteration count, ends the search. A few steps of EM choose a first
    support; then, round by round, its weights take a step of second order, states of weight zero
    leave, and states with D > 1 join. Both ends of the bracket are moved outwards by a bound on
    what rounding may have changed.
    """
    layer, X = bottom(layer, X, "best_latent_marginal")
    conditional = conditional_of(layer, "best_latent_marginal")
    X, shares = drawn(*_shared(X, sample_weight), conditional.visible)
    if n_draws is None:
        return marginal.best_latent_marginal(conditional, X, tol, shares=shares)
    inference = inference_of(layer, "best_latent_marginal with n_draws")
    states = _draws(inference, X, shares, conditional, n_draws, random_state)
    return sampled.best_latent_marginal(conditional, X, states, tol, shares=shares)


def latent_marginal_bound(
    layer, X, X_inference=None, *, sample_weight=None, sample_weight_inference=None, n_draws=None,
    random_state=None,
):  # fmt: skip
    """Mean log-likelihood of ``X`` under the layer and its own aggregated inference.

    The criterion Uhat of Arnold and Ollivier (2013): the latent distribution is q_D, the mean of
    the layer's q(h | x) over rows. It is at most the best latent marginal, and equal to it when q
    is the posterior under that marginal.

    Parameters
    ----------
    layer : RBM, AutoEncoder, DBN or Pipeline
        Fitted; of a DBN, the bottom layer, of a pipeline, the last step. At most 24 latent units,
        or any number with ``n_draws``.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        As in ``best_latent_marginal``.
    X_inference : array-like or sparse matrix of shape (n_rows, n_features), default=None
        Rows that q(h | x) is aggregated over; ``X`` itself if None, with its weights.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows of ``X`` in the mean, as in ``best_latent_marginal``.
    sample_weight_inference : array-like of shape (n_rows,), default=None
        Weights of the rows of ``X_inference`` in the aggregate.
    n_draws : int, default=None
        Instead of all latent states, take so many draws of q(h | x), spread evenly over
        ``X_inference`` or by its weights, as the latent distribution. The value is a certain lower
        bound of the best latent marginal; of the bound with all states it is one on average. None
        lists all states.
    random_state : int, RandomState instance or None, default=None
        Of the draws.

    Returns
    -------
    Estimate
        Exact; ``weights`` is q_D, of shape (2**n_latent,). With ``n_draws``, ``weights`` are of
        ``states``, ``high`` is infinite, and ``error`` says by how much other draws would differ.

    Raises
    ------
    TooManyStates
        If there are more than 24 latent units, and ``n_draws`` is None.
    Incompatible
        If the layer has no ``inference_``.
    TypeError
        If the layer is none of these.
    """
    asker = "latent_marginal_bound"
    if X_inference is None and sample_weight_inference is not None:
        raise ValueError(
            "sample_weight_inference asks for weights of the rows of X_inference, which is None. "
            "Pass those rows too; the weights of X are sample_weight."
        )
    found, X = bottom(layer, X, asker)
    inference = inference_of(found, asker)
    conditional = conditional_of(found, None if n_draws is None else f"{asker} with n_draws")
    over = X, shares = drawn(*_shared(X, sample_weight), conditional.visible)
    if X_inference is not None:
        X_inference = bottom(layer, X_inference, asker)[1]
        over = drawn(*_shared(X_inference, sample_weight_inference), conditional.visible)
    if n_draws is not None:
        states = _draws(inference, *over, conditional, n_draws, random_state)
        return sampled.latent_marginal_bound(conditional, X, states, shares=shares)
    log_inferred = marginal.log_inferred(inference, *over)
    _check_latent(len(log_inferred).bit_length() - 1, conditional)
    return marginal.latent_marginal_bound(conditional, log_inferred, X, shares=shares)


def _check_latent(n_latent, conditional):
    if n_latent != conditional.n_latent:
        raise Incompatible(
            "latent_marginal_bound asks for q(h | x) and p(x | h) over the same latent units, and "
            f"they have {n_latent} and {conditional.n_latent}. Set weights of sizes that fit, or "
            "train again."
        )


def _draws(inference, X, shares, conditional, n_draws, random_state):
    """Return states drawn from the inference of some rows."""
    check_scalar(n_draws, "n_draws", Integral, min_val=4)
    stream = Stream.from_random_state(random_state)
    states = sampled.drawn_states(inference, X, n_draws, stream, lane=CODE, shares=shares)
    _check_latent(states.shape[1], conditional)
    return states.astype(float)


def _lines_of_progress(what):
    """Return a function of (done, total) that prints to stderr, but seldom."""
    start = last = time.monotonic()

    def progress(done, total):
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_EVERY:
            last = now
            left = (now - start) * (total - done) / done
            print(
                f"layerwise: {what}: {100 * done // total} % done, {left:.0f} s left",
                file=sys.stderr,
            )

    return progress
