"""The experiments of neighbouring papers: arms over splits of rows with labels."""

import time
import warnings
from base64 import b64encode
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from layerwise.compare.chains import CHAINS
from layerwise.compare.generators import GENERATORS
from layerwise.compare.paper import Condition
from layerwise.compare.predictors import PREDICTORS
from layerwise.datasets.mnist import fetch_mnist

PAPERS = {**PREDICTORS, **GENERATORS, **CHAINS}
ROWS = {"mnist": (14_000, 3_000), "digits": (1_000, 397)}  # of training and validation


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
        Index into the paper's rates.
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
        sizes = [paper.width] * (self.condition.depth or paper.depth)
        if self.condition.top is not None:
            sizes[-1] = self.condition.top
        n_rows = self.n_train if labels is None else labels
        made = paper.make(
            self.arm, self.condition, tuple(sizes), paper.rates[self.rate], n_rows, self.budget
        )
        last = made[-1] if isinstance(made, Pipeline) else made
        last.set_params(random_state=self.seed)
        return made

    def describe(self):
        """Return what it is, as records keep it."""
        return f"{self.condition} {self.estimator!r}"


def evaluate(trial, data):
    """Train one trial, and return its record, JSON: its measures on validation and on test."""
    parts, paper = data.split(trial.seed), PAPERS[trial.paper]
    (X, y), estimator = parts[0], trial.estimator
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
        "rate": paper.rates[trial.rate],
        "split": trial.seed,
        "seconds": round(time.perf_counter() - start, 3),
    }
    for name, (valid, test) in paper.score(estimator, parts).items():
        record[f"valid_{name}"], record[f"test_{name}"] = valid, test
    if paper.measure is not None:
        record["network"] = paper.measure(estimator, parts[2][0])
    images = None if paper.sheet is None else paper.sheet(estimator)
    if images is not None:  # a byte a pixel
        pixels = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
        record["sheet"] = b64encode(pixels.tobytes()).decode()
    return record, None
