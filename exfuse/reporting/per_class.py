"""IoU by class: GCN against ExFuse as bars, and every row of Table 3 as dots."""

from collections.abc import Mapping
from statistics import fmean

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exfuse.reporting.drawing import ACCENT, BASELINE, FAINT, INK, MUTED, new_figure, say
from exfuse.reporting.evaluations import evaluate, measure_jobs, read_fresh, unequal_steps
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Measure

ABLATION = "table3"
BAR = 0.36
MARKERS = "osD^vPX"


def caption(graph: Graph) -> str:
    """What the figure shows."""
    steps = unequal_steps(graph, [Measure(run=run) for run in ablation_runs(graph).values()])
    return (
        f"IoU by class on {graph.spec.val_name}, mean over the seeds, not flipped. Left: the baseline and ExFuse, the "
        "first and the last row of Table 3. Right: all rows of Table 3, by number."
        + (f" Steps of `trainaug` differ: {steps}." if steps else "")
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    return f"Bars and dots of IoU for {len(graph.spec.classes)} classes; the bars' numbers are in the table below."


def ablation_runs(graph: Graph) -> dict[str, str]:
    """The runs of Table 3 by row, baseline first, ExFuse last."""
    rows = graph.spec.tables[ABLATION].rows
    measures = {row.label: cell.measure for row in rows for cell in row.cells.values()}
    return {label: measure.run for label, measure in measures.items() if measure is not None and measure.run}


def class_iou(graph: Graph, run: str) -> Mapping[str, float]:
    """IoU in percent of each class that has ground truth, mean over the seeds; empty without a fresh evaluation."""
    values: dict[str, list[float]] = {}
    for job in measure_jobs(graph, Measure(run=run)):
        by_class = (read_fresh(graph, job.manifest.with_name("val.json"), job.key) or {}).get("iou")
        for name, value in by_class.items() if isinstance(by_class, dict) else ():
            if isinstance(value, int | float):
                values.setdefault(name, []).append(100.0 * value)
    return {name: fmean(numbers) for name, numbers in values.items()}


def draw(graph: Graph) -> Figure:
    """The figure; a run that is not there is said in its place."""
    runs = ablation_runs(graph)
    classes = list(graph.spec.classes)
    figure = new_figure(9.2, 0.34 * len(classes) + 1.5)
    bars, dots = figure.subplots(1, 2, width_ratios=[1, 1])
    labels = list(runs)
    _draw_bars(bars, graph, classes, {label: runs[label] for label in (labels[0], labels[-1])})
    _draw_dots(dots, graph, classes, runs)
    return figure


def _draw_bars(axes: Axes, graph: Graph, classes: list[str], runs: Mapping[str, str]) -> None:
    pairs = zip(runs.items(), (("GCN", BASELINE, -BAR / 2), ("ExFuse", ACCENT, BAR / 2)), strict=True)
    measured = False
    for (label, run), (name, colour, shift) in pairs:
        by_class = class_iou(graph, run)
        measured = measured or bool(by_class)
        heights = [by_class.get(name, 0.0) for name in classes]
        title = f"{name} (#{label})" if by_class else f"{name}: {evaluate(graph, Measure(run=run)).status}"
        at = [number + shift for number in range(len(classes))]
        axes.barh(at, heights, height=BAR, color=colour, label=title)
        for place, height, shown in zip(at, heights, classes, strict=True):
            if shown in by_class:
                axes.text(height + 0.8, place, f"{height:.0f}", va="center", fontsize=6, color=MUTED)
    _finish(axes, classes)
    if not measured:
        axes.cla()
        say(axes, "no evaluation of GCN or ExFuse", 40)
        return
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.1)


def _draw_dots(axes: Axes, graph: Graph, classes: list[str], runs: Mapping[str, str]) -> None:
    shades = mpl.colormaps["viridis"]
    missing = []
    for number, (label, run) in enumerate(runs.items()):
        by_class = class_iou(graph, run)
        if not by_class:
            missing.append(f"#{label}")
            continue
        places = [(by_class[name], place) for place, name in enumerate(classes) if name in by_class]
        colour = shades(0.85 * number / max(1, len(runs) - 1))
        axes.scatter(
            [x for x, _ in places], [y for _, y in places], s=20, color=colour, label=f"#{label}",
            marker=MARKERS[number % len(MARKERS)], linewidth=0, alpha=0.9, zorder=3,
        )  # fmt: skip
    if len(missing) == len(runs):
        say(axes, "no evaluation of Table 3's rows", 40)
        return
    _finish(axes, classes)
    if missing:
        axes.set_xlabel(f"IoU (%); no evaluation: {', '.join(missing)}")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(runs), handletextpad=0.1, columnspacing=0.8
    )  # fmt: skip


def _finish(axes: Axes, classes: list[str]) -> None:
    axes.set_xlim(0, 100)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("IoU (%)")
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=7.5)
