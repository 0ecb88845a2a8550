"""What a chart consists of, and what all charts have in common."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exfuse.reporting.evaluations import MEASURED, evaluate, measure_jobs, read_fresh
from exfuse.spec.graph import Graph, Job
from exfuse.spec.paper import Measure

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""
Row = Mapping[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""A name, which nothing fetches."""
WIDTH = 640
"""Of a drawing as a file, pixels; in the page it is as wide as its place."""
DASH = "–"
MINUS = "−"


@dataclass(frozen=True, kw_only=True)
class Panels:
    """How a chart of several panels fits into a width, pixels.

    Attributes:
        count: how many there are.
        most: stand side by side.
        least: width of one.
        outer: taken once by what all share.
        gap: taken beside each, by its labels and the space between two.
        square: whether a panel is as high as it is wide.
    """

    count: int
    most: int
    least: int
    outer: int
    gap: int
    square: bool = False

    def fit(self, width: float) -> tuple[int, int]:
        """Panels side by side and the width of each; ``charts.js`` computes the same."""
        columns = max(1, min(self.most, self.count, int((width - self.outer) // (self.least + self.gap))))
        return columns, int((width - self.outer) // columns - self.gap)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A chart's numbers.

    Attributes:
        columns: headings.
        rows: cells in words; numbers have the decimals that a reader can use.
        words: how many of the first columns hold words.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart.

    Attributes:
        spec: Vega-Lite with its data inside; it holds no colours (see :mod:`~exfuse.reporting.charts.theme`).
        caption: what it shows and how it was made, for everyone.
        alternative: the chart in words, for those who do not see it.
        table: its numbers, so that nobody needs the picture.
        notes: what is not in it, and why.
        panels: how it fits into a width; none for a single view.
    """

    spec: Spec
    caption: str
    alternative: str
    table: Table
    notes: tuple[str, ...] = ()
    panels: Panels | None = None


@dataclass(frozen=True)
class Plan:
    """A chart by name: its heading, and what makes it."""

    title: str
    make: Callable[[Graph], Chart]


def view(**parts: Any) -> Spec:
    """A specification of one view that is as wide as its place."""
    return {"$schema": SCHEMA, "width": WIDTH, "autosize": {"type": "fit-x", "contains": "padding"}, **parts}


def quantity(field: str, title: str) -> Spec:
    """A channel that shows a number."""
    return {"field": field, "type": "quantitative", "title": title}


def words(text: str) -> Spec:
    """A sentence in a chart's place."""
    mark = {"type": "text", "text": text, "style": "said", "limit": WIDTH}
    return view(height=60, data={"values": [{}]}, mark=mark)


def plain(value: float) -> float:
    """A number without the noise of its last digits; those that a reader sees are never rounded twice."""
    return round(value, 9)


def signed(value: float | None, decimals: int = 2) -> str:
    """A difference with its sign and a true minus; a dash where there is none."""
    if value is None:
        return DASH
    shown = f"{value:+.{decimals}f}"
    return shown.replace("-", MINUS) if float(shown) else shown.lstrip("+-")


def number(value: float | None, decimals: int = 2) -> str:
    """A number; a dash where there is none."""
    return DASH if value is None else f"{value:.{decimals}f}"


def mean(values: Sequence[float]) -> float | None:
    """Mean; none of no values."""
    return statistics.fmean(values) if values else None


def scores(graph: Graph, run: str) -> dict[int, Mapping[str, Any]]:
    """What ``val.json`` (not flipped) holds, by seed, where its number counts."""
    found = {seed: read_fresh(graph, job.manifest.with_name("val.json"), job) for seed, job in jobs(graph, run).items()}
    return {seed: content for seed, content in found.items() if content is not None}


def jobs(graph: Graph, run: str) -> dict[int, Job]:
    """The jobs that evaluated a run, by seed, where their numbers count."""
    measure = Measure(run=run)
    every = measure_jobs(graph, measure)
    return {seed: every[seed] for seed in evaluate(graph, measure).values}


def fraction(value: object) -> float | None:
    """A measured fraction in percent; none where it is no number between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return 100.0 * value


def absences(graph: Graph, runs: Iterable[str]) -> tuple[str, ...]:
    """The runs without a fresh evaluation, or without that of every seed, and why."""
    found = []
    for run in dict.fromkeys(runs):
        evaluation = evaluate(graph, Measure(run=run))
        if evaluation.status != MEASURED:
            found.append(f"{run}: {evaluation.status}" + (f" ({evaluation.detail})" if evaluation.detail else ""))
        elif evaluation.detail:
            found.append(f"{run}, some seeds: {evaluation.detail}")
    return tuple(found)
