"""Photographs of anybody, as a viewer shows them: any common format, turned by EXIF, in eight bits of red, green, blue.

What is trained and scored on is not read here: masks lie as their image is stored (:mod:`exfuse.data.images`).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from exfuse.data.images import DECODING_ERRORS, opened, rgb_pixels
from exfuse.errors import UserError

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
DEEP_MODES = ("I", "F")
"""PIL's modes of values with 32 bits, which have no white."""
AS_STORED = 1


def decode_photograph(content: bytes, origin: str, *, displayed: bool = True) -> NDArray[np.uint8]:
    """Decodes an image file by its header, whatever its name says.

    Args:
        content: the file's bytes: JPEG, PNG, TIFF, BMP or WebP, of which the first picture counts.
        origin: the image's name in messages.
        displayed: whether EXIF's orientation is followed; else pixels are as stored.

    Returns:
        (H, W, 3) uint8, RGB. Grey and CMYK are converted, 16 bits scaled to eight; transparency is dropped.

    Raises:
        UserError: no such image, a damaged one, one of 32 bits, or of more than ``MAX_PIXELS``.
    """
    with opened(content, origin, FORMATS) as image:
        if image.mode in DEEP_MODES:
            raise UserError(f"{origin}: its values have 32 bits. Store it with 8 or 16.")
        stored = _orientation(image)
        if image.format == "TIFF":  # PIL turns these, and nothing else, while it decodes
            if not displayed and stored != AS_STORED:
                raise UserError(f"{origin}: the TIFF has orientation {stored}. Store its pixels as they should lie.")
            stored = AS_STORED
        pixels = rgb_pixels(image)
    return np.ascontiguousarray(turned(pixels, stored)) if displayed else pixels


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A view of stored pixels (H, W, 3) as EXIF's orientation 1 … 8 wants them shown; another value turns nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation of an open image; that of an unreadable EXIF is 1, as it is stored."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, AS_STORED)
    except DECODING_ERRORS:  # a picture is no worse for what a camera or editor wrote beside it
        return AS_STORED
    return value if value in range(1, 9) else AS_STORED
