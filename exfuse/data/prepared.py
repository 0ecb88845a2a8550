"""The folder that preparation writes for each publisher: images, palette masks and one index table.

``index.csv`` has one line an image, sorted by split (train, val, test) and id; its paths are relative to the folder
above the publisher's, so that the sets built from several publishers share one root.
"""

import multiprocessing
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from exfuse.data.images import image_size
from exfuse.errors import UserError
from exfuse.files import read_csv, write_csv

SPLITS = ("train", "val", "test")
INDEX_COLUMNS = ("id", "split", "image", "mask", "width", "height", "classes")

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_JOBS_PER_WORKER = 4

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A line of an index table.

    Attributes:
        id: the publisher's name of the image, without suffix.
        split: ``train``, ``val`` or ``test``.
        image: path of the image, relative to the prepared root.
        mask: path of the mask, likewise; empty where the publisher keeps it (VOC test).
        width: pixels.
        height: pixels.
        classes: VOC's object classes in the mask, ascending.
    """

    id: str
    split: str
    image: str
    mask: str
    width: int
    height: int
    classes: tuple[int, ...]

    def row(self) -> dict[str, str | int]:
        """The line's cells by column."""
        cells: dict[str, str | int] = {column: getattr(self, column) for column in INDEX_COLUMNS}
        return {**cells, "classes": " ".join(map(str, self.classes))}


@dataclass(frozen=True, slots=True)
class _Mask:
    size: tuple[int, int]
    classes: tuple[int, ...]
    origin: str


class PublisherFolder:
    """A publisher's folder while it is filled, in any order; ``finish`` writes the index."""

    def __init__(self, root: Path, name: str) -> None:
        """Starts empty; the folders for images and masks are made when the first of them is added.

        Args:
            root: where the files are written.
            name: the folder's final name, with which the index's paths begin.
        """
        self._root, self._name = root, name
        self._sizes: dict[str, tuple[int, int]] = {}
        self._splits: dict[str, str] = {}
        self._masks: dict[str, _Mask] = {}

    def add_image(self, identifier: str, split: str, content: bytes, origin: str) -> tuple[int, int]:
        """Keeps an image's bytes unchanged.

        Args:
            identifier: the image's id.
            split: ``train``, ``val`` or ``test``.
            content: the publisher's file.
            origin: the image's name in messages.

        Returns:
            Its width and height in pixels.

        Raises:
            UserError: it is no usable image, its id is taken, its mask has another size, or the disk refuses it.
        """
        if identifier in self._splits:
            raise UserError(f"{origin}: image {identifier} is already in split `{self._splits[identifier]}`.")
        self._sizes[identifier] = image_size(content, origin)
        self._splits[identifier] = split
        self._compare_sizes(identifier)
        self._store(f"images/{identifier}.jpg", content)
        return self._sizes[identifier]

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
        self._masks[identifier] = _Mask(size, classes, origin)
        self._compare_sizes(identifier)
        self._store(f"masks/{identifier}.png", content)

    def has(self, kind: str, identifier: str) -> bool:
        """Whether an id's file of ``images`` or ``masks`` has been added."""
        return identifier in (self._splits if kind == "images" else self._masks)

    def finish(self) -> dict[str, int]:
        """Writes ``index.csv`` and returns the number of images of each split."""
        entries = sorted(map(self._entry, self._splits), key=lambda entry: (SPLITS.index(entry.split), entry.id))
        write_csv(self._root / "index.csv", INDEX_COLUMNS, (entry.row() for entry in entries))
        return {split: sum(entry.split == split for entry in entries) for split in SPLITS}

    def _entry(self, identifier: str) -> PreparedImage:
        width, height = self._sizes[identifier]
        mask = self._masks.get(identifier)
        return PreparedImage(
            identifier,
            self._splits[identifier],
            f"{self._name}/images/{identifier}.jpg",
            f"{self._name}/masks/{identifier}.png" if mask else "",
            width,
            height,
            mask.classes if mask else (),
        )

    def _compare_sizes(self, identifier: str) -> None:
        size, mask = self._sizes.get(identifier), self._masks.get(identifier)
        if size and mask and size != mask.size:
            raise UserError(
                f"{mask.origin}: the mask has {mask.size[0]}×{mask.size[1]} pixels, its image {size[0]}×{size[1]}."
            )

    def _store(self, path: str, content: bytes) -> None:
        target = self._root / path
        try:
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise UserError(f"cannot write {self._name}/{path}: {error.strerror or error}.") from error


def read_index(index: Path) -> list[PreparedImage]:
    """Reads an index table.

    Raises:
        UserError: it is absent or no index table.
    """
    try:
        return [
            PreparedImage(
                row["id"],
                row["split"],
                row["image"],
                row["mask"],
                int(row["width"]),
                int(row["height"]),
                tuple(map(int, row["classes"].split())),
            )
            for row in read_csv(index)
        ]
    except (KeyError, ValueError, AttributeError) as error:
        raise UserError(f"{index} is no index table ({error}). Prepare the data again.") from error


def read_list(content: bytes, origin: str) -> list[str]:
    """Image ids of a publisher's split list, one a line.

    Raises:
        UserError: an id is no plain file name, or stands there twice.
    """
    ids = content.decode("utf-8", "replace").split("\n")
    ids = [stripped for line in ids if (stripped := line.strip())]
    seen: set[str] = set()
    for identifier in ids:
        check_id(identifier, origin)
        if identifier in seen:
            raise UserError(f"{origin}: the list names {identifier} twice.")
        seen.add(identifier)
    return ids


def check_id(identifier: str, origin: str) -> None:
    """Refuses what could not be a file's name: ids become file names.

    Raises:
        UserError: always then.
    """
    if not _ID.fullmatch(identifier):
        raise UserError(f"{origin}: `{identifier}` is no image id (letters, digits, `_`, `-` and `.`).")


def progress(items: Iterable[T], total: int, what: str, unit: str = "images") -> Iterable[T]:
    """Passes ``items`` on with a progress bar on standard error, on terminals only."""
    bar: Iterable[T] = tqdm(items, total=total, desc=what, unit=unit, mininterval=0.5, leave=False, disable=None)
    return bar


def ordered_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``map`` on worker processes: results in the order of the items, a bounded number of items in flight.

    Args:
        function: a module-level function.
        items: its arguments.
        workers: processes; 1 computes in this one.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    waiting: deque[Future[R]] = deque()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver")) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= workers * _JOBS_PER_WORKER:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
