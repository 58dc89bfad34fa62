"""Real processes for tests: with a signal's own answer, waited for, and ended whatever happens."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest

LONG = 120  # seconds; what takes milliseconds may take many of them on a busy machine
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks are POSIX's")

# In a job started in the background SIGINT is ignored, and what is ignored stays so in every
# child. Python gives a signal its answer back only where it finds the default at its start.
_RESTORED = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def python(*arguments):
    """Return the command that runs Python on arguments, with the default answer to signals.

    The folder where the tests run does not stand before the installed package.
    """
    restored = [sys.executable, "-S", "-c", _RESTORED] if os.name == "posix" else [sys.executable]
    return [*restored, "-P", *arguments]


@contextmanager
def started(*arguments, **options):
    """Run Python on arguments in a session of its own; kill all of it at the end of the block."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = python(*arguments)
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            kill(process)  # before the end of Popen's block, which waits


def finish(process):
    """Return the exit status, stdout and stderr of a process of ``started``, once it has ended."""
    out, err = process.communicate(timeout=LONG)
    return process.returncode, out, err


def kill(process):
    """Kill a process of ``started`` and whatever it has left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def members(process):
    """Return the ids of a process of ``started`` and of those it started, if they still run."""
    command = ["ps", "-A", "-o", "pid=,pgid=,stat="]
    table = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split() for line in table.stdout.splitlines()]
    # Z: it has ended, and nobody has asked how.
    return [int(pid) for pid, group, stat in rows if int(group) == process.pid and stat[0] != "Z"]


def until(condition, what, seconds=LONG):
    """Return what a condition gives once that is true; fail, saying ``what``, if it never is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(0.02)
    return found
