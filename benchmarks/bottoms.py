"""Bottom layers under the same RBM, each trained to its end, and then fine-tuned as a whole.

    python benchmarks/bottoms.py [--data digits] [--seeds 1 2 3 4 5]

Twelve latent units under RBM(60): an auto-encoder with rich inference, on means and on sampled
states of its code, and a latent layer with exact inference. Test log-likelihoods in nats per row;
validation rows are not used, as nothing is searched. Learning rates and numbers of passes were
settled on digits, seeds 1 to 3 of another permutation of the same rows.
"""

import argparse

import numpy as np

from layerwise import (
    DBN,
    RBM,
    AutoEncoder,
    Backprop,
    ExactGradient,
    LatentLayer,
    LikelihoodAscent,
)
from layerwise.compare import sources

N_LATENT, N_TOP = 12, 60
# Steps of the auto-encoders and of the top, for any number of rows: 400 and 300 passes over 1,000
# rows in batches of 50. The others stop by themselves, or take the passes of their default.
BATCH, AE_STEPS, TOP_STEPS = 50, 8000, 6000


def bottoms(n_rows):
    """Return the unfitted bottom layers by name."""
    trainer = Backprop(
        batch_size=BATCH,
        n_passes=max(1, AE_STEPS * BATCH // n_rows),
        learning_rate=3e-3,
        schedule="linear",
    )
    rich = {"encoder_layer_sizes": (200,), "trainer": trainer}
    return {
        "rich inference, means": AutoEncoder(N_LATENT, code="mean", **rich),
        "rich inference, sampled": AutoEncoder(N_LATENT, code="sample", **rich),
        "exact inference": LatentLayer(N_LATENT),
    }


def top(n_rows):
    """Return the unfitted RBM that stands on each."""
    passes = max(1, TOP_STEPS * BATCH // n_rows)
    trainer = ExactGradient(
        batch_size=BATCH, n_passes=passes, learning_rate=0.02, weight_decay=1e-3
    )
    return RBM(N_TOP, trainer=trainer)


def main():
    """Train all, and print a table with a line for each split."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    found = []
    names = [f"{name}{tuned}" for name in bottoms(1) for tuned in ("", ", fine-tuned")]
    print(f"| {options.data}, seed | {' | '.join(names)} |")
    print(f"|---|{'---|' * len(names)}")
    for seed in options.seeds:
        source = sources.load(options.data, seed)
        n_rows, scores = len(source.train), []
        for bottom in bottoms(n_rows).values():
            for fine_tuner in (None, LikelihoodAscent()):
                model = DBN([bottom, top(n_rows)], fine_tuner=fine_tuner, random_state=seed)
                scores.append(model.fit(source.train).score(source.test))
        found.append(scores)
        print(f"| {seed} | {' | '.join(f'{score:.2f}' for score in scores)} |", flush=True)
    print(f"| mean | {' | '.join(f'{score:.2f}' for score in np.mean(found, axis=0))} |")


if __name__ == "__main__":
    main()
