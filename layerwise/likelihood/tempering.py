"""Replicas of chains at a ladder of inverse temperatures, which swap states with their neighbours.

A chain of an RBM whose states lie in clusters far apart stays in one for ever. At a low beta the
clusters melt into each other, and what crosses there comes up by swaps.
"""

from dataclasses import dataclass

import numpy as np

from layerwise.likelihood.annealed import Annealer
from layerwise.numerics import rbm
from layerwise.numerics.rows import dense
from layerwise.numerics.streams import HIDDEN

# The least part of a neighbouring pair's swaps that is counted as refused: no two betas of an
# adapted ladder come to lie upon each other.
LEAST_REFUSED = 1e-3
# Part of the swaps that neighbours ought to accept, or little comes up the ladder.
LEAST_RATE = 0.2


@dataclass(eq=False)
class Ladder:
    """The betas of replicas, and how their neighbours have swapped.

    Parameters
    ----------
    betas : ndarray of shape (n_replicas,)
        Falling from 1 to 0.
    accepted, tried : ndarray of shape (n_replicas - 1,)
        Of the swaps of each pair of neighbours since the betas were placed.
    n_steps : int
        That have been taken.
    """

    betas: np.ndarray
    accepted: np.ndarray
    tried: np.ndarray
    n_steps: int = 0

    @classmethod
    def even(cls, n_replicas):
        """Return evenly spaced betas, before any swap."""
        return cls(
            np.linspace(1, 0, n_replicas), np.zeros(n_replicas - 1), np.zeros(n_replicas - 1)
        )

    def copy(self):
        """Return the same in arrays of its own."""
        return Ladder(self.betas.copy(), self.accepted.copy(), self.tried.copy(), self.n_steps)

    @property
    def swap_rates(self):
        """Which part of the swaps of each pair of neighbours was accepted; NaN of none tried."""
        with np.errstate(invalid="ignore"):
            return self.accepted / self.tried

    def forget(self):
        """Count swaps anew."""
        self.accepted[:] = self.tried[:] = 0

    def adapt(self):
        """Place betas so that all pairs would swap alike, by the rates so far, which start anew.

        What is refused between two betas adds up along the ladder; betas go where its sum is
        evenly divided (Syed et al., 2022), half of the way at a time. Where a pair has tried none,
        nothing changes.
        """
        if (self.tried > 0).all():
            refused = np.maximum(1 - self.swap_rates, LEAST_REFUSED)
            total = np.concatenate([[0.0], np.cumsum(refused)])
            even = np.linspace(0, total[-1], len(total))
            self.betas = (self.betas + np.interp(even, total, self.betas)) / 2
            self.betas[0], self.betas[-1] = 1.0, 0.0
            self.forget()


def first_base(params, rows, weights=None):
    """Return what visible units are at beta 0: independent, with the means of rows.

    Parameters
    ----------
    params : RBMParams
    rows : ndarray or CSR of shape (n_rows, n_visible)
        States, or means of them.
    weights : ndarray of shape (n_rows,), default=None
        Of the rows.

    Returns
    -------
    base, base_log_variance : ndarray of shape (n_visible,), the second None but of Gaussian units
    """
    dtype, log_variance = params.components.dtype, None
    if params.log_variance is not None:
        log_variance = params.visible.first_log_variance(rows, weights).astype(dtype)
    return params.visible.first_biases(rows, log_variance, weights).astype(dtype), log_variance


class Replicas:
    """Chains at several betas, those at 1 among them.

    Parameters
    ----------
    params : RBMParams
        Which training may write to between steps.
    base, base_log_variance : ndarray of shape (n_visible,)
        From ``first_base``.
    ladder : Ladder
        Its counts are updated.
    hidden : ndarray of shape (n_replicas * n_chains, n_hidden)
        States, those at 1 first; updated.
    """

    def __init__(self, params, base, base_log_variance, ladder, hidden):
        self.params, self.ladder, self.hidden = params, ladder, hidden
        self.base, self.base_log_variance = base, base_log_variance
        self.n_chains = len(hidden) // len(ladder.betas)

    def step(self, n_gibbs, stream):
        """Take Gibbs steps at every beta, and then let neighbours swap.

        Of the pairs of neighbours every second one is asked, those of even and of odd places in
        turn. Two states v and w at betas b and c are swapped with the probability min(1, r) of
        Metropolis, log r = log f_c(v) - log f_b(v) + log f_b(w) - log f_c(w), with f as
        ``numerics.rbm.anneal`` has it: hidden units are summed out, and drawn anew.

        Parameters
        ----------
        n_gibbs : int
            At least 1.
        stream : Stream

        Returns
        -------
        ndarray of shape (n_replicas * n_chains, n_visible)
            The visible states, in their places.
        """
        ladder, betas, n = self.ladder, self.ladder.betas, self.n_chains
        upper = np.arange(ladder.n_steps % 2, len(betas) - 1, 2)
        partner = np.arange(len(betas))
        partner[upper], partner[upper + 1] = upper + 1, upper
        own, other = np.repeat(betas, n), np.repeat(betas[partner], n)
        schedule = np.vstack([own] * n_gibbs + [other])
        params = self.params
        visible_runs, hidden_runs = params.runs()
        rows, gain = rbm.anneal(
            *params.arrays()[:3], self.hidden, stream, schedule, self.base, visible=visible_runs,
            hidden=hidden_runs, log_variance=params.log_variance,
            base_log_variance=self.base_log_variance,
        )  # fmt: skip
        # Hidden states were drawn at the partner's beta: right where states are swapped.
        gain = gain.reshape(len(betas), n)
        log_ratio = gain[upper] + gain[upper + 1]
        swapped = np.log1p(-stream.generator().random(log_ratio.shape)) < log_ratio
        moved = np.zeros((len(betas), n), dtype=bool)
        moved[upper] = moved[upper + 1] = swapped
        self._stay(rows, ~moved & (partner != np.arange(len(betas)))[:, None], own, stream)
        place = np.arange(len(betas) * n).reshape(len(betas), n)
        above, below = place[upper][swapped], place[upper + 1][swapped]
        for states in (rows, self.hidden):
            states[above], states[below] = states[below], states[above]
        ladder.accepted[upper] += np.exp(np.minimum(log_ratio, 0)).sum(axis=1)
        ladder.tried[upper] += n
        ladder.n_steps += 1
        return rows

    def _stay(self, rows, staying, own, stream):
        """Draw hidden states of those that were not swapped at their own beta."""
        at = np.flatnonzero(staying)
        if len(at):
            field = self.params.hidden_field(rows[at]) * own[at, None].astype(rows.dtype)
            drawn = self.params.hidden.sample(field, stream.child("stay"), step=0, lane=HIDDEN)
            self.hidden[at] = drawn


def sample(params, start, n_replicas, n_steps, stream):
    """Return visible states after tempered steps from rows.

    Parameters
    ----------
    params : RBMParams
    start : ndarray or CSR of shape (n_samples, n_visible)
        States.
    n_replicas, n_steps : int
        The ladder is adapted over the first half of the steps.
    stream : Stream

    Returns
    -------
    states : ndarray of shape (n_samples, n_visible)
    ladder : Ladder
        With the counts of the second half.
    """
    dtype = params.components.dtype
    hidden = params.sample_hidden(dense(start, dtype), stream.child("hidden"), step=0)
    states = np.ascontiguousarray(np.tile(hidden, (n_replicas, 1)))
    annealer = Annealer.of(params, stream.child("base"))
    base, log_variance = annealer.base.astype(dtype), annealer.base_log_variance
    log_variance = None if log_variance is None else log_variance.astype(dtype)
    ladder = Ladder.even(n_replicas)
    replicas = Replicas(params, base, log_variance, ladder, states)
    for step in range(n_steps):
        rows = replicas.step(1, stream.child("step", step))
        if step < n_steps // 2 and step % 20 == 19:
            ladder.adapt()
        if step == n_steps // 2:
            ladder.forget()
    return rows[: len(hidden)], ladder
