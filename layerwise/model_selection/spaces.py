"""The families that are compared, what is searched in each, and how each is trained."""

import math

from layerwise.estimators.autoencoder import AutoEncoder
from layerwise.estimators.dbn import DBN
from layerwise.estimators.rbm import RBM
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import PCD

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

# How each is trained, which the paper leaves open.
RBM_PASSES, RBM_BATCH, RBM_CHAINS, RBM_MOMENTUM = 2000, 27, 100, 0.5
AE_PASSES, AE_BATCH = 1000, 27


def rbm_trainer(learning_rate):
    """Return the trainer of every RBM: single, bottom or top."""
    return PCD(
        1,
        n_chains=RBM_CHAINS,
        learning_rate=learning_rate,
        momentum=RBM_MOMENTUM,
        batch_size=RBM_BATCH,
        n_passes=RBM_PASSES,
        schedule="linear",
    )


def autoencoder_trainer(learning_rate):
    """Return the trainer of every auto-encoder."""
    return Backprop(
        learning_rate=learning_rate,
        batch_size=AE_BATCH,
        n_passes=AE_PASSES,
        optimizer="adam",
        schedule="linear",
    )


def draw(family, generator):
    """Return the parameters of one candidate, drawn from the family's search space.

    Parameters
    ----------
    family : str
        A key of ``FAMILIES``.
    generator : numpy.random.Generator

    Returns
    -------
    dict
        Sizes uniform, learning rates log-uniform; all layers of their own. It is JSON.
    """
    if family == "rbm":
        return {
            "n_hidden": _size(SINGLE_HIDDEN, generator),
            "learning_rate": _rate(LEARNING_RATE, generator),
        }
    params = {}
    for layer in ("bottom", "top"):
        params[f"n_hidden_{layer}"] = _size(DEEP_HIDDEN, generator)
        params[f"learning_rate_{layer}"] = _rate(LEARNING_RATE, generator)
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
        trainer = rbm_trainer(params["learning_rate"])
        return RBM(params["n_hidden"], trainer=trainer, random_state=seed)
    top = RBM(params["n_hidden_top"], trainer=rbm_trainer(params["learning_rate_top"]))
    n_bottom, rate = params["n_hidden_bottom"], params["learning_rate_bottom"]
    if family == "srbm":
        bottom = RBM(n_bottom, trainer=rbm_trainer(rate))
    else:
        bottom = AutoEncoder(
            n_bottom,
            encoder_layer_sizes=(params["n_inference"],) if family == "aeri" else (),
            trainer=autoencoder_trainer(rate),
        )
    return DBN([bottom, top], random_state=seed)


def _size(bounds, generator):
    return int(generator.integers(bounds[0], bounds[1], endpoint=True))


def _rate(bounds, generator):
    return math.exp(generator.uniform(math.log(bounds[0]), math.log(bounds[1])))
