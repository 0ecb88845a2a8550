"""Figures and charts as the page holds them: pictures as data URLs, charts as JSON with their words and numbers."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from exfuse.errors import UserError
from exfuse.files import is_file, read_bytes, read_json
from exfuse.reporting.charts.files import SUFFIX
from exfuse.reporting.charts.plans import PLANS
from exfuse.reporting.evaluations import altered, shown_path
from exfuse.reporting.figures import PICTURES
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph

LARGEST_SVG = 1 << 20
"""Bytes; a larger figure is embedded as PNG, so that the page stays below 8 MB."""
MEDIA = {"svg": "image/svg+xml", "png": "image/png"}
SHOWN = (
    "data", "params", "transform", "mark", "encoding", "layer", "facet", "concat", "columns", "spec",
    "width", "height", "autosize", "spacing", "resolve",
)  # fmt: skip
"""Parts of a specification that the page draws; words, colours and options are the page's own."""


@dataclass(frozen=True)
class PageFigure:
    """A figure as a data URL, or what is in its way.

    Attributes:
        size: width and height, so that the page keeps its place free; none where there is no file or it does not say.
    """

    name: str
    title: str
    caption: str
    alternative: str
    source: str
    problem: str
    size: tuple[int, int] | None


@dataclass(frozen=True)
class PageChart:
    """A chart as its file holds it, or what is in its way.

    Attributes:
        name, title: of its job, and its heading.
        file: where its drawing lies, for those without scripts.
        problem: what a reader has to know about it; all that follows is empty where there is no file to show.
        caption, alternative, notes: its words.
        drawing: the specification without words, how its panels fit into a width, and the height of the drawing that
            lies in its file, by which the page keeps its place free.
        columns, rows, words: its numbers, and how many of the first columns hold words.
    """

    name: str
    title: str
    file: str
    problem: str
    caption: str = ""
    alternative: str = ""
    notes: tuple[str, ...] = ()
    drawing: Mapping[str, Any] | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: int = 1


def page_figures(graph: Graph) -> list[PageFigure]:
    """The paper's figures, embedded."""
    found = []
    for name, picture in PICTURES.items():
        source, problem, size = _embedded(graph, name)
        words = picture.caption(graph), picture.alternative(graph)
        found.append(PageFigure(name, picture.title, *words, source, problem, size))
    return found


def page_charts(graph: Graph) -> list[PageChart]:
    """What the paper does not show, as the charts' files hold it."""
    return [_page_chart(graph, name, plan.title) for name, plan in PLANS.items()]


def _embedded(graph: Graph, name: str) -> tuple[str, str, tuple[int, int] | None]:
    """A figure's data URL, what a reader has to know about it, and its size."""
    path = graph.layout.figure(name)
    if is_file(path) and path.stat().st_size > LARGEST_SVG:
        path = path.with_suffix(".png")
    if not is_file(path):
        return "", _missing(graph, path), None
    if problem := altered(graph, graph.job(f"figures/{name}"), path):
        return "", problem, None
    try:
        encoded = base64.b64encode(read_bytes(path)).decode("ascii")
    except UserError:
        return "", f"unreadable: {shown_path(graph, path)} cannot be read", None
    return f"data:{MEDIA[path.suffix[1:]]};base64,{encoded}", _stale(graph, name), _size(path)


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture, for their ratio."""
    try:
        if path.suffix == ".svg":
            found = re.search(rb'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', read_bytes(path))
            return (round(float(found[1])), round(float(found[2]))) if found else None
        with Image.open(path) as picture:
            return picture.size
    except (UserError, OSError, ValueError, OverflowError, Image.DecompressionBombError):
        return None


def _page_chart(graph: Graph, name: str, title: str) -> PageChart:
    path = graph.layout.figure(name, SUFFIX)
    file = shown_path(graph, graph.layout.figure(name))
    if not is_file(path):
        return PageChart(name, title, file, _missing(graph, path))
    size = _size(graph.layout.figure(name))
    try:
        spec = read_json(path)
        words, table = spec["usermeta"], spec["usermeta"]["table"]
        chart = PageChart(
            name,
            title,
            file,
            _stale(graph, name),
            caption=str(words["caption"]),
            alternative=str(spec["description"]),
            notes=tuple(map(str, words["notes"])),
            drawing={
                "spec": {part: spec[part] for part in SHOWN if part in spec},
                "panels": words["panels"],
                "height": size[1] if size else None,
            },
            columns=tuple(map(str, table["columns"])),
            rows=tuple(tuple(map(str, row)) for row in table["rows"]),
            words=int(table["words"]),
        )
        json.dumps(chart.drawing, allow_nan=False)  # JSON that browsers read has no infinity
    except (UserError, KeyError, TypeError, ValueError, OverflowError):
        return PageChart(name, title, file, f"unreadable: {shown_path(graph, path)} holds no chart")
    problem = altered(graph, graph.job(f"figures/{name}"), path)
    return PageChart(name, title, file, problem) if problem else chart


def _missing(graph: Graph, path: Path) -> str:
    return f"missing: {shown_path(graph, path)} is not there"


def _stale(graph: Graph, name: str) -> str:
    fresh = has_expected_key(graph.job(f"figures/{name}"))
    return "" if fresh else "stale: this picture was not made from the present results"
