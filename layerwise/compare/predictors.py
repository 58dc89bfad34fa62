"""The experiments on prediction: greedy layer-wise training, and shadows beside dropout."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from layerwise.compare.paper import ERROR, Condition, Measure, Paper, claims_of, errors
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
COMPONENTS = 40  # principal ones, where inputs are not pixels

LOSS = Measure("loss", "Log-loss of training, in 0.001 nats", "0.001 nats")


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


def pretraining_of(budget):
    """Return options of trainers: how many steps each layer takes."""
    n_passes = max(1, round(budget * PASSES))
    return {"batch_size": 100, "n_passes": n_passes, "schedule": "linear"}


def greedy(arm, condition, sizes, rate, n_rows, budget):
    """Return an estimator of the experiment on greedy layer-wise training."""
    tuner = tuner_of(Backprop, rate, n_rows, budget)
    by_steps = pretraining_of(budget)
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


def continuous(arm, condition, sizes, rate, n_rows, budget):
    """Return an estimator of the experiment on inputs that are any real numbers."""
    inputs = [PCA(COMPONENTS, whiten=True)]
    if condition.name == CLUTTERED:
        inputs.append(BesideOthers())
    if arm == "LogisticRegression":
        return make_pipeline(*inputs, LogisticRegression(C=100 * rate, max_iter=300))
    if arm.startswith(BINOMIAL):
        inputs.append(MinMaxScaler(clip=True))
    by_steps = pretraining_of(budget)
    layers = [RBM(n, trainer=CD(learning_rate=0.1, **by_steps)) for n in sizes]
    if arm.startswith(GAUSSIAN):  # whose steps want to be ten times as small
        trainer = CD(learning_rate=0.01, **by_steps)
        layers[0] = RBM(sizes[0], visible="gaussian", trainer=trainer)
    if arm in (UNTRAINED, UNTRAINED_LONGER):
        layers = [Dense(n, activation="sigmoid") for n in sizes]
    share = [1.0 if k == 0 and arm.endswith(PARTLY) else 0.0 for k in range(len(sizes))]
    # As many steps with labels as partial supervision takes in all.
    times = 1 + PASSES * (n_rows / 100) / STEPS if arm == UNTRAINED_LONGER else 1
    tuner = tuner_of(Backprop, rate, n_rows, budget, times=times)
    return make_pipeline(*inputs, DeepClassifier(layers, fine_tuner=tuner, supervision=share))


class BesideOthers(TransformerMixin, BaseEstimator):
    """Rows, each beside another one of them, which says nothing of its label."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Return rows of twice as many columns."""
        return np.hstack([X, X[np.random.default_rng(len(X)).permutation(len(X))]])


def fitted(estimator, parts):
    """Return a classifier's error, and its log-loss on all rows of training."""
    X, y = parts[0]
    loss = float(1000 * log_loss(y, estimator.predict_proba(X), labels=estimator.classes_))
    return errors(estimator, parts) | {"loss": (loss, loss)}


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
OPTIMISED = ("error", "loss")
COMPONENTS_ONLY, CLUTTERED = "components", "beside another row's"
BINOMIAL, GAUSSIAN, PARTLY = "RBM, inputs in [0, 1]", "Gaussian RBM", ", partly supervised"
UNTRAINED, UNTRAINED_LONGER = "no pre-training", "no pre-training, more steps"
CONTINUOUS = (
    UNTRAINED, UNTRAINED_LONGER, BINOMIAL, BINOMIAL + PARTLY, GAUSSIAN, GAUSSIAN + PARTLY,
    "LogisticRegression",
)  # fmt: skip
SHADOW_ARMS = ("dropout", "dropout, twice the passes", "shadow")

PREDICTORS = {
    "prediction-greedy": Paper(
        question="does greedy layer-wise training help prediction? (Bengio et al., 2007)",
        conditions=(
            Condition(
                ALL, None, None, (*DEEP, "shallow", "MLPClassifier", "LogisticRegression"),
                measures=OPTIMISED,
            ),
            Condition(NARROW, None, 20, DEEP, measures=OPTIMISED),
            *(Condition(f"{n:,} labels", n, None, FEW) for n in (100, 300, 1000)),
        ),
        make=greedy, width=300, depth=3, measures=(ERROR, LOSS), score=fitted,
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
                for condition in (ALL, NARROW)
                for claim in claims_of(
                    "pre-training helps the optimisation",
                    [("RBM", "no pre-training"), ("auto-encoder", "no pre-training")],
                    condition, "loss",
                )
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
    "prediction-continuous": Paper(
        question="does it where inputs are continuous, or say little? (Bengio et al., 2007)",
        conditions=tuple(
            Condition(name, None, None, CONTINUOUS) for name in (COMPONENTS_ONLY, CLUTTERED)
        ),
        make=continuous, width=300, depth=3,
        claims=tuple(
            claim
            for condition in (COMPONENTS_ONLY, CLUTTERED)
            for text, pairs in (
                ("pre-training helps with continuous inputs", [(GAUSSIAN, UNTRAINED)]),
                ("Gaussian units suit continuous inputs", [(GAUSSIAN, BINOMIAL)]),
                (
                    "partial supervision helps where inputs say little",
                    [
                        (GAUSSIAN + PARTLY, GAUSSIAN), (BINOMIAL + PARTLY, BINOMIAL),
                        (GAUSSIAN + PARTLY, UNTRAINED_LONGER),
                    ],
                ),
            )
            for claim in claims_of(text, pairs, condition)
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
