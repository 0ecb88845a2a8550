"""A user's own images and masks as the publishers' are prepared: 8-bit images, palette masks, one index.

Masks may be palette or greyscale images of 8 or 16 bits whose values are the classes. Images may be of any size and
aspect, in colour or grey, of 8 or 16 bits. Nothing is resized, and EXIF's orientation is not applied: masks are in
the orientation in which their image is stored.
"""

import io
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from exfuse.data.images import DEEP_WHITE, encode_mask, opened, rgb_pixels
from exfuse.data.labels import IGNORE_INDEX
from exfuse.data.parallel import ordered_map
from exfuse.data.photographs import FORMATS
from exfuse.data.progress import progress, say
from exfuse.data.publisher_folder import PublisherFolder, publisher_folder
from exfuse.errors import UserError
from exfuse.files import read_bytes
from exfuse.spec.own import VALUES, OwnData
from exfuse.spec.own_files import OwnImage, list_images

KEPT = {"JPEG": (".jpg", ("L", "RGB", "CMYK")), "PNG": (".png", ("1", "L", "LA", "P", "RGB", "RGBA"))}
"""Formats and modes of images that are kept byte by byte, with the suffix that they get."""
VALUE_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
EXIF_QUARTER_TURNS = (5, 6, 7, 8)
PNG_DEPTH = 24
"""Place of the byte that gives a PNG's bits a channel."""


@dataclass(frozen=True, slots=True)
class Converted:
    """An image with its mask as they are prepared.

    Attributes:
        id: its name in the prepared data.
        image: JPEG or PNG of 8 bits.
        suffix: of its file.
        mask: palette PNG, labels 0 … C − 1 and 255.
        size: width and height in pixels.
        classes: labels that occur, without void; unlike VOC's, the first is a class like any other.
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
        _look_for_classes(own, folder.labels("train"))
        return folder.finish()


def _resume(folder: PublisherFolder, image: OwnImage) -> bool:
    """Whether image and mask were both finished before."""
    suffixes = {suffix for suffix, _ in KEPT.values()}
    kept = any(folder.resume_image(image.id, image.split, str(image.image), suffix) for suffix in sorted(suffixes))
    return folder.resume_mask(image.id, str(image.mask)) and kept


def _look_for_classes(own: OwnData, present: Collection[int]) -> None:
    """A class without a pixel is mostly a wrong ``first_value``.

    Raises:
        UserError: no class has any.
    """
    absent = [name for label, name in enumerate(own.classes) if label not in present]
    if len(absent) == len(own.classes):
        raise UserError("no training mask has a pixel of any class; correct `own.ignore` in params/datasets.yaml.")
    if absent:
        say(f"note: these classes occur in no training mask: {', '.join(absent)}")


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
    labels = np.flatnonzero(np.bincount(mask.ravel(), minlength=256)[:IGNORE_INDEX])
    return Converted(listed.id, image, suffix, encode_mask(mask), size, tuple(map(int, labels)))


def _convert_image(path: Path, white: int) -> tuple[bytes, str, tuple[int, int], bool]:
    """Bytes, suffix, size, and whether EXIF says that it is turned by a quarter."""
    content = read_bytes(path)
    with opened(content, str(path), FORMATS) as image:
        _refuse_turned_tiff(image, path)
        deep = not image.mode.startswith("I") and _has_deep_colours(image, content)
        image.load()
        turned = image.getexif().get(ExifTags.Base.Orientation) in EXIF_QUARTER_TURNS
        suffix, modes = KEPT.get(str(image.format), ("", ()))
        if deep and white != DEEP_WHITE:
            raise UserError(
                f"{path}: `own.white` scales grey images of 16 bits, and this one has colours. Store it with 8 bits."
            )
        if image.mode in modes and not deep:
            return content, suffix, image.size, turned
        if image.mode in ("F", "I"):
            raise UserError(f"{path}: its values have 32 bits. Store it with 8 or 16.")
        buffer = io.BytesIO()
        Image.fromarray(rgb_pixels(image, white)).save(buffer, "PNG")
        return buffer.getvalue(), ".png", image.size, turned


def _refuse_turned_tiff(image: Image.Image, path: Path) -> None:
    """PIL turns a TIFF by its orientation while it decodes, and nothing else; masks would no longer fit."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.format == "TIFF" and orientation != 1:
        raise UserError(
            f"{path}: the TIFF has orientation {orientation}, which some readers apply and others do not. Store its "
            "pixels as they are meant to lie (orientation 1)."
        )


def _has_deep_colours(image: Image.Image, content: bytes) -> bool:
    """Whether a colour image has 16 bits a channel, of which PIL gives the upper eight; asked before it is decoded."""
    if image.format == "PNG":
        return content[PNG_DEPTH] == 16 and image.mode in ("RGB", "RGBA", "LA")
    return any(";16" in str(tile) for tile in getattr(image, "tile", ()))


def _convert_mask(path: Path, own: OwnData) -> NDArray[np.uint8]:
    """(H, W) uint8 labels and 255."""
    content = read_bytes(path)
    with opened(content, str(path), FORMATS) as image:
        _refuse_turned_tiff(image, path)
        if image.format == "PNG" and image.mode == "L" and content[PNG_DEPTH] < 8:
            raise UserError(
                f"{path}: the mask is grey of {content[PNG_DEPTH]} bits, whose values readers rescale. Store it with 8."
            )
        if image.format == "JPEG" or image.mode not in VALUE_MODES:
            raise UserError(
                f"{path}: the mask is {image.format} of mode {image.mode}. Its values have to be the classes: store it "
                "as a palette or greyscale PNG, without loss and without colours."
            )
        values = np.asarray(image).astype(np.int64)
    table = np.full(VALUES, -1, dtype=np.int16)
    table[list(own.class_values)] = np.arange(len(own.classes))
    table[list(own.ignore)] = IGNORE_INDEX
    known = (values >= 0) & (values < len(table))
    labels = np.where(known, table[np.where(known, values, 0)], -1)
    if (labels < 0).any():
        raise UserError(_unknown_values(path, values[labels < 0], own))
    return labels.astype(np.uint8)


def _unknown_values(path: Path, values: NDArray[np.int64], own: OwnData) -> str:
    shown = ", ".join(str(value) for value, _ in Counter(values.tolist()).most_common(3))
    known = ", ".join(map(str, own.class_values)) if own.values else f"{own.class_values[0]}…{own.class_values[-1]}"
    return (
        f"{path}: the mask has values that are no class, such as {shown}. The {len(own.classes)} classes have the "
        f"values {known}, ignored are {list(own.ignore)}; correct `own.classes`, `own.first_value`, `own.values` or "
        "`own.ignore` in params/datasets.yaml."
    )
