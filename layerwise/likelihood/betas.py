"""The betas of annealed chains: by name, and placed where log weights spread."""

import numpy as np

__all__ = ["NAMED", "Spread", "placed"]

# Betas by name. "reference" is Salakhutdinov and Murray's (2008): steps of 0.001, 0.0001 and
# 0.00001 up to 0.5, 0.9 and 1.
NAMED = {
    "cheap": np.linspace(0, 1, 1001),
    "reference": np.concatenate([
        np.arange(500) / 1e3, 0.5 + np.arange(4000) / 1e4, 0.9 + np.arange(10_000) / 1e5, [1.0]
    ]),
}  # fmt: skip
# Part of the betas that stay where they were: where chains never spread, they may have missed what
# spreads.
KEPT = 0.2


class Spread:
    """The variance over chains of what they gain between some betas, as they go.

    Called as ``anneal`` calls its ``watch``; ``ends`` are numbers of steps, from 0, and
    ``variances`` of the log weights that were gained between two of them.
    """

    def __init__(self):
        self.ends, self.variances, self._before = [0], [], 0.0

    def __call__(self, end, log_weight):
        self.ends.append(end)
        self.variances.append(np.var(log_weight - self._before))
        self._before = log_weight.copy()


def placed(betas, up, down, n_betas):
    """Return betas that are close where the log weights of some chains spread.

    Of a stretch with n steps between betas that gains log weights of variance v, n' steps would
    gain such of variance v n / n'; the sum over stretches is least where n' goes with sqrt(v n).

    Parameters
    ----------
    betas : ndarray of shape (n + 1,)
        Rising from 0 to 1.
    up, down : Spread
        Of chains over these betas in both directions, at mirrored steps.
    n_betas : int

    Returns
    -------
    ndarray of shape (n_betas + 1,)
    """
    shares = []
    for spread, reverse in ((up, False), (down, True)):
        steps = np.diff(spread.ends)
        wanted = np.sqrt(np.array(spread.variances) * steps)
        total = wanted.sum()
        density = (wanted / total if total > 0 else steps / steps.sum()) / steps
        each = np.repeat(density, steps)
        shares.append(each[::-1] if reverse else each)
    share = KEPT / (len(betas) - 1) + (1 - KEPT) * np.mean(shares, axis=0)
    reached = np.append(0, np.cumsum(share))
    found = np.interp(np.linspace(0, reached[-1], n_betas + 1), reached, betas)
    found[0], found[-1] = betas[0], betas[-1]
    return found
