"""What the page shows, gathered from the graph: the summary, tables, claims and figures as the template reads them."""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exfuse.reporting.cells import ReportedCell, cell_evaluation, table_cells, table_notes
from exfuse.reporting.claims import ReportedClaim, claim_results
from exfuse.reporting.evaluations import MEASURED, QUOTED, Evaluation, shown_path, unequal_steps
from exfuse.reporting.figures import PICTURES
from exfuse.reporting.per_class import ablation_runs, class_iou
from exfuse.reporting.tables import table_texts
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Cell, Row, Table

HEADLINE = "table3"
"""The table whose first row is the baseline and whose last is ExFuse."""
LARGEST_SVG = 1 << 20
"""Bytes; a larger figure is embedded as PNG, so that the page stays below 8 MB."""
MEDIA = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True)
class PageTable:
    """A table with its reported cells in rows (none where the printed table has no number), notes, and as text."""

    name: str
    declared: Table
    rows: tuple[tuple[Row, tuple[ReportedCell | None, ...]], ...]
    notes: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class PageFigure:
    """A figure as a data URL, or what is in its way."""

    name: str
    title: str
    caption: str
    alternative: str
    source: str
    problem: str


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
        claims: number of measured claims by outcome.
    """

    title: str
    measured: int
    measurable: int
    states: tuple[tuple[str, int], ...]
    baseline: HeadlineRow
    best: HeadlineRow
    claims: tuple[tuple[str, int], ...]
    steps: str

    @property
    def paper_gain(self) -> float:
        """The paper's difference, points."""
        return self.best.cell.paper - self.baseline.cell.paper

    @property
    def measured_gain(self) -> float | None:
        """Measured difference, points; none where one side is not measured."""
        best, baseline = self.best.evaluation.mean, self.baseline.evaluation.mean
        return None if best is None or baseline is None else best - baseline


@dataclass(frozen=True)
class ClassRow:
    """A class with the IoU of GCN and of ExFuse in percent; none where it was not measured."""

    name: str
    baseline: float | None
    best: float | None


@dataclass(frozen=True)
class Bar:
    """An effect as a horizontal bar from zero, in the units of the drawing (0–200, zero at 100)."""

    start: float
    length: float


def page_tables(graph: Graph) -> list[PageTable]:
    """All tables of the paper."""
    return [_page_table(graph, name, table) for name, table in graph.spec.tables.items()]


def summary(graph: Graph, tables: Sequence[PageTable], claims: Sequence[ReportedClaim]) -> Summary:
    """The page in a minute."""
    cells = [cell for table in tables for _, row in table.rows for cell in row if cell is not None]
    states = Counter(cell.evaluation.status for cell in cells if cell.evaluation.status != QUOTED)
    rows = graph.spec.tables[HEADLINE].rows
    ends = [HeadlineRow(name, row.label, *_only(graph, row)) for name, row in (("GCN", rows[0]), ("ExFuse", rows[-1]))]
    outcomes = Counter(claim.outcome for claim in claims if claim.outcome)
    return Summary(
        title=graph.spec.tables[HEADLINE].title,
        measured=states[MEASURED],
        measurable=states.total(),
        states=tuple(states.most_common()),
        baseline=ends[0],
        best=ends[1],
        claims=tuple(outcomes.most_common()),
        steps=unequal_steps(graph, [row.cell.measure for row in ends if row.cell.measure]),
    )


def page_claims(graph: Graph) -> list[tuple[ReportedClaim, Bar | None, Bar | None]]:
    """Claims with the bars of the paper's effect and of the measured one, all on one scale by metric."""
    results = claim_results(graph)
    sizes: dict[str, float] = {}
    for result in results:
        both = (result.claim.paper, result.effect)
        largest = max((abs(value) for value in both if value is not None), default=0.0)
        scale = result.metric or "miou"
        sizes[scale] = max(sizes.get(scale, 0.0), largest)
    scales = [sizes[result.metric or "miou"] for result in results]
    return [
        (result, _bar(result.claim.paper, scale), _bar(result.effect, scale))
        for result, scale in zip(results, scales, strict=True)
    ]


def page_figures(graph: Graph) -> list[PageFigure]:
    """All figures, embedded."""
    found = []
    for name, picture in PICTURES.items():
        source, problem = _embedded(graph, name)
        words = picture.caption(graph), picture.alternative(graph)
        found.append(PageFigure(name, picture.title, *words, source, problem))
    return found


def class_rows(graph: Graph) -> list[ClassRow]:
    """IoU by class of the first and the last row of Table 3."""
    runs = list(ablation_runs(graph).values())
    baseline, best = class_iou(graph, runs[0]), class_iou(graph, runs[-1])
    return [ClassRow(name, baseline.get(name), best.get(name)) for name in graph.spec.classes]


def _page_table(graph: Graph, name: str, table: Table) -> PageTable:
    cells = table_cells(graph, table)
    by_place = {(cell.row, cell.column): cell for cell in cells}
    rows = tuple((row, tuple(by_place.get((row.label, column)) for column in table.columns)) for row in table.rows)
    return PageTable(name, table, rows, tuple(table_notes(graph, table, cells)), table_texts(graph, name, cells))


def _only(graph: Graph, row: Row) -> tuple[Cell, Evaluation]:
    cell = next(iter(row.cells.values()))
    return cell, cell_evaluation(graph, cell)


def _bar(effect: float | None, largest: float) -> Bar | None:
    if effect is None:
        return None
    length = 96.0 * abs(effect) / largest if largest else 0.0
    return Bar(100.0 - length if effect < 0 else 100.0, max(length, 0.8))


def _embedded(graph: Graph, name: str) -> tuple[str, str]:
    """A figure's data URL and what a reader has to know about it."""
    job = graph.job(f"figures/{name}")
    path = graph.layout.figure(name)
    if path.is_file() and path.stat().st_size > LARGEST_SVG:
        path = path.with_suffix(".png")
    if not path.is_file():
        return "", f"missing: {shown_path(graph, path)} is not there"
    problem = "" if has_expected_key(job) else "stale: this picture was not made from the present results"
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{MEDIA[path.suffix[1:]]};base64,{encoded}", problem
