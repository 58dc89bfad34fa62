"""Layer after layer: how a deep auto-encoder is trained where it is not trained as a whole."""

from layerwise.models.chain import Features
from layerwise.models.deep_autoencoder import DeepAutoEncoderParams

__all__ = ["LayerByLayer"]


class LayerByLayer:
    """Each layer of a deep auto-encoder is trained alone, on what the layers below it say.

    Parameters
    ----------
    trainer : Backprop
        Of each layer, for its ``n_passes``.
    then_whole : bool, default=False
        Whether the whole is trained after that, for as many passes again.
    """

    needs = DeepAutoEncoderParams

    def __init__(self, trainer, then_whole=False):
        self.trainer = trainer
        self.then_whole = then_whole
        self.objective = trainer.objective

    def check(self):
        """Raise ``ValueError`` for the first parameter that is not what it must be."""
        self.trainer.check()

    def passes(self, model, rows, stream):
        """Improve a model in place, one pass of one layer, or of the whole, at a time.

        Parameters
        ----------
        model : DeepAutoEncoderParams
        rows : LayerInput
        stream : Stream

        Yields
        ------
        Pass
            Its objective is the loss of the layer, and of the whole at the end.
        """
        stages = [(k, model.layer_alone(k, stream.child("init", k))) for k in range(model.code)]
        stages += [(None, model)] * self.then_whole
        taken = 0
        for k, part in stages:
            below = rows if k in (0, None) else rows.above(Features(model.chain, 0, k))
            if k == 0:
                part.start_at(rows.expected(), rows.weights)
            for done in self.trainer.passes(part, below, stream.child("stage", k)):
                if k is not None:
                    model.put(k, part)
                ended = yield done._replace(index=taken)
                taken += 1
                if ended:
                    return
