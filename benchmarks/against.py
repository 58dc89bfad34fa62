"""The present version beside an older one: our side of the rows of peers.py, taking turns.

    python benchmarks/against.py OLD [--threads 1 2] [--only SUBSTRING] [--rounds 15] [--quick]

OLD is a git revision; the present version is the working tree with its uncommitted changes. Both
are built alike, by the Python that runs this file and from copies in a temporary folder; what is
needed for it is in the extra "dev". Compiled kernels stay in a folder (``--cache``) for the next
run. Each version runs in a process of its own and times the tasks of its own ours.py, so names
inside the package may change between versions.
"""

import argparse
import getpass
import hashlib
import io
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import peers
from sides import PAUSE, VARIABLES

ROOT = Path(__file__).resolve().parents[1]
SLOW = 0.95  # a ratio below is marked
BOX, FEWEST = 15, 3  # a row ends after so many seconds, but not before so many rounds
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")  # of extension modules
COMPILER = ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED")  # what the build asks for


class Refused(Exception):
    """What was asked cannot be done, in one sentence."""


# ---- two versions, built alike ---------------------------------------------------------------


class Version(NamedTuple):
    """A version of the sources: what to call it, and the hash of its tree in git."""

    name: str
    tree: str


def git(*args, **environment):
    """Return what git prints, as bytes."""
    command = ["git", "-C", str(ROOT), *args]
    try:
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, check=True
        )
    except FileNotFoundError:
        raise Refused("Git is not installed, and versions come from it.") from None
    except subprocess.CalledProcessError as failed:
        reason = failed.stderr.decode(errors="replace").strip()
        raise Refused(f"`git {args[0]}` failed in {ROOT}: {reason}") from None
    return done.stdout


def older(revision):
    """Return the version of a git revision."""
    git("rev-parse", "--git-dir")  # refuses where there is no repository
    try:
        what = f"{revision}^{{commit}}"
        commit = git("rev-parse", "--verify", "--end-of-options", what).decode().strip()
    except Refused:
        raise Refused(
            f'"{revision}" is no revision that git knows here; '
            "give a commit, a tag or a branch, such as HEAD~1."
        ) from None
    if not git("ls-tree", commit, "benchmarks/ours.py"):
        raise Refused(f'"{revision}" has no benchmarks/ours.py, so it cannot be timed.')
    tree = git("rev-parse", f"{commit}^{{tree}}").decode().strip()
    return Version(f"{revision} ({commit[:9]})", tree)


def present():
    """Return the version of the working tree, new files and all. The index stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git("read-tree", "HEAD", **index)
        git("add", "--all", ".", **index)
        tree = git("write-tree", **index).decode().strip()
    commit = git("rev-parse", "HEAD").decode().strip()
    changed = tree != git("rev-parse", "HEAD^{tree}").decode().strip()
    return Version(f"the working tree, {commit[:9]}{' and changes' if changed else ''}", tree)


def unpack(version, folder, cache):
    """Unpack a version into a folder, and put its compiled kernels where they belong."""
    archive = git("archive", "--format=zip", version.tree)
    zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
    compiled = cache / key(version)
    if not compiled.exists():
        compile_into(compiled, version, folder)
    shutil.copytree(compiled, folder, dirs_exist_ok=True)


def key(version):
    """Return a name for the compiled kernels of a version: it says all that they depend on."""
    files = git("ls-tree", "-r", version.tree, "setup.py", "layerwise").decode().splitlines()
    sources = [file for file in files if not file.endswith((".py", ".pyi"))]
    sources += [file for file in files if file.endswith("\tsetup.py")]
    try:
        cython = metadata.version("Cython")
    except metadata.PackageNotFoundError:
        raise Refused('Kernels are compiled by Cython, which the extra "dev" installs.') from None
    conditions = [SUFFIX, cython, *map(os.environ.get, COMPILER)]
    return hashlib.sha256(repr([sources, conditions]).encode()).hexdigest()[:16]


def compile_into(compiled, version, folder):
    """Compile the kernels of a version in its folder, and keep them in another."""
    print(f"compiling the kernels of {version.name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "LAYERWISE_DEBUG"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        raise Refused(f"The build of {version.name} failed, as printed above.")
    compiled.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=compiled.parent) as unfinished:
        kept = Path(unfinished) / "kept"
        for file in (folder / "layerwise").rglob(f"*{SUFFIX}"):
            target = kept / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        if not compiled.exists():  # another run may have been faster
            kept.rename(compiled)


# ---- one process for each --------------------------------------------------------------------


class Failed(Exception):
    """A version could not run a task."""


class Worker:
    """The process of one version with so many threads: worker.py of the present version.

    It is asked and answers by lines of JSON: see ``worker.serve``. All that the two versions
    need to agree on are the functions of ours.py, by their names and arguments.
    """

    def __init__(self, root, threads):
        self.name, self.threads = f"the {root.name} version", threads
        path = [str(root / "benchmarks"), str(root), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, **dict.fromkeys(VARIABLES, str(threads))}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        self.process = subprocess.Popen(
            # -P: the folder of worker.py, where the present ours.py is, stays out of the path.
            [sys.executable, "-P", Path(__file__).with_name("worker.py")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C comes to this process alone, which ends its workers
        )
        try:
            found = self.answer()
            if not all(Path(file).resolve().is_relative_to(root) for file in found):
                raise Failed(
                    f"{self.name}: it imports {' and '.join(found)}, not what is in {root}"
                )
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.end()

    def end(self):
        """End the process, whatever it does."""
        self.process.kill()
        self.process.communicate()

    def answer(self):
        """Return the next answer."""
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"The process of {self.name} ended with status {self.process.wait()}.")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}")
        return answer["value"]

    def seconds(self, task, calls):
        """Return the median seconds of a call."""
        if self.threads > 1:
            time.sleep(PAUSE)
        try:
            self.process.stdin.write(json.dumps([("ours", *task), calls]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer tells
        return self.answer()


# ---- the table -------------------------------------------------------------------------------

HEAD = ("row", "threads", "old ms", "new ms", "old / new", "in pairs", "quartiles", "rounds", "")
WIDTHS = (50, 7, 9, 9, 9, 8, 14, 6, 6)


def rows(long):
    """Return our tasks in the contests, each once, by name."""
    names = {}
    for contest in peers.all_contests(long):
        # The same task stands in several contests; the shortest name says nothing of the rival.
        name = names.setdefault(contest.ours, contest.name)
        names[contest.ours] = min(name, contest.name, key=len)
    return {name: task for task, name in names.items()}


def race(task, workers, options):
    """Return seconds of the old and the new version, one pair for each round.

    All turns have the same number of calls: time may depend on how long a model was trained.
    """
    start = time.perf_counter()
    first = [worker.seconds(task, 1) for worker in workers]  # prepares, too
    if max(first) < options.least:
        first = [worker.seconds(task, 1) for worker in workers]
    calls = math.ceil(options.least / min(first))
    pairs = []
    while len(pairs) < options.rounds:
        if len(pairs) >= FEWEST and time.perf_counter() - start > BOX:
            break
        pairs.append([worker.seconds(task, calls) for worker in workers])
    return np.array(pairs)


def figures(pairs):
    """Return the cells of a row that follow from its pairs, and the median of their ratios."""
    old, new = (statistics.median(column) for column in pairs.T)
    low, middle, high = np.quantile(pairs[:, 0] / pairs[:, 1], (0.25, 0.5, 0.75))
    cells = [f"{1000 * old:.4g}", f"{1000 * new:.4g}", f"{old / new:.3f}", f"{middle:.3f}"]
    return [*cells, f"{low:.3f} to {high:.3f}", len(pairs)], middle


def line(*cells):
    """Return a row of the table, as Markdown."""
    return peers.row(*cells, widths=WIDTHS)


def table(chosen, roots, options):
    """Print the table, and return how many of its rows are marked, and how many have figures."""
    print(line(*HEAD), line(*("-" * width for width in WIDTHS)), sep="\n", flush=True)
    ratios = []
    for threads in options.threads:
        with ExitStack() as stack:
            try:
                workers = [stack.enter_context(Worker(root, threads)) for root in roots]
            except Failed as failed:
                raise Refused(f"Could not start {failed}.") from None
            for name, task in chosen.items():
                try:
                    cells, ratio = figures(race(task, workers, options))
                except Failed as failed:
                    print(line(name, threads, f"not timed by {failed}"), flush=True)
                    continue
                ratios.append(ratio)
                mark = "SLOWER" if ratio < SLOW else ""
                print(line(name, threads, *cells, mark), flush=True)
    return sum(ratio < SLOW for ratio in ratios), len(ratios)


def counts(text):
    """Return a whole number above zero, as argparse asks for it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number above zero')
    return int(text)


def arguments():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", metavar="OLD", help="a git revision, such as HEAD~1")
    parser.add_argument("--threads", type=counts, nargs="+", default=[1, 2], help="of each row")
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="in the name of the row")
    parser.add_argument("--rounds", type=counts, default=15, help="turns of each version, at most")
    parser.add_argument("--quick", action="store_true", help="one short turn of each version")
    parser.add_argument("--long", action="store_true", help="also what takes minutes")
    cache = Path(tempfile.gettempdir()) / f"layerwise-against-{getpass.getuser()}"
    parser.add_argument("--cache", type=Path, default=cache, metavar="FOLDER", help="of kernels")
    options = parser.parse_args()
    options.least = 0.1
    if options.quick:
        options.rounds, options.least = 1, 0.01
    return options


def compare(options):
    """Build both versions, and print the table."""
    tasks = rows(options.long)
    chosen = {name: task for name, task in tasks.items() if options.only.lower() in name.lower()}
    if not chosen:
        raise Refused(f'No row has "{options.only}" in its name; there are: {"; ".join(tasks)}.')
    versions = older(options.old), present()
    with tempfile.TemporaryDirectory() as folder:
        roots = [Path(folder).resolve() / side for side in ("old", "new")]
        for version, root in zip(versions, roots):
            unpack(version, root, options.cache.resolve())
        begin = time.perf_counter()
        print(
            f"old: {versions[0].name}\nnew: {versions[1].name}\n{os.cpu_count()} cores; "
            f"ratios are old / new: above 1, the new version is faster.\n"
        )
        marked, timed = table(chosen, roots, options)
    print(
        f"\n{marked} of {timed} rows below {SLOW:g} in pairs; "
        f"{time.perf_counter() - begin:.0f} s in all."
    )


def main():
    """Return the exit status: 2 for what cannot be done, 130 after Ctrl-C."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that workers and folders end, too
    try:
        compare(options)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
