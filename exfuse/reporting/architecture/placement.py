"""Where the blocks of Figure 2 stand and how its arrows run; which there are is the trace's business.

The encoder goes down at the left, the decoder up at the right. A row is a stride, and from the third on one of the
paper's levels; a column is what a block does.
"""

from math import log2

from exfuse.reporting.architecture.diagram import RADIUS, Box, Point
from exfuse.spec.architecture import Block, Network, Part

WIDTH, PITCH, TOP = 7.4, 0.98, 0.36
ROWS = 6
"""Strides 1, 2, 4, … 32."""
BOX, ENCODER_BOX = (0.84, 0.36), (1.04, 0.36)
ENCODER, SS, SEB, GCN, BR, SUM, FUSED = 0.64, 1.74, 3.0, 4.02, 5.0, 5.76, 6.72
"""Columns: the middle of each, in inches."""
ENDS = (3.84, BR, FUSED)
"""Columns of what lies between a map and a loss, the loss first."""
LOOP = 7.3
"""Where a line passes at the right of the decoder."""
TRACK, TRACK_GAP = 2.27, 0.085
"""Where a higher level's features climb to the SEBs."""
INPUT_GAP = 0.08
"""Between the arrows into a SEB."""
UPSAMPLING = (Part.DECONVOLUTION, Part.SUBPIXEL)
ON_THE_WAY_OUT = (Part.DAP, Part.PROJECTION, Part.RESIZING)
COLUMNS = {Part.SS: SS, Part.SEB: SEB, Part.GCN: GCN, Part.SUM: SUM, Part.BR: FUSED} | dict.fromkeys(UPSAMPLING, FUSED)


def row(stride: int) -> float:
    """Height of a stride's row, downwards from the first one."""
    return -PITCH * log2(stride)


def height(network: Network) -> float:
    """Of the figure; what the auxiliary loss reads stands below the last row."""
    return TOP + (ROWS - 1) * PITCH + (0.84 if network.of(Part.AUXILIARY_OUTPUT) else 0.36)


def place(network: Network, block: Block) -> Box:
    """Where a block stands, its height as :func:`row` counts."""
    assert block.stride is not None
    y = row(block.stride)
    for end in (*network.of(Part.OUTPUT), *network.of(Part.AUXILIARY_OUTPUT)):
        if block in (way := _way_out(network, end)):
            if end.part is Part.AUXILIARY_OUTPUT:
                return Box(ENDS[-len(way) :][way.index(block)], row(32) - PITCH / 2, *BOX)
            return Box(ENDS[way.index(block)], y, *BOX)
    if block.part is Part.SUM:
        return Box(SUM, y, 2 * RADIUS, 2 * RADIUS)
    if block.part is Part.BR and network.before(block)[0].part is Part.GCN:
        return Box(BR, y, *BOX)
    if block.part is Part.POOLING:
        y += PITCH / 2
    if block.part in UPSAMPLING:
        y -= PITCH / 2
    column = COLUMNS.get(block.part, ENCODER)
    return Box(column, y, *(ENCODER_BOX if column == ENCODER else BOX))


def route(network: Network, source: Block, target: Block) -> tuple[Point, ...]:
    """The corners of an arrow from a block to one that reads it."""
    start, end = place(network, source), place(network, target)
    if target.part is Part.SEB:
        return _route_to_seb(network, source, target)
    if start.y == end.y and start.x < end.x:
        return (start.right, start.y), (end.left, end.y)
    if start.y == end.y:
        return (start.left, start.y), (end.right, end.y)
    if start.x == end.x == FUSED and end.y < start.y:  # past what comes from level 4 in between
        return (start.right, start.y), (LOOP, start.y), (LOOP, end.y), (end.right, end.y)
    if start.x == end.x and end.y < start.y:
        return (start.x, start.bottom), (end.x, end.top)
    if start.x == end.x:
        return (start.x, start.top), (end.x, end.bottom)
    return (start.left if end.x < start.x else start.right, start.y), (end.x, start.y), (end.x, end.bottom)


def branches(network: Network, source: Block, target: Block) -> bool:
    """Whether an arrow leaves another one of the same source on its way."""
    return target.part is Part.SEB and source.stride != target.stride


def _way_out(network: Network, end: Block) -> list[Block]:
    """The blocks from an output back to the decoder's map that it is made of, the output first."""
    way = [end]
    while (before := network.before(way[-1])) and before[0].part in ON_THE_WAY_OUT:
        way.append(before[0])
    return way


def _route_to_seb(network: Network, source: Block, target: Block) -> tuple[Point, ...]:
    """Straight from the level itself; from a higher one up a track of its own."""
    start, end = place(network, source), place(network, target)
    y = _entry(network, source, target)
    if not branches(network, source, target):
        return (start.right, y), (end.left, y)
    guided = {block.stride or 0 for block in network.of(Part.SEB)} | {32}
    track = TRACK + TRACK_GAP * (sorted(guided).index(source.stride or 0) - 1)
    return (track, _exit(network, source)), (track, y), (end.left, y)


def _entry(network: Network, source: Block, target: Block) -> float:
    """Height at which a level enters a SEB: from the level itself down to the highest."""
    levels = sorted(network.before(target), key=lambda block: block.stride or 0)
    return place(network, target).y + INPUT_GAP * ((len(levels) - 1) / 2 - levels.index(source))


def _exit(network: Network, source: Block) -> float:
    """Height at which a level's features leave to the right."""
    own = [block for block in network.after(source) if block.part is Part.SEB and block.stride == source.stride]
    return _entry(network, source, own[0]) if own else place(network, source).y
