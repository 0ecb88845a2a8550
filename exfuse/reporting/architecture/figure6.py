"""Figure 6: Densely Adjacent Prediction, as ones sent through the running module show it."""

from fractions import Fraction

from matplotlib.figure import Figure

from exfuse.reporting.architecture.diagram import Box, Diagram, Look
from exfuse.reporting.architecture.figure2 import block_title
from exfuse.reporting.architecture.traced import draw_traced, in_words, title
from exfuse.reporting.drawing import ACCENT
from exfuse.spec.architecture import Architecture, Impulse, Impulses, Part
from exfuse.spec.graph import Graph

WIDTH, HEIGHT = 7.4, 3.5
MIDDLE_Y = 1.62
BOX = (0.96, 0.38)
SOURCE_X, GROUPS_X, RESULT_X, TARGET_X = 0.62, 2.88, 5.28, 6.72
SIDE = 2.9
"""Of the square that all groups share, inches."""
LABEL = 0.17
"""Above each group, inches."""
NO_DAP = "ExFuse's decoder ends without DAP in this preset"

Group = list[Impulse]


def caption(graph: Graph) -> str:
    """What the figure shows."""
    return (
        f"Densely adjacent prediction (DAP, Equation 3) of {title(graph)}, measured: a one was put into every channel "
        "that the running module reads, and where it came out was noted. Each small map is a group of channels (their "
        "numbers above it); the filled pixel is the one that the group gives to the result at the outlined pixel "
        "(i, j). The first channel of a group goes to the first class, and so on."
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    return in_words(graph, _words)


def draw(graph: Graph) -> Figure:
    """The figure."""
    return draw_traced(graph, _draw)


def groups(dap: Impulses) -> list[Group]:
    """Impulses that belong together: neighbouring channels that are shifted and weighted alike, one for each class."""
    found: list[Group] = []
    for one in sorted(dap.found, key=lambda impulse: impulse.channel):
        last = found[-1][-1] if found else None
        if last and _movement(last) == _movement(one) and one.target == last.target + 1:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def read_at(group: Group) -> tuple[int, int]:
    """Row and column, from the result's pixel, at which a group is read."""
    return -group[0].row, -group[0].column


def weight(one: Impulse) -> str:
    """The weight as a fraction, where it is one of a small number."""
    return str(Fraction(one.weight).limit_denominator(1000))


def _movement(one: Impulse) -> tuple[int, int, float]:
    return one.row, one.column, one.weight


def _channels(group: Group) -> str:
    first, last = group[0].channel + 1, group[-1].channel + 1
    return f"{first}–{last}" if last > first else str(first)


def _words(graph: Graph, found: Architecture) -> str:
    if found.dap is None:
        return NO_DAP
    parts = [f"channels {_channels(g)} at row {read_at(g)[0]:+d}, column {read_at(g)[1]:+d}" for g in groups(found.dap)]
    weights = sorted({weight(one) for one in found.dap.found})
    return f"The result at a pixel is a sum of its neighbours, each times {', '.join(weights)}: {'; '.join(parts)}."


def _draw(graph: Graph, found: Architecture) -> Figure | str:
    network = found.network
    ends = [block for end in network.of(Part.OUTPUT) for block in network.before(end) if block.part is Part.DAP]
    if found.dap is None or not ends:
        return NO_DAP
    (source,), parts = network.before(ends[0]), groups(found.dap)
    diagram = Diagram(WIDTH, HEIGHT)
    start = diagram.box(Box(SOURCE_X, MIDDLE_Y, *BOX), block_title(network, source), source.size)
    _draw_groups(diagram, parts, found.dap.kernel)
    left, right = GROUPS_X - SIDE / 2, GROUPS_X + SIDE / 2
    diagram.arrow((start.right, MIDDLE_Y), (left - 0.06, MIDDLE_Y))
    cell = _cell(found.dap.kernel)
    side = cell * (found.dap.kernel + 2)
    result = Box(RESULT_X, MIDDLE_Y, side, side)
    _draw_map(diagram, result, cell, (0, 0))
    diagram.arrow((right, MIDDLE_Y), (result.left - 0.03, MIDDLE_Y))
    weights = sorted({weight(one) for one in found.dap.found})
    diagram.note(RESULT_X, result.top + 0.32, f"sum of {len(parts)}", "center")
    diagram.note(RESULT_X, result.top + 0.14, f"each × {', '.join(weights)}", "center")
    diagram.note(RESULT_X, result.bottom - 0.14, "result at (i, j)", "center")
    target = diagram.box(Box(TARGET_X, MIDDLE_Y, *BOX), "scores", ends[0].size, look=Look.PROPOSED)
    diagram.arrow((result.right + 0.03, MIDDLE_Y), (target.left, MIDDLE_Y))
    return diagram.figure


def _cell(kernel: int) -> float:
    """Side of a drawn pixel: a group's map is wider than the window by one pixel on each side."""
    return (SIDE / kernel - LABEL - 0.06) / (kernel + 2)


def _draw_groups(diagram: Diagram, parts: list[Group], kernel: int) -> None:
    """All groups, in rows of k in the order of their channels."""
    pitch, cell = SIDE / kernel, _cell(kernel)
    side = cell * (kernel + 2)
    for number, group in enumerate(parts):
        x = GROUPS_X - SIDE / 2 + pitch * (number % kernel + 0.5)
        y = MIDDLE_Y + SIDE / 2 - pitch * (number // kernel + 0.5)
        _draw_map(diagram, Box(x, y - LABEL / 2, side, side), cell, read_at(group))
        diagram.text(x, y + side / 2 + 0.02, _channels(group))
    diagram.note(GROUPS_X, MIDDLE_Y + SIDE / 2 + 0.16, "channels of the decoder's last map, in groups", "center")


def _draw_map(diagram: Diagram, place: Box, cell: float, filled: tuple[int, int]) -> None:
    """Pixels around (i, j), which is outlined; rows go down."""
    reach = round(place.width / cell) // 2
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            left, bottom = place.x + cell * (column - 0.5), place.y - cell * (row + 0.5)
            diagram.cell(left, bottom, cell, ACCENT if (row, column) == filled else "white")
    diagram.outline(place.x - cell / 2, place.y - cell / 2, cell)
