"""Tables and claims of two reproductions, cell by cell."""

from collections.abc import Mapping
from dataclasses import dataclass

from exfuse.reporting.comparison.folder import ResultsFolder
from exfuse.reporting.comparison.lines import Line, number


@dataclass(frozen=True)
class ComparedLine:
    """A cell of a table, or a claim, as both sides have it; none where one has it not."""

    a: Line | None
    b: Line | None

    def text(self, name: str) -> str:
        """A value that both should have, of whichever has it; both where they differ."""
        values = dict.fromkeys(line[name] for line in (self.a, self.b) if line and line.get(name))
        return " / ".join(values)

    def number(self, side: str, name: str) -> float | None:
        """A number of side ``a`` or ``b``."""
        return number(self.a if side == "a" else self.b, name)

    @property
    def difference(self) -> float | None:
        """B minus A, of the printed numbers."""
        a, b = self.number("a", "measured"), self.number("b", "measured")
        return None if a is None or b is None else round(b - a, 2)

    @property
    def verdicts(self) -> tuple[str, str]:
        """A claim's verdict of both (older files have an outcome); else the state."""
        return _verdict(self.a), _verdict(self.b)

    @property
    def agreement(self) -> str:
        """Of the verdicts: ``same``, ``differ``, or ``alone`` where one side has not the claim."""
        if self.a is None or self.b is None:
            return "alone"
        return "same" if len(set(self.verdicts)) == 1 else "differ"


@dataclass(frozen=True)
class ComparedTable:
    """A table with the words that its manifest tells.

    Attributes:
        name: of its file.
        title: as the paper calls it.
        caption: as declared; empty where no manifest tells it.
        headings: of its columns.
        lines: cell by cell, A's order first.
    """

    name: str
    title: str
    caption: str
    headings: Mapping[str, str]
    lines: tuple[ComparedLine, ...]

    def heading(self, line: ComparedLine) -> str:
        """The heading of a cell's column."""
        column = line.text("column")
        return self.headings.get(column, column)


def compared_tables(a: ResultsFolder, b: ResultsFolder) -> list[ComparedTable]:
    """Every table that one of the two has."""
    names = sorted({*a.tables, *b.tables}, key=lambda name: (len(name), name))
    return [_table(name, a, b) for name in names]


def compared_claims(a: ResultsFolder, b: ResultsFolder) -> list[ComparedLine]:
    """Every claim that one of the two has."""
    return _joined(a.claims or [], b.claims or [], ("claim",))


def _table(name: str, a: ResultsFolder, b: ResultsFolder) -> ComparedTable:
    lines = _joined(a.tables.get(name, []), b.tables.get(name, []), ("row", "column"))
    declared = next((found for folder in (a, b) if (found := _declared(folder, name))), {})
    headings = declared.get("columns")
    return ComparedTable(
        name=name,
        title=str(declared.get("title") or name),
        caption=str(declared.get("caption") or ""),
        headings={str(key): str(value) for key, value in headings.items()} if isinstance(headings, dict) else {},
        lines=tuple(lines),
    )


def _declared(folder: ResultsFolder, name: str) -> Mapping[str, object]:
    job = folder.jobs.get(f"tables/{name}")
    table = job.settings.get("table") if job is not None and isinstance(job.settings, dict) else None
    return table if isinstance(table, dict) else {}


def _joined(a: list[Line], b: list[Line], key: tuple[str, ...]) -> list[ComparedLine]:
    sides = [{tuple(line[name] for name in key): line for line in lines} for lines in (a, b)]
    return [ComparedLine(sides[0].get(place), sides[1].get(place)) for place in dict.fromkeys([*sides[0], *sides[1]])]


def _verdict(line: Line | None) -> str:
    if line is None:
        return "not there"
    return line.get("verdict") or line.get("outcome") or line.get("status") or "not told"
