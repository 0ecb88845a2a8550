"""What `exfuse trace` finds in the networks, as ``models/architecture.json`` holds it; read here without torch."""

from enum import StrEnum

from pydantic import Field

from exfuse.spec.base import Frozen

LEVEL_OF_STRIDE = {4: 1, 8: 2, 16: 3, 32: 4}
"""The paper's level by image pixels to one of the map, along a side."""

Shape = tuple[int, ...]
"""Height, width and channels of a map, or the number of scores of a vector; without the batch."""

Edge = tuple[str, str]
"""Ids of the block that gives a map and of the one that reads it."""


class Part(StrEnum):
    """What a block is."""

    IMAGE = "image"
    STEM = "stem"
    POOLING = "max pooling"
    STAGE = "stage"
    SS = "SS"
    SEB = "SEB"
    GCN = "GCN"
    BR = "BR"
    DECONVOLUTION = "deconvolution"
    SUBPIXEL = "sub-pixel upsampling"
    SUM = "sum"
    DAP = "DAP"
    PROJECTION = "projection"
    RESIZING = "bilinear resizing"
    CLASSIFIER = "classifier"
    OUTPUT = "output"
    AUXILIARY_OUTPUT = "auxiliary output"


class Operation(Frozen):
    """One operation within a block, in the order in which it ran."""

    id: str
    """Unique in the network."""
    module: str
    """Path of the module that ran it."""
    name: str
    """Such as ``conv 3×3``, ``ReLU``, ``bilinear``, ``×``."""
    shape: Shape
    """Of what it gives."""
    inputs: tuple[str, ...]
    """Operations of the same block, or other blocks, whose maps it reads."""


class Block(Frozen):
    """A part of a network that has a name in the paper (or in the field)."""

    id: str
    """Path of its module; of a block without one, of what runs it, and what it does."""
    part: Part
    shape: Shape
    """Of what it gives."""
    stride: int | None
    """Image pixels to one of its map, along a side; none: it gives no map."""
    parameters: int
    residual_blocks: int | None = None
    """Of a stage."""
    proposed: bool = False
    """Whether the baseline has no such block at this place."""
    operations: tuple[Operation, ...] = ()
    """What runs within, of the parts that the paper draws in detail."""

    @property
    def level(self) -> int | None:
        """The paper's level; none off the four."""
        return None if self.stride is None else LEVEL_OF_STRIDE.get(self.stride)

    @property
    def size(self) -> str:
        """The shape as the paper prints it, ``H×W×C``."""
        return "×".join(map(str, self.shape))


class Network(Frozen):
    """Blocks in the order in which they ran, and which reads which."""

    blocks: tuple[Block, ...]
    edges: tuple[Edge, ...]

    def block(self, identifier: str) -> Block:
        """A block by id; the id has to be one of the network's."""
        return next(block for block in self.blocks if block.id == identifier)

    def of(self, part: Part) -> tuple[Block, ...]:
        """The blocks of a part, in their order."""
        return tuple(block for block in self.blocks if block.part is part)

    def before(self, block: Block) -> tuple[Block, ...]:
        """What a block reads, in the order of the network."""
        sources = {source for source, target in self.edges if target == block.id}
        return tuple(other for other in self.blocks if other.id in sources)

    def after(self, block: Block) -> tuple[Block, ...]:
        """What reads a block."""
        targets = {target for source, target in self.edges if source == block.id}
        return tuple(other for other in self.blocks if other.id in targets)

    def all_before(self, block: Block) -> frozenset[str]:
        """Ids of all that a block depends on."""
        found: set[str] = set()
        waiting = [block]
        while waiting:
            sources = [other for other in self.before(waiting.pop()) if other.id not in found]
            found.update(other.id for other in sources)
            waiting += sources
        return frozenset(found)


class Impulse(Frozen):
    """A one at a single place of one channel of a module's input, and a place of its output that is not zero."""

    channel: int
    """Of the input."""
    target: int
    """Channel of the output."""
    row: int
    """From the impulse's row to the output's; for an enlarging module, within the pixels that one pixel becomes."""
    column: int
    weight: float


class Impulses(Frozen):
    """How a layer without parameters moves what it reads, found by running it."""

    module: str
    """Path of the module that was run."""
    channels: int
    """Of its input."""
    kernel: int
    """Its window or factor: k or r."""
    found: tuple[Impulse, ...]


class Architecture(Frozen):
    """Everything in ``models/architecture.json``."""

    key: str
    """Of the job that made it."""
    size: int = Field(gt=0)
    """Side of the images that the segmentation networks read."""
    pretraining_size: int = Field(gt=0)
    pretraining_classes: int = Field(gt=0)
    network: Network
    """ExFuse, with what the baseline does not have marked as proposed."""
    classifier: Network
    """What pretrains ExFuse's backbone."""
    dap: Impulses | None
    """None where ExFuse's decoder ends without DAP."""
    shuffle: Impulses | None
    """ECRE's rearrangement of channels; none where the first upsampling is a deconvolution."""
