"""The exact log-likelihood of the training rows while an RBM is trained, where that is cheap."""

import math

from layerwise.likelihood.partition import SUM_LIMIT, listed_layer, log_z

# Part of the time of training that it may take, as counted below. What is counted is within a
# factor of two of what is measured, which so stays below a tenth. And the multiply-adds that
# nobody notices, whatever part they are: 20 ms.
SHARE, UNNOTICED = 0.05, 400_000_000
# Costs in multiply-adds, of which a core does about 20 in a nanosecond: of a look; for each row,
# of a hidden unit's free energy and of a visible unit's value in float64; of drawing a state.
LOOK, HIDDEN, VISIBLE, DRAWN = 2_500_000, 100, 40, 30


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
    products : float
        What a pass costs for each row and pair of units, in multiply-adds.
    drawn : float
        How often it draws the states of all units of both layers, for each row.
    """

    def __init__(self, params, rows, n_passes, *, resample, products, drawn):
        self.params, self.n_passes = params, n_passes
        n_hidden, n_visible = params.components.shape
        least = listed_layer(params)[1]
        self.every = None
        if least > SUM_LIMIT or not (resample or rows.are_states):
            return
        pairs, units = n_hidden * n_visible, n_hidden + n_visible
        a_pass = len(rows) * (products * pairs + DRAWN * drawn * units)
        a_row = pairs + HIDDEN * n_hidden + VISIBLE * n_visible
        # The kernel of bits goes from state to state; others take a product and exponentials.
        in_bits = params.visible.is_binary and params.hidden.is_binary
        a_state = max(n_hidden, n_visible) if in_bits else pairs + HIDDEN * units
        a_look = LOOK + 2**least * a_state + len(rows) * a_row
        every = math.ceil(n_passes * a_look / max(SHARE * n_passes * a_pass, UNNOTICED))
        if every <= n_passes:
            self.every = every

    def __call__(self, index, X):
        """Return the mean of log p(x) over rows x in nats, or NaN if this pass is not watched.

        Parameters
        ----------
        index : int
            Which pass, from 0.
        X : ndarray of shape (n_rows, n_visible)
            The states that the pass was trained on.
        """
        if self.every is None or (self.n_passes - 1 - index) % self.every:
            return math.nan
        return float(-self.params.free_energy(X).mean()) - log_z(self.params)
