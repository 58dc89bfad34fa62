"""What ``layerwise compare`` does, once its options are read."""

from contextlib import contextmanager

from layerwise.compare import experiments, optimality, selection, sources
from layerwise.compare.candidates import SCORES, baselines, best, candidates, evaluate
from layerwise.compare.families import FAMILIES, Budget
from layerwise.compare.tables import ruled
from layerwise.compare.terminal import say, show
from layerwise.compare.winners import Winners
from layerwise.compare.work import held_folder, open_records, save, train
from layerwise.plots import ComparisonDisplay, SamplesDisplay

N_IMAGES = 24  # of each panel of samples.png
RESULTS, GRID, WAYS = "results.jsonl", "selection.jsonl", "optimality.jsonl"


@contextmanager
def prepared(options):
    """Give the rows, the records of the folder and the candidates asked for; hold the folder.

    Whatever a user can get wrong is refused here, by a ValueError, before any work.
    """
    experiments.complete(options)
    source = sources.load(options.data, options.seed)
    names = list(dict.fromkeys(options.families))
    budget = Budget(len(source.train), options.budget)
    if options.experiment == "selection":
        asked, file = selection.grid(names, options.candidates, options.seed, budget), GRID
    else:
        asked, file = candidates(names, options.candidates, options.seed, budget), RESULTS
    with held_folder(options.output):
        records = _open(options.output / file, source, options.seed)
        records.of(asked)  # refuses those of another search space
        yield source, records, asked


def compare(options, source, records, asked):
    """Train what is not done yet; leave the table, the records, the models and the pictures."""
    if options.experiment == "selection":
        _train(asked, records, source, options, selection.evaluate)
        found = records.of(asked)
        files = experiments.report("selection", found, source, options)
        show(f"\nIn {options.output}: {', '.join([records.path.name, *files])}")
        return
    by_key = {candidate.key: candidate for candidate in asked}
    names = list(dict.fromkeys(candidate.family for candidate in asked))
    found = records.of(asked)
    winners = Winners(options.output, {name: best(found, name) for name in names})
    _train(asked, records, source, options, evaluate, winners.offer)

    found = records.of(asked)
    chosen = {name: best(found, name) for name in names}
    simple = baselines(source)
    show(_table(chosen, simple, source, options))
    models = {
        name: winners.of(by_key[name, record["index"]], source, say)
        for name, record in chosen.items()
        if record is not None
    }
    files = ["results.jsonl", *_draw(found, models, simple, source, options)]
    if options.experiment is not None:
        if options.experiment == "optimality":
            found, file = _trained_on(found, asked, source, options)
            files.append(file)
        files += experiments.report(options.experiment, found, source, options)
    files += [winners.path(name).name for name in models]
    show(f"\nIn {options.output}: {', '.join(files)}")
    if models:
        path = str(winners.path(next(iter(models))))
        show(f"A model loads by joblib.load({path!r}), and then has score, transform and sample.")


def _train(asked, records, source, options, evaluate, *offer):
    """Train the candidates that have no record, and put the records in order."""
    train(asked, records, source, options.jobs, evaluate, _describe, *offer)
    records.sort(FAMILIES)


def _trained_on(found, asked, source, options):
    """Train the best models in the ways of ``optimality``; return the records, and their file."""
    budget = Budget(len(source.train), options.budget)
    models = experiments.best_models(found, asked, budget)
    records = _open(options.output / WAYS, source, options.seed)
    records.drop_others(models)  # of fewer or more candidates others were the best
    _train(models, records, source, options, optimality.evaluate)
    return records.of(models), WAYS


def _open(path, source, seed):
    """Return the records of a file."""
    arrays = source.train, source.valid, source.test
    return open_records(path, arrays, data=source.name, seed=seed)


def _table(chosen, simple, source, options):
    """Return the best of each family between the baselines, as text."""
    head = ("", "training", "validation", "test", "BLM", "parameters", "seconds")
    rows = [(name, *map(_nats, values), "", "", "") for name, values in simple.items()]
    below = [row for row in rows if row[0] != "perfect model"]
    above = [row for row in rows if row[0] == "perfect model"]
    for family, record in chosen.items():
        if record is None:
            below.append((family, *["-"] * 5, "none could be trained"))
            continue
        scores = (*(record[name] for name in SCORES), record["blm_valid"])
        below.append(
            (
                family,
                *map(_nats, scores),
                f"{record['n_parameters']:,}",
                f"{record['seconds']:.1f}",
            )
        )
    sizes = ", ".join(str(len(part)) for part in (source.train, source.valid, source.test))
    return "\n".join(
        [
            f"\nLog-likelihood on {source.name}, exact, in nats per row (higher is better).",
            f"Of {options.candidates} of each family, the best on validation; "
            f"{sizes} rows; seed {options.seed}.\n",
            *ruled([head, *below, *above]),
            "BLM: the most that any model on the same bottom layer could reach on validation.",
            "parameters: generative ones; inference is not counted. seconds: of training.",
        ]
    )


def _nats(value):
    return f"{value:.2f}"


def _draw(found, models, simple, source, options):
    """Leave the two pictures in the folder and return their names, or say why there are none."""
    names = ["comparison.png", "samples.png"]
    try:
        display = ComparisonDisplay(found, baselines=simple, name=source.name).plot()
    except ImportError as error:
        say(f"{' and '.join(names)} are not drawn: {error}")
        return []
    save(display.figure_, options.output / names[0], dpi=150)
    drawn = {
        name: model.sample(N_IMAGES, random_state=model.random_state)
        for name, model in models.items()
    }
    panels = {"training data": source.train[:N_IMAGES], **drawn}
    display = SamplesDisplay(panels, image_shape=source.image_shape).plot()
    save(display.figure_, options.output / names[1], dpi=150)
    return names


def _describe(record):
    what = "diverged"
    if record.get("valid_ll") is not None:
        what = f"{record['valid_ll']:.2f} nats on validation"
    elif record.get("blm_valid") is not None:
        what = f"BLM of {record['blm_valid']:.2f} nats on validation"
    elif "ways" in record:
        what = f"trained in {len(record['ways'])} ways"
    return f"{record['family']} {record['index']}: {what}"
