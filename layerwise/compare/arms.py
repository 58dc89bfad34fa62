"""Arms over splits: which trials there are, what their records say, and the tables of it."""

import json
from contextlib import contextmanager

import numpy as np

from layerwise._versions import __version__
from layerwise.compare.papers import PAPERS, RATES, Trial, evaluate, load
from layerwise.compare.records import Records, held
from layerwise.compare.statistics import over_splits
from layerwise.compare.tables import Table
from layerwise.compare.terminal import say, show
from layerwise.model_selection.files import replaced
from layerwise.model_selection.records import fingerprint
from layerwise.numerics import jobs
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
    folder = options.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "data": data.name,
            "budget": options.budget,
            "fingerprint": fingerprint(data.rows, data.labels),
            "version": __version__,
        }
        with held(folder):
            yield data, Records(folder / f"{options.experiment}.jsonl", settings)
    except OSError as error:
        raise ValueError(
            f"--output {folder} cannot be used: {error.strerror or error}."
        ) from error


def compare(options, data, records):
    """Train what is not done yet, and leave tables, claims, numbers and the picture."""
    name, paper = options.experiment, PAPERS[options.experiment]
    seeds = [options.seed + k for k in range(options.splits)]
    first = paper.conditions[0]
    tuning = [
        Trial(name, arm, first, rate, seeds[0], options.budget)
        for arm in first.arms
        for rate in range(len(RATES))
    ]
    _train(tuning, records, data, options)
    rates = chosen(records.of(tuning))
    trials = [
        Trial(name, arm, condition, rates[arm], seed, options.budget)
        for condition in paper.conditions
        for seed in seeds
        for arm in condition.arms
    ]
    _train(trials, records, data, options)
    result = summary(paper, records.of(trials), rates)
    head = (
        f"### {name.capitalize()} on {data.name}: {paper.question}\n\n"
        f"{options.splits} splits (seeds {seeds[0]} to {seeds[-1]}), {options.budget:g} of the "
        "standard training; test error in percent, lower is better."
    )
    for table in result["tables"]:
        show(f"\n{table.text()}")
    told = {**result, "tables": [table.as_dict() for table in result["tables"]]}
    page = "\n\n".join([head, *(table.markdown() for table in result["tables"])]) + "\n"
    content = json.dumps(told, allow_nan=False, indent=1) + "\n"
    files = [f"{name}.json", f"{name}.md"]
    for file, text in zip(files, (content, page)):
        with replaced(options.output / file) as beside:
            beside.write_text(text, encoding="utf-8")
    try:
        figure = pictures.arms(result, data.name)
    except ImportError as error:
        say(f"{name}.png is not drawn: {error}")
    else:
        with replaced(options.output / f"{name}.png") as beside:
            figure.savefig(beside, format="png", dpi=120, bbox_inches="tight")
        files.append(f"{name}.png")
    show(f"\nIn {options.output}: {', '.join([records.path.name, *files])}")


def _train(trials, records, data, options):
    """Train the trials that have no record, and keep a record of each as it is done."""
    todo = [trial for trial in trials if trial not in records]
    by_key = {trial.key: trial for trial in trials}
    done = len(trials) - len(todo)
    if done:
        say(f"{done} of {len(trials)} trials stand in {records.path} already.")
    results = jobs.run(evaluate, [(trial, data) for trial in todo], options.jobs)
    for record, _ in results:
        records.add(by_key[record["family"], record["index"]], record)
        done += 1
        say(
            f"{done} of {len(trials)}: {record['family']}, split {record['split']}, rate "
            f"{record['rate']:g}: {record['test_error']:.2f} % in {record['seconds']:.0f} s"
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


def summary(paper, records, rates):
    """Return tables of errors and of claims, and the numbers of the picture.

    Parameters
    ----------
    paper : Paper
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
    conditions = [condition.name for condition in paper.conditions]
    arms = list(dict.fromkeys(arm for each in paper.conditions for arm in each.arms))
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
    claims = Table(
        "Claims",
        ["claim", "arms", "condition", "difference", "verdict"],
        "Differences in test error within splits, first arm minus second, in percentage points. "
        "A claim holds where the interval is below zero, and does not where it is above.",
    )
    for claim in paper.claims:
        better, worse = (errors[claim.condition, arm] for arm in (claim.better, claim.worse))
        difference = over_splits([better[split] - worse[split] for split in sorted(better)])
        told = f"{claim.better} against {claim.worse}"
        claims.add(claim.text, told, claim.condition, difference, verdict(difference))
    measured = measures(records)
    picture = {
        condition: {arm: means[condition, arm] for arm in arms if (condition, arm) in means}
        for condition in conditions
    }
    return {"errors": picture, "tables": [table, claims, *([measured] if measured else [])]}


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
