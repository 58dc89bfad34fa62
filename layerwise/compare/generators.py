"""The experiments on models that are sampled: joint training of deep auto-encoders."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from layerwise.compare.paper import ERROR, Condition, Measure, Paper, claims_of, errors
from layerwise.estimators.dbn import DBN
from layerwise.estimators.deep_autoencoder import DeepAutoEncoder
from layerwise.estimators.rbm import RBM
from layerwise.estimators.supervised import DeepClassifier
from layerwise.likelihood.parzen import chosen_bandwidth, parzen_log_likelihood
from layerwise.trainers.backprop import Backprop
from layerwise.trainers.contrastive import PCD

__all__ = ["GENERATORS"]

# Steps of training: of each layer where layers are trained one after the other, of the whole where
# it is trained as one.
STEPS = 1400
SAMPLES, CHAIN = 2000, 30  # whose windows are Parzen's, and the steps of their chains
SCORED = 500  # rows whose exact likelihood is asked for

PARZEN = Measure("parzen", "Parzen log-likelihood of samples, in nats", "nats", -1)
LIKELIHOOD = Measure("likelihood", "Exact log-likelihood of the DBN, in nats", "nats", -1)
TUNED = Measure("tuned", "Test error of the fine-tuned net, in percent", "percentage points")

# The options of each arm, and how many times the steps it has.
JOINT = {
    "greedy": (dict(training="greedy"), 1),
    "greedy, twice the steps": (dict(training="greedy"), 2),
    "joint, layers' losses": (dict(training="joint"), 1),
    "joint, no layers' losses": (dict(training="joint", layer_loss=None), 1),
    "joint, none, twice the steps": (dict(training="joint", layer_loss=None), 2),
    "greedy, then joint": (dict(training="greedy+joint"), 0.5),
}
DEPTHS = (2, 3, 4, 5)
ONCE = tuple(arm for arm, (_, times) in JOINT.items() if times <= 1)
NARROW = 12  # units of the code, where an exact likelihood is asked


def joint(arm, condition, sizes, rate, n_rows, budget):
    """Return an estimator of the experiment on joint training, by what is measured of it."""
    options, times = JOINT[arm]
    n_passes = max(1, round(times * budget * STEPS / -(-n_rows // 100)))
    trainer = Backprop(learning_rate=rate, batch_size=100, n_passes=n_passes, schedule="linear")
    if condition.measures == ("tuned",):
        tuner = Backprop(
            learning_rate=1e-3, batch_size=100, schedule="linear",
            n_passes=max(1, round(budget * STEPS / -(-n_rows // 100))),
        )  # fmt: skip
        bottom = DeepAutoEncoder(sizes, trainer=trainer, **options)
        return DeepClassifier([bottom], fine_tuner=tuner)
    if condition.measures != ("likelihood",):
        return DeepAutoEncoder(sizes, trainer=trainer, **options)
    top = PCD(n_passes=max(1, round(20 * budget)), learning_rate=0.05, schedule="linear")
    # A DBN has states as codes, and so its bottom is trained on them.
    bottom = DeepAutoEncoder(sizes, code="sample", trainer=trainer, **options)
    return DBN([bottom, RBM(50, trainer=top)])


def sampled(model, parts):
    """Return what a deep auto-encoder or a DBN of one is worth, on validation and on test."""
    X_valid, X_test = (rows for rows, _ in parts[1:])
    if isinstance(model, DeepClassifier):
        return {"tuned": errors(model, parts)["error"]}
    if isinstance(model, DBN):
        return {"likelihood": tuple(model.score(rows[:SCORED]) for rows in (X_valid, X_test))}
    samples = model.sample(SAMPLES, n_steps=CHAIN, means=True)
    return {"parzen": parzen(samples, X_valid, X_test), "error": linear_errors(model, parts)}


def parzen(samples, X_valid, X_test):
    """Return the Parzen log-likelihood of rows of validation and of test under samples.

    One half of the rows of validation chooses the window, and the other one learning rates.
    """
    half = len(X_valid) // 2
    bandwidth = chosen_bandwidth(samples, X_valid[:half])
    return tuple(
        parzen_log_likelihood(samples, rows, bandwidth=bandwidth).value
        for rows in (X_valid[half:], X_test)
    )


def linear_errors(model, parts):
    """Return what a linear classifier errs on what a model makes of rows, in percent."""
    (X, y), *others = parts
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many iterations are its budget
        linear.fit(model.transform(X), y)
    return tuple(
        float(100 * np.mean(linear.predict(model.transform(rows)) != labels))
        for rows, labels in others
    )


def _of_depths(text, pairs, measure, suffix=""):
    return [
        claim
        for depth in (DEPTHS if measure != "tuned" else (2, 5))
        for claim in claims_of(text, pairs, f"{depth} layers{suffix}", measure)
    ]


_WITH = "joint, layers' losses"
_CODE, _TUNED = f", {NARROW} units", ", fine-tuned"
CLAIMS = (
    (
        "joint training with layers' losses beats greedy training",
        ("greedy", "greedy, twice the steps"),
    ),
    (
        "layers' losses are what makes joint training good",
        ("joint, no layers' losses", "joint, none, twice the steps"),
    ),
)

GENERATORS = {
    "joint": Paper(
        question="is joint training better for deep auto-encoders? (Zhou et al., 2014)",
        conditions=(
            *(
                Condition(f"{depth} layers", None, None, tuple(JOINT), depth, ("parzen", "error"))
                for depth in DEPTHS
            ),
            *(
                Condition(f"{depth} layers{_CODE}", None, NARROW, ONCE, depth, ("likelihood",))
                for depth in DEPTHS
            ),
            *(
                Condition(f"{depth} layers{_TUNED}", None, None, ONCE, depth, ("tuned",))
                for depth in (2, 5)
            ),
        ),
        make=joint, width=200, depth=3,
        measures=(PARZEN, ERROR, LIKELIHOOD, TUNED), score=sampled,
        claims=tuple(
            claim
            for measure, suffix in (
                ("parzen", ""), ("error", ""), ("likelihood", _CODE), ("tuned", _TUNED),
            )
            for text, others in CLAIMS
            for claim in _of_depths(
                text,
                [(_WITH, arm) for arm in others if arm in ONCE or not suffix], measure, suffix,
            )
        ),
        rates=(1e-3, 3e-3, 1e-2),
    ),
}  # fmt: skip
