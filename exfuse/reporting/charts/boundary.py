"""Boundary against interior: where each ablation of Tables 3–5 changes the segmentation, by GCN's split of pixels."""

from collections.abc import Mapping
from typing import Any

from exfuse.reporting.charts.chart import (
    SCHEMA,
    WIDTH,
    Chart,
    Panels,
    Spec,
    Table,
    absences,
    fraction,
    mean,
    number,
    plain,
    scores,
    signed,
    words,
)
from exfuse.reporting.evaluations import unequal_steps
from exfuse.spec.graph import SPLIT_TABLES, Graph
from exfuse.spec.paper import Measure
from exfuse.spec.paper import Table as PrintedTable

REGIONS = {"boundary": "boundary_miou", "interior": "interior_miou"}
"""The two sorts of pixels, and the number of ``val.json`` that is of each."""
BAND = 30
"""Height of a row, pixels."""
LABELS = 190
"""Width of the rows' labels, pixels."""


def chart(graph: Graph) -> Chart:
    """A panel a table, a pair of bars a row, seeds as dots."""
    tables = [graph.spec.tables[name] for name in SPLIT_TABLES if name in graph.spec.tables]
    runs = [run for table in tables for run in rows_of(table).values()]
    found = {run: _by_region(graph, run) for run in dict.fromkeys(runs)}
    values = [value for table in tables for value in _differences(table, found)]
    panels = Panels(count=len({value["table"] for value in values}), most=1, least=120, outer=LABELS, gap=16)
    steps = unequal_steps(graph, [Measure(run=run) for run in runs])
    return Chart(
        spec=_spec(values, panels) if values else words("No row of Tables 3–5 was evaluated beside its baseline."),
        caption=(
            f"mIoU on {graph.spec.val_name} (not flipped) of each row of Tables 3–5 minus that of the first row of "
            "its table, among the pixels near a change of labels (boundary) and among all others (interior), as GCN's "
            f"authors split them; {width(graph)} pixels on either side. Bars, and the changes in the numbers below: "
            "mean over the seeds that both have; dots: each seed; a row's own mIoU: mean over all its seeds. Each mIoU "
            "is over the classes that have ground truth there."
            + (f" Steps of stage trainaug differ: {steps}." if steps else "")
        ),
        alternative=_alternative(values),
        table=Table(
            columns=("Table", "Row", "Boundary (%)", "Change", "Interior (%)", "Change"),
            rows=tuple(_line(table, label, run, found) for table in tables for label, run in rows_of(table).items()),
            words=2,
        ),
        notes=absences(graph, runs),
        panels=panels if values else None,
    )


def rows_of(table: PrintedTable) -> dict[str, str]:
    """The runs of a table by what its rows are called, the baseline first."""
    found = {}
    for row in table.rows:
        name = f"{row.label}: {', '.join(row.marks[1:] or row.marks)}" if row.marks else row.label
        for cell in row.cells.values():
            if cell.measure is not None and cell.measure.run is not None:
                found[name] = cell.measure.run
    return found


def width(graph: Graph) -> str:
    """How far boundary pixels lie from a change of labels, in pixels."""
    return f"{graph.spec.preset.evaluation.boundary_width:g}"


def _by_region(graph: Graph, run: str) -> dict[str, dict[int, float]]:
    """Percent by region and seed."""
    found: dict[str, dict[int, float]] = {region: {} for region in REGIONS}
    for seed, content in scores(graph, run).items():
        for region, name in REGIONS.items():
            percent = fraction(content.get(name))
            if percent is not None:
                found[region][seed] = percent
    return found


def _changes(base: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    return {seed: other[seed] - base[seed] for seed in sorted(set(base) & set(other))}


def _differences(table: PrintedTable, found: Mapping[str, Mapping[str, Mapping[int, float]]]) -> list[dict[str, Any]]:
    (_, base), *others = rows_of(table).items()
    return [
        {"table": table.title, "row": label, "region": region, "seed": seed, "change": plain(change)}
        for label, run in others
        for region in REGIONS
        for seed, change in _changes(found[base][region], found[run][region]).items()
    ]


def _spec(values: list[dict[str, Any]], panels: Panels) -> Spec:
    changes = [0.0, *(value["change"] for value in values)]
    scale = {"domain": [min(changes), max(changes)]}
    amount = {"field": "change", "type": "quantitative", "title": "change of mIoU, points", "scale": scale}
    # the width of labels is fixed, so that panels stand below one another
    extent = {"minExtent": LABELS - 16, "maxExtent": LABELS - 16, "labelLimit": LABELS - 22}
    axis = {"ticks": False, "domain": False, **extent}
    region = {"field": "region", "type": "nominal", "scale": {"domain": list(REGIONS)}}
    place = {
        "y": {"field": "row", "type": "nominal", "sort": None, "title": None, "axis": axis},
        "yOffset": {"field": "region", "type": "nominal", "sort": list(REGIONS)},
    }
    named = [{"field": "table"}, {"field": "row"}, {"field": "region"}]
    average = {**amount, "aggregate": "mean"}
    bar: Spec = {
        "mark": {"type": "bar"},
        "encoding": {**place, "x": average, "color": region, "tooltip": [*named, {**average, "format": "+.2f"}]},
    }
    dot: Spec = {
        "mark": {"type": "point", "style": "seed", "size": 22, "filled": True},
        "encoding": {**place, "x": amount, "tooltip": [*named, {"field": "seed"}, {**amount, "format": "+.2f"}]},
    }
    zero: Spec = {"mark": {"type": "rule", "style": "zero"}, "encoding": {"x": {"datum": 0}}}
    several = len({value["seed"] for value in values}) > 1
    panel = {
        "width": panels.fit(WIDTH)[1],
        "height": {"step": BAND / 2},
        "layer": [bar, zero, *([dot] if several else [])],
    }
    tables = list(dict.fromkeys(value["table"] for value in values))  # by number: no name in an expression
    return {
        "$schema": SCHEMA,
        "data": {"values": [{**value, "panel": tables.index(value["table"])} for value in values]},
        "concat": [
            {"title": name, "transform": [{"filter": {"field": "panel", "equal": number}}], **panel}
            for number, name in enumerate(tables)
        ],
        "columns": 1,
    }


def _alternative(values: list[dict[str, Any]]) -> str:
    if not values:
        return "Bars of changes near boundaries and elsewhere; nothing was evaluated."
    rows = dict.fromkeys((value["table"], value["row"]) for value in values)
    more = 0
    for row in rows:
        of = [value for value in values if (value["table"], value["row"]) == row]
        near, far = (mean([value["change"] for value in of if value["region"] == region]) for region in REGIONS)
        more += near is not None and far is not None and near > far
    return (
        f"Pairs of bars for {len(rows)} rows of Tables 3–5. In {more} of them boundary pixels gain more (or lose less) "
        "than interior ones."
    )


def _line(
    table: PrintedTable, label: str, run: str, found: Mapping[str, Mapping[str, Mapping[int, float]]]
) -> tuple[str, ...]:
    base = next(iter(rows_of(table).values()))
    cells = []
    for region in REGIONS:
        values = found[run][region]
        change = None if run == base else mean(list(_changes(found[base][region], values).values()))
        cells += [number(mean(list(values.values()))), signed(change)]
    return (table.title, label, *cells)
