"""Figure 2: every block and every arrow of the trace, where they can be seen."""

from collections import Counter
from itertools import combinations, pairwise

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon

from exfuse.reporting.architecture import figure2
from exfuse.reporting.architecture.diagram import Box
from exfuse.reporting.architecture.placement import branches, place, route
from exfuse.reporting.drawing import style
from exfuse.spec.architecture import Architecture, Part
from tests.reporting.conftest import Results


@pytest.fixture
def figure(drawn: Results) -> Figure:
    with style():
        return figure2.draw(drawn.graph)


def test_figure_2_shows_the_size_of_every_block_once(figure: Figure, found: Architecture) -> None:
    expected = Counter(block.size for block in found.network.blocks if block.part is not Part.AUXILIARY_OUTPUT)
    shown = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    assert Counter(word for word in shown if word in expected) == expected
    assert "weight 0.4" in shown  # in place of the size of what the auxiliary loss reads


def test_figure_2_has_an_arrow_for_every_edge_from_and_to_its_blocks(figure: Figure, found: Architecture) -> None:
    network = found.network
    assert len(figure.findobj(Polygon)) == len(network.edges)
    for source, target in ((network.block(one), network.block(other)) for one, other in network.edges):
        corners = route(network, source, target)
        assert _touches(place(network, target), corners[-1])
        if branches(network, source, target):  # from the line that leaves the block to the right
            start, (x, y) = place(network, source), corners[0]
            assert x > start.right and start.bottom < y < start.top
        else:
            assert _touches(place(network, source), corners[0])


def _touches(box: Box, point: tuple[float, float]) -> bool:
    """Whether a point is on a box's outline, off its corners."""
    x, y = point
    on_side = min(abs(x - box.left), abs(x - box.right)) < 1e-9 and box.bottom < y < box.top
    return on_side or (min(abs(y - box.bottom), abs(y - box.top)) < 1e-9 and box.left < x < box.right)


def test_blocks_of_figure_2_do_not_overlap_and_arrows_pass_beside_them(found: Architecture) -> None:
    network = found.network
    places = {block.id: place(network, block) for block in network.blocks}
    for one, other in combinations(places.values(), 2):
        apart = one.right <= other.left or other.right <= one.left or one.top <= other.bottom or other.top <= one.bottom
        assert apart
    for source, target in network.edges:
        corners = route(network, network.block(source), network.block(target))
        for name, box in places.items():
            if name in (source, target):
                continue
            for (x0, y0), (x1, y1) in pairwise(corners):
                across = min(x0, x1) < box.right and max(x0, x1) > box.left
                along = min(y0, y1) < box.top and max(y0, y1) > box.bottom
                assert not (across and along), (source, target, name)


def test_what_is_proposed_is_dashed(figure: Figure, found: Architecture) -> None:
    patches = figure.findobj(FancyBboxPatch)
    dashed = [patch for patch in patches if patch.get_linestyle() != "solid"]
    ends = (Part.OUTPUT, Part.AUXILIARY_OUTPUT)
    proposed = [block for block in found.network.blocks if block.proposed and block.part not in ends]
    assert len(dashed) == len(proposed) + 1  # the legend's
    assert len(proposed) == 3 + 3 + 4  # SS, SEB; ECRE, two DAPs, the enlarging before the auxiliary loss


def test_rows_of_figure_2_are_the_levels(found: Architecture) -> None:
    network = found.network
    for part in (Part.STAGE, Part.SS, Part.SEB, Part.GCN, Part.SUM):
        for block in network.of(part):
            stage = network.of(Part.STAGE)[(block.level or 0) - 1]
            assert place(network, block).y == place(network, stage).y
    heights = [place(network, stage).y for stage in network.of(Part.STAGE)]
    assert heights == sorted(heights, reverse=True)
