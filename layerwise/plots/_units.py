"""What pictures show of a layer's units: their weights, or what they change in the data."""

from numbers import Integral

import numpy as np

from layerwise.estimators.checks import validate
from layerwise.estimators.dbn import DBN

__all__ = ["read_units"]


def read_units(estimator, X, depth):
    """Return the layer, its means on the rows or None, its units' images, and what those are."""
    if isinstance(estimator, DBN):
        return _deep(estimator, X, depth)
    if depth not in (0, -1):
        raise ValueError(
            f"layer={depth!r} asks for a DBN, and {type(estimator).__name__} is a single layer."
        )
    if not hasattr(estimator, "components_"):
        raise TypeError(
            "FiltersDisplay takes a fitted estimator with components_, such as an RBM, or a DBN, "
            f"and got {estimator!r}. Has fit been called?"
        )
    means = None
    if X is not None:  # of a deep one, the first layer's
        means = np.asarray(getattr(estimator, "first_means", estimator.transform)(X), dtype=float)
    label = "weight (nats)" if hasattr(estimator, "conditional_") else "weight"
    return estimator, means, estimator.components_, label


def _deep(dbn, X, depth):
    """Return of a layer of a DBN what ``read_units`` does."""
    model, n_layers = dbn.model_, len(dbn.layers_)
    if not (isinstance(depth, Integral) and -n_layers <= depth < n_layers):
        raise ValueError(
            f"layer={depth!r} is none of the {n_layers} of this DBN. They are numbered from the "
            f"bottom, 0 to {n_layers - 1}."
        )
    depth = depth % n_layers
    conditionals = [*model.conditionals, model.top.conditional][: depth + 1]
    of_layer, means = dbn.layers_[depth], None
    if X is not None:
        means = validate(dbn, X, dbn.visible_units_, sparse=True)
        for inference in dbn.inferences_[: depth + 1]:
            means = inference.mean(means)
        means = np.asarray(means, dtype=float)
    if depth == 0:
        return of_layer, means, conditionals[0].weights, "weight (nats)"
    if means is None:
        raise ValueError(
            f"layer={depth} is not the bottom one: its units are drawn by what they change in the "
            "data, where the others have their mean activity on rows. Pass X."
        )
    return of_layer, means, _changes(conditionals, means.mean(axis=0)), "change of the data's mean"


def _changes(conditionals, activity):
    """Return what each unit of a layer changes in the means of the data, others being as usual.

    Parameters
    ----------
    conditionals : list of Conditional
        From the bottom up to the layer.
    activity : ndarray of shape (n_units,)
        Mean states of its units.
    """
    n_units = len(activity)
    low, step = conditionals[-1].latent.bits(n_units)
    ends = []
    for state in (low, low + step):
        means = np.tile(activity, (n_units, 1))
        np.fill_diagonal(means, state)
        for conditional in reversed(conditionals):
            means = conditional.mean(means)
        ends.append(np.asarray(means, dtype=float))
    return ends[1] - ends[0]
