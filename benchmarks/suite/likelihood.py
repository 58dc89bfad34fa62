"""Likelihoods of deep models, and the best latent marginal."""

import numpy as np

from layerwise import best_latent_marginal
from layerwise.likelihood.exact import mixture_log_likelihood
from layerwise.models.conditional import Conditional


class Deep:
    """Rows of 100 units under a conditional with 2^n latent states."""

    params = ([12, 16], [81, 2000], [0.3, 30])
    param_names = ("n", "n_rows", "sd")

    def setup(self, n, n_rows, sd):
        rng = np.random.default_rng(20121)
        self.layer = Conditional(sd * rng.normal(size=(n, 100)), rng.normal(size=100))
        self.X = rng.integers(0, 2, size=(n_rows, 100)).astype(float)
        self.log_marginal = np.full(2**n, -n * np.log(2))

    def time_log_likelihood(self, n, n_rows, sd):
        mixture_log_likelihood(self.layer, self.log_marginal, self.X)


class Marginal:
    """The best latent marginal of 81 rows, to 1e-4 nats."""

    params = ([12, 16], [0.3, 3])
    param_names = ("n", "sd")

    def setup(self, n, sd):
        rng = np.random.default_rng(20121)
        self.layer = Conditional(sd * rng.normal(size=(n, 100)), rng.normal(size=100))
        self.X = rng.integers(0, 2, size=(81, 100)).astype(float)

    def time_best_latent_marginal(self, n, sd):
        best_latent_marginal(self.layer, self.X, tol=1e-4)
