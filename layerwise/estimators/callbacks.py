"""scikit-learn's callbacks: estimators that take them, what they are told, and one that stops."""

import math
import warnings
from contextlib import contextmanager
from numbers import Integral, Real
from weakref import WeakKeyDictionary

from sklearn.utils import check_scalar

from layerwise._sklearn import has_callbacks

__all__ = [
    "EarlyStopping",
    "TakesCallbacks",
    "as_task",
    "opened",
    "refuse_on_parts",
    "with_callbacks",
]

PASS = "pass"  # the name of the task that is one pass over the rows


class TakesCallbacks:
    """The methods of ``sklearn.callback.CallbackSupportMixin``, imported when they are called."""

    def set_callbacks(self, *callbacks):
        """Set the callbacks of the calls of ``fit`` to come.

        Parameters
        ----------
        *callbacks : callback instances
            Such as ``sklearn.callback.ProgressBar()``; none takes those away that were set.

        Returns
        -------
        self
            This estimator.
        """
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin.set_callbacks(self, *callbacks)

    def _init_callback_context(self, **options):
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin._init_callback_context(self, **options)


def with_callbacks(method, estimator, *arguments, **options):
    """Call a method of an estimator; its callbacks are torn down at the end, whatever happens."""
    from sklearn.callback import with_callbacks

    return with_callbacks(method)(estimator, *arguments, **options)


def opened(estimator, n_subtasks, *, task="fit", X=None, y=None):
    """Return the context of an estimator's task, which callbacks have been told the beginning of.

    Parameters
    ----------
    estimator : TakesCallbacks
    n_subtasks : int or None
        The most there can be; None where that is not known.
    task : str, default="fit"
    X, y : default=None
        What it is trained on, or a callable that returns it.

    Returns
    -------
    CallbackContext
    """
    context = estimator._init_callback_context(task_name=task, max_subtasks=n_subtasks)
    return context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)


def refuse_on_parts(whole, parts):
    """Raise that a callback which an estimator hands on to its parts was set on a part.

    scikit-learn raises that where the part is fitted, which may be after hours.

    Parameters
    ----------
    whole : estimator
    parts : dict of str to estimator
    """
    for name, part in parts.items():
        if has_callbacks(part, handed_on=True):
            kind = type(whole).__name__
            raise TypeError(
                f"{name} is a part of {kind} and has a callback that is handed on to parts, as "
                f"ProgressBar() is. Set it on the {kind}, with set_callbacks."
            )


@contextmanager
def as_task(context, whole, part, **data):
    """Fit a part of an estimator inside, as a task of the whole.

    Parameters
    ----------
    context : CallbackContext or None
        Of the task; None without callbacks.
    whole, part : estimator
        Those callbacks of the whole that are handed on to parts hear of what happens in this one.
    **data : dict
        ``X`` and ``y``, or callables that return them.
    """
    if context is None:
        yield
        return
    with context.propagate_callback_context(part):
        context.call_on_fit_task_begin(estimator=whole, **data)
        yield
    context.call_on_fit_task_end(estimator=whole, **data)


class EarlyStopping:
    """A callback that ends training once a number has not improved for some passes.

    Set it on what it should end: ``RBM().set_callbacks(EarlyStopping())``, also within a pipeline,
    a search or a :class:`DBN`, whose layers have callbacks of their own; on a ``DBN`` it watches
    the passes of the ``fine_tuner``. The model stays as it is after the last pass. A trainer with
    ``early_stopping``, which holds rows out itself, keeps the parameters of its best pass.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), default=None
        Rows that the estimator is not trained on. Training ends when ``scoring`` of the estimator
        as fitted so far rises no more on them. None watches what is told of training itself.
    scoring : callable, default=None
        ``scorer(estimator, X)``; the estimator's ``score`` if None. Not used without ``X``.
    monitor : str, default=None
        Without ``X``, which number of ``history_`` should improve. Likelihoods should rise;
        objectives and ``"validation_free_energy_gap"`` should fall. None takes what the trainer
        measures on rows that it holds out itself, where it does: their likelihood, or that gap.
        Else it takes the trainer's objective; but of ``CD`` and ``PCD``, whose objective is no
        measure of progress, ``"log_likelihood"``, which is not told where it would be expensive.
    n_passes_no_change : int, default=10
        Training ends after so many passes in a row without an improvement. Passes of which the
        number is not told count, but none of them is the last.
    tol : float, default=0.0
        An improvement is larger than this, in nats.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Keeps a score of each pass, where ``fit`` has a ``y``.

    Examples
    --------
    >>> from layerwise import PCD, RBM, EarlyStopping
    >>> from layerwise.datasets import load_tea
    >>> tea = load_tea(random_state=7)
    >>> rbm = RBM(8, trainer=PCD(n_passes=1000), random_state=7)
    >>> rbm = rbm.set_callbacks(EarlyStopping(tea.test)).fit(tea.train)
    >>> len(rbm.history_["log_likelihood"]) < 1000
    True
    """

    def __init__(self, X=None, *, scoring=None, monitor=None, n_passes_no_change=10, tol=0.0):
        check_scalar(n_passes_no_change, "n_passes_no_change", Integral, min_val=1)
        check_scalar(tol, "tol", Real, min_val=0)
        if scoring is not None and not callable(scoring):
            raise TypeError(
                "EarlyStopping asks that scoring is a callable scorer(estimator, X), and it is "
                f"{scoring!r}. Use one of layerwise.scorers, or None for the estimator's score."
            )
        if X is not None and monitor is not None:
            raise ValueError(
                "EarlyStopping watches either rows or a number of history_, and has both X and "
                f"monitor={monitor!r}. Leave one of them out."
            )
        self.X = X
        self.scoring = scoring
        self.monitor = monitor
        self.n_passes_no_change = n_passes_no_change
        self.tol = tol
        self._seen = WeakKeyDictionary()

    def __getstate__(self):
        # Each training is in one process from its beginning to its end.
        return {**vars(self), "_seen": None}

    def __setstate__(self, state):
        vars(self).update(state, _seen=WeakKeyDictionary())

    def setup(self, estimator, context):
        """Take no note of the beginning of ``fit``.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """

    def on_fit_task_begin(self, estimator, context):
        """Take no note of the beginning of a task.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Return whether training should end after this task, if it is a pass.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        fitted_estimator : estimator, default=None
            As fitted so far.

        Returns
        -------
        bool
        """
        if context.task_name != PASS or fitted_estimator is None:
            return False
        seen = self._seen.setdefault(context.parent, Best(self.tol))
        return seen.waited(self._value(fitted_estimator, seen)) >= self.n_passes_no_change

    def teardown(self, estimator, context):
        """Forget the training that has ended.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        for each in context:
            seen = self._seen.pop(each, None)
            if seen is not None and seen.name in RISING and seen.highest == -math.inf:
                warnings.warn(
                    f"EarlyStopping watched {seen.name!r}, which was not told of any pass: it "
                    "would have been too expensive. Give it rows to score, as EarlyStopping(X).",
                    UserWarning,
                    stacklevel=2,
                )

    def _value(self, fitted, seen):
        """Return the number that should rise, of the last pass; NaN where it is not told."""
        if self.X is not None:
            return float((self.scoring or type(fitted).score)(fitted, self.X))
        # A DBN tells of its layers by name; the passes that are its own are the tuner's.
        history = fitted.history_.get("fine_tuner", fitted.history_)
        if seen.name is None:
            seen.name = self.monitor or _judge(history)
        if seen.name in history:
            value = float(history[seen.name][-1])
            return value if seen.name in RISING else -value
        if seen.name in RISING:
            return math.nan
        raise ValueError(
            f"EarlyStopping watches {seen.name!r}, and history_ of {type(fitted).__name__} has "
            f"{', '.join(history)}. Use one of these as monitor."
        )


# Numbers of history_ that should rise; objectives should fall, as should the gap.
RISING = ("validation_log_likelihood", "log_likelihood")
# Those of rows that a trainer holds out: it tells one of them.
HELD_OUT = ("validation_log_likelihood", "validation_free_energy_gap")


def _judge(history):
    """Return the name of the number that says best how far training has come."""
    for name in HELD_OUT:
        if name in history:
            return name
    objective = next(name for name in history if name not in RISING)
    return "log_likelihood" if objective == "free_energy_gap" else objective


class Best:
    """The highest value so far, and for how many passes there was no higher one.

    Parameters
    ----------
    tol : float
        By how much a value must be higher.
    """

    def __init__(self, tol):
        self.tol, self.highest, self.n_waited, self.name = tol, -math.inf, 0, None

    def waited(self, value):
        """Return for how many passes there was no improvement, of a pass with this value."""
        self.n_waited += 1
        if value > self.highest + self.tol:
            self.highest, self.n_waited = value, 0
        return 0 if math.isnan(value) else self.n_waited
