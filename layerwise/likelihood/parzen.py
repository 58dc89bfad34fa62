"""Parzen windows: what a cloud of samples says of rows, where a model has no likelihood."""

import math
from numbers import Real

import numpy as np
from scipy.special import logsumexp

from layerwise._sklearn import float_rows
from layerwise.likelihood.estimate import Estimate
from layerwise.numerics.products import product

__all__ = ["chosen_bandwidth", "parzen_log_likelihood"]

# Pairs of a row and a sample that are held at a time: 32 MB.
PAIRS = 2**22
# Parts of the samples whose spread is the error of all.
PARTS = 4
# Bandwidths that are tried, in standard deviations of the rows of validation.
TRIED = np.geomspace(0.02, 2, 41)


def parzen_log_likelihood(samples, X, *, bandwidth=None, X_valid=None):
    """Mean log density of rows under Gaussians around samples of a model, in nats.

    It says something of models that can be sampled and have no likelihood, and it is no likelihood
    of the model: see Notes.

    Parameters
    ----------
    samples : array-like of shape (n_samples, n_features)
        Drawn from the model: many, as 10,000.
    X : array-like of shape (n_rows, n_features)
        Rows that neither the model nor the bandwidth has seen.
    bandwidth : float, default=None
        Standard deviation of the Gaussians, in the units of ``X``. None chooses the one of 41
        under which the rows of ``X_valid`` have the highest density, from 0.02 to 2 of their
        standard deviations.
    X_valid : array-like of shape (n_valid, n_features), default=None
        Other rows than those of ``X``, to choose the bandwidth by.

    Returns
    -------
    Estimate
        Exact for these samples; ``method`` says the bandwidth, and ``error`` is an upper estimate
        of what other samples would change, from how four parts of them differ.

    Raises
    ------
    ValueError
        If there are fewer than four samples, widths differ, or neither a bandwidth nor rows of
        validation are given.

    Notes
    -----
    In many dimensions the estimate is far from the model's likelihood for any affordable number of
    samples, and can put models in another order: centres of k-means reach better values than draws
    from the true distribution (Theis, van den Oord and Bethge, "A note on the evaluation of
    generative models", 2016). Compare by it only what is sampled alike, with as many samples, and
    trust an exact or bracketed log-likelihood where there is one.

    References
    ----------
    Breuleux, Bengio and Vincent, "Quickly generating representative samples from an RBM-derived
    process", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from layerwise import parzen_log_likelihood
    >>> draws = np.random.default_rng(5).normal(size=(3000, 1))
    >>> found = parzen_log_likelihood(draws[:1000], draws[1000:2000], X_valid=draws[2000:])
    >>> abs(found.value + 1.4189) < 0.05  # minus the entropy of a normal law
    True
    """
    samples, X = float_rows(samples), float_rows(X)
    _check_widths(samples, X, "X")
    if len(samples) < PARTS:
        raise ValueError(
            f"parzen_log_likelihood asks for at least {PARTS} samples, and got {len(samples)}. "
            "Draw some thousand from the model."
        )
    if bandwidth is None:
        bandwidth = chosen_bandwidth(samples, X_valid)
    elif not (isinstance(bandwidth, Real) and 0 < bandwidth < math.inf):
        raise ValueError(f"The bandwidth must be a positive number, and is {bandwidth!r}.")
    parts = np.stack([_log_densities(samples[k::PARTS], X, [bandwidth])[0] for k in range(PARTS)])
    sizes = np.array([len(samples[k::PARTS]) for k in range(PARTS)])
    shares = np.log(sizes / len(samples))
    value = float(logsumexp(parts + shares[:, None], axis=0).mean())
    error = float(np.std(parts.mean(axis=1), ddof=1) / math.sqrt(PARTS))
    method = f"Gaussians of bandwidth {bandwidth:.4g} around {len(samples)} samples"
    return Estimate(value, value, value, method, error=error)


def _check_widths(samples, X, name):
    if samples.shape[1] != X.shape[1]:
        raise ValueError(
            f"Samples have {samples.shape[1]} columns, and {name} has {X.shape[1]}. Pass rows of "
            "the same features."
        )


def chosen_bandwidth(samples, X_valid):
    """Return the bandwidth under which rows of validation have the highest mean log density."""
    if X_valid is None:
        raise ValueError(
            "parzen_log_likelihood asks for a bandwidth, or for rows X_valid to choose it by, and "
            "has neither. Pass rows that are no rows of X."
        )
    X_valid = float_rows(X_valid)
    _check_widths(samples, X_valid, "X_valid")
    scale = float(X_valid.std(axis=0).max())
    if scale == 0:
        raise ValueError(
            "The rows of X_valid are all alike, and say nothing of a bandwidth. Pass others, or a "
            "bandwidth."
        )
    tried = scale * TRIED
    return float(tried[np.argmax(_log_densities(samples, X_valid, tried).mean(axis=1))])


def _log_densities(samples, X, bandwidths):
    """Return the log density of each row, of shape (n_bandwidths, n_rows).

    Distances serve all bandwidths: a kernel density estimator of scikit-learn finds them anew for
    each, row by row.
    """
    samples, X = np.asarray(samples, dtype=float), np.asarray(X, dtype=float)
    centre = samples.mean(axis=0)  # so that large means do not cancel digits
    samples, X = samples - centre, X - centre
    squares, found = (samples**2).sum(axis=1), np.empty((len(bandwidths), len(X)))
    step = max(1, PAIRS // len(samples))
    for at in range(0, len(X), step):
        rows = X[at : at + step]
        distances = product(-2 * rows, samples.T, start=squares) + (rows**2).sum(axis=1)[:, None]
        for k, bandwidth in enumerate(bandwidths):
            scaled = distances / (-2 * bandwidth**2)
            found[k, at : at + step] = logsumexp(scaled, axis=1)
    norm = 0.5 * X.shape[1] * np.log(2 * np.pi * np.square(bandwidths)) + np.log(len(samples))
    return found - norm[:, None]
