"""The experiments on prediction: greedy layer-wise training, and shadows beside dropout."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from layerwise.compare.paper import Condition, Paper, claims_of
from layerwise.estimators.autoencoder import AutoEncoder
from layerwise.estimators.network_layers import Dense, Supervised
from layerwise.estimators.rbm import RBM
from layerwise.estimators.reversible import random_likeness, reversibility
from layerwise.estimators.supervised import DeepClassifier
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import CD
from layerwise.trainers.shadow import Shadow

__all__ = ["PREDICTORS", "STEPS"]

STEPS = 2100  # of fine-tuning
PASSES = 10  # of pre-training each layer


def tuner_of(kind, rate, n_rows, budget, *, times=1, **options):
    """Return a fine-tuner that takes ``STEPS`` steps, times the budget, whatever the rows."""
    batch = 100 if n_rows >= 3000 else 20
    n_batches = -(-n_rows // batch)
    return kind(
        learning_rate=rate,
        batch_size=batch,
        n_passes=max(1, round(times * budget * STEPS / n_batches)),
        schedule="linear",
        **options,
    )


def greedy(arm, condition, sizes, rate, n_rows, budget):
    """Return an estimator of the experiment on greedy layer-wise training."""
    tuner = tuner_of(Backprop, rate, n_rows, budget)
    n_passes = max(1, round(budget * PASSES))
    by_steps = {"batch_size": 100, "n_passes": n_passes, "schedule": "linear"}
    passes_means = Backprop(resample=False, **by_steps)
    if arm == "MLPClassifier":
        return MLPClassifier(
            sizes, learning_rate_init=rate, batch_size=min(tuner.batch_size, n_rows),
            max_iter=tuner.n_passes, alpha=0, n_iter_no_change=10**6,
        )  # fmt: skip
    if arm == "LogisticRegression":
        return LogisticRegression(C=100 * rate, max_iter=300)
    layer = {
        "no pre-training": lambda n: Dense(n, activation="sigmoid"),
        "shallow": lambda n: Dense(n, activation="sigmoid"),
        "RBM": lambda n: RBM(n, trainer=CD(learning_rate=0.1, **by_steps)),
        "auto-encoder": lambda n: AutoEncoder(n, code="mean", trainer=passes_means),
        "denoising": lambda n: AutoEncoder(n, code="mean", corruption=0.25, trainer=passes_means),
        "supervised greedy": lambda n: Supervised(n, trainer=passes_means),
    }[arm]
    sizes = sizes[:1] if arm == "shallow" else sizes
    return DeepClassifier([layer(n) for n in sizes], fine_tuner=tuner)


def shadows(arm, condition, sizes, rate, n_rows, budget):
    """Return an estimator of the experiment on shadow training."""
    kind = Shadow if arm == "shadow" else Backprop
    times = 2 if arm == "dropout, twice the passes" else 1
    tuner = tuner_of(kind, rate, n_rows, budget, times=times, dropout=0.5)
    return DeepClassifier([Dense(n) for n in sizes], fine_tuner=tuner)


def reversal(estimator, X):
    """Return, by name, how far a network's hidden layers are reversible and look random."""
    layers, found = zip(reversibility(estimator, X), random_likeness(estimator)), {}
    for k, (layer, likeness) in enumerate(layers, start=1):
        found[f"{k}: input error"] = layer.trained.input_error
        found[f"{k}: shuffled"] = layer.shuffled.input_error
        found[f"{k}: normal distance"] = likeness.normal_distance
        found[f"{k}: spectrum distance"] = likeness.spectrum_distance
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}


DEEP = ("no pre-training", "RBM", "auto-encoder", "denoising", "supervised greedy")
FEW = ("no pre-training", "RBM", "auto-encoder", "denoising")
ALL, NARROW = "all labels", "20 units on top"
SHADOW_ARMS = ("dropout", "dropout, twice the passes", "shadow")

PREDICTORS = {
    "prediction-greedy": Paper(
        question="does greedy layer-wise training help prediction? (Bengio et al., 2007)",
        conditions=(
            Condition(ALL, None, None, (*DEEP, "shallow", "MLPClassifier", "LogisticRegression")),
            Condition(NARROW, None, 20, DEEP),
            *(Condition(f"{n:,} labels", n, None, FEW) for n in (100, 300, 1000)),
        ),
        make=greedy, width=300, depth=3,
        claims=(
            *claims_of(
                "pre-training helps a deep net",
                [("RBM", "no pre-training"), ("auto-encoder", "no pre-training")], ALL,
            ),
            *claims_of(
                "a pre-trained deep net beats a shallow one",
                [("RBM", "shallow"), ("auto-encoder", "shallow")], ALL,
            ),
            *claims_of(
                "unsupervised greedy training beats supervised",
                [("RBM", "supervised greedy"), ("auto-encoder", "supervised greedy")], ALL,
            ),
            *claims_of("RBMs beat auto-encoders", [("RBM", "auto-encoder")], ALL),
            *claims_of(
                "with a narrow top, pre-training helps",
                [("RBM", "no pre-training"), ("auto-encoder", "no pre-training")], NARROW,
            ),
            *claims_of(
                "with a narrow top, unsupervised greedy training beats supervised",
                [("RBM", "supervised greedy"), ("auto-encoder", "supervised greedy")], NARROW,
            ),
            *(
                claim
                for n in (100, 300, 1000)
                for claim in claims_of(
                    "pre-training on rows without labels helps",
                    [("RBM", "no pre-training"), ("auto-encoder", "no pre-training")],
                    f"{n:,} labels",
                )
            ),
        ),
    ),
    "shadow": Paper(
        question="do shadows help beside dropout? (Arora, Liang and Ma, 2015)",
        conditions=(
            Condition("3,000 labels", 3000, None, SHADOW_ARMS),
            Condition("1,000 labels", 1000, None, SHADOW_ARMS),
            Condition(ALL, None, None, SHADOW_ARMS),
        ),
        make=shadows, width=500, depth=2,
        claims=tuple(
            claim
            for condition in ("1,000 labels", "3,000 labels", ALL)
            for claim in claims_of(
                "shadows improve on dropout",
                [("shadow", "dropout"), ("shadow", "dropout, twice the passes")], condition,
            )
        ),
        measure=reversal,
    ),
}  # fmt: skip
