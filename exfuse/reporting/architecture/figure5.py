"""Figure 5: Explicit Channel Resolution Embedding, what surrounds it, and where its channels become pixels."""

from matplotlib.figure import Figure

from exfuse.reporting.architecture.diagram import Box, Diagram, Look
from exfuse.reporting.architecture.figure2 import block_title
from exfuse.reporting.architecture.traced import draw_traced, in_words, size_of, title
from exfuse.spec.architecture import Architecture, Block, Impulse, Impulses, Network, Part
from exfuse.spec.graph import EXFUSE, Graph

WIDTH, HEIGHT = 7.4, 2.72
MAIN_Y, OTHER_Y, AUXILIARY_Y = 1.72, 2.4, 0.92
GCN_X, BR_X, FIRST_X, STEP_X, BRANCH_X, SUM_X, FUSED_X, LOSS_X = 0.54, 1.54, 2.68, 1.06, 4.42, 4.98, 6.02, 6.98
BOX, INNER_BOX = (0.84, 0.38), (0.9, 0.38)
CELL, CELLS_X, CELLS_Y, PIXELS_X = 0.29, 0.36, 0.48, 2.7
TINTS = ("#f7fafd", "#d5e4f3", "#a9c8e6", "#7aa7d4")
"""Of the pixels that one pixel becomes."""
NO_SUBPIXELS = "ExFuse's decoder begins with a deconvolution in this preset, not with sub-pixel upsampling"


def caption(graph: Graph) -> str:
    """What the figure shows."""
    weight = graph.spec.model(EXFUSE).decoder.auxiliary_weight
    return (
        f"Explicit channel resolution embedding (ECRE) of {title(graph)}, traced from the network: a 3×3 convolution "
        "and a rearrangement without parameters replace the first deconvolution. The auxiliary loss (its weight, "
        f"{weight:g}, is an assumption) reads the rearranged map with no learned layer between, before the sum with "
        "lower levels. Lower left: the pixel that each of the first channels becomes, found by sending a one through "
        "the running module."
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    return in_words(graph, _words)


def draw(graph: Graph) -> Figure:
    """The figure."""
    return draw_traced(graph, _draw)


def _words(graph: Graph, found: Architecture) -> str:
    network = found.network
    if found.shuffle is None:
        return NO_SUBPIXELS
    (upsampling,) = network.of(Part.SUBPIXEL)
    way = [*_above(network, upsampling)]
    parts = [f"{block_title(network, block)} {block.size}" for block in way]
    parts += [f"{operation.name} {size_of(operation)}" for operation in upsampling.operations]
    auxiliary = [f"{block_title(network, block)} {block.size}" for block in _auxiliary(network)]
    read = f" The auxiliary loss reads it through {', '.join(auxiliary)}." if auxiliary else ""
    return f"A diagram: {', then '.join(parts)}.{read} {_pixels_in_words(found.shuffle)}"


def _pixels_in_words(shuffle: Impulses) -> str:
    pixels = [f"{one.channel + 1} to row {one.row + 1}, column {one.column + 1}" for one in shuffle.found]
    return f"The first channels become pixels of one channel: {'; '.join(pixels)}."


def _above(network: Network, upsampling: Block) -> tuple[Block, Block]:
    """What ECRE's convolution reads: GCN and BR of the top-most level."""
    (refinement,) = network.before(upsampling)
    (gcn,) = network.before(refinement)
    return gcn, refinement


def _auxiliary(network: Network) -> list[Block]:
    """What lies between the rearranged map and the auxiliary loss, in the order in which it runs."""
    ends = network.of(Part.AUXILIARY_OUTPUT)
    between = [block for end in ends for block in network.blocks if block.id in network.all_before(end)]
    first = next((n for n, block in enumerate(between) if block.part is Part.SUBPIXEL), len(between))
    return between[first + 1 :]


def _draw(graph: Graph, found: Architecture) -> Figure | str:
    network = found.network
    if found.shuffle is None:
        return NO_SUBPIXELS
    (upsampling,) = network.of(Part.SUBPIXEL)
    diagram = Diagram(WIDTH, HEIGHT)
    gcn, refinement = _above(network, upsampling)
    last = _draw_block(diagram, network, gcn, GCN_X, MAIN_Y, with_level=True)
    start = _draw_block(diagram, network, refinement, BR_X, MAIN_Y, with_level=True)
    diagram.arrow((last.right, MAIN_Y), (start.left, MAIN_Y))
    end = _draw_upsampling(diagram, network, upsampling, start)
    _draw_readers(diagram, network, upsampling, end)
    _draw_auxiliary(diagram, network, graph.spec.model(EXFUSE).decoder.auxiliary_weight)
    _draw_pixels(diagram, found.shuffle)
    return diagram.figure


def _draw_block(
    diagram: Diagram, network: Network, block: Block, x: float, y: float, *, with_level: bool = False
) -> Box:
    look = Look.PROPOSED if block.proposed else Look.BASELINE
    level = f", level {block.level}" if with_level else ""
    return diagram.box(Box(x, y, *BOX), block_title(network, block) + level, block.size, look=look)


def _draw_upsampling(diagram: Diagram, network: Network, upsampling: Block, start: Box) -> Box:
    """The operations of the sub-pixel upsampling in their frame; gives the last one's box."""
    places = [Box(FIRST_X + STEP_X * n, MAIN_Y, *INNER_BOX) for n in range(len(upsampling.operations))]
    left, right = places[0].left - 0.12, places[-1].right + 0.12
    frame = Box((left + right) / 2, MAIN_Y, right - left, INNER_BOX[1] + 0.24)
    diagram.frame(frame, block_title(network, upsampling))
    last = start
    for operation, place in zip(upsampling.operations, places, strict=True):
        diagram.box(place, operation.name, size_of(operation), look=Look.INNER)
        diagram.arrow((last.right, MAIN_Y), (place.left, MAIN_Y))
        last = place
    return last


def _draw_readers(diagram: Diagram, network: Network, upsampling: Block, start: Box) -> None:
    """The decoder's next blocks: the sum with level 3 where that is kept, and the refinement of the fused map."""
    (reader,) = (block for block in network.after(upsampling) if block.part in (Part.SUM, Part.BR))
    last = start
    if reader.part is Part.SUM:
        (other,) = (block for block in network.before(reader) if block != upsampling)
        above = _draw_block(diagram, network, other, SUM_X, OTHER_Y, with_level=True)
        last = diagram.operator(SUM_X, MAIN_Y, "+")
        diagram.arrow((start.right, MAIN_Y), (last.left, MAIN_Y))
        diagram.arrow((SUM_X, above.bottom), (SUM_X, last.top))
        (reader,) = network.after(reader)
    after = _draw_block(diagram, network, reader, FUSED_X, MAIN_Y)
    diagram.arrow((last.right, MAIN_Y), (after.left, MAIN_Y))


def _draw_auxiliary(diagram: Diagram, network: Network, weight: float) -> None:
    """The way from the rearranged map to the auxiliary loss."""
    way = _auxiliary(network)
    if not way:
        return
    diagram.dot(BRANCH_X, MAIN_Y)
    corners = [(BRANCH_X, MAIN_Y), (BRANCH_X, AUXILIARY_Y)]
    for number, block in enumerate(way):
        place = _draw_block(diagram, network, block, SUM_X + (FUSED_X - SUM_X) * number, AUXILIARY_Y)
        diagram.arrow(*corners, (place.left, AUXILIARY_Y))
        corners = [(place.right, AUXILIARY_Y)]
    diagram.arrow(*corners, (LOSS_X - 0.32, AUXILIARY_Y))
    diagram.text(LOSS_X, AUXILIARY_Y, f"loss × {weight:g}")


def _draw_pixels(diagram: Diagram, shuffle: Impulses) -> None:
    """The channels that make the first channel of the larger map, and the pixel that each becomes."""
    for one in shuffle.found:
        _draw_cell(
            diagram,
            one,
            CELLS_X + CELL * 1.25 * one.channel,
            CELLS_Y,
        )
        _draw_cell(diagram, one, PIXELS_X + CELL * one.column, CELLS_Y + CELL * (0.5 - one.row))
    y = CELLS_Y + CELL / 2
    right = CELLS_X + CELL * 1.25 * len(shuffle.found)
    diagram.arrow((right + 0.12, y), (PIXELS_X - 0.2, y))
    before = f"one pixel, {len(shuffle.found)} channels of the convolution"
    after = f"one channel, {shuffle.kernel}×{shuffle.kernel} pixels"
    diagram.note((CELLS_X + right) / 2, CELLS_Y - 0.16, before, "center")
    diagram.note(PIXELS_X + CELL * shuffle.kernel / 2, CELLS_Y - 0.3, after, "center")


def _draw_cell(diagram: Diagram, one: Impulse, left: float, bottom: float) -> None:
    diagram.cell(left, bottom, CELL, TINTS[one.channel % len(TINTS)])
    diagram.text(left + CELL / 2, bottom + CELL / 2, str(one.channel + 1))
