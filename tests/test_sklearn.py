"""scikit-learn's contract, on every estimator."""

import pytest
from scipy.special import expit
from sklearn.utils.estimator_checks import parametrize_with_checks

from layerwise import CD, DBN, PCD, RBM, AutoEncoder, Backprop, ExactGradient
from layerwise.estimators import _sklearn

ESTIMATORS = [
    RBM(3, trainer=CD(n_passes=3)),
    RBM(3, trainer=PCD(n_passes=3)),
    RBM(3, trainer=ExactGradient(n_passes=3)),
    AutoEncoder(3, trainer=Backprop(n_passes=3)),
    AutoEncoder(3, encoder_layer_sizes=(5,), code="sample", trainer=Backprop(n_passes=3)),
    AutoEncoder(3, tied=True, corruption=0.1, trainer=Backprop(n_passes=3)),
    DBN([AutoEncoder(3, trainer=Backprop(n_passes=3)), RBM(2, trainer=PCD(n_passes=3))]),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator(estimator, check, monkeypatch):
    # The checks draw data from all of the real line, and Bernoulli units refuse what is outside
    # [0, 1]. So their data is brought into range, row by row, behind scikit-learn's validation
    # and before ours; nothing else changes, and no check is skipped or expected to fail.
    validate_data = _sklearn.validate_data

    def in_range(*args, **kwargs):
        return expit(validate_data(*args, **kwargs))

    monkeypatch.setattr(_sklearn, "validate_data", in_range)
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_without_the_rescaling_such_data_is_refused(estimator):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        estimator.fit([[-1.0, 2.0], [0.0, 1.0]])
