"""How good deep belief networks 784-500-2000 become on binary MNIST, in bounds of log-likelihoods.

    python benchmarks/quality/mnist_deep.py --results FOLDER [--jobs 2] [--only PATTERN] [--table]

As ``mnist.py``, of whose files it has the form: stacked RBMs, a bottom with rich inference
(``AutoEncoder``, sampled codes) under the same top, and each of them trained as a whole by
``WakeSleep``. What is told of 3,000 rows of each part is the importance-weighted bound of
``VariationalBound(50)``, log Z of the top being ``AIS(max_steps=3_000_000)``'s. An earlier
version, whose top had a rate of 0.05 and 60 passes, left tops whose log Z no annealing found.
"""

import time

import mnist
import numpy as np

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
from layerwise.datasets import fetch_binarized_mnist

SIZES = 500, 2000
SLOW = {"schedule": "linear", "momentum": 0.0, "averaging": 0.25}
BOTTOMS = {
    "RBMs": lambda: RBM(SIZES[0], trainer=PCD(
        learning_rate=0.1, n_passes=60, weight_decay=1e-3, **SLOW)),
    "rich inference": lambda: AutoEncoder(SIZES[0], encoder_layer_sizes=(500,), trainer=Backprop(
        batch_size=100, n_passes=30, schedule="linear")),
}  # fmt: skip
TUNERS = {
    "": lambda: None,
    ", wake-sleep": lambda: WakeSleep(learning_rate=3e-4, n_passes=15, averaging=0.25),
}
RECIPES = {
    bottom + tuner: (BOTTOMS[bottom], TUNERS[tuner]) for tuner in TUNERS for bottom in BOTTOMS
}


def run(name, seed):
    """Train by a recipe; return bounds of what the model is worth, in nats, and seconds."""
    data = fetch_binarized_mnist()
    train, valid, test = (part.astype(np.float32) for part in (data.train, data.valid, data.test))
    bottom, tuner = (make() for make in RECIPES[name])
    top = RBM(
        SIZES[1],
        trainer=PCD(learning_rate=0.02, n_passes=30, weight_decay=2e-4, **SLOW),
        likelihood=AIS(max_steps=3_000_000),
    )
    dbn = DBN([bottom, top], fine_tuner=tuner, random_state=seed)
    start = time.monotonic()
    dbn.fit(train)
    trained = time.monotonic()
    log_z = log_partition(dbn.layers_[-1])
    estimated = time.monotonic()
    part = np.random.default_rng(seed).permutation(len(train))
    found = {
        split: log_likelihood(dbn, X[:3000], method=VariationalBound(50))
        for split, X in (("train", train[part]), ("valid", valid), ("test", test))
    }
    return {
        "recipe": name,
        "seed": seed,
        "options": {"bottom": str(bottom), "top": str(top.trainer), "fine_tuner": str(tuner)},
        "seconds_training": trained - start,
        "seconds_log_z": estimated - trained,
        "n_betas": log_z.n_betas,
        "within_tol": log_z.within_tol,
        **{split: [each.low, each.value, each.high] for split, each in found.items()},
    }


if __name__ == "__main__":
    mnist.main(run, RECIPES, __doc__)
