"""A table's cells: each printed value with what was measured, and the notes that belong below the table."""

from collections.abc import Iterator
from dataclasses import dataclass

from exfuse.reporting.evaluations import QUOTED, STALE, Evaluation, evaluate, training_steps
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Cell, Row, Table


@dataclass(frozen=True)
class ReportedCell:
    """A printed value and what came out here, in percent.

    Attributes:
        row: the row's label.
        column: the column's name (its heading is in the table).
        cell: the declared cell.
        evaluation: what was measured.
        comparable: whether it was measured on the data that the paper's value is of.
    """

    row: str
    column: str
    cell: Cell
    evaluation: Evaluation
    comparable: bool = True

    @property
    def subject(self) -> str:
        """The run or backbone that fills the cell; empty for a quoted one."""
        measure = self.cell.measure
        return "" if measure is None else str(measure.run or measure.backbone)

    @property
    def paper(self) -> str:
        """The paper's value with as many decimals as it prints."""
        return str(self.cell.paper)

    @property
    def measured(self) -> str:
        """Mean over the seeds; empty where nothing was measured."""
        return "" if self.evaluation.mean is None else f"{self.evaluation.mean:.2f}"

    @property
    def std(self) -> str:
        """Standard deviation over the seeds; empty below two."""
        return "" if self.evaluation.std is None else f"{self.evaluation.std:.2f}"

    @property
    def delta(self) -> str:
        """Measured minus paper, of the printed numbers, so that a reader's subtraction gives the same; empty on own
        data, where a difference would say nothing."""
        return f"{float(self.measured) - self.cell.paper:+.2f}" if self.measured and self.comparable else ""

    @property
    def seeds(self) -> str:
        """How many seeds the mean is over; empty where nothing was measured."""
        return str(len(self.evaluation.values)) if self.measured else ""

    def line(self) -> dict[str, str]:
        """The cell's line in the CSV file."""
        measure = self.cell.measure
        return {
            "row": self.row,
            "column": self.column,
            "run": self.subject,
            "metric": "" if measure is None else measure.metric,
            "flip": "" if measure is None else str(measure.flip).lower(),
            "paper": self.paper,
            "measured": self.measured,
            "std": self.std,
            "seeds": self.seeds,
            "delta": self.delta,
            "status": self.evaluation.status,
        }


def table_cells(graph: Graph, table: Table) -> list[ReportedCell]:
    """All cells of a table, row by row, columns in the table's order."""
    comparable = graph.spec.folder.own is None
    return [
        ReportedCell(row.label, column, cell, cell_evaluation(graph, cell), comparable)
        for row, column, cell in _cells(table)
    ]


def table_notes(graph: Graph, table: Table, cells: list[ReportedCell]) -> list[str]:
    """What stands below a table: its own note, differing steps, scores of old submissions, missing seeds."""
    notes = [table.note] if table.note else []
    steps = _steps_note(graph, table)
    if steps:
        notes.append(steps)
    submitted = [cell for cell in cells if cell.cell.measure and cell.cell.measure.metric == "test_miou"]
    notes += [f"Stale: {cell.evaluation.detail}." for cell in submitted if cell.evaluation.status == STALE]
    wanted = graph.spec.preset.seeds
    few = [c for c in cells if c.cell.measure and c.cell.measure.metric == "miou" and 0 < int(c.seeds or 0) < wanted]
    if few:
        places = ", ".join(dict.fromkeys(cell.row for cell in few))
        notes.append(f"Fewer than the {wanted} seeds that the preset asks for: {places}.")
    return notes


def cell_evaluation(graph: Graph, cell: Cell) -> Evaluation:
    """What was measured for a cell; a quoted one has nothing to measure."""
    return Evaluation(status=QUOTED) if cell.measure is None else evaluate(graph, cell.measure)


def _cells(table: Table) -> Iterator[tuple[Row, str, Cell]]:
    for row in table.rows:
        for column in table.columns:
            if column in row.cells:
                yield row, column, row.cells[column]


def _steps_note(graph: Graph, table: Table) -> str:
    """Says which cells were trained for how many steps, where that differs within the table."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for row, column, cell in _cells(table):
        run = cell.measure.run if cell.measure else None
        if run is not None and graph.spec.why_no_run(run) is None:
            chain = " + ".join(f"{steps:,} ({stage})" for stage, steps in training_steps(graph, run))
            groups.setdefault(chain, []).append((row.label, column))
    if len(groups) < 2:
        return ""
    parts = [f"{chain} for {_places(table, members)}" for chain, members in groups.items()]
    return f"Not all models were trained for the same number of steps: {'; '.join(parts)}."


def _places(table: Table, members: list[tuple[str, str]]) -> str:
    """Cells in words: whole columns by their heading, whole rows by their label, others by both."""
    columns = {column for _, column in members}
    whole = {column for column in columns if all((row.label, column) in members for row in table.rows)}
    if columns == whole and len(table.columns) > 1:
        return ", ".join(_plain_heading(table.columns[column]) for column in table.columns if column in whole)
    several = len({column for row in table.rows for column, cell in row.cells.items() if _trains(cell)}) > 1
    labels = [f"{label} ({_plain_heading(table.columns[column])})" if several else label for label, column in members]
    return f"{'row' if len(labels) == 1 else 'rows'} {', '.join(labels)}"


def _trains(cell: Cell) -> bool:
    return cell.measure is not None and cell.measure.run is not None


def _plain_heading(heading: str) -> str:
    return heading.removesuffix("(%)").strip()
