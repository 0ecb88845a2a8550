"""Learning curves: the losses of every backbone and of every run's chain of stages, as small multiples."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.reporting.drawing import ACCENT, BASELINE, FAINT, INK, MUTED, SECOND, new_figure, say
from exfuse.reporting.evaluations import MISSING, STALE
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph

COLUMNS = 5
PANEL = (1.9, 1.28)
"""Width and height of a panel, inches."""
NAMED_SHARE = 0.2
"""A stage with a smaller share of its chain's steps has no room for its name."""
TERMS = {"loss": ACCENT, "auxiliary": SECOND, "level1": BASELINE, "level2": BASELINE, "level3": BASELINE}
LEGEND = {
    "total loss": ACCENT,
    "auxiliary loss (ECRE, supervised deconvolution)": SECOND,
    "SS heads": BASELINE,
}

Curve = Mapping[str, Sequence[float]]
"""Values by column of ``history.csv``."""


def caption(graph: Graph) -> str:
    """What the figure shows."""
    return (
        "Training losses on a logarithmic scale that all backbones, and all runs, share; means over equal stretches of "
        "steps. The stages of a run's chain (coco, trainaug, train, trainval) follow one another and are set apart by "
        "shading; with several seeds there is one line a seed."
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    backbones, runs = len(graph.spec.backbones), len(graph.spec.runs)
    return f"Training loss against step for {backbones} backbones and {runs} segmentation models."


def draw(graph: Graph) -> Figure:
    """The figure; a training that is not there is said in its panel."""
    names = [list(graph.spec.backbones), list(graph.spec.runs)]
    rows = [math.ceil(len(group) / COLUMNS) for group in names]
    figure = new_figure(PANEL[0] * COLUMNS, PANEL[1] * sum(rows) + 1.0)
    parts = list(figure.subfigures(2, 1, height_ratios=[row + 0.3 for row in rows], squeeze=False).flat)
    grids = []
    for part, group, count, title in zip(parts, names, rows, ("Backbones", "Runs"), strict=True):
        part.suptitle(title, x=0.012, ha="left", fontsize=10, fontweight="bold")
        grid = part.subplots(count, COLUMNS, sharey=True, squeeze=False).ravel()
        for axes in grid[len(group) :]:
            axes.remove()
        grids.append(grid[: len(group)])
    for axes, name in zip(grids[0], names[0], strict=True):
        axes.set_title(graph.spec.backbones[name].title, fontsize=7)
        _draw_chains(axes, graph, [[f"backbones/{name}"]], graph.spec.why_no_backbone(name))
    for axes, name in zip(grids[1], names[1], strict=True):
        axes.set_title(name, fontsize=7)
        _draw_chains(axes, graph, _chains(graph, name), graph.spec.why_no_run(name))
    handles = [Line2D([], [], color=colour, label=label) for label, colour in LEGEND.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def read_history(source: Path) -> Curve:
    """A learning curve.

    Raises:
        UserError: the file is absent or holds no curve.
    """
    rows = read_csv(source)
    try:
        columns = [name for name in (rows[0] if rows else ()) if name in ("step", *TERMS)]
        curve = {name: [float(row[name]) for row in rows] for name in columns}
    except (TypeError, ValueError) as error:
        raise UserError(f"{source} holds no learning curve ({error}). Delete it and run again.") from error
    if not {"step", "loss"} <= set(curve):
        raise UserError(f"{source} holds no learning curve. Delete it and run again.")
    return curve


def _chains(graph: Graph, run: str) -> list[list[str]]:
    """The training jobs of a run, one chain a seed."""
    links = graph.spec.chain(run)
    return [[f"runs/{link.run}/seed{seed}/{link.stage}" for link in links] for seed in range(graph.spec.preset.seeds)]


def _draw_chains(axes: Axes, graph: Graph, chains: Sequence[Sequence[str]], reason: str | None) -> None:
    if reason is not None:
        say(axes, reason)
        return
    for chain in chains:
        ends = [0.0]
        for name in chain:
            job = graph.jobs[name]
            if not has_expected_key(job):
                say(axes, f"{name.split('/')[-1]}: {STALE if job.manifest.is_file() else MISSING}")
                return
            try:
                curve = read_history(job.manifest.with_name("history.csv"))
            except UserError:
                say(axes, f"{name.split('/')[-1]}: no learning curve")
                return
            _draw_stage(axes, curve, ends[-1])
            ends.append(ends[-1] + curve["step"][-1])
    _mark_stages(axes, [name.split("/")[-1] for name in chains[0]], ends)
    _finish(axes, ends[-1])


def _draw_stage(axes: Axes, curve: Curve, start: float) -> None:
    steps = [start + step for step in curve["step"]]
    for term in reversed(TERMS):
        if term in curve:
            axes.plot(steps, curve[term], color=TERMS[term], linewidth=1.1 if term == "loss" else 0.7)


def _mark_stages(axes: Axes, stages: Sequence[str], ends: Sequence[float]) -> None:
    if len(stages) == 1:
        return
    for number, (stage, start, end) in enumerate(zip(stages, ends, ends[1:], strict=False)):
        if number % 2 == 0:
            axes.axvspan(start, end, color=FAINT, alpha=0.5, linewidth=0)
        if end - start > NAMED_SHARE * ends[-1]:
            place = axes.get_xaxis_transform()
            axes.text((start + end) / 2, 0.97, stage, transform=place, ha="center", va="top", fontsize=5.5, color=MUTED)


def _finish(axes: Axes, end: float) -> None:
    axes.set_xlim(0, end)
    axes.set_xticks([0, end])
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 3.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=6)
