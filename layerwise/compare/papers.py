"""The experiments of neighbouring papers: arms that predict labels, over splits of the rows."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state

from layerwise.datasets.mnist import fetch_mnist
from layerwise.estimators.autoencoder import AutoEncoder
from layerwise.estimators.network_layers import Dense, Supervised
from layerwise.estimators.rbm import RBM
from layerwise.estimators.reversible import random_likeness, reversibility
from layerwise.estimators.supervised import DeepClassifier
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import CD
from layerwise.trainers.shadow import Shadow

# What is searched for each arm, on the first split: the learning rate of fine-tuning.
RATES = (3e-4, 1e-3, 3e-3)
STEPS = 2100  # of fine-tuning
PASSES = 10  # of pre-training each layer
ROWS = {"mnist": (14_000, 3_000), "digits": (1_000, 397)}  # of training and validation


@dataclass(frozen=True)
class Condition:
    """What the arms are compared under.

    Parameters
    ----------
    name : str
    labels : int or None
        How many training rows keep their labels; None is all.
    top : int or None
        Units of the last hidden layer; None is as many as of the others.
    arms : tuple of str
    """

    name: str
    labels: int | None
    top: int | None
    arms: tuple


@dataclass(frozen=True)
class Claim:
    """That one arm errs less than another.

    Parameters
    ----------
    text : str
    better, worse : str
        Arms.
    condition : str
    """

    text: str
    better: str
    worse: str
    condition: str


@dataclass(frozen=True)
class Paper:
    """One experiment.

    Parameters
    ----------
    question : str
    conditions : tuple of Condition
        The learning rates are chosen under the first.
    make : callable
        From an arm, the units of the hidden layers, the learning rate, the number of labelled rows
        and the budget to an estimator.
    width, depth : int
        Of hidden layers.
    claims : tuple of Claim
    measure : callable, default=None
        From a fitted estimator and the test rows to more numbers of the record, by their names.
    """

    question: str
    conditions: tuple
    make: Callable
    width: int
    depth: int
    claims: tuple
    measure: Callable | None = None

    def fitting(self, n_rows):
        """Return the conditions that so many rows of training have enough labels for."""
        return [each for each in self.conditions if each.labels is None or each.labels < n_rows]


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


def greedy(arm, sizes, rate, n_rows, budget):
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


def shadows(arm, sizes, rate, n_rows, budget):
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


def _claims(text, pairs, condition):
    return tuple(Claim(text, better, worse, condition) for better, worse in pairs)


PAPERS = {
    "prediction-greedy": Paper(
        question="does greedy layer-wise training help prediction? (Bengio et al., 2007)",
        conditions=(
            Condition(ALL, None, None, (*DEEP, "shallow", "MLPClassifier", "LogisticRegression")),
            Condition(NARROW, None, 20, DEEP),
            *(Condition(f"{n:,} labels", n, None, FEW) for n in (100, 300, 1000)),
        ),
        make=greedy, width=300, depth=3,
        claims=(
            *_claims(
                "pre-training helps a deep net",
                [("RBM", "no pre-training"), ("auto-encoder", "no pre-training")], ALL,
            ),
            *_claims(
                "a pre-trained deep net beats a shallow one",
                [("RBM", "shallow"), ("auto-encoder", "shallow")], ALL,
            ),
            *_claims(
                "unsupervised greedy training beats supervised",
                [("RBM", "supervised greedy"), ("auto-encoder", "supervised greedy")], ALL,
            ),
            *_claims("RBMs beat auto-encoders", [("RBM", "auto-encoder")], ALL),
            *_claims(
                "with a narrow top, pre-training helps",
                [("RBM", "no pre-training"), ("auto-encoder", "no pre-training")], NARROW,
            ),
            *_claims(
                "with a narrow top, unsupervised greedy training beats supervised",
                [("RBM", "supervised greedy"), ("auto-encoder", "supervised greedy")], NARROW,
            ),
            *(
                claim
                for n in (100, 300, 1000)
                for claim in _claims(
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
            for claim in _claims(
                "shadows improve on dropout",
                [("shadow", "dropout"), ("shadow", "dropout, twice the passes")], condition,
            )
        ),
        measure=reversal,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    """Rows with labels, whose parts are drawn by the seed of a split.

    Parameters
    ----------
    name : str
    rows : ndarray of shape (n_rows, n_features), float32
    labels : ndarray of shape (n_rows,)
    """

    name: str
    rows: np.ndarray
    labels: np.ndarray

    @property
    def n_train(self):
        """Number of rows for training."""
        return ROWS[self.name][0]

    def split(self, seed):
        """Return rows and labels for training, validation and test."""
        n_train, n_valid = ROWS[self.name]
        order = check_random_state(seed).permutation(len(self.rows))
        parts = np.split(order, (n_train, n_train + n_valid))
        return [(self.rows[part], self.labels[part]) for part in parts]


def load(name):
    """Return rows with labels: ``mnist``, at hand or downloaded, or scikit-learn's ``digits``.

    Raises
    ------
    ValueError
        If there are no such rows, or they are not to be had.
    """
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return Labelled(name, (X / 16).astype(np.float32), y)
    if name == "mnist":
        try:
            found = fetch_mnist(n_train=9_000, n_valid=1_000, n_test=10_000)
        except OSError as error:
            raise ValueError(str(error)) from error
        rows = np.concatenate([found.train, found.valid, found.test]).astype(np.float32)
        labels = [found.train_target, found.valid_target, found.test_target]
        return Labelled(name, rows, np.concatenate(labels).astype(int))
    raise ValueError(
        f"this experiment predicts labels, and --data {name} has none here. Use mnist or digits."
    )


@dataclass(frozen=True)
class Trial:
    """One arm under one condition, with one learning rate, on one split.

    Parameters
    ----------
    paper : str
    arm : str
    condition : Condition
    rate : int
        Index into ``RATES``.
    seed : int
    budget : float
    n_train : int
        Rows of training.
    """

    paper: str
    arm: str
    condition: Condition
    rate: int
    seed: int
    budget: float
    n_train: int

    @property
    def key(self):
        """What tells its record from others."""
        return f"{self.arm}, {self.condition.name}", 10 * self.seed + self.rate

    @property
    def family(self):
        """The first part of the key."""
        return self.key[0]

    @property
    def index(self):
        """The second part of the key."""
        return self.key[1]

    @property
    def estimator(self):
        """The estimator, unfitted."""
        paper, labels = PAPERS[self.paper], self.condition.labels
        sizes = [paper.width] * paper.depth
        if self.condition.top is not None:
            sizes[-1] = self.condition.top
        n_rows = self.n_train if labels is None else labels
        made = paper.make(self.arm, tuple(sizes), RATES[self.rate], n_rows, self.budget)
        return made.set_params(random_state=self.seed)

    def describe(self):
        """Return what it is, as records keep it."""
        return f"{self.condition} {self.estimator!r}"


def evaluate(trial, data):
    """Train one trial, and return its record: errors in percent, JSON."""
    (X, y), valid, test = data.split(trial.seed)
    estimator = trial.estimator
    if trial.condition.labels is not None:
        # Rows are in random order already: the first ones keep their labels.
        y = np.where(np.arange(len(y)) < trial.condition.labels, y, -1)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its budget is what ends it
        estimator.fit(X, y)
    record = {
        "family": trial.family,
        "index": trial.index,
        "arm": trial.arm,
        "condition": trial.condition.name,
        "rate": RATES[trial.rate],
        "split": trial.seed,
        "seconds": round(time.perf_counter() - start, 3),
    }
    for name, (rows, labels) in (("valid", valid), ("test", test)):
        record[f"{name}_error"] = float(100 * np.mean(estimator.predict(rows) != labels))
    measure = PAPERS[trial.paper].measure
    if measure is not None:
        record["network"] = measure(estimator, test[0])
    return record, None
