"""Auto-encoders of several layers: their objective, and the chain of a denoising one."""

from dataclasses import dataclass

import numpy as np

from layerwise.models.chain import AutoEncoderParams, Chain, CodedParams
from layerwise.numerics import units
from layerwise.numerics.streams import CODE, CORRUPTION, STATE

__all__ = ["DeepAutoEncoderParams", "denoising_chain"]


@dataclass(frozen=True, eq=False)
class DeepAutoEncoderParams(CodedParams):
    """An auto-encoder whose layers may have losses of their own beside that of the whole.

    Layer k of the encoder and layer ``n_layers - 1 - k`` of the chain are an auto-encoder of the
    values between layers k - 1 and k. These are no units: those of a sigmoid are compared by the
    cross-entropy, where that is the loss, and others by the squared error.

    Parameters
    ----------
    chain, code, sample_code, corruption
        As in ``CodedParams``. Outputs may be values of a layer below, and no units.
    layer_weights : tuple of float, of length ``code``, default=()
        Of the layers' own losses; zero is without.
    layer_corruption : float, default=0.0
        Probability with which a value is set to zero where a layer above the first is to give it
        back.
    contraction : float, default=0.0
        Weight of the squared derivatives of a layer's values by its inputs, beside the layer's own
        loss.
    alone : bool, default=False
        Whether this is one layer and its decoder: the loss of the whole is the layer's own.
    """

    layer_weights: tuple = ()
    layer_corruption: float = 0.0
    contraction: float = 0.0
    alone: bool = False

    @property
    def objective_of_layers(self):
        """Branches and contraction, as ``network_pass`` takes them."""
        n_layers = self.chain.n_layers
        branches = [
            (k, n_layers - 1 - k, weight, self.layer_corruption if k > 0 else 0.0)
            for k, weight in enumerate(self.layer_weights)
            if weight > 0
        ]
        weights = (1.0,) if self.alone else self.layer_weights
        contraction = [self.contraction * weight for weight in weights]
        contraction += [0.0] * (n_layers - len(weights))
        return {"branches": branches, "contraction": contraction}

    def layer_alone(self, k, stream):
        """Return the auto-encoder of one layer, at other weights, to be trained on its inputs.

        Parameters
        ----------
        k : int
        stream : Stream
            Of its first weights.

        Returns
        -------
        DeepAutoEncoderParams
            Of one encoding layer. Its loss is that of the layer: of the first one it is corrupted
            as the whole is.
        """
        chain, below = self.chain, self.chain.n_layers - 1 - k
        outputs = chain.outputs if k == 0 else None
        activations = (chain.activations[k],)
        if outputs is None:
            activations += (chain.activations[below],)
        alone = Chain.init(
            (chain.sizes[k], chain.sizes[k + 1], chain.sizes[k]),
            activations,
            stream,
            dtype=chain.parameters.dtype,
            tied=((0, 1),) if (k, below) in chain.tied else (),
            outputs=outputs,
        )
        sampled = self.sample_code and k == self.code - 1
        corruption = self.corruption if k == 0 else self.layer_corruption
        return DeepAutoEncoderParams(
            alone, 1, sampled, corruption, contraction=self.contraction, alone=True
        )

    def put(self, k, alone):
        """Set a layer, and the one that decodes it, to what ``layer_alone`` has become."""
        chain, below = self.chain, self.chain.n_layers - 1 - k
        for to, which in ((k, 0), (below, 1)):
            chain.weights(to)[...] = alone.chain.weights(which)
            chain.biases(to)[...] = alone.chain.biases(which)
        if k == 0 and chain.log_variance is not None:
            chain.log_variance[...] = alone.chain.log_variance

    def start_at(self, rows, weights=None):
        """Give Gaussian outputs the means and variances of the rows: the last layer's."""
        chain = self.chain
        if chain.log_variance is not None:
            AutoEncoderParams(chain, chain.n_layers - 1).start_at(rows, weights)


def denoising_chain(encoder, decoder, rows, n_steps, stream, *, corruption, sample_code, means):
    """Return where rows are after some steps: corrupted, encoded, and drawn anew.

    Parameters
    ----------
    encoder : Encoder
    decoder : Decoder
    rows : ndarray of shape (n_rows, n_visible)
        Where chains start.
    n_steps : int
    stream : Stream
        Step s = 1 .. n_steps has the numbers at step s.
    corruption : float
        Probability with which a value is set to zero before it is encoded.
    sample_code : bool
        Whether states of the code are drawn, or its values taken.
    means : bool
        Whether the last step ends with means.

    Returns
    -------
    ndarray of shape (n_rows, n_visible)
    """
    for step in range(1, n_steps + 1):
        if corruption > 0:
            lost = units.uniforms(*rows.shape, stream, step=step, lane=CORRUPTION)
            rows = np.where(lost < corruption, 0, rows).astype(rows.dtype)
        code = encoder.mean(rows)
        if sample_code:
            code = units.draw(code, stream, step=step, lane=CODE)
        if means and step == n_steps:
            return decoder.mean(code)
        rows = decoder.sample(code, stream, step=step, lane=STATE)
    return rows
