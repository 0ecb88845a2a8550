"""EXIF orientation is applied to no publisher's image: masks are in sensor orientation, and stay aligned."""

import io
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.contents import coco_name, png, synset
from exfuse.data.coco import prepare_coco
from exfuse.data.imagenet import prepare_imagenet
from exfuse.data.labels import ClassMap
from exfuse.data.loading import ImageNetSet, SegmentationSet, WholeImageSet
from exfuse.data.sbd import prepare_sbd
from exfuse.data.voc import prepare_voc
from tests.data import publishers

HEIGHT, WIDTH = 32, 48
LEFT, TOP, SIDE = 6, 4, 8  # a white square that no rotation or mirroring leaves in its place
PERSON = 15
COCO_PERSON = 1
ORIENTATIONS = range(1, 9)
EXIF_ORIENTATION = 0x0112
WHITE = 128

T = TypeVar("T")


def picture(orientation: int, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 255
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0, exif=exif)
    return buffer.getvalue()


def mask(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    labels = np.zeros((height, width), dtype=np.uint8)
    labels[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = PERSON
    return labels


def identifiers() -> dict[str, int]:
    return {f"2008_00000{orientation}": orientation for orientation in ORIENTATIONS}


def halves(value: T) -> list[dict[str, T]]:
    """Train and val: neither of a publisher's lists may be empty."""
    names = list(identifiers())
    return [dict.fromkeys(names[:4], value), dict.fromkeys(names[4:], value)]


def voc(folder: Path) -> str:
    members = publishers.voc_members(*halves(png(mask())), (WIDTH, HEIGHT))
    members |= {
        f"{publishers.VOC_ROOT}/JPEGImages/{name}.jpg": picture(orientation)
        for name, orientation in identifiers().items()
    }
    archive = publishers.write_tar(folder / "VOCtrainval_11-May-2012.tar", members)
    prepare_voc({archive.name: archive}, folder / "voc")
    return "voc"


def sbd(folder: Path) -> str:
    members = publishers.sbd_members(*halves(mask()), (WIDTH, HEIGHT))
    members |= {
        f"{publishers.SBD_ROOT}/img/{name}.jpg": picture(orientation) for name, orientation in identifiers().items()
    }
    archive = publishers.write_tar(folder / "benchmark.tgz", members, "gz")
    prepare_sbd({archive.name: archive}, folder / "sbd")
    return "sbd"


def coco(folder: Path) -> str:
    square = [publishers.square(LEFT, TOP, SIDE)]
    annotations = [publishers.annotation(number, number, COCO_PERSON, square) for number in ORIENTATIONS]
    archives = publishers.write_coco(folder, "2017", annotations, list(ORIENTATIONS), HEIGHT)
    members = {
        f"train2017/{coco_name('2017', 'train', number)}": picture(number, HEIGHT, HEIGHT) for number in ORIENTATIONS
    }
    publishers.write_zip(archives["train2017.zip"], members)
    prepare_coco(archives, folder / "coco", ["person"])
    return "coco"


@pytest.mark.parametrize("publisher", [voc, sbd, coco])
def test_images_and_masks_stay_aligned(tmp_path: Path, publisher: object) -> None:
    source = publisher(tmp_path)  # type: ignore[operator]
    index = (tmp_path / source / "index.csv").read_text().splitlines()
    table = tmp_path / "set.csv"
    header, *rows = index
    table.write_text("\n".join([f"source,{header}", *(f"{source},{row}" for row in rows)]) + "\n")
    whole = WholeImageSet(table, tmp_path, ClassMap())
    crops = SegmentationSet(table, tmp_path, ClassMap(), crop_size=40, mean=(0, 0, 0), seed=0)
    assert len(whole) == len(ORIENTATIONS)
    mirrored = set()
    for index_of_image in range(len(whole)):
        image, labels = whole[index_of_image]
        assert torch.equal(image[0] > WHITE, labels == PERSON)
        assert (labels == PERSON).sum() == SIDE * SIDE
        for epoch in range(4):
            sample, sample_labels = crops[epoch, index_of_image]
            assert torch.equal(sample[0] > WHITE, sample_labels == PERSON)
            mirrored.add(bool((sample_labels[:, 24:] == PERSON).any()))
    assert mirrored == {True, False}


def test_imagenets_images_are_as_stored(tmp_path: Path) -> None:
    members = {f"{orientation}.JPEG": picture(orientation) for orientation in ORIENTATIONS}
    synsets = [synset(1, "n01440764")]
    archives = publishers.write_imagenet(tmp_path, {"n01440764": members}, [picture(6)], [1], synsets)
    prepare_imagenet(archives, tmp_path / "imagenet")
    for split, count in (("train", len(ORIENTATIONS)), ("val", 1)):
        samples = ImageNetSet(tmp_path / "imagenet" / f"{split}.npz", tmp_path, lambda image, generator: image)
        assert len(samples) == count
        for index in range(count):
            assert torch.equal(samples[0, index][0][0] > WHITE, torch.from_numpy(mask() == PERSON))
