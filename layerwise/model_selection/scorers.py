"""Scorers: called as ``scorer(estimator, X, y)``; the larger the value the better, in nats."""

from layerwise.estimators import latent_marginals, likelihood

__all__ = ["blm", "log_likelihood"]


def log_likelihood(estimator, X, y=None, sample_weight=None):
    """Return the mean log-likelihood of rows, in nats.

    Parameters
    ----------
    estimator : fitted RBM, AutoEncoder, DBN or Pipeline
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : Ignored
        Present for scikit-learn's sake.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean.

    Returns
    -------
    float
    """
    return float(likelihood.log_likelihood(estimator, X, sample_weight=sample_weight).value)


def blm(estimator, X, y=None, sample_weight=None):
    """Return the best latent marginal's mean log-likelihood of rows, in nats.

    It is an upper bound on what any model with this bottom layer can reach on ``X``, and so
    chooses a bottom layer before anything is trained above it.

    Parameters
    ----------
    estimator : fitted RBM, AutoEncoder, DBN or Pipeline
        A layer, a deep model whose bottom layer is meant, or a pipeline that ends in one.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : Ignored
        Present for scikit-learn's sake.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the mean.

    Returns
    -------
    float
        The bracketed value of :func:`layerwise.best_latent_marginal`.
    """
    found = latent_marginals.best_latent_marginal(estimator, X, sample_weight=sample_weight)
    return float(found.value)
