"""Archives with the publishers' real numbers of members, each of a few hundred bytes, streamed to disk in seconds.

Every function writes the archives of one publisher into a folder and gives their paths by official name. Smaller
numbers can be asked for; nothing depends on a clock or on the machine.
"""

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from benchmarks.contents import coco_name, mat, png, synset
from exfuse.data.sbd import ROOT as SBD_ROOT
from exfuse.data.voc import ROOT as VOC_ROOT

VOC_TRAIN, VOC_VAL, VOC_TEST = 1464, 1449, 1456
SBD_TRAIN, SBD_VAL = 8498, 2857
SBD_IN_VOC_TRAIN, SBD_IN_VOC_VAL = 1133, 1104
"""How the 2237 ids that SBD shares with VOC 2012 (11,355 + 1464 − 10,582) divide is a choice of this module."""
COCO_TRAIN, COCO_VAL, COCO_ANNOTATIONS = 80_000, 20_000, 7
IMAGENET_CLASSES, IMAGENET_PER_CLASS, IMAGENET_VAL = 1000, 200, 50_000

WIDTH, HEIGHT = 8, 6
COCO_WIDTH, COCO_HEIGHT = 16, 12
OBJECTS = range(1, 21)
COCO_CATEGORIES = tuple(sorted(set(range(1, 91)) - {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}))


def voc_ids(train: int = VOC_TRAIN, val: int = VOC_VAL) -> tuple[list[str], list[str]]:
    """VOC's ids of both splits; SBD's shared ones are the first of each."""
    return [f"2007_{number:06}" for number in range(train)], [f"2008_{number:06}" for number in range(val)]


def write_voc(folder: Path, train: int = VOC_TRAIN, val: int = VOC_VAL) -> dict[str, Path]:
    """VOC's trainval archive: each object class inside a border of 255."""
    images, masks = _pictures("RGB", WIDTH, HEIGHT), [png(_voc_mask(label)) for label in OBJECTS]
    splits = dict(zip(("train", "val"), voc_ids(train, val), strict=True))
    ids = [identifier for split in splits.values() for identifier in split]
    path = folder / "VOCtrainval_11-May-2012.tar"
    with open(path, "wb") as stream:
        for split, listed in splits.items():
            _add(stream, f"{VOC_ROOT}/ImageSets/Segmentation/{split}.txt", _lines(listed))
        for kind, suffix, contents in (("JPEGImages", "jpg", images), ("SegmentationClass", "png", masks)):
            for number, identifier in enumerate(ids):
                _add(stream, f"{VOC_ROOT}/{kind}/{identifier}.{suffix}", contents[number % len(contents)])
        _end(stream)
    return {path.name: path}


def write_voc_test(folder: Path, images: int = VOC_TEST) -> dict[str, Path]:
    """VOC's test archive: images and their list."""
    contents, ids = _pictures("RGB", WIDTH, HEIGHT), [f"2010_{number:06}" for number in range(images)]
    path = folder / "VOC2012test.tar"
    with open(path, "wb") as stream:
        _add(stream, f"{VOC_ROOT}/ImageSets/Segmentation/test.txt", _lines(ids))
        for number, identifier in enumerate(ids):
            _add(stream, f"{VOC_ROOT}/JPEGImages/{identifier}.jpg", contents[number % len(contents)])
        _end(stream)
    return {path.name: path}


def sbd_ids(
    train: int = SBD_TRAIN, val: int = SBD_VAL, in_train: int = SBD_IN_VOC_TRAIN, in_val: int = SBD_IN_VOC_VAL
) -> tuple[list[str], list[str]]:
    """SBD's ids of both splits; those shared with VOC's train and val fall into either."""
    shared = [*voc_ids(in_train, 0)[0], *voc_ids(0, in_val)[1]]
    ids = shared + [f"2009_{number:06}" for number in range(train + val - len(shared))]
    random.Random(2018).shuffle(ids)
    return sorted(ids[:train]), sorted(ids[train:])


def write_sbd(
    folder: Path, train: int = SBD_TRAIN, val: int = SBD_VAL,
    in_train: int = SBD_IN_VOC_TRAIN, in_val: int = SBD_IN_VOC_VAL,
) -> dict[str, Path]:  # fmt: skip
    """SBD's archive, with masks before images and the lists last."""
    images = _pictures("RGB", WIDTH, HEIGHT)
    masks = [mat(GTcls={"Segmentation": _block(label, WIDTH, HEIGHT)}) for label in OBJECTS]
    splits = dict(zip(("train", "val"), sbd_ids(train, val, in_train, in_val), strict=True))
    ids = sorted(identifier for split in splits.values() for identifier in split)
    path = folder / "benchmark.tgz"
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as stream:
        for kind, suffix, contents in (("cls", "mat", masks), ("img", "jpg", images)):
            for number, identifier in enumerate(ids):
                _add(stream, f"{SBD_ROOT}/{kind}/{identifier}.{suffix}", contents[number % len(contents)])
        for split, listed in splits.items():
            _add(stream, f"{SBD_ROOT}/{split}.txt", _lines(listed))
        _end(stream)
    return {path.name: path}


def write_coco(
    folder: Path, train: int = COCO_TRAIN, val: int = COCO_VAL, annotations: int = COCO_ANNOTATIONS
) -> dict[str, Path]:
    """COCO's 2014 archives: annotations of all 80 categories, every fifth image with a crowd among them."""
    images = _pictures("RGB", COCO_WIDTH, COCO_HEIGHT)
    ranges = {"train": range(1, train + 1), "val": range(train + 1, train + val + 1)}
    paths = []
    for split, numbers in ranges.items():
        paths.append(folder / f"{split}2014.zip")
        with zipfile.ZipFile(paths[-1], "w") as archive:
            for number in numbers:
                archive.writestr(f"{split}2014/{_coco_name(split, number)}", images[number % len(images)])
    paths.append(folder / "annotations_trainval2014.zip")
    with zipfile.ZipFile(paths[-1], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for split, numbers in ranges.items():
            with archive.open(f"annotations/instances_{split}2014.json", "w", force_zip64=True) as stream:
                for piece in _instances(split, numbers, annotations):
                    stream.write(piece.encode())
    return {path.name: path for path in paths}


def _coco_name(split: str, number: int) -> str:
    return coco_name("2014", split, number) if split == "train" else f"COCO_val2014_{number:012}.jpg"


def _instances(split: str, numbers: range, per_image: int) -> Iterator[str]:
    yield '{"info": {"year": 2014}, "licenses": [], "images": [\n'
    yield from _separated(
        f'{{"license": 1, "file_name": "{_coco_name(split, number)}", "height": {COCO_HEIGHT}, "width": {COCO_WIDTH}, '
        f'"date_captured": "2013-11-14 11:18:45", "id": {number}}}'
        for number in numbers
    )
    yield '], "annotations": [\n'
    yield from _separated(_annotations(numbers, per_image))
    yield '], "categories": ' + json.dumps([{"id": number, "name": f"c{number}"} for number in COCO_CATEGORIES]) + "}"


def _annotations(numbers: range, per_image: int) -> Iterator[str]:
    dice = random.Random(numbers.start)
    outlines = [json.dumps([_outline(dice)]) for _ in range(50)]
    crowd = json.dumps({"counts": [30, 20, 50, 12, COCO_WIDTH * COCO_HEIGHT - 112], "size": [COCO_HEIGHT, COCO_WIDTH]})
    identifier = numbers.start * per_image
    for number in numbers:
        for position in range(per_image):
            is_crowd = number % 5 == 0 and position == per_image - 1
            yield (
                f'{{"segmentation": {crowd if is_crowd else dice.choice(outlines)}, "area": 20.5, '
                f'"iscrowd": {int(is_crowd)}, "image_id": {number}, "bbox": [1.5, 2.25, 6.75, 4.5], '
                f'"category_id": {dice.choice(COCO_CATEGORIES)}, "id": {identifier}}}'
            )
            identifier += 1


def _outline(dice: random.Random, corners: int = 12) -> list[float]:
    """A polygon around a point inside the image."""
    left, top = dice.uniform(4, COCO_WIDTH - 4), dice.uniform(4, COCO_HEIGHT - 4)
    turns = (2 * np.pi * corner / corners for corner in range(corners))
    return [round(float(c), 2) for turn in turns for c in (left + 3 * np.cos(turn), top + 2.5 * np.sin(turn))]


def write_imagenet(
    folder: Path, classes: int = IMAGENET_CLASSES, per_class: int = IMAGENET_PER_CLASS, val: int = IMAGENET_VAL
) -> dict[str, Path]:
    """ImageNet's archives; each image is a JPEG that ends in its own name, so that no two are equal.

    ILSVRC ids are not in the order of the WordNet ids, and inner nodes follow the leaves.
    """
    pictures = _pictures("L", WIDTH, HEIGHT)
    dice = random.Random(2012)
    wnids = [f"n{number:08}" for number in dice.sample(range(10**6, 10**8), classes)]
    paths = {name: folder / f"ILSVRC2012_{name}" for name in ("img_train.tar", "img_val.tar", "devkit_t12.tar.gz")}
    with open(paths["img_train.tar"], "wb") as stream:
        for wnid in sorted(wnids):
            names = [f"{wnid}_{number}.JPEG" for number in range(1, per_class + 1)]
            _add(stream, f"{wnid}.tar", _tar_of_pictures(names, pictures))
        _end(stream)
    with open(paths["img_val.tar"], "wb") as stream:
        for number in range(1, val + 1):
            name = f"ILSVRC2012_val_{number:08}.JPEG"
            _add(stream, name, pictures[number % len(pictures)] + name.encode())
        _end(stream)
    with gzip.GzipFile(paths["devkit_t12.tar.gz"], "wb", compresslevel=1, mtime=0) as stream:
        truth = [str(dice.randint(1, classes)) for _ in range(val)]
        _add(stream, "ILSVRC2012_devkit_t12/data/meta.mat", _synsets(wnids))
        _add(stream, "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", _lines(truth))
        _end(stream)
    return {path.name: path for path in paths.values()}


def _synsets(wnids: Sequence[str]) -> bytes:
    leaves = [synset(number, wnid) for number, wnid in enumerate(wnids, start=1)]
    inner = [synset(len(wnids) + number, f"n{number:08}", children=2) for number in range(1, len(wnids))]
    entries = [tuple(entry.values()) for entry in leaves + inner]
    return mat(synsets=np.array(entries, dtype=[(key, object) for key in leaves[0]])[:, None])


def _tar_of_pictures(names: Sequence[str], pictures: Sequence[bytes]) -> bytes:
    buffer = io.BytesIO()
    for number, name in enumerate(names):
        _add(buffer, name, pictures[number % len(pictures)] + name.encode())
    _end(buffer)
    return buffer.getvalue()


def _pictures(mode: str, width: int, height: int) -> list[bytes]:
    """Nine JPEGs of one size that differ."""
    contents = []
    for number in range(9):
        buffer = io.BytesIO()
        Image.linear_gradient("L").rotate(40 * number).resize((width, height)).convert(mode).save(buffer, "JPEG")
        contents.append(buffer.getvalue())
    return contents


def _block(label: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[2:-2, 2:-2] = label
    return mask


def _voc_mask(label: int) -> np.ndarray:
    mask = np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)
    mask[0], mask[2:-2, 2:-2] = 0, label
    return mask


def _lines(entries: Iterable[str]) -> bytes:
    return "".join(f"{entry}\n" for entry in entries).encode()


def _separated(entries: Iterable[str], together: int = 1000) -> Iterator[str]:
    """JSON texts with commas between them, many in one piece."""
    pieces: list[str] = []
    for number, entry in enumerate(entries):
        pieces.append(f",\n{entry}" if number else entry)
        if len(pieces) == together:
            yield "".join(pieces)
            pieces.clear()
    yield "".join(pieces)


def _add(stream: IO[bytes] | gzip.GzipFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    stream.write(info.tobuf(tarfile.USTAR_FORMAT))
    stream.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))


def _end(stream: IO[bytes] | gzip.GzipFile) -> None:
    stream.write(bytes(2 * tarfile.BLOCKSIZE))
