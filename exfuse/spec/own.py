"""A user's own data: folders of images and masks with split lists, in VOC's layout or any other.

What is declared is enough to fine-tune, evaluate and report any run of the paper on it; see ``docs/own-data.md``.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from exfuse.errors import UserError
from exfuse.spec.base import Frozen
from exfuse.spec.raw import Digests

OwnSplit = Literal["train", "val"]
OWN_SPLITS: tuple[OwnSplit, ...] = ("train", "val")
MAX_CLASSES = 255
"""Prepared masks have eight bits, and 255 is void."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")

_ID_PLACE = "{id}"
_NAMED = 3
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9_.-]|^[.-]")

Value = Annotated[int, Field(ge=0, le=65535)]


class Lists(Frozen):
    """Split lists, relative to the data's folder: an id a line, or the paths of an image and of its mask."""

    train: str = "ImageSets/Segmentation/train.txt"
    val: str = "ImageSets/Segmentation/val.txt"


class OwnData(Frozen):
    """Images and masks of one's own; paths are relative to the data's folder."""

    classes: tuple[str, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    """Names in the order of the masks' values."""
    images: str = "JPEGImages"
    """Folder of the images, or a pattern with ``{id}``."""
    masks: str = "SegmentationClass"
    """Folder of the masks, or a pattern with ``{id}``."""
    lists: Lists = Lists()
    first_value: Value = 0
    """The masks' value of the first class; the others follow."""
    ignore: tuple[Value, ...] = (255,)
    """The masks' values that are neither trained on nor scored."""
    white: int = Field(65535, gt=0, le=65535)
    """The value of 16-bit images that becomes the brightest of eight bits, such as 4095 for a sensor of 12 bits."""

    @field_validator("classes")
    @classmethod
    def _no_class_twice(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        for name in classes:
            if classes.count(name) > 1:
                raise ValueError(f"class '{name}' stands twice")
        return classes

    @model_validator(mode="after")
    def _ignored_values_are_no_classes(self) -> "OwnData":
        for value in self.ignore:
            if 0 <= value - self.first_value < len(self.classes):
                name = self.classes[value - self.first_value]
                raise ValueError(
                    f"value {value} is to be ignored and is class '{name}' too; list the classes without it, and set "
                    "`first_value` where the first class is not 0"
                )
        return self


@dataclass(frozen=True, slots=True)
class OwnImage:
    """An image that a list names; ``id`` is its name in the prepared data."""

    id: str
    split: OwnSplit
    image: Path
    mask: Path


def list_images(own: OwnData, folder: Path) -> list[OwnImage]:
    """All images that the lists name, in the lists' order.

    Args:
        own: the declared layout.
        folder: where the data lie.

    Raises:
        UserError: a list is absent or empty, names an image twice or in both splits, or names one that is not there.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder. Put the data there, or set `data_root` to the folder that holds it.")
    finders = _Finder(folder, own.images, "images"), _Finder(folder, own.masks, "masks")
    found: dict[str, OwnImage] = {}
    absent: list[str] = []
    for split in OWN_SPLITS:
        listing = folder / getattr(own.lists, split)
        for number, words in _lines(listing):
            image, mask = _paths(folder, words, finders)
            name = _NO_FILE_NAME.sub("_", _stem(words[0]).strip("/").replace("/", "__"))
            if name in found:
                raise UserError(
                    f"{listing}, line {number}: {words[0]} is in the list of `{found[name].split}` already."
                )
            absent += [str(path) for path in (image, mask) if not path.is_file()]
            found[name] = OwnImage(name, split, image, mask)
    if absent:
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        raise UserError(
            f"the lists of {folder} name images or masks that are not there: {', '.join(absent[:_NAMED])}{more}. "
            "Put them there, take them from the lists, or correct `images` and `masks` in params/datasets.yaml."
        )
    return list(found.values())


def identity(own: OwnData, folder: Path, digests: Digests) -> str:
    """A digest of everything that the lists name: splits, ids and the content of images and masks.

    Errors are those of :func:`list_images`.
    """
    images = list_images(own, folder)
    contents = digests.of_many([path for image in images for path in (image.image, image.mask)])
    pairs = zip(contents[::2], contents[1::2], strict=True)
    entries = [(image.id, image.split, *pair) for image, pair in zip(images, pairs, strict=True)]
    return f"sha256:{hashlib.sha256(json.dumps(sorted(entries)).encode()).hexdigest()}"


class _Finder:
    """Finds an id's file: by a pattern, or in a folder by its stem, whatever its suffix."""

    def __init__(self, folder: Path, place: str, what: str) -> None:
        self._folder, self._place = folder, place
        self._by_stem: dict[str, Path] = {}
        if _ID_PLACE in place:
            return
        if not (folder / place).is_dir():
            raise UserError(
                f"{folder / place} is no folder. Name the folder of the {what} under `own` in params/datasets.yaml, "
                f"or a pattern such as {place}/{_ID_PLACE}.png."
            )
        for path in sorted((folder / place).rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                stem = path.relative_to(folder / place).with_suffix("").as_posix()
                if stem in self._by_stem:
                    raise UserError(
                        f"{self._by_stem[stem]} and {path} have one id. Say which with a pattern: `{what}: …`."
                    )
                self._by_stem[stem] = path

    def find(self, identifier: str) -> Path:
        """The file of an id; where there is none, the place where one would be expected."""
        if _ID_PLACE in self._place:
            return self._folder / self._place.replace(_ID_PLACE, identifier)
        return self._by_stem.get(_stem(identifier), self._folder / self._place / identifier)


def _stem(identifier: str) -> str:
    """An id without the suffix of an image's file, which some lists give."""
    return identifier.rpartition(".")[0] if identifier.lower().endswith(SUFFIXES) else identifier


def _lines(listing: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = listing.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(
            f"cannot read the list {listing}: {reason}. Lists hold one id a line; `own.lists` in "
            "params/datasets.yaml says where they are."
        ) from error
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise UserError(f"the list {listing} names no image.")
    for number, words in lines:
        if len(words) > 2:
            raise UserError(f"{listing}, line {number}: {len(words)} words; an id, or the paths of image and mask.")
    yield from lines


def _paths(folder: Path, words: list[str], finders: tuple[_Finder, _Finder]) -> tuple[Path, Path]:
    if len(words) == 2:
        image, mask = (folder / word.lstrip("/") for word in words)
        return image, mask
    image, mask = (finder.find(words[0]) for finder in finders)
    return image, mask
