"""Folds: rows to train on and rows to judge by, and the layers that have been chosen for them."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from layerwise.estimators.checks import counted
from layerwise.estimators.stacking import fit_layer, layer_stream
from layerwise.models.inputs import LayerInput
from layerwise.numerics.streams import Stream

__all__ = ["Fold", "splits"]


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of the rows under a chain of fitted layers.

    Parameters
    ----------
    train : ndarray or CSR of shape (n_train, n_features)
    test : ndarray or CSR of shape (n_test, n_features)
        The rows that are held out.
    stream : Stream
        That of the DBN: a layer trained here has the bits that ``DBN.fit(train)`` gives it.
    draws : Stream
        Where the states of rows above the bottom come from, by which layers are judged.
    chosen : tuple of (str, Layer), default=()
        The layers below, fitted, from the bottom up.
    seen, held_out : ndarray or CSR, default=None
        What the layer above those is judged by: the rows of either part, as they are at the
        bottom, and a draw of each through the layers below otherwise.
    train_weights, test_weights : ndarray of shape (n_train,) or (n_test,), default=None
        Positive weights of the rows of either part, and of their draws. None is ones.
    """

    train: np.ndarray | csr_array
    test: np.ndarray | csr_array
    stream: Stream
    draws: Stream
    chosen: tuple = ()
    seen: np.ndarray | csr_array | None = None
    held_out: np.ndarray | csr_array | None = None
    train_weights: np.ndarray | None = None
    test_weights: np.ndarray | None = None

    @classmethod
    def of(cls, X, split, stream, draws, weights=None):
        """Return the fold of a split, a pair of indices of rows, with no layer chosen yet."""
        (train, of_train), (test, of_test) = (
            counted(X[index], None if weights is None else weights[index]) for index in split
        )
        return cls(
            train, test, stream, draws, seen=train, held_out=test,
            train_weights=of_train, test_weights=of_test,
        )  # fmt: skip

    def fit(self, name, layer):
        """Train a layer on what the chosen ones hand up."""
        below = self.chosen[-1][1].conditional_ if self.chosen else None
        rows = self._input(self.train, (*self.chosen, (name, layer)), self.train_weights)
        fit_layer(name, layer, rows, layer_stream(self.stream, len(self.chosen)), below)

    def above(self, name, layer):
        """Return this fold with one more layer chosen, a fitted one."""
        chosen = (*self.chosen, (name, layer))
        seen, held_out = (
            self._input(rows, chosen).above(layer.inference_).draw(self.draws.child(part, name))
            for part, rows in (("seen", self.train), ("held out", self.test))
        )
        return replace(self, chosen=chosen, seen=seen, held_out=held_out)

    def whole(self, dbn, name, top):
        """Return the DBN of the chosen layers under a fitted top, as if fitted to this fold."""
        layers = [*self.chosen, (name, top)]
        fitted = clone(dbn)
        fitted.n_features_in_ = self.train.shape[1]
        fitted._take(layers, layers[0][1].data_units(fitted.n_features_in_))
        return fitted

    def _input(self, rows, layers, weights=None):
        units = layers[0][1].data_units(rows.shape[1])
        inference = [layer.inference_ for _, layer in self.chosen]
        return LayerInput(units.check(rows), inference, units=units, weights=weights)


def splits(X, y, cv, validation_fraction, stream, weights=None):
    """Return pairs of (training rows, held-out rows), as indices.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or None
        For a splitter that asks for it.
    cv : int, splitter, iterable or None
        As in scikit-learn; None holds out a fraction of the rows, once.
    validation_fraction : float
    stream : Stream
        Which rows are held out.
    weights : ndarray of shape (n_samples,), default=None
        Of the rows. Those of weight 0 are left out: what is returned are indices among the others.
        An iterable in ``cv`` has indices among all.

    Returns
    -------
    list of (ndarray, ndarray)
    """
    # Here and not above: importing it imports what is optional.
    from sklearn.model_selection import ShuffleSplit, check_cv

    by_index = not (cv is None or isinstance(cv, Integral) or hasattr(cv, "split"))
    kept = np.ones(X.shape[0], dtype=bool) if weights is None else weights > 0
    if not (by_index or kept.all()):
        check_consistent_length(X, y)
        X, y = X[kept], None if y is None else np.asarray(y)[kept]
    n_rows = X.shape[0]
    if cv is None:
        n_held_out = int(np.ceil(validation_fraction * n_rows))
        if n_held_out >= n_rows:
            raise ValueError(
                f"LayerwiseSearch holds out {n_held_out} rows to judge by "
                f"(validation_fraction={validation_fraction}), and none is left to train on: "
                f"n_samples={n_rows}. Pass more rows, or a smaller fraction."
            )
        seed = int(stream.generator().integers(2**31))
        cv = ShuffleSplit(1, test_size=n_held_out, random_state=seed)
    found = [tuple(np.asarray(part) for part in split) for split in check_cv(cv).split(X, y)]
    if by_index and not kept.all():
        found = [tuple(_among(kept, part) for part in split) for split in found]
    if not found or any(len(part) == 0 for split in found for part in split):
        raise ValueError(
            "LayerwiseSearch asks cv for rows to train on and rows to judge by, and "
            f"{cv!r} gives {'an empty part' if found else 'no split'}"
            f"{'' if kept.all() else ', once rows of weight 0 are left out'}. Use cv=5, or None."
        )
    return found


def _among(kept, index):
    """Return the places that the kept ones of some rows have among all that are kept."""
    index = np.arange(len(kept))[index] if len(index) else index
    return (np.cumsum(kept) - 1)[index[kept[index]]] if len(index) else index
