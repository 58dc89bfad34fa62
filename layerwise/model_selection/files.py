"""Files that a run leaves: one at a time writes them, and none is ever left half written."""

import errno
import os
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # not a POSIX system: there two runs in one folder are not told
    fcntl = None

__all__ = ["held", "named", "replaced"]


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


@contextmanager
def held(folder, what, way_out):
    """Hold a folder for oneself; the hold ends with the process, however that ends.

    Parameters
    ----------
    folder : path
    what : str
        What goes on in the folder, as in "comparison".
    way_out : str
        As in "choose another --output".

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
                    f"another {what} is running in {folder}, and two would lose each other's "
                    f"records. Wait for its end, or {way_out}."
                ) from None
            # Some network file systems have no locks.
        yield
    finally:
        os.close(descriptor)
