"""The families that are compared, what is searched in each, and how each is trained."""

import math

from layerwise.estimators.autoencoder import AutoEncoder
from layerwise.estimators.dbn import DBN
from layerwise.estimators.rbm import RBM
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import PCD
from layerwise.trainers.exact import ExactGradient

FAMILIES = {
    "rbm": "a single restricted Boltzmann machine",
    "srbm": "two stacked RBMs",
    "vanilla-ae": "an auto-encoder under an RBM",
    "aeri": "an auto-encoder with rich inference under an RBM",
}

# What is searched, after Arnold and Ollivier (2013). The largest models of all families have
# about the same number of generative parameters on 100 pixels: 2,019 single, 1,988 deep.
SINGLE_HIDDEN = (1, 19)
DEEP_HIDDEN = (1, 16)
INFERENCE = (1, 500)
LEARNING_RATE = (1e-5, 5e-2)
CODES = ("mean", "sample")

# Weight decay of RBMs, which the paper does not search: without it every RBM here overfits 81
# images. A single one with 16 hidden units goes from -23.6 to -13.1 nats per validation row at a
# decay of 0.1. Auto-encoders only lose by it: with 15 latent units, from -9.6 to -11.5.
WEIGHT_DECAY = (1e-3, 1.0)

# How each is trained, which the paper leaves open: so long that a learning rate of about 1e-2
# brings every family's training to its end, and so quick that the command's candidates take less
# than three minutes on two cores. All by Adam, with a rate that falls to zero: a constant rate
# leaves the exact likelihood of an RBM on Tea anywhere within 10 nats. RBMs on the data are
# trained by PCD-5 (with 12 hidden units and no decay, -23.5 nats per validation row; PCD-1 -24.9,
# the exact gradient -24.6), RBMs on a latent layer by the exact gradient. The rate of
# auto-encoders rises first: from rates of 0.02 on, rich inference lost its way without that (-21
# instead of -6.6 for the bottom's BLM on validation).
BATCH = 27
RBM_PASSES, RBM_STEPS, RBM_CHAINS = 2500, 5, 100
TOP_PASSES = 2000
AE_PASSES = 6000


def rbm_trainer(learning_rate, weight_decay):
    """Return the trainer of every RBM on the data: single, or at the bottom."""
    return PCD(
        RBM_STEPS,
        n_chains=RBM_CHAINS,
        learning_rate=learning_rate,
        momentum=0.9,
        weight_decay=weight_decay,
        batch_size=BATCH,
        n_passes=RBM_PASSES,
        optimizer="adam",
        schedule="linear",
    )


def top_trainer(learning_rate, weight_decay):
    """Return the trainer of every RBM on a latent layer."""
    return ExactGradient(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        n_passes=TOP_PASSES,
        optimizer="adam",
        schedule="linear",
    )


def autoencoder_trainer(learning_rate):
    """Return the trainer of every auto-encoder."""
    return Backprop(
        learning_rate=learning_rate,
        batch_size=BATCH,
        n_passes=AE_PASSES,
        optimizer="adam",
        schedule="warmup",
    )


def draw(family, generator):
    """Return the parameters of one candidate, drawn from the family's search space.

    From generators on the same key, the deep families get the same sizes, rates and decays: what
    differs between their candidates is then the family. What a family leaves open is drawn too:
    what decoders are trained on, whether an ordinary auto-encoder ties its weights, and how rich
    rich inference is.

    Parameters
    ----------
    family : str
        A key of ``FAMILIES``.
    generator : numpy.random.Generator

    Returns
    -------
    dict
        Sizes uniform, rates and decays log-uniform; all layers of their own. It is JSON.
    """
    if family == "rbm":
        return _layer("", SINGLE_HIDDEN, generator)
    params = _layer("_bottom", DEEP_HIDDEN, generator) | _layer("_top", DEEP_HIDDEN, generator)
    if family != "srbm":
        del params["weight_decay_bottom"]
        params["code"] = CODES[generator.integers(2)]
    if family == "vanilla-ae":
        params["tied"] = bool(generator.integers(2))
    if family == "aeri":
        params["n_inference"] = _size(INFERENCE, generator)
    return params


def make_estimator(family, params, seed):
    """Return the unfitted estimator of a candidate: the only place that builds one.

    Parameters
    ----------
    family : str
        A key of ``FAMILIES``.
    params : dict
        As ``draw`` returns it.
    seed : int
        The estimator's ``random_state``.
    """
    if family == "rbm":
        return RBM(
            params["n_hidden"],
            trainer=rbm_trainer(params["learning_rate"], params["weight_decay"]),
            random_state=seed,
        )
    top = RBM(
        params["n_hidden_top"],
        trainer=top_trainer(params["learning_rate_top"], params["weight_decay_top"]),
    )
    n_bottom, rate = params["n_hidden_bottom"], params["learning_rate_bottom"]
    if family == "srbm":
        bottom = RBM(n_bottom, trainer=rbm_trainer(rate, params["weight_decay_bottom"]))
    else:
        bottom = AutoEncoder(
            n_bottom,
            encoder_layer_sizes=(params["n_inference"],) if family == "aeri" else (),
            tied=params.get("tied", False),
            code=params["code"],
            trainer=autoencoder_trainer(rate),
        )
    return DBN([bottom, top], random_state=seed)


def _layer(name, sizes, generator):
    return {
        f"n_hidden{name}": _size(sizes, generator),
        f"learning_rate{name}": _log_uniform(LEARNING_RATE, generator),
        f"weight_decay{name}": _log_uniform(WEIGHT_DECAY, generator),
    }


def _size(bounds, generator):
    return int(generator.integers(bounds[0], bounds[1], endpoint=True))


def _log_uniform(bounds, generator):
    return math.exp(generator.uniform(math.log(bounds[0]), math.log(bounds[1])))
