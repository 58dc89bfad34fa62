"""One pass over the rows, for each trainer."""

import numpy as np
from scipy.sparse import csr_array

from layerwise import CD, PCD, Backprop, ExactGradient, JointPCD
from layerwise.models.chain import AutoEncoderParams, Chain
from layerwise.models.deep_autoencoder import DeepAutoEncoderParams
from layerwise.models.inputs import LayerInput
from layerwise.models.rbm import RBMParams
from layerwise.models.stack import StackParams
from layerwise.numerics.rbm import anneal
from layerwise.numerics.streams import Stream

STREAM = Stream(bytes(range(16)))


def rows(n_rows, n_visible):
    """Return float32 rows of zeros and ones, a fifth of them ones."""
    rng = np.random.default_rng(20121)
    return (rng.random((n_rows, n_visible)) < 0.2).astype(np.float32)


class Contrastive:
    """CD-1 and PCD-1."""

    shapes = {  # visible units, hidden units, batch, rows
        "784x500 batch 100": (784, 500, 100, 2000),
        "784x128 batch 10": (784, 128, 10, 500),
        "64x256 batch 10": (64, 256, 10, 500),
        "100x16 batch 10": (100, 16, 10, 1000),
    }
    params = list(shapes)
    param_names = ("shape",)

    def setup(self, shape):
        n_visible, n_hidden, batch, n_rows = self.shapes[shape]
        X = rows(n_rows, n_visible)
        self.passes = {}
        for kind in (CD, PCD):
            params = RBMParams.init(X, n_hidden, STREAM, np.float32)
            trainer = kind(batch_size=batch, n_passes=10**9)
            self.passes[kind] = trainer.passes(params, LayerInput(X), STREAM)
            next(self.passes[kind])

    def time_cd(self, shape):
        next(self.passes[CD])

    def time_pcd(self, shape):
        next(self.passes[PCD])


class Options:
    """PCD-1 of 784 x 128 units with what it may be asked beside, in batches of 100."""

    options = {  # parameters of the trainer, whether rows have weights, whether they are sparse
        "none": ({}, False, False),
        "weights": ({}, True, False),
        "centered": ({"centered": True}, False, False),
        "sparsity target": ({"sparsity_target": 0.1}, False, False),
        "l1": ({"l1_decay": 1e-4}, False, False),
        "sparse rows": ({}, False, True),
    }
    params = list(options)
    param_names = ("option",)

    def setup(self, option):
        parameters, weighted, sparse = self.options[option]
        X = rows(2000, 784)
        weights = np.linspace(0.5, 2, len(X)) if weighted else None
        given = csr_array(X) if sparse else X
        params = RBMParams.init(given, 128, STREAM, np.float32)
        trainer = PCD(n_passes=10**9, **parameters)
        self.passes = trainer.passes(params, LayerInput(given, weights=weights), STREAM)
        next(self.passes)

    def time_pass(self, option):
        next(self.passes)


class Gibbs:
    """Steps of Gibbs sampling, 50 of them."""

    params = ([10, 100], ["784x500", "64x256"])
    param_names = ("n_chains", "units")

    def setup(self, n_chains, units):
        n_visible, n_hidden = map(int, units.split("x"))
        self.start = rows(n_chains, n_visible)
        self.machine = RBMParams.init(self.start, n_hidden, STREAM, np.float32)

    def time_gibbs(self, n_chains, units):
        self.machine.gibbs(self.start, STREAM, 50)


class Annealed:
    """200 steps of annealed chains of an RBM of 784 x 500 bits, by each way that moves them."""

    params = (["dense", "lookup"], [20, 100, 500])
    param_names = ("way", "n_chains")

    def setup(self, way, n_chains):
        rng = np.random.default_rng(20121)
        self.weights = rng.normal(scale=0.05, size=(500, 784)).astype(np.float32)
        self.visible, self.hidden = np.zeros(784, np.float32), np.zeros(500, np.float32)
        self.states = np.zeros((n_chains, 500), np.float32)
        self.betas = np.broadcast_to(np.linspace(0, 0.5, 201)[:, np.newaxis], (201, n_chains))

    def time_anneal(self, way, n_chains):
        anneal(
            self.weights, self.visible, self.hidden, self.states, STREAM, self.betas, self.visible,
            way=way,
        )  # fmt: skip


class Exact:
    """A step of the exact gradient on 81 rows."""

    params = ([16, 100], [12, 16])
    param_names = ("n_visible", "n_hidden")

    def setup(self, n_visible, n_hidden):
        X = rows(81, n_visible)
        params = RBMParams.init(X, n_hidden, STREAM, np.float32)
        self.passes = ExactGradient(n_passes=10**9).passes(params, LayerInput(X), STREAM)
        next(self.passes)

    def time_step(self, n_visible, n_hidden):
        next(self.passes)


class Network:
    """Back-propagation through an auto-encoder."""

    shapes = {  # sizes, batch, rows
        "100-16-100 batch 20": ((100, 16, 100), 20, 81),
        "100-200-16-100 batch 20": ((100, 200, 16, 100), 20, 81),
        "784-500-784 batch 100": ((784, 500, 784), 100, 2000),
    }
    params = list(shapes)
    param_names = ("shape",)

    def setup(self, shape):
        sizes, batch, n_rows = self.shapes[shape]
        chain = Chain.init(sizes, ("sigmoid",) * (len(sizes) - 1), STREAM, dtype=np.float32)
        params = AutoEncoderParams(chain, len(sizes) - 2)
        trainer = Backprop(batch_size=batch, n_passes=10**9)
        self.passes = trainer.passes(params, LayerInput(rows(n_rows, sizes[0])), STREAM)
        next(self.passes)

    def time_pass(self, shape):
        next(self.passes)


class AtOnce:
    """Deep models whose layers are trained at once, in batches of 100."""

    losses = {  # weight of layers' losses, their corruption, contraction
        "no losses of layers": (0.0, 0.0, 0.0),
        "plain": (1.0, 0.0, 0.0),
        "denoising": (1.0, 0.25, 0.0),
        "contractive": (1.0, 0.0, 0.1),
    }
    shapes = {  # layers of a stack, over whole rows or patches
        "784-500-500-1000": (500, 500, 1000),
        "patches": (((28, 28, 1, 12, 2), 64), ((9, 9, 64, 5, 4), 128), 500),
    }
    params = [*losses, *shapes]
    param_names = ("what",)

    def setup(self, what):
        X = rows(1000, 784)
        if what in self.shapes:
            params = StackParams.init(X, self.shapes[what], STREAM)
            trainer = JointPCD(n_passes=10**9)
        else:
            weight, corruption, contraction = self.losses[what]
            sizes = 784, 500, 200, 500, 784
            chain = Chain.init(sizes, ("sigmoid",) * 4, STREAM, dtype=np.float32)
            params = DeepAutoEncoderParams(
                chain, 2, corruption=corruption, layer_weights=(weight,) * 2,
                layer_corruption=corruption, contraction=(contraction,) * 2,
            )  # fmt: skip
            trainer = Backprop(batch_size=100, n_passes=10**9)
        self.passes = trainer.passes(params, LayerInput(X), STREAM)
        next(self.passes)

    def time_pass(self, what):
        next(self.passes)
