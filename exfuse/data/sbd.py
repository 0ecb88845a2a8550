"""Semantic Boundaries Dataset: 8498 train and 2857 val images, segmentations in ``.mat`` files (paper §3).

Its images are VOC 2012's, and some are in VOC's train or val split too: ``exfuse.data.sets`` resolves that. There is no
void border.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exfuse.data.archives import absent_error, check_size, find_archive, place
from exfuse.data.images import check_labels, encode_mask, object_classes
from exfuse.data.lists import check_counts, read_list
from exfuse.data.matlab import load_mat
from exfuse.data.parallel import ordered_map
from exfuse.data.progress import progress
from exfuse.data.publisher_folder import PublisherFolder, publisher_folder
from exfuse.data.tars import read_tar
from exfuse.errors import UserError

ARCHIVE = "benchmark.tgz"
ROOT = "benchmark_RELEASE/dataset"
LISTINGS = {"train": f"{ROOT}/train.txt", "val": f"{ROOT}/val.txt"}
"""The members that list the images of the splits."""


@dataclass(frozen=True, slots=True)
class _Mask:
    id: str
    png: bytes
    size: tuple[int, int]
    classes: tuple[int, ...]
    origin: str


def image_member(identifier: str) -> str:
    """The member that is an image."""
    return f"{ROOT}/img/{identifier}.jpg"


def mask_member(identifier: str) -> str:
    """The member that holds an image's class segmentation."""
    return f"{ROOT}/cls/{identifier}.mat"


def read_ids(archive: Path, contents: Mapping[str, bytes], split: str) -> list[str]:
    """Image ids of a split, from the contents of the archive's lists by member.

    Raises:
        UserError: the list is absent, empty or broken.
    """
    listing = LISTINGS[split]
    if listing not in contents:
        raise absent_error(archive, listing)
    check_size(archive, listing, len(contents[listing]))
    return read_list(contents[listing], place(archive, listing))


def prepare_sbd(
    archives: Mapping[str, Path],
    target: Path,
    *,
    workers: int = 1,
    expected: Mapping[str, int] = {},
    identity: str | None = None,
) -> dict[str, int]:
    """Writes images, masks and ``index.csv`` of SBD.

    The archive is compressed, so it is read twice from its beginning to its end: for the lists, then for the images.

    Args:
        archives: path by official name.
        target: the publisher's folder under the prepared root; replaced as a whole.
        workers: processes that convert; the result does not depend on it.
        expected: number of images by split, where it is declared.
        identity: of all that the result depends on: what a killed call of the same identity finished is kept.

    Returns:
        Number of images by split.

    Raises:
        UserError: the archive is missing, damaged, holds an unusable member or another number of images.
    """
    archive = find_archive(archives, ARCHIVE)
    splits = _read_splits(archive)
    counted = {split: list(splits.values()).count(split) for split in ("train", "val")}
    check_counts(counted, expected, f"the lists in {archive}")
    with publisher_folder(target, identity) as folder:
        segmentations = ordered_map(_convert, _stream(archive, folder, splits), workers)
        for mask in progress(segmentations, len(splits), "SBD"):
            folder.add_mask(mask.id, mask.png, mask.size, mask.classes, mask.origin)
        for identifier, split in splits.items():
            for kind, member in (("images", image_member(identifier)), ("masks", mask_member(identifier))):
                if not folder.has(kind, identifier):
                    raise absent_error(archive, member, f"{split}.txt")
        return folder.finish()


def _read_splits(archive: Path) -> dict[str, str]:
    contents = dict(read_tar(archive, frozenset(LISTINGS.values()).__contains__))
    splits: dict[str, str] = {}
    for split, listing in LISTINGS.items():
        for identifier in read_ids(archive, contents, split):
            if identifier in splits:
                raise UserError(f"{place(archive, listing)}: {identifier} is in the list of `train` too.")
            splits[identifier] = split
    return splits


def _stream(archive: Path, folder: PublisherFolder, splits: dict[str, str]) -> Iterator[tuple[str, bytes, str]]:
    """Keeps the listed images as they come by and passes on id, content and origin of their segmentations.

    What an interrupted preparation finished is streamed past and not looked at again.
    """
    wanted = dict(_unfinished(archive, folder, splits))
    for member, content in read_tar(archive, wanted.__contains__):
        origin = place(archive, member)
        identifier = wanted[member]
        if member.endswith(".jpg"):
            folder.add_image(identifier, splits[identifier], content, origin)
        else:
            yield identifier, content, origin


def _unfinished(archive: Path, folder: PublisherFolder, splits: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Members that are still to be read, with their ids."""
    for identifier, split in splits.items():
        image, segmentation = image_member(identifier), mask_member(identifier)
        if folder.resume_image(identifier, split, place(archive, image)) is None:
            yield image, identifier
        if not folder.resume_mask(identifier, place(archive, segmentation)):
            yield segmentation, identifier


def _convert(segmentation: tuple[str, bytes, str]) -> _Mask:
    identifier, content, origin = segmentation
    mask = read_segmentation(content, origin)
    height, width = mask.shape
    return _Mask(identifier, encode_mask(mask), (width, height), object_classes(mask), origin)


def read_segmentation(content: bytes, origin: str) -> NDArray[np.uint8]:
    """The label mask of a ``.mat`` file of SBD's ``cls`` folder.

    Args:
        content: MATLAB 5 file with the structure ``GTcls`` and its field ``Segmentation``.
        origin: the file's name in messages.

    Returns:
        (H, W) uint8, labels 0..20.

    Raises:
        UserError: the file is damaged, lacks ``GTcls``, or holds a value that is no label.
    """
    mat = load_mat(content, "GTcls", origin)
    if "GTcls" not in mat:
        raise UserError(f"{origin}: the .mat file has no GTcls. SBD's class segmentations are in `{ROOT}/cls`.")
    try:
        mask = np.asarray(mat["GTcls"][0]["Segmentation"][0])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{origin}: GTcls has no field Segmentation ({error}).") from error
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise UserError(f"{origin}: GTcls.Segmentation is {mask.dtype} of shape {mask.shape}, not an uint8 mask.")
    check_labels(mask, origin)
    return np.ascontiguousarray(mask)
