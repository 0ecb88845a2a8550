"""What runs cost: operations and parameters against mIoU, and the time that was predicted against what it took."""

from collections.abc import Mapping
from typing import Any

from exfuse.planning.prediction import read_prediction
from exfuse.reporting.bill import predicted_jobs
from exfuse.reporting.charts.chart import SCHEMA, WIDTH, Chart, Panels, Spec, Table, absences, number, quantity, words
from exfuse.reporting.costs import Cost, amount, network_costs
from exfuse.reporting.evaluations import evaluate
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Measure

HEIGHT = 230
KINDS = ("GCN", "with a part of ExFuse")

Times = Mapping[str, tuple[float, float]]
"""Seconds by run: predicted, and what its trainings took."""


def chart(graph: Graph) -> Chart:
    """Three panels, one point a run; runs without a number are left out of the panel that needs it."""
    costs, problem = _costs(graph)
    validated = [run for run, one in graph.spec.runs.items() if one.evaluated_on == "val"]
    scored = {run: evaluate(graph, Measure(run=run)).mean for run in validated}
    times = training_times(graph)
    values = [_value(graph, run, costs.get(run), scored.get(run), times.get(run)) for run in graph.spec.runs]
    views = [one for one in (_against("macs", values), _against("parameters", values), _clock(values)) if one]
    panels = Panels(count=len(views), most=3, least=230, outer=6, gap=78)
    missing = [run for run, mean in scored.items() if mean is None]
    return Chart(
        spec=_spec(views, panels) if views else words("No network was counted and evaluated, and no time predicted."),
        caption=(
            "One point a run. Multiply-accumulates of one image at the preset's training size, and learned numbers, "
            f"against mIoU on {graph.spec.val_name} (mean over the seeds, not flipped); costs and times on "
            "logarithmic scales. Where times were predicted: seconds of the clock that a run's own trainings took "
            "against those predicted before (only trainings that went through without interruption, all seeds "
            "together); on the line they are equal."
        ),
        alternative=_alternative(values),
        table=Table(
            columns=("Run", "MACs", "Parameters", "mIoU (%)", "Predicted (s)", "Took (s)"),
            rows=tuple(_line(one) for one in values),
        ),
        notes=(*problem, *absences(graph, missing)),
        panels=panels if views else None,
    )


def training_times(graph: Graph) -> Times:
    """Predicted and happened seconds of the runs all of whose own trainings ran in one go after they were predicted."""
    prediction = read_prediction(graph)
    if prediction is None:
        return {}
    ran = predicted_jobs(graph, prediction)
    trainings: dict[str, list[str]] = {}
    for name in graph.jobs:
        if name.startswith("runs/") and not name.endswith(("/val", "/test")):
            trainings.setdefault(name.split("/")[1], []).append(name)
    whole = {name for name, (_, about) in ran.items() if len(about.stretches) <= 1}
    found = {}
    for run, names in trainings.items():
        if whole.issuperset(names):
            predicted = sum(ran[name][0].seconds for name in names)
            found[run] = predicted, sum(ran[name][1].seconds or 0.0 for name in names)
    return found


def _costs(graph: Graph) -> tuple[dict[str, Cost], tuple[str, ...]]:
    counted = network_costs(graph)
    if counted is None:
        return {}, ("the networks are not counted: exfuse costs does it",)
    return {one.name: one for one in counted.networks if one.kind == "run"}, ()


def _value(
    graph: Graph, run: str, cost: Cost | None, miou: float | None, times: tuple[float, float] | None
) -> dict[str, Any]:
    declared = graph.spec.runs[run]
    while declared.extends is not None:
        declared = graph.spec.runs[declared.extends]
    backbone = graph.spec.backbones[graph.spec.backbone_name(run)]
    changed = backbone.semantic_supervision or backbone.rearranged
    if declared.decoder is not None:
        changed = changed or bool(graph.spec.decoders[declared.decoder].model_dump(exclude_defaults=True))
    return {
        "run": run,
        "kind": KINDS[changed],
        "macs": cost.macs if cost else None,
        "parameters": cost.parameters if cost else None,
        "miou": miou,
        "predicted": times[0] if times else None,
        "took": times[1] if times else None,
    }


def _points(values: list[dict[str, Any]], x: Spec, y: Spec) -> Spec:
    kind = {"field": "kind", "type": "nominal", "scale": {"domain": list(KINDS)}}
    return {
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 55, "opacity": 0.85},
        "encoding": {
            "x": x,
            "y": y,
            "color": kind,
            "shape": {**kind, "scale": {"domain": list(KINDS), "range": ["circle", "diamond"]}},
            "tooltip": [{"field": "run"}, *({"field": one["field"], "format": ".4s"} for one in (x, y))],
        },
    }


def _log(field: str, title: str) -> Spec:
    axis = {"format": "~s", "tickCount": 4, "labelOverlap": True}
    scale = {"type": "log", "nice": False, "padding": 8}
    return {**quantity(field, title), "scale": scale, "axis": axis}


def _with(values: list[dict[str, Any]], *fields: str) -> list[dict[str, Any]]:
    """What is needed of the runs that have both numbers; a logarithm has no place for zero."""
    names = ("run", "kind", *fields)
    return [{name: one[name] for name in names} for one in values if all(one[field] for field in fields)]


def _against(field: str, values: list[dict[str, Any]]) -> Spec | None:
    kept = _with(values, field, "miou")
    if not kept:
        return None
    title = {"macs": "multiply-accumulates", "parameters": "parameters"}[field]
    y = {**quantity("miou", "mIoU (%)"), "scale": {"zero": False, "padding": 8}}
    return {"height": HEIGHT, **_points(kept, _log(field, title), y)}


def _clock(values: list[dict[str, Any]]) -> Spec | None:
    kept = _with(values, "predicted", "took")
    if not kept:
        return None
    seconds = [one[name] for one in kept for name in ("predicted", "took")]
    ends = [{"predicted": end, "took": end} for end in (min(seconds), max(seconds))]
    x, y = _log("predicted", "predicted seconds"), _log("took", "seconds that it took")
    line: Spec = {"data": {"values": ends}, "mark": {"type": "line", "style": "zero"}, "encoding": {"x": x, "y": y}}
    return {"height": HEIGHT, "layer": [line, _points(kept, x, y)]}


def _spec(views: list[Spec], panels: Panels) -> Spec:
    columns, width = panels.fit(1.5 * WIDTH)
    return {
        "$schema": SCHEMA,
        "columns": columns,
        "concat": [{"width": width, **one} for one in views],
        "spacing": {"row": 20, "column": 18},
    }


def _alternative(values: list[dict[str, Any]]) -> str:
    scored = [one for one in values if one["miou"] is not None and one["macs"]]
    timed = [one for one in values if one["took"] and one["predicted"]]
    sentences = [f"Points for {len(scored)} runs that were counted and evaluated, and {len(timed)} that were timed."]
    if scored:
        best = max(scored, key=lambda one: one["miou"])
        least = min(scored, key=lambda one: one["macs"])
        sentences.append(
            f"The highest mIoU, {best['miou']:.2f}%, is that of {best['run']} with {amount(best['macs'])} "
            f"multiply-accumulates; the cheapest, {least['run']}, has {amount(least['macs'])} and {least['miou']:.2f}%."
        )
    return " ".join(sentences)


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    counts = (amount(one[name]) if one[name] else "–" for name in ("macs", "parameters"))
    return (one["run"], *counts, number(one["miou"]), number(one["predicted"], 1), number(one["took"], 1))
