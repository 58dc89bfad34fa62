"""The best estimator of each family, kept as a file from the moment it is found."""

import joblib

from layerwise.compare.candidates import evaluate, written
from layerwise.model_selection.files import replaced


class Winners:
    """The estimators with the highest validation log-likelihood, a file for each family.

    Parameters
    ----------
    folder : path
    found : dict of str to dict or None
        The best record of each family so far, whose estimators the files should hold.
    """

    def __init__(self, folder, found):
        self.folder = folder
        self._best = {
            family: _rank(record) for family, record in found.items() if record is not None
        }

    def path(self, family):
        """Return the file of a family's estimator."""
        return self.folder / f"{family}.joblib"

    def offer(self, record, estimator):
        """Keep an estimator if it is the best of its family so far; of equals, the first drawn."""
        family = record["family"]
        if estimator is None or _rank(record) <= self._best.get(family, (-float("inf"), 0)):
            return
        with replaced(self.path(family)) as beside:
            joblib.dump(estimator, beside)
        self._best[family] = _rank(record)

    def of(self, candidate, source, say):
        """Return the fitted estimator of a candidate that won.

        If the file holds another (fewer candidates are asked for than before, or the file is
        gone), this candidate is trained once more, to the same bits, and kept.

        Parameters
        ----------
        candidate : Candidate
        source : object with ``train``, ``valid`` and ``test``
        say : callable
            Told in a sentence what takes time.
        """
        path = self.path(candidate.family)
        try:
            estimator = joblib.load(path)
            if written(estimator) == candidate.describe():
                return estimator
        except Exception:  # whatever stands there: nothing, half a file, another version's
            pass
        say(f"{path} is missing or another candidate's; {candidate.family} is trained once more.")
        record, estimator = evaluate(candidate, source)
        self._best.pop(candidate.family, None)
        self.offer(record, estimator)
        return estimator


def _rank(record):
    return record["valid_ll"], -record["index"]
