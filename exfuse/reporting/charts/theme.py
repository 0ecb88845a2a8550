"""How all charts look: as files in fixed colours, in the page in those of its style."""

from dataclasses import dataclass
from typing import Any

from exfuse.reporting import drawing

FONT = "Liberation Sans, DejaVu Sans, Arial, sans-serif"


@dataclass(frozen=True)
class Colours:
    """What things are drawn in: any word that SVG knows as a colour.

    Attributes:
        ink: text that is read first.
        muted: titles of axes, notes.
        faint: grids.
        line: axes.
        card: behind marks.
        series: kinds of data, in this order; the first is what the chart is about.
    """

    ink: str
    muted: str
    faint: str
    line: str
    card: str
    series: tuple[str, str, str]


FIXED = Colours(
    drawing.INK,
    drawing.MUTED,
    drawing.FAINT,
    drawing.BASELINE,
    "white",
    (drawing.ACCENT, drawing.SECOND, drawing.BASELINE),
)
LIVE = Colours(
    "var(--ink)",
    "var(--muted)",
    "var(--line)",
    "var(--muted)",
    "var(--card)",
    ("var(--series-1)", "var(--series-2)", "var(--series-3)"),
)
"""The page's own, so that light, dark and print need no new drawing."""


def theme(colours: Colours) -> dict[str, Any]:
    """Vega-Lite's ``config``."""
    labels = {"labelColor": colours.ink, "labelFontSize": 11, "labelFontWeight": "normal"}
    titles = {"titleColor": colours.muted, "titleFontSize": 11, "titleFontWeight": "normal"}
    axis = {"domainColor": colours.line, "tickColor": colours.line, "gridColor": colours.faint, "labelLimit": 170}
    return {
        "aria": False,
        "background": "transparent" if colours == LIVE else colours.card,
        "font": FONT,
        "axis": {**labels, **titles, **axis},
        "header": {**labels, **titles, "labelAnchor": "start", "labelFontWeight": 600, "labelOrient": "top"},
        "legend": {**labels, **titles, "orient": "top", "title": None, "labelLimit": 260, "symbolSize": 80},
        "title": {"color": colours.ink, "fontSize": 11, "fontWeight": 600, "anchor": "start", "offset": 8},
        "view": {"stroke": None},
        "range": {"category": list(colours.series)},
        "mark": {"color": colours.series[0]},
        "style": {
            "zero": {"color": colours.muted, "strokeWidth": 1},
            "edge": {"color": colours.line, "strokeWidth": 1, "strokeDash": [2, 2]},
            "seed": {"fill": colours.card, "stroke": colours.ink, "strokeWidth": 1.2},
            "said": {"color": colours.muted, "fontSize": 11},
            "name": {"color": colours.ink, "fontSize": 11},
        },
    }
