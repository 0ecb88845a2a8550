"""How COCO's annotation files are read: whatever their order, with little memory, each defect with a message."""

import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from exfuse.data.archives import ZipReader
from exfuse.data.coco import arrays, prepare_coco, regions
from exfuse.data.coco.annotations import read_instances
from exfuse.data.coco.regions import region_store
from exfuse.data.counting import count_coco
from exfuse.data.labels import VOC_CLASSES
from exfuse.errors import UserError
from tests.data.publishers import annotation, instances, square, write_coco, write_zip

OBJECTS = VOC_CLASSES[1:]
PERSON, CAR, BROCCOLI = 1, 3, 56
"""COCO's ids."""
SIZE = 16


def test_annotations_that_are_no_json_are_named(tmp_path: Path) -> None:
    archives = write_coco(tmp_path, "2017", [], [], SIZE)
    for content in (b"{", b"[]", instances("2017", "train", [], [], SIZE).replace(b"categories", b"kinds")):
        write_zip(archives["annotations_trainval2017.zip"], {"annotations/instances_train2017.json": content})
        with pytest.raises(UserError, match=r"instances_train2017\.json in .*no COCO annotation file"):
            prepare_coco(archives, tmp_path / "coco", OBJECTS)


def test_the_parts_of_the_annotations_come_in_any_order(tmp_path: Path) -> None:
    entries = [annotation(1, 8, CAR, [square(0, 0, 4)]), annotation(2, 7, PERSON, [square(4, 4, 4)])]
    archives = write_coco(tmp_path, "2017", entries, [8, 7], SIZE)
    prepare_coco(archives, tmp_path / "one" / "coco", OBJECTS)
    content = json.loads(instances("2017", "train", [8, 7], entries, SIZE))
    turned = {key: content[key] for key in ("categories", "annotations", "images", "info")}
    members = {
        "annotations/instances_train2017.json": json.dumps(turned, indent=3).encode(),
        "annotations/instances_val2017.json": instances("2017", "val", [], [], SIZE),
    }
    write_zip(archives["annotations_trainval2017.zip"], members)
    prepare_coco(archives, tmp_path / "two" / "coco", OBJECTS)
    trees = [
        {path.name: path.read_bytes() for path in (tmp_path / part).rglob("*.*") if path.is_file()}
        for part in ("one", "two")
    ]
    assert trees[0] == trees[1]
    assert len(trees[0]) == 5


def test_memory_does_not_grow_with_the_annotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three megabytes of text, read with less than one of memory."""
    monkeypatch.setattr(arrays, "BUFFER_BYTES", 1 << 14)
    monkeypatch.setattr(regions, "BATCH", 100)
    count = 3000
    entries = [annotation(n, n % 50, (CAR, BROCCOLI)[n % 2], [square(n % 9, 2, 5) * 40]) for n in range(count)]
    content = instances("2017", "train", list(range(50)), entries, SIZE)
    assert len(content) > 3_000_000
    archive = write_zip(tmp_path / "annotations.zip", {"a.json": content})
    with ZipReader(archive) as reader, region_store(tmp_path / "regions.sqlite") as store:
        tracemalloc.start()
        try:
            found = read_instances(reader, "a.json", range(1, 21), store)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(found.images) == 50
        assert sum(len(store.of(image.number)) for image in found.kept()) == count // 2
    assert peak < 1_000_000


def test_a_listed_image_with_a_bad_entry_is_named(tmp_path: Path) -> None:
    archives = write_coco(tmp_path, "2017", [], [7], SIZE)
    whole = json.loads(instances("2017", "train", [7], [], SIZE))
    cases = [
        ({"images": [*whole["images"], *whole["images"]]}, "image 7 is listed twice"),
        ({"images": [{"id": 7, "file_name": "a.jpg", "width": 3}]}, "image 7 lacks 'height'"),
        ({"images": [{"id": 7, "file_name": "../a.jpg", "width": 3, "height": 3}]}, "is no image id"),
        ({"images": [{"id": 7}]}, "an image lacks the keys of COCO"),
        ({"images": ["a.jpg"]}, "an image lacks the keys of COCO"),
        ({"annotations": [None]}, "an annotation lacks the keys of COCO"),
        ({"annotations": [annotation(1, "7", CAR, [])]}, "annotation 1 is broken .the id '7' is no number"),
        ({"annotations": [annotation(1, 1 << 70, CAR, [])]}, "no COCO annotation file .*overflow near .*11805916207"),
        ({"annotations": [annotation(1, 7, CAR, [[[0, 0]]])]}, "annotation 1 is broken .a polygon is no list"),
        ({"categories": [{"name": "car"}]}, "a category lacks 'id'"),
        ({"annotations": [annotation(3, 7, CAR, [square(0, 0, 2)])] * 2}, "annotation 3 is listed twice"),
        ({"images": {}}, "no COCO annotation file"),
    ]
    for change, message in cases:
        content = json.dumps({**whole, **change}).encode()
        write_zip(archives["annotations_trainval2017.zip"], {"annotations/instances_train2017.json": content})
        with pytest.raises(UserError, match=message):
            prepare_coco(archives, tmp_path / "coco", OBJECTS)


def test_damage_of_the_archive_is_told_before_that_of_its_text(tmp_path: Path) -> None:
    archives = write_coco(tmp_path, "2017", [], [7], SIZE)
    path = archives["annotations_trainval2017.zip"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("annotations/instances_train2017.json", instances("2017", "train", [7], [], SIZE))
    path.write_bytes(path.read_bytes().replace(b'"images"', b'"imag&s"'))
    with pytest.raises(UserError, match=r"annotations_trainval2017\.zip is damaged.*instances_train2017\.json"):
        count_coco(archives, OBJECTS)
