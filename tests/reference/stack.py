"""RBMs sampled through, and one pass of joint CD or PCD: the specification of src/rbm/stack.h.

A layer over patches is written as what it is: one RBM over whole rows, whose weights are copies.
"""

import numpy as np

from reference.rbm import BERNOULLI, GAUSSIAN, HIDDEN, VISIBLE, update
from reference.units import unit_draws, unit_log_partitions, unit_means

STACK = 2**17  # where the lanes of layers above the first begin, as in numerics/streams.py


class Copied:
    """The weights, intercepts and lanes of one layer, written out for whole rows.

    Parameters
    ----------
    k : int
        Which layer.
    rbm : object with ``components``, ``intercept_visible``, ``intercept_hidden``
    grid : tuple (height, width, channels, size, stride) or None
        Of a layer over patches.
    below, above : sequence of pairs (kind, size)
        Runs of its units; of a layer over patches those of one patch above.
    """

    def __init__(self, k, rbm, grid, below, above):
        self.rbm, self.below, self.above = rbm, below, list(above)
        n_visible = len(rbm.intercept_visible)
        self.index = np.arange(n_visible)[np.newaxis]  # visible units of each patch
        if grid is not None:
            height, width, channels, size, stride = grid
            units = np.arange(height * width * channels).reshape(height, width, channels)
            self.index = np.array([
                units[y : y + size, x : x + size].ravel()
                for y in range(0, height - size + 1, stride)
                for x in range(0, width - size + 1, stride)
            ])  # fmt: skip
        self.n_filters = len(rbm.intercept_hidden)
        n_patches = len(self.index)
        self.above = self.above * n_patches
        self.lanes = (HIDDEN, VISIBLE) if k == 0 else (STACK + 2 * k, STACK + 2 * k + 1)
        self.n_visible, self.n_hidden = n_visible, n_patches * self.n_filters

    def weights(self):
        found = np.zeros((self.n_hidden, self.n_visible), dtype=self.rbm.components.dtype)
        for p, index in enumerate(self.index):
            rows = slice(p * self.n_filters, (p + 1) * self.n_filters)
            found[rows, index] = self.rbm.components
        return found

    def field_above(self, visible):
        bias = np.tile(self.rbm.intercept_hidden, len(self.index))
        return bias + visible @ self.weights().T

    def field_below(self, hidden):
        return self.rbm.intercept_visible + hidden @ self.weights()

    def scale(self):
        variance = self.rbm.log_variance
        return np.exp((np.zeros(self.n_visible) if variance is None else variance) / 2)

    def draw_above(self, field, key, step):
        """Each patch is a row of the random numbers, and its filters are the units."""
        rows = field.reshape(-1, self.n_filters)
        runs = self.above[: len(self.above) // len(self.index)]
        drawn = unit_draws(rows, runs, np.ones(self.n_filters), key, step, self.lanes[0])
        return drawn.reshape(field.shape).astype(field.dtype)

    def draw_below(self, field, key, step):
        drawn = unit_draws(field, self.below, self.scale(), key, step, self.lanes[1])
        return drawn.astype(field.dtype)

    def mean_above(self, field):
        return unit_means(field, self.above, np.ones(self.n_hidden))

    def slopes(self, data, data_field, of_data, model, field, of_model):
        """The slopes of the gap by weights, intercepts and log variances; and the gap.

        Those of what patches share are the mean over patches.
        """
        gaussian = np.concatenate([np.full(n, kind == GAUSSIAN) for kind, n in self.below])
        precision = np.where(gaussian, self.scale() ** -2.0, 0)
        data_mean, mean = self.mean_above(data_field), self.mean_above(field)
        full = (of_model * mean.T) @ model - (of_data * data_mean.T) @ data
        by_weights = np.zeros_like(self.rbm.components)
        for p, index in enumerate(self.index):
            by_weights += full[p * self.n_filters : (p + 1) * self.n_filters, index]
        by_weights /= len(self.index)
        above = of_model @ mean - of_data @ data_mean
        free = [
            share
            @ (
                part**2 @ precision / 2
                - part @ self.rbm.intercept_visible
                - unit_log_partitions(fields, self.above, np.ones(self.n_hidden))
            )
            for share, part, fields in ((of_data, data, data_field), (of_model, model, field))
        ]
        gradients = [
            by_weights,
            of_model @ model - of_data @ data,
            above.reshape(-1, self.n_filters).mean(axis=0),
        ]
        if self.rbm.log_variance is not None:
            gradients.append(precision / 2 * (of_model @ model**2 - of_data @ data**2))
        return gradients, free[0] - free[1]


def up(layers, rows, key, step):
    """The fields of every layer given rows, states passed up, and the states."""
    fields, states = [], [rows]
    for layer in layers:
        fields.append(layer.field_above(states[-1]))
        states.append(layer.draw_above(fields[-1], key, step))
    return fields, states


def down(layers, top, key, step):
    """Rows given states of the top, states passed down."""
    for layer in reversed(layers):
        top = layer.draw_below(layer.field_below(top), key, step)
    return top


def stack_pass(
    layers, X, order, chains, optimizer, *, rate, n_steps, batch_size, key, weights=None
):
    """Train in place; return the gaps of the batches, summed over layers."""
    gaps = []
    arrays = [
        array
        for layer in layers
        for array in (
            layer.rbm.components, layer.rbm.intercept_visible, layer.rbm.intercept_hidden,
            layer.rbm.log_variance,
        )
        if array is not None
    ]  # fmt: skip
    cuts = np.cumsum([array.size for array in arrays])[:-1]
    firsts = np.split(optimizer.first, cuts)
    seconds = np.split(optimizer.second, cuts) if optimizer.second.size else [None] * len(arrays)
    for batch, at in enumerate(range(0, len(order), batch_size)):
        address = batch * (n_steps + 1)
        here = order[at : at + batch_size]
        data_fields, data = up(layers, X[here], key, address)
        top = data[-1] if chains is None else chains.astype(X.dtype)
        for k in range(1, n_steps + 1):
            fields, model = up(layers, down(layers, top, key, address + k), key, address + k)
            top = model[-1]
        if chains is not None:
            chains[...] = top
        of_data = np.full(len(here), 1 / len(here))
        of_model = np.full(len(top), 1 / len(top))
        if weights is not None:
            of_data = weights[here] / weights[here].sum()
            of_model = of_data if chains is None else of_model
        optimizer.count += 1
        gradients, total = [], 0.0
        for k, layer in enumerate(layers):
            found, gap = layer.slopes(
                data[k], data_fields[k], of_data, model[k], fields[k], of_model
            )
            gradients += found
            total += gap
        gaps.append(total)
        for array, gradient, first, second in zip(arrays, gradients, firsts, seconds):
            decays = array.ndim == 2
            update(
                optimizer.kind, array.reshape(-1), gradient.ravel(), first, second, rate=rate,
                momentum=optimizer.momentum, decay=optimizer.decay if decays else 0,
                count=optimizer.count, l1=optimizer.l1_decay if decays else 0,
            )  # fmt: skip
    return np.array(gaps)


def stack_gibbs(layers, top, key, n_steps):
    """Return visible and top states after some steps down and up through all layers."""
    for step in range(1, n_steps + 1):
        rows = down(layers, top, key, step)
        _, states = up(layers, rows, key, step)
        top = states[-1]
    return rows, top


def runs_of_patches(kind, n):
    """The runs of one layer of units of one kind."""
    return [(BERNOULLI if kind == 0 else kind, n)]
