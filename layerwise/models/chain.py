"""Chain: affine layers under output units; and what an auto-encoder makes of one."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerwise.models.conditional import Conditional
from layerwise.models.family import Units, scale
from layerwise.models.units import BITS
from layerwise.numerics import network, units
from layerwise.numerics.products import product
from layerwise.numerics.rows import by_blocks, issparse

__all__ = ["AutoEncoderParams", "Chain", "Encoder", "Features", "NetworkParams", "Predictor"]


@dataclass(frozen=True, eq=False)
class Chain:
    """A sequence of affine layers: field = inputs @ weights + biases, and means of the fields.

    The outputs are plain, with an activation as any layer's, or the units of a distribution: the
    last layer then gives the fields on them.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,), float32 or float64
        All matrices, each of shape (n_inputs, n_units) and C-contiguous, then all biases, then,
        where some outputs are Gaussian units, the log variances of all outputs. Trainers write to
        it.
    sizes : tuple of int, of length n_layers + 1
        Units of the input and of each layer.
    activations : tuple of str
        "sigmoid" (means of Bernoulli units), "tanh", "relu" or "identity", for each layer; or,
        where ``outputs`` are given, for each but the last.
    tied : tuple of pairs of int, default=()
        A pair (k, m), k < m, says that layer k's matrix is the transpose of layer m's, which alone
        is stored. Their biases are their own.
    outputs : Units, default=None
        What the outputs are. None for plain outputs.
    """

    parameters: np.ndarray
    sizes: tuple
    activations: tuple
    tied: tuple = ()
    outputs: Units | None = None

    @classmethod
    def init(cls, sizes, activations, stream, *, dtype=np.float64, tied=(), outputs=None):
        """Return a chain with uniform random weights, and biases and log variances of zero.

        Weights are uniform within +-sqrt(6 / (n_inputs + n_units)) (Glorot and Bengio,
        "Understanding the difficulty of training deep feedforward neural networks", 2010).

        Parameters
        ----------
        sizes, activations, tied, outputs
            As in ``Chain``.
        stream : Stream
        dtype : {np.float32, np.float64}, default=np.float64

        Returns
        -------
        Chain
        """
        chain = cls.empty(sizes, activations, dtype, outputs, tied)
        for k in range(chain.n_layers):
            if not chain.layers["tied"][k]:
                weights = chain.weights(k)
                bound = np.sqrt(6 / sum(weights.shape))
                generator = stream.child("weights", k).generator()
                weights[...] = generator.uniform(-bound, bound, size=weights.shape)
        return chain

    @classmethod
    def empty(cls, sizes, activations, dtype, outputs=None, tied=()):
        """Return a chain all of whose parameters are zero: arguments are those of ``init``."""
        runs = None if outputs is None else outputs.runs(sizes[-1])
        layers = network.layout(sizes, activations, tied, runs)
        parameters = np.zeros(network.n_parameters(layers, runs), dtype=dtype)
        return cls(parameters, tuple(sizes), tuple(activations), tuple(tied), outputs)

    @cached_property
    def layers(self):
        """Where each layer stands in ``parameters``: see ``numerics.network.layout``."""
        runs = None if self.outputs is None else self.outputs.runs(self.sizes[-1])
        return network.layout(self.sizes, self.activations, self.tied, runs)

    @property
    def n_layers(self):
        """Number of layers, the input not counted."""
        return len(self.sizes) - 1

    @property
    def output_units(self):
        """The output units, under which a row has a likelihood, or None.

        Of a plain sigmoid they are Bernoulli units; other plain outputs have none.
        """
        if self.outputs is None and self.activations[-1] == "sigmoid":
            return BITS
        return self.outputs

    @property
    def log_variance(self):
        """A view of the log variances of the outputs, of shape (n_outputs,), or None."""
        last = self.layers[-1]
        at = last["biases"] + last["n_units"]
        return None if at == len(self.parameters) else self.parameters[at:]

    def weights(self, k):
        """Return a view of layer ``k``'s matrix, of shape (n_inputs, n_units)."""
        n_inputs, n_units, _, tied, at, _ = self.layers[k].item()
        matrix = self.parameters[at : at + n_inputs * n_units]
        return matrix.reshape(n_units, n_inputs).T if tied else matrix.reshape(n_inputs, n_units)

    def biases(self, k):
        """Return a view of layer ``k``'s biases, of shape (n_units,)."""
        at = self.layers["biases"][k]
        return self.parameters[at : at + self.sizes[k + 1]]

    def field(self, X, first=0, last=None):
        """Return the fields of the last of some layers: its units before activation.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_inputs of layer ``first``)
        first, last : int, default=0, None
            Layers ``first`` to ``last - 1`` are gone through; None means to the end.

        Returns
        -------
        ndarray of shape (n_rows, n_units of layer ``last - 1``), of the chain's dtype
        """
        if issparse(X):
            return by_blocks(lambda rows: self.field(rows, first, last), X)
        last = self.n_layers if last is None else last
        value = self.forward(X, first, last - 1)
        return network.affine(self.parameters, self.layers, value, last - 1)

    def forward(self, X, first=0, last=None):
        """Return the means of the last of some layers.

        Parameters
        ----------
        X, first, last
            As in ``field``.

        Returns
        -------
        ndarray of shape (n_rows, n_units of layer ``last - 1``), of the chain's dtype
            With no layer to go through, ``X`` itself in that dtype.
        """
        if issparse(X):
            return by_blocks(lambda rows: self.forward(rows, first, last), X)
        value = np.ascontiguousarray(X, dtype=self.parameters.dtype)
        for k in range(first, self.n_layers if last is None else last):
            field = network.affine(self.parameters, self.layers, value, k)
            if k == self.n_layers - 1 and self.outputs is not None:
                return self.outputs.mean(field, self.log_variance)
            value = network.activate(field, self.layers["activation"][k])
        return value


@dataclass(frozen=True, eq=False)
class Encoder:
    """Some layers of a chain, read as the distribution of Bernoulli units given an input.

    Parameters
    ----------
    chain : Chain
    first, last : int
        Layers ``first`` to ``last - 1``; the last of them is a sigmoid.
    """

    chain: Chain
    first: int
    last: int

    def field(self, X):
        """Return the log-odds of the units, of shape (n_rows, n_units)."""
        return self.chain.field(X, self.first, self.last)

    @property
    def affine_layers(self):
        """Weights, biases and activation of each layer: arrays as they stand, not copies."""
        chain = self.chain
        return [
            (chain.weights(k), chain.biases(k), chain.activations[k])
            for k in range(self.first, self.last)
        ]

    def log_odds(self, X):
        """Return the log-odds of the units, of shape (n_rows, n_units)."""
        return self.field(X)

    def mean(self, X):
        """Return the means of the units, of shape (n_rows, n_units)."""
        return self.chain.forward(X, self.first, self.last)

    def field_and_gradients(self, X):
        """Return the log-odds of the units, and what takes slopes on them back to parameters.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_inputs)

        Returns
        -------
        field : ndarray of shape (n_rows, n_units), float64
        gradients : callable
            Takes slopes by the field, and returns those by the matrix and by the biases of each
            layer: two lists, in float64.
        """
        values = [np.asarray(X, dtype=float)]
        layers = range(self.first, self.last)
        matrices = [self.chain.weights(k).astype(float) for k in layers]
        for k, matrix in zip(layers, matrices):
            field = product(values[-1], matrix, start=self.chain.biases(k))
            values.append(units.means(field))

        def gradients(slope):
            by_matrix, by_biases = [], []
            for value, matrix in zip(reversed(values[:-1]), reversed(matrices)):
                by_matrix.insert(0, product(value.T, slope))
                by_biases.insert(0, slope.sum(axis=0))
                slope = product(slope, matrix.T) * value * (1 - value)
            return by_matrix, by_biases

        return field, gradients

    def sample(self, X, stream, *, step, lane):
        """Return states of the units, drawn at the addresses (unit, row, step, lane)."""
        return units.draw(self.mean(X), stream, step=step, lane=lane)


class Features(Encoder):
    """Some layers of a chain whose last units are numbers and no states: nothing is drawn."""

    def sample(self, X, stream, *, step, lane):
        """Return the units' values."""
        return self.mean(X)


@dataclass(frozen=True, eq=False)
class NetworkParams:
    """A chain that back-propagation trains.

    Parameters
    ----------
    chain : Chain
    """

    chain: Chain

    @property
    def log_variance(self):
        """Logarithms of the variances of the outputs, None where none is Gaussian."""
        return self.chain.log_variance

    def arrays(self):
        """Return the parameters, in the order of an optimiser's arrays."""
        return (self.chain.parameters,)


class Predictor(NetworkParams):
    """A chain from rows to what they are to be predicted as."""


@dataclass(frozen=True, eq=False)
class CodedParams(NetworkParams):
    """A chain from the visible units through a code back to the visible units.

    Parameters
    ----------
    chain : Chain
        Its last layer has as many units as its input.
    code : int
        Layers below it are the encoder, from layer ``code`` on the decoder.
    sample_code : bool, default=False
        Whether the decoder is trained on sampled states of the code, or on its values. States ask
        for a code of a sigmoid: Bernoulli units.
    corruption : float, default=0.0
        Probability with which training sets an input to zero: a denoising auto-encoder.
    """

    code: int
    sample_code: bool = False
    corruption: float = 0.0
    alone = False

    @property
    def objective_of_layers(self):
        """What is added to the loss of the whole, as ``network_pass`` takes it: nothing."""
        return {}


@dataclass(frozen=True, eq=False)
class AutoEncoderParams(CodedParams):
    """An auto-encoder whose code is of Bernoulli units, and whose decoder is one layer."""

    @property
    def affine_layers(self):
        """Weights, biases and activation of the layers below the code: arrays as they stand."""
        return Encoder(self.chain, 0, self.code).affine_layers

    def start_at(self, rows, weights=None):
        """Give Gaussian outputs the means and variances of the rows, where the code says nothing.

        Their weights are divided by standard deviations: fields are in units of the inverse.

        Parameters
        ----------
        rows : ndarray or CSR of shape (n_rows, n_visible)
        weights : ndarray of shape (n_rows,), default=None
            Of the rows: 2 counts a row twice. None is ones.
        """
        chain = self.chain
        if chain.log_variance is None:
            return
        gaussian = chain.outputs.gaussian(rows.shape[1])
        chain.log_variance[...] = chain.outputs.first_log_variance(rows, weights)
        biases = chain.outputs.first_biases(rows, chain.log_variance, weights)
        chain.biases(self.code)[gaussian] = biases[gaussian]
        chain.weights(self.code)[...] /= scale(chain.log_variance)

    @property
    def conditional(self):
        """p(x | h), in views of the parameters, where the decoder is one layer."""
        chain = self.chain
        return Conditional(
            chain.weights(self.code), chain.biases(self.code), chain.output_units,
            log_variance=chain.log_variance,
        )  # fmt: skip
