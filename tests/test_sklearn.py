"""scikit-learn's contract, on every estimator."""

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse
from scipy.special import expit
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import has_fit_parameter

from layerwise import (
    CD,
    DBN,
    DRBN,
    PCD,
    RBM,
    AutoEncoder,
    Backprop,
    BernoulliRBM,
    BoundAscent,
    DeepAutoEncoder,
    DeepClassifier,
    DeepRegressor,
    Dense,
    ExactGradient,
    Gaussian,
    JointCD,
    JointPCD,
    LatentLayer,
    LayerwiseSearch,
    LikelihoodAscent,
    MarginalAscent,
    Softmax,
    Spin,
    Supervised,
    TruncatedExponential,
    WakeSleep,
    _sklearn,
)

ESTIMATORS = [
    RBM(3, trainer=CD(n_passes=3)),
    RBM(3, trainer=PCD(n_passes=3)),
    RBM(3, trainer=ExactGradient(n_passes=3)),
    AutoEncoder(3, trainer=Backprop(n_passes=3)),
    AutoEncoder(3, encoder_layer_sizes=(5,), code="sample", trainer=Backprop(n_passes=3)),
    AutoEncoder(3, tied=True, corruption=0.1, trainer=Backprop(n_passes=3)),
    DBN([AutoEncoder(3, trainer=Backprop(n_passes=3)), RBM(2, trainer=PCD(n_passes=3))]),
    LatentLayer(3, trainer=MarginalAscent(n_passes=3, early_stopping=False)),
    LatentLayer(4, trainer=MarginalAscent(n_passes=3)),
    AutoEncoder(3, trainer=BoundAscent(n_passes=3)),
    DeepAutoEncoder((5, 3), trainer=Backprop(n_passes=3)),
    DRBN((3, 2), trainer=JointPCD(n_passes=3)),
    DeepAutoEncoder((5, 3), training="greedy+joint", units="tanh", trainer=Backprop(n_passes=3)),
    DBN(
        [
            LatentLayer(3, trainer=MarginalAscent(n_passes=3, early_stopping=False)),
            RBM(2, trainer=PCD(n_passes=3)),
        ],
        fine_tuner=LikelihoodAscent(n_passes=3),
    ),
    DBN(
        [AutoEncoder(3, encoder_layer_sizes=(4,), trainer=Backprop(n_passes=3)), RBM(2)],
        fine_tuner=WakeSleep(n_passes=3),
    ),
    LayerwiseSearch(
        DBN([AutoEncoder(3, trainer=Backprop(n_passes=3)), RBM(2, trainer=PCD(n_passes=3))]),
        {"layer1__n_components": [2, 3]},
    ),
    LayerwiseSearch(
        DBN([AutoEncoder(3, trainer=Backprop(n_passes=2)), RBM(2, trainer=CD(n_passes=2))]),
        {"layer2__n_components": [2, 3]},
        strategy="grid",
        scoring="bound",
        random_state=5,
    ),
    BernoulliRBM(3, n_iter=3),
    BernoulliRBM(4, learning_rate=0.01, batch_size=7, n_iter=2),
]


# What these checks draw goes beyond 1, which Bernoulli units refuse, and scikit-learn has no tag
# for an upper bound, as it has positive_only for the lower one. All other checks pass as they are.
BEYOND_ONE = {
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
}
# The same of checks that pass weights of rows.
WEIGHED_BEYOND_ONE = {
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
}

# A weight of 2 is the row twice where all rows are one batch and nothing is drawn for them: so it
# is with exact gradients of states. Else two rows have draws and batches of their own, and are one
# weighted row on average alone. tests/test_weights.py says what holds of each trainer.
DRAWN = "Each row has draws and a batch of its own, and two equal rows are not one twice as heavy."
EQUIVALENCE = dict.fromkeys(
    [
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ],
    DRAWN,
)


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: EQUIVALENCE)
def test_estimator(estimator, check, monkeypatch):
    if check.func.__name__ in BEYOND_ONE | WEIGHED_BEYOND_ONE:
        # Their data is brought into range, row by row, behind scikit-learn's validation and before
        # ours; nothing else changes, and no check is skipped or expected to fail.
        validate_data = _sklearn.validate_data

        def in_range(*args, **kwargs):
            return expit(validate_data(*args, **kwargs))

        monkeypatch.setattr(_sklearn, "validate_data", in_range)
    check(estimator)


# Layers of all other types of units, by what brings data into the range of their values, by rows.
# A softmax layer of one group takes any number of columns; a list of types has its own.
def signs(X):
    return np.where(X.mean(axis=1, keepdims=True) < X, 1, -1).astype(X.dtype)


def largest(X):
    return np.eye(X.shape[1], dtype=X.dtype)[X.argmax(axis=1)]


TYPES = {Spin(): signs, TruncatedExponential(): expit, Softmax(): largest, Gaussian(): None}
OF_TYPES = [
    *(RBM(3, visible=kind, trainer=ExactGradient(n_passes=3)) for kind in TYPES),
    *(RBM(3, visible=kind, trainer=PCD(n_passes=3, learning_rate=1e-3)) for kind in TYPES),
    *(AutoEncoder(3, visible=kind, trainer=Backprop(n_passes=3)) for kind in TYPES),
    DeepAutoEncoder((3,), visible=Gaussian(), units="relu", trainer=Backprop(n_passes=3)),
    DRBN((3,), visible=Gaussian(), hidden="spin", trainer=JointCD(n_passes=3, learning_rate=1e-3)),
    *(
        LatentLayer(3, visible=kind, trainer=MarginalAscent(n_passes=3, early_stopping=False))
        for kind in TYPES
    ),
    RBM(3, visible=Gaussian(), hidden=Spin(), trainer=CD(n_passes=3, learning_rate=1e-3)),
    DBN([
        RBM(3, visible=Gaussian(), hidden="spin", trainer=ExactGradient(n_passes=3)),
        RBM(2, visible="spin", trainer=ExactGradient(n_passes=3)),
    ], fine_tuner=LikelihoodAscent(n_passes=3)),
    DBN([
        RBM(3, visible=Gaussian(), hidden="spin", trainer=CD(n_passes=3, learning_rate=1e-3)),
        RBM(2, visible="spin", trainer=CD(n_passes=3)),
    ], fine_tuner=WakeSleep(n_passes=3)),
]  # fmt: skip


def drawn(estimator):
    """Return the checks that fail because rows are drawn: none where training is exact."""
    exact = (ExactGradient, MarginalAscent)
    is_exact = isinstance(getattr(estimator, "trainer", None), exact)
    return {} if is_exact else EQUIVALENCE


def brought(into_range, X):
    """Return rows in the range of their units' values: sparse ones as sparse ones."""
    return csr_array(into_range(X.toarray())) if issparse(X) else into_range(X)


@parametrize_with_checks(OF_TYPES, expected_failed_checks=drawn)
def test_estimators_of_other_units(estimator, check, monkeypatch):
    bottom = estimator.layers[0] if isinstance(estimator, DBN) else estimator
    into_range = TYPES[bottom.visible]
    # Where negative values are no values, two checks ask that they are refused.
    refuses = get_tags(estimator).input_tags.positive_only and check.func.__name__ in {
        "check_fit_non_negative",
        "check_positive_only_tag_during_fit",
    }
    if into_range is not None and not refuses:  # Gaussian units take everything
        validate_data = _sklearn.validate_data
        monkeypatch.setattr(
            _sklearn,
            "validate_data",
            lambda *args, **kw: brought(into_range, validate_data(*args, **kw)),
        )
    check(estimator)


# Predictors on layers that take any real columns. Where all rows are one batch and nothing is
# drawn, a weight of 2 is the row twice; where -1 is a label, all checks of classifiers hold.
FAST = Backprop(learning_rate=1e-2)
ONE_BATCH = Backprop(learning_rate=1e-2, batch_size=200)
REAL = {"visible": "gaussian", "trainer": CD(n_passes=3, learning_rate=1e-4)}
CODES = AutoEncoder(10, trainer=Backprop(n_passes=3))
SUPERVISED = Supervised(10, trainer=Backprop(n_passes=3))
EXACT_PREDICTORS = [
    DeepClassifier(
        [Dense(20), Dense(10, activation="tanh")], fine_tuner=ONE_BATCH, unlabelled=None
    ),
    DeepClassifier([Dense(20)], fine_tuner=ONE_BATCH, output="one_vs_rest", unlabelled=None),
    DeepRegressor([Dense(30), Dense(20)], fine_tuner=ONE_BATCH),
]
DRAWN_PREDICTORS = [
    DeepClassifier(
        [SUPERVISED, RBM(6, trainer=PCD(n_passes=3))], output="one_vs_rest", fine_tuner=FAST
    ),
    DeepClassifier([RBM(20, **REAL), CODES], pretraining="continuous", fine_tuner=FAST),
    DeepRegressor([RBM(20, **REAL), SUPERVISED], supervision=0.1, fine_tuner=FAST),
]
MINUS_ONE = {
    "check_classifiers_classes": "Its labels are -1 and 1, and -1 says that a row has none; "
    "scikit-learn leaves its own semi-supervised classifiers out of it by their names. With "
    "unlabelled=None it passes."
}


def expected_of_predictors(estimator):
    """Return the checks that fail: of weights where there are batches, and of labels of -1."""
    if estimator in EXACT_PREDICTORS:
        return {}
    return EQUIVALENCE | (MINUS_ONE if isinstance(estimator, DeepClassifier) else {})


@parametrize_with_checks(
    EXACT_PREDICTORS + DRAWN_PREDICTORS, expected_failed_checks=expected_of_predictors
)
def test_predictors(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [ESTIMATORS[1], ESTIMATORS[3], *ESTIMATORS[6:]], ids=repr)
def test_the_checks_that_fail_as_they_are_fail_for_their_range_alone(estimator):
    """24 checks of ``check_estimator(RBM(4))`` failed, and only a patch in the tests hid it."""
    results = check_estimator(
        estimator, on_fail=None, on_skip=None, expected_failed_checks=EQUIVALENCE
    )
    failed = [result for result in results if result["status"] == "failed"]
    weighed = WEIGHED_BEYOND_ONE if has_fit_parameter(estimator, "sample_weight") else set()
    assert {result["check_name"] for result in failed} == BEYOND_ONE | weighed
    for result in failed:
        told = result["exception"]  # one check tells it in words of its own
        assert "units take values in [0, 1]" in f"{told} {told.__context__}"
