"""Do adaptive brackets of 0.1 nats hold log Z, and what do they take?

    python benchmarks/quality/brackets.py [--runs 100]

RBMs whose log Z is exact, by sums over their 20 hidden units: trained ones, of which each run
anneals another seed, and random ones, of which each run draws another. Then larger ones trained on
binary digits put side by side, for the time alone. A run may take 20 million Gibbs steps.
"""

import argparse
import time

import numpy as np
from sklearn.datasets import load_digits

from layerwise import AIS, PCD, RBM, log_partition
from layerwise.datasets import load_tea

DIGITS = (load_digits().data > 7).astype(float)
PLAN = {"tol": 0.1, "max_steps": 20_000_000}


def digits_side_by_side(n):
    """Rows of n digits each, drawn anew."""
    chosen = np.random.default_rng(n).integers(len(DIGITS), size=(2000, n))
    return DIGITS[chosen].reshape(2000, -1)


def trained(X, n_hidden, n_passes=50):
    """Return an RBM trained on rows."""
    trainer = PCD(n_passes=n_passes, schedule="linear", weight_decay=1e-3, averaging=0.25)
    return RBM(n_hidden, trainer=trainer, random_state=5).fit(X)


def random(n_visible, n_hidden, scale, seed):
    """Return an RBM of normal weights and biases."""
    rng = np.random.default_rng(seed)
    shapes = (n_hidden, n_visible), n_visible, n_hidden
    weights, *biases = (rng.normal(size=shape) for shape in shapes)
    return RBM.from_parameters(scale * weights, *biases)


def row(name, rbms):
    """Anneal each RBM under its own seed; print what was found of all."""
    held = within = 0
    widths, seconds, steps, known = [], [], [], False
    for seed, rbm in enumerate(rbms):
        start = time.perf_counter()
        found = log_partition(rbm, method=AIS(**PLAN, random_state=seed))
        seconds.append(time.perf_counter() - start)
        widths.append(found.high - found.low)
        steps.append(2 * found.n_betas * len(found.log_weights))
        within += found.within_tol
        known = len(rbm.components_) <= 20
        if known:
            held += found.low <= log_partition(rbm, method="exact").value <= found.high
    share = f"{held} of {len(widths)}" if known else "not known"
    print(
        f"| {name} | {share} | {within} of {len(widths)} | {np.median(widths):.3f} | "
        f"{np.median(seconds):.2f} | {np.max(seconds):.2f} | {np.median(steps) / 1e6:.2f} |",
        flush=True,
    )


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=100)
    n = parser.parse_args().runs
    print(
        "| RBM | brackets that hold log Z | within 0.1 | width | seconds | at most | steps, 10^6 |"
    )
    print("|---|---|---|---|---|---|---|")
    tea = load_tea(random_state=7).train
    row("Tea, 100 x 20", [trained(tea, 20)] * n)
    row("digits, 64 x 20", [trained(DIGITS, 20)] * n)
    for scale in (0.3, 1.0):
        row(f"random, sd {scale}, 100 x 20", (random(100, 20, scale, seed) for seed in range(n)))
    for side, n_hidden in ((1, 50), (1, 200), (4, 200), (12, 500)):
        X = digits_side_by_side(side)
        row(f"{side} digits, {X.shape[1]} x {n_hidden}", [trained(X, n_hidden)] * 3)


if __name__ == "__main__":
    main()
