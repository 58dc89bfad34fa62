"""The command: which family of models fits best, in exact log-likelihoods."""

import argparse
import math
import shlex
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import joblib

from layerwise._versions import __version__
from layerwise.compare import arms, command
from layerwise.compare.experiments import EXPERIMENTS, QUICK
from layerwise.compare.families import DEFAULT, FAMILIES
from layerwise.compare.papers import PAPERS
from layerwise.compare.terminal import say

SEED, OUTPUT = 1212, "layerwise-compare"  # defaults

DESCRIPTION = """\
Compare families of generative models by exact log-likelihood, in nats per row (higher is better).

From each family, random configurations are trained on one part of the rows; the best on the second
part (validation) is reported, with its log-likelihood on the last part (test).

families:
"""
DESCRIPTION += "\n".join(f"  {name:<11} {text}" for name, text in FAMILIES.items())
DESCRIPTION += "\n\nexperiments, after Arnold and Ollivier (2013):\n"
DESCRIPTION += "\n".join(f"  {name:<11} {it.question}" for name, it in EXPERIMENTS.items())
DESCRIPTION += "\n\nexperiments of neighbouring papers:\n"
DESCRIPTION += "\n".join(f"  {name:<21} {paper.question}" for name, paper in PAPERS.items())
EPILOG = """\
The folder gets results.jsonl (a line for each candidate), comparison.png, samples.png and, from
the moment it is found, the best model of each family: joblib.load("layerwise-compare/aeri.joblib")
has score, transform and sample. If the command is interrupted, the same command goes on where it
stopped; with more candidates or families it adds them. The same seed gives the same numbers for
any --jobs.
"""


# Signals that end the command, and what it says then.
ENDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    ENDS[signal.SIGHUP] = "the terminal is gone"


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence, without the usage."""

    def error(self, message):
        raise ValueError(message)


class Ended(KeyboardInterrupt):
    """A signal asks for the end, as Ctrl-C does: the same way out serves all.

    Parameters
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def main(argv=None):
    """Run the command and return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments after the command's name. None is for those of the process.

    Returns
    -------
    int
        0; 1 if something could not be written; 2 if something asked for cannot be; 130 if
        interrupted, 143 if terminated, 129 if the terminal is gone.
    """
    argv = sys.argv[1:] if argv is None else argv
    resume = f"the same command resumes: {shlex.join(['layerwise', *argv])}"
    try:
        with _signals_raise(), ExitStack() as stack:
            # Whatever a user can get wrong is refused before any work: an error later is our own.
            try:
                options = read_options(argv)
                room = arms if options.experiment in PAPERS else command
                found = stack.enter_context(room.prepared(options))
            except ValueError as error:
                say(error)
                return 2
            room.compare(options, *found)
    except KeyboardInterrupt as end:
        number = getattr(end, "number", signal.SIGINT)
        say(f"{ENDS[number]}; what is done is kept, and {resume}")
        return 128 + number
    except OSError as error:
        what = error.filename or "a file"
        why = error.strerror or error
        say(f"{what} could not be written: {why}; what is done is kept. Make room, and {resume}")
        return 1
    return 0


@contextmanager
def _signals_raise():
    """Let every signal that would end the process at once end it the way that Ctrl-C does.

    Its workers would go on waiting for work otherwise. A signal that is ignored, as after nohup,
    or that somebody else handles is left alone.
    """
    at_once = (signal.SIG_DFL, signal.default_int_handler)
    taken = {}
    if threading.current_thread() is threading.main_thread():
        taken = {number: signal.getsignal(number) for number in ENDS}
        taken = {number: handler for number, handler in taken.items() if handler in at_once}

    def end(number, frame):
        # Once is enough: terminals and shells send some twice, and the second would interrupt
        # the way out, with workers left behind.
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        raise Ended(number)

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


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
        metavar="tea|digits|cmnist|mnist|FILE",
        help="tea (default, in thirds), scikit-learn's digits, 1 where a pixel is at least half "
        "of the most (1,000, 397 and 400 rows), cmnist, the centres of MNIST's digits (4,000 rows "
        "each; downloaded, unless LAYERWISE_MNIST names a folder with mnist_20k.npz), mnist, "
        "whole, with labels (14,000, 3,000 and 3,000 rows; for the experiments of neighbouring "
        "papers, which take digits too), or a .npy "
        "or .csv file of rows of values in [0, 1] without a header (in thirds); values in between "
        "are drawn once as 0 or 1, and rows are split, both under the seed",
    )
    compare.add_argument(
        "--families",
        nargs="+",
        choices=list(FAMILIES),
        metavar="FAMILY",
        help=f"which to compare (default: {' '.join(DEFAULT)}, or those of the experiment)",
    )
    compare.add_argument(
        "--experiment",
        choices=[*EXPERIMENTS, *PAPERS],
        metavar="|".join([*EXPERIMENTS, *PAPERS]),
        help="answer a question too: by tables (.md, .json) and a picture in the folder; "
        "experiments on the same families share their candidates",
    )
    compare.add_argument(
        "--quick",
        action="store_true",
        help=f"unless they are given: --candidates {QUICK['candidates']} --budget "
        f"{QUICK['budget']:g}; seconds, to see what comes",
    )
    compare.add_argument(
        "--candidates",
        type=_whole(1),
        metavar="N",
        help="random configurations of each family, 1,000 in the paper (default: 30)",
    )
    compare.add_argument(
        "--budget",
        type=_positive,
        metavar="FACTOR",
        help="how long each is trained: part of, or times, the standard number of steps "
        "(default: 1)",
    )
    compare.add_argument(
        "--splits",
        type=_whole(2),
        metavar="N",
        help="of experiments of neighbouring papers: how many splits of the rows, whose seeds "
        "follow --seed (default: 5)",
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


def _positive(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number.")
    return value


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
