"""Figure 1, measured: semantics against detail of the features of GCN and ExFuse, level by level.

The paper's Figure 1 is a drawing of the gap between low and high levels; ``exfuse.inspection.probes`` says what is
measured here and how.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from exfuse.reporting.drawing import ACCENT, BASELINE, FAINT, INK, MUTED, new_figure, say
from exfuse.reporting.evaluations import MISSING, STALE, read_fresh, shown_path, unequal_steps
from exfuse.spec.graph import PROBED_RUNS, Graph
from exfuse.spec.paper import Measure

JOB = "models/probes"
NAMES = ("GCN", "ExFuse")
"""Of ``PROBED_RUNS``."""
LOOKS: tuple[Mapping[str, Any], ...] = (
    {"color": BASELINE, "marker": "o", "linestyle": (0, (4, 2))},
    {"color": ACCENT, "marker": "s", "linestyle": "-"},
)
NUMBERS = (INK, "white")
"""Colours of the levels' numbers on the marks."""
MARK = 9.5
"""Size of the marks in points; their numbers have to fit."""
PANELS = {
    "encoder": "a  what the encoder gives, $x_l$",
    "added": "b  what level $l$ adds, $F(x_l, …)$",
    "fused": "c  what is carried on, $y_l$",
}
WORDS = {"encoder": "x", "added": "F(x)", "fused": "y"}
PIXELS = "image"
MARGIN = 0.04
"""Around all that is shown, as a share of it."""

Line = Mapping[str, Any]
"""A line of ``probes.json``: a run's features of one kind and level."""


def caption(graph: Graph) -> str:
    """What the figure shows, what the two measures are, and on how many images."""
    content = _read(graph)
    fitted = f" ({content['fitted_on']:,} images)" if content is not None else ""
    scored = f" ({content['scored_on']:,})" if content is not None else ""
    return (
        "The paper's Figure 1 is a drawing; these are measurements with linear probes in closed form, fitted on "
        f"trainaug{fitted} and scored on {graph.spec.val_name}{scored}; seed 0. Numbers are levels, from 1 (low, fine) "
        "to 4 (high, coarse). Semantics: a probe names the most frequent class of each cell at the features' own "
        "resolution; share named right, mean over the classes. Detail: a probe scores every block of 4×4 pixels, from "
        "the one cell that covers it, for whether a class boundary touches it, and marks as many blocks in each image "
        "as boundaries touch; share of these that it marks, which is its precision too, so that noise stays at the "
        "dotted line. “Pixels” are probes on the image itself, a block being a cell. y₄ is F(x₄)."
        f"{_channels(graph)} Thin lines: 95% of resampled validation images; other trainings would differ besides."
        f"{_steps(graph)}"
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    parts = []
    for run, name in zip(PROBED_RUNS, NAMES, strict=True):
        lines = _lines(graph, run)
        if not lines:
            parts.append(f"{name}: {_state(graph, run)}")
            continue
        points = [
            f"{WORDS[line['kind']]}{line['level']} {_percent(line, 'semantics'):.1f} and {_percent(line, 'detail'):.1f}"
            for kind in WORDS
            for line in _of_kind(lines, kind)
        ]
        parts.append(f"{name}: {', '.join(points)}")
    return f"Semantics and detail in percent, by level. {'. '.join(parts)}."


def draw(graph: Graph) -> Figure:
    """The figure; a run that is not there is said in its place."""
    by_run = {run: lines for run in PROBED_RUNS if (lines := _lines(graph, run))}
    if not by_run:
        figure = new_figure(7.4, 1.6)
        states = {name: _state(graph, run) for run, name in zip(PROBED_RUNS, NAMES, strict=True)}
        say(figure.subplots(), "; ".join(f"{name}: {state}" for name, state in states.items()), 80)
        return figure
    figure = new_figure(7.4, 3.25)
    for axes, (kind, title) in zip(figure.subplots(1, 3, sharex=True, sharey=True), PANELS.items(), strict=True):
        axes.set_title(title, loc="left", pad=6)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        for number, run in enumerate(PROBED_RUNS):
            _draw_levels(axes, _of_kind(by_run.get(run, ()), kind), number)
    every = [line for lines in by_run.values() for line in lines]
    first, *_ = figure.axes
    pixels = _of_kind(every, PIXELS)[:1]
    for line in pixels:
        first.plot(_percent(line, "semantics"), _percent(line, "detail"), "D", color=MUTED, markersize=5, zorder=4)
    _finish(figure, every)
    _legend(figure, graph, bool(pixels))
    return figure


def _read(graph: Graph) -> Mapping[str, Any] | None:
    return read_fresh(graph, graph.layout.probes, graph.jobs[JOB].key) if JOB in graph.jobs else None


def _lines(graph: Graph, run: str) -> list[Line]:
    """What was measured of a run, without what could not be."""
    lines = (_read(graph) or {}).get("probes", ())
    return [
        line
        for line in lines
        if line["run"] == run and line["semantics"]["value"] is not None and line["detail"]["value"] is not None
    ]


def _of_kind(lines: Sequence[Line], kind: str) -> list[Line]:
    return sorted((line for line in lines if line["kind"] == kind), key=lambda line: line["level"])


def _percent(line: Line, measure: str, what: str = "value") -> float:
    return 100.0 * line[measure][what]


def _state(graph: Graph, run: str) -> str:
    """Why nothing of a run is shown."""
    if (reason := graph.spec.why_no_run(run)) is not None:
        return reason
    if _read(graph) is not None:
        return f"no class boundary in {graph.spec.val_name}"
    return f"{STALE if graph.layout.probes.is_file() else MISSING}: {shown_path(graph, graph.layout.probes)}"


def _channels(graph: Graph) -> str:
    widths = [
        f"{name}'s {lines[0]['channels']}"
        for run, name in zip(PROBED_RUNS, NAMES, strict=True)
        if (lines := _of_kind(_lines(graph, run), "fused"))
    ]
    return f" Channels of F and y, which a probe can draw on: {', '.join(widths)}." if widths else ""


def _steps(graph: Graph) -> str:
    steps = unequal_steps(graph, [Measure(run=run) for run in PROBED_RUNS])
    return f" Steps of `trainaug` differ: {steps}." if steps else ""


def _draw_levels(axes: Axes, lines: Sequence[Line], number: int) -> None:
    """A run's levels, joined from low to high."""
    across = [_percent(line, "semantics") for line in lines]
    up = [_percent(line, "detail") for line in lines]
    look, order = LOOKS[number], 3 + number
    for x, y, line in zip(across, up, lines, strict=True):
        spans = {
            measure: [_percent(line, measure, end) for end in ("low", "high")] for measure in ("semantics", "detail")
        }
        axes.plot(spans["semantics"], [y, y], color=look["color"], linewidth=0.7, alpha=0.55, zorder=2)
        axes.plot([x, x], spans["detail"], color=look["color"], linewidth=0.7, alpha=0.55, zorder=2)
    axes.plot(across, up, **look, linewidth=1.1, markersize=MARK, markeredgecolor="white", zorder=order)
    for x, y, line in zip(across, up, lines, strict=True):
        axes.annotate(
            str(line["level"]), (x, y), color=NUMBERS[number], fontsize=6.5, fontweight="bold",
            ha="center", va="center_baseline", zorder=order,
        )  # fmt: skip


def _finish(figure: Figure, lines: Sequence[Line]) -> None:
    """Limits that hold everything and the levels of chance."""
    first, *_ = figure.axes
    for measure, limit in (("semantics", first.set_xlim), ("detail", first.set_ylim)):
        ends = [_percent(line, measure, end) for line in lines for end in ("low", "high", "chance")]
        margin = MARGIN * (max(ends) - min(ends))
        limit(min(ends) - margin, max(ends) + margin)
    chances = {
        measure: sorted({_percent(line, measure, "chance") for line in lines}) for measure in ("semantics", "detail")
    }
    for axes in figure.axes:
        for chance in chances["semantics"]:
            axes.axvline(chance, color=MUTED, linewidth=0.9, linestyle=":", zorder=1)
        for chance in chances["detail"]:
            axes.axhline(chance, color=MUTED, linewidth=0.9, linestyle=":", zorder=1)
    first.set_ylabel("Detail: boundary recall (%)")
    figure.supxlabel("Semantics: mean class accuracy (%)", fontsize=7.5, color=MUTED)


def _legend(figure: Figure, graph: Graph, pixels: bool) -> None:
    handles = []
    for run, name, look in zip(PROBED_RUNS, NAMES, LOOKS, strict=True):
        label = name if _lines(graph, run) else f"{name}: {_state(graph, run)}"
        handles.append(Line2D([], [], **look, markersize=7, markeredgecolor="white", label=label))
    if pixels:
        handles.append(Line2D([], [], color=MUTED, marker="D", markersize=5, linestyle="none", label="pixels"))
    handles.append(Line2D([], [], color=MUTED, linewidth=0.9, linestyle=":", label="chance"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=2.4)
