"""Figure 1 of numbers that a test chooses, and words where there are none."""

import dataclasses
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from exfuse.files import read_json
from exfuse.reporting import figure1
from exfuse.reporting.drawing import save, style
from exfuse.spec.graph import Graph
from tests.reporting.conftest import Results

GCN, EXFUSE = "gcn-resnext101", "exfuse"


def measured(value: float, chance: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.03, "chance": chance}


def narrowed(semantics: float, detail: float) -> dict[str, Any]:
    return {"channels": 5, "semantics": measured(semantics, 0.2), "detail": measured(detail, 0.15)}


def lines(run: str, shift: float, channels: int) -> list[dict[str, Any]]:
    """All kinds and levels of a run: semantics grows with the level, detail falls."""
    made = [
        {"run": run, "kind": "image", "level": 0, "stride": 4, "channels": 48, "narrow": narrowed(0.22, 0.28),
         "semantics": measured(0.25, 0.2), "detail": measured(0.3, 0.15)},
    ]  # fmt: skip
    for place, kind in enumerate(("encoder", "added", "fused")):
        for level in (4, 2, 1, 3):
            made.append(
                {
                    "run": run, "kind": kind, "level": level, "stride": 2 ** (level + 1), "channels": channels,
                    "narrow": narrowed(0.25 + 0.1 * level + shift, 0.77 - 0.1 * level - 0.01 * place + shift),
                    "semantics": measured(0.3 + 0.1 * level + shift, 0.2),
                    "detail": measured(0.8 - 0.1 * level - 0.01 * place + shift, 0.15),
                }
            )  # fmt: skip
    return made


def write(results: Results, *runs: str, key: str | None = None, **changes: Any) -> Graph:
    """Writes what was probed of some runs."""
    graph = results.graph
    probes = [
        line | changes
        for run in runs
        for line in lines(run, 0.02 if run == EXFUSE else 0.0, 45 if run == EXFUSE else 5)
    ]
    blocks = dict(zip(graph.spec.classes, (21_649, 1_311, 1_199, 29, 0), strict=True))
    classes = [{"name": name, "fitted": 5000, "scored": count, "images": 9} for name, count in blocks.items()]
    content = {"seed": 0, "fitted_on": 400, "scored_on": 120, "classes": classes, "probes": probes}
    results.model("probes", {**content, "key": key or graph.jobs["models/probes"].key})
    return graph


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text())


def paths(figure: Figure, panel: int, hollow: bool = False) -> dict[str, list[tuple[float, float]]]:
    """The marks of each run in a panel, by colour, in the order in which they are joined."""
    return {
        str(line.get_color()): [
            (round(x, 1), round(y, 1)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        ]
        for line in figure.axes[panel].lines
        if line.get_marker() in ("o", "s") and (line.get_markerfacecolor() == "white") == hollow
    }


def test_every_level_is_where_it_was_measured(results: Results) -> None:
    figure = figure1.draw(write(results, GCN, EXFUSE))
    assert len(figure.axes) == 3
    for panel in range(3):
        gcn, exfuse = (paths(figure, panel)[look["color"]] for look in figure1.LOOKS)
        assert gcn == [(30 + 10 * level, 80 - 10 * level - panel) for level in (1, 2, 3, 4)]
        assert exfuse == [(x + 2, y + 2) for x, y in gcn]
        numbers = [text for text in figure.axes[panel].texts if text.get_text() in "1234"]
        assert len(numbers) == 8
        assert {(n.get_text(), round(n.xy[0])) for n in numbers} >= {("1", 40), ("4", 70), ("1", 42), ("4", 72)}
    (pixels,) = (line for line in figure.axes[0].lines if line.get_marker() == "D")
    assert (pixels.get_xdata()[0], pixels.get_ydata()[0]) == (25, 30)


def test_narrowed_probes_are_hollow_where_there_are_more_channels(results: Results) -> None:
    figure = figure1.draw(write(results, GCN, EXFUSE))
    for panel in range(3):
        gcn, exfuse = (paths(figure, panel, hollow=True)[look["color"]] for look in figure1.LOOKS)
        assert gcn == []  # 5 channels, 5 directions
        assert exfuse == [(27 + 10 * level, 79 - 10 * level - panel) for level in (1, 2, 3, 4)]
    assert "≤ 5 directions" in texts(figure)
    assert "x1 42.0 and 72.0 (narrowed 37.0 and 69.0)" in figure1.alternative(results.graph)
    assert "x1 40.0 and 70.0, x2" in figure1.alternative(results.graph)


def test_chance_and_intervals_are_shown_in_every_panel(results: Results) -> None:
    figure = figure1.draw(write(results, GCN, EXFUSE))
    for axes in figure.axes:
        dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
        assert {(round(line.get_xdata()[0]), round(line.get_ydata()[0])) for line in dotted} == {(20, 0), (0, 15)}
        spans = [line for line in axes.lines if line.get_marker() == "None" and line.get_linestyle() == "-"]
        assert any(line.get_xdata() == pytest.approx([38, 43]) and line.get_ydata()[0] > 60 for line in spans)
        assert axes.get_xlim()[0] < 20 < 75 < axes.get_xlim()[1]
        assert axes.get_ylim()[0] < 15 < 75 < axes.get_ylim()[1]


def test_same_bytes_twice(results: Results, tmp_path: Any) -> None:
    graph = write(results, GCN, EXFUSE)
    for suffix in ("svg", "png"):
        for name in ("once", "twice"):
            with style():
                save(figure1.draw(graph), tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"once.{suffix}").read_bytes() == (tmp_path / f"twice.{suffix}").read_bytes()


def test_the_words_hold_the_numbers(results: Results) -> None:
    graph = write(results, GCN, EXFUSE)
    assert "x1 40.0 and 70.0" in figure1.alternative(graph)
    assert "y4 72.0 and 40.0" in figure1.alternative(graph)
    caption = figure1.caption(graph)
    assert "400 images" in caption and "VOC val (120)" in caption
    assert "GCN's 5, ExFuse's 45" in caption
    assert "gcn-resnext101 400, exfuse 200" in caption  # steps
    assert "Blocks: background 21,649, bicycle 1,311, car 1,199." in caption
    assert "Left out of the mean, with fewer than 30: cat 29, chair 0." in caption


def test_what_is_missing_or_stale_is_said(results: Results) -> None:
    graph = results.graph
    assert texts(figure1.draw(graph)).replace("\n", " ").count("missing: results/mini/models/probes.json") == 2
    assert "images)" not in figure1.caption(graph)
    assert "GCN: missing" in figure1.alternative(graph)
    write(results, GCN, EXFUSE, key="of another time")
    assert "GCN: stale" in texts(figure1.draw(graph))


def test_a_run_that_the_preset_does_not_make_is_said_beside_the_other(results: Results) -> None:
    preset = results.spec.preset.model_copy(update={"backbone_weights": "public"})
    limited = Results(dataclasses.replace(results.spec, preset=preset))
    reason = limited.spec.why_no_run(EXFUSE)
    assert reason is not None
    figure = figure1.draw(write(limited, GCN))
    assert f"ExFuse: {reason}" in texts(figure)
    assert len(paths(figure, 0)) == 2 and paths(figure, 0)[figure1.LOOKS[1]["color"]] == []
    preset = preset.model_copy(update={"runs": ("gcn-resnet50",)})
    neither = Graph(dataclasses.replace(results.spec, preset=preset))
    assert "models/probes" not in neither.jobs
    assert texts(figure1.draw(neither)).count("not") >= 2


def test_what_could_not_be_measured_is_not_drawn(results: Results) -> None:
    nothing = dict.fromkeys(("value", "low", "high", "chance"))
    graph = write(results, GCN, EXFUSE, detail=nothing)
    assert "GCN: no class boundary in VOC val" in texts(figure1.draw(graph)).replace("\n", " ")


DAMAGES: list[dict[str, Any]] = [
    {"fitted_on": None},
    {"scored_on": "120"},
    {"classes": [{"name": "cat"}]},
    {"classes": None},
    {"probes": [{"run": GCN}]},
    {"probes": 7},
    {"probes": [{**line, "semantics": {"value": 0.5}} for line in lines(GCN, 0.0, 5)]},
    {
        "probes": [
            {**line, "detail": {"value": 10**400, "low": 0, "high": 1, "chance": 0}} for line in lines(GCN, 0.0, 5)
        ]
    },
    {"probes": [{**line, "narrow": {"channels": 5}} for line in lines(GCN, 0.0, 5)]},
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_without_what_is_drawn_is_unreadable(results: Results, damage: dict[str, Any]) -> None:
    graph = write(results, GCN, EXFUSE)
    results.model("probes", read_json(graph.layout.probes) | damage)
    assert "unreadable: results/mini/models/probes.json" in figure1.alternative(graph)
    assert "images) and scored" not in figure1.caption(graph)
    assert "unreadable" in texts(figure1.draw(graph))


def test_a_cut_file_is_unreadable_not_stale(results: Results) -> None:
    graph = write(results, GCN, EXFUSE)
    graph.layout.probes.write_text("{")
    assert "unreadable" in figure1.alternative(graph)
    assert "stale" not in figure1.alternative(graph)
