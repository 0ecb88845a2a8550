"""The archives as their publishers ship them, and the folders that hold them."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from exfuse.spec.base import Frozen
from exfuse.spec.mini import MiniSettings
from exfuse.spec.own import OwnData

SetName = Literal["train", "trainaug", "trainval", "coco", "val", "test"]
Publisher = Literal["voc", "voc-test", "sbd", "coco", "imagenet"]
PUBLISHERS: tuple[Publisher, ...] = ("voc", "voc-test", "sbd", "coco", "imagenet")
OWN = "own"
"""Stands where a publisher's name would, for a user's own data."""

VOC_CLASSES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""Class names in the order of their label values 0..20."""


class Archive(Frozen):
    """A file of a publisher."""

    file: str = Field(min_length=1)
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    """The publisher's checksum, where one is known."""
    size: PositiveInt | None = None
    """Bytes, where they are known."""
    urls: tuple[str, ...] = ()
    """Where `exfuse data fetch` downloads it, in the order in which they are tried; none: it needs an account."""
    obtain: str = ""
    """Where a person gets it."""


class Folder(Frozen):
    """A folder of archives: the official ones, a declared subset of them, or ones that the project makes itself."""

    title: str
    directory: str | None = None
    """Its place below ``data/``; none: the folder's own name."""
    subset_of: str | None = None
    """The folder of which this one is declared to hold a part; its counts are those of the part."""
    generated: MiniSettings | None = None
    own: OwnData | None = None
    """Images and masks of one's own in place of VOC, SBD and COCO."""
    archives: dict[Publisher, tuple[Archive, ...]] = Field(default_factory=dict)
    counts: dict[Publisher, dict[str, PositiveInt]] = Field(default_factory=dict)
    """Images by split (ImageNet: ``classes`` too) that each publisher's archives have to hold; COCO's before the
    selection by class."""
    sets: dict[SetName, PositiveInt] = Field(default_factory=dict)
    """Images, without repeats, that a set has to have."""


class Datasets(Frozen):
    """``params/datasets.yaml``."""

    hard_classes: tuple[str, ...]
    """Classes whose images are doubled for `trainval` (paper §4)."""
    gcn_images: PositiveInt | None = None
    """Images of COCO, SBD and VOC in GCN's first stage; `exfuse data check` puts our own count beside it."""
    folders: dict[str, Folder]

    @field_validator("folders")
    @classmethod
    def _own_data_stand_alone(cls, folders: dict[str, Folder]) -> dict[str, Folder]:
        for name, folder in folders.items():
            others = set(folder.archives) - {"imagenet"}
            if folder.own is not None and others:
                raise ValueError(f"folder '{name}' has `own` data and archives of {sorted(others)}; name one of both")
        return folders

    @model_validator(mode="after")
    def _hard_classes_exist(self) -> "Datasets":
        for name in self.hard_classes:
            if name not in VOC_CLASSES[1:]:
                raise ValueError(f"hard class '{name}' is none of VOC's object classes")
        return self
