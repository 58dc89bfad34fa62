"""What training layer by layer leaves on the table: the best models, trained on as a whole."""

import math
import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from layerwise.compare import families
from layerwise.compare.candidates import written
from layerwise.compare.tables import Table
from layerwise.estimators.dbn import DBN
from layerwise.estimators.latent_layer import LatentLayer
from layerwise.estimators.latent_marginals import best_latent_marginal
from layerwise.estimators.rbm import RBM
from layerwise.exceptions import Diverged
from layerwise.likelihood.marginal import divergence
from layerwise.likelihood.mixtures import latent_log_marginals
from layerwise.trainers.exact import ExactGradient
from layerwise.trainers.latent import MarginalAscent

FAMILIES = ("aeri", "latent")
TUNING_RATES = (1e-3, 5e-3)  # of the whole model from trained layers
WHOLE_RATES = (1e-2, 3e-2)  # of the whole model from random weights, which needs larger ones
DECAY = 1e-2
# From random weights every layer takes the steps that the top and the fine-tuning took.
WHOLE_STEPS = families.TOP_STEPS + families.FINE_STEPS
WAYS = ("layer by layer", "fine-tuned", "whole from random weights")


@dataclass(frozen=True)
class Model:
    """The best model of a family, in all ways of training it.

    Parameters
    ----------
    family : str
    index : int
        Which candidate of the family.
    params : dict
    seed : int
    estimators : list of (str, float or None, estimator)
        The way of training, its rate for the whole model, and the estimator, unfitted.
    """

    family: str
    index: int
    params: dict
    seed: int
    estimators: list

    @property
    def key(self):
        """What tells it from the others."""
        return self.family, self.index

    def describe(self):
        """Return the estimators as they are written in Python, on one line."""
        return "; ".join(written(estimator) for _, _, estimator in self.estimators)


def model(candidate, budget):
    """Return the model of a candidate.

    Parameters
    ----------
    candidate : Candidate
        Of a deep family, trained layer by layer.
    budget : Budget

    Returns
    -------
    Model
    """
    params, seed = candidate.params, candidate.seed
    estimators = [(WAYS[0], None, candidate.estimator)]
    for rate in TUNING_RATES:
        tuner = budget.fine_tuner(rate, DECAY)
        estimators.append((WAYS[1], rate, clone(candidate.estimator).set_params(fine_tuner=tuner)))
    for rate in WHOLE_RATES:
        tuner = budget.fine_tuner(rate, DECAY, WHOLE_STEPS)
        layers = [
            LatentLayer(params["n_hidden_bottom"], trainer=_untrained(MarginalAscent)),
            RBM(params["n_hidden_top"], trainer=_untrained(ExactGradient)),
        ]
        whole = DBN(layers, fine_tuner=tuner, random_state=seed)
        estimators.append((WAYS[2], rate, whole))
    return Model(candidate.family, candidate.index, params, seed, estimators)


def _untrained(trainer):
    # A step of this size moves nothing: the layer stays at its random weights.
    return trainer(n_passes=1, learning_rate=1e-12)


def evaluate(model, source):
    """Train a model in all ways.

    Parameters
    ----------
    model : Model
    source : object with ``train``, ``valid`` and ``test``

    Returns
    -------
    record : dict
        ``ways``: a dict for each estimator, with its log-likelihoods in nats per row, ``seconds``
        of one processor, ``bound``, the best latent marginal of its bottom on training rows, and
        ``divergence``, KL(Q || P) of that best marginal Q from the top's distribution P.
    estimator : None
    """
    rows, ways = source.train.astype(np.float32), []
    for way, rate, estimator in model.estimators:
        told, start = {"way": way, "rate": rate}, time.process_time()
        try:
            fitted = clone(estimator).fit(rows)
        except Diverged:
            ways.append({**told, "valid_ll": None})
            continue
        told["seconds"] = round(time.process_time() - start, 3)
        for name in ("train", "valid", "test"):
            told[f"{name}_ll"] = float(fitted.score(getattr(source, name)))
        told["bound"], told["divergence"] = _bound(fitted, source.train)
        ways.append(told)
    record = {"family": model.family, "index": model.index, "params": model.params, "ways": ways}
    return record, None


def _bound(dbn, rows):
    """Return the best latent marginal's log-likelihood, and its divergence from the top's."""
    found = best_latent_marginal(dbn, rows)
    return float(found.high), divergence(found.weights, latent_log_marginals(dbn.model_)[0])


def optimality(records):
    """Return what was left on the table by training layer by layer.

    Parameters
    ----------
    records : list of dict
        As ``evaluate`` returns them.

    Returns
    -------
    dict
        ``tables``, ``summary`` and ``ways``. It is JSON.
    """
    table = Table(
        "The best models on validation, trained in three ways",
        ["family", "sizes", "trained", "training", "validation", "test", "U", "U - training",
         "KL(Q || P)", "seconds"],
        "Nats per row. U: the best latent marginal of the bottom, on training rows; the theorem "
        "says that U minus the log-likelihood is at most KL(Q || P). Rates of the whole model: "
        "the better of two on validation. Seconds of one processor, all layers.",
    )  # fmt: skip
    summary, drawn = {}, {}
    for record in records:
        params, chosen = record["params"], {}
        sizes = f"{params['n_hidden_bottom']} + {params['n_hidden_top']}"
        for way in WAYS:
            mine = [
                w
                for w in record["ways"]
                if w["way"] == way and w["valid_ll"] is not None and math.isfinite(w["valid_ll"])
            ]
            if not mine:
                table.add(record["family"], sizes, way, *[None] * 7)
                continue
            chosen[way] = found = max(mine, key=lambda w: w["valid_ll"])
            table.add(
                record["family"], sizes, way, found["train_ll"], found["valid_ll"],
                found["test_ll"], found["bound"], found["bound"] - found["train_ll"],
                found["divergence"], found["seconds"],
            )  # fmt: skip
        drawn[record["family"]] = chosen
        for way in WAYS[1:]:
            if way in chosen and WAYS[0] in chosen:
                for part in ("train", "test"):
                    gain = chosen[way][f"{part}_ll"] - chosen[WAYS[0]][f"{part}_ll"]
                    rows = "training" if part == "train" else part
                    summary[f"{record['family']}, {way}, gain on {rows}"] = gain
        if WAYS[0] in chosen:
            summary[f"{record['family']}, bound KL(Q || P)"] = chosen[WAYS[0]]["divergence"]
    return {"tables": [table], "summary": summary, "ways": drawn}
