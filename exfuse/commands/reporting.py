"""`exfuse table|figure|claims|report`: what the paper prints, from what the jobs upstream left."""

from exfuse.commands.jobs import running
from exfuse.spec.graph import Graph


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


def claims(graph: Graph) -> None:
    """Writes the paper's claims beside what was measured."""
    from exfuse.reporting.claims import write_claims

    with running(graph, "claims"):
        write_claims(graph)


def report(graph: Graph) -> None:
    """Writes the page."""
    from exfuse.reporting.report import write_report

    with running(graph, "report"):
        write_report(graph)
