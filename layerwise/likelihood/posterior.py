"""The exact posterior of latent states, p(h | x), under a distribution over all of them."""

import numpy as np

from layerwise.likelihood.mixtures import Mixture
from layerwise.numerics import units

__all__ = ["Posterior"]

# Rows that are aggregated at a time: each time costs an exponential and a logarithm a state.
AGGREGATED_ROWS = 2048
# States below this part of the aggregated posterior, all together, need not be exact in it.
NEGLIGIBLE = 1e-20


class Posterior(Mixture):
    """p(h | x), proportional to p(x | h) p(h), by sums over all latent states.

    As a layer's inference model it is the richest there is: nothing is assumed of it.

    Parameters
    ----------
    conditional : Conditional
        p(x | h), with latent units of two states each.
    log_marginal : ndarray of shape (2**n_latent,)
        log p(h) of all latent states; bit j of an index is the state of unit j.
    """

    def mean(self, X):
        """Return the means of h given rows x, of shape (n_rows, n_latent)."""
        low, step = self.given.latent.bits(self.given.n_latent)

        def means(here, rows, factors):
            return factors.log_sums_and_means(self.table)[1]

        parts = self.by_blocks(X, means)
        bits = np.concatenate([*parts, np.empty((0, self.given.n_latent))])
        return (low + step * bits).astype(self.given.weights.dtype)

    def sample(self, X, stream, *, step, lane):
        """Return exact draws of h given rows x, with numbers at (0 or 1, row, step, lane)."""
        uniforms = units.uniforms(X.shape[0], 2, stream, step=step, lane=lane)

        def draws(here, rows, factors):
            return factors.draw(self.table, uniforms[here])

        return self.states(np.concatenate([*self.by_blocks(X, draws), np.empty(0, dtype=int)]))

    def states(self, index):
        """Return the latent states of some indices, of shape (n_states, n_latent)."""
        # Listed by states_of_units, they took a thirtieth of the time of drawing them.
        low, step = self.given.latent.bits(self.given.n_latent)
        bits = index[:, None] >> np.arange(self.given.n_latent) & 1
        return (low + step * bits).astype(self.given.weights.dtype)

    def log_aggregated(self, X, weights=None):
        """Return the logarithm of the mean over rows x of p(h | x), for all states h.

        Parameters
        ----------
        X, weights
            As in ``expectations``.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.expectations(X, weights)[2])

    def expectations(self, X, weights=None):
        """Return what the rows say of the latent states, and of the model.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_visible)
            States.
        weights : ndarray of shape (n_rows,), default=None
            Positive weights of the rows, which sum to 1. None is equal ones.

        Returns
        -------
        log_likelihood : ndarray of shape (n_rows,)
            log p(x), in nats.
        means : ndarray of shape (n_rows, n_latent), float64
            E[h | x], where h are bits.
        aggregated : ndarray of shape (2**n_latent,)
            The sum over rows of weight times p(h | x): one step of EM.
        """
        n_rows = X.shape[0]
        weights = np.full(n_rows, 1 / n_rows) if weights is None else weights
        likelihood, means = np.empty(n_rows), np.empty((n_rows, self.given.n_latent))
        table = self.table.log_weights.ravel()
        floor = np.log(NEGLIGIBLE / len(table)) - table
        aggregated = np.zeros(len(table))

        def expect(here, rows, factors):
            nonlocal aggregated
            sums, means[here] = factors.log_sums_and_means(self.table)
            share = factors.log_sums_over_rows(np.log(weights[here]) - sums, floor)
            aggregated += np.exp(share + table)
            likelihood[here] = sums + self.conditional.row_part(rows)

        self.by_blocks(X, expect, AGGREGATED_ROWS)
        return likelihood, means, aggregated
