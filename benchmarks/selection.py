"""Layers chosen one by one, beside whole models drawn at random: what is reached, at what cost.

    python benchmarks/selection.py [--data tea cmnist] [--seeds 1 2] [--joint 30] [--bottoms 10]
        [--tops 3] [--scoring blm|bound]

Both searches draw from the same space of auto-encoders with rich inference under RBMs, train on
the training rows, and choose on the validation rows: ``LayerwiseSearch`` the bottom by its best
latent marginal, or by the bound of it, and then the top, a random search both at once by the
likelihood. Cost is the processor time of training and judging all candidates.
"""

import argparse
import time

import numpy as np
from scipy.stats import loguniform, randint
from sklearn.model_selection import ParameterSampler, PredefinedSplit

from layerwise import DBN, RBM, AutoEncoder, Backprop, ExactGradient, LayerwiseSearch
from layerwise.compare import sources

SPACE = {
    "layer1__n_components": randint(4, 13),
    "layer1__encoder_layer_sizes": [(50,), (100,), (200,)],
    "layer1__trainer__learning_rate": loguniform(1e-3, 3e-2),
    "layer2__n_components": randint(4, 17),
    "layer2__trainer__learning_rate": loguniform(3e-3, 1e-1),
    "layer2__trainer__weight_decay": loguniform(1e-3, 1.0),
}
# Steps of training, for any number of rows: 4,000 of an auto-encoder on 27 rows each, and as many
# of the exact gradient as there are passes.
STEPS, BATCH, TOP_PASSES = 4000, 27, 500


def model(n_rows, seed):
    """Return the unfitted model of the searches."""
    passes = max(1, STEPS * BATCH // n_rows)
    bottom = Backprop(batch_size=BATCH, n_passes=passes, schedule="warmup")
    top = ExactGradient(n_passes=TOP_PASSES)
    layers = [AutoEncoder(trainer=bottom), RBM(trainer=top)]
    return DBN(layers, random_state=seed)


def joint(source, n_iter, seed):
    """Return the test likelihood of the best of whole models, and the seconds it took."""
    start, found = time.process_time(), []
    for params in ParameterSampler(SPACE, n_iter, random_state=seed):
        fitted = model(len(source.train), seed).set_params(**params).fit(source.train)
        found.append((fitted.score(source.valid), fitted))
    seconds = time.process_time() - start
    return max(found, key=lambda pair: pair[0])[1].score(source.test), seconds


def layer_by_layer(source, n_iter, scoring, seed):
    """Return the test likelihood of the model chosen layer by layer, and the seconds it took."""
    start = time.process_time()
    rows = np.concatenate([source.train, source.valid])
    fold = np.repeat([-1, 0], [len(source.train), len(source.valid)])
    search = LayerwiseSearch(
        model(len(source.train), seed), SPACE, n_iter, scoring=scoring,
        cv=PredefinedSplit(fold), refit=False, random_state=seed,
    ).fit(rows)  # fmt: skip
    seconds = time.process_time() - start
    best = model(len(source.train), seed).set_params(**search.best_params_).fit(source.train)
    return best.score(source.test), seconds


def main():
    """Run both for each data set and seed, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["tea", "cmnist"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--joint", type=int, default=30)
    parser.add_argument("--bottoms", type=int, default=10)
    parser.add_argument("--tops", type=int, default=10)
    parser.add_argument("--scoring", choices=["blm", "bound"], default="blm")
    options = parser.parse_args()
    print("| data | seed | whole models, test | layer by layer, test | gain | cost |")
    print("|---|---|---|---|---|---|")
    for data in options.data:
        gains = []
        for seed in options.seeds:
            source = sources.load(data, seed)
            whole, seconds = joint(source, options.joint, seed)
            n_iter = {"layer1": options.bottoms, "layer2": options.tops}
            layers, fewer = layer_by_layer(source, n_iter, options.scoring, seed)
            gains.append(layers - whole)
            print(
                f"| {data} | {seed} | {whole:.2f} | {layers:.2f} | {layers - whole:+.2f} | "
                f"{fewer / seconds:.2f} |",
                flush=True,
            )
        mean, error = np.mean(gains), np.std(gains, ddof=min(1, len(gains) - 1))
        print(f"| {data} | mean | | | {mean:+.2f} (sd {error:.2f}) | |")


if __name__ == "__main__":
    main()
