"""Numbers about fitted models: faces of ``layerwise.likelihood`` that take estimators."""

import sys
import time
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator

from layerwise._sklearn import check_is_fitted
from layerwise.estimators import annealing
from layerwise.estimators.annealing import AIS, RAISE
from layerwise.estimators.base import Generative
from layerwise.estimators.bounds import VariationalBound
from layerwise.estimators.checks import validate, validate_rows
from layerwise.estimators.dbn import DBN
from layerwise.estimators.meant import (
    drawn,
    is_pipeline,
    last_step,
    shared,
)
from layerwise.estimators.rbm import RBM
from layerwise.exceptions import Incompatible
from layerwise.likelihood import pseudo
from layerwise.likelihood.bounds import lower_estimate
from layerwise.likelihood.estimate import Estimate
from layerwise.likelihood.mixtures import log_density
from layerwise.models.draws import N_DRAWS, expected
from layerwise.models.rbm import RBMParams
from layerwise.numerics.rows import mean_by_shares

# Seconds between two lines of progress.
PROGRESS_EVERY = 3.0


def log_partition(model, method=None, *, X=None, n_jobs=None, verbose=0):
    """Log of the partition function of an RBM, in nats: exactly, or in a bracket.

    Parameters
    ----------
    model : RBM, RBMParams or Pipeline
        A fitted :class:`RBM`, its parameters, or a pipeline that ends in one.
    method : {"auto", "exact"} or AIS, default=None
        ``"exact"`` lists the smaller layer, or the hidden layer where visible states cannot be
        listed: at most 2**30 states. :class:`AIS` estimates. ``"auto"`` is exact where it can be,
        and else ``AIS()``. None is what the RBM's own ``likelihood`` says, ``"auto"`` of
        parameters.
    X : array-like or sparse matrix of shape (n_samples, n_features), default=None
        Rows like those that the RBM was trained on, for AIS: half of the chains of its high side
        start from them, and of 100 and more the units that it begins with have the means. None
        takes the rows that a fitted RBM has kept, ``examples_``. Not read where the sum is exact.
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
        Of a sum exact, with a relative error of at most 1e-12. Of ``AIS`` with a bracket of 3
        standard errors to each side, and the chains' log weights: ``log_weights``,
        ``reverse_log_weights``, ``effective_sample_size``, ``n_betas``, ``within_tol``.

    Raises
    ------
    TooManyStates
        If each layer that can be listed has more than 2**30 states, and ``"exact"`` is asked for.
    TypeError
        If the model is not an RBM, or ``n_jobs`` not an int or None.
    ValueError
        If weights or intercepts are not finite, or too large; or ``method`` is none.

    Examples
    --------
    >>> import numpy as np
    >>> from layerwise import AIS, RBM, log_partition
    >>> weights = np.random.default_rng(7).normal(size=(50, 60)) / 8
    >>> rbm = RBM.from_parameters(weights, np.zeros(60), np.zeros(50))
    >>> found = log_partition(rbm)  # 2**50 states: by AIS()
    >>> bool(found.low < found.value < found.high < found.low + 0.1)
    True
    """
    params, X = last_step(model, X) if is_pipeline(model) and X is not None else (model, X)
    params = params[-1] if is_pipeline(params) else params
    if isinstance(params, DBN):
        raise TypeError(
            "log_partition takes an RBM, and got a DBN, whose probabilities sum to 1 as they are. "
            "For log Z of its top pass dbn.layers_[-1]."
        )
    asked = getattr(params, "likelihood", "auto") if method is None else method
    _check_method(asked)
    if isinstance(params, BaseEstimator):
        check_is_fitted(params)
        X = getattr(params, "kept_rows", None) if X is None else X
        params = getattr(params, "params_", params)
    if not isinstance(params, RBMParams):
        raise TypeError(f"log_partition takes a fitted RBM or an RBMParams, and got {model!r}.")
    if not (n_jobs is None or isinstance(n_jobs, Integral)):
        raise TypeError(f"n_jobs must be an int or None, and is {n_jobs!r}.")
    if X is not None:
        units, whose = params.visible, f"The RBM has {params.n_visible} visible units"
        X = validate_rows(X, params.n_visible, whose, units.check_means, sparse=units.takes_zeros)
    progress = _lines_of_progress("log Z") if verbose > 0 else None
    return annealing.log_partition(params, asked, X, n_jobs=n_jobs, progress=progress)


def _check_method(method):
    """Raise ValueError unless it is a way to find log Z."""
    if isinstance(method, AIS):
        method.check()
    elif not (isinstance(method, str) and method in {"auto", "exact"}):
        raise ValueError(f"method must be 'auto', 'exact' or an AIS(), and is {method!r}.")


def log_likelihood(model, X, *, method=None, sample_weight=None):
    """Mean log-likelihood of rows under a fitted model, in nats per row.

    Parameters
    ----------
    model : RBM, AutoEncoder, DBN or Pipeline
        Fitted; a pipeline ends in one of the others.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows of states; values in (0, 1) are means where units are Bernoulli units.
    method : {"auto", "exact"}, AIS, RAISE or VariationalBound, default=None
        Of an RBM, how log Z is found, as in :func:`log_partition`; or :class:`RAISE`, which
        anneals the rows themselves. Of a DBN, ``"exact"`` or a :class:`VariationalBound`. None is
        what the model's own ``likelihood`` says.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean, none negative and some positive: a weight of 2 is the row
        twice, and rows of weight 0 are left out. None is equal ones.

    Returns
    -------
    Estimate
        Exact for rows of states where sums are; of continuous units it is the mean of log
        densities. Where log Z is estimated it has the bracket of log Z. By ``RAISE`` and
        ``VariationalBound`` it is a low estimate, ``low`` 3 standard errors below it, and the
        bracket of the top's log Z where that is estimated; ``high`` is infinite. Rows of means
        have the expected log-likelihood of rows drawn from them: estimated by 17 draws of each,
        ``low`` and ``high`` 3 standard errors away, or less, as draws are spread more evenly than
        this counts.

    Raises
    ------
    TooManyStates
        If the model is too large to be summed.
    Incompatible
        If ``method`` is none for such a model.
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
    X, shares = shared(validate(model, X, model.visible_units_, sparse=True), sample_weight)
    if isinstance(model, RBM):
        return _of_rbm(model, X, shares, model.likelihood if method is None else method)
    if isinstance(model, DBN):
        method = model.likelihood if method is None else method
        if isinstance(method, VariationalBound):
            return _bound_of_dbn(model, X, shares, method)
    if not (method is None or (isinstance(method, str) and method == "exact")):
        takes = "'exact' or a VariationalBound()" if isinstance(model, DBN) else "'exact' alone"
        raise Incompatible(
            f"method={method!r} is not for {type(model).__name__}, which takes {takes}."
        )
    density = log_density(model.model_) if isinstance(model, DBN) else model._log_density()
    return _mean(model, density, X, shares, "sum over all latent states")


def _bound_of_dbn(dbn, X, shares, method):
    """Return the mean over rows of a lower bound under a deep model."""
    X, shares = drawn(X, shares, dbn.visible_units_)
    top = dbn.layers_[-1]
    log_z = annealing.log_partition(top.params_, top.likelihood, top.kept_rows)
    return lower_estimate(*dbn._bound(method, X), shares, method.told, log_z)


def _of_rbm(rbm, X, shares, method):
    """Return the mean log-likelihood of rows under an RBM, by a method."""
    params = rbm.params_
    if isinstance(method, RAISE):
        X, shares = drawn(X, shares, rbm.visible_units_)
        told = f"reverse annealing of rows, {method.n_chains} chains each, a low estimate"
        return lower_estimate(*method.log_probabilities(params, X), shares, told)
    _check_method(method)
    log_z = annealing.log_partition(params, method, rbm.kept_rows)
    told = "sum over all latent states" if log_z.low == log_z.high else log_z.method
    value = log_z.value
    found = _mean(rbm, lambda rows: -params.free_energy(rows) - value, X, shares, told)
    if log_z.low == log_z.high:
        return found
    below, above = found.low - (log_z.high - value), found.high + (value - log_z.low)
    return Estimate(found.value, below, above, found.method, error=log_z.error)


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
    X, shares = shared(validate(model, X, model.visible_units_, sparse=True), sample_weight)
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


def _lines_of_progress(what):
    """Return a function of (done, total) that prints to stderr, but seldom."""
    start = last = time.monotonic()
    before = 0

    def progress(done, total):
        nonlocal start, last, before
        now = time.monotonic()
        start = now if done < before else start  # of another run
        before = done
        if now - last >= PROGRESS_EVERY:
            last = now
            left = (now - start) * (total - done) / done
            print(
                f"layerwise: {what}: {100 * done // total} % done, {left:.0f} s left",
                file=sys.stderr,
            )

    return progress
