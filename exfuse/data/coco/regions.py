"""COCO's regions of VOC's classes, put aside on the disk while the annotations are read and found again by image.

The file of annotations is in no useful order, and its 450,000 regions of the 20 classes would fill the memory.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError

BATCH = 2000
"""Regions that wait in memory."""


@dataclass(frozen=True, slots=True)
class Region:
    """An annotation of one of VOC's classes.

    Attributes:
        id: the annotation's.
        label: VOC's class.
        crowd: whether it outlines a group rather than one object.
        polygons: coordinates x, y, x, y, … in pixels; empty for a run-length code.
        runs: COCO's run-length code, else ``None``.
    """

    id: int
    label: int
    crowd: bool
    polygons: tuple[NDArray[np.float64], ...]
    runs: dict[str, Any] | None


class RegionStore:
    """Regions by image, in the order in which they were added."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[int, int, int, bool, bytes, bytes, str | None]] = []

    def add(self, image: int, region: Region) -> None:
        """Puts a region aside.

        Raises:
            OverflowError: an id has more than 64 bits.
            ValueError: a polygon is no list of numbers.
        """
        if not all(-(1 << 63) <= number < 1 << 63 for number in (image, region.id)):
            raise OverflowError("an id has more than 64 bits")
        if any(polygon.ndim != 1 for polygon in region.polygons):
            raise ValueError("a polygon is no list of numbers")
        lengths = np.array([polygon.size for polygon in region.polygons], dtype=np.int64).tobytes()
        points = b"".join(polygon.tobytes() for polygon in region.polygons)
        runs = None if region.runs is None else json.dumps(region.runs)
        self._waiting.append((image, region.id, region.label, region.crowd, lengths, points, runs))
        if len(self._waiting) >= BATCH:
            self._flush()

    def complete(self) -> None:
        """Ends the adding; regions can be looked up from here on."""
        self._flush()
        self._connection.execute("CREATE INDEX by_image ON regions (image)")

    def doubled(self) -> int | None:
        """The id of an annotation that was added twice; none where there is none."""
        query = "SELECT id FROM regions GROUP BY id HAVING count(*) > 1 LIMIT 1"
        found = self._connection.execute(query).fetchone()
        return None if found is None else int(found[0])

    def of(self, image: int) -> list[Region]:
        """An image's regions."""
        query = "SELECT id, label, crowd, lengths, points, runs FROM regions WHERE image = ? ORDER BY rowid"
        return [_region(*row) for row in self._connection.execute(query, (image,))]

    def _flush(self) -> None:
        self._connection.executemany("INSERT INTO regions VALUES (?, ?, ?, ?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


def _region(identifier: int, label: int, crowd: int, lengths: bytes, points: bytes, runs: str | None) -> Region:
    ends = np.cumsum(np.frombuffer(lengths, dtype=np.int64))
    polygons = np.split(np.frombuffer(points), ends[:-1]) if lengths else []
    return Region(identifier, label, bool(crowd), tuple(polygons), None if runs is None else json.loads(runs))


@contextmanager
def region_store(file: Path) -> Iterator[RegionStore]:
    """An empty store in a file, which is deleted at the end.

    Raises:
        UserError: the file cannot be written, or the disk is full.
    """
    try:
        file.unlink(missing_ok=True)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", "locking_mode = EXCLUSIVE"):
                connection.execute(f"PRAGMA {setting}")  # it is never read after a crash
            connection.execute(
                "CREATE TABLE regions (image INTEGER, id INTEGER, label INTEGER, crowd INTEGER, "
                "lengths BLOB, points BLOB, runs TEXT)"
            )
            connection.execute("BEGIN")
            yield RegionStore(connection)
    except sqlite3.Error as error:
        raise UserError(
            f"cannot write {file}: {error}. Give the folder write permission and space, or set another place."
        ) from error
    finally:
        file.unlink(missing_ok=True)
