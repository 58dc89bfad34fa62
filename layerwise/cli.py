"""The command: which family of models fits best, in exact log-likelihoods."""

import argparse
import shlex
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import joblib

from layerwise._versions import __version__
from layerwise.datasets import sources
from layerwise.model_selection import comparison
from layerwise.model_selection.records import Records, fingerprint
from layerwise.model_selection.spaces import FAMILIES
from layerwise.plots import ComparisonDisplay, SamplesDisplay

CANDIDATES, SEED, OUTPUT = 30, 1212, "layerwise-compare"  # defaults
N_IMAGES = 24  # of each panel of samples.png

DESCRIPTION = """\
Compare families of generative models by exact log-likelihood, in nats per row (higher is better).

From each family, random configurations are trained on a third of the rows; the best on the
second third (validation) is reported, with its log-likelihood on the last third (test).

families:
"""
DESCRIPTION += "\n".join(f"  {name:<11} {text}" for name, text in FAMILIES.items())
EPILOG = """\
The folder gets results.jsonl (a line for each candidate), comparison.png and samples.png. If the
command is interrupted, the same command goes on where it stopped; with more candidates or
families it adds them. The same seed gives the same numbers for any --jobs.
"""


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence, without the usage."""

    def error(self, message):
        raise ValueError(message)


def main(argv=None):
    """Run the command and return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments after the command's name. None is for those of the process.

    Returns
    -------
    int
        0; 2 if something asked for cannot be; 130 if interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        # Whatever a user can get wrong is refused before any work: an error later is our own.
        try:
            options = read_options(argv)
            prepared = _prepare(options)
        except ValueError as error:
            _say(error)
            return 2
        _compare(options, *prepared)
    except KeyboardInterrupt:
        command = shlex.join(["layerwise", *argv])
        _say(f"interrupted; what is done is kept, and the same command resumes: {command}")
        return 130
    return 0


def read_options(argv):
    """Return the options that arguments ask for, or raise a ValueError of one sentence."""
    parser = Parser(prog="layerwise", description="Deep generative models, a layer at a time.")
    parser.add_argument("--version", action="version", version=f"layerwise {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    compare = commands.add_parser(
        "compare",
        help="compare families of models by exact log-likelihood",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument(
        "--data",
        default="tea",
        metavar="tea|digits|FILE",
        help="tea (default), scikit-learn's digits made binary, or a .npy or .csv file of rows of "
        "values in [0, 1] without a header; values in between are drawn once as 0 or 1, and the "
        "rows are split into thirds, both under the seed",
    )
    compare.add_argument(
        "--families",
        nargs="+",
        choices=list(FAMILIES),
        default=list(FAMILIES),
        metavar="FAMILY",
        help=f"which to compare (default: {' '.join(FAMILIES)})",
    )
    compare.add_argument(
        "--candidates",
        type=_whole(1),
        default=CANDIDATES,
        metavar="N",
        help="random configurations of each family (default: %(default)s)",
    )
    compare.add_argument(
        "--seed",
        type=_whole(0, 2**32 - 1),
        default=SEED,
        help="of the split, the configurations and the training (default: %(default)s)",
    )
    compare.add_argument(
        "--jobs",
        type=_whole(1),
        default=joblib.cpu_count(),
        metavar="N",
        help="processes (default: as many as processors, here %(default)s)",
    )
    compare.add_argument(
        "--output",
        type=Path,
        default=Path(OUTPUT),
        metavar="DIR",
        help="folder of the results (default: %(default)s)",
    )
    return parser.parse_args(argv)


def _whole(least, most=None):
    """Return a reader of whole numbers within bounds."""

    def read(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < least or (most is not None and value > most):
            bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number {bounds}.")
        return value

    return read


def _prepare(options):
    """Return the rows, the records of the folder and the candidates asked for."""
    source = sources.load(options.data, options.seed)
    families = list(dict.fromkeys(options.families))
    asked = comparison.candidates(families, options.candidates, options.seed)
    records = _open(options.output, source, options.seed)
    records.of(asked)  # refuses those of another search space
    return source, records, asked


def _compare(options, source, records, asked):
    """Train what is not done yet; leave the table, the records and the pictures."""
    todo = [candidate for candidate in asked if candidate not in records]
    done = len(asked) - len(todo)
    by_key = {candidate.key: candidate for candidate in asked}
    if done:
        _say(f"{done} of {len(asked)} candidates stand in {records.path} already.")

    with _progress(len(asked), done) as advance:
        for record in comparison.run(todo, source, options.jobs):
            records.add(by_key[record["family"], record["index"]], record)
            advance(record)
    records.sort(FAMILIES)

    found = records.of(asked)
    best = {c.family: comparison.best(found, c.family) for c in asked}
    baselines = comparison.baselines(source)
    print(_table(best, baselines, source, options))
    _draw(found, best, baselines, source, options, by_key)


def _open(folder, source, seed):
    """Return the records of the folder, which is made if it is not there."""
    settings = {
        "data": source.name,
        "seed": seed,
        "fingerprint": fingerprint(source.train, source.valid, source.test),
        "version": __version__,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        records = Records(folder / "results.jsonl", settings)
        with open(records.path, "a", encoding="utf-8"):
            pass  # may it be written to? Better asked now than after the first candidate
    except OSError as error:
        raise ValueError(
            f"--output {folder} cannot be used: {error.strerror or error}."
        ) from error
    return records


def _table(best, baselines, source, options):
    """Return the best of each family between the baselines, as text."""
    head = ("", "training", "validation", "test", "BLM", "parameters", "seconds")
    rows = [(name, *map(_nats, values), "", "", "") for name, values in baselines.items()]
    below = [row for row in rows if row[0] != "perfect model"]
    above = [row for row in rows if row[0] == "perfect model"]
    for family, record in best.items():
        if record is None:
            below.append((family, *["-"] * 5, "none could be trained"))
            continue
        scores = (*(record[name] for name in comparison.SCORES), record["blm_valid"])
        below.append(
            (
                family,
                *map(_nats, scores),
                f"{record['n_parameters']:,}",
                f"{record['seconds']:.1f}",
            )
        )
    rows = [head, *below, *above]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "   ".join(
            f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(len(line) for line in lines)
    sizes = ", ".join(str(len(part)) for part in (source.train, source.valid, source.test))
    return "\n".join(
        [
            f"\nLog-likelihood on {source.name}, exact, in nats per row (higher is better).",
            f"Of {options.candidates} of each family, the best on validation; "
            f"{sizes} rows; seed {options.seed}.\n",
            lines[0],
            rule,
            *lines[1:],
            rule,
            "BLM: the most that any model on the same bottom layer could reach on validation.",
            "parameters: generative ones; inference is not counted. seconds: of training.",
        ]
    )


def _nats(value):
    return f"{value:.2f}"


def _draw(found, best, baselines, source, options, by_key):
    """Leave the two pictures in the folder, or say why not."""
    chosen = [by_key[r["family"], r["index"]] for r in best.values() if r is not None]
    pictures = [options.output / name for name in ("comparison.png", "samples.png")]
    try:
        display = ComparisonDisplay(found, baselines=baselines, name=source.name).plot()
    except ImportError as error:
        _say(f"{pictures[0].name} and {pictures[1].name} are not drawn: {error}")
        return
    display.figure_.savefig(pictures[0], dpi=150, bbox_inches="tight")
    drawn = comparison.samples(chosen, source, N_IMAGES, options.jobs)
    panels = {"training data": source.train[:N_IMAGES], **drawn}
    display = SamplesDisplay(panels, image_shape=source.image_shape).plot()
    display.figure_.savefig(pictures[1], dpi=150, bbox_inches="tight")
    print(f"\nIn {options.output}: results.jsonl, {pictures[0].name}, {pictures[1].name}")


def _say(text):
    print(f"layerwise: {text}", file=sys.stderr)


@contextmanager
def _progress(total, done):
    """Show what is done on stderr: a bar on a terminal, where rich is installed; else lines."""
    if total == done:
        yield lambda record: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    except ImportError:
        Console = None
    if Console is None or not sys.stderr.isatty():
        yield _lines(total, done)
        return
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("training", total=total, completed=done)
        yield lambda record: bar.update(task, advance=1, description=_describe(record))


def _lines(total, done):
    start = time.monotonic()

    def advance(record):
        nonlocal done
        done += 1
        elapsed = time.monotonic() - start
        _say(f"{done:>{len(str(total))}} of {total}, {elapsed:.0f} s: {_describe(record)}")

    return advance


def _describe(record):
    value = record["valid_ll"]
    what = "diverged" if value is None else f"{value:.2f} nats on validation"
    return f"{record['family']} {record['index']}: {what}"
