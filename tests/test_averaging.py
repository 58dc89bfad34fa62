"""The mean of parameters over the last passes of CD and PCD."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from layerwise import CD, PCD, RBM
from layerwise.models.inputs import LayerInput
from layerwise.models.rbm import RBMParams
from layerwise.numerics.streams import Stream

X = (load_digits().data[:300] > 7).astype(float)


def parameters(rbm):
    return [array.copy() for array in rbm.params_.arrays()]


@pytest.mark.parametrize("kind", [CD, PCD])
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_the_mean_is_of_the_parameters_after_each_of_the_last_passes(kind, visible):
    options = {"n_passes": 10, "learning_rate": 0.02, "schedule": "linear"}
    steps = RBM(7, visible=visible, trainer=kind(**options), random_state=3)
    after = []
    for _ in range(10):
        steps.partial_fit(X)
        after.append(parameters(steps))
    for share, last in ((0.25, 3), (0.3, 3), (0.05, 1), (0.95, 10)):
        trainer = kind(averaging=share, **options)
        found = RBM(7, visible=visible, trainer=trainer, random_state=3).fit(X)
        for k, array in enumerate(parameters(found)):
            expected = np.mean([each[k] for each in after[-last:]], axis=0)
            np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-14)


def test_history_ends_with_the_likelihood_of_the_mean():
    trainer = PCD(n_passes=8, averaging=0.5)
    rbm = RBM(7, trainer=trainer, random_state=3).fit(X)
    assert rbm.history_["log_likelihood"][-1] == pytest.approx(rbm.score(X), abs=1e-9)


def test_training_that_is_ended_has_the_mean_so_far():
    def run(n_taken, averaging):
        stream = Stream(bytes(range(16)))
        model = RBMParams.init(X, 5, stream)
        passes = PCD(n_passes=10, averaging=averaging).passes(model, LayerInput(X), stream)
        after = []
        for _ in range(n_taken):
            next(passes)
            after.append([array.copy() for array in model.arrays()])
        with pytest.raises(StopIteration):
            passes.send(True)
        return model.arrays(), after

    found, after = run(8, 0.5)
    for array, *last in zip(found, *after[-3:]):
        np.testing.assert_allclose(array, np.mean(last, axis=0), rtol=1e-12, atol=1e-14)
    found, after = run(3, 0.5)  # none of the last passes was taken
    for array, last in zip(found, after[-1]):
        np.testing.assert_array_equal(array, last)


@pytest.mark.parametrize("share", [-0.1, 1.0, "all"])
def test_what_is_no_share_of_passes_is_refused(share):
    with pytest.raises(ValueError, match="averaging"):
        RBM(3, trainer=CD(averaging=share)).fit(X)


def test_the_best_pass_and_the_mean_of_the_last_are_not_both_kept():
    with pytest.raises(ValueError, match="Set one of the two"):
        RBM(3, trainer=PCD(averaging=0.2, early_stopping=True)).fit(X)
