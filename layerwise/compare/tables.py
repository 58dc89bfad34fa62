"""Tables of results: numbers, and numbers with their intervals, as text and as markdown."""

from dataclasses import asdict, dataclass, field

from layerwise.plots._text import aligned


@dataclass
class Table:
    """Rows under heads.

    Parameters
    ----------
    title : str
    head : list of str
    note : str, default=""
        Units, and what intervals are.
    rows : list of list
        Of text, numbers, (value, low, high), and None where there is nothing.
    """

    title: str
    head: list
    note: str = ""
    rows: list = field(default_factory=list)

    def add(self, *cells):
        """Append a row."""
        self.rows.append(list(cells))

    def as_dict(self):
        """Return it as JSON."""
        return asdict(self)

    def text(self):
        """Return it in columns, for a terminal."""
        rows = [self.head, *([written(cell) for cell in row] for row in self.rows)]
        return "\n".join([f"{self.title}.\n", *ruled(rows), self.note])

    def markdown(self):
        """Return it for a page."""
        rows = [self.head, ["---"] * len(self.head)]
        rows += [[written(cell) for cell in row] for row in self.rows]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([f"**{self.title}.** {self.note}\n", *lines])


def ruled(rows):
    """Return lines in columns, with a rule under the head and one at the end."""
    head, *lines = aligned(rows)
    rule = "-" * max(map(len, [head, *lines]))
    return [head, rule, *lines, rule]


def written(cell):
    """Return a cell as text."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (tuple, list)):
        value, low, high = (written(end) for end in cell)
        return value if low == "-" else f"{value} [{low}, {high}]"
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.2f}"
