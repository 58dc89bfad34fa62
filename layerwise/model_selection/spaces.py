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

# How each is trained, which the paper leaves open. All by Adam, with a learning rate that falls to
# zero: a constant rate leaves the exact likelihood of an RBM on Tea anywhere within 10 nats. Steps
# are so many that a rate of about 5e-3 brings every family's training to its end, and so cheap
# that 20 candidates of each take about two minutes on two cores. On Tea, with 12 hidden units, an
# RBM reaches in nats per validation row -23.5 by PCD-5, -24.9 by PCD-1, and -24.6 by the exact
# gradient, which goes on to overfit. Top RBMs are small enough for the exact gradient.
BATCH = 27
RBM_PASSES, RBM_STEPS, RBM_CHAINS = 3000, 5, 100
TOP_PASSES = 2000
AE_PASSES = 8000


def rbm_trainer(learning_rate):
    """Return the trainer of every RBM on the data: single, or at the bottom."""
    return PCD(
        RBM_STEPS,
        n_chains=RBM_CHAINS,
        learning_rate=learning_rate,
        momentum=0.9,
        batch_size=BATCH,
        n_passes=RBM_PASSES,
        optimizer="adam",
        schedule="linear",
    )


def top_trainer(learning_rate):
    """Return the trainer of every RBM on a latent layer."""
    return ExactGradient(
        learning_rate=learning_rate, n_passes=TOP_PASSES, optimizer="adam", schedule="linear"
    )


def autoencoder_trainer(learning_rate):
    """Return the trainer of every auto-encoder."""
    return Backprop(
        learning_rate=learning_rate,
        batch_size=BATCH,
        n_passes=AE_PASSES,
        optimizer="adam",
        schedule="linear",
    )


def draw(family, generator):
    """Return the parameters of one candidate, drawn from the family's search space.

    From generators on the same key, the deep families get the same sizes and learning rates: what
    differs between their candidates is then the family.

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
    top = RBM(params["n_hidden_top"], trainer=top_trainer(params["learning_rate_top"]))
    n_bottom, rate = params["n_hidden_bottom"], params["learning_rate_bottom"]
    if family == "srbm":
        bottom = RBM(n_bottom, trainer=rbm_trainer(rate))
    else:
        bottom = AutoEncoder(
            n_bottom,
            encoder_layer_sizes=(params["n_inference"],) if family == "aeri" else (),
            code="sample",  # so that the loss is the paper's bound, E_q log p(x | h)
            trainer=autoencoder_trainer(rate),
        )
    return DBN([bottom, top], random_state=seed)


def _size(bounds, generator):
    return int(generator.integers(bounds[0], bounds[1], endpoint=True))


def _rate(bounds, generator):
    return math.exp(generator.uniform(math.log(bounds[0]), math.log(bounds[1])))
