"""Decoding and checking of images and label masks: by header, never by name, and never turned by EXIF.

VOC's, SBD's and COCO's masks are in sensor orientation, so an EXIF orientation must not be applied to their images.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import IGNORE_INDEX, VOC_CLASSES, voc_palette
from exfuse.errors import UserError

MAX_PIXELS = 100_000_000
"""The largest images of ImageNet have about 60 megapixels; what is beyond this is refused undecoded."""

_FORMATS = ("JPEG", "PNG")
_JPEG_END = b"\xff\xd9"
_TAIL_BYTES = 64
_DECODING_ERRORS = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


@contextmanager
def _opened(content: bytes, origin: str) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise UserError(f"{origin}: the image is too large ({error}).") from error
    except _DECODING_ERRORS as error:
        raise UserError(f"{origin}: it is no JPEG or PNG image ({error}).") from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise UserError(
                f"{origin}: the image has {image.width}×{image.height} pixels, more than the {MAX_PIXELS} accepted."
            )
        try:
            yield image
        except _DECODING_ERRORS as error:
            raise UserError(f"{origin}: the image is damaged or cut short ({error}).") from error


def image_size(content: bytes, origin: str) -> tuple[int, int]:
    """Width and height in pixels from an image's header; pixels are decoded only where the end looks cut off.

    Args:
        content: JPEG or PNG bytes.
        origin: the image's name in messages.

    Raises:
        UserError: no image, a cut one, or one of more than ``MAX_PIXELS``.
    """
    with _opened(content, origin) as image:
        if image.format != "PNG" and _JPEG_END not in content[-_TAIL_BYTES:]:
            image.load()
        return image.size


def decode_rgb(content: bytes, origin: str = "image") -> NDArray[np.uint8]:
    """Decodes a JPEG (grayscale, RGB, CMYK) or PNG by its header, whatever its name says.

    Args:
        content: the file's bytes.
        origin: the image's name in messages.

    Returns:
        (H, W, 3) uint8, RGB. 16-bit grayscale is scaled to 8 bits; transparency is dropped; EXIF is not applied.

    Raises:
        UserError: no image, a damaged one, or one of more than ``MAX_PIXELS``.
    """
    with _opened(content, origin) as image:
        if image.mode.startswith("I"):
            deep = np.asarray(image).clip(0, 65535)
            return np.repeat((deep // 257).astype(np.uint8)[:, :, None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def decode_mask(content: bytes, origin: str) -> NDArray[np.uint8]:
    """Decodes a palette PNG to its indices.

    Returns:
        (H, W) uint8 labels in 0..20 and 255.

    Raises:
        UserError: no palette PNG, a damaged one, or one that holds another value.
    """
    with _opened(content, origin) as image:
        if image.mode != "P":
            raise UserError(f"{origin}: the mask is {image.mode}, not a palette image (P) whose indices are labels.")
        mask = np.asarray(image)
    check_labels(mask, origin)
    return mask


def encode_mask(mask: NDArray[np.uint8]) -> bytes:
    """A label mask (H, W) as palette PNG in VOC's colours."""
    image = Image.fromarray(mask)
    image.putpalette(voc_palette())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def check_labels(mask: NDArray[np.uint8], origin: str) -> None:
    """Refuses values other than VOC's labels and void.

    Args:
        mask: (H, W).
        origin: the mask's name in messages.

    Raises:
        UserError: another value occurs.
    """
    for value in _values(mask):
        if value >= len(VOC_CLASSES) and value != IGNORE_INDEX:
            raise UserError(f"{origin}: the mask holds the label {value}; labels are 0..20 and 255 (void).")


def object_classes(mask: NDArray[np.uint8]) -> tuple[int, ...]:
    """The object classes in a mask (H, W), ascending, without background and void."""
    return tuple(value for value in _values(mask) if 0 < value < len(VOC_CLASSES))


def _values(mask: NDArray[np.uint8]) -> list[int]:
    return [int(value) for value in np.flatnonzero(np.bincount(mask.ravel(), minlength=256))]
