"""Images of anybody with label masks, as they lie in folders: what a trained network is scored on.

Nothing is prepared: three layouts are understood, and each mask is checked when it is read. EXIF's orientation is not
applied: masks are in the orientation in which their image is stored.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from exfuse.data import voc
from exfuse.data.images import opened
from exfuse.data.labels import IGNORE_INDEX
from exfuse.data.lists import read_list
from exfuse.data.loading import read_set
from exfuse.data.own import PNG_DEPTH
from exfuse.data.photographs import decode_photograph
from exfuse.errors import UserError
from exfuse.files import read_bytes
from exfuse.spec.own_files import SUFFIXES

NAMED = 3
"""Files in a message."""
LAYOUTS = (
    "`images/` and `masks/` with one name for each pair, an unpacked VOC2012 (`ImageSets/`, `JPEGImages/`, "
    "`SegmentationClass/`), or the table of a prepared set (`results/<preset>/data/sets/val.csv`)"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its label mask.

    Attributes:
        id: the image's name.
        image: its file.
        mask: the mask's file.
    """

    id: str
    image: Path
    mask: Path


class PairSet(Dataset[tuple[Tensor, Tensor]]):
    """Images with masks at their own size.

    Args:
        records: what belongs together.
        table: (256,) from the masks' value to the class, 255 for void; −1 for a value that is refused.
    """

    def __init__(self, records: Sequence[Pair], table: NDArray[np.int16]) -> None:
        self.records = records
        self._table = table

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Image uint8 (3, H, W) and mask uint8 (H, W).

        Raises:
            UserError: a file is absent or damaged, the mask has another value or kind, or the two differ in size.
        """
        record = self.records[index]
        image = decode_photograph(read_bytes(record.image), str(record.image), displayed=False)
        mask = read_mask(record.mask, self._table)
        if mask.shape != image.shape[:2]:
            raise UserError(
                f"{record.mask} has {mask.shape[1]}×{mask.shape[0]} pixels and its image {image.shape[1]}×"
                f"{image.shape[0]}. Masks have to lie as their image is stored, without EXIF's orientation."
            )
        pixels = torch.from_numpy(image if image.flags.writeable else image.copy()).permute(2, 0, 1)
        return pixels, torch.from_numpy(mask)


def read_mask(path: Path, table: NDArray[np.int16]) -> NDArray[np.uint8]:
    """A label mask in the network's classes.

    Args:
        path: a PNG whose values are labels: with a palette, or grey with eight bits.
        table: as in :class:`PairSet`.

    Raises:
        UserError: the file is absent or damaged, of another kind, or has a value that is refused.
    """
    content = read_bytes(path)
    with opened(content, str(path), ("PNG",)) as image:
        if image.mode not in ("P", "L") or (image.mode == "L" and content[PNG_DEPTH] != 8):
            raise UserError(
                f"{path}: the mask is a PNG of mode {image.mode} and {content[PNG_DEPTH]} bits. Its values have to be "
                "labels: store it with a palette, or grey with 8 bits."
            )
        values = np.asarray(image)
    labels = table.take(values)
    if (labels < 0).any():
        known = ", ".join(str(value) for value in np.flatnonzero(table >= 0))
        raise UserError(
            f"{path}: the mask has the value {values[labels < 0].min()}, which the network was not trained on; it "
            f"knows {known}. Label the masks as for its training."
        )
    return labels.astype(np.uint8)


def label_table(labels: Sequence[int], merged: Sequence[int]) -> NDArray[np.int16]:
    """The look-up table of :class:`PairSet`.

    Args:
        labels: the masks' value of each class.
        merged: values that count as the first class.
    """
    table = np.full(256, -1, dtype=np.int16)
    table[list(merged)] = 0
    table[list(labels)] = np.arange(len(labels))
    table[IGNORE_INDEX] = IGNORE_INDEX
    return table


def find_pairs(data: Path, split: str | None) -> list[Pair]:
    """The images and masks of a folder or a table.

    Args:
        data: what a person named.
        split: one of VOC's lists; none: ``val``, and the only choice of the other layouts.

    Raises:
        UserError: ``data`` is none of the layouts, names no image, lacks one of a pair, or cannot be read.
    """
    try:
        return _found(data, split)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot read {error.filename or data}: {reason}. Give permission, or other data.") from error


def _found(data: Path, split: str | None) -> list[Pair]:
    root = next((root for root in (data, data / "VOC2012", data / voc.ROOT) if (root / "ImageSets").is_dir()), None)
    if root is not None:
        pairs = _of_voc(root, split or "val")
    elif split is not None:
        raise UserError(f"{data} has no sets to choose from (`--set {split}`): only an unpacked VOC2012 has.")
    elif data.is_file():
        pairs = _of_table(data)
    elif (data / "images").is_dir() and (data / "masks").is_dir():
        pairs = _of_folders(data / "images", data / "masks")
    else:
        raise UserError(f"{data} {'holds no data' if data.is_dir() else 'is missing'}. Give {LAYOUTS}.")
    if not pairs:
        raise UserError(f"{data} has no image with a mask. Give {LAYOUTS}.")
    absent = [str(path) for pair in pairs for path in (pair.image, pair.mask) if not path.is_file()]
    if absent:
        raise UserError(f"{data} lacks {_some(absent)}. Put them there, or take their images from the list.")
    return pairs


def _of_table(table: Path) -> list[Pair]:
    folder = table.parent.parent
    try:
        return [Pair(row.id, folder / row.image, folder / row.mask) for row in read_set(table) if row.mask]
    except UserError as error:  # a person's own file, which is not to be deleted
        raise UserError(f"{table} is not the table of a prepared set. Give {LAYOUTS}.") from error


def _of_voc(root: Path, split: str) -> list[Pair]:
    def place(member: str) -> Path:
        return root / member.removeprefix(f"{voc.ROOT}/")

    listing = place(voc.listing(split))
    if not listing.is_file():
        there = ", ".join(sorted(path.stem for path in listing.parent.glob("*.txt"))) or "none"
        raise UserError(f"{listing} is missing; the sets there are: {there}.")
    ids = read_list(read_bytes(listing), str(listing))
    return [Pair(name, place(voc.image_member(name)), place(voc.mask_member(name))) for name in ids]


def _of_folders(images: Path, masks: Path) -> list[Pair]:
    found, labelled = _by_stem(images, SUFFIXES), _by_stem(masks, (".png",))
    alone = [str(found[stem]) for stem in found if stem not in labelled]
    alone += [str(labelled[stem]) for stem in labelled if stem not in found]
    if alone:
        raise UserError(
            f"not every image has a mask of its name, and every mask an image: {_some(alone)}. Masks are PNGs: "
            f"{images}/a.jpg belongs to {masks}/a.png."
        )
    return [Pair(stem, path, labelled[stem]) for stem, path in found.items()]


def _by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Files below a folder by their path without suffix, in order; hidden ones do not count.

    Raises:
        UserError: two have one name.
        OSError: a folder below cannot be read.
    """
    found: list[Path] = []
    for above, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(above, name) for name in names if not name.startswith(".")]
    files: dict[str, Path] = {}
    for path in sorted(path for path in found if path.suffix.lower() in suffixes):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in files:
            raise UserError(f"{files[stem]} and {path} have one name. Take one of them away.")
        files[stem] = path
    return files


def _fail(error: OSError) -> None:
    """For ``os.walk``, which passes over what it cannot read: scores would be of fewer images."""
    raise error


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
