"""AIS and RAISE: log Z and log-likelihoods of RBMs of any size, by annealed chains."""

import math
from dataclasses import dataclass, field

import numpy as np

from layerwise.likelihood.annealed import (
    Annealer,
    Z,
    bennett,
    bracket,
    effective_size,
    log_mean,
    resampled,
)
from layerwise.likelihood.betas import Spread, placed
from layerwise.likelihood.estimate import Estimate
from layerwise.numerics.rows import dense

# Betas of the first round of an adaptive run. Where the log of the chains over the effective
# sample size is above MOST_SPREAD (it is the variance of log weights that are normal), or both
# directions differ by more than their noise, the next round has more betas, up to MOST_TIMES as
# many; else more chains with the same betas.
FIRST_BETAS, MOST_SPREAD, MOST_TIMES = 1000, 0.5, 8
# Chains that come down from rows at a time.
CHAINS = 1000


@dataclass(frozen=True)
class AnnealedEstimate(Estimate):
    """What AIS found: an :class:`Estimate`, and the chains' log weights.

    Parameters
    ----------
    log_weights : ndarray of shape (n_chains,)
        Of the chains that went up, each an estimate of log Z in nats.
    reverse_log_weights : ndarray of shape (n_chains,)
        Of those that came down, likewise.
    effective_sample_size : float
        Of the chains of one direction: how many of equal weight would say as much; of the two
        directions the smaller one.
    n_betas : int
        Steps of each chain.
    within_tol : bool
        Whether the bracket is as narrow as was asked.
    """

    log_weights: np.ndarray | None = field(default=None, repr=False)
    reverse_log_weights: np.ndarray | None = field(default=None, repr=False)
    effective_sample_size: float = math.nan
    n_betas: int = 0
    within_tol: bool = False


@dataclass(frozen=True)
class Plan:
    """What an estimate of log Z may spend; as the parameters of ``AIS``.

    Parameters
    ----------
    n_chains : int
    betas : ndarray of shape (n_betas + 1,) or None
        None is adaptive.
    tol : float
    max_steps : int
    n_burn : int
    """

    n_chains: int
    betas: np.ndarray | None
    tol: float
    max_steps: int
    n_burn: int

    def steps(self, n_chains, betas):
        """Return the steps that chains of both directions take."""
        return n_chains * (2 * (len(betas) - 1) + self.n_burn)

    def next_round(self, found, betas, spreads, left):
        """Return how many chains over which betas to take next, and whether anew; None to end.

        Parameters
        ----------
        found : AnnealedEstimate
            Of all chains over ``betas`` so far.
        betas : ndarray of shape (n_betas + 1,)
        spreads : pair of Spread
            Of chains over them in both directions.
        left : int
            Steps.
        """
        n_found, n_betas = len(found.log_weights), len(betas) - 1
        up, down = found.log_weights, found.reverse_log_weights
        spread = np.log(n_found / found.effective_sample_size)
        width, gap = found.high - found.low, log_mean(up)[0] + log_mean(-down)[0]
        # Each direction misses what the other weighs most: more chains do not help then.
        if spread > MOST_SPREAD or abs(gap) > width / 2:
            times = 2 * max(spread / MOST_SPREAD, abs(gap) / self.tol)
            wanted = n_betas * np.clip(times, 2, MOST_TIMES)
            most = (left / self.n_chains - self.n_burn) / 2
            if most < 1.5 * n_betas:
                return None
            return self.n_chains, placed(betas, *spreads, int(min(wanted, most))), True
        wanted = n_found * ((width / self.tol) ** 2 - 1)
        most = left // self.steps(1, betas)
        n_chains = int(min(np.clip(wanted, self.n_chains, 3 * n_found), most))
        return None if most < 2 else (n_chains, betas, False)


def log_z(params, stream, plan, X=None, progress=None):
    """Return log Z of an RBM, in a bracket.

    Parameters
    ----------
    params : RBMParams
    stream : Stream
    plan : Plan
    X : ndarray or CSR of shape (n_rows, n_visible), default=None
        Rows like those that the RBM was trained on. If given, half of the chains that come down
        start from them: where those that came up missed their part of the states, the high side
        is theirs. Of 100 and more the units that chains come up from have the means.
    progress : callable, default=None
        Called now and then as ``progress(done, all)``, of each run of chains anew.

    Returns
    -------
    AnnealedEstimate
    """
    annealer = Annealer.of(params, stream.child("base"), X)
    betas = np.linspace(0, 1, FIRST_BETAS + 1) if plan.betas is None else plan.betas
    up, down, from_rows = np.empty(0), np.empty(0), np.empty(0, dtype=bool)
    n_chains, spent, index = plan.n_chains, 0, 0
    while True:
        part = stream.child(index)
        more_up, more_down, spreads = _run(
            annealer, betas, n_chains, plan.n_burn, X, part, progress
        )
        up, down = np.append(up, more_up), np.append(down, more_down)
        from_rows = np.append(from_rows, _half(n_chains, X))
        spent += plan.steps(n_chains, betas)
        found = _estimate(up, down, from_rows, betas, plan.tol)
        following = plan.next_round(found, betas, spreads, plan.max_steps - spent)
        if found.within_tol or plan.betas is not None or following is None:
            return found
        n_chains, betas, anew = following
        if anew:
            up, down, from_rows = up[:0], down[:0], from_rows[:0]
        index += 1


def _run(annealer, betas, n_chains, n_burn, X, stream, progress):
    """Anneal chains up, and as many down; return the log weights of both, and their spreads."""
    rise, fall = Spread(), Spread()
    up, _, hidden = annealer.up(betas, n_chains, stream.child("up"), progress, rise)
    hidden, half = hidden[resampled(up, stream.child("resample"))], _half(n_chains, X)
    if half.any():
        at = stream.child("rows").generator().integers(X.shape[0], size=half.sum())
        rows = dense(X[at], np.float32)
        hidden[half] = annealer.params.sample_hidden(rows, stream.child("rows"), step=0)
    annealer.settle(hidden, n_burn, stream.child("burn"))
    down = annealer.down(hidden, betas, stream.child("down"), progress, fall)
    return up, down, (rise, fall)


def _half(n_chains, X):
    """Return which of the chains that come down start from rows: every other one, if there are."""
    return (np.arange(n_chains) % 2 == 1) & (X is not None)


def _estimate(up, down, from_rows, betas, tol):
    """Return what chains found; of those that came down, by where they began."""
    parts = [part for part in (down[~from_rows], down[from_rows]) if len(part) > 1]
    low, high = bracket(up, down)
    if len(parts) == 2:
        means, errors = zip(*(log_mean(-part) for part in parts))
        if abs(means[0] - means[1]) > Z * np.hypot(*errors):
            # Chains that stay in different parts of the states: the part that weighs more counts.
            down = parts[int(np.argmin(means))]
            low, high = bracket(up, down)
    value, error = bennett(up, down)
    low, high = float(min(low, value)), float(max(high, value))
    n_betas = len(betas) - 1
    return AnnealedEstimate(
        value,
        low,
        high,
        f"annealed importance sampling, {len(up)} chains each way over {n_betas} betas",
        error=error,
        log_weights=up,
        reverse_log_weights=down,
        effective_sample_size=min(effective_size(up), effective_size(-down)),
        n_betas=n_betas,
        within_tol=bool(high - low <= tol),
    )


def log_probabilities(params, X, stream, n_chains, betas):
    """Return a low estimate of log p of each row, and the standard error of each.

    Parameters
    ----------
    params : RBMParams
    X : ndarray or CSR of shape (n_rows, n_visible)
        Rows of states.
    stream : Stream
    n_chains : int
        Of each row.
    betas : ndarray of shape (n_betas + 1,)

    Returns
    -------
    value, error : ndarray of shape (n_rows,)
    """
    annealer = Annealer.of(params, stream.child("base"))
    at_a_time, n_rows = max(1, CHAINS // n_chains), X.shape[0]
    value, error = -params.free_energy(X), np.empty(n_rows)
    for first in range(0, n_rows, at_a_time):
        part = stream.child("rows", first)
        here = dense(X[first : first + at_a_time], np.float32)
        chains = np.repeat(here, n_chains, axis=0)
        hidden = annealer.params.sample_hidden(chains, part, step=0)
        down = annealer.down(hidden, betas, part.child("down"))
        for row, log_weights in enumerate(-down.reshape(len(here), -1), start=first):
            log_probability, error[row] = log_mean(log_weights)
            value[row] += log_probability
    return value, error
