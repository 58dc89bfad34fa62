"""Sums over 2^n states."""

import numpy as np

from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.gradient import LikelihoodGradient


class Sums:
    """Log Z, the table of log weights, and moments of an RBM."""

    params = ([12, 16, 20], [100, 784])
    param_names = ("n", "m")

    def setup(self, n, m):
        rng = np.random.default_rng(20121)
        self.model = 0.1 * rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=n)

    def time_log_partition(self, n, m):
        enumeration.log_partition(*self.model)

    def time_log_weights(self, n, m):
        enumeration.log_weights(*self.model)

    def time_moments(self, n, m):
        enumeration.moments(*self.model)

    def time_moments_single(self, n, m):
        enumeration.moments(*self.model, single=True)


class Spread:
    """Log Z at n = 18, m = 100, against the spread of weights."""

    params = [0.1, 1, 10, 50, 200]
    param_names = ("sd",)

    def setup(self, sd):
        rng = np.random.default_rng(20121)
        self.model = sd * rng.normal(size=(100, 18)), rng.normal(size=100), rng.normal(size=18)

    def time_log_partition(self, sd):
        enumeration.log_partition(*self.model)


class Step:
    """The exact gradient of 81 rows of 100 units."""

    params = ([12, 16], ["float32", "float64"])
    param_names = ("n_hidden", "dtype")

    def setup(self, n_hidden, dtype):
        rng = np.random.default_rng(20121)
        self.rows = (rng.random((81, 100)) < 0.3).astype(dtype)
        self.order = rng.permutation(81)
        self.parameters = [
            (0.1 * rng.normal(size=shape)).astype(dtype)
            for shape in ((n_hidden, 100), 100, n_hidden)
        ]
        self.gradient = LikelihoodGradient(self.parameters[0], 81, self.rows.dtype)

    def time_gradient(self, n_hidden, dtype):
        self.gradient(*self.parameters, self.rows, self.order)
