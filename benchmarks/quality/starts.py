"""What the top of a deep belief network gains by starting as the RBM below it, over five splits.

    python benchmarks/quality/starts.py

Stacked RBMs on Tea, binary digits and Cmnist: bottoms of 15 units, under which log-likelihoods are
exact, and of 60, of which the importance-weighted bound of ``VariationalBound(100)`` is told; tops
of 20 units more than there are columns. Both starts have the same bottoms, sizes, passes and
options. Held-out rows, in nats, with the standard error of the paired difference. The protocol was
fixed after a look at one split of Tea.
"""

import numpy as np
from tempering import digits

from layerwise import DBN, PCD, RBM, VariationalBound, WakeSleep, log_likelihood
from layerwise.datasets import fetch_cmnist, load_tea

SEEDS = range(21, 26)
TRAINER = PCD(n_passes=100, schedule="linear", weight_decay=1e-3, averaging=0.25)


def parts(load):
    """Return what gives rows to train on and held-out ones, of a set with splits of its own."""

    def split(random_state):
        data = load(random_state=random_state)
        return data.train.astype(np.float32), data.test.astype(np.float32)

    return split


DATA = {"Tea": parts(load_tea), "digits": digits, "Cmnist": parts(fetch_cmnist)}


def worth(model, X):
    """Return the log-likelihood of rows, exact or a bound."""
    if len(model.layers_[0].components_) <= 20:
        return model.score(X)
    return log_likelihood(model, X, method=VariationalBound(100)).value


def main():
    """Print a table."""
    print("| data | bottom | the RBM alone | random | transposed | gain |")
    print("|---|---|---|---|---|---|")
    for data, split in DATA.items():
        for n_bottom, tuner in ((15, None), (60, None), (60, WakeSleep(n_passes=30))):
            found = {"alone": [], "random": [], "transposed": []}
            for seed in SEEDS:
                train, held_out = split(seed)
                layers = [
                    RBM(n_bottom, trainer=TRAINER),
                    RBM(train.shape[1] + 20, trainer=TRAINER),
                ]
                for init in ("random", "transposed"):
                    dbn = DBN(layers, fine_tuner=tuner, init=init, random_state=seed).fit(train)
                    found[init].append(worth(dbn, held_out))
                if tuner is None:
                    found["alone"].append(log_likelihood(dbn.layers_[0], held_out).value)
            gain = np.subtract(found["transposed"], found["random"])
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            alone = f"{np.mean(found['alone']):.2f}" if tuner is None else ""
            name = f"{n_bottom} units" + ("" if tuner is None else ", wake-sleep")
            print(
                f"| {data} | {name} | {alone} | {np.mean(found['random']):.2f} | "
                f"{np.mean(found['transposed']):.2f} | {gain.mean():.2f} +- {error:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
