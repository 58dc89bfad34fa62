"""A deep belief network with an inference model of its own for each layer."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerwise.models.chain import Chain, Encoder
from layerwise.models.conditional import Conditional
from layerwise.models.dbn import DBNParams

__all__ = ["RecognizedDBN", "recognized"]


@dataclass(frozen=True)
class RecognizedDBN(DBNParams):
    """A deep belief network, and for each layer below the top a q(h | x) of independent units.

    Parameters
    ----------
    generators : tuple of Chain
        Of one layer each: p(x | h) of each layer from the bottom up, whose ``conditionals`` are
        views of their parameters.
    recognizers : tuple of Chain
        From the states below each layer to the fields on its latent units.
    """

    generators: tuple[Chain, ...] = ()
    recognizers: tuple[Chain, ...] = ()

    @cached_property
    def inferences(self):
        """q(h | x) of each layer below the top, in views of the recognizers' parameters."""
        below = [conditional.visible for conditional in self.conditionals]
        return [_inference(chain, units) for chain, units in zip(self.recognizers, below)]

    def arrays(self):
        """Return the parameters: of all generators, of the top, of all recognizers."""
        generators, recognizers = (
            tuple(chain.parameters for chain in chains)
            for chains in (self.generators, self.recognizers)
        )
        return *generators, *self.top.arrays(), *recognizers

    def copy(self):
        """Return the same model in arrays of its own."""
        return recognized(DBNParams(self.conditionals, self.top), self.inferences)


def recognized(dbn, inferences):
    """Return a deep belief network with its inference, in arrays of its own.

    Parameters
    ----------
    dbn : DBNParams
    inferences : sequence
        q(h | x) of each conditional, of affine layers (``affine_layers``).

    Returns
    -------
    RecognizedDBN
    """
    generators = tuple(_generator(conditional) for conditional in dbn.conditionals)
    recognizers = tuple(
        _chain(inference.affine_layers, conditional.latent)
        for conditional, inference in zip(dbn.conditionals, inferences)
    )
    conditionals = tuple(
        conditional.replaced(*_views(chain))
        for conditional, chain in zip(dbn.conditionals, generators)
    )
    top = dbn.top.replaced(*map(np.copy, dbn.top.arrays()))
    return RecognizedDBN(conditionals, top, generators, recognizers)


def _chain(layers, outputs):
    """Return a chain of layers (weights, biases, activation), the last under output units."""
    weights, biases, activations = zip(*layers)
    sizes = (len(weights[0]), *map(len, biases))
    chain = Chain.empty(sizes, activations[:-1], weights[0].dtype, outputs)
    for k in range(chain.n_layers):
        chain.weights(k)[...], chain.biases(k)[...] = weights[k], biases[k]
    return chain


def _generator(conditional):
    chain = _chain(conditional.affine_layers, conditional.visible)
    if conditional.log_variance is not None:
        chain.log_variance[...] = conditional.log_variance
    return chain


def _views(chain):
    views = chain.weights(0), chain.biases(0)
    return views if chain.log_variance is None else (*views, chain.log_variance)


def _inference(chain, below):
    if chain.n_layers > 1:  # of an auto-encoder, whose code is of Bernoulli units
        return Encoder(chain, 0, chain.n_layers)
    return Conditional(*_views(chain), chain.outputs, below)
