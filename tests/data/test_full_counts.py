"""Preparation of archives with the publishers' real numbers of members."""

import io
import json
import random
import tarfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from benchmarks import full_counts
from benchmarks.preparation import WRITERS, Cost, measure
from exfuse.data.prepared import read_index
from exfuse.data.sets import write_set
from exfuse.files import read_csv

pytestmark = pytest.mark.slow

MEBIBYTE = 1 << 20
PERSON = 1
"""COCO's id of the class."""
ALLOCATOR = 16 * MEBIBYTE
"""By how much the peaks of two equal runs may differ."""
ROW_BYTES = {"voc": 2000, "sbd": 2000, "coco": 2000, "imagenet": 200}
"""What an image may take in memory: a few rows of tables, and never its annotations or its members' headers."""


@dataclass(frozen=True)
class Prepared:
    """A publisher at full count."""

    archives: dict[str, Path]
    target: Path
    cost: Cost


def _prepare(publisher: str, folder: Path, scale: float = 1.0, **options: Any) -> Prepared:
    folder.mkdir(parents=True)
    archives = WRITERS[publisher](folder, scale)
    target = folder.parent / f"prepared-{scale:g}" / publisher
    return Prepared(archives, target, measure(publisher, archives, target, workers=2, **options))


@pytest.fixture(scope="module")
def voc(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return _prepare("voc", tmp_path_factory.getbasetemp() / "full" / "voc")


@pytest.fixture(scope="module")
def sbd(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return _prepare("sbd", tmp_path_factory.getbasetemp() / "full" / "sbd")


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return _prepare("imagenet", tmp_path_factory.getbasetemp() / "full" / "imagenet")


def test_trainaug_is_the_papers(voc: Prepared, sbd: Prepared, tmp_path: Path) -> None:
    """10,582 images: 1464 with VOC's masks, 9118 with SBD's, none of VOC val."""
    root = voc.target.parent
    assert sbd.target.parent == root
    counts = {name: write_set(name, root, tmp_path / f"{name}.csv") for name in ("train", "trainaug", "val")}
    assert {name: count["images"] for name, count in counts.items()} == {"train": 1464, "trainaug": 10_582, "val": 1449}
    rows = read_csv(tmp_path / "trainaug.csv")
    assert len(rows) == 10_582
    assert Counter(row["mask"].split("/")[0] for row in rows) == {"voc": 1464, "sbd": 9118}
    ids = {row["id"] for row in rows}
    voc_train, voc_val = (set(split) for split in full_counts.voc_ids())
    assert ids == voc_train | {name for split in full_counts.sbd_ids() for name in split} - voc_val
    assert len(ids) == 10_582
    assert not ids & voc_val


def test_voc_and_sbd_are_complete(voc: Prepared, sbd: Prepared) -> None:
    for prepared, expected in ((voc, {"train": 1464, "val": 1449}), (sbd, {"train": 8498, "val": 2857})):
        index = read_index(prepared.target / "index.csv")
        assert Counter(image.split for image in index) == expected
        assert {label for image in index for label in image.classes} == set(range(1, 21))
        for kind in ("images", "masks"):
            assert len(list((prepared.target / kind).iterdir())) == sum(expected.values())


def test_masks_and_images_are_their_members(sbd: Prepared) -> None:
    """Three hundred of each, against tarfile and scipy."""
    wanted = set(random.Random(5).sample([name for split in full_counts.sbd_ids() for name in split], 300))
    index = {image.id: image for image in read_index(sbd.target / "index.csv")}
    compared = Counter()
    with tarfile.open(sbd.archives["benchmark.tgz"]) as tar:
        for member in tar:
            path = Path(member.name)
            if path.stem in wanted:
                content = tar.extractfile(member).read()
                if path.suffix == ".jpg":
                    assert (sbd.target / "images" / path.name).read_bytes() == content
                else:
                    truth = scipy.io.loadmat(io.BytesIO(content), squeeze_me=True)["GTcls"]["Segmentation"].item()
                    assert index[path.stem].classes == tuple(np.unique(truth[truth > 0]))
                compared[path.suffix] += 1
    assert compared == {".jpg": 300, ".mat": 300}


def test_coco_reads_a_hundred_thousand_images(tmp_path: Path) -> None:
    """Retained are those with a single object of the wanted classes, counted here from the plain JSON.

    One class is wanted, since masks take longer than all annotations together; memory is measured on these.
    """
    half, full = (_prepare("coco", tmp_path / str(scale), scale, classes=["person"]) for scale in (0.5, 1.0))
    index = read_index(full.target / "index.csv")
    expected = _retained(full.archives["annotations_trainval2014.zip"])
    assert {(image.split, image.id) for image in index} == expected
    assert 7_000 < len(expected) < 10_000
    assert len(list((full.target / "masks").iterdir())) == len(expected)
    _check_growth("coco", half, full, full_counts.COCO_TRAIN + full_counts.COCO_VAL)


def _retained(annotations: Path) -> set[tuple[str, str]]:
    retained = set()
    with zipfile.ZipFile(annotations) as archive:
        for split in ("train", "val"):
            content = json.loads(archive.read(f"annotations/instances_{split}2014.json"))
            shown = {
                entry["image_id"]
                for entry in content["annotations"]
                if entry["category_id"] == PERSON and not entry["iscrowd"]
            }
            retained |= {(split, Path(i["file_name"]).stem) for i in content["images"] if i["id"] in shown}
    return retained


def test_imagenets_index_is_tarfiles_listing(imagenet: Prepared) -> None:
    position = _sorted_positions(imagenet.archives["ILSVRC2012_devkit_t12.tar.gz"])
    train, archive = np.load(imagenet.target / "train.npz"), imagenet.archives["ILSVRC2012_img_train.tar"]
    listed = []
    with tarfile.open(archive) as outer:
        for class_tar in outer:
            with tarfile.open(fileobj=outer.extractfile(class_tar)) as inner:
                wnid = class_tar.name.removesuffix(".tar")
                for member in inner:
                    offset = class_tar.offset_data + member.offset_data
                    listed.append((member.name, offset, member.size, position[wnid]))
    assert len(listed) == 200_000
    names, offsets, lengths, labels = zip(*listed, strict=True)
    assert [name.decode() for name in train["name"]] == list(names)
    np.testing.assert_array_equal(train["offset"], offsets)
    np.testing.assert_array_equal(train["length"], lengths)
    np.testing.assert_array_equal(train["label"], labels)
    with open(archive, "rb") as stream:
        for row in random.Random(7).sample(range(200_000), 500):
            stream.seek(int(train["offset"][row]))
            content = stream.read(int(train["length"][row]))
            assert content.startswith(b"\xff\xd8")
            assert content.endswith(names[row].encode())
    assert len(np.load(imagenet.target / "val.npz")["offset"]) == 50_000
    assert len(read_csv(imagenet.target / "classes.csv")) == 1000


def _sorted_positions(devkit: Path) -> dict[str, int]:
    with tarfile.open(devkit) as tar:
        content = tar.extractfile("ILSVRC2012_devkit_t12/data/meta.mat").read()
    synsets = scipy.io.loadmat(io.BytesIO(content), squeeze_me=True)["synsets"]
    leaves = [str(entry["WNID"]) for entry in synsets if entry["num_children"] == 0]
    assert len(leaves) == 1000 and leaves != sorted(leaves)
    return {wnid: label for label, wnid in enumerate(sorted(leaves))}


@pytest.mark.parametrize("publisher", ["voc", "sbd", "imagenet"])
def test_memory_grows_with_the_index_alone(publisher: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    half, full = _prepare(publisher, tmp_path / "half", 0.5), request.getfixturevalue(publisher)
    _check_growth(publisher, half, full, full.cost.images)


def _check_growth(publisher: str, half: Prepared, full: Prepared, images: int) -> None:
    print(f"{publisher}: half {half.cost}, full {full.cost}")
    assert full.cost.images == pytest.approx(2 * half.cost.images, rel=0.05)
    assert full.cost.peak - half.cost.peak < ALLOCATOR + ROW_BYTES[publisher] * images / 2
