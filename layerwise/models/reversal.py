"""A layer of a network, read downwards through its weights transposed."""

import numpy as np

from layerwise.numerics.products import product


def other_than_relu(chain):
    """Return the activations of a network's hidden layers that are not "relu", as text."""
    return ", ".join(sorted(set(chain.activations[: chain.n_layers - 1]) - {"relu"}))


def reversed_layer(weights, above, below, *, rectified=True):
    """Return r(alpha h W'), with the alpha that brings it closest to what was below the layer.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, n_units)
    above : ndarray of shape (n_rows, n_units)
        h.
    below : ndarray of shape (n_rows, n_inputs)
    rectified : bool, default=True
        Whether r takes negative values to zero; else it leaves all as they are.

    Returns
    -------
    ndarray of shape (n_rows, n_inputs)
    """
    found = product(above, weights.T)
    if rectified:
        found = np.maximum(found, 0)
    size = float(np.vdot(found, found))
    return found * (found.dtype.type(np.vdot(found, below) / size) if size else 1)
