"""Mini archives: made-up data sets under the official names, in the official layouts, with the official quirks.

They let the whole reproduction run where ImageNet, COCO, SBD and VOC are not at hand. One seed decides every byte.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from exfuse.data.mini import coco, imagenet, sbd, voc
from exfuse.data.mini.photographs import take_photographs
from exfuse.files import write_bytes
from exfuse.spec.mini import MiniSettings

Progress = Callable[[str, int, int], None]
"""Told an archive's name and how many of its pictures are drawn, of how many."""

ARCHIVES = (
    voc.TRAINVAL_ARCHIVE,
    voc.TEST_ARCHIVE,
    sbd.ARCHIVE,
    coco.TRAIN_ARCHIVE,
    coco.VAL_ARCHIVE,
    coco.ANNOTATIONS_ARCHIVE,
    imagenet.TRAIN_ARCHIVE,
    imagenet.VAL_ARCHIVE,
    imagenet.DEVKIT_ARCHIVE,
)
"""Every archive that ``write_archives`` makes, in its order."""


def _silent(name: str, done: int, total: int) -> None:
    """No progress is shown."""


def write_archives(settings: MiniSettings, folder: Path, progress: Progress = _silent) -> dict[str, str]:
    """Writes all archives into ``folder``, each of them whole or not at all.

    Returns:
        Name → md5 of each archive.

    Raises:
        UserError: the folder cannot be written.
    """
    checksums = {}
    for name, content in _archives(settings, progress):
        write_bytes(folder / name, content)
        checksums[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return checksums


def _archives(settings: MiniSettings, progress: Progress) -> Iterator[tuple[str, bytes]]:
    def tick_for(name: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(name, done, total)

    photographs = take_photographs(settings, tick_for(voc.TRAINVAL_ARCHIVE))
    yield voc.TRAINVAL_ARCHIVE, voc.trainval_archive(photographs)
    yield voc.TEST_ARCHIVE, voc.test_archive(photographs)
    yield sbd.ARCHIVE, sbd.archive(photographs)
    zips = coco.archives(settings, tick_for(coco.TRAIN_ARCHIVE), tick_for(coco.VAL_ARCHIVE))
    yield coco.TRAIN_ARCHIVE, zips.train
    yield coco.VAL_ARCHIVE, zips.val
    yield coco.ANNOTATIONS_ARCHIVE, zips.annotations
    yield imagenet.TRAIN_ARCHIVE, imagenet.train_archive(settings, tick_for(imagenet.TRAIN_ARCHIVE))
    yield imagenet.VAL_ARCHIVE, imagenet.val_archive(settings, tick_for(imagenet.VAL_ARCHIVE))
    yield imagenet.DEVKIT_ARCHIVE, imagenet.devkit_archive(settings)
