"""Charts as files: the specification as JSON, and drawings of it as SVG and PNG, the same bytes each time."""

import copy
import json
from typing import Any

import vl_convert

from exfuse.files import write_bytes, write_text
from exfuse.reporting.charts.chart import Chart, Plan
from exfuse.reporting.charts.theme import FIXED, theme
from exfuse.spec.graph import Graph

SUFFIX = "vl.json"
"""Of the specification."""
SCALE = 2.0
"""Of the PNG's pixels to the SVG's."""
NOWHERE: list[str] = []
"""What the drawing may fetch."""


def write_chart(graph: Graph, name: str, plan: Plan) -> None:
    """Writes ``<name>.vl.json``, ``<name>.svg`` and ``<name>.png``.

    Raises:
        UserError: the folder cannot be written.
    """
    spec = with_words(plan.title, plan.make(graph))
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=NOWHERE)
    png = vl_convert.svg_to_png(svg, scale=SCALE)
    write_text(graph.layout.figure(name, "svg"), svg)
    write_bytes(graph.layout.figure(name, "png"), png)
    write_text(graph.layout.figure(name, SUFFIX), json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n")


def with_words(title: str, chart: Chart) -> dict[str, Any]:
    """A chart's specification with its colours, and its words and numbers as ``usermeta``."""
    spec = copy.deepcopy(chart.spec)
    panels = None
    if chart.panels is not None:
        panels = {name: getattr(chart.panels, name) for name in chart.panels.__dataclass_fields__}
    table = {"columns": chart.table.columns, "rows": chart.table.rows, "words": chart.table.words}
    usermeta = {"title": title, "caption": chart.caption, "notes": chart.notes, "table": table, "panels": panels}
    return {**spec, "description": chart.alternative, "config": theme(FIXED), "usermeta": usermeta}
