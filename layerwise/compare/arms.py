"""Arms over splits: which trials there are, what their records say, and the tables of it."""

from contextlib import contextmanager

import numpy as np

from layerwise.compare.papers import PAPERS, RATES, Trial, evaluate, load
from layerwise.compare.statistics import over_splits
from layerwise.compare.tables import Table
from layerwise.compare.terminal import show
from layerwise.compare.work import held_folder, leave, open_records, train
from layerwise.plots import experiments as pictures

QUICK = {"splits": 2, "budget": 0.03}
STANDARD = {"splits": 5, "budget": 1.0}


@contextmanager
def prepared(options):
    """Give the rows and the records of the folder, which is held; refuse what cannot be, first."""
    for name in ("families", "candidates"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"--experiment {options.experiment} compares arms over splits and takes no "
                f"--{name}. Leave it out; --splits says how many splits."
            )
    for name, value in (QUICK if options.quick else STANDARD).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    data = load(options.data)
    with held_folder(options.output):
        path, arrays = options.output / f"{options.experiment}.jsonl", (data.rows, data.labels)
        yield data, open_records(path, arrays, data=data.name, budget=options.budget)


def compare(options, data, records):
    """Train what is not done yet, and leave tables, claims, numbers and the picture."""
    name, paper = options.experiment, PAPERS[options.experiment]
    conditions = paper.fitting(data.n_train)
    seeds = [options.seed + k for k in range(options.splits)]

    def trained(trials):
        train(trials, records, data, options.jobs, evaluate, _describe)
        return records.of(trials)

    def trial(arm, condition, rate, seed):
        return Trial(name, arm, condition, rate, seed, options.budget, data.n_train)

    rates = chosen(
        trained(
            [
                trial(arm, conditions[0], rate, seeds[0])
                for arm in conditions[0].arms
                for rate in range(len(RATES))
            ]
        )
    )
    found = trained(
        [
            trial(arm, condition, rates[arm], seed)
            for condition in conditions
            for seed in seeds
            for arm in condition.arms
        ]
    )
    result = summary(conditions, paper.claims, found, rates)
    tables = result.pop("tables")
    title = (
        f"### {name.capitalize()} on {data.name}: {paper.question}\n\n"
        f"{options.splits} splits (seeds {seeds[0]} to {seeds[-1]}), {options.budget:g} of the "
        "standard training; test error in percent, lower is better."
    )
    files = leave(
        options.output, name, title, result, tables, lambda: pictures.arms(result, data.name)
    )
    show(f"\nIn {options.output}: {', '.join([records.path.name, *files])}")


def _describe(record):
    """Return a line on a record."""
    return (
        f"{record['family']}, split {record['split']}, rate {record['rate']:g}: "
        f"{record['test_error']:.2f} % in {record['seconds']:.0f} s"
    )


def chosen(records):
    """Return the index of each arm's learning rate with the lowest validation error.

    Parameters
    ----------
    records : list of dict
        Of each arm with each rate, on one split. Of equal errors the lower rate is taken.
    """
    found = {}
    for record in records:
        rate, arm = RATES.index(record["rate"]), record["arm"]
        found.setdefault(arm, []).append((record["valid_error"], rate))
    return {arm: min(errors)[1] for arm, errors in found.items()}


def verdict(difference):
    """Return what the interval of a difference, better minus worse, says of a claim.

    Parameters
    ----------
    difference : tuple of float
        Mean, and the ends of its 95 % interval.

    Returns
    -------
    {"holds", "does not hold", "cannot be told"}
        It holds where the whole interval is below zero, and does not where it is above.
    """
    _, low, high = difference
    if low is None or low <= 0 <= high:
        return "cannot be told"
    return "holds" if high < 0 else "does not hold"


def summary(conditions, claims, records, rates):
    """Return tables of errors and of claims, and the numbers of the picture.

    Parameters
    ----------
    conditions : list of Condition
    claims : sequence of Claim
        Those under other conditions are left out.
    records : list of dict
    rates : dict of str to int
        Of each arm.
    """
    errors, seconds = {}, {}
    for record in records:
        key = record["condition"], record["arm"]
        errors.setdefault(key, {})[record["split"]] = record["test_error"]
        seconds.setdefault(key, []).append(record["seconds"])
    means = {key: over_splits(list(found.values())) for key, found in errors.items()}
    arms = list(dict.fromkeys(arm for each in conditions for arm in each.arms))
    conditions = [condition.name for condition in conditions]
    table = Table(
        "Test error, in percent",
        ["arm", "learning rate", *conditions, "seconds"],
        "Means over splits with 95 % intervals (Student's t); the rate is that of the lowest "
        "validation error on the first split; seconds are of training under the first condition.",
    )
    for arm in arms:
        cells = [means.get((condition, arm)) for condition in conditions]
        taken = float(np.mean(seconds[conditions[0], arm]))
        table.add(arm, f"{RATES[rates[arm]]:g}", *cells, taken)
    judged = Table(
        "Claims",
        ["claim", "arms", "condition", "difference", "verdict"],
        "Differences in test error within splits, first arm minus second, in percentage points. "
        "A claim holds where the interval is below zero, and does not where it is above.",
    )
    for claim in claims:
        if claim.condition not in conditions:
            continue
        better, worse = (errors[claim.condition, arm] for arm in (claim.better, claim.worse))
        difference = over_splits([better[split] - worse[split] for split in sorted(better)])
        told = f"{claim.better} against {claim.worse}"
        judged.add(claim.text, told, claim.condition, difference, verdict(difference))
    measured = measures(records)
    picture = {
        condition: {arm: means[condition, arm] for arm in arms if (condition, arm) in means}
        for condition in conditions
    }
    return {"errors": picture, "tables": [table, judged, *([measured] if measured else [])]}


def measures(records):
    """Return the table of what was measured of the trained networks, or None if nothing was.

    Parameters
    ----------
    records : list of dict
        Those without a ``network`` are left out.
    """
    found = {}
    for record in records:
        if "network" in record:
            found.setdefault((record["condition"], record["arm"]), []).append(record["network"])
    if not found:
        return None
    names = list(next(iter(found.values()))[0])
    table = Table(
        "Trained networks, by hidden layer",
        ["condition", "arm", "splits", *names],
        "Means over splits with 95 % intervals. Input error: of the inputs that the reversed "
        "layer gives back on test rows, relative to their squares; shuffled: the same with the "
        "weights in random order. Distances are Kolmogorov's, of the weights from a normal law "
        "and of the singular values from the Marchenko-Pastur law.",
    )
    for (condition, arm), mine in found.items():
        columns = [[each[name] for each in mine if each[name] is not None] for name in names]
        cells = [over_splits(values) if values else None for values in columns]
        table.add(condition, arm, len(mine), *cells)
    return table
