"""Likelihoods of deep models, and the best latent marginal."""

import statistics
import time
from itertools import pairwise

import numpy as np

from layerwise import best_latent_marginal
from layerwise.likelihood.deep import conditional_gradient, minus_log_likelihood
from layerwise.likelihood.mixtures import Mixture
from layerwise.likelihood.posterior import Posterior as ExactPosterior
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams
from layerwise.models.rbm import RBMParams
from layerwise.numerics.mixture import Factors, Table
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(16)))


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
        Mixture(self.layer, self.log_marginal)(self.X)


class Posterior:
    """Exact posteriors of 2,000 rows of 100 units: means, draws, and what a gradient asks for."""

    params = ([12, 16], [0.3, 30])
    param_names = ("n", "sd")

    def setup(self, n, sd):
        rng = np.random.default_rng(20121)
        layer = Conditional(sd * rng.normal(size=(n, 100)), rng.normal(size=100))
        self.X = rng.integers(0, 2, size=(2000, 100)).astype(float)
        self.posterior = ExactPosterior(layer, np.full(2**n, -n * np.log(2)))

    def time_mean(self, n, sd):
        self.posterior.mean(self.X)

    def time_sample(self, n, sd):
        self.posterior.sample(self.X, STREAM, step=0, lane=0)

    def time_gradient(self, n, sd):
        conditional_gradient(self.posterior, self.X)


class Ascent:
    """The exact gradient of a deep model on 250 rows of 112 units, under RBMs of 100."""

    params = ([(12,), (16,), (12, 10)], ["float32", "float64"])
    param_names = ("latent", "dtype")

    def setup(self, latent, dtype):
        rng = np.random.default_rng(20121)
        sizes = (112, *latent)
        below = [
            Conditional(0.3 * rng.normal(size=(above, n)), rng.normal(size=n))
            for n, above in pairwise(sizes)
        ]
        shapes = (100, sizes[-1]), sizes[-1], 100
        top = RBMParams(*(0.3 * rng.normal(size=shape) for shape in shapes))
        self.model = DBNParams(tuple(each.astype(dtype) for each in below), top.astype(dtype))
        self.X = rng.integers(0, 2, size=(250, 112)).astype(dtype)

    def time_gradient(self, latent, dtype):
        minus_log_likelihood(self.model, self.X)


class Step:
    """One step of EM on the latent marginal: a sum over states, and one over rows."""

    params = ([12, 16], [0.3, 3, 30])
    param_names = ("n", "sd")
    unit = "likelihoods"

    def setup(self, n, sd):
        rng = np.random.default_rng(20121)
        layer = Conditional(sd * rng.normal(size=(n, 100)), rng.normal(size=100))
        X = rng.integers(0, 2, size=(2000, 100)).astype(float)
        self.layer, self.X = layer, X
        self.factors = Factors(layer.latent_field(X))
        self.state_part, self.row_part = layer.state_part(), layer.row_part(X)
        self.log_marginal = np.full(2**n, -n * np.log(2))

    def likelihood(self):
        """Log-likelihoods of all rows."""
        Mixture(self.layer, self.log_marginal)(self.X)

    def step(self):
        """Log-likelihoods, and then the mean of p(x | h) / p(x) for all states."""
        shift = -self.factors.log_sums(Table(self.log_marginal - self.state_part))
        # States that gain nothing need no more than a bound, as in the search itself.
        self.factors.log_sums_over_rows(shift, self.state_part + np.log(1e-9 * len(self.X)))

    def track_cost(self, n, sd):
        """Return the cost of a step in evaluations of the likelihood: the bar is 2.5."""
        ratios = []
        for _ in range(9):
            start = time.perf_counter()
            self.likelihood()
            between = time.perf_counter()
            self.step()
            ratios.append((time.perf_counter() - between) / (between - start))
        return statistics.median(ratios)


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


class LargeMarginal:
    """The best latent marginal of 4,000 rows with 16 latent units, to 1e-6 nats.

    Rows are drawn from the layer itself. About 1,900 states share the weight, so that the steps of
    second order take nearly all of the time.
    """

    timeout = 300

    def setup(self):
        rng = np.random.default_rng(20121)
        near = 2.0 * (rng.random((16, 100)) < 0.3) - 0.6
        mean = 1 / (1 + np.exp(2 - (rng.random((4000, 16)) < 0.2) @ near))
        self.layer = Conditional(near, np.full(100, -2.0))
        self.X = (rng.random((4000, 100)) < mean).astype(float)

    def time_best_latent_marginal(self):
        best_latent_marginal(self.layer, self.X, tol=1e-6)
