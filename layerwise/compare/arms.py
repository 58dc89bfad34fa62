"""Arms over splits: which trials there are, what their records say, and the tables of it."""

from base64 import b64decode
from contextlib import contextmanager

import numpy as np

from layerwise.compare.papers import PAPERS, Trial, evaluate, load
from layerwise.compare.statistics import over_splits
from layerwise.compare.tables import Table
from layerwise.compare.terminal import show
from layerwise.compare.work import held_folder, leave, open_records, save, train
from layerwise.plots import SamplesDisplay
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

    # The rates of all conditions with the same first measure are chosen by it, under the first.
    of_name = {measure.name: measure for measure in paper.measures}
    first = {}
    for condition in conditions:
        first.setdefault(condition.measures[0], condition)
    tuning = trained(
        [
            trial(arm, condition, rate, seeds[0])
            for condition in first.values()
            for arm in condition.arms
            for rate in range(len(paper.rates))
        ]
    )
    rates = {
        name: chosen(tuning, of_name[name], condition.name, paper.rates)
        for name, condition in first.items()
    }
    found = trained(
        [
            trial(arm, condition, rates[condition.measures[0]][arm], seed)
            for condition in conditions
            for seed in seeds
            for arm in condition.arms
        ]
    )
    result = summary(paper, conditions, found, rates)
    tables = result.pop("tables")
    title = (
        f"### {name.capitalize()} on {data.name}: {paper.question}\n\n"
        f"{options.splits} splits (seeds {seeds[0]} to {seeds[-1]}), {options.budget:g} of the "
        "standard training."
    )
    files = leave(
        options.output, name, title, result, tables, lambda: pictures.arms(result, data.name)
    )
    files += _sheets(found, data, options.output, name)
    show(f"\nIn {options.output}: {', '.join([records.path.name, *files])}")


def _sheets(records, data, folder, name):
    """Leave the picture of what each arm draws on the first split; return its name in a list."""
    first = min(record["split"] for record in records)
    panels = {}
    for record in records:
        if "sheet" in record and record["split"] == first:
            pixels = np.frombuffer(b64decode(record["sheet"]), dtype=np.uint8)
            panels[record["arm"]] = pixels.reshape(-1, data.rows.shape[1]) / 255
    if not panels:
        return []
    side = round(data.rows.shape[1] ** 0.5)
    try:
        display = SamplesDisplay(panels, image_shape=(side, side)).plot()
    except ImportError:  # told where the other picture was to be drawn
        return []
    file = f"{name}-samples.png"
    save(display.figure_, folder / file, dpi=120)
    return [file]


def _describe(record):
    """Return a line on a record."""
    numbers = ", ".join(
        f"{name.removeprefix('test_')} {value:.2f}"
        for name, value in record.items()
        if name.startswith("test_")
    )
    return (
        f"{record['family']}, split {record['split']}, rate {record['rate']:g}: "
        f"{numbers} in {record['seconds']:.0f} s"
    )


def chosen(records, measure, condition, rates):
    """Return the index of each arm's learning rate that is the best on validation.

    Parameters
    ----------
    records : list of dict
        Of each arm with each rate, on one split. Of equal values the lower rate is taken.
    measure : Measure
    condition : str
        Records of others are left out.
    rates : tuple of float
    """
    found = {}
    for record in records:
        if record["condition"] == condition:
            value = measure.sign * record[f"valid_{measure.name}"]
            found.setdefault(record["arm"], []).append((value, rates.index(record["rate"])))
    return {arm: min(values)[1] for arm, values in found.items()}


def verdict(difference):
    """Return what the interval of a difference, better minus worse, says of a claim.

    Parameters
    ----------
    difference : tuple of float
        Mean, and the ends of its 95 % interval, of what is the better the lower it is.

    Returns
    -------
    {"holds", "does not hold", "cannot be told"}
        It holds where the whole interval is below zero, and does not where it is above.
    """
    _, low, high = difference
    if low is None or low <= 0 <= high:
        return "cannot be told"
    return "holds" if high < 0 else "does not hold"


def summary(paper, conditions, records, rates):
    """Return tables of each measure and of claims, and the numbers of the picture.

    Parameters
    ----------
    paper : Paper
    conditions : list of Condition
        Claims under others are left out.
    records : list of dict
    rates : dict of str to dict of str to int
        Of each arm, by the first measure of a condition.
    """
    values, seconds = {}, {}
    for record in records:
        arm, condition, split = record["arm"], record["condition"], record["split"]
        seconds.setdefault((condition, arm), []).append(record["seconds"])
        for measure in paper.measures:
            if f"test_{measure.name}" in record:
                key = measure.name, condition, arm
                values.setdefault(key, {})[split] = record[f"test_{measure.name}"]
    means = {key: over_splits(list(found.values())) for key, found in values.items()}
    tables, pictures_of = [], {}
    for measure in paper.measures:
        under = [each for each in conditions if measure.name in each.measures]
        arms = list(dict.fromkeys(arm for each in under for arm in each.arms))
        table = Table(
            measure.title,
            ["arm", "learning rate", *(each.name for each in under), "seconds"],
            "Means over splits with 95 % intervals (Student's t); the rate is the best on "
            f"validation by {under[0].measures[0]} on the first split; seconds are of training "
            "under the first condition.",
        )
        for arm in arms:
            cells = [means.get((measure.name, each.name, arm)) for each in under]
            taken = seconds.get((under[0].name, arm))
            rate = paper.rates[rates[under[0].measures[0]][arm]]
            table.add(arm, f"{rate:g}", *cells, float(np.mean(taken)) if taken else None)
        tables.append(table)
        pictures_of[measure.name] = {
            "title": measure.title,
            "values": {
                each.name: {
                    arm: means[measure.name, each.name, arm]
                    for arm in arms
                    if (measure.name, each.name, arm) in means
                }
                for each in under
            },
        }
    tables.append(_judged(paper, {each.name for each in conditions}, values))
    measured = measures(records)
    return {"measures": pictures_of, "tables": [*tables, *([measured] if measured else [])]}


def _judged(paper, conditions, values):
    """Return the table of claims with their verdicts."""
    table = Table(
        "Claims",
        ["claim", "arms", "condition", "difference", "verdict"],
        "Differences within splits, first arm minus second. A claim holds where the whole "
        "interval is on its side of zero, and does not where it is on the other.",
    )
    of_name = {measure.name: measure for measure in paper.measures}
    for claim in paper.claims:
        if claim.condition not in conditions:
            continue
        measure = of_name[claim.measure]
        better, worse = (
            values[claim.measure, claim.condition, arm] for arm in (claim.better, claim.worse)
        )
        found = over_splits([better[split] - worse[split] for split in sorted(better)])
        signed = found
        if measure.sign < 0:
            mean, low, high = found
            signed = (-mean, None, None) if low is None else (-mean, -high, -low)
        told = f"{claim.better} against {claim.worse}"
        table.add(claim.text, told, f"{claim.condition}, {measure.unit}", found, verdict(signed))
    return table


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
