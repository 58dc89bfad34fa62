"""How good deep belief networks 784-500-2000 become on binary MNIST, in bounds of log-likelihoods.

    python benchmarks/quality/mnist_deep.py --results FOLDER [--jobs 2] [--only PATTERN]
        [--seeds 11 12] [--table]

As ``mnist.py``, of whose files it has the form: stacked RBMs, the bottom by a recipe of that file
and the top started as the bottom, turned over; a bottom with rich inference (``AutoEncoder``,
sampled codes) under a top of small random weights that is trained alike; and each of them trained
as a whole by ``WakeSleep``. What is told is the importance-weighted bound of
``VariationalBound(50)``, log Z of the top being ``AIS(max_steps=3_000_000)``'s. Layers that were
trained stand in the folder too, and are not trained again.

The recipes follow trials of tops, 784-500-2000, on a lesser bottom, which are told in
``docs/experiments/large_rbms.md``.
"""

import time
from functools import partial

import joblib
import mnist
import numpy as np
from sklearn.frozen import FrozenEstimator

from layerwise import (
    AIS,
    DBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    VariationalBound,
    WakeSleep,
    log_likelihood,
    log_partition,
)

SIZES = 500, 2000


def auto_encoder(n_passes, seed, train):
    """Return a bottom with rich inference after training."""
    trainer = Backprop(batch_size=100, n_passes=n_passes, schedule="linear")
    return AutoEncoder(
        SIZES[0], encoder_layer_sizes=(500,), trainer=trainer, random_state=seed
    ).fit(train)


BOTTOMS = {
    "RBMs": partial(mnist.fitted, "400 passes, 500 chains, decay 1e-3, mean"),
    "RBMs on 900 passes": partial(
        mnist.fitted, "600 passes, then 300 with 500 chains and 4 steps, decay 1e-3, mean"
    ),
    "rich inference": partial(auto_encoder, 30),
    "rich inference of 200 passes": partial(auto_encoder, 200),
}
# What training as a whole has beside its options of always.
TUNED = {
    ", wake-sleep": {},
    ", wake-sleep of 30 passes at 0.02": {"n_passes": 30, "learning_rate": 0.02},
    ", wake-sleep of 60 passes at 0.01": {"n_passes": 60, "learning_rate": 0.01},
    ", wake-sleep of 60 passes at 0.02": {"n_passes": 60, "learning_rate": 0.02},
    ", wake-sleep of 20 passes at 0.02, decay 1e-3": {
        "n_passes": 20,
        "learning_rate": 0.02,
        "weight_decay": 1e-3,
    },
}
RECIPES = {
    bottom + how: (bottom, more) for how, more in {"": None, **TUNED}.items() for bottom in BOTTOMS
}


def top():
    """Return the top before training."""
    trainer = PCD(
        learning_rate=0.02, schedule="linear", momentum=0.0, n_chains=500, n_passes=60,
        weight_decay=2e-4, averaging=0.25,
    )  # fmt: skip
    likelihood = AIS(max_steps=3_000_000)
    return RBM(SIZES[1], trainer=trainer, likelihood=likelihood, weight_scale=0.01)


def kept(path, make):
    """Return what a file has, or make it; and the seconds that it took."""
    if not path.exists():
        start = time.monotonic()
        joblib.dump((make(), time.monotonic() - start), path)
    return joblib.load(path)


def layers(kind, seed, train, folder):
    """Return both layers, trained one after the other, and the seconds that they took."""
    name = f"{kind.replace(' ', '-').lower()}_{seed}"
    bottom, first = kept(folder / f"{name}_bottom.joblib", lambda: BOTTOMS[kind](seed, train))

    def fitted():
        stack = [FrozenEstimator(bottom), top()]
        init = "transposed" if isinstance(bottom, RBM) else "random"
        return DBN(stack, init=init, random_state=seed).fit(train).layers_[-1]

    upper, second = kept(folder / f"{name}_top.joblib", fitted)
    return [bottom, upper], first + second


def tuned(dbn, train, more):
    """Train a deep model as a whole: it goes on from its layers, which a tiny step leaves."""
    still = {"n_passes": 1, "learning_rate": 1e-12, "schedule": "constant"}
    still = {f"layer{n}__trainer__{key}": value for n in (1, 2) for key, value in still.items()}
    tuner = WakeSleep(
        learning_rate=0.005, optimizer="sgd", momentum=0.0, weight_decay=2e-4, n_chains=500,
        n_passes=30, averaging=0.25,
    )  # fmt: skip
    tuner.set_params(**more)
    return dbn.set_params(fine_tuner=tuner, warm_start=True, **still).fit(train)


def run(name, seed, folder):
    """Train by a recipe; return bounds of what the model is worth, in nats, and seconds."""
    train, valid, test = mnist.parts()
    bottom, more = RECIPES[name]
    trained, seconds = layers(bottom, seed, train, folder)
    options = {"bottom": str(trained[0]), "top": str(trained[1].trainer)}
    dbn = DBN.from_parameters(trained).set_params(random_state=seed)
    start = time.monotonic()
    if more is not None:
        tuned(dbn, train, more)
    ended = time.monotonic()
    log_z = log_partition(dbn.layers_[-1])
    estimated = time.monotonic()
    part = np.random.default_rng(seed).permutation(len(train))[: len(test)]
    found = {
        split: log_likelihood(dbn, X, method=VariationalBound(50))
        for split, X in (("train", train[part]), ("valid", valid), ("test", test))
    }
    return {
        "recipe": name,
        "seed": seed,
        "options": options,
        "seconds_training": seconds + ended - start,
        "seconds_log_z": estimated - ended,
        "log_z": [log_z.low, log_z.value, log_z.high],
        "n_betas": log_z.n_betas,
        "within_tol": log_z.within_tol,
        **{split: [each.low, each.value, each.high] for split, each in found.items()},
    }


if __name__ == "__main__":
    mnist.main(run, RECIPES, __doc__)
