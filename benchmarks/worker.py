"""What runs in the process that is timed: prepares tasks, and times their calls.

A task is (module, function, *arguments): the function prepares, and returns what is timed. The
processes of ``peers.py`` import this file; those of ``against.py`` run it: see ``serve``.
"""

import json
import os
import statistics
import sys
import time
import warnings
from functools import lru_cache
from importlib import import_module


def prepare(module, function, *args):
    """Return the call that a task, (module, function, *args), prepares."""
    warnings.simplefilter("ignore")
    return getattr(import_module(module), function)(*args)


prepared = lru_cache(maxsize=2)(prepare)  # from one turn to the next


def last_value(task, calls):
    """Return what the last of some calls returns, from a fresh start: training goes on."""
    call = prepare(*task)
    for _ in range(calls):
        value = call()
    return value


def median_seconds(task, least=0.0, calls=1):
    """Return the median seconds of a call: at least so many calls, and so many seconds in all."""
    call = prepared(*task)
    seconds = []
    while len(seconds) < calls or sum(seconds) < least:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def tuples(value):
    """Return what JSON made of tuples: it knows lists only."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def answer(function, *args):
    """Return {"value": function(*args)}, or {"error": ...} in one line."""
    try:
        return {"value": function(*args)}
    except Exception as error:
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())}


def files():
    """Return where this process has our side of the contests and the package from."""
    return [import_module(name).__file__ for name in ("ours", "layerwise")]


def serve():
    """Answer lines of JSON until there are no more, each by a line of JSON (see ``answer``).

    The first line is not asked for: it has ``files()``. A question is ``[task, calls]``, and its
    answer ``median_seconds`` of so many calls. What the task prints goes to standard error.
    """
    with os.fdopen(os.dup(1), "w") as replies:
        os.dup2(2, 1)
        print(json.dumps(answer(files)), file=replies, flush=True)
        for line in sys.stdin:
            task, calls = json.loads(line)
            reply = answer(median_seconds, tuples(task), 0.0, calls)
            print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    serve()
