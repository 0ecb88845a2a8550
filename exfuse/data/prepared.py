"""The index table of the folder that preparation writes for each publisher, and what all publishers' lists have to be.

``index.csv`` has one line an image, sorted by split (train, val, test) and id; its paths are relative to the folder
above the publisher's, so that the sets built from several publishers share one root.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from exfuse.errors import UserError
from exfuse.files import read_csv

SPLITS = ("train", "val", "test")
INDEX_COLUMNS = ("id", "split", "image", "mask", "width", "height", "classes")

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

T = TypeVar("T")


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


def check_counts(found: Mapping[str, int], expected: Mapping[str, int], origin: str) -> None:
    """Holds what an archive has to what the spec declares.

    Args:
        found: images by split, or classes.
        expected: likewise; only what both name is compared.
        origin: the archive, and the list where there is one.

    Raises:
        UserError: a number differs.
    """
    for name, number in found.items():
        if expected.get(name, number) != number:
            what = name if name == "classes" else f"images in `{name}`"
            raise UserError(
                f"{origin}: {number} {what}, expected {expected[name]}. The archive is incomplete or another release: "
                "get it from its publisher again. A folder that holds fewer has to be declared in "
                "params/datasets.yaml, with `subset_of` and `counts` of its own."
            )
