"""Predicted classes over the photograph that they were predicted from."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.evaluation.boundary import boundary_mask

CONTOUR = 1 / 400
"""Half the width of an object's contour, as a share of the picture's shorter side."""
QUALITY = 90
"""Of the JPEG, as PIL counts."""
MAX_SIDE = 65_500
"""Pixels; libjpeg writes no more."""


def overlay(photograph: NDArray[np.uint8], labels: NDArray[np.uint8], background: int | None) -> NDArray[np.uint8]:
    """Half photograph, half the classes' colours; along their borders the colours alone.

    Args:
        photograph: RGB (H, W, 3).
        labels: (H, W), as in label masks.
        background: the label that is left as it is, but for borders; none: each class is coloured.

    Returns:
        RGB (H, W, 3).
    """
    palette = np.frombuffer(voc_palette(), dtype=np.uint8).reshape(256, 3)
    mixed = (photograph >> 1) + (palette >> 1)[labels]
    border = boundary_mask(labels, max(1.0, CONTOUR * min(labels.shape)))
    if background is not None:
        untouched = labels == background
        mixed[untouched] = photograph[untouched]
        border &= ~untouched
    mixed[border] = palette[labels[border]]
    return mixed


def encode_overlay(pixels: NDArray[np.uint8]) -> bytes:
    """RGB (H, W, 3) as JPEG; a side of more than ``MAX_SIDE`` pixels is PIL's ``OSError``."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
