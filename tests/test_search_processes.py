"""LayerwiseSearch over processes: the same results, and what is left when one is ended."""

import json
import os
import signal
import time

import joblib
import numpy as np
import processes
import pytest
from searches import SPACE, TEA, deep, numbers, same, search, weights

from layerwise import LayerwiseSearch
from layerwise.model_selection.files import held

# A search is killed while it writes the record after so many, of which a part is in the file.
KILLED = """
import os, signal, sys
import numpy as np
import joblib
from layerwise.model_selection import records

search, X = joblib.load(sys.argv[1])
left, part = int(sys.argv[2]), float(sys.argv[3])
add = records.RecordFile.add


def until_killed(self, record):
    global left
    left -= 1
    if left >= 0:
        return add(self, record)
    text = records._line({**record, **self.settings})
    with open(self.path, "a") as file:
        file.write(text[: int(part * len(text))])
    os.kill(os.getpid(), signal.SIGKILL)


records.RecordFile.add = until_killed
search.fit(X)
"""
ENDLESS = """
import sys
import joblib

search, X = joblib.load(sys.argv[1])
search.fit(X)
"""


def lines(folder):
    try:
        return (folder / "records.jsonl").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []


@processes.posix
def test_a_search_killed_at_any_moment_goes_on_to_the_same_results(tmp_path, rng):
    folder = tmp_path / "folder"
    given = search(folder=str(folder), cv=3)
    joblib.dump((given, TEA), tmp_path / "search")
    whole = search(cv=3).fit(TEA)
    done = 0
    for part in (0.0, 0.3, 0.999, *rng.uniform(size=2)):
        left = int(rng.integers(1, 4))
        arguments = [str(tmp_path / "search"), str(left), str(part)]
        with processes.started("-c", KILLED, *arguments) as process:
            status, _, err = processes.finish(process)
        assert status == -signal.SIGKILL, err
        done += left
        assert sum(line.endswith("\n") for line in lines(folder)) == done
    found = given.fit(TEA)
    assert numbers(found) == numbers(whole)
    assert found.best_params_ == whole.best_params_
    assert same(weights(found.best_estimator_), weights(whole.best_estimator_))
    records = [json.loads(line) for line in lines(folder)]
    assert len(records) == 18


@processes.posix
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_a_search_at_once_and_leaves_what_is_done(tmp_path, n_jobs):
    space = {"layer1__trainer__n_passes": [1, 10**8]}  # the second is trained until it is ended
    folder = tmp_path / "folder"
    given = search(space, strategy="grid", folder=folder, n_jobs=n_jobs)
    joblib.dump((given, TEA), tmp_path / "search")
    with processes.started("-c", ENDLESS, str(tmp_path / "search")) as process:
        processes.until(lambda: lines(folder), "the first record")
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, _, err = processes.finish(process)
        processes.until(lambda: not processes.members(process), "the workers' end", seconds=30)
        assert time.monotonic() - sent < 60  # idle workers would stay for five minutes
    assert err.rstrip().endswith("KeyboardInterrupt")
    with held(folder, "search", "wait"):  # and the folder is free
        assert [json.loads(line)["index"] for line in lines(folder)] == [0]


@pytest.mark.parametrize("strategy", ["random", "halving"])
def test_workers_of_loky_give_the_same_results(strategy):
    alone = search(cv=2, strategy=strategy).fit(TEA)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        shared = search(cv=2, strategy=strategy).fit(TEA)
    assert numbers(shared) == numbers(alone)
    assert same(weights(shared.best_estimator_), weights(alone.best_estimator_))


def test_a_cluster_of_dask_gives_the_same_results(tmp_path):
    distributed = pytest.importorskip("distributed")
    alone = search(cv=2).fit(TEA)

    def scorer(estimator, X):
        return float(os.getpid())

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        local_directory=tmp_path,
    )  # fmt: skip
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        shared = search(cv=2, folder=tmp_path / "folder").fit(TEA)
        elsewhere = LayerwiseSearch(deep(), SPACE, 4, scoring=scorer, refit=False).fit(TEA)
    assert numbers(shared) == numbers(alone)
    assert same(weights(shared.best_estimator_), weights(alone.best_estimator_))
    assert len(lines(tmp_path / "folder")) == 12
    # It was done in processes of the cluster.
    table = elsewhere.cv_results_["layer1"]
    assert os.getpid() not in table["mean_test_score"]
    assert np.isfinite(table["mean_test_score"]).all()
