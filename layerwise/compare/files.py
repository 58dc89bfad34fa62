"""Writing files that may not fit: the old one stays, and the error says which it was."""

import os
from contextlib import contextmanager, suppress


@contextmanager
def named(path):
    """Say in an OSError of the block which file it was: a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def replaced(path):
    """Give the path of a file to write beside another, and put it in that one's place at the end.

    An interrupt leaves the old file or the new one, and an error the old.
    """
    beside = path.with_name(path.name + ".new")
    try:
        with named(path):
            yield beside
            os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
