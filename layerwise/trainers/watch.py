"""The exact log-likelihood of the training rows while an RBM is trained, where that is cheap."""

import math

import numpy as np

from layerwise.likelihood.partition import SUM_LIMIT, listed_layer, log_z

# Part of the time of training that it may take, as counted below. What is counted is within a
# factor of two of what is measured, which so stays below a tenth. And the multiply-adds that
# nobody notices, whatever part they are: 20 ms.
SHARE, UNNOTICED = 0.05, 400_000_000
# Costs in multiply-adds, of which a core does about 20 in a nanosecond: of a look; for each row,
# of a hidden unit's free energy and of a visible unit's value in float64; of drawing a state.
LOOK, HIDDEN, VISIBLE, DRAWN = 2_500_000, 100, 40, 30


def looks(params, n_rows, n_looked, n_passes, *, products, drawn, share=None, unnoticed=None):
    """Return after how many passes each a look at the exact log-likelihood is cheap, or None.

    Parameters
    ----------
    params : RBMParams
    n_rows, n_looked : int
        Rows that a pass trains on, and that a look is at.
    n_passes : int
    products : float
        What a pass costs for each row and pair of units, in multiply-adds.
    drawn : float
        How often it draws the states of all units of both layers, for each row.
    share : float, default=None
        Part of the time of training that is cheap; ``SHARE`` if None.
    unnoticed : float, default=None
        Multiply-adds of all looks that are cheap in any case; ``UNNOTICED`` if None.

    Returns
    -------
    int or None
        None where not even one look is.
    """
    least = listed_layer(params)[1]
    if least > SUM_LIMIT:
        return None
    n_hidden, n_visible = params.components.shape
    pairs, units = n_hidden * n_visible, n_hidden + n_visible
    a_pass = n_rows * (products * pairs + DRAWN * drawn * units)
    a_row = pairs + HIDDEN * n_hidden + VISIBLE * n_visible
    # The kernel of bits goes from state to state; others take a product and exponentials.
    in_bits = params.visible.is_binary and params.hidden.is_binary
    a_state = max(n_hidden, n_visible) if in_bits else pairs + HIDDEN * units
    a_look = LOOK + 2**least * a_state + n_looked * a_row
    share = SHARE if share is None else share
    unnoticed = UNNOTICED if unnoticed is None else unnoticed
    every = math.ceil(n_passes * a_look / max(share * n_passes * a_pass, unnoticed))
    return every if 0 < every <= n_passes else None


def mean_log_likelihood(params, X, weights=None):
    """Return the exact mean log-likelihood of rows, in nats.

    Parameters
    ----------
    params : RBMParams
    X : ndarray or CSR of shape (n_rows, n_visible)
        States.
    weights : ndarray of shape (n_rows,), default=None
        Of the rows; None is equal ones.

    Returns
    -------
    float
    """
    energies = params.free_energy(X)
    mean = energies.mean() if weights is None else np.average(energies, weights=weights)
    return float(-mean) - log_z(params)


class Watch:
    """The exact mean log-likelihood of the rows of a pass, after some of the passes.

    Which passes depends on sizes alone: every one, or every second, third, ..., the last always
    among them, so that all together cost about a twentieth of training, or 20 ms; or none, where
    one costs more than that.

    Parameters
    ----------
    params : RBMParams
    rows : LayerInput
    n_passes : int
    resample : bool
        Whether the trainer draws states; means have no likelihood.
    products, drawn : float
        As of ``looks``.
    """

    def __init__(self, params, rows, n_passes, *, resample, products, drawn):
        self.params, self.n_passes, self.weights = params, n_passes, rows.weights
        self.every = None
        if resample or rows.are_states:
            self.every = looks(
                params, len(rows), len(rows), n_passes, products=products, drawn=drawn
            )

    def __call__(self, index, X):
        """Return the mean of log p(x) over rows x in nats, or NaN if this pass is not watched.

        Parameters
        ----------
        index : int
            Which pass, from 0.
        X : ndarray or CSR of shape (n_rows, n_visible)
            The states that the pass was trained on.
        """
        if self.every is None or (self.n_passes - 1 - index) % self.every:
            return math.nan
        return mean_log_likelihood(self.params, X, self.weights)
