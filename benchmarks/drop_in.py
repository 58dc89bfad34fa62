"""scikit-learn's documented example of its BernoulliRBM, and the same with one import changed.

The example is "Restricted Boltzmann Machine features for digit classification" of its user guide:
digits and their shifts by a pixel, scaled into [0, 1], an RBM of 100 units, and a logistic
regression on what it makes of them. What varies is the estimator alone; both have the example's
parameters, but for the logistic regression's tolerance: with the example's, 1, its solver takes no
step in scikit-learn 1.9.

    python benchmarks/drop_in.py [--seeds N]
"""

import argparse
import time

import numpy as np
import sklearn.neural_network
from scipy.ndimage import convolve
from sklearn import metrics
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import minmax_scale

import layerwise

SIDES = {
    "scikit-learn": sklearn.neural_network.BernoulliRBM,
    "layerwise": layerwise.BernoulliRBM,
}


def nudged(X, y):
    """Return rows of 8 x 8 pixels and the same shifted by one pixel to each side."""
    shifts = np.zeros((4, 3, 3))
    shifts[[0, 1, 2, 3], [0, 1, 1, 2], [1, 0, 2, 1]] = 1
    images = X.reshape(-1, 8, 8)
    moved = [
        np.stack([convolve(image, shift, mode="constant") for image in images]) for shift in shifts
    ]
    return np.concatenate([images, *moved]).reshape(-1, 64), np.tile(y, 5)


def features_then_classes(kind, seed):
    """Return the example's pipeline, with the RBM of one side."""
    rbm = kind(n_components=100, learning_rate=0.06, n_iter=10, random_state=seed)
    logistic = LogisticRegression(solver="newton-cg", tol=1e-3, C=6000)
    return Pipeline([("rbm", rbm), ("logistic", logistic)])


def main():
    """Run the example on both sides, in turns, and print times and accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="runs of each side")
    n_runs = parser.parse_args().seeds
    X, y = nudged(*load_digits(return_X_y=True))
    X = minmax_scale(X.astype("float32"), feature_range=(0, 1))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    raw = LogisticRegression(solver="newton-cg", tol=1e-3, C=100).fit(X_train, y_train)
    print(f"pixels alone: accuracy {metrics.accuracy_score(y_test, raw.predict(X_test)):.4f}")
    found = {side: [] for side in SIDES}
    for seed in range(n_runs):
        for side, kind in SIDES.items():
            pipeline = features_then_classes(kind, seed)
            start = time.perf_counter()
            clone(pipeline["rbm"]).fit(X_train)
            of_rbm = time.perf_counter() - start
            start = time.perf_counter()
            pipeline.fit(X_train, y_train)
            of_all = time.perf_counter() - start
            accuracy = metrics.accuracy_score(y_test, pipeline.predict(X_test))
            found[side].append((of_rbm, of_all, accuracy))
            print(
                f"{side:>12}, seed {seed}: RBM {of_rbm:.2f} s, all {of_all:.2f} s, {accuracy:.4f}"
            )
    for side, runs in found.items():
        of_rbm, of_all, accuracy = np.array(runs).T
        print(
            f"{side:>12}: RBM {np.median(of_rbm):.2f} s, all {np.median(of_all):.2f} s (medians), "
            f"accuracy {accuracy.mean():.4f} +- {accuracy.std(ddof=min(1, n_runs - 1)):.4f}"
        )


if __name__ == "__main__":
    main()
