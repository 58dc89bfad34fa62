"""Moves of the latent states of rows, from the inference of a deep model to its posterior."""

from dataclasses import dataclass

import numpy as np

from layerwise.models.units import BITS
from layerwise.numerics import units
from layerwise.numerics.products import product
from layerwise.numerics.streams import HIDDEN, STATE

__all__ = ["LatentTarget", "log_given", "log_probability"]

# How much less likely than by its gain, in log-odds, a bit is proposed to be flipped, of one bit.
# Of n it is a third of log n more, as the flips that a step can take grow with n^(2/3). In turn
# many flips at once, and few, which are more often accepted: of 500 units 2.6 and 3.6 keep 8 and 5
# flips a step, and a reserve of 1.5 keeps 3.
RESERVES = 0.5, 1.5


@dataclass(frozen=True)
class Point:
    """Latent states of rows, and what is known there.

    Parameters
    ----------
    states : list of ndarray of shape (n_rows, n_latent)
        Of each layer below the top's hidden one.
    log_p, log_q : ndarray of shape (n_rows,)
        log p*(x, h), without log Z of the top, and log q(h | x).
    slopes_p, slopes_q : list of ndarray of shape (n_rows, n_latent)
        By bits: of log q, a layer's own alone.
    """

    states: list
    log_p: np.ndarray
    log_q: np.ndarray
    slopes_p: list
    slopes_q: list


class LatentTarget:
    """The distributions q(h | x)^(1 - beta) p*(x, h)^beta of some rows' latent states.

    Parameters
    ----------
    dbn : DBNParams
    inferences : list
        q(h | x) of each conditional, with ``log_odds``.
    X : ndarray of shape (n_rows, n_visible)
        States.
    """

    def __init__(self, dbn, inferences, X):
        self.conditionals = [each.astype(np.float64) for each in dbn.conditionals]
        self.top = dbn.top.astype(np.float64)
        self.inferences, self.X = inferences, np.asarray(X, dtype=np.float64)
        self.bits = [each.latent.bits(each.n_latent) for each in dbn.conditionals]

    def at(self, states, *, with_slopes=True):
        """Return the point of these states.

        Parameters
        ----------
        states : list of ndarray of shape (n_rows, n_latent)
        with_slopes : bool, default=True
            Moves ask for them, and they take as long as the rest.

        Returns
        -------
        Point
        """
        log_p, log_q = -self.top.free_energy(states[-1]), 0.0
        fields, slopes_q = [], []
        for depth, (given, above) in enumerate(zip(self.conditionals, states)):
            below = self._below(states, depth)
            of_layer, field = log_given(given, below, above)
            log_p, fields = log_p + of_layer, [*fields, field]
            log_odds = np.asarray(self.inferences[depth].log_odds(below), dtype=np.float64)
            low = self.bits[depth][0]
            log_q = log_q + log_probability(log_odds, above > low)
            slopes_q.append(log_odds)
        slopes_p = self._slopes(states, fields) if with_slopes else []
        return Point(states, log_p, log_q, slopes_p, slopes_q)

    def _below(self, states, depth):
        return states[depth - 1] if depth else self.X

    def _slopes(self, states, fields):
        """Return the slopes of log p* by the bits of each layer, given the fields below it."""
        found = []
        for depth, (given, field) in enumerate(zip(self.conditionals, fields)):
            gap = self._below(states, depth) - given.visible.mean(field, given.log_variance)
            as_latent = product(gap, given.weights.T)
            if depth + 1 < len(states):
                as_visible = fields[depth + 1]
            else:
                as_visible = self.top.visible_field(self.top.hidden_mean(states[depth]))
            found.append((as_latent + as_visible) * self.bits[depth][1])
        return found

    def move(self, now, beta, stream, step):
        """Return a point after a Metropolis step that leaves the distribution of a beta unchanged.

        All bits are proposed to be flipped independently, with log-odds of half of what the slopes
        say that a flip gains, less a reserve (Zanella, 2020; Zhang, Liu and Liu, 2022).

        Parameters
        ----------
        now : Point
        beta : float
        stream : Stream
        step : int
            Of the random numbers, and of the reserves.

        Returns
        -------
        Point
        """
        chances = self._chances(now, beta, step)
        flips = [
            BITS.sample(chance, stream.child(depth), step=step, lane=HIDDEN) > 0
            for depth, chance in enumerate(chances)
        ]
        proposed = self.at([
            np.where(flip, 2 * low + up - state, state)
            for flip, state, (low, up) in zip(flips, now.states, self.bits)
        ])  # fmt: skip
        gain = log_target(proposed, beta) - log_target(now, beta)
        gain += sum(map(log_probability, self._chances(proposed, beta, step), flips))
        gain -= sum(map(log_probability, chances, flips))
        chance = units.uniforms(len(gain), 1, stream, step=step, lane=STATE)[:, 0]
        return _chosen(chance < np.exp(np.minimum(gain, 0)), proposed, now)

    def _chances(self, point, beta, step):
        """Return the log-odds with which each bit is proposed to be flipped."""
        n_bits = sum(len(low) for low, _ in self.bits)
        reserve = RESERVES[step % len(RESERVES)] + np.log(n_bits) / 3
        return [
            ((1 - beta) * by_q + beta * by_p) * np.where(state > low, -0.5, 0.5) - reserve
            for by_q, by_p, state, (low, _) in zip(
                point.slopes_q, point.slopes_p, point.states, self.bits
            )
        ]


def log_target(point, beta):
    """Return log q(h | x)^(1 - beta) p*(x, h)^beta, of shape (n_rows,)."""
    return (1 - beta) * point.log_q + beta * point.log_p


def log_given(conditional, visible, latent):
    """Return log p(x | h) in nats of rows x and their own states h, and the fields on x.

    Parameters
    ----------
    conditional : Conditional
        In float64.
    visible : ndarray of shape (n_rows, n_visible), float64
    latent : ndarray of shape (n_rows, n_latent), float64

    Returns
    -------
    log_p : ndarray of shape (n_rows,)
    field : ndarray of shape (n_rows, n_visible)
    """
    units, log_variance = conditional.visible, conditional.log_variance
    field = conditional.field(latent)
    linear = np.sum(visible * field, axis=1) + units.log_base(visible, log_variance)
    return linear - units.log_partition_sums(field, log_variance), field


def log_probability(log_odds, bits):
    """Return the log-probability of bits, row by row, of shape (n_rows,)."""
    return -BITS.log_partition_sums(np.where(bits, -log_odds, log_odds))


def _chosen(accepted, new, old):
    """Return for each row one point or the other."""

    def of(one, other):
        return np.where(accepted[:, None] if one.ndim == 2 else accepted, one, other)

    return Point(
        list(map(of, new.states, old.states)),
        of(new.log_p, old.log_p),
        of(new.log_q, old.log_q),
        list(map(of, new.slopes_p, old.slopes_p)),
        list(map(of, new.slopes_q, old.slopes_q)),
    )
