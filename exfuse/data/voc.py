"""PASCAL VOC 2012, segmentation: 1464 train, 1449 val and 1456 test images (paper §3, baseline settings; §4).

Masks keep the publisher's bytes: palette PNGs whose indices are the labels, with 255 on the objects' borders. The
labels of the test images are not public; their archive gives a folder of its own, of images without masks.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from exfuse.data.archives import find_archive, place
from exfuse.data.images import decode_mask, object_classes
from exfuse.data.lists import check_counts, read_list
from exfuse.data.progress import progress
from exfuse.data.publisher_folder import PublisherFolder, publisher_folder
from exfuse.data.tars import TarReader

TRAINVAL_ARCHIVE = "VOCtrainval_11-May-2012.tar"
TEST_ARCHIVE = "VOC2012test.tar"
ROOT = "VOCdevkit/VOC2012"


def listing(split: str) -> str:
    """The member that lists the images of ``train``, ``val`` or ``test``."""
    return f"{ROOT}/ImageSets/Segmentation/{split}.txt"


def image_member(identifier: str) -> str:
    """The member that is an image."""
    return f"{ROOT}/JPEGImages/{identifier}.jpg"


def mask_member(identifier: str) -> str:
    """The member that is an image's mask; those of the test images are not public."""
    return f"{ROOT}/SegmentationClass/{identifier}.png"


def read_ids(reader: TarReader, split: str) -> list[str]:
    """Image ids of a split.

    Raises:
        UserError: the list is absent, empty or broken.
    """
    return read_list(reader.read(listing(split)), place(reader.archive, listing(split)))


def prepare_voc(
    archives: Mapping[str, Path], target: Path, *, expected: Mapping[str, int] = {}, identity: str | None = None
) -> dict[str, int]:
    """Writes images, masks and ``index.csv`` of the train and val splits.

    Args:
        archives: path by official name.
        target: the publisher's folder under the prepared root; replaced as a whole.
        expected: number of images by split, where it is declared.
        identity: of all that the result depends on: what a killed call of the same identity finished is kept.

    Returns:
        Number of images by split.

    Raises:
        UserError: an archive is missing, damaged, breaks VOC's rules or holds another number of images.
    """
    return _prepare(find_archive(archives, TRAINVAL_ARCHIVE), target, ("train", "val"), expected, identity)


def prepare_voc_test(
    archives: Mapping[str, Path], target: Path, *, expected: Mapping[str, int] = {}, identity: str | None = None
) -> dict[str, int]:
    """Writes images and ``index.csv`` of the test split, which has no masks.

    Args, result and errors are those of :func:`prepare_voc`.
    """
    return _prepare(find_archive(archives, TEST_ARCHIVE), target, ("test",), expected, identity)


def _prepare(
    archive: Path, target: Path, splits: Sequence[str], expected: Mapping[str, int], identity: str | None
) -> dict[str, int]:
    reader = TarReader(archive)
    ids = {split: read_ids(reader, split) for split in splits}
    check_counts({split: len(of_split) for split, of_split in ids.items()}, expected, f"the lists in {archive}")
    with publisher_folder(target, identity) as folder:
        for split, of_split in ids.items():
            for identifier in progress(of_split, len(of_split), f"VOC {split}"):
                _add_image(folder, reader, identifier, split)
                if split != "test":
                    _add_mask(folder, reader, identifier, split)
        return folder.finish()


def _add_image(folder: PublisherFolder, reader: TarReader, identifier: str, split: str) -> None:
    member = image_member(identifier)
    origin = place(reader.archive, member)
    if folder.resume_image(identifier, split, origin) is None:
        folder.add_image(identifier, split, reader.read(member, listing(split)), origin)


def _add_mask(folder: PublisherFolder, reader: TarReader, identifier: str, split: str) -> None:
    member = mask_member(identifier)
    origin = place(reader.archive, member)
    if folder.resume_mask(identifier, origin):
        return
    content = reader.read(member, listing(split))
    mask = decode_mask(content, origin)
    height, width = mask.shape
    folder.add_mask(identifier, content, (width, height), object_classes(mask), origin)
