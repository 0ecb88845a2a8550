"""Tables as Markdown (GitHub's dialect): the paper's columns, each with the printed and the measured value."""

import re
from collections.abc import Sequence

from exfuse.reporting.cells import ReportedCell
from exfuse.reporting.evaluations import MEASURED, QUOTED
from exfuse.spec.paper import Row, Table

SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")
VALUES = ("paper", "measured", "difference")


def escape(text: str) -> str:
    """Text as Markdown shows it, its special characters taken literally, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def render(table: Table, cells: Sequence[ReportedCell], notes: Sequence[str], preset: str) -> str:
    """A heading, the table and its notes.

    Args:
        table: its headings, rows and check marks.
        cells: what to print.
        notes: sentences below the table.
        preset: which preset measured.
    """
    by_place = {(cell.row, cell.column): cell for cell in cells}
    headings = [f"{escape(heading)}, {value}" for heading in table.columns.values() for value in VALUES]
    lines = [
        f"**{escape(table.title)}.** {escape(table.caption)} Paper against preset {escape(preset)}.",
        "",
        _line(["", *map(escape, table.marks), *headings]),
        _line(["---", *[":---:"] * len(table.marks), *["---:"] * len(headings)]),
        *(_line(_row(table, row, by_place)) for row in table.rows),
        *(part for note in notes for part in ("", escape(note))),
    ]
    return "\n".join(lines) + "\n"


def _row(table: Table, row: Row, by_place: dict[tuple[str, str], ReportedCell]) -> list[str]:
    values: list[str] = []
    for column in table.columns:
        cell = by_place.get((row.label, column))
        values += [""] * len(VALUES) if cell is None else [cell.paper, _measured(cell), cell.delta.replace("-", "−")]
    return [escape(row.label), *("✓" if mark in row.marks else "" for mark in table.marks), *values]


def _measured(cell: ReportedCell) -> str:
    if cell.evaluation.status != MEASURED:
        return "quoted" if cell.evaluation.status == QUOTED else f"*{escape(cell.evaluation.status)}*"
    return cell.measured + (f" ± {cell.std}" if cell.std else "")


def _line(values: Sequence[str]) -> str:
    return f"| {' | '.join(values)} |"
