"""Figure 1, measured: semantics against detail of the features of GCN and ExFuse, level by level.

The paper's Figure 1 is a drawing of the gap between low and high levels; ``exfuse.inspection.probes`` says what is
measured here and how.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from exfuse.reporting.drawing import ACCENT, BASELINE, FAINT, INK, MUTED, new_figure, say
from exfuse.reporting.evaluations import MISSING, UNREADABLE, read_or_why, shown_path, unequal_steps
from exfuse.reporting.probed import are_probes
from exfuse.spec.graph import PROBED_RUNS, Graph
from exfuse.spec.graph.inspection import LEAST_CELLS, PROBED_GRID
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
HOLLOW: Mapping[str, Any] = {"markersize": 5, "markerfacecolor": "white", "markeredgewidth": 0.9, "linewidth": 0.6}
"""How the narrowed probes look beside the others."""
PANELS = {
    "encoder": "a  what the encoder gives, $x_l$",
    "added": "b  what level $l$ adds, $F(x_l, …)$",
    "fused": "c  what is carried on, $y_l$",
}
WORDS = {"encoder": "x", "added": "F(x)", "fused": "y"}
PIXELS = "image"
MEASURES = ("semantics", "detail")
MARGIN = 0.04
"""Around all that is shown, as a share of it."""

Line = Mapping[str, Any]
"""A line of ``probes.json``: a run's features of one kind and level."""


def caption(graph: Graph) -> str:
    """What the figure shows, what the two measures are, on how many images and blocks, and what they cannot say."""
    content = _read(graph)
    fitted = f" ({content['fitted_on']:,} images)" if not isinstance(content, str) else ""
    scored = f" ({content['scored_on']:,})" if not isinstance(content, str) else ""
    return (
        "The paper's Figure 1 is a drawing; these are measurements with linear probes in closed form, fitted on "
        f"trainaug{fitted} and scored on {graph.spec.val_name}{scored}. Numbers are levels, from 1 (low, fine) to 4 "
        f"(high, coarse). All levels answer for the same blocks of {PROBED_GRID}×{PROBED_GRID} pixels. Semantics: from "
        "features brought to that grid by bilinear interpolation a probe names the most frequent class of each block; "
        "share named right, mean over the classes; a level that knows what is there and not just where loses some of "
        f"it.{_blocks(content)} Detail: a probe scores every block, from the one cell that covers it, for whether a "
        "class boundary touches it, and marks as many blocks in each image as boundaries touch; share of these that it "
        "marks, which is its precision too, so that noise stays at the dotted line. “Pixels” are probes on the image "
        f"itself, a block being a cell. y₄ is F(x₄).{_channels(graph)} Hollow marks: probes on no more than the "
        f"{len(graph.spec.classes)} leading principal directions of the same features, as many as GCN's decoder has "
        "channels (those of most variance, not of most use); without such a mark there are no more channels. The "
        "networks were trained on the images that probes are fitted on: there classes lie further apart than in new "
        f"images, so a probe trusts features that {graph.spec.val_name} bears out less, and is likely to score lower "
        "than one fitted on fresh images would, the more so the more a network has overfitted. One training of each "
        "network (seed 0). Thin lines: 95% of resampled validation images; other trainings would differ besides."
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
            f"{WORDS[line['kind']]}{line['level']} {_both(line)}{narrow}"
            for kind in WORDS
            for line in _of_kind(lines, kind)
            for narrow in [f" (narrowed {_both(line['narrow'])})" if _is_narrowed(line) else ""]
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


def _read(graph: Graph) -> Mapping[str, Any] | str:
    """What was probed, or the state and the file that is in the way."""
    source = graph.layout.probes
    if JOB not in graph.jobs:
        return f"{MISSING}: {shown_path(graph, source)}"
    content = read_or_why(graph, source, graph.jobs[JOB])
    if isinstance(content, str) or are_probes(content):
        return content
    return f"{UNREADABLE}: {shown_path(graph, source)}"


def _lines(graph: Graph, run: str) -> list[Line]:
    """What was measured of a run, without what could not be."""
    content = _read(graph)
    return [
        line
        for line in (() if isinstance(content, str) else content["probes"])
        if line["run"] == run and line["semantics"]["value"] is not None and line["detail"]["value"] is not None
    ]


def _of_kind(lines: Sequence[Line], kind: str) -> list[Line]:
    return sorted((line for line in lines if line["kind"] == kind), key=lambda line: line["level"])


def _percent(line: Line, measure: str, what: str = "value") -> float:
    return 100.0 * line[measure][what]


def _both(scores: Line) -> str:
    return " and ".join(f"{_percent(scores, measure):.1f}" for measure in MEASURES)


def _is_narrowed(line: Line) -> bool:
    """Whether the narrowed probe draws on less than the other one."""
    return bool(line["narrow"]["channels"] < line["channels"])


def _state(graph: Graph, run: str) -> str:
    """Why nothing of a run is shown."""
    if (reason := graph.spec.why_no_run(run)) is not None:
        return reason
    content = _read(graph)
    if isinstance(content, str):
        return content
    return f"no class boundary in {graph.spec.val_name}, or no class with {LEAST_CELLS} blocks"


def _blocks(content: Mapping[str, Any] | str) -> str:
    """How many blocks of each class are scored, and which classes the mean leaves out."""
    if isinstance(content, str):
        return ""
    scored = {entry["name"]: entry["scored"] for entry in content["classes"]}
    said = f" Blocks: {_counts(scored, lambda count: count >= LEAST_CELLS)}."
    few = _counts(scored, lambda count: count < LEAST_CELLS)
    return said + (f" Left out of the mean, with fewer than {LEAST_CELLS}: {few}." if few else "")


def _counts(scored: Mapping[str, int], chosen: Callable[[int], bool]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in scored.items() if chosen(count))


def _channels(graph: Graph) -> str:
    widths = [
        f"{name}'s {lines[0]['channels']}"
        for run, name in zip(PROBED_RUNS, NAMES, strict=True)
        if (lines := _of_kind(_lines(graph, run), "fused"))
    ]
    return f" Channels of F and y, which a probe can draw on: {', '.join(widths)}." if widths else ""


def _steps(graph: Graph) -> str:
    steps = unequal_steps(graph, [Measure(run=run) for run in PROBED_RUNS])
    return f" Steps of stage trainaug differ: {steps}." if steps else ""


def _draw_levels(axes: Axes, lines: Sequence[Line], number: int) -> None:
    """A run's levels, joined from low to high."""
    across = [_percent(line, "semantics") for line in lines]
    up = [_percent(line, "detail") for line in lines]
    look, order = LOOKS[number], 3 + number
    narrowed = [line["narrow"] for line in lines if _is_narrowed(line)]
    axes.plot(
        *([_percent(scores, measure) for scores in narrowed] for measure in MEASURES),
        **{**look, **HOLLOW}, markeredgecolor=look["color"], zorder=order,
    )  # fmt: skip
    for x, y, line in zip(across, up, lines, strict=True):
        spans = {measure: [_percent(line, measure, end) for end in ("low", "high")] for measure in MEASURES}
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
        ends += [_percent(line["narrow"], measure) for line in lines if line["kind"] in PANELS]
        margin = MARGIN * (max(ends) - min(ends))
        limit(min(ends) - margin, max(ends) + margin)
    chances = {measure: sorted({_percent(line, measure, "chance") for line in lines}) for measure in MEASURES}
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
    handles.append(Line2D([], [], color=MUTED, marker="o", **HOLLOW, label=f"≤ {len(graph.spec.classes)} directions"))
    handles.append(Line2D([], [], color=MUTED, linewidth=0.9, linestyle=":", label="chance"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=2.4)
