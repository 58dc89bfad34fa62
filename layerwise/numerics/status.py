"""From a kernel's status code to an exception: the only place that knows the codes."""

from layerwise.exceptions import Diverged

OK, DIVERGED = 0, 1


def check(status):
    """Raise what the status code of a door means; ``Diverged`` is reworded by the trainer."""
    if status == DIVERGED:
        raise Diverged("a parameter is not finite, or 2**30 and more in size")
    if status != OK:
        raise AssertionError(f"unknown status {status} of a kernel")
