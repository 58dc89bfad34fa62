"""The experiment on deep restricted Boltzmann networks, beside deep belief networks."""

import numpy as np
from sklearn.base import BaseEstimator, clone

from layerwise.compare.generators import PARZEN, linear_errors, parzen
from layerwise.compare.paper import ERROR, Condition, Measure, Paper, claims_of
from layerwise.estimators.dbn import DBN
from layerwise.estimators.rbm import RBM
from layerwise.estimators.stack import DRBN, Convolution
from layerwise.likelihood.sampling import first_states
from layerwise.numerics.streams import STATE, Stream
from layerwise.trainers.contrastive import CD, PCD
from layerwise.trainers.joint import JointCD, JointPCD

__all__ = ["CHAINS"]

STEPS = 1400  # of each layer, in batches of 100 rows
SAMPLES, CHAIN = 1000, 200  # whose windows are Parzen's, and the steps of their chains, from noise
SHOWN, AT = 12, (1, 10, 50, 200)  # chains of a sheet, and the steps at which they are looked at

EXACT = Measure("exact", "Exact log-likelihood, in nats", "nats", -1)

# The trainer of each arm; of a DBN that of each layer.
LARGE = {
    "DRBN, CD": (DRBN, JointCD),
    "DRBN, PCD": (DRBN, JointPCD),
    "DRBN of patches, PCD": (DRBN, JointPCD),
    "DBN, CD": (DBN, CD),
    "DBN, PCD": (DBN, PCD),
    "RBM, CD": (RBM, CD),
    "RBM, PCD": (RBM, PCD),
}
SMALL = tuple(arm for arm in LARGE if "patches" not in arm)
# The nets of Hu, Gao and Ma; the RBM has the units of the top.
SIZES = (500, 500, 1000)
PATCHES = Convolution(64, 12, stride=2), Convolution(128, 5, stride=4), 500
OF_DIGITS = Convolution(64, 4, stride=2), Convolution(128, 2), 500  # of 8 x 8 pixels, 1,000 rows
PIXELS = 4, 3  # of the small images, lines and columns
FEW = 10  # units of each of their layers


def pooled(X):
    """Return images of few pixels: means of blocks of lines and columns, as zeros and ones."""
    side = round(X.shape[1] ** 0.5)
    images = X.reshape(-1, side, side)
    lines = [part.mean(axis=1) for part in np.array_split(images, PIXELS[0], axis=1)]
    cells = [
        part.mean(axis=1) for line in lines for part in np.array_split(line, PIXELS[1], axis=1)
    ]
    return (np.stack(cells, axis=1) > 0.2).astype(X.dtype)


class OfFewPixels(BaseEstimator):
    """A model of small images, fitted to rows of large ones.

    Parameters
    ----------
    model : estimator
    random_state : int, default=None
    """

    def __init__(self, model, random_state=None):
        self.model = model
        self.random_state = random_state

    def fit(self, X, y=None):
        """Fit a clone of the model to the small images."""
        self.model_ = clone(self.model).set_params(random_state=self.random_state)
        self.model_.fit(pooled(X))
        return self


def chains(arm, condition, sizes, rate, n_rows, budget):
    """Return an estimator of the experiment: of small images where it is measured exactly."""
    kind, trainer = LARGE[arm]
    trainer = trainer(
        learning_rate=rate,
        batch_size=100,
        n_passes=max(1, round(budget * STEPS / -(-n_rows // 100))),
        schedule="linear",
    )
    small = condition.measures == ("exact",)
    patches = PATCHES if n_rows > 1000 else OF_DIGITS
    if not small:
        sizes = patches if "patches" in arm else SIZES
    if kind is DBN:
        model = DBN([RBM(n, trainer=trainer) for n in sizes])
    elif kind is RBM:
        model = RBM(sizes[-1], trainer=trainer)
    else:
        model = DRBN(sizes, trainer=trainer)
    return OfFewPixels(model) if small else model


def means_of(model, n_samples, n_steps, seed):
    """Return the means of rows where chains from noise are after some steps."""
    if isinstance(model, DRBN):
        return model.sample(n_samples, n_steps=n_steps, means=True, random_state=seed)
    # Of a DBN the top alone is a chain; below it states are drawn, and the rows' means taken.
    dbn, stream = model.model_, Stream.from_random_state(seed)
    start = first_states(dbn.top, n_samples, stream.child("start"))
    states = dbn.top.gibbs(start, stream.child("top"), n_steps)
    if not dbn.conditionals:
        return dbn.top.visible_mean(dbn.top.sample_hidden(states, stream, step=n_steps + 1))
    for depth, conditional in reversed(list(enumerate(dbn.conditionals))):
        if depth == 0:
            return conditional.mean(states)
        states = conditional.sample(states, stream, step=depth, lane=STATE)


def valued(model, parts):
    """Return what a model is worth, on validation and on test."""
    rows = [X for X, _ in parts[1:]]
    if isinstance(model, OfFewPixels):
        return {"exact": tuple(model.model_.score(pooled(X)) for X in rows)}
    samples = means_of(model, SAMPLES, CHAIN, 1)
    return {"parzen": parzen(samples, *rows), "error": linear_errors(model, parts)}


def sheet(model):
    """Return chains from noise after more and more steps, one line of images for each number."""
    if isinstance(model, OfFewPixels):
        return None
    return np.concatenate([means_of(model, SHOWN, n_steps, 2) for n_steps in AT])


_PAIRS = [("DRBN, CD", "DBN, CD"), ("DRBN, PCD", "DBN, PCD")]
_PERSISTENT = [("DRBN, PCD", "DRBN, CD")]
_SINGLE = [("DRBN, CD", "RBM, CD"), ("DRBN, PCD", "RBM, PCD")]
_LARGE, _SMALL, _TWO = "784-500-500-1000", "12 pixels, 10-10-10", "12 pixels, 10-10"

CHAINS = {
    "drbn": Paper(
        question="do RBMs sampled through make a deep model? (Hu, Gao and Ma, 2016)",
        conditions=(
            Condition(_LARGE, None, None, tuple(LARGE), 3, ("parzen", "error")),
            Condition(_SMALL, None, None, SMALL, 3, ("exact",)),
            Condition(_TWO, None, None, SMALL, 2, ("exact",)),
        ),
        make=chains, width=FEW, depth=3,
        measures=(PARZEN, ERROR, EXACT), score=valued, sheet=sheet,
        claims=(
            *claims_of("a DRBN draws better than an RBM", _SINGLE, _LARGE, "parzen"),
            *claims_of("a DRBN has better features than an RBM", _SINGLE, _LARGE, "error"),
            *claims_of("a DRBN beats a DBN of the same sizes", _PAIRS, _LARGE, "parzen"),
            *claims_of("a DRBN has better features than a DBN", _PAIRS, _LARGE, "error"),
            *claims_of("persistent chains train a DRBN better", _PERSISTENT, _LARGE, "parzen"),
            *claims_of(
                "layers over patches make a better DRBN",
                [("DRBN of patches, PCD", "DRBN, PCD")], _LARGE, "parzen",
            ),
            *claims_of("a DRBN is a better model than an RBM", _SINGLE, _SMALL, "exact"),
            *claims_of("a DRBN beats a DBN of the same sizes", _PAIRS, _SMALL, "exact"),
            *claims_of("persistent chains train a DRBN better", _PERSISTENT, _SMALL, "exact"),
            *claims_of("a DRBN beats a DBN of the same sizes", _PAIRS, _TWO, "exact"),
        ),
        rates=(1e-2, 3e-2, 1e-1),
    ),
}  # fmt: skip
