"""What the page shows, gathered from the graph: the summary and the tables as the template reads them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exfuse.reporting.cells import ReportedCell, cell_evaluation, table_cells, table_notes
from exfuse.reporting.claims import ReportedClaim
from exfuse.reporting.evaluations import MEASURED, QUOTED, Evaluation, unequal_steps
from exfuse.reporting.statistics.verdict import VERDICTS
from exfuse.reporting.tables import table_texts
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Cell, Row, Table

HEADLINE = "table3"
"""The table whose first row is the baseline and whose last is ExFuse."""


@dataclass(frozen=True)
class PageTable:
    """A table with its reported cells in rows (none where the printed table has no number), notes, and as text."""

    name: str
    declared: Table
    rows: tuple[tuple[Row, tuple[ReportedCell | None, ...]], ...]
    notes: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class HeadlineRow:
    """A model of the headline: its name, its row in the table, the paper's value and what was measured."""

    title: str
    row: str
    cell: Cell
    evaluation: Evaluation


@dataclass(frozen=True)
class Summary:
    """The page in a minute.

    Attributes:
        title: the table that the headline is taken from.
        measured: cells with a measured number.
        measurable: cells that this reproduction could measure.
        states: number of measurable cells by state.
        baseline: GCN.
        best: ExFuse.
        steps: training steps of both, where they differ; otherwise empty.
        claims: claims by verdict, in the order of the rule.
        claim: the one that compares just these two rows, with interval and verdict; none where no claim does.
    """

    title: str
    measured: int
    measurable: int
    states: tuple[tuple[str, int], ...]
    baseline: HeadlineRow
    best: HeadlineRow
    claims: tuple[tuple[str, tuple[ReportedClaim, ...]], ...]
    claim: ReportedClaim | None
    steps: str

    @property
    def paper_gain(self) -> float:
        """The paper's difference, points."""
        return self.best.cell.paper - self.baseline.cell.paper

    @property
    def measured_gain(self) -> float | None:
        """Measured difference over the seeds that both have, points; none where they have none."""
        return None if self.claim is None else self.claim.effect


def page_tables(graph: Graph) -> list[PageTable]:
    """All tables of the paper."""
    return [_page_table(graph, name, table) for name, table in graph.spec.tables.items()]


def summary(graph: Graph, tables: Sequence[PageTable], claims: Sequence[ReportedClaim]) -> Summary:
    """The page in a minute."""
    cells = [cell for table in tables for _, row in table.rows for cell in row if cell is not None]
    states = Counter(cell.evaluation.status for cell in cells if cell.evaluation.status != QUOTED)
    rows = graph.spec.tables[HEADLINE].rows
    ends = [HeadlineRow(name, row.label, *_only(graph, row)) for name, row in (("GCN", rows[0]), ("ExFuse", rows[-1]))]
    judged = ((word, tuple(claim for claim in claims if claim.verdict.word == word)) for word in VERDICTS)
    return Summary(
        title=graph.spec.tables[HEADLINE].title,
        measured=states[MEASURED],
        measurable=states.total(),
        states=tuple(states.most_common()),
        baseline=ends[0],
        best=ends[1],
        claims=tuple((word, members) for word, members in judged if members),
        claim=next((claim for claim in claims if _compares(claim, ends)), None),
        steps=unequal_steps(graph, [row.cell.measure for row in ends if row.cell.measure]),
    )


def _page_table(graph: Graph, name: str, table: Table) -> PageTable:
    cells = table_cells(graph, table)
    by_place = {(cell.row, cell.column): cell for cell in cells}
    rows = tuple((row, tuple(by_place.get((row.label, column)) for column in table.columns)) for row in table.rows)
    return PageTable(name, table, rows, tuple(table_notes(graph, table, cells)), table_texts(graph, name, cells))


def _only(graph: Graph, row: Row) -> tuple[Cell, Evaluation]:
    cell = next(iter(row.cells.values()))
    return cell, cell_evaluation(graph, cell)


def _compares(claim: ReportedClaim, ends: Sequence[HeadlineRow]) -> bool:
    minus, plus = ends
    return claim.claim.plus == (plus.cell.measure,) and claim.claim.minus == (minus.cell.measure,)
