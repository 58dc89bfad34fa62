"""The passes of a training: drained, told to callbacks and readers, and kept as a history."""

import sys
import time
from contextlib import suppress

import numpy as np

from layerwise.estimators.callbacks import PASS

__all__ = ["Audience", "Lines", "certain", "fine_tuned", "run_passes"]

# Seconds between two lines that are printed of a training.
PAUSE = 1.0


class Lines:
    """Lines on the passes of a training, on stdout: one a second, and one on the last pass.

    Parameters
    ----------
    name : str
        Of who is trained.
    objective : str
        What the trainer calls what it minimises.
    n_passes : int or None
        The most there can be.
    """

    def __init__(self, name, objective, n_passes):
        self.name, self.objective, self.n_passes = name, objective, n_passes
        self.start = self.printed = time.perf_counter()
        self.n_done, self.waiting = 0, None

    def tell(self, done):
        """Print a line on a pass that has been taken, or keep it for the end."""
        self.n_done, self.waiting = self.n_done + 1, done
        if time.perf_counter() - self.printed >= PAUSE:
            self.close()

    def close(self):
        """Print the line on the last pass, if there was none."""
        if self.waiting is None:
            return
        done, self.waiting, self.printed = self.waiting, None, time.perf_counter()
        numbers = {
            self.objective: done.objective,
            "log_likelihood": done.log_likelihood,
            "validation_log_likelihood": done.validation,
            "validation_free_energy_gap": done.validation_gap,
            "swap_rate": done.swap_rate,
        }
        told = ", ".join(
            f"{name} {value:.4f}" for name, value in numbers.items() if value == value
        )
        of = "" if self.n_passes is None else f" of {self.n_passes}"
        seconds = self.printed - self.start
        print(
            f"[{self.name}] pass {self.n_done}{of}: {told}, {seconds:.1f} s",
            file=sys.stdout,
            flush=True,
        )


class Audience:
    """Who hears of the passes of one training: callbacks, and whoever reads lines.

    Parameters
    ----------
    estimator : estimator
        Whose training it is.
    n_certain : int
        So many passes are certain to come, and their beginning can be told. A trainer that stops
        by itself says so by ending: its later passes are told of when they are done.
    context : CallbackContext, default=None
        Of the task whose parts the passes are; None without callbacks.
    X, y : default=None
        What callbacks are told that it is trained on, or callables that return it.
    lines : Lines, default=None
    """

    def __init__(self, estimator, n_certain, context=None, *, X=None, y=None, lines=None):
        self.estimator, self.context, self.lines = estimator, context, lines
        self.data = {"estimator": estimator, "X": X, "y": y}
        self.n_certain = n_certain
        self.n_begun, self.task = 0, None

    def begin(self):
        """Tell callbacks of the beginning of a pass, if it is certain to come."""
        if self.context is not None and self.n_begun < self.n_certain:
            self._begin()

    def hear(self, done, attributes):
        """Tell of a pass that was taken, and return whether training should end.

        Parameters
        ----------
        done : Pass
        attributes : callable
            Returns the attributes of the estimator as fitted so far, in arrays of their own.

        Returns
        -------
        bool
        """
        if self.lines is not None:
            self.lines.tell(done)
        if self.context is None:
            return False
        if self.task is None:
            self._begin()
        task, self.task = self.task, None
        return task.call_on_fit_task_end(**self.data, reconstruction_attributes=attributes)

    def _begin(self):
        self.n_begun += 1
        self.task = self.context.subcontext(task_name=PASS)
        self.task.call_on_fit_task_begin(**self.data)

    def close(self):
        """Print what has not been printed."""
        if self.lines is not None:
            self.lines.close()


def certain(trainer):
    """Return how many passes a trainer is certain to take."""
    return 1 if getattr(trainer, "early_stopping", False) else getattr(trainer, "n_passes", 1)


def run_passes(objective, passes, audience, attributes, before=None):
    """Drain a trainer's passes and return what it told of them, as arrays by name.

    Parameters
    ----------
    objective : str
        The name of what the trainer minimises.
    passes : iterator of Pass
    audience : Audience
        Hears of each pass, and may end the training.
    attributes : callable
        Returns the estimator's attributes as fitted so far, a dict, given the history so far.
    before : dict, default=None
        What was told of the passes before these: it stands first.

    Returns
    -------
    dict of str to ndarray
    """

    def fitted():
        return attributes(joined(before, as_arrays(objective, done)))

    done = []
    audience.begin()
    for each in passes:
        done.append(each)
        if audience.hear(each, fitted):
            _end(passes)
            break
        audience.begin()
    audience.close()
    return joined(before, as_arrays(objective, done))


def fine_tuned(
    whole, tuner, passes, attributes, context, *, objective, before=None, X=None, y=None
):
    """Drain the passes that train all layers of an estimator at once; return their history.

    Parameters
    ----------
    whole : estimator
        With ``verbose``; its callbacks hear of a task ``fine_tuner``.
    tuner : trainer
    passes, attributes, objective, before
        As in ``run_passes``.
    context : CallbackContext or None
        Of the fit that this is a part of.
    X, y : default=None
        What callbacks are told that it is trained on.

    Returns
    -------
    dict of str to ndarray
    """
    lines, task, most = None, None, getattr(tuner, "most_passes", None)
    if whole.verbose > 0:
        lines = Lines(f"{type(whole).__name__}.fine_tuner", objective, most)
    if context is not None:
        task = context.subcontext(task_name="fine_tuner", max_subtasks=most)
        task.call_on_fit_task_begin(estimator=whole, X=X, y=y)
    audience = Audience(whole, certain(tuner), task, X=X, y=y, lines=lines)
    history = run_passes(objective, passes, audience, attributes, before)
    if task is not None:
        task.call_on_fit_task_end(estimator=whole, X=X, y=y, reconstruction_attributes={})
    return history


def _end(passes):
    """Tell a trainer that training is over: it may have to put its best parameters back."""
    if hasattr(passes, "send"):
        with suppress(StopIteration):
            passes.send(True)


def as_arrays(objective, done):
    """Return what was told of some passes, as arrays by name."""
    log_likelihood = np.array([each.log_likelihood for each in done])
    history = {objective: np.array([each.objective for each in done])}
    if not np.all(np.isnan(log_likelihood)):
        history = {"log_likelihood": log_likelihood, **history}
    validation = np.array([each.validation for each in done])
    if not np.all(np.isnan(validation)):
        history["validation_log_likelihood"] = validation
    gap = np.array([each.validation_gap for each in done])
    if not np.all(np.isnan(gap)):
        history["validation_free_energy_gap"] = gap
    swaps = np.array([each.swap_rate for each in done])
    if not np.all(np.isnan(swaps)):
        history["swap_rate"] = swaps
    return history


def joined(before, after):
    """Return two histories as one, with NaN where one of them lacks a name."""
    if not before:
        return after
    n_before, n_after = (len(next(iter(part.values()))) for part in (before, after))
    names = [*after, *(name for name in before if name not in after)]
    # The likelihood stands first wherever it is told.
    names.sort(key=lambda name: name != "log_likelihood")
    lacking = np.full(n_before, np.nan), np.full(n_after, np.nan)
    return {
        name: np.concatenate([before.get(name, lacking[0]), after.get(name, lacking[1])])
        for name in names
    }
