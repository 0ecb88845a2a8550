"""Decoding and checking of images and label masks: by header, never by name, and never turned by EXIF.

VOC's, SBD's and COCO's masks are in sensor orientation, so an EXIF orientation must not be applied to their images.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from exfuse.data.labels import IGNORE_INDEX, VOC_CLASSES, voc_palette
from exfuse.errors import UserError

MAX_PIXELS = 100_000_000
"""The largest images of ImageNet have about 60 megapixels; what is beyond this is refused undecoded."""

FORMATS = ("JPEG", "PNG")
"""What the publishers' images are."""
DEEP_WHITE = 65535
"""The brightest value of 16 bits."""

_JPEG_END = b"\xff\xd9"
_TAIL_BYTES = 64
DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, struct.error,
    TypeError, AttributeError, LookupError, ArithmeticError,
)  # fmt: skip
"""What PIL raises on damaged files; the last four come where it computes with what a TIFF's tags hold, unchecked."""


@contextmanager
def opened(content: bytes, origin: str, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """An image, opened by its header and not yet decoded; what goes wrong while it is decoded is a user's error.

    Args:
        content: the file's bytes.
        origin: the image's name in messages.
        formats: PIL's names of those that are accepted.

    Raises:
        UserError: no image, a damaged one, or one of more than ``MAX_PIXELS``.
    """
    kinds = " or ".join(formats)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        raise UserError(f"{origin}: the image is too large ({error}).") from error
    except UnidentifiedImageError as error:  # whose words name an object in memory
        raise UserError(f"{origin}: it is no {kinds} image.") from error
    except DECODING_ERRORS as error:
        raise UserError(f"{origin}: it is no {kinds} image ({error}).") from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise UserError(
                f"{origin}: the image has {image.width}×{image.height} pixels, more than the {MAX_PIXELS} accepted."
            )
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Palette images with Transparency")  # it is dropped, as documented
                yield image
        except DECODING_ERRORS as error:
            raise UserError(f"{origin}: the image is damaged or cut short ({error}).") from error


def image_size(content: bytes, origin: str) -> tuple[int, int]:
    """Width and height in pixels from an image's header; pixels are decoded only where the end looks cut off.

    Args:
        content: JPEG or PNG bytes.
        origin: the image's name in messages.

    Raises:
        UserError: no image, a cut one, or one of more than ``MAX_PIXELS``.
    """
    with opened(content, origin) as image:
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
    with opened(content, origin) as image:
        return rgb_pixels(image)


def rgb_pixels(image: Image.Image, white: int = DEEP_WHITE) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an open image, RGB; of one with 16 bits ``white`` becomes 255, and what is above it."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64).clip(0, white)
        return np.repeat((deep * 255 // white).astype(np.uint8)[:, :, None], 3, axis=2)
    return np.asarray(image.convert("RGB"))


def decode_mask(content: bytes, origin: str, num_labels: int = len(VOC_CLASSES)) -> NDArray[np.uint8]:
    """Decodes a palette PNG to its indices.

    Args:
        content: the file's bytes.
        origin: the mask's name in messages.
        num_labels: labels are below it.

    Returns:
        (H, W) uint8 labels and 255.

    Raises:
        UserError: no palette PNG, a damaged one, or one that holds another value.
    """
    with opened(content, origin) as image:
        if image.mode != "P":
            raise UserError(f"{origin}: the mask is {image.mode}, not a palette image (P) whose indices are labels.")
        mask = np.asarray(image)
    check_labels(mask, origin, num_labels)
    return mask


def encode_mask(mask: NDArray[np.uint8]) -> bytes:
    """A label mask (H, W) as palette PNG in VOC's colours."""
    image = Image.fromarray(mask)
    image.putpalette(voc_palette())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def check_labels(mask: NDArray[np.uint8], origin: str, num_labels: int = len(VOC_CLASSES)) -> None:
    """Refuses values other than labels and void.

    Args:
        mask: (H, W).
        origin: the mask's name in messages.
        num_labels: labels are below it.

    Raises:
        UserError: another value occurs.
    """
    allowed = bytes([*range(num_labels), IGNORE_INDEX])
    others = mask.tobytes().translate(None, delete=allowed)  # five times as fast as a histogram; training runs it too
    if others:
        raise UserError(
            f"{origin}: the mask holds the label {min(others)}; labels are 0..{num_labels - 1} and 255 (void)."
        )


def object_classes(mask: NDArray[np.uint8]) -> tuple[int, ...]:
    """The object classes in a mask (H, W), ascending, without background and void."""
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
    return tuple(int(value) for value in present if value not in (0, IGNORE_INDEX))
