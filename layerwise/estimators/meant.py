"""What a user means: the layer of a model, its p(x | h), q(h | x), and rows as it sees them."""

import numpy as np
from sklearn.base import BaseEstimator

from layerwise._sklearn import check_is_fitted, validated_weights
from layerwise.estimators.checks import counted, validate, validate_rows
from layerwise.estimators.dbn import DBN
from layerwise.exceptions import Incompatible
from layerwise.models.conditional import Conditional
from layerwise.models.decoder import Decoder
from layerwise.models.draws import N_DRAWS, all_drawn, all_states

__all__ = [
    "bottom",
    "conditional_of",
    "drawn",
    "inference_of",
    "is_pipeline",
    "last_step",
    "resolved",
    "shared",
]


def inference_of(layer, asker):
    """Return q(h | x) of a layer, or raise that it has none."""
    inference = getattr(layer, "inference_", None)
    if inference is None:
        raise Incompatible(
            f"{asker} asks the layer for its q(h | x), and {type(layer).__name__} has no "
            "inference_. Use RBM, AutoEncoder or LatentLayer."
        )
    return inference


def is_pipeline(model):
    """Return whether a model is a pipeline."""
    # By its form: scikit-learn's module of pipelines imports rich, where that is installed.
    return hasattr(model, "steps") and hasattr(model, "named_steps")


def last_step(model, X):
    """Return what a pipeline ends in, and the rows as it sees them; other models as they are."""
    if not is_pipeline(model):
        return model, X
    check_is_fitted(model)
    for _, step in model.steps[:-1]:
        if step not in (None, "passthrough"):
            X = step.transform(X)
    return last_step(model[-1], X)


def bottom(model, X, asker):
    """Return the layer of a model whose p(x | h) is meant, and the rows, checked by the model."""
    model, X = last_step(model, X)
    if isinstance(model, (Conditional, Decoder)):
        whose = f"The layer has {model.n_visible} visible units"
        units = model.visible
        return model, validate_rows(
            X, model.n_visible, whose, units.check, sparse=units.takes_zeros
        )
    if isinstance(model, BaseEstimator):
        check_is_fitted(model)
    if getattr(model, "conditional_", None) is None:
        raise TypeError(
            f"{asker} takes a layer with p(x | h): an RBM, an AutoEncoder, a DBN, a Pipeline that "
            f"ends in one, or a Conditional; it got {model!r}."
        )
    X = validate(model, X, model.conditional_.visible, sparse=True)
    return (model.layers_[0] if isinstance(model, DBN) else model), X


def resolved(model, X, asker):
    """Return the layer of a model that is meant, its p(x | h) in float64, and X as states."""
    layer, X = bottom(model, X, asker)
    conditional = conditional_of(layer, asker)
    return layer, conditional, drawn(X, None, conditional.visible)[0]


def conditional_of(layer, asker=None):
    """Return p(x | h) of a layer in float64; ``asker`` is who takes affine ones alone."""
    found = layer if isinstance(layer, (Conditional, Decoder)) else layer.conditional_
    if asker is not None and not found.is_affine:
        raise Incompatible(
            f"{asker} asks for a p(x | h) of one affine layer, and that of "
            f"{type(layer).__name__} has a decoder of several. Use score, log_likelihood or "
            "latent_marginal_bound, which list its codes."
        )
    return found.astype(float)


def drawn(X, shares, units):
    """Return the rows as states, in float64, and their shares: if some are means, all rows' draws.

    Sparse rows stay so.
    """
    takes_means = units.takes_means(X.shape[1])
    if not all_states(X, takes_means):
        X = all_drawn(X, takes_means)
        shares = None if shares is None else np.repeat(shares / N_DRAWS, N_DRAWS)
    return X.astype(float), shares


def shared(X, sample_weight):
    """Return the rows that count, and their shares in the mean: None where all count alike."""
    X, weights = counted(X, validated_weights(sample_weight, X))
    if weights is None or np.all(weights == weights[0]):
        return X, None
    shares = weights / weights.sum()
    return X[shares > 0], shares[shares > 0]  # of weights of all sizes, some may underflow
