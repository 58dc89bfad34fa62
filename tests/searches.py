"""Searches over small models, for tests."""

import numpy as np
from scipy.stats import loguniform

from layerwise import DBN, PCD, RBM, AutoEncoder, Backprop, LayerwiseSearch
from layerwise.datasets import load_tea

TEA = load_tea(random_state=353).train[:60]
SPACE = {
    "layer1__n_components": [2, 3, 4],
    "layer1__trainer__learning_rate": loguniform(1e-3, 1e-1),
    "layer2__n_components": [2, 3, 4],
    "layer2__trainer__learning_rate": loguniform(1e-3, 1e-1),
}


def deep(random_state=353, n_passes=4):
    bottom = AutoEncoder(encoder_layer_sizes=(5,), trainer=Backprop(n_passes=n_passes))
    return DBN([bottom, RBM(trainer=PCD(n_passes=n_passes))], random_state=random_state)


def search(space=SPACE, dbn=None, n_iter=3, random_state=353, **params):
    dbn = deep() if dbn is None else dbn
    return LayerwiseSearch(dbn, space, n_iter, random_state=random_state, **params)


def numbers(fitted):
    """Return the tables without the times, as text."""
    return {
        name: {column: repr(values) for column, values in table.items() if "time" not in column}
        for name, table in fitted.cv_results_.items()
    }


def weights(dbn):
    return [layer.components_ for layer in dbn.layers_]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
