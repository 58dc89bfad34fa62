"""Annealing: what chains of an RBM weigh on the way between it and independent units.

Chains that go up from independent units give log Z from below, chains that come down from the RBM
give it from above, and chains that come down from rows give log p of these from below.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

from layerwise.models.rbm import RBMParams
from layerwise.numerics import rbm
from layerwise.numerics.streams import Stream

# Standard errors between an estimate and each end of its bracket, and the chance of a normal
# number beyond them.
Z, TAIL = 3.0, 0.00135
# Betas of the run that finds the means of the visible units, and chains of it.
PILOT_BETAS, PILOT_CHAINS = 200, 100
# Rows that the units' means are smoothed by one row of the middle against.
MIDDLE = 20


@dataclass(frozen=True)
class Annealer:
    """An RBM in float32, and the independent units from which chains are annealed to it.

    Parameters
    ----------
    params : RBMParams
    base : ndarray of shape (n_visible,)
        Fields of the independent visible units.
    base_log_variance : ndarray of shape (n_visible,) or None
    """

    params: RBMParams
    base: np.ndarray
    base_log_variance: np.ndarray | None

    @classmethod
    def of(cls, params, stream, X=None):
        """Return an RBM's, with the visible units' means of rows, or of chains of its own.

        Parameters
        ----------
        params : RBMParams
        stream : Stream
        X : ndarray of shape (n_rows, n_visible), default=None
            None, and fewer than 100 rows: these are drawn by a short run from the RBM without its
            weights.
        """
        params = params.astype(np.float32)
        if X is None or X.shape[0] < PILOT_CHAINS:
            pilot = cls(params, params.intercept_visible, params.log_variance)
            betas = np.linspace(0, 1, PILOT_BETAS + 1)
            log_weight, X, _ = pilot.up(betas, PILOT_CHAINS, stream.child("pilot"))
            X = X[resampled(log_weight, stream.child("resample"))]
        log_variance = None
        if params.log_variance is not None:
            log_variance = params.visible.first_log_variance(X).astype(np.float32)
        weights = np.full(X.shape[0], MIDDLE / X.shape[0])
        base = params.visible.first_biases(X, log_variance, weights).astype(np.float32)
        return cls(params, base, log_variance)

    @property
    def log_z0(self):
        """Log of the partition function of the independent units, in nats."""
        visible, hidden = self.params.visible, self.params.hidden
        log_variance = self.base_log_variance
        if log_variance is not None:
            log_variance = log_variance.astype(np.float64)
        above = np.zeros((1, self.params.n_hidden))
        below = visible.log_partition_sums(self.base[np.newaxis].astype(np.float64), log_variance)
        return float(below[0] + hidden.log_partition_sums(above)[0])

    def up(self, betas, n_chains, stream, progress=None, watch=None):
        """Anneal chains from the independent units to the RBM.

        Parameters
        ----------
        betas : ndarray of shape (n_betas + 1,)
            Rising from 0 to 1.
        n_chains : int
        stream : Stream
        progress, watch : callable, default=None
            As ``numerics.rbm.anneal`` calls them.

        Returns
        -------
        log_weight : ndarray of shape (n_chains,)
            Of each chain an estimate of log Z, whose exponentials have the mean Z.
        visible, hidden : ndarray of shape (n_chains, n_units)
            The last states.
        """
        hidden = np.zeros((n_chains, self.params.n_hidden), dtype=np.float32)
        visible, log_weight = self._walk(hidden, betas, stream, progress, watch)
        return self.log_z0 + log_weight, visible, hidden

    def down(self, hidden, betas, stream, progress=None, watch=None):
        """Anneal chains from states of the RBM to the independent units.

        Parameters
        ----------
        hidden : ndarray of shape (n_chains, n_hidden)
            States of chains of the RBM; overwritten.
        betas : ndarray of shape (n_betas + 1,)
            Rising from 0 to 1, and taken from the last to the first.
        stream : Stream
        progress, watch : callable, default=None
            As ``numerics.rbm.anneal`` calls them.

        Returns
        -------
        ndarray of shape (n_chains,)
            Of each chain an estimate of log Z. The exponentials of their negatives have the mean
            1 / Z if the states are drawn from the RBM; given a row's, -F(row) less this has an
            exponential whose mean is at most p(row).
        """
        return self.log_z0 - self._walk(hidden, betas[::-1], stream, progress, watch)[1]

    def _walk(self, hidden, betas, stream, progress, watch):
        visible_runs, hidden_runs = self.params.runs()
        shared = np.broadcast_to(np.asarray(betas, np.float64)[:, None], (len(betas), len(hidden)))
        return rbm.anneal(
            *self.params.arrays()[:3], hidden, stream, shared, self.base, visible=visible_runs,
            hidden=hidden_runs, log_variance=self.params.log_variance,
            base_log_variance=self.base_log_variance, progress=progress, watch=watch,
        )  # fmt: skip

    def settle(self, hidden, n_steps, stream):
        """Take Gibbs steps of the RBM itself, in place.

        Parameters
        ----------
        hidden : ndarray of shape (n_chains, n_hidden)
        n_steps : int
        stream : Stream
        """
        if n_steps:
            kinds = dict(zip(("visible", "hidden"), self.params.runs()))
            rbm.gibbs(
                *self.params.arrays()[:3], hidden, stream, n_steps, **kinds,
                log_variance=self.params.log_variance,
            )  # fmt: skip


def flat(params):
    """Return all parameters of a model with ``arrays`` in one array."""
    return np.concatenate([np.ravel(array) for array in params.arrays()])


def own_stream(params):
    """Return the stream that is an RBM's own: equal parameters have equal ones."""
    return Stream.of_values(flat(params)).child("ais")


def resampled(log_weight, stream):
    """Return which chains to go on with, each as often as its weight says, as evenly as can be."""
    share = np.exp(log_weight - logsumexp(log_weight))
    at = (np.arange(len(share)) + stream.generator().random()) / len(share)
    return np.minimum(np.searchsorted(np.cumsum(share), at), len(share) - 1)


def log_mean(log_weight):
    """Return the log of the mean of exp(log_weight), and the mean's relative standard error."""
    top = log_weight.max()
    weight = np.exp(log_weight - top)
    mean = weight.mean()
    error = weight.std(ddof=1) / np.sqrt(len(weight)) / mean
    return float(top + np.log(mean)), float(error)


def least(error):
    """Return how far below the log of a mean its expectation's may be, a number below zero.

    That is 3 standard errors of the mean, but no further than a mean of numbers that are not
    negative exceeds its expectation once in 740 times (Markov).
    """
    return max(float(np.log1p(-Z * error)) if Z * error < 1 else -np.inf, np.log(TAIL))


def bracket(up, down):
    """Return the ends of an interval of log Z, from chains of both directions.

    The chains that came down began where those that came up were likely to be: their end has the
    error of both.
    """
    (low, below), (high, above) = log_mean(up), log_mean(-down)
    return low + least(below), -(high + least(float(np.hypot(below, above))))


def effective_size(log_weight):
    """Return how many chains of equal weight say as much as these, (sum w)^2 / sum w^2."""
    return float(np.exp(2 * logsumexp(log_weight) - logsumexp(2 * log_weight)))


def bennett(up, down):
    """Return log Z from chains of both directions, and its standard error (Bennett, 1976).

    Parameters
    ----------
    up, down : ndarray of shape (n_chains,)
        From ``Annealer.up`` and ``Annealer.down``.
    """

    def excess(log_z):
        return expit(up - log_z).mean() - expit(log_z - down).mean()

    ends = np.concatenate([up, down])
    low, high = ends.min() - 1, ends.max() + 1
    value = float(brentq(excess, low, high, xtol=1e-10))
    parts = [expit(up - value), expit(value - down)]
    spread = [(np.mean(part**2) / np.mean(part) ** 2 - 1) / len(part) for part in parts]
    return value, float(np.sqrt(sum(spread)))
