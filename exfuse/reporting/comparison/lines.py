"""Tables and claims as CSV files of a results folder, whichever version of the program wrote them."""

from collections.abc import Collection
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import read_csv

Line = dict[str, str]
TABLE_COLUMNS = ("row", "column", "run", "paper", "measured", "std", "seeds", "status")
TABLE_NUMBERS = ("paper", "measured", "std", "seeds")
CLAIM_COLUMNS = ("claim", "paper", "measured", "seeds", "status", "text")
CLAIM_NUMBERS = ("paper", "measured", "low", "high", "seeds")


def read_lines(source: Path, columns: Collection[str], numbers: Collection[str]) -> list[Line]:
    """Lines of a file that has some columns, and maybe others.

    Args:
        source: the file.
        columns: that it has to have.
        numbers: those whose cells are empty or numbers, where there are such columns.

    Raises:
        UserError: it cannot be read, is cut, or is of another format.
    """
    lines = read_csv(source)
    if not lines:
        raise UserError(f"{source} has no lines. Make it again.")
    missing = [name for name in columns if name not in lines[0]]
    if missing:
        raise UserError(f"{source} is of another format: it has no column {', '.join(missing)}. Make it again.")
    for number, line in enumerate(lines, start=2):
        if None in line or None in line.values():
            raise UserError(f"{source}, line {number}: not as many cells as the header has. Make it again.")
        for name in numbers:
            if line.get(name) and not _is_number(line[name]):
                raise UserError(f"{source}, line {number}: {name} is {line[name]!r}, not a number. Make it again.")
    return lines


def number(line: Line | None, name: str) -> float | None:
    """A cell's number; none where it is empty or there is no such line."""
    return float(line[name]) if line and line.get(name) else None


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
