"""The records of a comparison: a line of JSON per candidate, written as each is done."""

import errno
import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from layerwise.compare.files import named, replaced

try:
    import fcntl
except ImportError:  # not a POSIX system: there two comparisons in one folder are not told
    fcntl = None


@contextmanager
def held(folder):
    """Hold a folder for oneself; the hold ends with the process, however that ends.

    Parameters
    ----------
    folder : path

    Raises
    ------
    ValueError
        If another process holds it.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise ValueError(
                    f"another comparison is running in {folder}, and two would lose each other's "
                    "records. Wait for its end, or choose another --output."
                ) from None
            # Some network file systems have no locks.
        yield
    finally:
        os.close(descriptor)


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
        self.path = Path(path)
        self.settings = settings
        self._records = {}
        if self.path.exists():
            self._read()

    def __contains__(self, candidate):
        return candidate.key in self._records

    def add(self, candidate, record):
        """Keep a record, in memory and at the end of the file."""
        record = {**record, "estimator": candidate.describe(), **self.settings}
        self._records[candidate.key] = record
        with named(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(record))

    def of(self, candidates):
        """Return the records of candidates, in their order.

        Raises
        ------
        ValueError
            If a candidate of the file was configured otherwise than the one asked for.
        """
        records = [self._records[candidate.key] for candidate in candidates if candidate in self]
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
        kept = {k: r for k, r in self._records.items() if asked.get(k) == r["estimator"]}
        if len(kept) < len(self._records):
            self._records = kept
            self._write(kept.values())

    def sort(self, families):
        """Write the file anew, by family and index: the same file however the work was shared."""
        order = {family: place for place, family in enumerate(families)}
        keys = sorted(self._records, key=lambda key: (order.get(key[0], len(order)), key))
        self._write(self._records[key] for key in keys)

    def _read(self):
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        # A run that was killed while it wrote leaves half a line at the end, which is dropped.
        whole = [line for line in lines if line.endswith("\n")]
        for number, line in enumerate(whole, start=1):
            try:
                record = json.loads(line)
                key = record["family"], record["index"]
                found = {name: record[name] for name in self.settings}
            except (ValueError, KeyError, TypeError):
                raise ValueError(
                    f"line {number} of {self.path} is not a record of a comparison. {_WAY_OUT}"
                ) from None
            for name, value in self.settings.items():
                if found[name] != value:
                    raise ValueError(
                        f"{self.path} was made with {name} {found[name]}, and this comparison has "
                        f"{name} {value}. {_WAY_OUT}"
                    )
            self._records[key] = record
        if len(whole) < len(lines):
            self._write(self._records.values())

    def _write(self, records):
        with replaced(self.path) as beside:
            beside.write_text("".join(_line(record) for record in records), encoding="utf-8")


_WAY_OUT = "Choose another --output, or delete that file."


def _line(record):
    return json.dumps(record, allow_nan=False) + "\n"


def fingerprint(*arrays):
    """Return a short text that tells these arrays from others."""
    digest = hashlib.blake2b(digest_size=6)
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
