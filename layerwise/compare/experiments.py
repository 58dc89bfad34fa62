"""The experiments: the question, the families, the analysis and the picture of each."""

from collections.abc import Callable
from dataclasses import dataclass

from layerwise.compare import analyses, optimality, selection
from layerwise.compare.candidates import best
from layerwise.compare.families import DEFAULT
from layerwise.compare.work import leave
from layerwise.plots import experiments as pictures

LAYER_WISE = (*DEFAULT, "latent")
QUICK = {"candidates": 3, "budget": 0.01}


@dataclass(frozen=True)
class Experiment:
    """One question, and how the records of a search answer it.

    Parameters
    ----------
    question : str
    families : tuple of str
        Those that are searched unless others are asked for.
    allowed : tuple of str or None
        Those that may be asked for. None is for all.
    analyse : callable
        From records to the result, a dict with ``tables`` and ``summary``.
    draw : callable
        From the result and the name of the data to a matplotlib figure.
    """

    question: str
    families: tuple
    allowed: tuple | None
    analyse: Callable
    draw: Callable


EXPERIMENTS = {
    "depth": Experiment(
        "is the data set deep?", LAYER_WISE, None, analyses.depth, pictures.depth
    ),
    "inference": Experiment(
        "does rich inference help?", LAYER_WISE[1:], None, analyses.inference, pictures.inference
    ),
    "prediction": Experiment(
        "does the bottom's BLM predict the finished model?",
        LAYER_WISE[1:], None, analyses.prediction, pictures.prediction,
    ),
    "selection": Experiment(
        "can layers be chosen one by one?",
        selection.FAMILIES, ("srbm", "vanilla-ae", "aeri", "latent"),
        selection.selection, pictures.selection,
    ),
    "optimality": Experiment(
        "what does training layer by layer leave on the table?",
        optimality.FAMILIES, ("srbm", "vanilla-ae", "aeri", "latent"),
        optimality.optimality, pictures.optimality,
    ),
}  # fmt: skip


def complete(options):
    """Fill in what an experiment, or ``--quick``, decides and the user has not.

    Raises
    ------
    ValueError
        If the experiment does not take a family that is asked for.
    """
    quick = QUICK if options.quick else {"candidates": 30, "budget": 1.0}
    for name, value in quick.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    experiment = EXPERIMENTS.get(options.experiment)
    if options.families is None:
        options.families = list(experiment.families if experiment else DEFAULT)
    if experiment and experiment.allowed:
        for family in options.families:
            if family not in experiment.allowed:
                raise ValueError(
                    f"--experiment {options.experiment} takes the families "
                    f"{', '.join(experiment.allowed)}, and {family} is none of these."
                )


def best_models(records, asked, budget):
    """Return the best candidate of each family, as what ``optimality`` trains.

    Parameters
    ----------
    records : list of dict
    asked : list of Candidate
    budget : Budget

    Returns
    -------
    list of optimality.Model
    """
    by_key = {candidate.key: candidate for candidate in asked}
    chosen = [best(records, f) for f in dict.fromkeys(c.family for c in asked)]
    found = [by_key[record["family"], record["index"]] for record in chosen if record]
    return [optimality.model(candidate, budget) for candidate in found]


def report(name, records, source, options):
    """Show the tables of an experiment and leave them, the numbers and the picture in the folder.

    Parameters
    ----------
    name : str
        A key of ``EXPERIMENTS``.
    records : list of dict
    source : Source
    options : Namespace
        Of the command.

    Returns
    -------
    list of str
        The files.
    """
    experiment = EXPERIMENTS[name]
    result = experiment.analyse(records)
    tables = result.pop("tables")
    head = {
        "experiment": name,
        "question": experiment.question,
        "data": source.name,
        "seed": options.seed,
        "candidates": options.candidates,
        "budget": options.budget,
        "rows": [len(part) for part in (source.train, source.valid, source.test)],
    }
    return leave(
        options.output, name, _title(head), {**head, **result}, tables,
        lambda: experiment.draw(result, source.name),
    )  # fmt: skip


def _title(head):
    question = head["question"]
    return (
        f"### {head['experiment'].capitalize()} on {head['data']}: {question}\n\n"
        f"{head['candidates']} candidates a family, {head['budget']:g} of the standard training, "
        f"seed {head['seed']}, {', '.join(map(str, head['rows']))} rows."
    )
