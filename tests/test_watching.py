"""What whoever waits for training sees of it: lines of text, and an answer to Ctrl-C."""

import re
import signal
import time
from itertools import pairwise

import numpy as np
import processes
import pytest
from sklearn.base import clone

from layerwise import (
    CD,
    DBN,
    RBM,
    AutoEncoder,
    Backprop,
    ExactGradient,
    LatentLayer,
    LikelihoodAscent,
    MarginalAscent,
)
from layerwise.estimators import passes

LAYERS = [
    (RBM(3, trainer=CD(n_passes=4)), ["free_energy_gap", "log_likelihood"]),
    (
        RBM(3, trainer=ExactGradient(n_passes=4)),
        ["negative_log_likelihood", "log_likelihood"],
    ),
    (AutoEncoder(3, trainer=Backprop(n_passes=4)), ["reconstruction_error"]),
    (
        LatentLayer(3, trainer=MarginalAscent(n_passes=4, n_final_passes=0)),
        ["negative_log_likelihood", "validation_log_likelihood"],
    ),
]


@pytest.fixture
def X(rng):
    return (rng.random((40, 9)) < 0.4).astype(float)


def written(capsys):
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


@pytest.mark.parametrize(("layer", "names"), LAYERS, ids=lambda each: repr(each))
def test_verbose_is_a_line_on_the_last_pass_of_what_takes_no_time(layer, names, X, capsys):
    layer = clone(layer).set_params(random_state=5).fit(X)
    assert written(capsys) == []
    quiet = layer.components_
    layer.set_params(verbose=1).fit(X)
    (line,) = written(capsys)
    kind = type(layer).__name__
    found = re.fullmatch(rf"\[{kind}\] pass 4 of 4: (.*), \d+\.\d s", line)
    told = dict(part.rsplit(" ", 1) for part in found[1].split(", "))
    assert list(told) == names
    for name, value in told.items():
        assert float(value) == pytest.approx(layer.history_[name][3], abs=1e-4)
    np.testing.assert_array_equal(layer.components_, quiet)
    layer.partial_fit(X)
    (line,) = written(capsys)
    assert line.startswith(f"[{kind}] pass 1 of 1: ")


def test_verbose_is_a_line_a_second_of_what_takes_longer(X, capsys, monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 0.3
        return now[0]

    monkeypatch.setattr(passes.time, "perf_counter", clock)
    RBM(3, trainer=CD(n_passes=21), verbose=1, random_state=5).fit(X)
    lines = written(capsys)
    told = [int(re.search(r"pass (\d+) of 21", line)[1]) for line in lines]
    seconds = [float(re.search(r"(\S+) s$", line)[1]) for line in lines]
    assert told[-1] == 21
    assert 4 < len(told) < 12
    assert all(1 <= later - sooner < 2 for sooner, later in pairwise(seconds[:-1]))


def test_verbose_of_a_dbn_is_that_of_all_its_parts(X, capsys):
    layers = [AutoEncoder(3, trainer=Backprop(n_passes=2)), RBM(2, trainer=CD(n_passes=3))]
    dbn = DBN(layers, fine_tuner=LikelihoodAscent(n_passes=4), random_state=5)
    dbn.fit(X)
    assert written(capsys) == []
    dbn.set_params(layer2__verbose=1).fit(X)
    (line,) = written(capsys)
    assert line.startswith("[RBM] pass 3 of 3: ")
    dbn.set_params(layer2__verbose=0, verbose=1).fit(X)
    bottom, top, tuner = written(capsys)
    assert bottom.startswith("[AutoEncoder] pass 2 of 2: ")
    assert top.startswith("[RBM] pass 3 of 3: ")
    assert tuner.startswith("[DBN.fine_tuner] pass 4 of 4: negative_log_likelihood ")
    assert all(layer.verbose == 0 for layer in dbn.layers_)


INTERRUPTED = """
import sys
import numpy as np
from layerwise import *

X = (np.random.default_rng(353).random((200, 30)) < 0.4).astype(float)
estimator = {estimator}
estimator.fit(X)
before = estimator.score(X)
told = len(str(estimator.history_))
estimator.set_params({long}=10**8)
print("training", flush=True)
try:
    estimator.fit(X)
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert estimator.score(X) == before
assert len(str(estimator.history_)) == told
print("as before", flush=True)
"""
DEEP = "DBN([AutoEncoder(4, trainer=Backprop(n_passes=3)), RBM(4, trainer=CD(n_passes=3))])"
ENDLESS = [
    ("RBM(4, trainer=CD(n_passes=3))", "trainer__n_passes"),
    ("RBM(4, trainer=ExactGradient(n_passes=3))", "trainer__n_passes"),
    ("AutoEncoder(4, trainer=Backprop(n_passes=3))", "trainer__n_passes"),
    (
        "LatentLayer(4, trainer=MarginalAscent(n_passes=3, early_stopping=False))",
        "trainer__n_passes",
    ),
    (DEEP, "layer2__trainer__n_passes"),
    ("RBM(4, trainer=CD(n_passes=3), warm_start=True)", "trainer__n_passes"),
]


@processes.posix
@pytest.mark.parametrize(("estimator", "long"), ENDLESS)
def test_an_interrupt_ends_training_at_once_and_leaves_the_model_as_it_was(estimator, long):
    code = INTERRUPTED.format(estimator=estimator, long=long)
    with processes.started("-c", code) as process:
        assert process.stdout.readline() == "training\n"
        time.sleep(0.3)  # into the middle of the passes
        assert process.poll() is None
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        took = time.monotonic() - sent
        assert process.stdout.readline() == "as before\n"
        status, _, err = processes.finish(process)
    assert took < 1
    assert (status, err) == (0, "")
