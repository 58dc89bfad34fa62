"""The chain of inequalities of layer-wise training, measured on a model."""

import numpy as np

from layerwise.estimators.latent_marginals import best_latent_marginal
from layerwise.estimators.likelihood import log_likelihood
from layerwise.estimators.meant import inference_of, last_step, resolved
from layerwise.likelihood import marginal
from layerwise.likelihood.mixtures import latent_log_marginals

__all__ = ["CHAIN", "inequalities"]

# From the lowest to the highest, but that the model's likelihood may lie anywhere below the best.
CHAIN = {
    "criterion": "auto-encoder's criterion",
    "bound": "its bound: the aggregated inference",
    "theorem": "what the theorem promises",
    "likelihood": "the model",
    "best": "best latent marginal",
}


def inequalities(model, X):
    """Return what bounds what, in nats per row.

    Parameters
    ----------
    model : DBN, AutoEncoder, RBM, LatentLayer or Pipeline
        Fitted; at most 24 latent units in its bottom layer.
    X : array-like of shape (n_samples, n_features)
        Rows of states. The theorem is about the rows of training.

    Returns
    -------
    dict of str to float
        By the names of ``CHAIN``. ``"theorem"`` only of a DBN: the best latent marginal less its
        divergence from the model's latent distribution.
    """
    layer, conditional, rows = resolved(model, X, "the chain of inequalities")
    inference = inference_of(layer, "the chain of inequalities")
    best = best_latent_marginal(model, X)
    log_inferred = marginal.log_inferred(inference, rows)
    found = {
        "criterion": _criterion(conditional, inference, np.exp(log_inferred), rows),
        "bound": marginal.latent_marginal_bound(conditional, log_inferred, rows).value,
    }
    deep = getattr(last_step(model, X)[0], "model_", None)
    if deep is not None and deep.conditionals:
        lost = marginal.divergence(best.weights, latent_log_marginals(deep)[0])
        found["theorem"] = best.value - lost
    return found | {"likelihood": log_likelihood(model, X).value, "best": best.value}


def _criterion(conditional, inference, inferred, X):
    """Return the mean over rows of sum_h q(h | x) log p(x | h), less log of the number of rows.

    It is linear in h but for a part of the states alone, of which the aggregate is enough.
    """
    bits = conditional.in_bits()
    low, step = conditional.latent.bits(conditional.n_latent)
    mean = (np.asarray(inference.mean(X), dtype=float) - low) / step
    X = conditional.bits_of(X)
    linear = np.sum(bits.latent_field(X) * mean, axis=1) + bits.row_part(X)
    return float(linear.mean() - inferred @ bits.state_part() - np.log(X.shape[0]))
