"""PASCAL VOC 2012, segmentation: 1464 train, 1449 val and 1456 test images (paper §3, baseline settings; §4).

Masks keep the publisher's bytes: palette PNGs whose indices are the labels, with 255 on the objects' borders. The
labels of the test images are not public; their archive gives a folder of its own, of images without masks.
"""

from collections.abc import Mapping
from pathlib import Path

from exfuse.data.archives import find_archive, place
from exfuse.data.images import decode_mask, object_classes
from exfuse.data.prepared import PublisherFolder, progress, read_list
from exfuse.data.tars import TarReader
from exfuse.files import atomic_folder

TRAINVAL_ARCHIVE = "VOCtrainval_11-May-2012.tar"
TEST_ARCHIVE = "VOC2012test.tar"
ROOT = "VOCdevkit/VOC2012"


def prepare_voc(archives: Mapping[str, Path], target: Path) -> dict[str, int]:
    """Writes images, masks and ``index.csv`` of the train and val splits.

    Args:
        archives: path by official name.
        target: the publisher's folder under the prepared root; replaced as a whole.

    Returns:
        Number of images by split.

    Raises:
        UserError: an archive is missing, damaged or breaks VOC's rules.
    """
    trainval = TarReader(find_archive(archives, TRAINVAL_ARCHIVE))
    with atomic_folder(target) as root:
        folder = PublisherFolder(root, target.name)
        for split in ("train", "val"):
            _add_split(folder, trainval, split)
        return folder.finish()


def prepare_voc_test(archives: Mapping[str, Path], target: Path) -> dict[str, int]:
    """Writes images and ``index.csv`` of the test split, which has no masks.

    Args, result and errors are those of :func:`prepare_voc`.
    """
    test = TarReader(find_archive(archives, TEST_ARCHIVE))
    with atomic_folder(target) as root:
        folder = PublisherFolder(root, target.name)
        _add_split(folder, test, "test")
        return folder.finish()


def _add_split(folder: PublisherFolder, reader: TarReader, split: str) -> None:
    listing = f"{ROOT}/ImageSets/Segmentation/{split}.txt"
    ids = read_list(reader.read(listing), place(reader.archive, listing))
    for identifier in progress(ids, len(ids), f"VOC {split}"):
        member = f"{ROOT}/JPEGImages/{identifier}.jpg"
        content = reader.read(member, listing)
        folder.add_image(identifier, split, content, place(reader.archive, member))
        if split != "test":
            _add_mask(folder, reader, identifier, listing)


def _add_mask(folder: PublisherFolder, reader: TarReader, identifier: str, listing: str) -> None:
    member = f"{ROOT}/SegmentationClass/{identifier}.png"
    content = reader.read(member, listing)
    mask = decode_mask(content, place(reader.archive, member))
    height, width = mask.shape
    folder.add_mask(identifier, content, (width, height), object_classes(mask), place(reader.archive, member))
