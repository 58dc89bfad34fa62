"""The mean of parameters over the last passes of training."""

import math

import numpy as np

__all__ = ["Averaging"]


class Averaging:
    """Adds parameters up over passes, and puts their mean in their place at the end.

    Parameters
    ----------
    model : object with ``arrays``
        Which training writes to.
    share : float
        Of the passes, the last ones.
    n_passes : int
    """

    def __init__(self, model, share, n_passes):
        self.arrays = model.arrays()
        self.last = n_passes - 1
        self.first = n_passes - math.ceil(share * n_passes)
        self.totals = [np.zeros(array.shape) for array in self.arrays]
        self.count = 0

    def add(self, since):
        """Add the parameters after a pass, if it counts; after the last one, take the mean.

        Parameters
        ----------
        since : int
            Which pass, from 0.
        """
        if since >= self.first:
            for total, array in zip(self.totals, self.arrays):
                total += array
            self.count += 1
        if since == self.last:
            self.finish()

    def finish(self):
        """Write the mean of what was added, if anything was."""
        if self.count:
            for total, array in zip(self.totals, self.arrays):
                array[...] = total / self.count
            self.count = 0
