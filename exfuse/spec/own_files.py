"""Which files a user's own data set consists of, by its lists, and the identity of all of them."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exfuse.errors import UserError
from exfuse.spec.own import OWN_SPLITS, OwnData, OwnSplit
from exfuse.spec.raw import Digests

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")

_ID_PLACE = "{id}"
_NAMED = 3
_NO_FILE_NAME = re.compile(r"[^\w.-]|^[.-]")


@dataclass(frozen=True, slots=True)
class OwnImage:
    """An image that a list names.

    Attributes:
        id: its name in the prepared data.
        listed: its name in the list.
        split: ``train`` or ``val``.
        image: the image's file.
        mask: the mask's file.
    """

    id: str
    listed: str
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
    by_file: dict[str, OwnImage] = {}
    absent: list[str] = []
    for split in OWN_SPLITS:
        listing = folder / getattr(own.lists, split)
        for number, words in _lines(listing):
            image, mask = _paths(folder, words, finders)
            name = _NO_FILE_NAME.sub("_", _stem(words[0]).strip("/").replace("/", "__"))
            if name in found:
                raise UserError(f"{listing}, line {number}: {_taken(words[0], found[name])}")
            absent += [str(path) for path in (image, mask) if not path.is_file()]
            found[name] = OwnImage(name, words[0], split, image, mask)
            other = by_file.setdefault(os.path.realpath(image), found[name])
            if other is not found[name]:
                raise UserError(
                    f"{listing}, line {number}: {words[0]} is the same image as {other.listed} in the list of "
                    f"`{other.split}`."
                )
    if absent:
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        raise UserError(
            f"the lists of {folder} name images or masks that are not there: {', '.join(absent[:_NAMED])}{more}. "
            "Put them there, take them from the lists, or correct `images` and `masks` in params/datasets.yaml."
        )
    return list(found.values())


def _taken(listed: str, other: OwnImage) -> str:
    if _stem(listed) == _stem(other.listed):
        return f"{listed} is in the list of `{other.split}` already."
    return f"{listed} and {other.listed} would both be prepared as {other.id}. Rename one of them."


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
        for path in _files_below(folder / place):
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
    lines = [(number, _words(line.strip())) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise UserError(f"the list {listing} names no image.")
    yield from lines


def _words(line: str) -> list[str]:
    """The paths of image and mask, apart by a tab or a space, or an id, which may hold spaces."""
    words = [word.strip() for word in (line.split("\t") if "\t" in line else line.split(" ")) if word.strip()]
    return words if len(words) == 2 and all(word.lower().endswith(SUFFIXES) for word in words) else [line]


def _files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder and those below it, linked ones too, in order."""
    for above, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        yield from (Path(above) / name for name in sorted(names))


def _paths(folder: Path, words: list[str], finders: tuple[_Finder, _Finder]) -> tuple[Path, Path]:
    if len(words) == 2:
        image, mask = (folder / word.lstrip("/") for word in words)
        return image, mask
    image, mask = (finder.find(words[0]) for finder in finders)
    return image, mask
