"""A user's own images and masks as the publishers' are prepared: 8-bit images, palette masks, one index.

Masks may be palette or greyscale images of 8 or 16 bits whose values are the classes. Images may be of any size and
aspect, in colour or grey, of 8 or 16 bits. Nothing is resized, and EXIF's orientation is not applied: masks are in
the orientation in which their image is stored.
"""

import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.images import encode_mask, object_classes, opened, rgb_pixels
from exfuse.data.labels import IGNORE_INDEX
from exfuse.data.parallel import ordered_map
from exfuse.data.prepared import PreparedImage, progress, read_index
from exfuse.data.publisher_folder import PublisherFolder, publisher_folder
from exfuse.errors import UserError
from exfuse.spec.own import OwnData, OwnImage, list_images

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
KEPT = {"JPEG": (".jpg", ("L", "RGB", "CMYK")), "PNG": (".png", ("1", "L", "LA", "P", "RGB", "RGBA"))}
"""Formats and modes of images that are kept byte by byte, with the suffix that they get."""
VALUE_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
EXIF_ORIENTATION, EXIF_QUARTER_TURNS = 0x0112, (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Converted:
    """An image with its mask as they are prepared.

    Attributes:
        id: its name in the prepared data.
        image: JPEG or PNG of 8 bits.
        suffix: of its file.
        mask: palette PNG, labels 0 … C − 1 and 255.
        size: width and height in pixels.
        classes: labels that occur, without the first and void, as index tables list them.
    """

    id: str
    image: bytes
    suffix: str
    mask: bytes
    size: tuple[int, int]
    classes: tuple[int, ...]


def prepare_own(
    own: OwnData, source: Path, target: Path, workers: int = 1, identity: str | None = None
) -> dict[str, int]:
    """Writes images, masks and ``index.csv``.

    Args:
        own: the declared layout and classes.
        source: where the data lie.
        target: the folder under the prepared root; replaced as a whole.
        workers: processes that convert; the result does not depend on it.
        identity: of all that it is made from; what an interrupted preparation finished under it is kept.

    Returns:
        Number of images by split.

    Raises:
        UserError: a list, an image or a mask does not fit.
    """
    listed = {image.id: image for image in list_images(own, source)}
    with publisher_folder(target, identity) as folder:
        tasks = ((image, own) for image in listed.values() if not _resume(folder, image))
        results = progress(ordered_map(convert, tasks, workers), len(listed), source.name)
        for found in results:
            image = listed[found.id]
            if not folder.has("images", found.id):
                folder.add_image(found.id, image.split, found.image, str(image.image), found.suffix)
            if not folder.has("masks", found.id):
                folder.add_mask(found.id, found.mask, found.size, found.classes, str(image.mask))
        counts = folder.finish()
    _tell_absent_classes(own, read_index(target / "index.csv"))
    return counts


def _resume(folder: PublisherFolder, image: OwnImage) -> bool:
    """Whether image and mask were both finished before."""
    suffixes = {suffix for suffix, _ in KEPT.values()}
    kept = any(folder.resume_image(image.id, image.split, str(image.image), suffix) for suffix in sorted(suffixes))
    return folder.resume_mask(image.id, str(image.mask)) and kept


def _tell_absent_classes(own: OwnData, entries: Sequence[PreparedImage]) -> None:
    """A class without a pixel is mostly a wrong ``first_value``; label 0 is in no index and is not looked for."""
    present = {label for entry in entries if entry.split == "train" for label in entry.classes}
    absent = [name for label, name in enumerate(own.classes) if label > 0 and label not in present]
    if absent:
        print(f"note: these classes occur in no training mask: {', '.join(absent)}", file=sys.stderr)


def convert(task: tuple[OwnImage, OwnData]) -> Converted:
    """Reads, checks and converts an image and its mask.

    Raises:
        UserError: a file is unreadable or damaged, of another kind, has a value that is no class, or the two differ in
            size.
    """
    listed, own = task
    image, suffix, size, turned = _convert_image(listed.image, own.white)
    mask = _convert_mask(listed.mask, own)
    if (mask.shape[1], mask.shape[0]) != size:
        hint = " The image's EXIF orientation is not applied: store the mask as the image is stored." if turned else ""
        raise UserError(
            f"{listed.mask}: the mask has {mask.shape[1]}×{mask.shape[0]} pixels, its image {size[0]}×{size[1]}.{hint}"
        )
    return Converted(listed.id, image, suffix, encode_mask(mask), size, object_classes(mask))


def _convert_image(path: Path, white: int) -> tuple[bytes, str, tuple[int, int], bool]:
    """Bytes, suffix, size, and whether EXIF says that it is turned by a quarter."""
    content = _content(path)
    with opened(content, str(path), FORMATS) as image:
        image.load()
        turned = image.getexif().get(EXIF_ORIENTATION) in EXIF_QUARTER_TURNS
        suffix, modes = KEPT.get(str(image.format), ("", ()))
        if image.mode in modes:
            return content, suffix, image.size, turned
        if image.mode == "F":
            raise UserError(f"{path}: its values are floating-point numbers. Store it with 8 or 16 bits.")
        buffer = io.BytesIO()
        Image.fromarray(rgb_pixels(image, white)).save(buffer, "PNG")
        return buffer.getvalue(), ".png", image.size, turned


def _convert_mask(path: Path, own: OwnData) -> NDArray[np.uint8]:
    """(H, W) uint8 labels and 255."""
    with opened(_content(path), str(path), FORMATS) as image:
        if image.format == "JPEG" or image.mode not in VALUE_MODES:
            raise UserError(
                f"{path}: the mask is {image.format} of mode {image.mode}. Its values have to be the classes: store it "
                "as a palette or greyscale PNG, without loss and without colours."
            )
        values = np.asarray(image).astype(np.int64)
    table = np.full(1 << 16, -1, dtype=np.int16)
    table[own.first_value : own.first_value + len(own.classes)] = np.arange(len(own.classes))
    table[list(own.ignore)] = IGNORE_INDEX
    known = (values >= 0) & (values < len(table))
    labels = np.where(known, table[np.where(known, values, 0)], -1)
    if (labels < 0).any():
        raise UserError(_unknown_values(path, values[labels < 0], own))
    return labels.astype(np.uint8)


def _unknown_values(path: Path, values: NDArray[np.int64], own: OwnData) -> str:
    shown = ", ".join(str(value) for value, _ in Counter(values.tolist()).most_common(3))
    last = own.first_value + len(own.classes) - 1
    return (
        f"{path}: the mask has values that are no class, such as {shown}. The {len(own.classes)} classes have the "
        f"values {own.first_value}…{last}, ignored are {list(own.ignore)}; correct `own.classes`, `own.first_value` or "
        "`own.ignore` in params/datasets.yaml."
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}.") from error
