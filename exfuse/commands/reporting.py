"""`exfuse table|figure|gallery|claims|report|crate`: what the paper prints, from what the jobs upstream left."""

from pathlib import Path

from exfuse.commands.jobs import running, running_as_far_as_made
from exfuse.spec.graph import Graph

COMPARISON = Path("comparison.html")


def table(graph: Graph, name: str) -> None:
    """Writes a table as CSV and LaTeX."""
    from exfuse.reporting.tables import write_table

    with running(graph, f"tables/{name}"):
        write_table(graph, name)


def figure(graph: Graph, name: str) -> None:
    """Draws a figure as SVG and PNG."""
    from exfuse.reporting.figures import write_figure

    with running(graph, f"figures/{name}"):
        write_figure(graph, name)


def gallery(graph: Graph) -> None:
    """Writes the chosen images with what the two models made of them."""
    from exfuse.reporting.gallery.making import write_gallery

    with running(graph, "gallery"):
        write_gallery(graph)


def claims(graph: Graph) -> None:
    """Writes the paper's claims beside what was measured."""
    from exfuse.reporting.claims import write_claims

    with running(graph, "claims"):
        write_claims(graph)


def report(graph: Graph) -> None:
    """Writes the page, of what there is."""
    from exfuse.reporting.report import write_report

    with running_as_far_as_made(graph, "report"):
        write_report(graph)


def crate(graph: Graph) -> None:
    """Writes the results' RO-Crate."""
    from exfuse.reporting.crate import write_crate

    with running_as_far_as_made(graph, "crate"):
        write_crate(graph)


def compare(a: Path, b: Path, output: Path | None, overwrite: bool) -> None:
    """Writes a page that puts two results folders side by side."""
    from exfuse.reporting.comparison.page import write_comparison

    target = output if output is not None else COMPARISON
    write_comparison(a, b, target, overwrite=overwrite)
    print(f"{target}: {a} (A) and {b} (B) side by side")
