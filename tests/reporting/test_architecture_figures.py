"""Figures 2–6: what was traced is what is drawn, no more and no less, and it can be read."""

import dataclasses
import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from exfuse.reporting.architecture import figure3, figure4, figure6
from exfuse.reporting.drawing import ACCENT, style
from exfuse.reporting.figures import PICTURES, write_figure
from exfuse.spec.architecture import Architecture, Impulse, Impulses, Network, Part
from exfuse.spec.graph import Graph
from exfuse.spec.graph.reporting import TRACED
from exfuse.spec.load import load
from tests.reporting.conftest import Results

SMALLEST_FONT = 6.0
"""Points: what can be read in print."""
LARGEST_SVG = 200_000
"""Bytes of a figure in docs/."""


def as_large_as_the_papers(found: Architecture) -> Architecture:
    """The same networks with maps and channels eight times as large, whose numbers are as long as the paper's."""

    def larger(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: [8 * number for number in part] if key == "shape" else larger(part) for key, part in value.items()
            }
        return [larger(part) for part in value] if isinstance(value, list) else value

    return Architecture.model_validate(larger(found.model_dump(mode="json")))


def put(results: Results, found: Architecture) -> None:
    results.model("architecture", found.model_dump(mode="json"))


def without(network: Network, *gone: Part) -> Network:
    """A network as if some parts had not been traced."""
    blocks = tuple(block for block in network.blocks if block.part not in gone)
    kept = {block.id for block in blocks}
    return Network(blocks=blocks, edges=tuple(edge for edge in network.edges if set(edge) <= kept))


def draw(results: Results, name: str) -> Figure:
    with style():
        return PICTURES[name].draw(results.graph)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


@pytest.mark.parametrize("name", TRACED)
def test_same_bytes_twice(drawn: Results, name: str) -> None:
    paths = [drawn.graph.layout.figure(name, suffix) for suffix in ("svg", "png")]
    write_figure(drawn.graph, name)
    first = [path.read_bytes() for path in paths]
    write_figure(drawn.graph, name)
    assert [path.read_bytes() for path in paths] == first
    assert len(first[0]) < LARGEST_SVG
    assert b"<dc:date>" not in first[0]


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize("size", [lambda found: found, as_large_as_the_papers], ids=["mini", "paper"])
def test_words_are_large_enough_within_the_figure_and_apart(
    results: Results, found: Architecture, name: str, size: Callable[[Architecture], Architecture]
) -> None:
    put(results, size(found))
    figure = draw(results, name)
    shown = [text for text in figure.findobj(mpl.text.Text) if text.get_text()]
    assert min(text.get_fontsize() for text in shown) >= SMALLEST_FONT
    width, height = figure.canvas.get_width_height()
    extents = [text.get_window_extent() for text in shown]
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in extents)
    touching = [
        (one.get_text(), other.get_text())
        for (one, first), (other, second) in combinations(zip(shown, extents, strict=True), 2)
        if first.overlaps(second)
    ]
    assert touching == []


@pytest.mark.parametrize("name", TRACED)
def test_words_stay_within_their_boxes(results: Results, found: Architecture, name: str) -> None:
    put(results, as_large_as_the_papers(found))
    figure = draw(results, name)
    boxes = [patch.get_window_extent() for patch in figure.findobj(FancyBboxPatch)]
    for text in figure.findobj(mpl.text.Text):
        words = text.get_window_extent()
        if not text.get_text():
            continue
        for box in boxes:
            crosses = box.overlaps(words)
            inside = box.x0 <= words.x0 and words.x1 <= box.x1 and box.y0 <= words.y0 and words.y1 <= box.y1
            assert inside or not crosses, text.get_text()


def test_figure_3_shows_heads_weights_and_what_stays(drawn: Results, found: Architecture) -> None:
    head = found.classifier.of(Part.SS)[0]
    assert [[one.name for one in group] for group in figure3.boxes(head.operations)] == [
        ["conv 3×3", "BN", "ReLU"], ["conv 3×3", "BN", "ReLU"], ["global average pooling"], ["linear"]
    ]  # fmt: skip
    assert figure3.kept(found, head) == 6  # both convolutions with their norms and ReLUs
    shown = texts(draw(drawn, "figure3"))
    assert shown.count("SS") == 3 and shown.count("loss × 0.3") == 4 and shown.count("loss × 1") == 1
    assert {"kept for fine-tuning", "removed after pretraining", "12 scores"} <= set(shown)
    assert "features of the level for the decoder (16×16×32 in Figure 2)" in shown


def test_figure_3_keeps_nothing_of_a_head_that_is_not_tapped(results: Results, found: Architecture) -> None:
    tail = found.model_copy(update={"network": without(found.network, Part.SS)})
    assert figure3.kept(tail, found.classifier.of(Part.SS)[0]) == 0
    put(results, tail)
    shown = texts(draw(results, "figure3"))
    assert "removed after pretraining" in shown
    assert "kept for fine-tuning" not in shown


def test_figure_3_keeps_nothing_of_a_head_that_runs_otherwise(found: Architecture) -> None:
    head = found.classifier.of(Part.SS)[0]
    first, *rest = head.operations
    other = head.model_copy(update={"operations": (first.model_copy(update={"name": "conv 1×1"}), *rest)})
    assert figure3.kept(found, other) == 0


def test_figure_4_follows_each_higher_level_to_its_product(drawn: Results, found: Architecture) -> None:
    guides = figure4.guides(found.network, found.network.block("decoder.semantic_embedding.1"))
    assert [guide.source.level for guide in guides] == [2, 3, 4]
    assert [[one.name for one in guide.operations] for guide in guides] == [["conv 3×3", "bilinear"]] * 3
    figure = draw(drawn, "figure4")
    shown = texts(figure)
    assert [word for word in shown if word.startswith("bilinear")] == ["bilinear ×2", "bilinear ×4", "bilinear ×8"]
    assert {"SS, level 1", "SS, level 2", "SS, level 3", "res-5, level 4", "8×8×32", "4×4×32", "2×2×32"} <= set(shown)
    assert len(figure.findobj(Polygon)) == 3 * 4 + 1  # four arrows a level, one to GCN


def test_figure_5_shows_channels_and_where_they_go(drawn: Results) -> None:
    figure = draw(drawn, "figure5")
    shown = texts(figure)
    assert {"ECRE", "2×2×180", "4×4×45", "BR, level 3", "loss × 0.4", "4×4×5", "64×64×5"} <= set(shown)
    cells = {(round(one.get_x(), 3), round(one.get_y(), 3)): one for one in figure.findobj(Rectangle) if _is_cell(one)}
    assert len(cells) == 8
    numbered = {
        text.get_text(): text.get_position()
        for text in figure.findobj(mpl.text.Text)
        if text.get_text().isdigit() and text.get_position()[0] > 2.5
    }
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (numbered[str(n)] for n in (1, 2, 3, 4))
    assert x1 == x3 < x2 == x4 and y1 == y2 > y3 == y4


def _is_cell(patch: Rectangle) -> bool:
    return 0 < patch.get_width() < 0.4 and patch.get_width() == patch.get_height()


def test_figure_6_draws_what_the_impulses_say(results: Results, found: Architecture) -> None:
    def impulse(channel: int, target: int, row: int, column: int) -> Impulse:
        return Impulse(channel=channel, target=target, row=row, column=column, weight=0.25)

    # not DAP: three groups of two classes, one read from the right, two from two rows above
    rows, columns = (0, 0, 2, 2, 2, 2), (-1, -1, 0, 0, 0, 0)
    moved = tuple(impulse(channel, channel % 2, rows[channel], columns[channel]) for channel in range(6))
    dap = Impulses(module="decoder.predict", channels=6, kernel=3, found=moved)
    groups = figure6.groups(dap)
    assert [figure6.read_at(group) for group in groups] == [(0, 1), (-2, 0), (-2, 0)]
    put(results, found.model_copy(update={"dap": dap}))
    figure = draw(results, "figure6")
    shown = texts(figure)
    assert {"1–2", "3–4", "5–6", "sum of 3", "each × 1/4"} <= set(shown)
    filled = [patch for patch in figure.findobj(Rectangle) if patch.get_facecolor() == mpl.colors.to_rgba(ACCENT)]
    outlined = [patch for patch in figure.findobj(Rectangle) if patch.get_linewidth() > 1 and _is_cell(patch)]
    side = filled[0].get_width()
    offsets = [
        (round((frame.get_y() - cell.get_y()) / side), round((cell.get_x() - frame.get_x()) / side))
        for cell, frame in zip(filled, outlined, strict=True)
    ]
    assert offsets == [(0, 1), (-2, 0), (-2, 0), (0, 0)]


def test_figure_6_groups_as_equation_3(found: Architecture) -> None:
    assert found.dap is not None
    groups = figure6.groups(found.dap)
    expected = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    assert [figure6.read_at(group) for group in groups] == expected
    assert {figure6.weight(one) for one in found.dap.found} == {"1/9"}
    assert [one.channel for one in groups[4]] == list(range(20, 25))


@pytest.mark.parametrize("name", TRACED)
def test_words_list_what_is_drawn(drawn: Results, name: str) -> None:
    words = PICTURES[name].alternative(drawn.graph)
    expected = {
        "figure2": ("SEB 16×16×32 (proposed)", "levels 1, 2, 3 and 4", "stride 32 (level 4): res-5, 1 block 2×2×256"),
        "figure3": ("res-2, 2 blocks (10×10×32)", "weight 0.3", "first 6"),
        "figure4": ("res-5, level 4 2×2×256 through conv 3×3 2×2×32 and bilinear 16×16×32",),
        "figure5": ("conv 3×3 2×2×180, then pixel shuffle 4×4×45", "4 to row 2, column 2"),
        "figure6": ("each times 1/9", "channels 41–45 at row +1, column +1"),
    }
    assert all(part in words for part in expected[name])
    assert drawn.spec.runs["exfuse"].title in PICTURES[name].caption(drawn.graph)
    assert "traced" in PICTURES[name].caption(drawn.graph) or name == "figure6"


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize("state", ["missing", "stale", "unreadable"])
def test_without_a_trace_the_figure_says_why(results: Results, traced: str, name: str, state: str) -> None:
    content = json.loads(traced)
    if state == "stale":
        results.model("architecture", content | {"key": "old"})
    if state == "unreadable":
        results.model("architecture", {"key": content["key"]})
    assert any(word.startswith(state) for word in texts(draw(results, name)))
    words = PICTURES[name].alternative(results.graph)
    assert words.startswith(state) and "models/architecture.json" in words


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("figure3", {"classifier": Part.SS}, figure3.NO_SUPERVISION),
        ("figure4", {"network": Part.SEB}, figure4.NO_BRANCH),
        ("figure5", {"shuffle": None}, "begins with a deconvolution"),
        ("figure6", {"dap": None}, figure6.NO_DAP),
    ],
)
def test_a_part_that_the_network_does_not_have_is_said(
    results: Results, found: Architecture, name: str, changes: dict[str, Part | None], said: str
) -> None:
    (field, part), *_ = changes.items()
    value = None if part is None else without(getattr(found, field), part)
    put(results, found.model_copy(update={field: value}))
    assert said in " ".join(texts(draw(results, name))).replace("\n", " ")
    assert said in PICTURES[name].alternative(results.graph)


@pytest.mark.slow
def test_figures_of_the_documentation_are_the_programs_own(repo_root: Path, tmp_path: Path) -> None:
    from exfuse.commands import trace

    graph = Graph(dataclasses.replace(load(repo_root, "paper"), root=tmp_path))
    trace.run(graph)
    for name in TRACED:
        write_figure(graph, name)
        committed = (repo_root / "docs" / "figures" / f"{name}.svg").read_bytes()
        assert len(committed) < LARGEST_SVG
        assert committed == graph.layout.figure(name).read_bytes(), (
            f"draw docs/figures/{name}.svg again: `exfuse --preset paper trace`, `exfuse --preset paper figure {name}`"
        )
