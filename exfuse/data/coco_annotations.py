"""COCO's instance annotations, read with a memory that is bounded by VOC's share of them.

The official file of the 2017 training split has 470 MB of text. Objects are reduced while the JSON is parsed: polygons
to packed numbers, and annotations of other categories to nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exfuse.data.archives import ZipReader, place
from exfuse.data.prepared import check_id
from exfuse.errors import UserError

VOC_CATEGORY_IDS = (0, 5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72)
"""COCO's category id of each VOC class, background first."""

MAX_JSON_BYTES = 2 << 30

_LABELS = {category: label for label, category in enumerate(VOC_CATEGORY_IDS) if label > 0}
_MIN_COORDINATES = 6


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

    def encode(self, width: int, height: int, origin: str) -> dict[str, Any]:
        """The region as a compressed run-length code of pycocotools.

        Args:
            width: of the image, pixels.
            height: of the image, pixels.
            origin: the annotations' name in messages.

        Raises:
            UserError: a polygon has too few or uneven coordinates, lies far outside, or the code does not fit.
        """
        from pycocotools import mask as rle

        name = f"{origin}: annotation {self.id}"
        try:
            if self.runs is None:
                _check_polygons(self.polygons, width, height, name)
                return dict(rle.merge(rle.frPyObjects([polygon.tolist() for polygon in self.polygons], height, width)))
            _check_runs(self.runs, width, height, name)
            if isinstance(self.runs["counts"], list):
                return dict(rle.frPyObjects(self.runs, height, width))
            rle.decode(self.runs)
            return self.runs
        except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
            raise UserError(f"{name}: its segmentation is broken ({error}).") from error


def _check_polygons(polygons: Sequence[NDArray[np.float64]], width: int, height: int, name: str) -> None:
    if not polygons:
        raise UserError(f"{name} has no polygon.")
    for polygon in polygons:
        if polygon.ndim != 1 or polygon.size < _MIN_COORDINATES or polygon.size % 2:
            raise UserError(f"{name}: a polygon has {polygon.size} coordinates; three points or more are needed.")
        extent = np.array([width, height])
        points = polygon.reshape(-1, 2)
        # an outline may overshoot the border, but pycocotools' memory grows with the distance
        if not np.all((points >= -extent) & (points <= 2 * extent)):
            raise UserError(f"{name}: a polygon lies outside the image of {width}×{height} pixels.")


def _check_runs(runs: dict[str, Any], width: int, height: int, name: str) -> None:
    if list(runs["size"]) != [height, width]:
        raise UserError(f"{name}: its run-length code is for {runs['size']}, the image has [{height}, {width}].")
    counts = runs["counts"]
    if isinstance(counts, list) and (min(counts, default=-1) < 0 or sum(counts) != width * height):
        raise UserError(f"{name}: its run-length code does not cover the {width}×{height} pixels of the image.")


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image with its regions of VOC's classes.

    Attributes:
        id: file name without suffix.
        file_name: in the folder of its split.
        width: pixels.
        height: pixels.
        regions: in the file's order.
    """

    id: str
    file_name: str
    width: int
    height: int
    regions: list[Region] = field(default_factory=list)


@dataclass(slots=True)
class _Reducer:
    """Reduces each JSON object as soon as it is parsed; keeps the first annotation id of every category met."""

    origin: str
    categories_met: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, entry: dict[str, Any]) -> Any:
        try:
            if "image_id" in entry:
                return self._annotation(entry)
            if "file_name" in entry:
                return entry["id"], str(entry["file_name"]), int(entry["width"]), int(entry["height"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            what = "annotation" if "image_id" in entry else "image"
            raise UserError(f"{self.origin}: {what} {entry.get('id')} is broken or lacks {error}.") from error
        return entry

    def _annotation(self, entry: dict[str, Any]) -> tuple[Any, Region] | None:
        category = entry["category_id"]
        self.categories_met.setdefault(category, entry["id"])
        if category not in _LABELS:
            return None
        shape, crowd = entry["segmentation"], bool(entry.get("iscrowd", 0))
        runs = shape if isinstance(shape, dict) else None
        polygons = () if runs is not None else tuple(np.asarray(polygon, dtype=np.float64) for polygon in shape)
        return entry["image_id"], Region(int(entry["id"]), _LABELS[category], crowd, polygons, runs)


def read_instances(annotations: ZipReader, member: str) -> list[CocoImage]:
    """Images of an ``instances_*.json`` with their annotations of VOC's classes, in the order of their ids.

    Raises:
        UserError: the member is absent or no COCO file, or an annotation has an unknown category or image.
    """
    origin = place(annotations.archive, member)
    reducer = _Reducer(origin)
    try:
        content = json.loads(annotations.read(member, limit=MAX_JSON_BYTES), object_hook=reducer)
        listed, regions = content["images"], content["annotations"]
        categories = {category["id"] for category in content["categories"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{origin}: it is no COCO annotation file ({error!r}).") from error
    for category, annotation in reducer.categories_met.items():
        if category not in categories:
            raise UserError(f"{origin}: annotation {annotation} has the unknown category {category}.")
    return _join(listed, regions, origin)


def _join(listed: list[Any], regions: list[Any], origin: str) -> list[CocoImage]:
    for kind, entries in (("image", listed), ("annotation", [entry for entry in regions if entry is not None])):
        odd = next((entry for entry in entries if not isinstance(entry, tuple)), None)
        if odd is not None:
            raise UserError(f"{origin}: an {kind} lacks the keys of COCO: {str(odd)[:100]}.")
    images: dict[Any, CocoImage] = {}
    for number, file_name, width, height in listed:
        check_id(file_name, origin)
        if number in images:
            raise UserError(f"{origin}: image {number} is listed twice.")
        images[number] = CocoImage(PurePosixPath(file_name).stem, file_name, width, height)
    for entry in regions:
        if entry is None:
            continue
        number, region = entry
        if number not in images:
            raise UserError(f"{origin}: annotation {region.id} is of image {number}, which is not listed.")
        images[number].regions.append(region)
    return sorted(images.values(), key=lambda image: image.id)
