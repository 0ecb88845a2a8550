"""What a file of weights says of itself: JSON in the metadata of safetensors, read here without torch.

Whoever has the file alone can build the network, prepare an image for it, name its classes, and see where it came
from. Nothing in it differs between two machines with the same code, spec and data: equal weights are equal files.
"""

import math
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from exfuse.errors import UserError
from exfuse.spec.base import Frozen
from exfuse.spec.model import STRIDE, BackboneSpec, ModelSpec
from exfuse.spec.settings import Normalization

METADATA = "exfuse"
"""Key of the metadata; one text, because safetensors writes several in any order."""
SMALLEST_HEADER, LARGEST_HEADER = 2, 100_000_000
"""Bytes: `{}`, and what the safetensors library reads."""
LARGEST_SIZE = 8192
"""Pixels: sixteen times the paper's. A file that says more would have every photograph padded to it."""
TYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E4M3FNUZ": 1, "F8_E5M2": 1, "F8_E5M2FNUZ": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
"""Bytes of a value of each type that the safetensors library gives to torch."""
LARGEST_COUNT = 2**63 - 1
"""Of values or bytes: what 64 bits hold. Python alone would go on to numbers that it cannot print."""
MOST_AXES = 64
"""Of a tensor, in torch."""
SHOWN = 100
"""Characters of a tensor's name in a message."""
PICKLES = (b"PK\x03\x04", b"\x80")
"""How files of ``torch.save`` begin: a zip with a pickle inside, or a bare pickle."""


class Origin(Frozen):
    """Where weights come from."""

    job: str
    """Name in the graph, such as ``runs/exfuse/seed0/trainaug``."""
    key: str
    """The job's key: a hash of its settings and of all that it was made from."""
    upstream: dict[str, str] = Field(default_factory=dict)
    """Keys of the jobs that it read."""
    preset: str
    data: str
    """Title of the folder of archives."""
    caveat: str = ""
    """What a reader has to know about the numbers."""
    code: str
    """Commit of the code that trained, ``+changes`` where tracked files differed."""
    libraries: dict[str, str] = Field(default_factory=dict)
    """Versions."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """All settings of the job, as in its manifest."""


_Share = Annotated[float, Field(ge=0, le=1)]
_Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]


class Scores(Frozen):
    """What a model scored right after its training, in 0–1."""

    on: str
    """The set, in words."""
    images: _Count
    miou: _Share | None
    miou_flip: _Share | None
    """Averaged with the mirrored images."""
    iou: dict[str, _Share | None]
    """By class name; none: no ground truth in the set."""
    boundary_width: float | None = Field(default=None, gt=0)
    """Pixels to a change of label that count as boundary where the preset that trained scores; none: not noted."""


class SegmenterInfo(Frozen):
    """A segmentation network."""

    kind: Literal["segmenter"] = "segmenter"
    title: str
    model: ModelSpec
    classes: tuple[str, ...]
    """Names in the order of the scores' channels."""
    labels: tuple[Annotated[int, Field(ge=0, lt=255)], ...]
    """The classes' values in label masks."""
    merged: tuple[Annotated[int, Field(ge=0, lt=255)], ...] = ()
    """Values in label masks that counted as the first class in training, since the preset leaves their classes out."""
    size: int = Field(gt=0, le=LARGEST_SIZE, multiple_of=STRIDE)
    """Side in pixels to which images were padded or cropped in training, and are padded in use."""
    normalization: Normalization
    scores: Scores | None
    """None: not its run's last stage, or no labels to score it on."""
    rearranged: bool | None = None
    """Whether the paper's layer rearrangement (LR) spread the backbone's blocks over the stages, which their numbers do
    not tell at another size than the paper's; none: not noted."""
    origin: Origin

    @model_validator(mode="after")
    def _classes_agree(self) -> "SegmenterInfo":
        if not len(self.classes) == len(self.labels) == self.model.num_classes:
            raise ValueError(
                f"{len(self.classes)} class names and {len(self.labels)} labels for {self.model.num_classes} classes"
            )
        if len(set(self.classes)) != len(self.classes) or not all(self.classes):
            raise ValueError("a class has no name of its own")
        values = (*self.labels, *self.merged)
        if len(set(values)) != len(values):
            raise ValueError("a value in label masks stands for two classes")
        return self


class ClassifierInfo(Frozen):
    """A backbone with its classifier, as pretraining leaves it."""

    kind: Literal["classifier"] = "classifier"
    title: str
    backbone: BackboneSpec
    num_classes: int = Field(gt=1, le=LARGEST_COUNT)
    normalization: Normalization
    top1_error: _Share | None
    """In 0–1; none: not trained here."""
    rearranged: bool | None = None
    """As in :class:`SegmenterInfo`."""
    origin: Origin


WeightsInfo = SegmenterInfo | ClassifierInfo
_ADAPTER: TypeAdapter[WeightsInfo] = TypeAdapter(Annotated[WeightsInfo, Field(discriminator="kind")])


class _Tensor(BaseModel):
    """An entry of a header."""

    dtype: str
    shape: Annotated[list[_Count], Field(max_length=MOST_AXES)]
    data_offsets: Annotated[list[_Count], Field(min_length=2, max_length=2)]


_HEADER: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_WORDS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_TENSORS: TypeAdapter[dict[str, _Tensor]] = TypeAdapter(dict[str, _Tensor])


def read_info(source: Path) -> WeightsInfo:
    """What a file of weights says of itself.

    Raises:
        UserError: the file is absent, cut short, a pickle, or no safetensors file of this program.
    """
    text = read_header(source).get("__metadata__", {}).get(METADATA)
    if text is None:
        raise UserError(
            f"{source} does not say what it holds: it was written by another program, or by an early version of this "
            "one. Give weights that this program trained "
            "(`results/<preset>/runs/<run>/seed<k>/<stage>/weights.safetensors`)."
        )
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in (".".join(map(str, first["loc"])),) if part)
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(
            f"{source} describes itself in a way that this version does not know ({where}{message}). "
            "Train it again, or use the version that wrote it."
        ) from error


def read_segmenter_info(source: Path) -> SegmenterInfo:
    """As :func:`read_info`, of a segmentation network.

    Raises:
        UserError: as there, or the file holds a backbone.
    """
    info = read_info(source)
    if not isinstance(info, SegmenterInfo):
        raise UserError(
            f"{source} holds a backbone ({info.title}), no segmentation network. Give the weights of a run "
            "(`results/<preset>/runs/<run>/seed<k>/<stage>/weights.safetensors`)."
        )
    return info


def read_header(source: Path) -> dict[str, Any]:
    """The header of a safetensors file: type, shape and place of each tensor, and ``__metadata__``.

    Raises:
        UserError: the file is absent, no regular file, cut short, a pickle, or no safetensors file, or its header
            contradicts itself.
    """
    try:
        if not stat.S_ISREG(source.stat().st_mode):  # opening a pipe would wait for ever
            raise UserError(f"cannot read {source}: it is no regular file. Give the file of weights itself.")
        with open(source, "rb") as stream:
            return _header(stream, source)
    except FileNotFoundError as error:
        raise UserError(f"{source} is missing. Make it, or fetch it from where the results came from.") from error
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}.") from error


def _header(stream: BinaryIO, source: Path) -> dict[str, Any]:
    start = stream.read(9)
    length = struct.unpack("<Q", start[:8])[0] if len(start) == 9 else 0
    if not start.endswith(b"{") and start.startswith(PICKLES):  # a length may begin like a pickle, a header never does
        raise UserError(
            f"{source} holds a pickle (a file of torch.save), which can run any code when it is opened; it is not "
            "opened. Give a .safetensors file."
        )
    if not start.endswith(b"{") or not SMALLEST_HEADER <= length <= LARGEST_HEADER:
        raise UserError(f"{source} is no safetensors file, or cut short. Fetch or make it again.")
    text = b"{" + stream.read(length - 1)
    size = stream.seek(0, 2)
    try:
        header = _HEADER.validate_json(text)
        _WORDS.validate_python(header.get("__metadata__", {}), strict=True)
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        tensors = _TENSORS.validate_python(entries, strict=True)
    except ValidationError as error:
        what = "cut short" if len(text) < length else "no safetensors file"
        raise UserError(f"{source} is {what}. Fetch or make it again.") from error
    whole = 8 + length + max((entry.data_offsets[1] for entry in tensors.values()), default=0)
    if size != whole:
        raise UserError(f"{source} is cut short or damaged ({size} bytes of {whole}). Fetch or make it again.")
    if what := _contradiction(tensors):
        raise UserError(f"the header of {source} contradicts itself ({what}). Fetch or make it again.")
    return header


def _contradiction(tensors: Mapping[str, _Tensor]) -> str:
    """Why these are no tensors that lie one after the other, in words; empty where they are."""
    place = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        start, end = tensor.data_offsets
        if tensor.dtype not in TYPE_BYTES:
            return f"{name[:SHOWN]!r} is of an unknown type"
        if end - start != math.prod(tensor.shape) * TYPE_BYTES[tensor.dtype]:
            return f"{name[:SHOWN]!r} has another number of bytes than its shape and type need"
        if start != place:
            return f"{name[:SHOWN]!r} does not begin where the tensor before it ends"
        place = end
    return ""
