"""What an experiment of a neighbouring paper is made of: conditions, arms, claims and measures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["ERROR", "Claim", "Condition", "Measure", "Paper", "claims_of", "errors"]

# Learning rates that are searched, on the first split.
RATES = (3e-4, 1e-3, 3e-3)


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
    depth : int or None, default=None
        Number of hidden layers; None is that of the paper.
    measures : tuple of str, default=("error",)
        Names of what is measured under it.
    """

    name: str
    labels: int | None
    top: int | None
    arms: tuple
    depth: int | None = None
    measures: tuple = ("error",)


@dataclass(frozen=True)
class Claim:
    """That one arm is better than another.

    Parameters
    ----------
    text : str
    better, worse : str
        Arms.
    condition : str
    measure : str, default="error"
        The name of what tells it.
    """

    text: str
    better: str
    worse: str
    condition: str
    measure: str = "error"


@dataclass(frozen=True)
class Measure:
    """A number that arms are compared by.

    Parameters
    ----------
    name : str
    title : str
        Of its table, with the unit.
    unit : str
        Of differences.
    sign : {1, -1}, default=1
        1 where lower is better, -1 where higher is.
    """

    name: str
    title: str
    unit: str
    sign: int = 1


ERROR = Measure("error", "Test error, in percent", "percentage points")


def errors(estimator, parts):
    """Return the error of a classifier on rows of validation and of test, in percent."""
    found = [100 * np.mean(estimator.predict(X) != y) for X, y in parts[1:]]
    return {"error": tuple(map(float, found))}


@dataclass(frozen=True)
class Paper:
    """One experiment.

    Parameters
    ----------
    question : str
    conditions : tuple of Condition
        The learning rates are chosen under the first.
    make : callable
        From an arm, the condition, the units of the hidden layers, the learning rate, the number
        of labelled rows and the budget to an estimator.
    width, depth : int
        Of hidden layers.
    claims : tuple of Claim
    measure : callable, default=None
        From a fitted estimator and the test rows to more numbers of the record, by their names.
    measures : tuple of Measure, default=(ERROR,)
    score : callable, default=errors
        From a fitted estimator and rows and labels of training, validation and test to the values
        of the measures on validation and on test, by their names.
    sheet : callable, default=None
        From a fitted estimator to images of what it draws, ndarray of shape (n_images, n_pixels)
        from 0 to 1, or None; those of the first split are drawn beside each other.
    rates : tuple of float, default=(3e-4, 1e-3, 3e-3)
        What is searched for each arm, on the first split.
    """

    question: str
    conditions: tuple
    make: Callable
    width: int
    depth: int
    claims: tuple
    measure: Callable | None = None
    measures: tuple = (ERROR,)
    score: Callable = errors
    sheet: Callable | None = None
    rates: tuple = RATES

    def fitting(self, n_rows):
        """Return the conditions that so many rows of training have enough labels for."""
        return [each for each in self.conditions if each.labels is None or each.labels < n_rows]


def claims_of(text, pairs, condition, measure="error"):
    """Return one claim for each pair of arms, the better one first."""
    return tuple(Claim(text, better, worse, condition, measure) for better, worse in pairs)
