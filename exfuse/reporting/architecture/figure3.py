"""Figure 3: semantic supervision. The network that pretrains the backbone, and one of its heads from within."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from exfuse.reporting.architecture.diagram import Box, Diagram, Look
from exfuse.reporting.architecture.figure2 import block_title
from exfuse.reporting.architecture.traced import draw_traced, in_words, listed, size_of, title
from exfuse.spec.architecture import Architecture, Block, Operation, Part
from exfuse.spec.graph import EXFUSE, Graph

WIDTH, HEIGHT = 7.4, 3.28
CHAIN_Y, HEADS_Y, DETAIL_Y = 2.94, 2.2, 0.96
SPACING, SMALL, LARGE = 0.945, (0.8, 0.5), (0.94, 0.5)
INPUT_X, FIRST_X, STEP_X, LOSS_X = 0.62, 1.92, 1.22, 6.86
CLOSING = ("BN", "ReLU", "flatten")
"""Operations that share the box of what comes before."""
TITLES = {"global average pooling": ("pooling", "global average")}
NO_SUPERVISION = "the backbone of ExFuse has no semantic supervision in this preset"


def caption(graph: Graph) -> str:
    """What the figure shows."""
    preset = graph.spec.preset
    size = preset.pretraining.crop_size
    return (
        f"Semantic supervision (SS) of the backbone of {title(graph)}, traced from the network that pretrains it on "
        f"images of {size}×{size} pixels. Top: a classifier at the tail of each supervised stage, beside the network's "
        "own, and the weight of each loss (an assumption; the paper gives none). Below: the lowest head, and what "
        "of it the segmentation network keeps."
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    return in_words(graph, _words)


def draw(graph: Graph) -> Figure:
    """The figure."""
    return draw_traced(graph, _draw)


def boxes(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Operations by the box that they are drawn in: a convolution with what normalises and cuts it."""
    groups: list[list[Operation]] = []
    for operation in operations:
        if groups and operation.name in CLOSING:
            groups[-1].append(operation)
        else:
            groups.append([operation])
    return groups


def kept(found: Architecture, head: Block) -> int:
    """How many of a head's operations the segmentation network runs too."""
    same = [block for block in found.network.of(Part.SS) if block.id == head.id]
    tapped = [(operation.module, operation.name) for operation in same[0].operations] if same else []
    built = [(operation.module, operation.name) for operation in head.operations]
    return len(tapped) if built[: len(tapped)] == tapped else 0


def _words(graph: Graph, found: Architecture) -> str:
    heads = found.classifier.of(Part.SS)
    if not heads:
        return NO_SUPERVISION
    stages = [_stage(found, head) for head in heads]
    inside = [f"{operation.name} {size_of(operation)}" for operation in heads[0].operations]
    named = listed([f"{block_title(found.classifier, stage)} ({stage.size})" for stage in stages])
    return (
        f"A diagram of the pretraining: auxiliary classifiers on {named}, each with loss weight {_weight(graph):g}, "
        f"and the network's own. The lowest head runs {', '.join(inside)}; the first {kept(found, heads[0])} of these "
        "stay for fine-tuning."
    )


def _weight(graph: Graph) -> float:
    supervision = graph.spec.model(EXFUSE).backbone.semantic_supervision
    assert supervision is not None
    return supervision.loss_weight


def _stage(found: Architecture, head: Block) -> Block:
    (stage,) = found.classifier.before(head)
    return stage


def _draw(graph: Graph, found: Architecture) -> Figure | str:
    heads = found.classifier.of(Part.SS)
    if not heads:
        return NO_SUPERVISION
    diagram = Diagram(WIDTH, HEIGHT)
    places = _draw_chain(diagram, found)
    weight = _weight(graph)
    for head in heads:
        above = places[_stage(found, head).id]
        _draw_end(diagram, head, above, weight)
    _draw_head(diagram, found, heads[0], weight)
    return diagram.figure


def _draw_chain(diagram: Diagram, found: Architecture) -> dict[str, Box]:
    """The backbone from left to right."""
    network = found.classifier
    chain = [block for block in network.blocks if block.part not in (Part.SS, Part.OUTPUT, Part.AUXILIARY_OUTPUT)]
    places: dict[str, Box] = {}
    for number, block in enumerate(chain):
        place = Box(0.5 + SPACING * number, CHAIN_Y, *SMALL)
        if block.part is Part.CLASSIFIER:
            (before,) = network.before(block)
            _draw_end(diagram, block, places[before.id], 1.0)
            continue
        name, _, count = block_title(network, block).partition(", ")
        places[block.id] = diagram.box(place, name, *filter(None, (count, block.size)))
    for source, target in network.edges:
        if source in places and target in places:
            diagram.arrow((places[source].right, CHAIN_Y), (places[target].left, CHAIN_Y))
    return places


def _draw_end(diagram: Diagram, block: Block, above: Box, weight: float) -> None:
    """A classifier below the stage that it reads, and its loss."""
    place = Box(above.x, HEADS_Y, SMALL[0], 0.36)
    name, look = ("SS", Look.PROPOSED) if block.part is Part.SS else ("classifier", Look.BASELINE)
    diagram.arrow((above.x, above.bottom), (above.x, place.top))
    diagram.box(place, name, f"{block.size} scores", look=look)
    diagram.arrow((place.x, place.bottom), (place.x, place.bottom - 0.2))
    diagram.text(place.x, place.bottom - 0.28, f"loss × {weight:g}")


def _draw_head(diagram: Diagram, found: Architecture, head: Block, weight: float) -> None:
    stage, groups = _stage(found, head), boxes(head.operations)
    name = block_title(found.classifier, stage).partition(",")[0]
    places = [Box(FIRST_X + STEP_X * number, DETAIL_Y, *LARGE) for number in range(len(groups))]
    right = places[-1].right + 0.12
    left = places[0].left - 0.12
    diagram.frame(Box((left + right) / 2, DETAIL_Y, right - left, LARGE[1] + 0.24), f"SS on {name}")
    start = diagram.box(Box(INPUT_X, DETAIL_Y, *LARGE), name, stage.size)
    for place, group in zip(places, groups, strict=True):
        first, *rest = TITLES.get(group[0].name, (group[0].name,))
        rest += [", ".join(operation.name for operation in group[1:] if operation.name != "flatten")]
        size = size_of(group[-1])
        diagram.box(place, first, *filter(None, rest), size, look=Look.INNER)
    for before, after in zip([start, *places[:-1]], places, strict=True):
        diagram.arrow((before.right, DETAIL_Y), (after.left, DETAIL_Y))
    diagram.arrow((places[-1].right, DETAIL_Y), (LOSS_X - 0.3, DETAIL_Y))
    diagram.text(LOSS_X, DETAIL_Y, f"loss × {weight:g}")
    _draw_tap(diagram, found, head, places, groups)


def _draw_tap(
    diagram: Diagram, found: Architecture, head: Block, places: Sequence[Box], groups: Sequence[Sequence[Operation]]
) -> None:
    """Where the segmentation network takes its features, and what goes after pretraining."""
    count, stays = 0, 0
    for group in groups:
        count += len(group)
        stays += count <= kept(found, head)
    y = DETAIL_Y - 0.56
    for first, last, words in ((0, stays, "kept for fine-tuning"), (stays, len(places), "removed after pretraining")):
        if first < last:
            left, right = places[first].left, places[last - 1].right
            diagram.line((left, y + 0.06), (left, y), (right, y), (right, y + 0.06))
            diagram.note((left + right) / 2, y - 0.1, words, "center")
    if 0 < stays < len(places):
        x = (places[stays - 1].right + places[stays].left) / 2
        size = found.network.block(head.id).size
        diagram.dot(x, DETAIL_Y)
        diagram.arrow((x, DETAIL_Y), (x, y - 0.22))
        diagram.text(x, y - 0.3, f"features of the level for the decoder ({size} in Figure 2)")
