"""Records of work that takes long: a line of JSON for each piece, written as it is done."""

import hashlib
import json
from pathlib import Path

import numpy as np

from layerwise.model_selection.files import named, replaced

__all__ = ["RecordFile", "fingerprint"]


class RecordFile:
    """Records in a file, which a run that is started again finds there.

    Parameters
    ----------
    path : path
        A file that is not there yet, or that a run of the same settings has left.
    settings : dict
        What every record of the file must have been made with; it is part of every line.
    key : tuple of str
        The fields that tell one record from the others.
    what : str
        What makes the records, as in "comparison".
    way_out : str
        The last sentence of an error.

    Raises
    ------
    ValueError
        If the file was left by other settings, or holds something else.
    """

    def __init__(self, path, settings, *, key, what, way_out):
        self.path = Path(path)
        self.settings = settings
        self._key, self._what, self._way_out = key, what, way_out
        self._records = {}
        if self.path.exists():
            self._read()

    def __contains__(self, key):
        return key in self._records

    def __getitem__(self, key):
        return self._records[key]

    def add(self, record):
        """Keep a record, in memory and at the end of the file."""
        record = {**record, **self.settings}
        self._records[self._key_of(record)] = record
        with named(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(record))

    def sort(self, order):
        """Write the file anew, by a function of keys: the same however the work was shared."""
        self._write(self._records[key] for key in sorted(self._records, key=order))

    def _key_of(self, record):
        return tuple(record[name] for name in self._key)

    def _read(self):
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        # A run that was killed while it wrote leaves half a line at the end, which is dropped.
        whole = [line for line in lines if line.endswith("\n")]
        for number, line in enumerate(whole, start=1):
            try:
                record = json.loads(line)
                key = self._key_of(record)
                found = {name: record[name] for name in self.settings}
            except (ValueError, KeyError, TypeError):
                raise ValueError(
                    f"line {number} of {self.path} is not a record of a {self._what}. "
                    f"{self._way_out}"
                ) from None
            for name, value in self.settings.items():
                if found[name] != value:
                    raise ValueError(
                        f"{self.path} was made with {name} {found[name]}, and this {self._what} "
                        f"has {name} {value}. {self._way_out}"
                    )
            self._records[key] = record
        if len(whole) < len(lines):
            self._write(self._records.values())

    def _write(self, records):
        with replaced(self.path) as beside:
            beside.write_text("".join(_line(record) for record in records), encoding="utf-8")


def _line(record):
    return json.dumps(record, allow_nan=False) + "\n"


def fingerprint(*arrays):
    """Return a short text that tells these arrays from others."""
    digest = hashlib.blake2b(digest_size=6)
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
