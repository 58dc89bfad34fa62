"""How good RBMs of 500 hidden units become on binary MNIST, by recipe, in bracketed likelihoods.

    python benchmarks/quality/mnist.py --results FOLDER [--jobs 2] [--only PATTERN] [--seeds 11 12]
        [--table]

The data are the fixed binarisation (``fetch_binarized_mnist``): recipes are trained on 50,000 rows
and compared on 10,000 for validation; the test rows are those that published numbers are of. Log Z
is ``AIS(tol=0.1, max_steps=20_000_000)``'s. A recipe and a seed is a file of the folder, and what
is there is not run again. The recipes were fixed before any was run, but for those of 400 centred
passes, of 1000 passes with 500 chains, of a constant rate, of tempering and of 600 passes and 300
more, which came later. RBMs stand in the folder beside their files.
"""

import argparse
import json
import re
import time
from pathlib import Path

import joblib
import numpy as np
from joblib import Parallel, delayed

from layerwise import AIS, CD, PCD, RBM, ParallelTempering, log_likelihood, log_partition
from layerwise.datasets import fetch_binarized_mnist

SEEDS = (11, 12)
# What all have unless they say otherwise: PCD-1, 100 chains, batches of 100, a rate of 0.1 that
# falls linearly to 0, no momentum.
COMMON = {"learning_rate": 0.1, "schedule": "linear", "momentum": 0.0, "n_passes": 120}


def to_three_tenths(index):
    """Return the rate's factor in pass ``index`` of 600, from 1 to 0.3."""
    return 1 - 0.7 * index / 600


RECIPES = {
    "decay 0": {},
    "decay 0, mean": {"averaging": 0.25},
    "decay 2e-4": {"weight_decay": 2e-4},
    "decay 2e-4, mean": {"weight_decay": 2e-4, "averaging": 0.25},
    "decay 1e-3": {"weight_decay": 1e-3},
    "decay 1e-3, mean": {"weight_decay": 1e-3, "averaging": 0.25},
    "decay 3e-3, mean": {"weight_decay": 3e-3, "averaging": 0.25},
    "momentum 0.5, decay 1e-3, mean": {
        "momentum": 0.5, "learning_rate": 0.05, "weight_decay": 1e-3, "averaging": 0.25,
    },
    # We suppose that the noise of few chains costs little while the rate is high.
    "600 passes, then 300 with 500 chains and 4 steps, decay 1e-3, mean": {
        "n_passes": 600, "schedule": to_three_tenths, "weight_decay": 1e-3,
        "then": {
            "n_passes": 300, "n_chains": 500, "n_steps": 4, "learning_rate": 0.03,
            "schedule": "linear", "averaging": 0.5,
        },
    },
    "500 chains, decay 1e-3, mean": {"n_chains": 500, "weight_decay": 1e-3, "averaging": 0.25},
    "5 steps, decay 1e-3, mean": {"n_steps": 5, "weight_decay": 1e-3, "averaging": 0.25},
    "centred, decay 1e-3, mean": {"centered": True, "weight_decay": 1e-3, "averaging": 0.25},
    "constant rate, decay 1e-3, mean": {
        "schedule": "constant", "weight_decay": 1e-3, "averaging": 0.25,
    },
    "tempering, 5 replicas, decay 1e-3, mean": {
        "trainer": ParallelTempering, "n_replicas": 5, "weight_decay": 1e-3, "averaging": 0.25,
    },
    "CD-1, decay 1e-3, mean": {"trainer": CD, "weight_decay": 1e-3, "averaging": 0.25},
    "400 passes, decay 1e-3, mean": {"n_passes": 400, "weight_decay": 1e-3, "averaging": 0.25},
    "1000 passes, decay 1e-3, mean": {"n_passes": 1000, "weight_decay": 1e-3, "averaging": 0.25},
    "400 passes, centred, decay 1e-3, mean": {
        "n_passes": 400, "centered": True, "weight_decay": 1e-3, "averaging": 0.25,
    },
    "1000 passes, 500 chains, decay 1e-3, mean": {
        "n_passes": 1000, "n_chains": 500, "weight_decay": 1e-3, "averaging": 0.25,
    },
    "400 passes, 500 chains, decay 1e-3, mean": {
        "n_passes": 400, "n_chains": 500, "weight_decay": 1e-3, "averaging": 0.25,
    },
}  # fmt: skip


def parts():
    """Return the rows for training, validation and testing, in float32."""
    data = fetch_binarized_mnist()
    return tuple(part.astype(np.float32) for part in (data.train, data.valid, data.test))


def fitted(name, seed, train):
    """Return the RBM of a recipe after training."""
    options = COMMON | RECIPES[name]
    then = options.pop("then", None)
    trainer = options.pop("trainer", PCD)(**options)
    rbm = RBM(500, trainer=trainer, likelihood=AIS(max_steps=20_000_000), random_state=seed)
    rbm.fit(train)
    if then:
        more = {f"trainer__{key}": value for key, value in then.items()}
        rbm.set_params(warm_start=True, **more).fit(train)
    return rbm


def path_of(folder, name, seed, suffix):
    """Return a file of a recipe and a seed."""
    return folder / f"{re.sub('[^a-z0-9]+', '-', name.lower())}_{seed}{suffix}"


def run(name, seed, folder):
    """Train by a recipe; return what the model is worth, in nats, and what it took, in seconds."""
    train, valid, test = parts()
    start = time.monotonic()
    rbm = fitted(name, seed, train)
    trained = time.monotonic()
    joblib.dump(rbm, path_of(folder, name, seed, ".joblib"))
    log_z = log_partition(rbm)
    estimated = time.monotonic()
    part = np.random.default_rng(seed).permutation(len(train))[: len(test)]
    found = {
        split: log_likelihood(rbm, X)
        for split, X in (("train", train[part]), ("valid", valid), ("test", test))
    }
    return {
        "recipe": name,
        "seed": seed,
        "options": {
            key: getattr(value, "__name__", str(value)) for key, value in RECIPES[name].items()
        },
        "seconds_training": trained - start,
        "seconds_log_z": estimated - trained,
        "n_betas": log_z.n_betas,
        "n_chains": len(log_z.log_weights),
        "within_tol": log_z.within_tol,
        **{split: [each.low, each.value, each.high] for split, each in found.items()},
    }


def kept(run, folder, name, seed):
    """Run what has no file yet."""
    path = path_of(folder, name, seed, ".json")
    if not path.exists():
        found = run(name, seed, folder)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(found, indent=1))
        part.rename(path)
        print(path.name, [round(value, 2) for value in found["test"]], flush=True)
    return json.loads(path.read_text())


def table(records):
    """Return a table of recipes, as Markdown, best first on the rows for validation."""
    by_name = {}
    for record in records:
        by_name.setdefault(record["recipe"], []).append(record)
    lines = [
        "| recipe | seeds | valid | test | bracket of test | train | training, s | log Z, s |",
        "|---|---|---|---|---|---|---|---|",
    ]

    def mean(found, key, at=1):
        return np.mean([each[key][at] for each in found])

    for name, found in sorted(by_name.items(), key=lambda item: -mean(item[1], "valid")):
        low, high = (mean(found, "test", at) for at in (0, 2))
        training, log_z = (
            np.mean([each[f"seconds_{key}"] for each in found]) for key in ("training", "log_z")
        )
        lines.append(
            f"| {name} | {len(found)} | {mean(found, 'valid'):.2f} | {mean(found, 'test'):.2f} | "
            f"[{low:.2f}, {high:.2f}] | {mean(found, 'train'):.2f} | {training:.0f} | "
            f"{log_z:.0f} |"
        )
    return "\n".join(lines)


def main(run, recipes, about):
    """Run what is asked for, and print the table of all that has been run."""
    parser = argparse.ArgumentParser(description=about.split("\n", maxsplit=1)[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the records")
    parser.add_argument("--jobs", type=int, default=1, help="recipes at a time")
    parser.add_argument("--only", default="", help="regular expression that a recipe contains")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    names = [name for name in recipes if re.search(options.only, name)]
    if not options.table:
        todo = [(options.results, name, seed) for seed in options.seeds for name in names]
        Parallel(options.jobs)(delayed(kept)(run, *each) for each in todo)
    records = [json.loads(path.read_text()) for path in sorted(options.results.glob("*.json"))]
    print(table([each for each in records if each["recipe"] in recipes]))


if __name__ == "__main__":
    main(run, RECIPES, __doc__)
