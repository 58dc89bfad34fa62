"""Printing where nobody may listen any more: a closed pipe, a full disk."""

import os
import sys


class NotShown(OSError):
    """What a command has to show could not be written."""


def say(text):
    """Print a line to stderr; without one, the work goes on in silence."""
    _print(f"layerwise: {text}", sys.stderr)


def show(text):
    """Print to stdout, and leave the rest unprinted if whoever reads has closed it.

    Raises
    ------
    NotShown
        If it cannot be written for another reason, such as a full disk.
    """
    error = _print(text, sys.stdout)
    if error is not None and not isinstance(error, BrokenPipeError):
        raise NotShown(error.errno, error.strerror, "stdout")


def is_terminal():
    """Return whether stderr is a terminal."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        return False


def _print(text, stream):
    if stream is None:  # closed before Python began; print would take the other one
        return None
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError) as error:
        # What is still in the buffer would be written, and fail, again when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):
            pass  # no file of the system behind it
        finally:
            os.close(nowhere)
        return error if isinstance(error, OSError) else None
    return None
