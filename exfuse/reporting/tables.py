"""Tables 1–8 as files: one line a cell (CSV), and as the paper prints them (LaTeX)."""

from exfuse.files import write_csv, write_text
from exfuse.reporting.cells import table_cells, table_notes
from exfuse.reporting.latex import render
from exfuse.spec.graph import Graph

COLUMNS = ("row", "column", "run", "metric", "flip", "paper", "measured", "std", "seeds", "delta", "status")


def write_table(graph: Graph, name: str) -> None:
    """Writes ``<name>.csv`` and ``<name>.tex``.

    Raises:
        UserError: the preset has no such table, or the folder cannot be written.
    """
    graph.job(f"tables/{name}")
    table = graph.spec.tables[name]
    cells = table_cells(graph, table)
    write_csv(graph.layout.table(name), COLUMNS, (cell.line() for cell in cells))
    notes = [*table_notes(graph, table, cells), *filter(None, [graph.spec.caveat])]
    write_text(graph.layout.table(name, "tex"), render(name, table, cells, notes, graph.spec.preset.name))
