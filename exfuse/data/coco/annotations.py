"""COCO's instance annotations, read in one pass with a memory that does not grow with their number.

The official file of the 2017 training split has 470 MB of text. A row an image stays in memory; the objects are reduced
one by one, and those of VOC's classes are put aside on the disk where masks are to be drawn from them.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from exfuse.data.archives import MAX_MEMBER_BYTES, ZipReader, place
from exfuse.data.coco.arrays import read_arrays
from exfuse.data.coco.regions import Region, RegionStore
from exfuse.data.lists import check_id
from exfuse.data.progress import progress
from exfuse.errors import UserError

VOC_CATEGORY_IDS = (0, 5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72)
"""COCO's category id of each VOC class, background first."""

MAX_JSON_BYTES = 2 << 30

_LABELS = {category: label for label, category in enumerate(VOC_CATEGORY_IDS) if label > 0}
_BROKEN = (KeyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image of a split.

    Attributes:
        number: COCO's id.
        file_name: in the folder of the split.
        width: pixels.
        height: pixels.
    """

    number: int
    file_name: str
    width: int
    height: int

    @property
    def id(self) -> str:
        """The file's name without suffix."""
        return PurePosixPath(self.file_name).stem


@dataclass(slots=True)
class Instances:
    """What a file of annotations holds of a split, its regions apart.

    Attributes:
        images: by COCO's id.
        shown: ids of the images with a single object (no crowd) of the wanted classes.
    """

    images: dict[int, ListedImage] = field(default_factory=dict)
    shown: set[int] = field(default_factory=set)

    def kept(self) -> list[ListedImage]:
        """The images that show a wanted class, in the order of their ids."""
        return sorted((self.images[number] for number in self.shown), key=lambda image: image.id)


def read_instances(
    annotations: ZipReader, member: str, wanted: Collection[int], store: RegionStore | None = None
) -> Instances:
    """Reads an ``instances_*.json``.

    Args:
        annotations: the archive.
        member: its file.
        wanted: labels of the classes that an image must show to be kept.
        store: where the regions of VOC's classes are put aside; without it the images are only counted.

    Raises:
        UserError: the member is absent or no COCO file, or an entry is broken, doubled, or has an unknown category or
            image.
    """
    origin = place(annotations.archive, member)
    reader = _Reader(origin, wanted, store)
    entries = {"images": reader.image, "annotations": reader.annotation, "categories": reader.category}
    with annotations.opened(member, limit=MAX_JSON_BYTES) as stream:
        try:
            for name, entry in progress(
                read_arrays(stream, entries), None, f"COCO {PurePosixPath(member).name}", "entries"
            ):
                entries[name](entry)
        except ValueError as error:
            while stream.read(MAX_MEMBER_BYTES):  # to the checksum: damage of the archive is the better explanation
                pass
            raise UserError(f"{origin}: it is no COCO annotation file ({error}).") from error
    reader.check()
    if store is not None:
        store.complete()
        doubled = store.doubled()
        if doubled is not None:
            raise UserError(f"{origin}: annotation {doubled} is listed twice.")
    return reader.found


@dataclass(slots=True)
class _Reader:
    """Keeps one annotation for every category and every image that is met before it is listed."""

    origin: str
    wanted: Collection[int]
    store: RegionStore | None
    found: Instances = field(default_factory=Instances)
    categories: set[int] = field(default_factory=set)
    categories_met: dict[int, int] = field(default_factory=dict)
    unlisted: dict[int, int] = field(default_factory=dict)

    def image(self, entry: Any) -> None:
        if not isinstance(entry, dict) or "file_name" not in entry:
            raise self._odd("image", entry)
        try:
            image = ListedImage(_id(entry["id"]), str(entry["file_name"]), int(entry["width"]), int(entry["height"]))
        except _BROKEN as error:
            raise self._broken("image", entry, error) from error
        check_id(image.file_name, self.origin)
        if image.number in self.found.images:
            raise UserError(f"{self.origin}: image {image.number} is listed twice.")
        self.found.images[image.number] = image

    def category(self, entry: Any) -> None:
        try:
            self.categories.add(_id(entry["id"]))
        except _BROKEN as error:
            raise UserError(f"{self.origin}: a category {_fault(error)}: {str(entry)[:100]}.") from error

    def annotation(self, entry: Any) -> None:
        if not isinstance(entry, dict) or "image_id" not in entry:
            raise self._odd("annotation", entry)
        try:
            identifier, number, category = _id(entry["id"]), _id(entry["image_id"]), _id(entry["category_id"])
            self.categories_met.setdefault(category, identifier)
            if number not in self.found.images:
                self.unlisted.setdefault(number, identifier)
            label = _LABELS.get(category)
            if label is None:
                return
            crowd = bool(entry.get("iscrowd", 0))
            if self.store is not None:
                self.store.add(number, _region(identifier, label, crowd, entry["segmentation"]))
        except _BROKEN as error:
            raise self._broken("annotation", entry, error) from error
        if not crowd and label in self.wanted:
            self.found.shown.add(number)

    def check(self) -> None:
        """What can be told at the end only, because the file's parts come in any order."""
        for category, annotation in self.categories_met.items():
            if category not in self.categories:
                raise UserError(f"{self.origin}: annotation {annotation} has the unknown category {category}.")
        for number, annotation in self.unlisted.items():
            if number not in self.found.images:
                raise UserError(f"{self.origin}: annotation {annotation} is of image {number}, which is not listed.")

    def _odd(self, kind: str, entry: Any) -> UserError:
        return UserError(f"{self.origin}: an {kind} lacks the keys of COCO: {str(entry)[:100]}.")

    def _broken(self, kind: str, entry: dict[str, Any], error: Exception) -> UserError:
        return UserError(f"{self.origin}: {kind} {entry.get('id')} {_fault(error)}.")


def _fault(error: Exception) -> str:
    return f"lacks {error}" if isinstance(error, KeyError) else f"is broken ({error})"


def _id(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"the id {str(value)[:40]!r} is no number")
    return value


def _region(identifier: int, label: int, crowd: bool, shape: Any) -> Region:
    if isinstance(shape, dict):
        return Region(identifier, label, crowd, (), shape)
    return Region(identifier, label, crowd, tuple(np.asarray(polygon, dtype=np.float64) for polygon in shape), None)
