"""The exact gradient of a restricted Boltzmann machine's likelihood, step after step."""

import numpy as np

from layerwise._kernels import _product, _units
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics import runtime, units
from layerwise.numerics.rows import dense, issparse
from layerwise.numerics.status import check


class LikelihoodGradient:
    """Minus the mean log-likelihood of some rows, and its gradient, in memory of its own.

    The model's half is a sum over all states of the smaller layer. It is computed in float64, or,
    for a machine of float32, as ``enumeration.moments`` does with ``single``; the rows' half is
    computed in float64. The number of threads is decided once.

    Parameters
    ----------
    components : ndarray of shape (n_hidden, n_visible), float32 or float64
        Gives the sizes and the dtype of the machine.
    n_rows : int
        Most rows of a call.
    dtype : dtype
        Of the rows.

    Attributes
    ----------
    gradients : tuple of ndarray
        By weights, visible biases and hidden biases, of the dtype of the machine: overwritten by
        each call.
    """

    def __init__(self, components, n_rows, dtype):
        n_hidden, n_visible = components.shape
        self._lists_hidden = n_hidden <= n_visible
        sizes = (n_visible, n_hidden) if self._lists_hidden else (n_hidden, n_visible)
        self._moments = enumeration.Moments(*sizes, single=components.dtype == np.float32)
        self._weights = np.empty(sizes)
        self._visible, self._hidden = np.empty(n_visible), np.empty(n_hidden)
        self._linear = np.empty(n_visible)
        self._mean_visible, self._mean_hidden = np.empty(n_visible), np.empty(n_hidden)
        self._products = np.empty(sizes)
        self._taken = np.empty((n_rows, n_visible), dtype=dtype)
        self._rows = self._taken if dtype == np.float64 else np.empty((n_rows, n_visible))
        self._field, self._mean = np.empty((n_rows, n_hidden)), np.empty((n_rows, n_hidden))
        self._softplus = np.empty(n_rows)
        self._hidden_run = units.bernoulli_run(n_hidden)
        self._threads = runtime.count(n_rows * components.size)
        self._threads_of_means = runtime.count(units.EXP_COST * n_rows * n_hidden)
        self.gradients = tuple(
            np.empty(shape, dtype=components.dtype)
            for shape in (components.shape, n_visible, n_hidden)
        )

    def __call__(
        self, components, intercept_visible, intercept_hidden, X, index, weights=None
    ):  # fmt: skip
        """Return minus the mean log-likelihood, in nats, of rows ``index`` of ``X``.

        Parameters
        ----------
        components : ndarray of shape (n_hidden, n_visible)
        intercept_visible : ndarray of shape (n_visible,)
        intercept_hidden : ndarray of shape (n_hidden,)
        X : ndarray or CSR of shape (n_samples, n_visible)
            States, or means of them.
        index : ndarray of int
        weights : ndarray of the same shape, default=None
            Of these rows in the mean: they sum to 1. None is equal ones.

        Returns
        -------
        float
        """
        np.copyto(self._weights, components.T if self._lists_hidden else components)
        np.copyto(self._visible, intercept_visible)
        np.copyto(self._hidden, intercept_hidden)
        free_energy = self._over_rows(X, index, weights)
        if self._lists_hidden:
            log_z, visible, hidden, products = self._moments(
                self._weights, self._visible, self._hidden
            )
        else:
            log_z, hidden, visible, products = self._moments(
                self._weights, self._hidden, self._visible
            )
        theirs = products, visible, hidden
        ours = self._products, self._mean_visible, self._mean_hidden
        for model, data, gradient in zip(theirs, ours, self.gradients):
            # A ufunc that casts or meets two orders of memory allocates; a copy does not.
            np.subtract(model, data, out=data)
            turned = data.T if self._lists_hidden else data
            np.copyto(gradient, turned, casting="same_kind")
        return free_energy + log_z

    def _over_rows(self, X, index, weights):
        """Fill the rows' means of h v^T, v and h; return the mean of their free energies."""
        n_rows = len(index)
        taken, rows, field, mean, softplus = (
            part[:n_rows]
            for part in (self._taken, self._rows, self._field, self._mean, self._softplus)
        )
        if issparse(X):
            np.copyto(taken, dense(X[index]))
        else:
            # Any mode but "raise" writes where it is told, without a copy.
            np.take(X, index, axis=0, out=taken, mode="clip")
        if self._taken is not self._rows:
            np.copyto(rows, taken)
        turned = self._weights if self._lists_hidden else self._weights.T
        bias = np.broadcast_to(self._hidden, field.shape)
        check(_product.product(rows, turned, bias, 1.0, self._threads, field))
        softplus.fill(0)
        hidden = self._hidden_run, self._hidden[:0], self._threads_of_means
        check(_units.unit_log_partitions(field, *hidden, softplus))
        check(_units.unit_means(field, *hidden, mean))
        scale, nothing = 1 / n_rows, self._products[:0]
        if weights is None:
            rows.mean(axis=0, out=self._mean_visible)
        else:
            scale = 1.0
            mean *= weights[:, None]
            softplus *= weights
            below = self._mean_visible[None]
            check(_product.product(weights[None], rows, below[:0], 1.0, self._threads, below))
        left, right = (rows, mean) if self._lists_hidden else (mean, rows)
        check(_product.product(left.T, right, nothing, scale, self._threads, self._products))
        if weights is None:
            mean.mean(axis=0, out=self._mean_hidden)
        else:
            mean.sum(axis=0, out=self._mean_hidden)
        # Linear in the visible states, but for the softplus.
        np.multiply(self._mean_visible, self._visible, out=self._linear)
        return -float(self._linear.sum()) - float(
            softplus.mean() if weights is None else softplus.sum()
        )
