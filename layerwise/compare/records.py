"""The records of a comparison: a line of JSON per candidate, written as each is done."""

from layerwise.model_selection import files
from layerwise.model_selection.records import RecordFile

_WAY_OUT = "Choose another --output, or delete that file."


def held(folder):
    """Return the context in which a comparison holds its folder for itself."""
    return files.held(folder, "comparison", "choose another --output")


class Records:
    """The records of one comparison, kept in a file.

    Parameters
    ----------
    path : path
        A file that is not there yet, or that a comparison of the same settings has left.
    settings : dict
        What every record of the file must have been made with; it is part of every line.

    Raises
    ------
    ValueError
        If the file was left by other settings, or holds something else.
    """

    def __init__(self, path, settings):
        self._file = RecordFile(
            path, settings, key=("family", "index"), what="comparison", way_out=_WAY_OUT
        )

    @property
    def path(self):
        """The file."""
        return self._file.path

    def __contains__(self, candidate):
        return candidate.key in self._file

    def add(self, candidate, record):
        """Keep a record, in memory and at the end of the file."""
        self._file.add({**record, "estimator": candidate.describe()})

    def of(self, candidates):
        """Return the records of candidates, in their order.

        Raises
        ------
        ValueError
            If a candidate of the file was configured otherwise than the one asked for.
        """
        records = [self._file[candidate.key] for candidate in candidates if candidate in self]
        for candidate, record in zip((c for c in candidates if c in self), records):
            if record["estimator"] != candidate.describe():
                raise ValueError(
                    f"{self.path} was made with another search space: candidate {candidate.index} "
                    f"of {candidate.family} differs. {_WAY_OUT}"
                )
        return records

    def drop_others(self, candidates):
        """Forget, in memory and in the file, all records but those of candidates as they are."""
        asked = {candidate.key: candidate.describe() for candidate in candidates}
        self._file.keep(lambda key, record: asked.get(key) == record["estimator"])

    def sort(self, families):
        """Write the file anew, by family and index: the same file however the work was shared."""
        order = {family: place for place, family in enumerate(families)}
        self._file.sort(lambda key: (order.get(key[0], len(order)), key))
