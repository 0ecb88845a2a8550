"""Overlays: what is mixed, what is left, and where contours are."""

import io

import numpy as np
from PIL import Image

from exfuse.evaluation.overlay import encode_overlay, overlay

CAT = (64, 0, 0)
"""VOC's colour of label 8."""


def test_half_photograph_half_colour_with_a_contour_within_the_object() -> None:
    photograph = np.full((20, 30, 3), 100, dtype=np.uint8)
    labels = np.zeros((20, 30), dtype=np.uint8)
    labels[5:15, 10:20] = 8
    shown = overlay(photograph, labels, 0)
    inside = np.zeros((20, 30), dtype=bool)
    inside[6:14, 11:19] = True
    assert (shown[labels == 0] == 100).all()
    assert (shown[inside] == (50 + 32, 50, 50)).all()
    assert (shown[(labels == 8) & ~inside] == CAT).all()
    assert (photograph == 100).all()


def test_each_class_is_coloured_where_there_is_no_background() -> None:
    photograph = np.full((20, 20, 3), 100, dtype=np.uint8)
    assert (overlay(photograph, np.zeros((20, 20), dtype=np.uint8), None) == 50).all()  # label 0 is black


def test_contours_grow_with_the_picture() -> None:
    labels = np.zeros((2000, 2000), dtype=np.uint8)
    labels[500:1500, 500:1500] = 8
    shown = overlay(np.full((2000, 2000, 3), 100, dtype=np.uint8), labels, 0)
    assert (shown[1000, 500:505] == CAT).all()  # 2000 / 400
    assert (shown[1000, 505] != CAT).any()


def test_as_jpeg() -> None:
    with Image.open(io.BytesIO(encode_overlay(np.zeros((4, 6, 3), dtype=np.uint8)))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (6, 4))
