"""Long sums over states: spread over processes, told about, interrupted."""

import os
import re
import signal
import time

import joblib
import numpy as np
import processes
import pytest
from sklearn.exceptions import NotFittedError

from layerwise import RBM, log_partition
from layerwise.estimators import likelihood as faces
from layerwise.likelihood import partition
from layerwise.models.rbm import RBMParams
from layerwise.numerics import enumerate as enumeration


def machine(n_visible, n_hidden, seed=151):
    rng = np.random.default_rng(seed)
    return RBMParams(
        rng.normal(scale=0.3, size=(n_hidden, n_visible)),
        rng.normal(size=n_visible),
        rng.normal(size=n_hidden),
    )


@pytest.fixture(scope="module")
def large():
    """Of four parts, with hidden units listed."""
    return machine(24, 23)


def test_jobs_and_their_threads_do_not_change_a_bit(large):
    whole = log_partition(large).value
    assert log_partition(large, n_jobs=1).value == whole
    assert log_partition(large, n_jobs=2).value == whole
    with joblib.parallel_config(backend="loky", n_jobs=3, inner_max_num_threads=3):
        assert log_partition(large).value == whole


def test_no_worker_is_started_for_a_small_sum(monkeypatch):
    monkeypatch.setattr(partition.jobs, "run", None)
    log_partition(machine(30, 12), n_jobs=2)


def test_jobs_are_pieces_of_the_parts(large, monkeypatch):
    asked = []

    def run(function, pieces, n_jobs):
        asked.extend(piece[3:] for piece in pieces)
        yield from (function(*piece) for piece in reversed(pieces))

    monkeypatch.setattr(partition.jobs, "run", run)
    monkeypatch.setattr(partition, "JOBS_OF_WORKER", 1)
    assert log_partition(large, n_jobs=3).value == log_partition(large).value
    assert asked == [(0, 1), (1, 2), (2, 4)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_is_printed_to_stderr(large, monkeypatch, capsys, n_jobs):
    monkeypatch.setattr(faces, "PROGRESS_EVERY", 0.0)
    log_partition(large, n_jobs=n_jobs, verbose=1)
    out, err = capsys.readouterr()
    line = r"layerwise: log Z: (\d+) % done, \d+ s left\n"
    assert out == ""
    assert re.fullmatch(f"({line})+", err)
    assert [int(done) for done in re.findall(line, err)] == [25, 50, 75, 100]


def test_short_sums_and_silent_ones_print_nothing(large, monkeypatch, capsys):
    log_partition(machine(30, 12), verbose=1)
    monkeypatch.setattr(faces, "PROGRESS_EVERY", 0.0)
    log_partition(large)
    assert capsys.readouterr() == ("", "")


LONG = """
import numpy as np
from layerwise import log_partition
from layerwise.estimators import likelihood
from layerwise.models.rbm import RBMParams

likelihood.PROGRESS_EVERY = 0.0
params = RBMParams(np.full((30, 2000), 0.1), np.zeros(2000), np.zeros(30))
try:
    log_partition(params, n_jobs={n_jobs}, verbose=1)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@processes.posix
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_a_long_sum(n_jobs):
    # The sum asks for 2e12 multiplications: more than 10 s of any machine this runs on.
    assert enumeration.n_parts(2000, 30) >= 2**12
    with processes.started("-c", LONG.format(n_jobs=n_jobs)) as process:
        if n_jobs == 1:
            assert "% done" in process.stderr.readline()
        else:  # a job takes a while; itself, two workers, and joblib's cleaner
            processes.until(lambda: len(processes.members(process)) >= 4, "workers")
        assert process.poll() is None
        sent = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: the workers too
        status, out, err = processes.finish(process)
        took = time.monotonic() - sent
        assert (status, out) == (0, "interrupted\n")
        assert all("% done" in line for line in err.splitlines())
        # A call takes 0.02 s, and the end of an interpreter and of its workers about a second.
        assert took < 30
        processes.until(lambda: not processes.members(process), "the workers' end", seconds=30)


def test_what_is_no_fitted_machine_is_refused(large):
    with pytest.raises(NotFittedError, match="not fitted"):
        log_partition(RBM(5))
    with pytest.raises(TypeError, match="n_jobs must be an int or None, and is 'two'"):
        log_partition(large, n_jobs="two")
