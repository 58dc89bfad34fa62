"""Chain: affine layers, each with its activation; and what an auto-encoder makes of one."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerwise.numerics import network, units

__all__ = ["AutoEncoderParams", "Chain", "Encoder"]


@dataclass(frozen=True, eq=False)
class Chain:
    """A sequence of affine layers: units = activation(inputs @ weights + biases).

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,), float32 or float64
        All matrices, each of shape (n_inputs, n_units) and C-contiguous, then all biases.
        Trainers write to it.
    sizes : tuple of int, of length n_layers + 1
        Units of the input and of each layer.
    activations : tuple of str, of length n_layers
        "sigmoid" (means of Bernoulli units), "tanh", "relu" or "identity".
    tied : tuple of pairs of int, default=()
        A pair (k, m), k < m, says that layer k's matrix is the transpose of layer m's, which alone
        is stored. Their biases are their own.
    """

    parameters: np.ndarray
    sizes: tuple
    activations: tuple
    tied: tuple = ()

    @classmethod
    def init(cls, sizes, activations, stream, *, dtype=np.float64, tied=()):
        """Return a chain with uniform random weights and biases of zero.

        Weights are uniform within +-sqrt(6 / (n_inputs + n_units)) (Glorot and Bengio,
        "Understanding the difficulty of training deep feedforward neural networks", 2010).

        Parameters
        ----------
        sizes, activations, tied
            As in ``Chain``.
        stream : Stream
        dtype : {np.float32, np.float64}, default=np.float64

        Returns
        -------
        Chain
        """
        layers = network.layout(sizes, activations, tied)
        parameters = np.zeros(network.n_parameters(layers), dtype=dtype)
        chain = cls(parameters, tuple(sizes), tuple(activations), tuple(tied))
        for k in range(chain.n_layers):
            if not layers["tied"][k]:
                weights = chain.weights(k)
                bound = np.sqrt(6 / sum(weights.shape))
                generator = stream.child("weights", k).generator()
                weights[...] = generator.uniform(-bound, bound, size=weights.shape)
        return chain

    @cached_property
    def layers(self):
        """Where each layer stands in ``parameters``: see ``numerics.network.layout``."""
        return network.layout(self.sizes, self.activations, self.tied)

    @property
    def n_layers(self):
        """Number of layers, the input not counted."""
        return len(self.activations)

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
        X : ndarray of shape (n_rows, n_inputs of layer ``first``)
        first, last : int, default=0, None
            Layers ``first`` to ``last - 1`` are gone through; None means to the end.

        Returns
        -------
        ndarray of shape (n_rows, n_units of layer ``last - 1``), of the chain's dtype
        """
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
        value = np.ascontiguousarray(X, dtype=self.parameters.dtype)
        for k in range(first, self.n_layers if last is None else last):
            field = network.affine(self.parameters, self.layers, value, k)
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

    def log_odds(self, X):
        """Return the log-odds of the units, of shape (n_rows, n_units)."""
        return self.field(X)

    def mean(self, X):
        """Return the means of the units, of shape (n_rows, n_units)."""
        return self.chain.forward(X, self.first, self.last)

    def sample(self, X, stream, *, step, lane):
        """Return states of the units, drawn at the addresses (unit, row, step, lane)."""
        return units.draw(self.mean(X), stream, step=step, lane=lane)


@dataclass(frozen=True, eq=False)
class AutoEncoderParams:
    """A chain from the visible units through a code back to the visible units.

    Parameters
    ----------
    chain : Chain
        Its last layer has as many units as its input.
    code : int
        Layers below it are the encoder, from layer ``code`` on the decoder. The code's units have
        a sigmoid: they are Bernoulli units.
    sample_code : bool, default=False
        Whether the decoder is trained on sampled states of the code, or on their means.
    corruption : float, default=0.0
        Probability with which training sets an input to zero: a denoising auto-encoder.
    """

    chain: Chain
    code: int
    sample_code: bool = False
    corruption: float = 0.0

    def arrays(self):
        """Return the parameters, in the order of an optimiser's arrays."""
        return (self.chain.parameters,)
