"""Figure 4: the Semantic Embedding Branch of the lowest level, and every map that it multiplies."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from exfuse.reporting.architecture.diagram import Box, Diagram, Look
from exfuse.reporting.architecture.figure2 import block_title
from exfuse.reporting.architecture.traced import draw_traced, in_words, listed, size_of, title
from exfuse.reporting.drawing import ACCENT
from exfuse.spec.architecture import Architecture, Block, Network, Operation, Part
from exfuse.spec.graph import Graph

WIDTH = 7.4
SOURCE_X, FIRST_X, STEP_X, PRODUCT_X, PRODUCT_STEP, TARGET_X = 0.66, 2.12, 1.14, 4.16, 0.46, 6.76
SOURCE_BOX, BOX = (1.04, 0.36), (0.92, 0.36)
PITCH, ABOVE, BELOW = 0.6, 0.5, 0.38
PRODUCT, ENLARGING = "×", "bilinear"
NO_BRANCH = "ExFuse's decoder has no semantic embedding branch in this preset"


@dataclass(frozen=True)
class Guide:
    """What one higher level contributes: where it comes from, what becomes of it, and the product that takes it in."""

    source: Block
    operations: tuple[Operation, ...]
    product: Operation


def caption(graph: Graph) -> str:
    """What the figure shows."""
    return (
        f"Semantic embedding branch (SEB, Equation 2) of the lowest level of {title(graph)}, operation by operation as "
        "traced from the network: the features of each higher level pass a 3×3 convolution, are enlarged to the size "
        "of the level, and multiply its features, element by element. × in a circle is that product."
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    return in_words(graph, _words)


def draw(graph: Graph) -> Figure:
    """The figure."""
    return draw_traced(graph, lambda graph, found: _draw(found.network))


def guides(network: Network, branch: Block) -> list[Guide]:
    """The higher levels of a branch in the order in which they multiply."""
    by_id = {operation.id: operation for operation in branch.operations}
    found = []
    for product in branch.operations:
        if product.name != PRODUCT:
            continue
        (name,) = (one for one in product.inputs if one in by_id and by_id[one].name != PRODUCT)
        way: list[Operation] = []
        while name in by_id:
            way.insert(0, by_id[name])
            (name,) = by_id[name].inputs
        found.append(Guide(network.block(name), tuple(way), product))
    return found


def _lowest(network: Network) -> Block | None:
    return min(network.of(Part.SEB), key=lambda block: block.stride or 0, default=None)


def _words(graph: Graph, found: Architecture) -> str:
    network = found.network
    branch = _lowest(network)
    if branch is None:
        return NO_BRANCH
    ways = [
        f"{_name(network, guide.source)} {guide.source.size} through "
        f"{listed([f'{operation.name} {size_of(operation)}' for operation in guide.operations])}"
        for guide in guides(network, branch)
    ]
    own = _own(network, branch)
    return (
        f"A diagram: {_name(network, own)} {own.size} is multiplied by {'; by '.join(ways)}; the product goes to GCN."
    )


def _own(network: Network, branch: Block) -> Block:
    """The features that the branch multiplies."""
    (own,) = (block for block in network.before(branch) if block.stride == branch.stride)
    return own


def _name(network: Network, block: Block) -> str:
    return f"{block_title(network, block).partition(',')[0]}, level {block.level}"


def _draw(network: Network) -> Figure | str:
    branch = _lowest(network)
    if branch is None:
        return NO_BRANCH
    found = guides(network, branch)
    height = ABOVE + PITCH * len(found) + BELOW
    diagram = Diagram(WIDTH, height, origin=height - ABOVE)
    right = PRODUCT_X + PRODUCT_STEP * (len(found) - 1) + 0.22
    left = FIRST_X - BOX[0] / 2 - 0.14
    bottom, top = -PITCH * len(found) - 0.3, 0.22
    frame = Box((left + right) / 2, (bottom + top) / 2, right - left, top - bottom)
    diagram.frame(frame, f"SEB of level {branch.level}")
    last = _draw_source(diagram, network, _own(network, branch), 0.0)
    for number, guide in enumerate(found):
        product = diagram.operator(PRODUCT_X + PRODUCT_STEP * number, 0.0, PRODUCT, proposed=True)
        diagram.arrow((last.right, 0.0), (product.left, 0.0))
        _draw_guide(diagram, network, guide, -PITCH * (number + 1), product)
        last = product
    (reader,) = network.after(branch)
    target = diagram.box(Box(TARGET_X, 0.0, *BOX), block_title(network, reader), reader.size)
    diagram.arrow((last.right, 0.0), (target.left, 0.0))
    diagram.note((right + target.left) / 2, 0.1, branch.size, "center")
    return diagram.figure


def _draw_source(diagram: Diagram, network: Network, block: Block, y: float) -> Box:
    look = Look.PROPOSED if block.proposed else Look.BASELINE
    return diagram.box(Box(SOURCE_X, y, *SOURCE_BOX), _name(network, block), block.size, look=look)


def _draw_guide(diagram: Diagram, network: Network, guide: Guide, y: float, product: Box) -> None:
    """A higher level's row, and the line that takes it up to its product."""
    last = _draw_source(diagram, network, guide.source, y)
    before = guide.source.shape
    for number, operation in enumerate(guide.operations):
        factor = f" ×{operation.shape[0] // before[0]}" if operation.name == ENLARGING else ""
        place = Box(FIRST_X + STEP_X * number, y, *BOX)
        diagram.box(place, operation.name + factor, size_of(operation), look=Look.INNER)
        diagram.arrow((last.right, y), (place.left, y))
        last, before = place, operation.shape
    diagram.arrow((last.right, y), (product.x, y), (product.x, product.bottom), colour=ACCENT)
