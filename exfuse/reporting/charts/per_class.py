"""IoU by class: what each row of Table 3 gains over the first, class by class."""

from collections.abc import Mapping

from exfuse.reporting.charts.chart import (
    Chart,
    Spec,
    Table,
    absences,
    fraction,
    mean,
    number,
    plain,
    quantity,
    scores,
    signed,
    view,
    words,
)
from exfuse.reporting.evaluations import unequal_steps
from exfuse.spec.graph import ABLATION, Graph
from exfuse.spec.paper import Measure

BAR = 19
"""Height of a class, pixels."""
NOTHING = "GCN and another row of Table 3 were not both evaluated."

BySeed = Mapping[int, float]


def ablation_runs(graph: Graph) -> dict[str, str]:
    """The runs of Table 3 by row, baseline first, ExFuse last."""
    rows = graph.spec.tables[ABLATION].rows
    measures = {row.label: cell.measure for row in rows for cell in row.cells.values()}
    return {label: measure.run for label, measure in measures.items() if measure is not None and measure.run}


def class_iou(graph: Graph, run: str) -> Mapping[str, BySeed]:
    """IoU in percent by class that has ground truth, by seed; empty without a fresh evaluation."""
    values: dict[str, dict[int, float]] = {}
    for seed, content in scores(graph, run).items():
        by_class = content.get("iou")
        for name, value in by_class.items() if isinstance(by_class, dict) else ():
            percent = fraction(value)
            if percent is not None and name in graph.spec.classes:
                values.setdefault(name, {})[seed] = percent
    return values


def chart(graph: Graph) -> Chart:
    """Differences as bars, seeds as dots, for the row of Table 3 that a reader chooses; ExFuse at first."""
    runs = ablation_runs(graph)
    steps = unequal_steps(graph, [Measure(run=run) for run in runs.values()])
    found = {label: class_iou(graph, run) for label, run in runs.items()}
    names = _names(graph)
    base, *others = runs
    values = [
        {"row": names[label], "class": name, "seed": seed, "difference": plain(percent - found[base][name][seed])}
        for label in others
        for name in graph.spec.classes
        for seed, percent in found[label].get(name, {}).items()
        if seed in found[base].get(name, {})
    ]
    shown = [names[label] for label in others if any(value["row"] == names[label] for value in values)]
    return Chart(
        spec=_spec(values, shown, len(graph.spec.classes)) if values else words(NOTHING),
        caption=(
            f"IoU on {graph.spec.val_name} (not flipped) of a row of Table 3 minus that of its first row, GCN, by "
            "class, the largest gain on top. Bars, and the change in the numbers below: mean over the seeds that both "
            "have; dots: each seed; a row's own IoU: mean over all its seeds. The file shows "
            f"{shown[-1] if shown else 'ExFuse'}; in the page, every row can be chosen."
            + (f" Steps of stage trainaug differ: {steps}." if steps else "")
        ),
        alternative=_alternative(values, shown),
        table=_table(graph, found),
        notes=absences(graph, runs.values()),
    )


def _names(graph: Graph) -> dict[str, str]:
    """What a row is called where it is chosen: its number and its parts."""
    rows = graph.spec.tables[ABLATION].rows
    return {row.label: f"#{row.label}: {' + '.join(row.marks)}" if row.marks else f"#{row.label}" for row in rows}


def _spec(values: list[dict[str, object]], rows: list[str], classes: int) -> Spec:
    sort = {"field": "difference", "op": "mean", "order": "descending"}
    axis = {"ticks": False, "domain": False}
    place = {"field": "class", "type": "nominal", "sort": sort, "title": None, "axis": axis}
    amount = quantity("difference", "IoU minus GCN's, points")
    several = len({value["seed"] for value in values}) > 1
    bar: Spec = {
        "mark": {"type": "bar", "height": {"band": 0.7}},
        "encoding": {
            "y": place,
            "x": {**amount, "aggregate": "mean"},
            "tooltip": [{"field": "class"}, {**amount, "aggregate": "mean", "format": "+.2f", "title": "mean"}],
        },
    }
    dot: Spec = {
        "mark": {"type": "point", "style": "seed", "size": 26, "filled": True},
        "encoding": {
            "y": place,
            "x": amount,
            "tooltip": [{"field": "class"}, {"field": "seed"}, {**amount, "format": "+.2f", "title": "difference"}],
        },
    }
    zero: Spec = {"mark": {"type": "rule", "style": "zero"}, "encoding": {"x": {"datum": 0}}}
    choice = {"input": "select", "options": rows, "name": "Row of Table 3: "}
    return view(
        height=BAR * classes,
        data={"values": values},
        params=[{"name": "row", "value": rows[-1], "bind": choice}],
        transform=[{"filter": "datum.row === row"}],
        layer=[bar, zero, dot] if several else [bar, zero],
    )


def _alternative(values: list[dict[str, object]], rows: list[str]) -> str:
    last = [value for value in values if rows and value["row"] == rows[-1]]
    by_class: dict[str, list[float]] = {}
    for value in last:
        by_class.setdefault(str(value["class"]), []).append(float(str(value["difference"])))
    means = sorted(((sum(all_) / len(all_), name) for name, all_ in by_class.items()), reverse=True)
    if not means:
        return "Bars of IoU differences by class; nothing was evaluated."
    (most, best), (least, worst) = means[0], means[-1]
    gained = sum(value > 0 for value, _ in means)
    said = f"Bars of IoU differences for {len(means)} classes. {rows[-1]} gains over GCN in {gained or 'none'} of them"
    if not gained:
        smallest = "stays the same" if most == 0 else f"loses least ({signed(most)} points)"
        return f"{said}: {best} {smallest}, {worst} loses most ({signed(least)} points)."
    end = "loses most" if least < 0 else "gains least" if least > 0 else "stays the same"
    return f"{said}: {best} gains most ({signed(most)} points), {worst} {end} ({signed(least)} points)."


def _table(graph: Graph, found: Mapping[str, Mapping[str, BySeed]]) -> Table:
    first, last = next(iter(found)), list(found)[-1]
    rows = []
    for name in graph.spec.classes:
        means = {label: mean(list(by_class.get(name, {}).values())) for label, by_class in found.items()}
        seeds = set(found[first].get(name, {})) & set(found[last].get(name, {}))
        gain = mean([found[last][name][seed] - found[first][name][seed] for seed in sorted(seeds)])
        rows.append((name, *(number(value) for value in means.values()), signed(gain)))
    return Table(columns=("Class", *(f"#{label}" for label in found), f"#{last} − #{first}"), rows=tuple(rows))
