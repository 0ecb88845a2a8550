"""Figure 2: the whole network."""

from collections.abc import Iterable

from matplotlib.figure import Figure

from exfuse.reporting.architecture.diagram import RADIUS, Box, Diagram, Look
from exfuse.reporting.architecture.placement import ENCODER, TOP, WIDTH, branches, height, place, route, row
from exfuse.reporting.architecture.traced import draw_traced, in_words, listed, title
from exfuse.reporting.drawing import ACCENT, INK
from exfuse.spec.architecture import LEVEL_OF_STRIDE, Architecture, Block, Network, Part
from exfuse.spec.graph import BASELINE, EXFUSE, Graph

NAMES = {
    Part.POOLING: "max pool",
    Part.DECONVOLUTION: "deconv",
    Part.RESIZING: "bilinear",
    Part.PROJECTION: "conv 1×1",
    Part.OUTPUT: "scores",
    Part.AUXILIARY_OUTPUT: "auxiliary loss",
}
"""Of parts that the figures call otherwise than the trace."""


def caption(graph: Graph) -> str:
    """What the figure shows."""
    size = graph.spec.preset.fine_tuning.trainaug.crop_size
    return (
        f"{title(graph)}: its blocks and which reads which, traced from a forward pass of the network on an image of "
        f"{size}×{size} pixels; numbers are height × width × channels of what a block gives. Solid boxes are in the "
        "GCN baseline too, some with other numbers of channels or residual blocks; dashed ones are what the traced "
        f"baseline ({graph.spec.runs[BASELINE].title}) does not have at that place. BR is boundary refinement, which "
        "the paper uses but leaves out of its figure."
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    return in_words(graph, _words)


def draw(graph: Graph) -> Figure:
    """The figure."""
    return draw_traced(graph, lambda graph, found: _draw(found.network, _loss(graph)))


def block_title(network: Network, block: Block) -> str:
    """What a block is called in the figures."""
    if block.part is Part.STAGE:
        number = network.of(Part.STAGE).index(block) + 2
        return f"res-{number}, {block.residual_blocks} block{'s' if block.residual_blocks != 1 else ''}"
    if block.part is Part.SUBPIXEL:
        supervised = any(block.id in network.all_before(end) for end in network.of(Part.AUXILIARY_OUTPUT))
        return "ECRE" if supervised else "sub-pixel"
    return NAMES.get(block.part, str(block.part))


def _loss(graph: Graph) -> str:
    return f"weight {graph.spec.model(EXFUSE).decoder.auxiliary_weight:g}"


def _words(graph: Graph, found: Architecture) -> str:
    network = found.network
    rows: dict[str, list[str]] = {}
    for block in network.blocks:
        row_name = f"stride {block.stride}" + (f" (level {block.level})" if block.level else "")
        proposed = " (proposed)" if block.proposed else ""
        rows.setdefault(row_name, []).append(f"{block_title(network, block)} {block.size}{proposed}")
    embedded = [
        f"SEB of level {block.level} reads the features of levels {listed(_levels(network.before(block)))}"
        for block in network.of(Part.SEB)
    ]
    parts = [*(f"at {name}: {', '.join(blocks)}" for name, blocks in rows.items()), *embedded]
    return f"A diagram of the network's blocks with what each gives, {'; '.join(parts)}."


def _levels(blocks: Iterable[Block]) -> list[str]:
    return [str(level) for level in sorted(block.level for block in blocks if block.level)]


def _draw(network: Network, loss: str) -> Figure:
    diagram = Diagram(WIDTH, height(network), origin=height(network) - TOP)
    for stride, level in LEVEL_OF_STRIDE.items():
        diagram.band(row(stride) - 0.24, row(stride) + 0.24)
        diagram.note(ENCODER + 0.56, row(stride) + 0.315, f"level {level}, stride {stride}")
    for source, target in ((network.block(source), network.block(target)) for source, target in network.edges):
        corners, climbs = route(network, source, target), branches(network, source, target)
        diagram.arrow(*corners, colour=ACCENT if climbs else INK)
        if climbs:
            diagram.dot(*corners[0], colour=ACCENT)
    for block in network.blocks:
        _draw_block(diagram, network, block, loss)
    _legend(diagram, network)
    return diagram.figure


def _draw_block(diagram: Diagram, network: Network, block: Block, loss: str) -> None:
    where = place(network, block)
    if block.part is Part.SUM:
        diagram.operator(where.x, where.y, "+")
        diagram.note(where.x + 0.1, where.y + 0.165, block.size, "center")
        return
    look = Look.PROPOSED if block.proposed else Look.BASELINE
    if block.part in (Part.OUTPUT, Part.AUXILIARY_OUTPUT):
        look = Look.BARE
    detail = loss if block.part is Part.AUXILIARY_OUTPUT else block.size
    diagram.box(where, block_title(network, block), detail, look=look)


def _legend(diagram: Diagram, network: Network) -> None:
    """What outlines and lines mean, where the network leaves room."""
    x, y = 1.7, row(2) + 0.1
    diagram.box(Box(x, y + 0.2, 0.3, 0.16), "")
    diagram.note(x + 0.25, y + 0.2, "in the GCN baseline")
    diagram.box(Box(x, y - 0.05, 0.3, 0.16), "", look=Look.PROPOSED)
    diagram.note(x + 0.25, y - 0.05, "proposed by ExFuse")
    diagram.operator(x + 1.9, y + 0.2, "+")
    diagram.note(x + 1.9 + 2 * RADIUS, y + 0.2, "sum of maps")
    if not network.of(Part.SEB):
        return
    diagram.line((x + 1.78, y - 0.05), (x + 2.02, y - 0.05), colour=ACCENT)
    diagram.note(x + 1.9 + 2 * RADIUS, y - 0.05, "a higher level's features, to SEB")
