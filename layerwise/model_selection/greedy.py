"""Greedy selection: all trials of one layer, the best of them chosen, and then the next layer."""

import sys
import warnings
from contextlib import closing

import numpy as np
from sklearn.exceptions import FitFailedWarning

from layerwise._sklearn import has_callbacks
from layerwise.estimators.callbacks import TakesCallbacks
from layerwise.estimators.foreign import as_layer, check_weighable
from layerwise.model_selection import rounds
from layerwise.model_selection.spaces import described
from layerwise.model_selection.tables import mean_scores, reasons, table
from layerwise.model_selection.trials import (
    NUMBERS,
    check_takes_weights,
    fitted,
    number_of_top,
    trial,
)
from layerwise.numerics import jobs

KEY = ("layer", "index", "split", "n_passes")


class GreedySelection:
    """The work of one call of ``LayerwiseSearch.fit``, whose results it sets.

    Parameters
    ----------
    search : LayerwiseSearch
    dbn : DBN
        Unfitted, with an int as its ``random_state``.
    tried : dict of str to list of Candidate
        By layer, from the bottom up.
    """

    def __init__(self, search, dbn, tried):
        self.search, self.dbn, self.tried = search, dbn, tried
        self.names = list(tried)

    def check(self, X, weights):
        """Raise what is wrong with the parameters, the rows or their weights, before any work."""
        scoring = self.search.scoring
        for name, number in scoring.items() if isinstance(scoring, dict) else ():
            if name not in self.tried:
                raise ValueError(
                    f"scoring has {name!r}, and the layers are named {', '.join(self.names)}. "
                    "Use these names."
                )
            if not (callable(number) or number in self._known(name)):
                raise ValueError(
                    f"scoring of {name} must be a callable or one of {self._known(name)}, and is "
                    f"{number!r}."
                )
        if self.search.strategy == "halving":
            for name, candidates in self.tried.items():
                rounds.check_passes(name, candidates)
        if weights is not None:
            for number in scoring.values() if isinstance(scoring, dict) else [scoring]:
                if callable(number):
                    check_takes_weights(number)
            for candidates in self.tried.values():
                _check_some(check_weighable, candidates)
        _check_some(lambda layer: layer.data_units(X.shape[1]).check(X), self.tried[self.names[0]])

    def run(self, folds, records, told):
        """Choose the layers from the bottom up.

        Parameters
        ----------
        folds : list of Fold
        records : Records
            Of the trials that are done; those to come are added.
        told : CallbackContext
            Which hears of every trial.
        """
        search = self.search
        search.cv_results_, search.scorer_, search.best_params_ = {}, {}, {}
        search.best_index_, search.best_scores_ = {}, {}
        for name in self.names:
            number = search.scorer_[name] = self._number(name, folds[0])
            chosen = self._choose(name, number, folds, records, told)
            search.best_params_ |= chosen.params
            search.best_score_ = search.best_scores_[name]
            if name != self.names[-1]:
                work = [(name, chosen, fold) for fold in folds]
                folds = self._side_by_side(_fitted, list(enumerate(work)))
        place = {name: place for place, name in enumerate(self.names)}
        records.sort(lambda key: (place[key[0]], key[3] or 0, key[1], key[2]))

    def _known(self, name):
        last = name == self.names[-1]
        return sorted(each for each in NUMBERS if each.endswith("log_likelihood") == last)

    def _number(self, name, fold):
        """Return what judges a layer, given what stands below."""
        scoring, last = self.search.scoring, name == self.names[-1]
        default = number_of_top(fold) if last else "blm"
        if isinstance(scoring, dict):
            return scoring.get(name, default)
        return default if last and not callable(scoring) else scoring

    def _choose(self, name, number, folds, records, told):
        """Return the best candidate of a layer, and leave the layer's table."""
        search, going = self.search, self.tried[name]
        halving = search.strategy == "halving"
        sizes = rounds.sizes(len(going), search.factor) if halving else [len(going)]
        step = told.subcontext(
            task_name=name, max_subtasks=sum(sizes) * len(folds), sequential_subtasks=False
        )
        step.call_on_fit_task_begin(estimator=search)
        params, rows, places, passes, means = [], [], [], [], np.zeros(len(going))
        for place, size in enumerate(sizes):
            going = rounds.survivors(going, means, size)
            of_round = [None] * len(going)
            if halving:
                left = len(sizes) - 1 - place
                of_round = [
                    rounds.n_passes(each, left, search.factor, search.min_resources)
                    for each in going
                ]
            found = self._trials(name, number, going, of_round, folds, records, step, len(rows))
            means = mean_scores(found, search.error_score)
            params += [candidate.params for candidate in going]
            rows += found
            places += [place] * len(going)
            passes += of_round
            if np.isnan(means).all() or all(each["error"] for row in found for each in row):
                raise ValueError(
                    f"no candidate of {name} could be trained and judged. {reasons(found)} Change "
                    "what param_distributions says of the layer, or the DBN."
                )
        more = {"iter": places, "n_resources": passes} if halving else {}
        failed = sum(any(each["error"] for each in row) for row in rows)
        if failed:
            warnings.warn(
                f"{failed} of {len(rows)} candidates of {name} could not be trained and judged, "
                f"and have error_score for a score. {reasons(rows)}",
                FitFailedWarning,
                stacklevel=2,
            )
        best = int(np.nanargmax(means))
        search.cv_results_[name] = table(params, rows, search.error_score, **more)
        search.best_index_[name] = len(rows) - len(going) + best
        search.best_scores_[name] = float(means[best])
        step.call_on_fit_task_end(estimator=search)
        return going[best]

    def _trials(self, name, number, going, n_passes, folds, records, step, n_before):
        """Return the record of each candidate's trial on each fold; do those that are not done.

        ``n_before`` candidates were tried in rounds before this one.
        """
        keys = [
            [(name, each.index, split, passes) for split in range(len(folds))]
            for each, passes in zip(going, n_passes)
        ]
        first = n_before * len(folds)
        tasks = {
            key: step.subcontext(task_name="candidate-split-evaluation", task_id=task)
            for task, key in enumerate((key for row in keys for key in row), start=first)
        }
        # Only a callback that is handed on to parts hears of what happens within a trial: it can
        # do so from another process, and others need not be able to go there.
        within = has_callbacks(self.search, handed_on=True)
        todo = [
            (
                self.dbn, name, each, fold, dict(zip(KEY, key)), number, self.search.error_score,
                tasks[key] if within else None,
            )
            for each, row in zip(going, keys)
            for fold, key in zip(folds, row)
            if key not in records
        ]  # fmt: skip
        done = sum(len(row) for row in keys) - len(todo)
        for row in keys:
            for key in row:
                if key in records:
                    self._tell(tasks[key])
        if todo:
            with closing(jobs.run(trial, todo, self.search.n_jobs)) as results:
                for record in results:
                    records.add(record)
                    done += 1
                    self._say(record, done, len(going) * len(folds), going)
                    task = tasks[tuple(record[each] for each in KEY)]
                    # Those that were handed on have been told by the layer itself.
                    with task.propagate_callback_context(TakesCallbacks()):
                        self._tell(task)
        return [[records[key] for key in row] for row in keys]

    def _side_by_side(self, function, work):
        with closing(jobs.run(function, work, self.search.n_jobs)) as results:
            return [result for _, result in sorted(results, key=lambda pair: pair[0])]

    def _tell(self, task):
        task.call_on_fit_task_begin(estimator=self.search)
        task.call_on_fit_task_end(estimator=self.search)

    def _say(self, record, done, total, going):
        if self.search.verbose <= 0:
            return
        params = next(each.params for each in going if each.index == record["index"])
        found = record["error"] if record["score"] is None else f"{record['score']:.4f}"
        seconds = record["fit_time"] + record["score_time"]
        print(
            f"layerwise: {record['layer']}: {done} of {total}, {seconds:.1f} s: candidate "
            f"{record['index']}, split {record['split']}: {found} {described(params)}",
            file=sys.stderr,
        )


def _check_some(check, candidates):
    """Raise what a check says of the layer of the first candidate, if none passes it."""
    refused = []
    for candidate in candidates:
        try:
            check(as_layer(candidate.entry))
            return
        except ValueError as error:
            refused.append(error)
    raise refused[0]


def _fitted(place, work):
    return place, fitted(*work)
