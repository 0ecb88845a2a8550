import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contents import png
from exfuse.data.voc import TEST_ARCHIVE, TRAINVAL_ARCHIVE, prepare_voc, prepare_voc_test
from exfuse.errors import UserError
from tests.data.publishers import VOC_ROOT, jpeg, labels, voc_members, write_tar


def prepare(folder: Path, members: dict[str, bytes]) -> dict[str, int]:
    archive = write_tar(folder / TRAINVAL_ARCHIVE, members)
    return prepare_voc({TRAINVAL_ARCHIVE: archive}, folder / "prepared" / "voc")


def small() -> dict[str, bytes]:
    train = {"2007_b": png(labels(6, 4, 15, 255, 2)), "2007_a": png(labels(6, 4))}
    return voc_members(train, {"2007_c": png(labels(6, 4, 9))}, (6, 4))


def rows(prepared: Path) -> list[dict[str, str]]:
    with open(prepared / "index.csv", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_real_subset_keeps_every_byte(real_archives: Path, tmp_path: Path) -> None:
    archive = real_archives / TRAINVAL_ARCHIVE
    assert prepare_voc({TRAINVAL_ARCHIVE: archive}, tmp_path / "voc") == {"train": 100, "val": 60, "test": 0}
    table = {row["id"]: row for row in rows(tmp_path / "voc")}
    assert len(table) == 160
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name)
            if name.parent.name == "JPEGImages":
                stored = tmp_path / table[name.stem]["image"]
            elif name.parent.name == "SegmentationClass":
                stored = tmp_path / table[name.stem]["mask"]
            else:
                continue
            assert stored.read_bytes() == tar.extractfile(member).read()


def test_index_by_hand(tmp_path: Path) -> None:
    assert prepare(tmp_path, small()) == {"train": 2, "val": 1, "test": 0}
    prepared = tmp_path / "prepared" / "voc"
    assert [tuple(row.values()) for row in rows(prepared)] == [
        ("2007_a", "train", "voc/images/2007_a.jpg", "voc/masks/2007_a.png", "6", "4", ""),
        ("2007_b", "train", "voc/images/2007_b.jpg", "voc/masks/2007_b.png", "6", "4", "2 15"),
        ("2007_c", "val", "voc/images/2007_c.jpg", "voc/masks/2007_c.png", "6", "4", "9"),
    ]


TEST_MEMBERS = {
    f"{VOC_ROOT}/JPEGImages/2008_t.jpg": jpeg(3, 5),
    f"{VOC_ROOT}/JPEGImages/2008_s.jpg": jpeg(6, 4),
    f"{VOC_ROOT}/ImageSets/Segmentation/test.txt": b"2008_t\n2008_s\n",
}


def test_test_images_by_hand(tmp_path: Path) -> None:
    """They make a folder of their own, and no folder for masks."""
    archive = write_tar(tmp_path / TEST_ARCHIVE, TEST_MEMBERS)
    prepared = tmp_path / "prepared" / "voc-test"
    assert prepare_voc_test({TEST_ARCHIVE: archive}, prepared) == {"train": 0, "val": 0, "test": 2}
    assert [tuple(row.values()) for row in rows(prepared)] == [
        ("2008_s", "test", "voc-test/images/2008_s.jpg", "", "6", "4", ""),
        ("2008_t", "test", "voc-test/images/2008_t.jpg", "", "3", "5", ""),
    ]
    assert (prepared / "images" / "2008_t.jpg").read_bytes() == TEST_MEMBERS[f"{VOC_ROOT}/JPEGImages/2008_t.jpg"]
    assert sorted(path.name for path in prepared.iterdir()) == ["images", "index.csv"]


def test_a_test_image_that_is_listed_and_absent_is_named(tmp_path: Path) -> None:
    members = {name: content for name, content in TEST_MEMBERS.items() if not name.endswith("2008_s.jpg")}
    archive = write_tar(tmp_path / TEST_ARCHIVE, members)
    with pytest.raises(UserError, match=r"2008_s\.jpg.*VOC2012test\.tar.*absent, though .*test\.txt names it"):
        prepare_voc_test({TEST_ARCHIVE: archive}, tmp_path / "voc-test")
    assert not (tmp_path / "voc-test").exists()


IMAGE, MASK = f"{VOC_ROOT}/JPEGImages/2007_a.jpg", f"{VOC_ROOT}/SegmentationClass/2007_a.png"
LIST = f"{VOC_ROOT}/ImageSets/Segmentation/train.txt"


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        (MASK, png(labels(4, 6)), r"2007_a\.png.*the mask has 4×6 pixels, its image 6×4"),
        (MASK, png(labels(6, 4), "RGB"), r"2007_a\.png.*the mask is RGB"),
        (MASK, png(labels(6, 4, 33)), r"2007_a\.png.*the label 33"),
        (MASK, None, r"2007_a\.png.*absent"),
        (IMAGE, None, r"2007_a\.jpg.*absent, though .*train\.txt names it"),
        (IMAGE, b"", r"2007_a\.jpg.*empty"),
        (IMAGE, b"no image", r"2007_a\.jpg.*no JPEG"),
        (LIST, None, r"train\.txt.*absent"),
        (LIST, b"2007_a\n2007_a\n", r"train\.txt.*names 2007_a twice"),
        (LIST, b"../../etc/passwd\n", r"train\.txt.*is no image id"),
        (LIST, b"2007_a\n2007_c\n", r"2007_c is already in split `train`"),
    ],
)
def test_bad_members_are_named_and_leave_nothing(
    tmp_path: Path, member: str, content: bytes | None, message: str
) -> None:
    members = small()
    if content is None:
        del members[member]
    else:
        members[member] = content
    with pytest.raises(UserError, match=message) as error:
        prepare(tmp_path, members)
    assert TRAINVAL_ARCHIVE in str(error.value)
    assert not list((tmp_path / "prepared").glob("*"))


def test_a_failed_preparation_keeps_the_former_one(tmp_path: Path) -> None:
    prepare(tmp_path, small())
    before = (tmp_path / "prepared" / "voc" / "index.csv").read_bytes()
    with pytest.raises(UserError):
        prepare(tmp_path, small() | {MASK: png(np.full((4, 6), 77, dtype=np.uint8))})
    assert (tmp_path / "prepared" / "voc" / "index.csv").read_bytes() == before


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"VOCtrainval_11-May-2012\.tar"):
        prepare_voc({}, tmp_path / "voc")
    with pytest.raises(UserError, match=r"VOC2012test\.tar"):
        prepare_voc_test({}, tmp_path / "voc-test")


def test_another_number_of_images_than_declared_replaces_nothing(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / TRAINVAL_ARCHIVE, small())
    target = tmp_path / "prepared" / "voc"
    prepare_voc({TRAINVAL_ARCHIVE: archive}, target, expected={"train": 2, "val": 1})
    with pytest.raises(
        UserError, match=r"VOCtrainval.*tar: 2 images in `train`, expected 1464\..*`subset_of`"
    ) as error:
        prepare_voc({TRAINVAL_ARCHIVE: archive}, target, expected={"train": 1464, "val": 1449})
    assert "\n" not in str(error.value)
    assert len(rows(target)) == 3
    tests = write_tar(tmp_path / TEST_ARCHIVE, TEST_MEMBERS)
    with pytest.raises(UserError, match=r"VOC2012test\.tar: 2 images in `test`, expected 1456"):
        prepare_voc_test({TEST_ARCHIVE: tests}, tmp_path / "voc-test", expected={"test": 1456})
