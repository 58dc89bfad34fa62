"""Partial supervision: a layer is trained by its own trainer, and a little towards the target."""

import numpy as np

from layerwise.exceptions import Diverged, Incompatible
from layerwise.models.chain import Chain, Predictor
from layerwise.trainers.state import Pass

__all__ = ["Supervision"]


class Supervision:
    """A layer's own trainer, with a step down the loss of a prediction after each of its batches.

    The prediction is that of a net of one hidden layer, which is this layer; its output weights
    are trained along and then discarded (Bengio, Lamblin, Popovici and Larochelle, "Greedy
    layer-wise training of deep networks", 2007, algorithm 4).

    Parameters
    ----------
    trainer : Trainer
        The layer's own.
    supervised : Backprop
        Takes the steps towards the target, for the rows of the batch that have one; it holds none
        out.
    share : float
        Factor of its learning rate.
    """

    def __init__(self, trainer, supervised, share):
        self.trainer, self.supervised, self.share = trainer, supervised, share

    @property
    def objective(self):
        """The name of what the layer's own trainer minimises."""
        return self.trainer.objective

    @property
    def needs(self):
        """The type of model that is trained."""
        return self.trainer.needs

    @property
    def n_passes(self):
        """Passes of the layer's own trainer."""
        return self.trainer.n_passes

    @property
    def most_passes(self):
        """The same: no rows are held out."""
        return self.trainer.n_passes

    def check(self):
        """Raise what is wrong with either trainer."""
        self.trainer.check()
        self.supervised.check()
        if self.trainer.early_stopping is True:
            raise Incompatible(
                "A layer with supervision is trained for all of its passes, and the "
                f"early_stopping of {type(self.trainer).__name__} is True. Set it to False."
            )

    def passes(self, model, rows, stream):
        """Improve a model in place, one pass over the rows at a time.

        Parameters
        ----------
        model : instance of ``needs``
            With ``affine_layers``, those of its inference.
        rows : LayerInput
            With targets.
        stream : Stream

        Yields
        ------
        Pass
            Of the layer's own trainer.
        """
        own, towards = self.trainer, self.supervised
        state = own.start(model, rows, stream.child("own"))
        step, _ = own._prepare(state, rows)
        net = _Net(model, rows.targets, stream.child("output"))
        beside = towards.start(net.predictor, rows, stream.child("supervised"))
        descend, _ = towards._prepare(beside, rows)
        for index in range(own.n_passes):
            X = rows.draw(stream.child("rows", index), resample=own.resample)
            order = stream.child("order", index).generator().permutation(len(rows))
            rates = own.rate(index), self.share * towards.rate(min(index, towards.n_passes - 1))
            here = stream.child("pass", index)
            try:
                value = self._pass(X, order, rates, here, step, descend, net, rows)
            except Diverged:
                raise own.diverged(index) from None
            if not np.isfinite(value):
                raise own.diverged(index)
            yield Pass(index, value)

    def _pass(self, X, order, rates, stream, step, descend, net, rows):
        """Take both steps for each batch; return the mean of the layer's own objective."""
        values, size, known = [], self.trainer.batch_size, rows.targets.known
        starts = range(0, len(order), size)
        for batch, at in enumerate(starts):
            some = order[at : at + size]
            values.append(step(X, some, rates[0], stream.child("own", batch)))
            labelled = some if known is None else some[known[some]]
            if len(labelled):
                net.read()
                descend(X, labelled, rates[1], stream.child("supervised", batch))
                net.write()
        counts = np.ones(len(order)) if rows.weights is None else rows.weights[order]
        return np.average(values, weights=np.add.reduceat(counts, starts))


class _Net:
    """A layer's inference under an output, in arrays of their own.

    Parameters
    ----------
    model : object with ``affine_layers``
    targets : Targets
    stream : Stream
        Of the first output weights.
    """

    def __init__(self, model, targets, stream):
        self.model = model
        sizes, activations = [], []
        for weights, _, activation in model.affine_layers:
            sizes.append(weights.shape[0])
            activations.append(activation)
        self.chain = output_on(
            [*sizes, weights.shape[1]], activations, targets, stream, weights.dtype
        )
        self.predictor = Predictor(self.chain)

    def read(self):
        """Take the layer's parameters."""
        for k, (weights, biases, _) in enumerate(self.model.affine_layers):
            self.chain.weights(k)[...], self.chain.biases(k)[...] = weights, biases

    def write(self):
        """Give them back."""
        for k, (weights, biases, _) in enumerate(self.model.affine_layers):
            weights[...], biases[...] = self.chain.weights(k), self.chain.biases(k)


def output_on(sizes, activations, targets, stream, dtype):
    """Return a chain with random weights, from layers to an output for such targets.

    Parameters
    ----------
    sizes : sequence of int
        Of the input and of each hidden layer.
    activations : sequence of str
        Of each hidden layer.
    targets : Targets
    stream : Stream
    dtype : dtype

    Returns
    -------
    Chain
    """
    sizes = [*sizes, targets.values.shape[1]]
    if targets.units is None:
        activations = [*activations, "identity"]
    return Chain.init(sizes, activations, stream, dtype=dtype, outputs=targets.units)
