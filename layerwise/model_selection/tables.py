"""Tables of results, in the form of scikit-learn's ``cv_results_``."""

from collections import Counter

import numpy as np
from scipy.stats import rankdata

from layerwise._sklearn import masked_columns

__all__ = ["mean_scores", "reasons", "table"]


def _scores(records, error_score):
    """Return the scores of trials, of shape (n_candidates, n_splits)."""
    failed = np.nan if error_score == "raise" else float(error_score)
    return np.array(
        [[failed if each["score"] is None else each["score"] for each in row] for row in records]
    )


def mean_scores(records, error_score):
    """Return the mean over splits of each candidate's scores, of shape (n_candidates,)."""
    return _scores(records, error_score).mean(axis=1)


def table(params, records, error_score, **columns):
    """Return the results of one layer.

    Parameters
    ----------
    params : list of dict
        Of each candidate.
    records : list of list of dict
        Of each candidate, the record of its trial on each split.
    error_score : float or "raise"
        What stands for a score that is missing.
    **columns : array-like of shape (n_candidates,)
        More columns.

    Returns
    -------
    dict of str to array-like of shape (n_candidates,)
    """
    found = {}
    for name in ("fit_time", "score_time"):
        times = np.array([[each[name] for each in row] for row in records])
        found[f"mean_{name}"], found[f"std_{name}"] = times.mean(axis=1), times.std(axis=1)
    found |= {name: np.asarray(column) for name, column in columns.items()}
    found |= masked_columns(params)
    found["params"] = params
    scores = _scores(records, error_score)
    for split, column in enumerate(scores.T):
        found[f"split{split}_test_score"] = column
    found["mean_test_score"] = mean = scores.mean(axis=1)
    with np.errstate(invalid="ignore"):  # where infinity stands for a score
        found["std_test_score"] = scores.std(axis=1)
    # Where a score is not a number, the candidate shares the last rank.
    found["rank_test_score"] = rankdata(-np.nan_to_num(mean, nan=-np.inf), "min").astype(np.int32)
    errors = [next((each["error"] for each in row if each["error"]), None) for row in records]
    found["error"] = np.array(errors, dtype=object)
    return found


def reasons(records, most=3):
    """Return why trials failed, on one line: the sentences that most have, the commonest first."""
    errors = Counter(each["error"] for row in records for each in row if each["error"])
    return " ".join(error.rstrip(".") + "." for error, _ in errors.most_common(most))
