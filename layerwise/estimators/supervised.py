"""DeepClassifier and DeepRegressor: layers trained greedily, then as a whole for prediction."""

from numbers import Integral

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from layerwise._sklearn import StrOptions
from layerwise.estimators.predictor import DeepPredictor
from layerwise.models.inputs import Targets
from layerwise.models.units import BITS, Softmax

__all__ = ["DeepClassifier", "DeepRegressor"]


class DeepClassifier(ClassifierMixin, DeepPredictor):
    """A deep network whose layers are trained one at a time, then as a whole on labels.

    Parameters
    ----------
    layers : list of estimators, or of (name, estimator)
        From the bottom up: :class:`RBM` of any visible units, :class:`AutoEncoder`,
        :class:`LatentLayer`, :class:`Supervised`, or :class:`Dense`, which is not trained before
        the whole. Bare layers are named ``layer1``, ``layer2`` and so on, so that
        ``layer1__n_components`` can be set and searched over. Each layer is trained on what the
        layers below it hand up: states drawn anew in each pass, or means where its trainer has
        ``resample=False``.
    fine_tuner : Backprop or Shadow, default=None
        Trains all layers and the output at once, through means, on the rows that have a label;
        ``Backprop()`` if None. It has dropout, early stopping and the learning rate.
    output : {"softmax", "one_vs_rest"}, default="softmax"
        One distribution over the classes, or one Bernoulli unit for each class against the rest.
    pretraining : {"greedy", "continuous"}, default="greedy"
        One layer after the other, or all at once, each on what the layers below hand up as they
        stand: a pass of each layer, then the next pass of each.
    supervision : float or list of float, default=0.0
        Factor of the ``fine_tuner``'s learning rate in the steps towards the label that a layer,
        or each layer of a list, takes after each batch of its own trainer. It helps where inputs
        say little about the label. Layers that are trained on labels anyway take none.
    unlabelled : int or None, default=-1
        The label of rows that have none, as in ``sklearn.semi_supervised``: they are used while
        layers are trained that need no labels. None says that all rows have one, where -1 is a
        label as any other.
    verbose : int, default=0
        If positive, all layers and the ``fine_tuner`` print lines.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; layers with a ``random_state`` of their own keep to it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    network_ : Chain
        The network: ``weights(k)`` of shape (n_inputs, n_units), ``biases(k)``, ``forward(X)``.
    layers_ : list of estimators
        The layers as they were before the whole was trained.
    history_ : dict of str to dict
        The ``history_`` of each layer that has one, by its name, and that of the ``fine_tuner``:
        ``"loss"``, the mean of -log p(label | row) in nats in each pass, and
        ``"validation_log_likelihood"`` where rows are held out.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    DeepRegressor : The same for numbers.
    DBN : The same layers as a generative model.

    References
    ----------
    Bengio, Lamblin, Popovici and Larochelle, "Greedy layer-wise training of deep networks", 2007.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from layerwise import PCD, RBM, Backprop, DeepClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> some = y.copy()
    >>> some[200:] = -1  # the other rows have no labels
    >>> layers = [RBM(64, trainer=PCD(n_passes=20)), RBM(64, trainer=PCD(n_passes=20))]
    >>> net = DeepClassifier(layers, fine_tuner=Backprop(learning_rate=3e-3), random_state=7)
    >>> bool(net.fit(X, some).score(X[200:], y[200:]) > 0.8)
    True
    """

    _parameter_constraints = DeepPredictor._parameter_constraints | {
        "output": [StrOptions({"softmax", "one_vs_rest"})],
        "unlabelled": [Integral, None],
    }
    _needed = (*DeepPredictor._needed, "classes_")

    def __init__(
        self, layers, *, fine_tuner=None, output="softmax", pretraining="greedy", supervision=0.0,
        unlabelled=-1, verbose=0, random_state=None,
    ):  # fmt: skip
        self.layers = layers
        self.fine_tuner = fine_tuner
        self.output = output
        self.pretraining = pretraining
        self.supervision = supervision
        self.unlabelled = unlabelled
        self.verbose = verbose
        self.random_state = random_state

    def _targets(self, y, dtype, weights):
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        known = np.ones(len(y), bool)
        if self.unlabelled is not None and y.dtype.kind in "if":
            known = y != self.unlabelled
        classes = np.unique(y[known])
        if len(classes) < 2:
            raise ValueError(self._too_few(classes, len(y) - int(known.sum())))
        values = np.zeros((len(y), len(classes)), dtype)
        values[known, np.searchsorted(classes, y[known])] = 1
        units = Softmax() if self.output == "softmax" else BITS
        return Targets(values, units, None if known.all() else known), {"classes_": classes}

    def _too_few(self, classes, n_unlabelled):
        found = f"only one class, {classes[0]}" if len(classes) else "no label"
        told = f"DeepClassifier asks for labels of at least two classes, and y has {found}"
        if not n_unlabelled:
            return f"{told}. Pass rows of more classes."
        return (
            f"{told}; {n_unlabelled} rows are marked as unlabelled by {self.unlabelled}. Label "
            f"rows of more classes; or, where {self.unlabelled} is a class, set unlabelled=None."
        )

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Of one unit for each class, means divided by their sum.
        """
        X = self._checked(X)
        means = self.network_.forward(X)
        if self.network_.outputs == BITS:
            total = means.sum(axis=1, keepdims=True)
            none = total == 0
            return np.where(none, 1 / means.shape[1], means / np.where(none, 1, total))
        return means

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of each class, in nats.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        X = self._checked(X)
        return self.classes_[np.argmax(self.network_.field(X), axis=1)]


class DeepRegressor(RegressorMixin, DeepPredictor):
    """A deep network whose layers are trained one at a time, then as a whole on numbers.

    Targets are standardised inside, so that their scale does not matter to the learning rate;
    outputs are linear, and the loss is half the squared error, summed over outputs.

    Parameters
    ----------
    layers : list of estimators, or of (name, estimator)
        As in :class:`DeepClassifier`.
    fine_tuner : Backprop or Shadow, default=None
        Trains all layers and the output at once, through means, on the rows that have a target;
        ``Backprop()`` if None.
    pretraining : {"greedy", "continuous"}, default="greedy"
        As in :class:`DeepClassifier`.
    supervision : float or list of float, default=0.0
        As in :class:`DeepClassifier`.
    verbose : int, default=0
        If positive, all layers and the ``fine_tuner`` print lines.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``; layers with a ``random_state`` of their own keep to it.

    Attributes
    ----------
    network_ : Chain
        The network, from rows to standardised targets.
    target_mean_, target_scale_ : ndarray of shape (n_outputs,)
        Mean and standard deviation of the targets, the latter 1 where they are constant.
    layers_ : list of estimators
        The layers as they were before the whole was trained.
    history_ : dict of str to dict
        The ``history_`` of each layer that has one, by its name, and that of the ``fine_tuner``:
        ``"loss"``, of standardised targets.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    DeepClassifier : The same for labels.

    Notes
    -----
    Rows with a NaN among their targets have none: they are used while layers are trained that need
    no targets.

    References
    ----------
    Bengio, Lamblin, Popovici and Larochelle, "Greedy layer-wise training of deep networks", 2007.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from layerwise import RBM, DeepRegressor, Dense
    >>> X, y = load_diabetes(return_X_y=True)
    >>> layers = [RBM(20, visible="gaussian"), Dense(20)]
    >>> net = DeepRegressor(layers, random_state=7).fit(20 * X, y)
    >>> bool(net.score(20 * X, y) > 0.4)
    True
    """

    def __init__(
        self, layers, *, fine_tuner=None, pretraining="greedy", supervision=0.0, verbose=0,
        random_state=None,
    ):  # fmt: skip
        self.layers = layers
        self.fine_tuner = fine_tuner
        self.pretraining = pretraining
        self.supervision = supervision
        self.verbose = verbose
        self.random_state = random_state

    def _targets(self, y, dtype, weights):
        y = check_array(
            y, input_name="y", ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan"
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        shape = y.shape[1:]
        y = y.reshape(len(y), -1)
        known = ~np.isnan(y).any(axis=1)
        if not known.any():
            raise ValueError(
                "DeepRegressor asks for targets of some rows, and y is NaN in all. Pass numbers "
                "where they are known."
            )
        shares = None if weights is None or not weights[known].any() else weights[known]
        mean = np.average(y[known], axis=0, weights=shares)
        scale = np.sqrt(np.average((y[known] - mean) ** 2, axis=0, weights=shares))
        scale[scale == 0] = 1
        values = np.where(known[:, None], (y - mean) / scale, 0).astype(dtype)
        meaning = {"target_mean_": mean, "target_scale_": scale, "_target_shape": shape}
        return Targets(values, None, None if known.all() else known), meaning

    def predict(self, X):
        """Return the predicted targets.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As ``y`` was.
        """
        X = self._checked(X)
        found = self.network_.forward(X) * self.target_scale_ + self.target_mean_
        return found.astype(self.network_.parameters.dtype).reshape(-1, *self._target_shape)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
