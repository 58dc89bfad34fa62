"""What every experiment does: hold a folder, train what is not done yet, and leave files."""

import json
import time
from contextlib import contextmanager

from layerwise._versions import __version__
from layerwise.compare.records import Records, held
from layerwise.compare.terminal import is_terminal, say, show
from layerwise.model_selection.files import replaced
from layerwise.model_selection.records import fingerprint
from layerwise.numerics import jobs

__all__ = ["held_folder", "leave", "open_records", "save", "train"]


@contextmanager
def held_folder(folder):
    """Make a folder and hold it, or raise a ValueError of one sentence that it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    with held(folder):
        yield


def open_records(path, arrays, **settings):
    """Return the records of a file, which is made if it is not there.

    Parameters
    ----------
    path : path
    arrays : sequence of ndarray
        The rows that the records are of.
    **settings : dict
        What else every record must have been made with.

    Raises
    ------
    ValueError
        If the file was left by other settings, or cannot be written to.
    """
    settings |= {"fingerprint": fingerprint(*arrays), "version": __version__}
    try:
        records = Records(path, settings)
        with open(records.path, "a", encoding="utf-8"):
            pass  # may it be written to? Better asked now than after the first candidate
    except OSError as error:
        raise _unusable(path.parent, error) from error
    return records


def _unusable(folder, error):
    return ValueError(f"--output {folder} cannot be used: {error.strerror or error}.")


def train(asked, records, data, n_jobs, evaluate, describe, offer=lambda record, estimator: None):
    """Train the candidates that have no record, and keep the record of each as it is done.

    Parameters
    ----------
    asked : list of candidates
        With ``key``, ``family`` and ``describe()``.
    records : Records
    data : object
        What ``evaluate`` takes beside a candidate.
    n_jobs : int
        Processes.
    evaluate : callable
        From a candidate and the data to its record, with ``family`` and ``index``, and an object.
    describe : callable
        From a record to a line on it.
    offer : callable, default=None
        Gets each record and its object.
    """
    todo = [candidate for candidate in asked if candidate not in records]
    by_key = {candidate.key: candidate for candidate in asked}
    done = len(asked) - len(todo)
    if done:
        say(f"{done} of {len(asked)} candidates stand in {records.path} already.")
    with _progress(len(asked), done, describe) as advance:
        for record, made in run(todo, data, n_jobs, evaluate):
            offer(record, made)
            records.add(by_key[record["family"], record["index"]], record)
            advance(record)


def run(todo, data, n_jobs, evaluate):
    """Yield what ``evaluate`` returns for each candidate as it is done, in any order.

    Records do not depend on the number of processes, save for ``seconds``.
    """
    yield from jobs.run(evaluate, [(candidate, data) for candidate in todo], n_jobs)


@contextmanager
def _progress(total, done, describe):
    """Show what is done on stderr: a bar on a terminal, where rich is installed; else lines."""
    if total == done:
        yield lambda record: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    except ImportError:
        Console = None
    if Console is None or not is_terminal():
        yield _lines(total, done, describe)
        return
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("training", total=total, completed=done)
        yield lambda record: bar.update(task, advance=1, description=describe(record))


def _lines(total, done, describe):
    start = time.monotonic()

    def advance(record):
        nonlocal done
        done += 1
        elapsed = time.monotonic() - start
        say(f"{done:>{len(str(total))}} of {total}, {elapsed:.0f} s: {describe(record)}")

    return advance


def leave(folder, name, title, told, tables, draw):
    """Show tables, and leave them, all that was found and its picture in a folder.

    Parameters
    ----------
    folder : path
    name : str
        Of the experiment, and so of its files.
    title : str
        Of the page, as markdown.
    told : dict
        What was found, as JSON.
    tables : list of Table
    draw : callable
        Returns the figure.

    Returns
    -------
    list of str
        The files.
    """
    for table in tables:
        show(f"\n{table.text()}")
    files = [f"{name}.json", f"{name}.md"]
    told = {**told, "tables": [table.as_dict() for table in tables]}
    content = json.dumps(told, allow_nan=False, indent=1) + "\n"
    page = "\n\n".join([title, *(table.markdown() for table in tables)]) + "\n"
    for file, text in zip(files, (content, page)):
        with replaced(folder / file) as beside:
            beside.write_text(text, encoding="utf-8")
    try:
        figure = draw()
    except ImportError as error:
        say(f"{name}.png is not drawn: {error}")
        return files
    save(figure, folder / f"{name}.png", dpi=120)
    return [*files, f"{name}.png"]


def save(figure, path, *, dpi):
    """Leave a figure as a file, whole or not at all."""
    with replaced(path) as beside:
        figure.savefig(beside, format="png", dpi=dpi, bbox_inches="tight")
