"""Tables 1–8 as files: one line a cell (CSV), as the paper prints them (LaTeX), and for a page of notes (Markdown)."""

from collections.abc import Sequence

from exfuse.files import csv_text, write_text
from exfuse.reporting import latex, markdown
from exfuse.reporting.cells import ReportedCell, table_cells, table_notes
from exfuse.spec.graph import Graph

COLUMNS = ("row", "column", "run", "metric", "flip", "paper", "measured", "std", "seeds", "delta", "status")


def write_table(graph: Graph, name: str) -> None:
    """Writes ``<name>.csv``, ``<name>.tex`` and ``<name>.md``.

    Raises:
        UserError: the preset has no such table, or the folder cannot be written.
    """
    graph.job(f"tables/{name}")
    for suffix, text in table_texts(graph, name, table_cells(graph, graph.spec.tables[name])).items():
        write_text(graph.layout.table(name, suffix), text)


def table_texts(graph: Graph, name: str, cells: Sequence[ReportedCell]) -> dict[str, str]:
    """A table with its cells as text, by the suffix of a file."""
    table, preset = graph.spec.tables[name], graph.spec.preset.name
    notes = [*table_notes(graph, table, list(cells)), *filter(None, [graph.spec.caveat])]
    return {
        "csv": csv_text(COLUMNS, (cell.line() for cell in cells)),
        "tex": latex.render(name, table, cells, notes, preset),
        "md": markdown.render(table, cells, notes, preset),
    }
