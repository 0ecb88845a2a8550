"""The archives as their publishers ship them, and the folders that hold them."""

from typing import Literal

from pydantic import Field, model_validator

from exfuse.spec.base import Frozen
from exfuse.spec.mini import MiniSettings

Publisher = Literal["voc", "voc-test", "sbd", "coco", "imagenet"]
PUBLISHERS: tuple[Publisher, ...] = ("voc", "voc-test", "sbd", "coco", "imagenet")


class Archive(Frozen):
    """A file of a publisher."""

    file: str
    md5: str | None = None
    """The publisher's checksum, where one is known."""
    obtain: str = ""
    """Where a person gets it."""


class Folder(Frozen):
    """A folder of archives: the official ones, a declared subset of them, or ones that the project makes itself."""

    title: str
    generated: MiniSettings | None = None
    archives: dict[Publisher, tuple[Archive, ...]]


class Datasets(Frozen):
    """``params/datasets.yaml``."""

    classes: tuple[str, ...] = Field(min_length=2)
    """VOC's classes in the order of their ids, background first."""
    hard_classes: tuple[str, ...]
    """Classes whose images are doubled for `trainval` (paper §4)."""
    folders: dict[str, Folder]

    @model_validator(mode="after")
    def _hard_classes_exist(self) -> "Datasets":
        for name in self.hard_classes:
            if name not in self.classes:
                raise ValueError(f"hard class '{name}' is none of `classes`")
        return self
