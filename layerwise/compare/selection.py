"""Choosing a model layer by layer, by the bottom's BLM, against choosing all layers at once."""

import math
import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone

from layerwise.compare import families
from layerwise.compare.candidates import Candidate, written
from layerwise.compare.statistics import ENDS, SEED, bootstrapped, spearman
from layerwise.compare.tables import Table
from layerwise.estimators.latent_marginals import best_latent_marginal
from layerwise.estimators.stacking import fit_layer, layer_stream
from layerwise.exceptions import Diverged
from layerwise.likelihood.mixtures import log_density
from layerwise.models.dbn import DBNParams
from layerwise.models.inputs import LayerInput
from layerwise.numerics.streams import Stream

N_TOPS = 10
FAMILIES = ("aeri", "latent")
# Searches by layers: which part of the bottoms they look at, and how many tops.
PLANS = ((0.25, 2), (0.5, 2), (0.5, 5), (1.0, 1), (1.0, 3), (1.0, 10))
N_SEARCHES = 4000  # of each size, drawn from the grid


@dataclass(frozen=True)
class Bottom:
    """One bottom layer, and the tops that are trained on it: a row of the grid.

    Parameters
    ----------
    family : str
    index : int
        Which of the family's candidates the bottom is that of.
    params : dict
        As drawn from the family's search space; what it says of the top is not used.
    seed : int
    estimator : estimator
        Unfitted.
    tops : list of (dict, estimator)
        Parameters and unfitted estimator of each; the same for all bottoms.
    """

    family: str
    index: int
    params: dict
    seed: int
    estimator: BaseEstimator
    tops: list

    @property
    def key(self):
        """What tells it from the others of a grid."""
        return self.family, self.index

    def describe(self):
        """Return the estimators as they are written in Python, on one line."""
        tops = ", ".join(written(top) for _, top in self.tops)
        return f"{written(self.estimator)} under each of [{tops}]"


def grid(names, n_bottoms, seed, budget):
    """Return the rows of the grid: bottoms of each family, each with the same tops.

    Parameters
    ----------
    names : list of str
        Deep families.
    n_bottoms : int
    seed : int
    budget : Budget

    Returns
    -------
    list of Bottom
    """
    stream = Stream.from_random_state(seed).child("tops")
    drawn = [
        families.draw_top(stream.child("params", index).generator()) for index in range(N_TOPS)
    ]
    tops = [(params, families.make_top(params, budget)) for params in drawn]
    rows = []
    for index in range(n_bottoms):
        for family in names:
            found = Candidate.draw(seed, family, index, budget)
            layer = families.make_bottom(family, found.params, budget)
            rows.append(Bottom(family, index, found.params, found.seed, layer, tops))
    return rows


def evaluate(bottom, source):
    """Train one bottom and all its tops.

    Parameters
    ----------
    bottom : Bottom
    source : object with ``train``, ``valid`` and ``test``

    Returns
    -------
    record : dict
        ``blm_valid`` of the bottom, in nats, and its ``seconds``, of one processor; ``tops``, a
        dict each with ``params``, ``valid_ll``, ``test_ll`` and ``seconds``. Where training
        diverged log-likelihoods are None.
    model : None
        Nothing is kept: there are too many.
    """
    record = {"family": bottom.family, "index": bottom.index, "params": bottom.params}
    stream = Stream.from_random_state(bottom.seed)
    rows = LayerInput(source.train.astype(np.float32))
    start = time.process_time()
    layer = clone(bottom.estimator)
    try:
        given = fit_layer("bottom", layer, rows, layer_stream(stream, 0))
    except Diverged:
        seconds = round(time.process_time() - start, 3)
        return {**record, "blm_valid": None, "seconds": seconds, "tops": []}, None
    record["seconds"] = round(time.process_time() - start, 3)
    record["blm_valid"] = _finite(best_latent_marginal(given, source.valid).value)
    record["tops"] = [
        _with_top(layer, rows, top, layer_stream(stream, 1).child("top", index), source)
        for index, top in enumerate(bottom.tops)
    ]
    return record, None


def _with_top(layer, rows, top, stream, source):
    params, estimator = top
    record = {"params": params, "valid_ll": None, "test_ll": None}
    estimator, start = clone(estimator), time.process_time()
    try:
        given = layer.conditional_
        fit_layer("top", estimator, rows.above(layer.inference_), stream, given)
        density = log_density(DBNParams((given,), estimator.params_))
        scores = [_finite(density(part).mean()) for part in (source.valid, source.test)]
        if None not in scores:
            record["valid_ll"], record["test_ll"] = scores
    except Diverged:
        pass
    return {**record, "seconds": round(time.process_time() - start, 3)}


def selection(records):
    """Return what searches by layers reach, and at what cost, against joint random searches.

    Searches are drawn from the grid of bottoms and tops. A joint one takes as many pairs as there
    are bottoms and keeps the best on validation. One by layers takes some of the bottoms, keeps
    that of the highest BLM on validation, and on it takes tops, of which it keeps the best on
    validation. Costs are the seconds of training, each layer trained once a model.

    Parameters
    ----------
    records : list of dict
        As ``evaluate`` returns them.

    Returns
    -------
    dict
        ``tables``, ``summary`` and ``searches``. It is JSON.
    """
    table = Table(
        "Layer-wise against joint search",
        ["family", "search", "models trained", "test", "minus joint", "cost", "of joint"],
        "Test log-likelihood of the chosen model, in nats per row; cost in seconds of one "
        "processor. Means over searches drawn from the grid; in brackets, where 95 % of them lie.",
    )
    ranks = Table(
        "Rank correlation (Spearman) of a bottom's BLM with what is built on it",
        ["family", "bottoms", "with the best top on validation", "with the mean over tops"],
        "Of log-likelihoods on test. In brackets: 95 % intervals from resampling bottoms.",
    )
    summary, searches = {}, {}
    for family in dict.fromkeys(record["family"] for record in records):
        mine = [r for r in records if r["family"] == family and r["blm_valid"] is not None]
        mine = [r for r in mine if any(top["valid_ll"] is not None for top in r["tops"])]
        if len(mine) < 2:
            table.add(family, "none could be trained", *[None] * 5)
            continue
        arrays = _arrays(mine)
        joint = _joint(arrays, len(mine), np.random.default_rng((SEED, 0)))
        base = joint[1].mean()
        table.add(family, "joint", f"{len(mine)} pairs", _spread(joint[0]), None, float(base), 1.0)
        summary[f"{family}, joint"] = float(joint[0].mean())
        searches[family] = [["joint", float(base), *_spread(joint[0])]]
        for part, n_tops in PLANS:
            n_bottoms = max(1, round(part * len(mine)))
            found = _by_layers(arrays, n_bottoms, n_tops, np.random.default_rng((SEED, 1)))
            cost, gain = found[1].mean(), found[0].mean() - joint[0].mean()
            table.add(
                family, "by layers", f"{n_bottoms} bottoms, {n_tops} tops", _spread(found[0]),
                float(gain), float(cost), float(cost / base),
            )  # fmt: skip
            name = f"{family}, {n_bottoms} bottoms and {n_tops} tops"
            summary[f"{name}, minus joint"] = float(gain)
            summary[f"{name}, part of the cost"] = float(cost / base)
            searches[family].append([n_tops, float(cost), *_spread(found[0])])
        rank = _ranks(arrays)
        ranks.add(family, len(mine), *rank)
        if rank[0] is not None and rank[0][0] is not None:
            summary[f"{family}, Spearman with the best top"] = rank[0][0]
    return {"tables": [table, ranks], "summary": summary, "searches": searches}


def _arrays(records):
    """Return BLM, seconds of bottoms, and validation, test and seconds of the grid."""
    blm = np.array([record["blm_valid"] for record in records])
    bottom = np.array([record["seconds"] for record in records])
    valid, test, top = (
        np.array([[t[name] for t in record["tops"]] for record in records], dtype=float)
        for name in ("valid_ll", "test_ll", "seconds")
    )
    return blm, bottom, np.where(np.isfinite(valid), valid, -np.inf), test, top


def _joint(arrays, n, generator):
    _, bottom, valid, test, top = arrays
    n_rows, n_tops = valid.shape
    reached, cost = np.empty(N_SEARCHES), np.empty(N_SEARCHES)
    for at in range(N_SEARCHES):
        i, j = generator.integers(n_rows, size=n), generator.integers(n_tops, size=n)
        chosen = np.argmax(valid[i, j])
        reached[at] = test[i[chosen], j[chosen]]
        cost[at] = (bottom[i] + top[i, j]).sum()
    return reached, cost


def _by_layers(arrays, n_bottoms, n_tops, generator):
    blm, bottom, valid, test, top = arrays
    n_rows, all_tops = valid.shape
    reached, cost = np.empty(N_SEARCHES), np.empty(N_SEARCHES)
    for at in range(N_SEARCHES):
        i = generator.integers(n_rows, size=n_bottoms)
        chosen = i[np.argmax(blm[i])]
        j = generator.integers(all_tops, size=n_tops)
        reached[at] = test[chosen, j[np.argmax(valid[chosen, j])]]
        cost[at] = bottom[i].sum() + top[chosen, j].sum()
    return reached, cost


def _spread(values):
    values = values[np.isfinite(values)]  # a search whose only models diverged reaches nothing
    return (float(values.mean()), *(float(end) for end in np.percentile(values, ENDS)))


def _ranks(arrays):
    blm, _, valid, test, _ = arrays
    chosen = test[np.arange(len(test)), np.argmax(valid, axis=1)]
    means = [np.nanmean(row) for row in test]
    return [bootstrapped(spearman, np.stack([blm, other], axis=1)) for other in (chosen, means)]


def _finite(value):
    return float(value) if math.isfinite(value) else None
