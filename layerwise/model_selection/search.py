"""LayerwiseSearch: the layers of a DBN, chosen one after the other."""

import os
import time
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state

from layerwise._sklearn import (
    POSITIVE_INTEGER,
    Interval,
    StrOptions,
    fit_context,
    get_tags,
    validated_rows,
    validated_weights,
)
from layerwise.estimators.callbacks import (
    TakesCallbacks,
    as_task,
    refuse_on_parts,
    with_callbacks,
)
from layerwise.estimators.checks import counted, restored_on_error
from layerwise.estimators.dbn import DBN
from layerwise.model_selection.best import OfBestEstimator
from layerwise.model_selection.folds import Fold, splits
from layerwise.model_selection.greedy import GreedySelection
from layerwise.model_selection.journal import journal
from layerwise.model_selection.spaces import N_ITER, by_layer, candidates, numbers_of_candidates
from layerwise.numerics.streams import Stream


class LayerwiseSearch(
    OfBestEstimator, TakesCallbacks, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Search over the layers of a DBN, chosen one after the other from the bottom up.

    The candidates of a layer are trained on what the layers chosen below hand up, and judged by a
    number that needs nothing above: the best latent marginal of held-out rows, which bounds what
    any upper layers can reach. ``n_iter`` candidates of each of two layers are so as many trials
    as ``2 * n_iter`` single layers, and choose among ``n_iter ** 2`` deep models.

    Parameters
    ----------
    dbn : DBN
        What is searched over; its own parameters hold where ``param_distributions`` says nothing.
        Its ``random_state`` trains all candidates; if that is None, a seed of the search's does.
    param_distributions : dict or list of dict
        From parameters of the DBN, which are parameters of its layers (``"layer1__n_components"``,
        ``"layer2__trainer__learning_rate"``) or layers themselves (``"layer1"``), to lists of
        values or, unless ``strategy`` is ``"grid"``, distributions with a method ``rvs``. Each
        layer is searched over its own part; without one, it has one candidate.
    n_iter : int or dict of str to int, default=10
        Number of candidates of each layer, or by layer, 10 of those that the dict leaves out:
        layers above a good bottom differ less, so that ``{"layer1": 20, "layer2": 5}`` costs less
        for as much. Where all values are lists, candidates differ from one another, and there may
        be fewer. Not used by ``"grid"``.
    strategy : {"random", "grid", "halving"}, default="random"
        Whether to draw candidates, to list them, or to draw them and train them in rounds: the
        best ``1 / factor`` of a round go on to the next with ``factor`` times the passes, up to
        their trainer's ``n_passes`` in the last.
    scoring : {"blm", "bound"}, callable or dict, default="blm"
        What judges the layers below the last, on held-out rows: the best latent marginal, or the
        bound on it under the layer's own inference, aggregated over training rows. The last layer
        is judged by the exact log-likelihood of the whole DBN on held-out rows; where layers are
        too large for that sum, by that of the top on states that are drawn through the layers
        below. A callable ``scorer(estimator, X)`` judges all layers: it takes a fitted layer and
        its held-out rows, and for the last layer the whole DBN and the held-out rows of the data.
        Where rows have weights, it takes ``sample_weight`` too, those of the held-out rows.
        A dict has a string or callable by layer, and a layer that it leaves out its default.
    cv : int, splitter or iterable, default=None
        Splits of the rows, as in scikit-learn. Each split trains its own layers, and the mean of
        their scores decides. None holds out ``validation_fraction`` of the rows, once.
    validation_fraction : float, default=0.2
        Not used with ``cv``.
    factor : float, default=3
        Of ``strategy="halving"``.
    min_resources : int, default=1
        Of ``strategy="halving"``: the fewest passes that a candidate is trained for.
    n_jobs : int, default=None
        Over how many joblib workers trials are spread: None means 1 unless in a
        ``joblib.parallel_config``, which may also name a cluster; -1 means all processors. The
        results do not depend on it.
    refit : bool, default=True
        Whether to train a DBN with the best parameters on all rows, as ``best_estimator_``.
    error_score : float or "raise", default=nan
        What stands for the score of a candidate that diverges, or that cannot be trained or
        judged for its parameters. Why is in the table; ``"raise"`` ends the search instead.
    random_state : int, RandomState instance or None, default=None
        Read once per call of ``fit``: for the candidates, the rows that are held out, and draws of
        these. Those of a layer are a function of it and of the layer alone.
    folder : str or path, default=None
        Where a record of each trial is kept as it is done. A search that was ended in any way goes
        on from there when it is fitted again, to the same results; another search is refused.
    verbose : int, default=0
        If positive, a line on each trial is printed to stderr.

    Attributes
    ----------
    best_estimator_ : DBN
        Trained on all rows; only if ``refit``. It has the bits of the ``dbn`` with
        ``best_params_``, and with the ``random_state`` that is in it.
    best_params_ : dict
        The chosen candidates of all layers, as parameters of the DBN.
    best_score_ : float
        Of the last layer: the mean over splits of the held-out log-likelihood of the whole,
        unless ``scorer_`` says otherwise.
    best_scores_ : dict of str to float
        Mean score of the chosen candidate, by layer.
    best_index_ : dict of str to int
        Its place in the table, by layer.
    cv_results_ : dict of str to dict
        By layer, a table as in scikit-learn, which pandas makes a ``DataFrame`` of: ``params``,
        ``param_<name>``, ``split<k>_test_score``, ``mean_test_score``, ``rank_test_score``,
        ``mean_fit_time`` and others. ``error`` says why a candidate has no score, or is None.
        ``"halving"`` adds ``iter``, the round, and ``n_resources``, the passes.
    scorer_ : dict of str to str or callable
        What judged each layer: ``"blm"``, ``"bound"``, ``"log_likelihood"`` (of the whole DBN),
        ``"latent_log_likelihood"`` (of the top alone), or a callable.
    n_splits_ : int
    refit_time_ : float
        Seconds; only if ``refit``.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where ``X`` has feature names.

    See Also
    --------
    scorers.blm : The number that chooses lower layers.
    sklearn.model_selection.RandomizedSearchCV : All layers at once.

    Notes
    -----
    On each split, the chosen layers have the bits that fitting the DBN with ``best_params_`` to
    its training rows gives them, so that the score of the last layer is that of this DBN. Layers
    above the first are judged by one draw of each held-out row through the layers below. Weights
    of rows go with them into the training and the judging of each split; splits count alike in the
    mean, and ``validation_fraction`` is of the number of rows. A
    ``fine_tuner`` of the DBN trains ``best_estimator_`` alone, once all layers are chosen.
    Callbacks hear of a task for each layer, with one for each trial, and of the last training.
    Those that scikit-learn hands on to parts, such as ``ProgressBar``, hear of all passes too.

    References
    ----------
    Arnold and Ollivier, "Layer-wise learning of deep generative models", arXiv 1212.1524, 2013.
    Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012.
    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization", 2016.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from layerwise import DBN, RBM, AutoEncoder, LayerwiseSearch
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> space = {
    ...     "layer1__n_components": [4, 6, 8],
    ...     "layer1__trainer__learning_rate": loguniform(1e-3, 1e-1),
    ...     "layer2__n_components": [4, 8],
    ... }
    >>> dbn = DBN([AutoEncoder(encoder_layer_sizes=(50,)), RBM()])
    >>> search = LayerwiseSearch(dbn, space, n_iter=3, random_state=7).fit(tea.train)
    >>> sorted(search.best_params_) == sorted(space)
    True
    >>> len(search.cv_results_["layer1"]["mean_test_score"])
    3
    >>> bool(search.score(tea.test) > -69.3)  # nats per row; 100 fair coins have -69.3
    True
    """

    _parameter_constraints = {
        "dbn": [DBN],
        "param_distributions": [dict, list, tuple],
        "n_iter": [POSITIVE_INTEGER, dict],
        "strategy": [StrOptions({"random", "grid", "halving"})],
        "scoring": [StrOptions({"blm", "bound"}), callable, dict],
        "cv": ["cv_object"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "min_resources": [POSITIVE_INTEGER],
        "n_jobs": [None, Integral],
        "refit": ["boolean"],
        "error_score": [StrOptions({"raise"}), Real],
        "random_state": ["random_state"],
        "folder": [None, str, os.PathLike],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        dbn,
        param_distributions,
        n_iter=N_ITER,
        *,
        strategy="random",
        scoring="blm",
        cv=None,
        validation_fraction=0.2,
        factor=3,
        min_resources=1,
        n_jobs=None,
        refit=True,
        error_score=np.nan,
        random_state=None,
        folder=None,
        verbose=0,
    ):
        self.dbn = dbn
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.strategy = strategy
        self.scoring = scoring
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.factor = factor
        self.min_resources = min_resources
        self.n_jobs = n_jobs
        self.refit = refit
        self.error_score = error_score
        self.random_state = random_state
        self.folder = folder
        self.verbose = verbose

    @fit_context
    def fit(self, X, y=None, sample_weight=None):
        """Choose the layers, and train a DBN of them on all rows if ``refit``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of states of the bottom layer's units, or of means of Bernoulli units. Sparse rows
            leave the same bits as dense ones, and are made dense some at a time.
        y : array-like of shape (n_samples,), default=None
            Only a splitter in ``cv`` that asks for it sees it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none negative and some positive; 1 if None. Layers are trained on
            weighted rows, as by ``DBN.fit``, and judged by weighted means over held-out rows.
            Rows of weight 0 are left out, before rows are split.

        Returns
        -------
        LayerwiseSearch
            This estimator.

        Raises
        ------
        ValueError
            If a parameter belongs to no layer, if no candidate of a layer could be trained, if a
            callable in ``scoring`` takes no weights and rows have some, or if another search left
            the folder.
        """
        return with_callbacks(LayerwiseSearch._fit, self, X, y, sample_weight)

    def _fit(self, X, y, sample_weight):
        self.dbn._check_layers()
        names = [name for name, _ in self.dbn._named_layers]
        refuse_on_parts(self, {"dbn": self.dbn, **dict(self.dbn._named_layers)})
        told = self._init_callback_context(max_subtasks=len(names) + bool(self.refit))
        told.call_on_fit_task_begin(estimator=self, X=X)
        with restored_on_error(self):
            given = validated_rows(self, X, reset=True, sparse=True)
            weights_given = validated_weights(sample_weight, given)
            rows, weights = counted(given, weights_given)
            stream = Stream.from_random_state(self.random_state)
            dbn = self._seeded(stream.child("dbn"))
            space = by_layer(self.param_distributions, names)
            n_iter, tried = numbers_of_candidates(self.n_iter, names), {}
            for depth, name in enumerate(names):
                seed = int(stream.child("candidates", name).generator().integers(2**31))
                tried[name] = candidates(
                    dbn, depth, space[name], self.strategy, n_iter[name], seed
                )
            selection = GreedySelection(self, dbn, tried)
            selection.check(rows, weights)
            found = splits(
                given, y, self.cv, self.validation_fraction, stream.child("split"), weights_given
            )
            of_dbn = Stream.from_random_state(dbn.random_state)
            folds = [
                Fold.of(rows, split, of_dbn, stream.child("draws", index), weights)
                for index, split in enumerate(found)
            ]
            with journal(self, dbn, tried, (rows, weights), found, stream) as records:
                selection.run(folds, records, told)
            self.n_splits_ = len(folds)
            if self.refit:
                self._train_best(dbn, X, sample_weight, told)
        told.call_on_fit_task_end(estimator=self, X=X)
        return self

    def _seeded(self, stream):
        """Return the DBN, unfitted, with an int as its ``random_state``."""
        dbn, seed = clone(self.dbn), self.dbn.random_state
        if seed is None:
            dbn.random_state = int(stream.generator().integers(2**31))
        elif not isinstance(seed, Integral):
            dbn.random_state = int(check_random_state(seed).randint(2**31))
        return dbn

    def _train_best(self, dbn, X, sample_weight, told):
        best = clone(dbn).set_params(**clone(self.best_params_, safe=False))
        step = told.subcontext(task_name="refit-with-best-params")
        start = time.perf_counter()
        with as_task(step, self, best, X=X):
            self.best_estimator_ = best.fit(X, sample_weight=sample_weight)
        self.refit_time_ = time.perf_counter() - start

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if isinstance(self.dbn, DBN):
            of_dbn = get_tags(self.dbn)
            tags.input_tags, tags.transformer_tags = of_dbn.input_tags, of_dbn.transformer_tags
        return tags
