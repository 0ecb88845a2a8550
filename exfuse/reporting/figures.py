"""The paper's figures by name, as SVG and PNG with the same bytes each time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from exfuse.reporting import figure1, figure7
from exfuse.reporting.architecture import figure2, figure3, figure4, figure5, figure6
from exfuse.reporting.charts.files import write_chart
from exfuse.reporting.charts.plans import PLANS
from exfuse.reporting.drawing import save, style
from exfuse.spec.graph import Graph


@dataclass(frozen=True)
class Picture:
    """A figure: how it is drawn, and its words.

    Attributes:
        title: its heading.
        draw: gives the figure.
        caption: what it shows, for everyone.
        alternative: the figure in words, for those who do not see it.
    """

    title: str
    draw: Callable[[Graph], Figure]
    caption: Callable[[Graph], str]
    alternative: Callable[[Graph], str]


PICTURES: Mapping[str, Picture] = {
    "figure1": Picture("Figure 1", figure1.draw, figure1.caption, figure1.alternative),
    "figure2": Picture("Figure 2", figure2.draw, figure2.caption, figure2.alternative),
    "figure3": Picture("Figure 3", figure3.draw, figure3.caption, figure3.alternative),
    "figure4": Picture("Figure 4", figure4.draw, figure4.caption, figure4.alternative),
    "figure5": Picture("Figure 5", figure5.draw, figure5.caption, figure5.alternative),
    "figure6": Picture("Figure 6", figure6.draw, figure6.caption, figure6.alternative),
    "figure7": Picture("Figure 7", figure7.draw, figure7.caption, figure7.alternative),
}


def write_figure(graph: Graph, name: str) -> None:
    """Writes ``<name>.svg`` and ``<name>.png``, and ``<name>.vl.json`` of a chart.

    Raises:
        UserError: there is no such figure, or the folder cannot be written.
    """
    graph.job(f"figures/{name}")
    if name in PLANS:
        write_chart(graph, name, PLANS[name])
        return
    with style():
        figure = PICTURES[name].draw(graph)
        for suffix in ("svg", "png"):
            save(figure, graph.layout.figure(name, suffix))
