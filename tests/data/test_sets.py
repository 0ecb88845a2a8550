import csv
import hashlib
from pathlib import Path

import pytest

from exfuse.data.coco import LAYOUTS, prepare_coco
from exfuse.data.labels import VOC_CLASSES
from exfuse.data.prepared import INDEX_COLUMNS
from exfuse.data.sbd import prepare_sbd
from exfuse.data.sets import member_ids, parts_read, write_set
from exfuse.data.voc import prepare_voc
from exfuse.errors import UserError
from exfuse.files import read_csv, write_csv


def write_index(root: Path, source: str, **splits: dict[str, str]) -> None:
    """An index table from classes by id by split."""
    rows = [
        {
            "id": identifier,
            "split": split,
            "image": f"{source}/images/{identifier}.jpg",
            "mask": "" if split == "test" else f"{source}/masks/{identifier}.png",
            "width": 6,
            "height": 4,
            "classes": classes,
        }
        for split, images in splits.items()
        for identifier, classes in images.items()
    ]
    write_csv(root / source / "index.csv", INDEX_COLUMNS, rows)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    write_index(tmp_path, "voc", train={"v2": "1", "v1": "9"}, val={"w1": "2 15", "w2": "3"})
    write_index(tmp_path, "voc-test", test={"t1": ""})
    write_index(tmp_path, "sbd", train={"v1": "9", "s1": "4", "w1": "2"}, val={"w2": "3", "s0": "5"})
    write_index(tmp_path, "coco", train={"c2": "7"}, val={"c1": "8"})
    return tmp_path


def rows(root: Path, name: str, **options) -> tuple[list[tuple[str, str]], dict]:
    report = write_set(name, root, root / "sets" / f"{name}.csv", **options)
    with open(root / "sets" / f"{name}.csv", newline="") as lines:
        return [(row["source"], row["id"]) for row in csv.DictReader(lines)], report


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("train", ["voc v1", "voc v2"]),
        ("trainaug", ["sbd s0", "sbd s1", "voc v1", "voc v2"]),
        ("coco", ["coco c1", "coco c2", "sbd s0", "sbd s1", "voc v1", "voc v2"]),
        ("trainval", ["voc v1", "voc v2", "voc w1", "voc w2"]),
        ("val", ["voc w1", "voc w2"]),
        ("test", ["voc-test t1"]),
    ],
)
def test_members_by_hand(prepared: Path, name: str, members: list[str]) -> None:
    found, report = rows(prepared, name)
    assert [" ".join(entry) for entry in found] == members
    assert report["rows"] == report["images"] == len(members)
    for source in ("voc", "voc-test", "sbd", "coco"):
        assert report[source] == sum(member.startswith(f"{source} ") for member in members)
    ids = sorted(member.split()[1] for member in members)
    assert report["sha256"] == hashlib.sha256(("\n".join(ids) + "\n").encode()).hexdigest()


def test_membership_of_ids_alone() -> None:
    ids = {
        ("voc", "train"): ["a", "b"], ("voc", "val"): ["c"],
        ("sbd", "train"): ["b", "c", "d"], ("sbd", "val"): ["e", "a"],
        ("coco", "train"): ["7"], ("coco", "val"): ["c"],
    }  # fmt: skip
    assert member_ids("trainaug", ids) == {
        ("voc", "train"): ["a", "b"], ("sbd", "train"): ["d"], ("sbd", "val"): ["e"],
    }  # fmt: skip
    assert member_ids("coco", ids)["coco", "val"] == ["c"]  # what must not be there is found, not hidden
    assert parts_read("trainaug") == {("voc", "train"), ("voc", "val"), ("sbd", "train"), ("sbd", "val")}


def test_voc_train_keeps_vocs_masks(prepared: Path) -> None:
    rows(prepared, "trainaug")
    masks = {row["id"]: row["mask"] for row in read_csv(prepared / "sets" / "trainaug.csv")}
    assert masks["v1"] == "voc/masks/v1.png"
    assert masks["s1"] == "sbd/masks/s1.png"


def test_hard_classes_stand_twice_in_trainval(prepared: Path) -> None:
    found, report = rows(prepared, "trainval", repeat_classes=(9, 2))
    assert [identifier for _, identifier in found] == ["v1", "v1", "v2", "w1", "w1", "w2"]
    assert (report["rows"], report["images"]) == (6, 4)
    with pytest.raises(UserError, match="only `trainval` repeats"):
        rows(prepared, "train", repeat_classes=(9,))


def test_a_val_image_that_slips_in_is_a_defect(prepared: Path) -> None:
    write_index(prepared, "coco", train={"w1": "15"})
    with pytest.raises(AssertionError, match="w1"):
        rows(prepared, "coco")


def test_a_set_of_another_size_than_declared_is_refused(prepared: Path) -> None:
    found, _ = rows(prepared, "trainaug", expected=4)
    assert len(found) == 4
    found, _ = rows(prepared, "trainval", repeat_classes=(9, 2), expected=4)
    assert len(found) == 6
    with pytest.raises(UserError, match=r"set `train` has 2 images, expected 3.*`sets` of its own"):
        rows(prepared, "train", expected=3)


def test_wrong_requests_are_explained(prepared: Path) -> None:
    with pytest.raises(UserError, match="unknown set `trainug`"):
        rows(prepared, "trainug")
    write_index(prepared, "voc-test")
    with pytest.raises(UserError, match="set `test` has no image"):
        rows(prepared, "test")
    (prepared / "sbd" / "index.csv").write_text("id,split\na,train\n")
    with pytest.raises(UserError, match=r"index\.csv is no index table"):
        rows(prepared, "trainaug")
    (prepared / "sbd" / "index.csv").unlink()
    with pytest.raises(UserError, match=r"index\.csv"):
        rows(prepared, "trainaug")


def test_the_real_subset_has_the_counts_of_its_description(real_archives: Path, tmp_path: Path) -> None:
    archives = {path.name: path for path in real_archives.iterdir()}
    prepare_voc(archives, tmp_path / "voc")
    prepare_sbd(archives, tmp_path / "sbd")
    kept = prepare_coco({name: archives[name] for name in LAYOUTS["2017"].values()}, tmp_path / "coco", VOC_CLASSES[1:])
    val = {identifier for _, identifier in rows(tmp_path, "val")[0]}
    assert len(val) == 60
    sizes = {"train": 100, "trainaug": 160, "coco": 160 + kept["retained"]}
    for name, size in sizes.items():
        found, report = rows(tmp_path, name)
        assert len(found) == len(set(found)) == report["rows"] == size
        assert not val & {identifier for _, identifier in found}
    found, _ = rows(tmp_path, "trainaug")
    assert sum(source == "voc" for source, _ in found) == 100
    for row in read_csv(tmp_path / "sets" / "coco.csv"):
        assert (tmp_path / row["image"]).is_file()
        assert (tmp_path / row["mask"]).is_file()
    trainval, report = rows(tmp_path, "trainval", repeat_classes=(2, 9, 11, 16, 18))
    assert report["images"] == 160
    hard = {
        row["id"]
        for row in read_csv(tmp_path / "voc" / "index.csv")
        if {"2", "9", "11", "16", "18"} & set(row["classes"].split())
    }
    assert len(trainval) == 160 + len(hard)
