"""Photographs and masks at the size of a screen, as data URLs."""

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST_SIDE = 400
"""Pixels; larger pictures are made smaller."""
JPEG_QUALITY = 80
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises of files that are no pictures, or are cut."""

Labels = NDArray[np.uint8]


def read_photograph(source: Path) -> Image.Image:
    """A photograph in colour.

    Raises:
        OSError: it is absent, cut or no picture.
    """
    try:
        with Image.open(source) as image:
            return image.convert("RGB")
    except UNREADABLE as error:
        raise OSError(f"{source.name} cannot be read") from error


def read_labels(source: Path | io.BytesIO) -> Labels:
    """The values (H, W) of an indexed PNG, never its colours.

    Raises:
        OSError: it is absent, cut or no such picture.
    """
    try:
        with Image.open(source) as image:
            if image.mode not in ("P", "L"):
                raise OSError(f"a mask of mode {image.mode}")
            return np.asarray(image, dtype=np.uint8)
    except UNREADABLE as error:
        raise OSError("the mask cannot be read") from error


def photograph_url(photograph: Image.Image) -> str:
    """A photograph as JPEG."""
    return _url(photograph.resize(_shown(photograph.size), Image.Resampling.LANCZOS), "jpeg", quality=JPEG_QUALITY)


def mask_url(labels: Labels) -> str:
    """Labels (H, W) as PNG of one channel, each pixel that of the nearest."""
    height, width = labels.shape
    return _url(Image.fromarray(labels).resize(_shown((width, height)), Image.Resampling.NEAREST), "png")


def _shown(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, LONGEST_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _url(image: Image.Image, kind: str, **options: int) -> str:
    stream = io.BytesIO()
    image.save(stream, kind, optimize=True, **options)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
