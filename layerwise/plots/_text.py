"""Tables as text."""

__all__ = ["aligned"]


def aligned(rows):
    """Return a line for each row of strings: the first column to the left, others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join([f"{row[0]:<{widths[0]}}", *map("{:>{}}".format, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
