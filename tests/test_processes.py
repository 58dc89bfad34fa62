"""What processes do to each other: signals, forks, full disks, two at once. All are real."""

import json
import os
import signal
import subprocess
import sys
import time

import joblib
import processes
import pytest
from joblib.externals.loky import process_executor

from layerwise.compare.records import held
from layerwise.numerics import jobs

pytestmark = processes.posix

FORK = """
import hashlib, os
import numpy as np
from layerwise import CD, RBM
from layerwise.numerics import runtime

rows = np.random.default_rng(353).integers(0, 2, (20_000, 100)).astype(np.float32)
rbm = RBM(64, trainer=CD(n_passes=1), random_state=353).fit(rows)


def show():
    digest = hashlib.sha256(rbm.transform(rows).tobytes()).hexdigest()
    print(runtime.count(rows.size * 64), digest, flush=True)


show()
child = os.fork()
if not child:
    show()
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
show()
raise SystemExit(status)
"""


def test_a_forked_child_takes_one_thread_to_the_same_bits():
    """A child of ``os.fork``, as of ``multiprocessing`` before Python 3.14, waited for ever.

    OpenMP had started threads in its parent, the child counted on them, and it has none.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    with processes.started("-c", FORK, env=environment) as process:
        status, out, err = processes.finish(process)
    assert status == 0, err
    before, child, after = (line.split() for line in out.splitlines())
    assert before == after  # its parent keeps its 2 threads, or 1 in a build without OpenMP
    assert child == ["1", before[1]]


# Single RBMs are trained in a moment, and others until somebody ends them.
COMPARE = """
import sys
from layerwise import cli
from layerwise.compare import families

families.RBM_STEPS, families.TOP_STEPS, families.AE_STEPS = 9, 10**7, 3 * 10**7
if "--limit" in sys.argv:
    import resource
    limit = int(sys.argv.pop(sys.argv.index("--limit") + 1))
    sys.argv.remove("--limit")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
sys.exit(cli.main(sys.argv[1:]))
"""


def compare(folder, *options, jobs=2, **popen):
    """Start the command, without pictures: matplotlib would take most of the time."""
    arguments = ("compare", "--output", str(folder), "--jobs", str(jobs), *options)
    without = COMPARE.replace("import sys\n", "import sys\nsys.modules['matplotlib'] = None\n", 1)
    return processes.started("-c", without, *arguments, **popen)


def records(folder):
    try:
        return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    except FileNotFoundError:
        return []


def workers(process):
    # -ww: whole lines, however wide the terminal is said to be.
    command = ["ps", "-A", "-ww", "-o", "pgid=,args="]
    table = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in table.stdout.splitlines() if "popen_loky" in line]
    return [line for line in lines if int(line.split()[0]) == process.pid]


@pytest.mark.parametrize("moment", ["at once", "at work"])
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "the terminal is gone"),
    ],
)
def test_every_signal_ends_the_command_in_one_way(tmp_path, number, status, word, moment):
    """SIGTERM left the workers idling for minutes, and not a word of how to go on.

    While the workers started, a signal to all of them (Ctrl-C, a terminal that closes,
    ``timeout``) gave tracebacks: theirs, joblib's, or its cleaner's.
    """
    out = tmp_path / "out"
    with compare(out, "--families", "rbm", "aeri", "--candidates", "3") as process:
        if moment == "at once":
            processes.until(lambda: workers(process), "a worker")
            os.killpg(process.pid, number)
        else:
            processes.until(lambda: records(out), "the first record")
            # Twice: the second would interrupt the way out.
            process.send_signal(number)
            process.send_signal(number)
        sent = time.monotonic()
        found = processes.finish(process)
        processes.until(lambda: not processes.members(process), "the workers' end", seconds=30)
        took = time.monotonic() - sent
    assert found[:2] == (status, "")
    said = found[2].splitlines()
    assert said[-1].startswith(f"layerwise: {word}; what is done is kept, and the same command ")
    assert said[-1].endswith(
        f"layerwise compare --output {out} --jobs 2 --families rbm aeri --candidates 3"
    )
    assert all(line.startswith("layerwise: ") for line in said)
    # The way out takes a second or two; idle workers would stay for five minutes.
    assert took < 60
    with held(out):  # and the folder is free
        # A record is kept before its line is printed, and the signal may come in between.
        told = sum("nats on validation" in line for line in said)
        assert len(records(out)) - told in ((0,) if moment == "at once" else (0, 1))


@pytest.mark.parametrize("pause", [0, 0.03])
def test_workers_that_are_not_wanted_any_more_are_ended_in_silence(pause, monkeypatch):
    """On a full disk joblib warned of cancelled tasks before the sentence came.

    And loky's thread, slow here, took a new job as it was told to end, and died of a KeyError.
    """
    thread = process_executor._ExecutorManagerThread
    is_ended = thread.is_shutting_down
    monkeypatch.setattr(thread, "is_shutting_down", lambda it: time.sleep(pause) or is_ended(it))
    # Jobs that are far from done, but for one.
    results = jobs.run(time.sleep, [(0,), *[(600,)] * 20], 2)
    next(results)
    results.close()  # a warning is an error here


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_a_sentence(tmp_path):
    """The table ended in a traceback, and in another one when Python emptied its buffers."""
    with (
        open("/dev/full", "w") as full,
        compare(
            tmp_path, "--families", "rbm", "--candidates", "1", jobs=1, stdout=full
        ) as process,
    ):
        status, _, err = processes.finish(process)
    assert status == 1
    assert "stdout could not be written: No space left on device; what is done is kept." in err
    assert all(line.startswith("layerwise: ") for line in err.splitlines())
    assert len(records(tmp_path)) == 1


def test_a_file_that_does_not_fit_is_a_sentence_and_leaves_no_half(tmp_path):
    """A full disk gave a traceback, then "a file"; the half took the room the next would need."""
    options = ("--families", "rbm", "--candidates", "2")
    # Bytes of a file: less than any model's, more than a record's or what OpenMP shares (1,024).
    limit = ("--limit", "1500")
    with compare(tmp_path, *options, *limit, jobs=1) as process:
        status, out, err = processes.finish(process)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert f"{tmp_path / 'rbm.joblib'} could not be written: File too large; what is done" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.jsonl"]
    with compare(tmp_path, *options, jobs=1) as process:
        status, out, err = processes.finish(process)
    assert status == 0, err
    assert joblib.load(tmp_path / "rbm.joblib").n_components >= 1


def test_a_reader_that_leaves_is_no_error(tmp_path):
    """``layerwise compare | head -1`` ended in a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with (
        open(writing, "w") as nobody,
        compare(
            tmp_path, "--families", "rbm", "--candidates", "1", jobs=1, stdout=nobody
        ) as process,
    ):
        status, _, err = processes.finish(process)
    assert status == 0
    assert all(line.startswith("layerwise: ") for line in err.splitlines())
    assert len(records(tmp_path)) == 1


def test_a_second_comparison_in_a_folder_is_refused_in_a_sentence(tmp_path):
    """Two at once lost each other's records: each rewrote the file from its own memory."""
    options = ("--families", "rbm", "aeri", "--candidates", "1")
    with compare(tmp_path, *options) as first:
        processes.until(lambda: records(tmp_path), "the first record")
        with compare(tmp_path, *options) as second:
            status, out, err = processes.finish(second)
        assert (status, out) == (2, "")
        assert err.startswith(f"layerwise: another comparison is running in {tmp_path}, and ")
        assert err.count("\n") == 1
        assert first.poll() is None
        first.kill()  # no way out is taken, and its workers stay for a while
        first.wait()
        with held(tmp_path):
            assert [record["family"] for record in records(tmp_path)] == ["rbm"]


def test_children_of_these_tests_answer_signals_where_the_tests_ignore_them():
    """In a job started in the background SIGINT is ignored: tests of Ctrl-C failed or hung."""
    ignoring = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "sys.exit(subprocess.call(sys.argv[1:]))"
    )
    asking = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    for command, answer in [
        ([sys.executable, "-c", asking], "True"),
        (processes.python("-c", asking), "False"),
    ]:
        done = subprocess.run(
            [sys.executable, "-c", ignoring, *command], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == answer
