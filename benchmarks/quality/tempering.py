"""What tempering is for: exact likelihoods of RBMs of 23 hidden units, trained by PCD or tempered.

    python benchmarks/quality/tempering.py

Two sets: 1,000 rows near 20 prototypes of 100 bits, each bit flipped with probability 0.02,
between which no chain of a trained RBM crosses; and binary digits, between which it does. All
trainers take 1,000 passes at a rate of 0.02 in batches of 100. PCD has as many chains as tempering
has at beta 1, or as many in all, or as many steps. Held-out rows, in nats; means over five seeds,
with the standard error of the paired difference from PCD-1.
"""

import time

import numpy as np
from sklearn.datasets import load_digits

from layerwise import PCD, RBM, ParallelTempering

SEEDS = range(21, 26)
COMMON = {"n_passes": 1000, "learning_rate": 0.02}
TRAINERS = {
    "PCD-1, 100 chains": PCD(**COMMON),
    "PCD-10, 100 chains": PCD(n_steps=10, **COMMON),
    "PCD-1, 1000 chains": PCD(n_chains=1000, **COMMON),
    "tempering, 10 replicas of 100 chains": ParallelTempering(n_replicas=10, **COMMON),
}


def prototypes(seed):
    """Return rows to train on and held-out ones."""
    centres = np.random.default_rng(1).random((20, 100)) < 0.5
    rng = np.random.default_rng(seed)
    rows = centres[rng.integers(20, size=2000)]
    rows = np.where(rng.random(rows.shape) < 0.02, ~rows, rows).astype(np.float32)
    return rows[:1000], rows[1000:]


def digits(seed):
    """Return rows to train on and held-out ones."""
    rows = (load_digits().data > 7).astype(np.float32)
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    return rows[:1000], rows[1000:]


def main():
    """Print a table for each set."""
    for data in (prototypes, digits):
        print(f"\n{data.__name__}\n\n| trainer | held out | beyond PCD-1 | s | least swap rate |")
        print("|---|---|---|---|---|")
        first = None
        for name, trainer in TRAINERS.items():
            found, seconds, swaps = [], [], []
            for seed in SEEDS:
                train, held_out = data(seed)
                start = time.monotonic()
                rbm = RBM(23, trainer=trainer, random_state=seed).fit(train)
                seconds.append(time.monotonic() - start)
                found.append(rbm.score(held_out))
                swaps.append(rbm.history_.get("swap_rate", [np.nan])[-1])
            first = found if first is None else first
            beyond = np.subtract(found, first)
            error = beyond.std(ddof=1) / np.sqrt(len(found))
            print(
                f"| {name} | {np.mean(found):.2f} | {beyond.mean():.2f} +- {error:.2f} | "
                f"{np.mean(seconds):.0f} | {np.mean(swaps):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
