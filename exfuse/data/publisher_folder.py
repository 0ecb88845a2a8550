"""A publisher's folder while it is filled: images, palette masks and, at the end, the index table."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from exfuse.data.images import image_size
from exfuse.data.prepared import INDEX_COLUMNS, SPLITS, PreparedImage
from exfuse.data.progress import say
from exfuse.data.workspace import Workspace
from exfuse.errors import UserError
from exfuse.files import write_csv, writing

T = TypeVar("T")
Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(slots=True)
class _Entry:
    """What the index will say of an image, small, since COCO has a hundred thousand: equal values share one object.

    A side that has not been added yet has no size.
    """

    split: str = ""
    suffix: str = ""
    size: Size | None = None
    mask_size: Size | None = None
    classes: tuple[int, ...] = ()


class PublisherFolder:
    """Takes images and masks in any order; ``finish`` writes the index.

    What an interrupted preparation finished is asked for with ``resume_image`` and ``resume_mask`` before it is made.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Starts with nothing added.

        Args:
            workspace: where the files are written.
            name: the folder's final name, with which the index's paths begin.
        """
        self._workspace, self._name = workspace, name
        self._entries: dict[str, _Entry] = {}
        self._shared: dict[object, Any] = {}
        self._awaiting: dict[str, str] = {}
        """Origins of masks whose image has not been added yet."""

    @property
    def scratch(self) -> Path:
        """A folder for files that are needed while this one is filled."""
        return self._workspace.folder

    def resume_image(self, identifier: str, split: str, origin: str, suffix: str = ".jpg") -> tuple[int, int] | None:
        """Adds an image that was finished before; arguments, result and errors are those of :meth:`add_image`.

        Returns:
            None where it was not.
        """
        self._check_new(identifier, origin)
        finished = self._workspace.finished.get(_image_path(identifier, suffix))
        if finished is None:
            return None
        width, height = finished.about["size"]
        self._take_image(identifier, split, suffix, (width, height), origin)
        return width, height

    def add_image(
        self, identifier: str, split: str, content: bytes, origin: str, suffix: str = ".jpg"
    ) -> tuple[int, int]:
        """Keeps an image's bytes unchanged.

        Args:
            identifier: the image's id.
            split: ``train``, ``val`` or ``test``.
            content: the publisher's file.
            origin: the image's name in messages.
            suffix: of its file.

        Returns:
            Its width and height in pixels.

        Raises:
            UserError: it is no usable image, its id is taken, its mask has another size, or the disk refuses it.
        """
        self._check_new(identifier, origin)
        size = image_size(content, origin)
        self._take_image(identifier, split, suffix, size, origin)
        self._workspace.write(_image_path(identifier, suffix), content, {"size": size})
        return size

    def resume_mask(self, identifier: str, origin: str) -> bool:
        """Adds a mask that was finished before, and says whether it was; errors are those of :meth:`add_mask`."""
        finished = self._workspace.finished.get(_mask_path(identifier))
        if finished is None:
            return False
        width, height = finished.about["size"]
        self._take_mask(identifier, (width, height), tuple(finished.about["classes"]), origin)
        return True

    def add_mask(
        self, identifier: str, content: bytes, size: tuple[int, int], classes: tuple[int, ...], origin: str
    ) -> None:
        """Keeps an image's mask.

        Args:
            identifier: the image's id.
            content: palette PNG.
            size: the mask's width and height in pixels.
            classes: its object classes.
            origin: the mask's name in messages.

        Raises:
            UserError: mask and image differ in size, or the disk refuses it.
        """
        self._take_mask(identifier, size, classes, origin)
        self._workspace.write(_mask_path(identifier), content, {"size": size, "classes": classes})

    def has(self, kind: str, identifier: str) -> bool:
        """Whether an id's file of ``images`` or ``masks`` has been added."""
        entry = self._entries.get(identifier)
        return entry is not None and (entry.size if kind == "images" else entry.mask_size) is not None

    def labels(self, split: str) -> set[int]:
        """Labels that occur in the masks of a split."""
        return {label for entry in self._entries.values() if entry.split == split for label in entry.classes}

    def finish(self) -> dict[str, int]:
        """Writes ``index.csv`` and returns the number of images of each split."""
        self._remove_strangers()
        images = [identifier for identifier, entry in self._entries.items() if entry.size is not None]
        images.sort(key=lambda identifier: (SPLITS.index(self._entries[identifier].split), identifier))
        write_csv(self._workspace.content / "index.csv", INDEX_COLUMNS, (self._line(name).row() for name in images))
        splits = Counter(self._entries[identifier].split for identifier in images)
        return {split: splits[split] for split in SPLITS}

    def _line(self, identifier: str) -> PreparedImage:
        entry = self._entries[identifier]
        assert entry.size is not None
        return PreparedImage(
            identifier,
            entry.split,
            f"{self._name}/{_image_path(identifier, entry.suffix)}",
            f"{self._name}/{_mask_path(identifier)}" if entry.mask_size else "",
            *entry.size,
            entry.classes,
        )

    def _check_new(self, identifier: str, origin: str) -> None:
        if self.has("images", identifier):
            raise UserError(f"{origin}: image {identifier} is already in split `{self._entries[identifier].split}`.")

    def _take_image(self, identifier: str, split: str, suffix: str, size: Size, origin: str) -> None:
        entry = self._entries.setdefault(identifier, _Entry())
        entry.split, entry.suffix, entry.size = split, suffix, self._share(size)
        _compare_sizes(entry, self._awaiting.pop(identifier, origin))

    def _take_mask(self, identifier: str, size: Size, classes: tuple[int, ...], origin: str) -> None:
        entry = self._entries.setdefault(identifier, _Entry())
        entry.mask_size, entry.classes = self._share(size), self._share(classes)
        if entry.size is None:
            self._awaiting[identifier] = origin
        _compare_sizes(entry, origin)

    def _share(self, value: T) -> T:
        """An equal value that was seen before, or this one."""
        shared: T = self._shared.setdefault(value, value)
        return shared

    def _remove_strangers(self) -> None:
        """What a killed preparation left, and this one did not finish, is in no index."""
        content = self._workspace.content
        with writing(content):
            for path in os.scandir(content):
                if path.is_file():
                    os.unlink(path)
            for kind in ("images", "masks"):
                for path in os.scandir(content / kind) if (content / kind).is_dir() else ():
                    identifier, suffix = os.path.splitext(path.name)
                    known = self.has(kind, identifier)
                    if not known or suffix != (self._entries[identifier].suffix if kind == "images" else ".png"):
                        os.unlink(path)


def _image_path(identifier: str, suffix: str) -> str:
    return f"images/{identifier}{suffix}"


def _mask_path(identifier: str) -> str:
    return f"masks/{identifier}.png"


def _compare_sizes(entry: _Entry, origin: str) -> None:
    if entry.size and entry.mask_size and entry.size != entry.mask_size:
        raise UserError(
            f"{origin}: the mask has {entry.mask_size[0]}×{entry.mask_size[1]} pixels, its image "
            f"{entry.size[0]}×{entry.size[1]}."
        )


@contextmanager
def publisher_folder(target: Path, identity: str | None = None) -> Iterator[PublisherFolder]:
    """A folder to fill that replaces ``target`` when the block ends without an exception.

    Args:
        target: the publisher's folder under the prepared root.
        identity: of all that it is made from. What an interrupted preparation of the same identity finished is kept;
            without one nothing is.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    workspace = Workspace(target, identity)
    try:
        if workspace.finished:
            images = sum(path.startswith("images/") for path in workspace.finished)
            say(
                f"{target.name}: {images} images and {len(workspace.finished) - images} masks of an interrupted "
                "preparation are kept"
            )
        yield PublisherFolder(workspace, target.name)
        workspace.publish()
    finally:
        workspace.close()
