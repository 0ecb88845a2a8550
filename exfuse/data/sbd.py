"""Semantic Boundaries Dataset: 8498 train and 2857 val images, segmentations in ``.mat`` files (paper §3).

Its images are VOC 2012's, and some are in VOC's train or val split too: ``exfuse.data.sets`` resolves that. There is no
void border.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from exfuse.data.archives import absent_error, find_archive, place
from exfuse.data.images import check_labels, encode_mask, object_classes
from exfuse.data.prepared import PublisherFolder, ordered_map, progress, read_list
from exfuse.data.tars import read_tar
from exfuse.errors import UserError
from exfuse.files import atomic_folder

ARCHIVE = "benchmark.tgz"
ROOT = "benchmark_RELEASE/dataset"


@dataclass(frozen=True, slots=True)
class _Mask:
    id: str
    png: bytes
    size: tuple[int, int]
    classes: tuple[int, ...]
    origin: str


def prepare_sbd(archives: Mapping[str, Path], target: Path, workers: int = 1) -> dict[str, int]:
    """Writes images, masks and ``index.csv`` of SBD.

    The archive is compressed, so it is read twice from its beginning to its end: for the lists, then for the images.

    Args:
        archives: path by official name.
        target: the publisher's folder under the prepared root; replaced as a whole.
        workers: processes that convert; the result does not depend on it.

    Returns:
        Number of images by split.

    Raises:
        UserError: the archive is missing, damaged or holds an unusable member.
    """
    archive = find_archive(archives, ARCHIVE)
    splits = _read_splits(archive)
    with atomic_folder(target) as root:
        folder = PublisherFolder(root, target.name)
        segmentations = ordered_map(_convert, _stream(archive, folder, splits), workers)
        for mask in progress(segmentations, len(splits), "SBD"):
            folder.add_mask(mask.id, mask.png, mask.size, mask.classes, mask.origin)
        for identifier, split in splits.items():
            for kind, member in (("images", f"img/{identifier}.jpg"), ("masks", f"cls/{identifier}.mat")):
                if not folder.has(kind, identifier):
                    raise absent_error(archive, f"{ROOT}/{member}", f"{split}.txt")
        return folder.finish()


def _read_splits(archive: Path) -> dict[str, str]:
    listings = {f"{ROOT}/{split}.txt": split for split in ("train", "val")}
    contents = dict(read_tar(archive, listings.__contains__))
    splits: dict[str, str] = {}
    for listing, split in listings.items():
        if listing not in contents:
            raise absent_error(archive, listing)
        for identifier in read_list(contents[listing], place(archive, listing)):
            if identifier in splits:
                raise UserError(f"{place(archive, listing)}: {identifier} is in the list of `train` too.")
            splits[identifier] = split
    return splits


def _stream(archive: Path, folder: PublisherFolder, splits: dict[str, str]) -> Iterator[tuple[str, bytes, str]]:
    """Keeps the listed images as they come by and passes on id, content and origin of their segmentations."""
    wanted = {f"{ROOT}/img/{identifier}.jpg" for identifier in splits}
    wanted |= {f"{ROOT}/cls/{identifier}.mat" for identifier in splits}
    for member, content in read_tar(archive, wanted.__contains__):
        origin = place(archive, member)
        identifier = PurePosixPath(member).stem
        if member.endswith(".jpg"):
            folder.add_image(identifier, splits[identifier], content, origin)
        else:
            yield identifier, content, origin


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
    import scipy.io  # 0.3 s that reading a prepared folder need not pay

    try:
        mat = scipy.io.loadmat(io.BytesIO(content), variable_names=["GTcls"])
    except Exception as error:  # damage surfaces in scipy as almost any exception
        raise UserError(f"{origin}: the .mat file is damaged ({error}).") from error
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
