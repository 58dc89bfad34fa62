"""What both sides of a contest are given: models and rows, as functions of sizes alone."""

import numpy as np

from layerwise.datasets import fetch_mnist

SEED = 20121


def states(n, first=0, last=None):
    """Return the 0/1 states of n units with these indices; bit j of an index is column j."""
    index = np.arange(first, 2**n if last is None else last)
    return (index[:, None] >> np.arange(n) & 1).astype(float)


def log_sum_exp(values):
    """Return log(sum(exp(values)))."""
    top = values.max()
    return top + np.log(np.exp(values - top).sum())


def two_layers(n, m, sd=0.1, bias_sd=1.0):
    """Return weights (m, n) and the biases of m units summed in closed form and n listed ones."""
    rng = np.random.default_rng(SEED)
    weights = sd * rng.normal(size=(m, n))
    return weights, bias_sd * rng.normal(size=m), bias_sd * rng.normal(size=n)


def rows(n_rows, n_units, dtype=np.float32):
    """Return rows of zeros and ones, a fifth of them ones: ten patterns, and noise on them."""
    rng = np.random.default_rng(SEED)
    noise = rng.random((n_rows, n_units)) < 0.2
    pattern = (rng.random((10, n_units)) < 0.2)[rng.integers(10, size=n_rows)]
    return np.where(rng.random((n_rows, n_units)) < 0.8, pattern, noise).astype(dtype)


def labelled_rows(n_rows, n_units, n_classes, images=False):
    """Return rows of real values, and classes that a linear rule gives but for noise.

    Or images of MNIST, of whose pixels four fifths are zero, and their digits.
    """
    if images:
        return labelled_images(n_rows)
    rng = np.random.default_rng(SEED)
    X = rng.random((n_rows, n_units), dtype=np.float32)
    weights = rng.normal(size=(n_units, n_classes)) * 3 / np.sqrt(n_units)
    noise = rng.normal(scale=0.3, size=(n_rows, n_classes))
    return X, np.argmax((X - 0.5) @ weights + noise, axis=1)


def labelled_images(n_rows):
    """Return images of MNIST and their digits, where they are at hand."""
    try:
        data = fetch_mnist(n_train=n_rows, n_valid=0, download_if_missing=False)
    except OSError:
        raise NotImplementedError("MNIST is not at hand (LAYERWISE_MNIST)") from None
    return data.train.astype(np.float32), data.train_target


def real_rows(n_rows, n_units, kind, dtype=np.float32):
    """Return rows of real values: grey ones in (0, 1), normal ones, or one-hot groups of four."""
    rng = np.random.default_rng(SEED)
    if kind == "gaussian":
        return rng.normal(size=(n_rows, n_units)).astype(dtype)
    if kind == "softmax":
        chosen = np.eye(4)[rng.integers(4, size=(n_rows, n_units // 4))]
        return chosen.reshape(n_rows, n_units).astype(dtype)
    return (0.1 + 0.8 * rows(n_rows, n_units)).astype(dtype)


def latent_mixture(n, n_rows, sd):
    """Return weights (n, 100), bias, log p of the 2^n latent states, and rows of 100 units."""
    rng = np.random.default_rng(SEED)
    log_marginal = rng.normal(size=2**n)
    log_marginal -= log_sum_exp(log_marginal)
    weights, bias = sd * rng.normal(size=(n, 100)), rng.normal(size=100)
    return weights, bias, log_marginal, rows(n_rows, 100, float)


def deep_model(n, n_rows, n_visible, n_hidden):
    """Return p(x | h) of n latent units, an RBM over these, each as arrays, and rows."""
    rng = np.random.default_rng(SEED)
    bottom = 0.3 * rng.normal(size=(n, n_visible)), rng.normal(size=n_visible)
    top = 0.3 * rng.normal(size=(n_hidden, n)), rng.normal(size=n), rng.normal(size=n_hidden)
    return bottom, top, rows(n_rows, n_visible, float)


def machine(n_visible, n_hidden, n_chains):
    """Return float32 weights (n_hidden, n_visible), both biases, and hidden states of chains."""
    rng = np.random.default_rng(SEED)
    arrays = (0.1 * rng.normal(size=(n_hidden, n_visible)), rng.normal(size=n_visible),
              rng.normal(size=n_hidden), rng.random((n_chains, n_hidden)) < 0.5)  # fmt: skip
    return tuple(array.astype(np.float32) for array in arrays)


def rbm_log_likelihood(weights, visible_bias, hidden_bias, X):
    """Return the mean log-likelihood of rows, in nats, by listing the few hidden states."""
    weights, visible_bias, hidden_bias = (
        np.asarray(part, dtype=float) for part in (weights, visible_bias, hidden_bias)
    )
    hidden = states(len(hidden_bias))
    log_z = log_sum_exp(
        hidden @ hidden_bias + np.logaddexp(0, hidden @ weights + visible_bias).sum(axis=1)
    )
    rows_part = X @ visible_bias + np.logaddexp(0, X @ weights.T + hidden_bias).sum(axis=1)
    return rows_part.mean() - log_z
