"""Records of work that takes long: a line of JSON for each piece, written as it is done."""

import hashlib
import json
from pathlib import Path

import numpy as np

from layerwise.model_selection.files import named, replaced
from layerwise.numerics.rows import blocks, dense, issparse

__all__ = ["RecordFile", "Records", "fingerprint"]


class Records:
    """Records, by their keys.

    Parameters
    ----------
    key : tuple of str
        The fields that tell one record from the others.
    """

    def __init__(self, key):
        self._key = key
        self._records = {}

    def __contains__(self, key):
        return key in self._records

    def __getitem__(self, key):
        return self._records[key]

    def add(self, record):
        """Keep a record."""
        self._records[tuple(record[name] for name in self._key)] = record

    def sort(self, order):
        """Put the records in the order of a function of keys: the same however work was shared."""
        self._records = {key: self._records[key] for key in sorted(self._records, key=order)}


class RecordFile(Records):
    """Records in a file too, which a run that is started again finds there.

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
        super().__init__(key)
        self.path = Path(path)
        self.settings = settings
        self._what, self._way_out = what, way_out
        if self.path.exists():
            self._read()

    def add(self, record):
        """Keep a record, in memory and at the end of the file."""
        record = {**record, **self.settings}
        super().add(record)
        with named(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(record))

    def sort(self, order):
        """Put the records in the order of a function of keys, and write the file anew."""
        super().sort(order)
        self._write()

    def keep(self, wanted):
        """Forget, in memory and in the file, all but what a function of key and record wants."""
        kept = {key: record for key, record in self._records.items() if wanted(key, record)}
        if len(kept) < len(self._records):
            self._records = kept
            self._write()

    def _read(self):
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        # A run that was killed while it wrote leaves half a line at the end, which is dropped.
        whole = [line for line in lines if line.endswith("\n")]
        for number, line in enumerate(whole, start=1):
            try:
                record = json.loads(line)
                super().add(record)
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
        if len(whole) < len(lines):
            self._write()

    def _write(self):
        text = "".join(_line(record) for record in self._records.values())
        with replaced(self.path) as beside:
            beside.write_text(text, encoding="utf-8")


def _line(record):
    return json.dumps(record, allow_nan=False) + "\n"


def fingerprint(*arrays):
    """Return a short text that tells these arrays from others; sparse rows have that of dense."""
    digest = hashlib.blake2b(digest_size=6)
    for array in arrays:
        digest.update(repr(array.shape).encode())
        if issparse(array):
            for here in blocks(*array.shape, array.dtype.itemsize):
                digest.update(dense(array[here]).tobytes())
        else:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
