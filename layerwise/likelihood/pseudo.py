"""The pseudo-likelihood of an RBM: each unit given all others of its row, exactly."""

import numpy as np

from layerwise.numerics.special import log_sum_exp

__all__ = ["log_of_one_unit", "log_pseudolikelihood"]

# Fields that are held at a time: 256 KB, which stays near the processor.
FIELDS_AT_A_TIME = 2**15


def log_pseudolikelihood(params, X):
    """Return the sum over units of log p(v_i | all other units of v), for rows v.

    A softmax group counts as one unit. Of continuous units p is a density, whose integral over
    the unit's values is a sum over nodes: see ``Units.nodes``, to a relative error of 1e-13.
    Nothing is drawn, and no partition function is needed.

    Parameters
    ----------
    params : RBMParams
    X : ndarray of shape (n_rows, n_visible)
        States. A value v in (0, 1) of a Bernoulli unit is compared with 1 - v.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        In nats.
    """
    bits, rows = _in_bits(params, X)
    groups = _Groups(bits)
    size = max(1, FIELDS_AT_A_TIME // bits.n_hidden)
    parts = [groups.of_rows(rows[at : at + size]) for at in range(0, len(rows), size)]
    return np.concatenate([*parts, np.empty(0)])


def log_of_one_unit(params, X, columns):
    """Return n_visible times log p(v_i | all other units of v), of one unit i of each row v.

    Its mean over all units is the pseudo-likelihood, at a fraction of the cost: where units are
    drawn, it is an unbiased estimate.

    Parameters
    ----------
    params : RBMParams
        Of visible units of two states each.
    X : ndarray of shape (n_rows, n_visible)
    columns : ndarray of shape (n_rows,), int
        The unit of each row.

    Returns
    -------
    ndarray of shape (n_rows,), float64
    """
    bits, rows = _in_bits(params, X)
    fields = bits.hidden_field(rows)
    value = np.take_along_axis(rows, columns[:, None], axis=1)
    change = 1 - 2 * value
    turned = fields + change * bits.components.T[columns]
    gap = bits.hidden.log_partition_sums(turned) - bits.hidden.log_partition_sums(fields)
    return -bits.n_visible * np.logaddexp(0, gap + change[:, 0] * bits.intercept_visible[columns])


def _in_bits(params, X):
    """Return an RBM of Bernoulli hidden units, in float64, and the rows as it reads them."""
    bits, _ = params.in_bits()
    return bits, params.conditional.bits_of(np.asarray(X, dtype=float))


class _Groups:
    """The units of an RBM of Bernoulli hidden units: those of two states, and all others."""

    def __init__(self, params):
        self.params = params
        W, b = params.components, params.intercept_visible
        # Each state of the hidden units gives a field between these.
        low, high = b + np.minimum(W, 0).sum(axis=0), b + np.maximum(W, 0).sum(axis=0)
        self.turned, self.sums, self.others, first = [], [], [], 0
        for states, log_weights in params.visible.nodes(low, high, params.log_variance):
            here = slice(first, first + states.shape[1])
            if states.shape == (2, 1):
                self.turned.append(first)
                self.sums.append(states.sum())
            else:
                self.others.append((here, states, log_weights + states @ b[here]))
            first = here.stop

    def of_rows(self, rows):
        """Return the sum over units of log p(v_i | rest), of shape (n_rows,)."""
        params = self.params
        fields = params.hidden_field(rows)
        partition = params.hidden.log_partition_sums(fields)
        total = params.visible.log_base(rows, params.log_variance)
        for first in range(0, len(self.turned), step := self._at_a_time(fields)):
            total -= self._of_two_states(rows, fields, partition, slice(first, first + step))
        for here, states, log_weights in self.others:
            W = params.components[:, here].T
            total += partition + rows[:, here] @ params.intercept_visible[here]
            total -= self._log_sums(fields - rows[:, here] @ W, states, W, log_weights)
        return total

    def _at_a_time(self, fields):
        return max(1, FIELDS_AT_A_TIME // max(1, fields.size))

    def _of_two_states(self, rows, fields, partition, some):
        """Return the sum over some units of log(1 + p(other state) / p(this state))."""
        params, columns = self.params, self.turned[some]
        change = np.asarray(self.sums[some]) - 2 * rows[:, columns]
        turned = fields[:, None, :] + change[:, :, None] * params.components.T[columns]
        sums = params.hidden.log_partition_sums(turned.reshape(-1, params.n_hidden))
        gap = sums.reshape(len(rows), -1) - partition[:, None]
        return np.logaddexp(0, gap + change * params.intercept_visible[columns]).sum(axis=1)

    def _log_sums(self, rest, states, weights, log_weights):
        """Return log of the sum over a unit's nodes, for rows of the fields of all other units."""
        total, n_hidden = np.full(len(rest), -np.inf), self.params.n_hidden
        size = max(1, FIELDS_AT_A_TIME // n_hidden)
        for first in range(0, len(states), size):
            shifts = states[first : first + size] @ weights
            n_rows = max(1, FIELDS_AT_A_TIME // shifts.size)
            for at in range(0, len(rest), n_rows):
                fields = rest[at : at + n_rows, None, :] + shifts
                sums = self.params.hidden.log_partition_sums(fields.reshape(-1, n_hidden))
                terms = sums.reshape(fields.shape[:2]) + log_weights[first : first + size]
                here = slice(at, at + n_rows)
                total[here] = np.logaddexp(total[here], log_sum_exp(terms, axis=1))
        return total
