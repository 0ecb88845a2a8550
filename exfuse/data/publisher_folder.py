"""A publisher's folder while it is filled: images, palette masks and, at the end, the index table."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exfuse.data.images import image_size
from exfuse.data.prepared import INDEX_COLUMNS, SPLITS, PreparedImage
from exfuse.data.workspace import Workspace, writing
from exfuse.errors import UserError
from exfuse.files import write_csv


@dataclass(frozen=True, slots=True)
class _Image:
    path: str
    split: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Mask:
    path: str
    size: tuple[int, int]
    classes: tuple[int, ...]
    origin: str


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
        self._images: dict[str, _Image] = {}
        self._masks: dict[str, _Mask] = {}

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
        path = f"images/{identifier}{suffix}"
        finished = self._workspace.finished.get(path)
        if finished is None:
            return None
        width, height = finished.about["size"]
        self._take(identifier, _Image(path, split, (width, height)))
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
        image = _Image(f"images/{identifier}{suffix}", split, image_size(content, origin))
        self._take(identifier, image)
        self._workspace.write(image.path, content, {"size": image.size})
        return image.size

    def resume_mask(self, identifier: str, origin: str) -> bool:
        """Adds a mask that was finished before, and says whether it was; errors are those of :meth:`add_mask`."""
        path = f"masks/{identifier}.png"
        finished = self._workspace.finished.get(path)
        if finished is None:
            return False
        width, height = finished.about["size"]
        self._take_mask(identifier, _Mask(path, (width, height), tuple(finished.about["classes"]), origin))
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
        mask = _Mask(f"masks/{identifier}.png", size, classes, origin)
        self._take_mask(identifier, mask)
        self._workspace.write(mask.path, content, {"size": size, "classes": classes})

    def has(self, kind: str, identifier: str) -> bool:
        """Whether an id's file of ``images`` or ``masks`` has been added."""
        return identifier in (self._images if kind == "images" else self._masks)

    def finish(self) -> dict[str, int]:
        """Writes ``index.csv`` and returns the number of images of each split."""
        self._remove_strangers()
        entries = sorted(map(self._entry, self._images), key=lambda entry: (SPLITS.index(entry.split), entry.id))
        write_csv(self._workspace.content / "index.csv", INDEX_COLUMNS, (entry.row() for entry in entries))
        return {split: sum(entry.split == split for entry in entries) for split in SPLITS}

    def _entry(self, identifier: str) -> PreparedImage:
        image, mask = self._images[identifier], self._masks.get(identifier)
        return PreparedImage(
            identifier,
            image.split,
            f"{self._name}/{image.path}",
            f"{self._name}/{mask.path}" if mask else "",
            *image.size,
            mask.classes if mask else (),
        )

    def _check_new(self, identifier: str, origin: str) -> None:
        if (image := self._images.get(identifier)) is not None:
            raise UserError(f"{origin}: image {identifier} is already in split `{image.split}`.")

    def _take(self, identifier: str, image: _Image) -> None:
        self._images[identifier] = image
        self._compare_sizes(identifier)

    def _take_mask(self, identifier: str, mask: _Mask) -> None:
        self._masks[identifier] = mask
        self._compare_sizes(identifier)

    def _compare_sizes(self, identifier: str) -> None:
        image, mask = self._images.get(identifier), self._masks.get(identifier)
        if image and mask and image.size != mask.size:
            raise UserError(
                f"{mask.origin}: the mask has {mask.size[0]}×{mask.size[1]} pixels, its image "
                f"{image.size[0]}×{image.size[1]}."
            )

    def _remove_strangers(self) -> None:
        """What a killed preparation left, and this one did not finish, is in no index."""
        added = {entry.path for entries in (self._images, self._masks) for entry in entries.values()}
        content = self._workspace.content
        with writing(content):
            for path in content.rglob("*"):
                if path.is_file() and str(path.relative_to(content)) not in added:
                    path.unlink()


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
            print(
                f"{target.name}: {images} images and {len(workspace.finished) - images} masks of an interrupted "
                "preparation are kept",
                file=sys.stderr,
            )
        yield PublisherFolder(workspace, target.name)
        workspace.publish()
    finally:
        workspace.close()
