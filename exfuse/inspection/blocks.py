"""The parts of a network that have a name in the paper, and which reads which: a trace, folded by module.

The class of a module decides what its block is; which blocks there are and what each reads comes from the trace alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from exfuse.inspection.costs import parameters
from exfuse.inspection.tracing import INPUT, Step, trace
from exfuse.models.backbone import Backbone
from exfuse.models.dap import DenselyAdjacentPrediction
from exfuse.models.decoder import Decoder
from exfuse.models.ecre import SubPixelUpsampling
from exfuse.models.gcn import BoundaryRefinement, Deconvolution, GlobalConvolution
from exfuse.models.seb import SemanticEmbeddingBranch
from exfuse.models.semantic_supervision import SemanticSupervisionHead
from exfuse.spec.architecture import Block, Edge, Network, Operation, Part, Shape

PARTS: Mapping[type[nn.Module], Part] = {
    SemanticSupervisionHead: Part.SS,
    SemanticEmbeddingBranch: Part.SEB,
    GlobalConvolution: Part.GCN,
    BoundaryRefinement: Part.BR,
    Deconvolution: Part.DECONVOLUTION,
    SubPixelUpsampling: Part.SUBPIXEL,
    DenselyAdjacentPrediction: Part.DAP,
}
BACKBONE = {
    "conv1": ("conv1", Part.STEM),
    "bn1": ("conv1", Part.STEM),
    "act1": ("conv1", Part.STEM),
    "maxpool": ("maxpool", Part.POOLING),
    **{f"layer{number}": (f"layer{number}", Part.STAGE) for number in range(1, 5)},
    "global_pool": ("fc", Part.CLASSIFIER),
    "fc": ("fc", Part.CLASSIFIER),
}
"""Of the backbone: child, the block that it belongs to, and what that is."""
WITHOUT_MODULE = {"add": Part.SUM, "upsample_bilinear2d": Part.RESIZING}
"""Operations that are a block where no named part runs them; any other only passes a map on (padding, cropping)."""
DETAILED = (Part.SS, Part.SEB, Part.DECONVOLUTION, Part.SUBPIXEL, Part.CLASSIFIER)


def network(model: nn.Module, images: torch.Tensor, baseline: Network | None = None) -> Network:
    """Blocks and edges of a network.

    Args:
        model: in the mode in which it shall run.
        images: (1, 3, H, W).
        baseline: blocks that it does not have count as proposed.
    """
    traced = trace(model, images)
    owners = _owners(model)
    folded = _fold(traced.steps, owners, traced.image)
    blocks = [_end(INPUT, Part.IMAGE, traced.image, traced.image)]
    blocks += [
        Block(
            id=identifier,
            part=folded.parts[identifier],
            shape=inside[-1].shape,
            stride=_stride(inside[-1].shape, traced.image),
            parameters=sum(parameters(module) for module in _modules(model, owners, identifier)),
            residual_blocks=_residual_blocks(model, identifier) if folded.parts[identifier] is Part.STAGE else None,
            operations=_operations(inside, folded.block_of) if folded.parts[identifier] in DETAILED else (),
        )
        for identifier, inside in folded.steps.items()
    ]
    for number, (name, shape) in enumerate(traced.outputs.items()):
        end = _end(f"output {number}", Part.AUXILIARY_OUTPUT if number else Part.OUTPUT, shape, traced.image)
        blocks.append(end)
        folded.edges[folded.block_of[name], end.id] = None
    return Network(blocks=_marked(blocks, baseline), edges=tuple(folded.edges))


@dataclass(slots=True, eq=False)
class _Folded:
    """The steps of a trace by the block that they belong to, in their order.

    Attributes:
        steps: by block.
        parts: what each block is.
        block_of: the block whose map a step gives or passes on, by step.
        edges: which block reads which; an ordered set.
    """

    steps: dict[str, list[Step]] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    block_of: dict[str, str] = field(default_factory=lambda: {INPUT: INPUT})
    edges: dict[Edge, None] = field(default_factory=dict)


def _fold(steps: Sequence[Step], owners: Mapping[str, tuple[str, Part]], image: Shape) -> _Folded:
    folded = _Folded()
    for step in steps:
        place = _place(step, owners, image)
        sources = [folded.block_of[source] for source in step.inputs]
        if place is None:
            (folded.block_of[step.id],) = sources
            continue
        block, part = place
        folded.parts[block] = part
        folded.steps.setdefault(block, []).append(step)
        folded.edges |= {(source, block): None for source in sources if source != block}
        folded.block_of[step.id] = block
    return folded


def _owners(model: nn.Module) -> dict[str, tuple[str, Part]]:
    """Block and part by the path of a module; what lies below the path belongs to the block."""
    owners: dict[str, tuple[str, Part]] = {}
    for path, module in model.named_modules():
        if isinstance(module, Backbone):
            owners |= {f"{path}.{child}": (f"{path}.{block}", part) for child, (block, part) in BACKBONE.items()}
        elif isinstance(module, Decoder) and isinstance(module.predict, nn.Conv2d):
            owners[f"{path}.predict"] = (f"{path}.predict", Part.PROJECTION)
        elif type(module) in PARTS:
            owners[path] = (path, PARTS[type(module)])
    return owners


def _place(step: Step, owners: Mapping[str, tuple[str, Part]], image: Shape) -> tuple[str, Part] | None:
    """The block that a step belongs to; none where it only passes a map on."""
    path = step.path
    while path:
        if path in owners:
            return owners[path]
        path = path.rpartition(".")[0]
    part = WITHOUT_MODULE.get(step.operation)
    if part is None:
        return None
    return f"{step.path or 'network'}: {part} at stride {_stride(step.shape, image)}", part


def _modules(model: nn.Module, owners: Mapping[str, tuple[str, Part]], identifier: str) -> list[nn.Module]:
    return [model.get_submodule(path) for path, (block, _) in owners.items() if block == identifier]


def _residual_blocks(model: nn.Module, path: str) -> int:
    stage = model.get_submodule(path)
    assert isinstance(stage, nn.Sequential)
    return len(stage)


def _stride(shape: Shape, image: Shape) -> int | None:
    """The smallest power of two that takes the image's height to the map's (or below: images are padded)."""
    if len(shape) != 3:
        return None
    stride = 1
    while -(-image[0] // stride) > shape[0]:
        stride *= 2
    return stride


def _end(identifier: str, part: Part, shape: Shape, image: Shape) -> Block:
    return Block(id=identifier, part=part, shape=shape, stride=_stride(shape, image), parameters=0)


def _operations(inside: Sequence[Step], block_of: Mapping[str, str]) -> tuple[Operation, ...]:
    own = {step.id for step in inside}
    return tuple(
        Operation(
            id=step.id,
            module=step.path,
            name=step.name,
            shape=step.shape,
            inputs=tuple(source if source in own else block_of[source] for source in step.inputs),
        )
        for step in inside
    )


def _marked(blocks: Sequence[Block], baseline: Network | None) -> tuple[Block, ...]:
    """The blocks, those that a baseline does not have as proposed."""
    if baseline is None:
        return tuple(blocks)
    known = {(block.id, block.part) for block in baseline.blocks}
    return tuple(block.model_copy(update={"proposed": (block.id, block.part) not in known}) for block in blocks)
