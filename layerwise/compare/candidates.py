"""Random search within each family: from a candidate to its record, and the best of them."""

import math
import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone

from layerwise.compare import families
from layerwise.exceptions import Diverged
from layerwise.model_selection import scorers
from layerwise.numerics.streams import Stream

SCORES = ("train_ll", "valid_ll", "test_ll")


@dataclass(frozen=True)
class Candidate:
    """One configuration, and the seed that trains it.

    Parameters
    ----------
    family : str
    index : int
        Which of the family, from 0.
    params : dict
        As drawn from the family's search space.
    seed : int
    estimator : estimator
        Unfitted, with this seed as its ``random_state``.
    """

    family: str
    index: int
    params: dict
    seed: int
    estimator: BaseEstimator

    @classmethod
    def draw(cls, seed, family, index, budget):
        """Return candidate ``index`` of a family: a function of these four, and nothing else."""
        stream = Stream.from_random_state(seed).child("compare", index)
        params = families.draw(family, stream.child("params").generator())
        fit_seed = int(stream.child("fit").generator().integers(2**31))
        estimator = families.make_estimator(family, params, fit_seed, budget)
        return cls(family, index, params, fit_seed, estimator)

    @property
    def key(self):
        """What tells it from the others of a comparison."""
        return self.family, self.index

    def describe(self):
        """Return the estimator as it is written in Python, on one line."""
        return written(self.estimator)


def written(estimator):
    """Return an estimator, fitted or not, as it is written in Python, on one line."""
    return " ".join(estimator.__repr__(N_CHAR_MAX=10**6).split())


def candidates(names, n_candidates, seed, budget):
    """Return ``n_candidates`` of each family; the families take turns, so none waits for another.

    Parameters
    ----------
    names : list of str
        Families.
    n_candidates : int
    seed : int
    budget : Budget
        How long each is trained.

    Returns
    -------
    list of Candidate
    """
    return [
        Candidate.draw(seed, family, index, budget)
        for index in range(n_candidates)
        for family in names
    ]


def evaluate(candidate, source):
    """Train one candidate.

    Parameters
    ----------
    candidate : Candidate
    source : object with ``train``, ``valid`` and ``test``
        Arrays of shape (n_rows, n_features).

    Returns
    -------
    record : dict
        Log-likelihoods are means over rows, in nats; ``seconds`` is the time of training. If
        training diverged they are None and ``error`` says why. It is JSON.
    estimator : estimator or None
        Fitted; None where a log-likelihood is missing.
    """
    record = {
        "family": candidate.family,
        "index": candidate.index,
        "params": candidate.params,
        **dict.fromkeys((*SCORES, "blm_valid", "n_parameters")),
    }
    start = time.perf_counter()
    try:
        # float32: half of the bits, and up to half of the time; likelihoods are float64 all the
        # same.
        estimator = clone(candidate.estimator).fit(source.train.astype(np.float32))
        record["seconds"] = round(time.perf_counter() - start, 3)
    except Diverged as error:
        seconds = round(time.perf_counter() - start, 3)
        return {**record, "seconds": seconds, "error": str(error)}, None
    record["n_parameters"] = int(estimator.n_parameters_)
    parts = (source.train, source.valid, source.test)
    scores = [scorers.log_likelihood(estimator, rows) for rows in parts]
    if not all(math.isfinite(score) for score in scores):
        return {**record, "error": "a log-likelihood is not finite"}, None
    blm = scorers.blm(estimator, source.valid)
    return {**record, **dict(zip(SCORES, scores)), "blm_valid": blm}, estimator


def best(records, family):
    """Return the family's record with the highest validation log-likelihood, or None."""
    trained = [r for r in records if r["family"] == family and r["valid_ll"] is not None]
    return max(trained, key=lambda record: record["valid_ll"], default=None)


def baselines(source):
    """Return what simple models reach, from the worst to the best.

    Parameters
    ----------
    source : object with ``train``, ``valid``, ``test`` and ``perfect``

    Returns
    -------
    dict
        From name to the log-likelihoods of training, validation and test rows, in nats per row:
        of the uniform distribution, of independent Bernoulli pixels with means
        (ones + 1) / (rows + 2) counted on training rows, and of the perfect model if it is known.
    """
    n_rows, n_features = source.train.shape
    mean = (source.train.sum(axis=0) + 1) / (n_rows + 2)
    parts = (source.train, source.valid, source.test)
    independent = [float(np.mean(x @ np.log(mean) + (1 - x) @ np.log1p(-mean))) for x in parts]
    values = {
        "uniform": [-n_features * math.log(2)] * 3,
        "independent Bernoulli": independent,
    }
    if source.perfect is not None:
        values["perfect model"] = [source.perfect] * 3
    return values
