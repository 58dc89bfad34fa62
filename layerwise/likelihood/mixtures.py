"""Exact log-likelihoods by sums over latent states, pushed down layer by layer."""

import numpy as np
from scipy.special import logsumexp

from layerwise.likelihood.partition import (
    PAIRS_LIMIT,
    TABLE_LIMIT,
    log_z,
    refuse,
    visible_log_marginal,
)
from layerwise.models.states import blocks_of_states
from layerwise.numerics import enumerate as enumeration
from layerwise.numerics.mixture import Factors, Table

# States of a decoder's code: 2**16 of them, on 3,000 rows of 784 pixels, take some 10 s.
LISTED_LIMIT = 20
WAY_OUT = "Give its code fewer units."
# Rows that are made at a time where a latent layer's states are the rows.
ROWS = 4096
# Rows whose factors are held at a time, so that memory does not grow with the number of rows. With
# 16 latent units these are 2 MB, which stay near the processor, and which the allocator gives back
# for the next rows: twice as fast as all of 2,000 rows at once, whose pages were new each time.
FACTOR_ROWS = 480


class Mixture:
    """The log-likelihood of rows x, log sum_h p(x | h) p(h), as a function of them.

    Parameters
    ----------
    conditional : Conditional
        p(x | h), with latent units of two states each.
    log_marginal : ndarray of shape (2**n_latent,)
        log p(h) of all latent states; bit j of an index is the state of unit j.
    """

    def __init__(self, conditional, log_marginal):
        self.given = conditional
        self.conditional = conditional.in_bits()
        self.table = Table(log_marginal - self.conditional.state_part())

    def __call__(self, X):
        """Return log p(x) in nats for rows x of states, of shape (n_rows,).

        Of continuous units it is the logarithm of a density.
        """

        def log_densities(here, rows, factors):
            return factors.log_sums(self.table) + self.conditional.row_part(rows)

        return np.concatenate([*self.by_blocks(X, log_densities), np.empty(0)])

    def by_blocks(self, X, of_block, size=FACTOR_ROWS):
        """Return what a function finds of some rows at a time, as a list.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_visible)
            States.
        of_block : callable
            ``of_block(here, rows, factors)``: which rows they are, a slice; of bits where all
            units have two states; and their factors.
        size : int, default=480
            Rows at a time.
        """
        found = []
        for at in range(0, X.shape[0], size):
            rows = self.given.bits_of(X[at : at + size])
            here = slice(at, at + rows.shape[0])
            # No name holds factors here: those of two blocks at once took a tenth more time.
            found.append(of_block(here, rows, Factors(self.conditional.latent_field(rows))))
        return found


class ListedMixture:
    """The same where p(x | h) is no affine one: each pair of a row and a state is looked at.

    Parameters
    ----------
    conditional : Decoder
    log_marginal : ndarray of shape (2**n_latent,)
        As in ``Mixture``.
    """

    def __init__(self, conditional, log_marginal):
        refuse(conditional.n_latent, LISTED_LIMIT, "A decoder of several layers", WAY_OUT)
        self.conditional, self.log_marginal = conditional.astype(float), log_marginal

    def __call__(self, X):
        """Return log p(x) in nats for rows x of states, of shape (n_rows,)."""
        n, found = self.conditional.n_latent, np.full(X.shape[0], -np.inf)
        for here, states in blocks_of_states(self.conditional.latent, n):
            for at in range(0, X.shape[0], ROWS):
                rows = slice(at, at + ROWS)
                pairs = self.conditional.log_probability(X[rows], states)
                pairs += self.log_marginal[here]
                found[rows] = np.logaddexp(found[rows], logsumexp(pairs, axis=1))
        return found


def mixture_of(conditional, log_marginal):
    """Return the log-likelihood of rows under p(x | h) and a distribution of h, as a function.

    Parameters
    ----------
    conditional : Conditional or Decoder
    log_marginal : ndarray of shape (2**n_latent,)

    Returns
    -------
    Mixture or ListedMixture
    """
    kind = Mixture if conditional.is_affine else ListedMixture
    return kind(conditional, log_marginal)


def latent_log_marginals(dbn):
    """Return log p(h) of the latent units of each conditional, each of shape (2**n_latent,).

    The top's marginal is pushed down: p(h1) = sum over h2 of p(h1 | h2) p(h2), and so on. Latent
    units have two states each, of which bit j of an index says unit j's.

    Returns
    -------
    list of ndarray
        From the bottom conditional's to the highest one's.
    """
    log_marginals = [visible_log_marginal(dbn.top)]
    for conditional in reversed(dbn.conditionals[1:]):
        n = conditional.n_visible
        refuse(n, TABLE_LIMIT, "The marginal of a latent layer", "Give it fewer units.")
        refuse(
            n + conditional.n_latent,
            PAIRS_LIMIT,
            "Pushing a marginal down through two latent layers",
            "Give them fewer units.",
        )
        given = conditional.in_bits() if conditional.is_affine else conditional
        mixture = mixture_of(given, log_marginals[0])
        parts = [
            mixture(enumeration.all_states(n, at, min(at + ROWS, 2**n)))
            for at in range(0, 2**n, ROWS)
        ]
        log_marginals.insert(0, np.concatenate(parts))
    return log_marginals


def log_density(dbn):
    """Return the function from rows of states to log p(x), each in nats.

    What does not depend on rows (log Z, the marginal of the bottom's latent units) is computed
    here, once.
    """
    if dbn.conditionals:
        return mixture_of(dbn.conditionals[0], latent_log_marginals(dbn)[0])
    top, log_partition = dbn.top, log_z(dbn.top)
    return lambda X: -top.free_energy(X) - log_partition
