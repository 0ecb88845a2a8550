"""Drawing a COCO image's regions as a label mask.

* Crowd regions become 255, beneath the objects: the annotators' single objects are the surer labels.
* Where objects overlap, the one with fewer pixels is on top (of equals, the higher annotation id): what is drawn inside
  another outline is mostly in front of it, and a small object would otherwise vanish.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exfuse.data.coco.regions import Region
from exfuse.data.labels import IGNORE_INDEX
from exfuse.errors import UserError

_MIN_COORDINATES = 6


def draw_mask(regions: Sequence[Region], width: int, height: int, origin: str) -> NDArray[np.uint8]:
    """Draws an image's regions by the rules of this module.

    Args:
        regions: of VOC's classes.
        width: of the image, pixels.
        height: of the image, pixels.
        origin: the annotations' name in messages.

    Returns:
        (H, W) uint8: VOC's labels, 255 in crowd regions, 0 elsewhere.

    Raises:
        UserError: a polygon or a run-length code is broken.
    """
    from pycocotools import mask as rle  # reading a prepared folder need not pay for it

    encoded = [(region, encode_region(region, width, height, origin)) for region in regions]
    areas = rle.area([code for _, code in encoded]) if encoded else []
    order = sorted(
        range(len(encoded)), key=lambda index: (not regions[index].crowd, -int(areas[index]), regions[index].id)
    )
    mask = np.zeros((height, width), dtype=np.uint8)
    for index in order:
        region, code = encoded[index]
        mask[rle.decode(code) == 1] = IGNORE_INDEX if region.crowd else region.label
    return mask


def encode_region(region: Region, width: int, height: int, origin: str) -> dict[str, Any]:
    """A region as a compressed run-length code of pycocotools.

    Args:
        region: the region.
        width: of the image, pixels.
        height: of the image, pixels.
        origin: the annotations' name in messages.

    Raises:
        UserError: a polygon has too few or uneven coordinates, lies far outside, or the code does not fit.
    """
    from pycocotools import mask as rle

    name = f"{origin}: annotation {region.id}"
    try:
        if region.runs is None:
            _check_polygons(region, width, height, name)
            return dict(rle.merge(rle.frPyObjects([polygon.tolist() for polygon in region.polygons], height, width)))
        _check_runs(region.runs, width, height, name)
        if isinstance(region.runs["counts"], list):
            return dict(rle.frPyObjects(region.runs, height, width))
        rle.decode(region.runs)
        return region.runs
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise UserError(f"{name}: its segmentation is broken ({error}).") from error


def _check_polygons(region: Region, width: int, height: int, name: str) -> None:
    if not region.polygons:
        raise UserError(f"{name} has no polygon.")
    for polygon in region.polygons:
        if polygon.size < _MIN_COORDINATES or polygon.size % 2:
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
