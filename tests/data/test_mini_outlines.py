"""COCO's region forms against pycocotools and hand-worked cases."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from exfuse.data.mini.outlines import polygons, run_lengths


def as_mask(rows: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in rows.split()])


def test_polygon_of_a_rectangle_has_its_four_corners() -> None:
    mask = as_mask("..... .###. .###. .....")
    assert polygons(mask) == [[1, 1, 4, 1, 4, 3, 1, 3]]


def test_run_lengths_go_down_the_columns_and_start_with_zeros() -> None:
    assert run_lengths(as_mask(".# ##")) == [1, 3]
    assert run_lengths(as_mask("#. #.")) == [0, 2, 2]
    assert run_lengths(as_mask(".. ..")) == [4]


SHAPES = {
    "hole": "##### #...# #.#.# #...# #####",
    "two holes": "####### #.###.# #.###.# #######",
    "corner touch": "##... ##... ..##. ..##. .....",
    "open bay": "#### #... #.## ####",
    "parts": "#.#.# ..... ##.##",
}


@pytest.mark.parametrize("rows", SHAPES.values(), ids=SHAPES.keys())
def test_polygons_fill_to_the_same_pixels(rows: str) -> None:
    mask = as_mask(rows)
    assert np.array_equal(filled(mask), mask)


def test_polygons_and_runs_of_random_regions_survive_pycocotools() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        mask = np.kron(rng.random((6, 7)) < 0.6, np.ones((2, 3))).astype(bool)
        mask[0, 0] = True
        assert np.array_equal(filled(mask), mask)
        height, width = mask.shape
        encoded = coco_mask.frPyObjects({"counts": run_lengths(mask), "size": [height, width]}, height, width)
        assert np.array_equal(coco_mask.decode(encoded).astype(bool), mask)


def filled(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    parts = coco_mask.frPyObjects([[float(v) for v in polygon] for polygon in polygons(mask)], height, width)
    return coco_mask.decode(coco_mask.merge(parts)).astype(bool)
