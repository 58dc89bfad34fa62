"""The paper's first three experiments, as questions to the records of a random search."""

from itertools import pairwise

import numpy as np

from layerwise.compare.candidates import best
from layerwise.compare.families import is_deep, layer_wise
from layerwise.compare.statistics import (
    RANK_DRAWS,
    bootstrapped,
    columns,
    curve,
    draws,
    interval,
    kendall,
    resampled_best,
    spearman,
)
from layerwise.compare.tables import Table

LEARNT = 1e-3  # a rate above which a layer's training comes to its end
N_SIZES = 4  # groups of models of about equal size


def depth(records):
    """Is the data set deep? Single RBMs against deep models with as many parameters.

    Parameters
    ----------
    records : list of dict

    Returns
    -------
    dict
        ``tables``; ``summary``, numbers by name, to be averaged over splits; and ``curves``, what
        searches of fewer candidates reach. So do all of this module's functions. It is JSON.
    """
    by_family = _by_family(records)
    table = Table(
        "Best on validation of each family",
        ["family", "candidates", "parameters", "validation", "test", "deep minus single"],
        "Test log-likelihoods in nats per row. In brackets: 95 % intervals from resampling "
        "candidates.",
    )
    summary = {}
    for family, mine in by_family.items():
        chosen, n_trained = best(mine, family), len(columns(mine, "test_ll")[0])
        if chosen is None:
            table.add(family, 0, None, None, None, None)
            continue
        gain = None
        if is_deep(family) and "rbm" in by_family:
            gain = _gain(mine, by_family["rbm"])
        if gain is not None:
            summary[f"{family} minus rbm"] = gain[0]
        summary[family] = chosen["test_ll"]
        table.add(
            family, n_trained, chosen["n_parameters"], chosen["valid_ll"],
            _reached(mine), gain,
        )  # fmt: skip
    sizes = _sizes(by_family)
    return {
        "tables": [table, *([sizes] if sizes else [])],
        "summary": summary,
        "curves": _curves(by_family),
    }


def inference(records):
    """Does rich inference help? Deep families that differ in how the bottom layer is trained."""
    by_family = {f: mine for f, mine in _by_family(records).items() if is_deep(f)}
    references = [family for family in ("srbm", "vanilla-ae") if family in by_family]
    search = Table(
        "Best on validation of each family",
        ["family", "validation", "test", "BLM", *(f"minus {name}" for name in references)],
        "Nats per row. In brackets: 95 % intervals from resampling candidates, the same indices "
        "of both families.",
    )
    pairs = Table(
        "Candidates of the same index, which share sizes and rates",
        ["family", "against", "pairs", "better in", "median gain", "learnt pairs", "better in",
         "median gain"],
        f"Gains on test, in nats per row. Learnt: both rates of the pair are above {LEARNT:g}.",
    )  # fmt: skip
    summary, gains = {}, {}
    for family, mine in by_family.items():
        chosen = best(mine, family)
        if chosen is None:
            search.add(family, None, None, None, *[None] * len(references))
            continue
        summary[family] = chosen["test_ll"]
        differences = []
        for name in references:
            difference = None
            if family not in references[: references.index(name) + 1]:  # each pair once
                difference = _gain(mine, by_family[name], paired=True)
            differences.append(difference)
            if difference is None:
                continue
            summary[f"{family} minus {name}"] = difference[0]
            every, learnt = _pair_gains(mine, by_family[name])
            gains[f"{family} minus {name}"] = learnt.tolist()
            pairs.add(family, name, *_told(every), *_told(learnt))
            if len(learnt):
                summary[f"{family} minus {name}, median of learnt pairs"] = float(
                    np.median(learnt)
                )
        search.add(family, chosen["valid_ll"], _reached(mine), chosen["blm_valid"], *differences)
    return {
        "tables": [search, pairs],
        "summary": summary,
        "curves": _curves(by_family),
        "gains": gains,
    }


def prediction(records):
    """Does the bottom's BLM on validation predict the finished model's log-likelihood?"""
    # Fine-tuning changes the bottom: its BLM then is not known before the end.
    by_family = {
        family: mine
        for family, mine in _by_family(records).items()
        if is_deep(family) and family == layer_wise(family)
    }
    table = Table(
        "Rank correlation of the bottom's BLM on validation with the log-likelihood on test",
        ["family", "candidates", "Spearman", "Kendall", "learnt", "Spearman", "Kendall"],
        "In brackets: 95 % intervals from resampling candidates. Learnt: both rates are above "
        f"{LEARNT:g}; those of a bottom that hardly moved are easy to predict.",
    )
    everything = [record for mine in by_family.values() for record in mine]
    summary = {}
    for name, mine in {**by_family, "all": everything}.items():
        every, learnt = _blm_pairs(mine), _blm_pairs([r for r in mine if _has_learnt(r)])
        ranks = [
            bootstrapped(rank, pairs, RANK_DRAWS)
            for pairs in (every, learnt)
            for rank in (spearman, kendall)
        ]
        table.add(name, len(every), *ranks[:2], len(learnt), *ranks[2:])
        for value, what in zip((ranks[0], ranks[2]), ("Spearman", "Spearman, learnt")):
            if value is not None and value[0] is not None:
                summary[f"{name}, {what}"] = value[0]
    points = {name: _blm_pairs(mine).tolist() for name, mine in by_family.items()}
    return {"tables": [table], "summary": summary, "points": points}


def _by_family(records):
    names = dict.fromkeys(record["family"] for record in records)
    return {name: [r for r in records if r["family"] == name] for name in names}


def _curves(by_family):
    return {name: curve(*columns(mine, "valid_ll", "test_ll")) for name, mine in by_family.items()}


def _reached(records):
    """Return the test log-likelihood of the best on validation, with its interval."""
    valid, test = columns(records, "valid_ll", "test_ll")
    return interval(test[np.argmax(valid)], resampled_best(valid, test, draws(len(valid))))


def _gain(records, others, paired=False):
    """Return what the best of some records is ahead of the best of others, with its interval."""
    if paired:
        records, others = _same_indices(records, others)
    pairs = [columns(some, "valid_ll", "test_ll") for some in (records, others)]
    if not all(len(valid) for valid, _ in pairs):
        return None
    one, other = (
        resampled_best(valid, test, draws(len(valid), part=0 if paired else part))
        for part, (valid, test) in enumerate(pairs)
    )
    values = [test[np.argmax(valid)] for valid, test in pairs]
    return interval(values[0] - values[1], one - other)


def _same_indices(records, others):
    """Return the records of indices that were trained in both."""
    one, other = (
        {r["index"]: r for r in some if r["valid_ll"] is not None} for some in (records, others)
    )
    both = [index for index in one if index in other]
    return [one[index] for index in both], [other[index] for index in both]


def _pair_gains(records, others):
    """Return the gains on test of pairs, and of those pairs whose layers both learnt."""
    records, others = _same_indices(records, others)
    gains = np.array([a["test_ll"] - b["test_ll"] for a, b in zip(records, others)])
    return gains, gains[np.array([_has_learnt(r) for r in records], dtype=bool)]


def _told(gains):
    if not len(gains):
        return 0, None, None
    return len(gains), int((gains > 0).sum()), bootstrapped(np.median, gains)


def _has_learnt(record):
    return all(record["params"][f"learning_rate_{part}"] > LEARNT for part in ("bottom", "top"))


def _blm_pairs(records):
    return np.stack(columns(records, "blm_valid", "test_ll"), axis=1)


def _sizes(by_family):
    """Return the table of the best of each family among models of about equal size, or None."""
    if "rbm" not in by_family or len(by_family) < 2:
        return None
    numbers = np.concatenate([columns(mine, "n_parameters")[0] for mine in by_family.values()])
    if not len(numbers):
        return None
    edges = np.quantile(numbers, np.linspace(0, 1, N_SIZES + 1))
    deep = [family for family in by_family if is_deep(family)]
    table = Table(
        "Models of about equal size: test log-likelihood of the best on validation",
        ["parameters", "rbm", *deep, *(f"{family} minus rbm" for family in deep)],
        "Nats per row; in brackets 95 % intervals from resampling candidates.",
    )
    for low, high in pairwise(edges):
        last = high == edges[-1]
        groups = {
            family: [
                r
                for r in mine
                if r["valid_ll"] is not None
                and low <= r["n_parameters"]
                and (r["n_parameters"] < high or last)
            ]
            for family, mine in by_family.items()
        }
        values = [
            best(groups[family], family)["test_ll"] if groups[family] else None
            for family in ("rbm", *deep)
        ]
        gains = [_gain(groups[family], groups["rbm"]) for family in deep]
        table.add(f"{low:,.0f} to {high:,.0f}", *values, *gains)
    return table
