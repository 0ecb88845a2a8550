import io
import json
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from benchmarks.contents import coco_name
from exfuse.data.archives import ZipReader
from exfuse.data.coco import LAYOUTS, prepare_coco
from exfuse.data.counting import count_coco
from exfuse.data.labels import VOC_CLASSES
from exfuse.errors import UserError
from exfuse.files import read_csv
from tests.data.publishers import annotation, jpeg, square, write_coco, write_zip

OBJECTS = VOC_CLASSES[1:]
PERSON, CAR, CHAIR, BROCCOLI = 1, 3, 62, 56
"""COCO's ids; VOC's labels are 15, 7, 9 and none."""
VOC_IDS = {1: 15, 2: 2, 3: 7, 4: 14, 5: 1, 6: 6, 7: 19, 9: 4, 16: 3, 17: 8}
VOC_IDS |= {18: 12, 19: 13, 20: 17, 21: 10, 44: 5, 62: 9, 63: 18, 64: 16, 67: 11, 72: 20}
SIZE = 16


def mask_of(prepared: Path, row: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(prepared.parent / row["mask"]))


def expected_mask(coco: COCO, image: dict, annotations: list[dict]) -> np.ndarray:
    """Pixel by pixel: the smallest object that covers it, else 255 under a crowd, else background."""
    label = np.zeros((image["height"], image["width"]), dtype=np.uint8)
    smallest = np.full(label.shape, np.inf)
    for entry in annotations:
        if entry["category_id"] in VOC_IDS and entry["iscrowd"]:
            label[coco.annToMask(entry) == 1] = 255
    for entry in sorted(annotations, key=lambda entry: -entry["id"]):
        if entry["category_id"] not in VOC_IDS or entry["iscrowd"]:
            continue
        covered = coco.annToMask(entry) == 1
        on_top = covered & (covered.sum() < smallest)
        label[on_top] = VOC_IDS[entry["category_id"]]
        smallest[on_top] = covered.sum()
    return label


def test_the_real_subset_against_pycocotools(real_archives: Path, tmp_path: Path) -> None:
    archives = {name: real_archives / name for name in LAYOUTS["2017"].values()}
    counts = prepare_coco(archives, tmp_path / "coco", OBJECTS)
    table = {(row["split"], row["id"]): row for row in read_csv(tmp_path / "coco" / "index.csv")}
    crowds = retained = 0
    for split in ("train", "val"):
        with zipfile.ZipFile(archives["annotations_trainval2017.zip"]) as archive:
            content = json.loads(archive.read(f"annotations/instances_{split}2017.json"))
        coco = COCO()
        coco.dataset = content
        coco.createIndex()
        by_image = defaultdict(list)
        for entry in content["annotations"]:
            by_image[entry["image_id"]].append(entry)
        kept = {
            image
            for image, entries in by_image.items()
            if any(entry["category_id"] in VOC_IDS and not entry["iscrowd"] for entry in entries)
        }
        assert {identifier for name, identifier in table if name == split} == {f"{image:012}" for image in kept}
        assert counts[split] == len(content["images"])
        retained += len(kept)
        with zipfile.ZipFile(archives[f"{split}2017.zip"]) as photos:
            for image in (image for image in content["images"] if image["id"] in kept):
                row = table[split, f"{image['id']:012}"]
                expected = expected_mask(coco, image, by_image[image["id"]])
                crowds += 255 in expected
                np.testing.assert_array_equal(mask_of(tmp_path / "coco", row), expected)
                stored = (tmp_path / row["image"]).read_bytes()
                assert stored == photos.read(f"{split}2017/{image['file_name']}")
                assert (int(row["width"]), int(row["height"])) == Image.open(io.BytesIO(stored)).size
    assert crowds > 0
    assert counts["retained"] == retained
    assert count_coco(archives, OBJECTS).counts == counts


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_rules_by_hand(tmp_path: Path, year: str) -> None:
    counts = [10, 4] + 5 * [12, 4] + [SIZE * SIZE - 6 * 16 + 2]  # runs go down the columns, background first
    entries = [
        annotation(1, 7, CAR, [square(0, 0, 2)]),  # smaller than the person that covers it, and listed first
        annotation(2, 7, PERSON, [square(0, 0, 8), square(8, 8, 2)]),
        annotation(3, 7, BROCCOLI, [square(12, 0, 4)]),
        annotation(4, 7, CHAIR, {"counts": counts, "size": [SIZE, SIZE]}, crowd=1),
        annotation(5, 7, CHAIR, [square(0, 10, 2)]),
        annotation(6, 8, BROCCOLI, [square(0, 0, 4)]),
        annotation(7, 9, PERSON, {"counts": counts, "size": [SIZE, SIZE]}, crowd=1),
    ]
    archives = write_coco(tmp_path, year, entries, [7, 8, 9], SIZE)
    assert prepare_coco(archives, tmp_path / "prepared" / "coco", OBJECTS) == {"train": 3, "val": 0, "retained": 1}
    (row,) = read_csv(tmp_path / "prepared" / "coco" / "index.csv")
    assert row["id"] == Path(coco_name(year, "train", 7)).stem
    assert row["classes"] == "7 9 15"
    expected = np.zeros((SIZE, SIZE), dtype=np.uint8)
    expected[10:14, 0:6] = 255
    expected[0:8, 0:8] = expected[8:10, 8:10] = 15
    expected[0:2, 0:2] = 7
    expected[10:12, 0:2] = 9
    np.testing.assert_array_equal(mask_of(tmp_path / "prepared" / "coco", row), expected)


def test_fewer_classes_keep_fewer_images_but_whole_masks(tmp_path: Path) -> None:
    entries = [
        annotation(1, 7, CAR, [square(0, 0, 4)]),
        annotation(2, 8, CHAIR, [square(0, 0, 4)]),
        annotation(3, 8, CAR, [square(8, 8, 4)]),
    ]
    archives = write_coco(tmp_path, "2017", entries, [7, 8], SIZE)
    prepare_coco(archives, tmp_path / "coco", ["chair"])
    assert [row["classes"] for row in read_csv(tmp_path / "coco" / "index.csv")] == ["7 9"]


def test_workers_change_nothing(tmp_path: Path) -> None:
    entries = [annotation(image, image, CAR, [square(image, 0, 4)]) for image in range(1, 6)]
    archives = write_coco(tmp_path, "2014", entries, list(range(1, 6)), SIZE)
    trees = []
    for workers in (1, 2):
        root = tmp_path / str(workers) / "coco"
        prepare_coco(archives, root, OBJECTS, workers=workers)
        trees.append({path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()})
    assert trees[0] == trees[1]
    assert len(trees[0]) == 11


def compressed_runs() -> dict:
    code = rle.encode(np.ones((SIZE, SIZE - 1), dtype=np.uint8, order="F"))
    return {"counts": code["counts"].decode(), "size": [SIZE, SIZE - 1]}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (annotation(5, 7, 99, [square(0, 0, 4)]), "annotation 5 has the unknown category 99"),
        (annotation(5, 77, CAR, [square(0, 0, 4)]), "annotation 5 is of image 77, which is not listed"),
        (annotation(5, 7, CAR, [[0, 0, 4, 4]]), "annotation 5: a polygon has 4 coordinates"),
        (annotation(5, 7, CAR, [[0, 0, 4, 4, 0, 4, 1]]), "annotation 5: a polygon has 7 coordinates"),
        (annotation(5, 7, CAR, [[0, 0, 4, float("nan"), 0, 4]]), "no COCO annotation file .*NaN"),
        (annotation(5, 7, CAR, [[0, 0, 1e9, 0, 0, 4]]), "annotation 5: a polygon lies outside"),
        (annotation(5, 7, CAR, [["x", 0, 4, 4, 0, 4]]), "annotation 5 is broken"),
        (annotation(5, 7, CAR, []), "annotation 5 has no polygon"),
        (annotation(5, 7, CAR, {"counts": [5, 5], "size": [SIZE, SIZE]}, 1), "annotation 5: its run-length code"),
        (annotation(5, 7, CAR, {"counts": [0, -1], "size": [SIZE, SIZE]}, 1), "annotation 5: its run-length code"),
        (annotation(5, 7, CAR, compressed_runs(), 1), "annotation 5: its run-length code is for"),
        (annotation(5, 7, CAR, {"counts": "garbage", "size": [SIZE, SIZE]}, 1), "annotation 5: its segmentation is"),
        (annotation(5, 7, CAR, {"size": [SIZE, SIZE]}, 1), "annotation 5: its segmentation is broken"),
        ({"id": 5, "image_id": 7, "segmentation": []}, "annotation 5 lacks 'category_id'"),
        ({"id": 5, "category_id": CAR, "segmentation": []}, "an annotation lacks the keys of COCO"),
    ],
)
def test_broken_annotations_are_named_and_leave_nothing(tmp_path: Path, entry: dict, message: str) -> None:
    archives = write_coco(tmp_path, "2017", [annotation(1, 7, PERSON, [square(0, 0, 4)]), entry], [7], SIZE)
    with pytest.raises(UserError, match=message) as error:
        prepare_coco(archives, tmp_path / "prepared" / "coco", OBJECTS)
    assert "annotations_trainval2017.zip" in str(error.value)
    assert list((tmp_path / "prepared").iterdir()) == []


def test_images_that_do_not_fit_are_named(tmp_path: Path) -> None:
    entries = [annotation(1, 7, PERSON, [square(0, 0, 4)])]
    archives = write_coco(tmp_path, "2017", entries, [7], SIZE)
    name = f"train2017/{coco_name('2017', 'train', 7)}"
    write_zip(archives["train2017.zip"], {name: jpeg(SIZE, SIZE - 1)})
    with pytest.raises(UserError, match=r"000000000007\.jpg in .*train2017\.zip: the image has 16×15 pixels"):
        prepare_coco(archives, tmp_path / "coco", OBJECTS)
    write_zip(archives["train2017.zip"], {"train2017/other.jpg": jpeg(SIZE, SIZE)})
    with pytest.raises(UserError, match=r"000000000007\.jpg in .*absent, though annotations/instances_train2017\.json"):
        prepare_coco(archives, tmp_path / "coco", OBJECTS)


def test_layouts_are_told_by_the_names(tmp_path: Path) -> None:
    archives = write_coco(tmp_path, "2017", [], [], SIZE)
    with pytest.raises(UserError, match=r"val2017\.zip is not given"):
        prepare_coco({k: v for k, v in archives.items() if k != "val2017.zip"}, tmp_path / "coco", OBJECTS)
    with pytest.raises(UserError, match=r"COCO needs the archives train2014\.zip"):
        prepare_coco({}, tmp_path / "coco", OBJECTS)
    with pytest.raises(UserError, match="given are"):
        prepare_coco(archives | {"val2014.zip": archives["val2017.zip"]}, tmp_path / "coco", OBJECTS)


def test_another_number_of_images_than_declared_replaces_nothing(tmp_path: Path) -> None:
    entries = [annotation(1, 7, CAR, [square(0, 0, 4)])]
    archives = write_coco(tmp_path, "2017", entries, [7, 8], SIZE)
    assert count_coco(archives, OBJECTS).counts == {"train": 2, "val": 0, "retained": 1}
    assert count_coco(archives, ["person"]).counts == {"train": 2, "val": 0, "retained": 0}
    prepare_coco(archives, tmp_path / "coco", OBJECTS, expected={"train": 2})
    with pytest.raises(UserError, match=r"annotations_trainval2017\.zip: 2 images in `train`, expected 118287"):
        prepare_coco(archives, tmp_path / "coco", OBJECTS, expected={"train": 118287, "val": 5000})
    assert len(read_csv(tmp_path / "coco" / "index.csv")) == 1


def test_images_that_are_finished_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [annotation(image, image, CAR, [square(image, 0, 4)]) for image in range(1, 6)]
    archives = write_coco(tmp_path, "2017", entries, list(range(1, 6)), SIZE)
    prepare_coco(archives, tmp_path / "whole" / "coco", OBJECTS)
    photos = archives["train2017.zip"].read_bytes()
    names = [f"train2017/{coco_name('2017', 'train', image)}" for image in range(1, 6)]
    write_zip(
        archives["train2017.zip"], {name: jpeg(SIZE, SIZE, grey=image) for image, name in enumerate(names[:3], 1)}
    )
    with pytest.raises(UserError, match=r"000000000004\.jpg in .*absent"):
        prepare_coco(archives, tmp_path / "coco", OBJECTS, identity="key")
    archives["train2017.zip"].write_bytes(photos)
    read = []
    whole_read = ZipReader.read
    monkeypatch.setattr(ZipReader, "read", lambda self, name, *more: read.append(name) or whole_read(self, name, *more))
    prepare_coco(archives, tmp_path / "coco", OBJECTS, identity="key")
    assert read == names[3:]
    trees = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "whole" / "coco", tmp_path / "coco")
    ]
    assert trees[0] == trees[1]
