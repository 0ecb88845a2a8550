"""Counts of archives built by hand, and what their lists name in vain."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contents import png, synset
from exfuse.data.counting import Counted, count_coco, count_imagenet, count_sbd, count_voc, count_voc_test
from exfuse.errors import UserError
from tests.data.publishers import (
    SBD_ROOT,
    VOC_ROOT,
    annotation,
    jpeg,
    labels,
    sbd_members,
    square,
    voc_members,
    write_coco,
    write_imagenet,
    write_tar,
    write_zip,
)

VOC = "VOCtrainval_11-May-2012.tar"
VOC_TEST = "VOC2012test.tar"
SBD = "benchmark.tgz"
MASK = png(labels(4, 3, 1))
AREA = labels(4, 3, 1)


def _voc(folder: Path, change: Callable[[dict[str, bytes]], object] = lambda _: None) -> Counted:
    members = voc_members({"a": MASK, "b": MASK, "c": MASK}, {"d": MASK, "e": MASK}, (4, 3))
    change(members)
    return count_voc({VOC: write_tar(folder / VOC, members)})


def _sbd(folder: Path, change: Callable[[dict[str, bytes]], object] = lambda _: None) -> Counted:
    members = sbd_members({"a": AREA, "b": AREA}, {"c": AREA}, (4, 3))
    change(members)
    return count_sbd({SBD: write_tar(folder / SBD, members, "gz")})


def test_voc(tmp_path: Path) -> None:
    found = _voc(tmp_path)
    assert found.counts == {"train": 3, "val": 2}
    assert found.ids == {"train": {"a", "b", "c"}, "val": {"d", "e"}}
    assert found.problems == []


def test_voc_names_all_that_is_missing(tmp_path: Path) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        for name in ("a", "b", "c"):
            del members[f"{VOC_ROOT}/JPEGImages/{name}.jpg"]
        del members[f"{VOC_ROOT}/SegmentationClass/a.png"]
        members[f"{VOC_ROOT}/SegmentationClass/d.png"] = b""
        del members[f"{VOC_ROOT}/SegmentationClass/e.png"]

    found = _voc(tmp_path, spoil)
    assert found.counts == {"train": 3, "val": 2}
    train, absent, empty = found.problems
    assert f"lacks {VOC_ROOT}/JPEGImages/a.jpg, {VOC_ROOT}/JPEGImages/b.jpg" in train
    assert "and 1 more, though" in train and "train.txt names them" in train
    assert f"lacks {VOC_ROOT}/SegmentationClass/e.png, though" in absent
    assert f"holds without a byte {VOC_ROOT}/SegmentationClass/d.png" in empty


def test_voc_lists_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        members[f"{VOC_ROOT}/ImageSets/Segmentation/train.txt"] = b"a\na\n"
        del members[f"{VOC_ROOT}/ImageSets/Segmentation/val.txt"]

    found = _voc(tmp_path, spoil)
    assert found.counts == {}
    assert "names a twice" in found.problems[0]
    assert "val.txt" in found.problems[1] and "absent" in found.problems[1]


def test_voc_test_needs_no_masks(tmp_path: Path) -> None:
    members = {
        f"{VOC_ROOT}/ImageSets/Segmentation/test.txt": b"a\nb\n",
        f"{VOC_ROOT}/JPEGImages/a.jpg": jpeg(4, 3),
    }
    found = count_voc_test({VOC_TEST: write_tar(tmp_path / VOC_TEST, members)})
    assert found.counts == {"test": 2}
    assert len(found.problems) == 1 and "JPEGImages/b.jpg" in found.problems[0]


def test_sbd(tmp_path: Path) -> None:
    found = _sbd(tmp_path)
    assert found.counts == {"train": 2, "val": 1}
    assert found.ids == {"train": {"a", "b"}, "val": {"c"}}
    assert found.problems == []


def test_sbd_that_lacks_members_and_mixes_its_lists(tmp_path: Path) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        del members[f"{SBD_ROOT}/cls/b.mat"]
        members[f"{SBD_ROOT}/val.txt"] = b"c\na\n"

    found = _sbd(tmp_path, spoil)
    assert found.counts == {"train": 2, "val": 2}
    assert len(found.problems) == 2
    assert f"lacks {SBD_ROOT}/cls/b.mat" in found.problems[0]
    assert "both name a" in found.problems[1]


def test_sbd_without_a_list(tmp_path: Path) -> None:
    found = _sbd(tmp_path, lambda members: members.pop(f"{SBD_ROOT}/val.txt"))
    assert found.counts == {"train": 2}
    (problem,) = found.problems
    assert f"{SBD_ROOT}/val.txt in " in problem and "it is absent" in problem


def test_sbd_names_all_that_is_empty(tmp_path: Path) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        for member in ("cls/a.mat", "img/c.jpg", "val.txt"):
            members[f"{SBD_ROOT}/{member}"] = b""

    found = _sbd(tmp_path, spoil)
    assert found.counts == {"train": 2}
    members, listing = found.problems
    assert f"holds without a byte {SBD_ROOT}/cls/a.mat, though" in members
    assert f"{SBD_ROOT}/val.txt in " in listing and "it is empty" in listing


@pytest.mark.parametrize("count", [count_voc, count_sbd])
def test_an_archive_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Callable[[dict[str, Path]], Counted]
) -> None:
    opened: list[object] = []
    open_tar = tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda *args, **options: opened.append(args) or open_tar(*args, **options))
    voc = write_tar(tmp_path / VOC, voc_members({"a": MASK}, {"b": MASK}, (4, 3)))
    sbd = write_tar(tmp_path / SBD, sbd_members({"a": AREA}, {"b": AREA}, (4, 3)), "gz")
    opened.clear()
    assert count({VOC: voc, SBD: sbd}).counts == {"train": 1, "val": 1}
    assert len(opened) == 1


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_cut_archive_is_refused(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(0)
    members = sbd_members({"a": AREA}, {"b": AREA}, (4, 3)) | {"filling": noise.bytes(100_000)}
    whole = write_tar(tmp_path / SBD, members, "gz").read_bytes()
    (tmp_path / SBD).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=f"{SBD} is damaged or cut short"):
        count_sbd({SBD: tmp_path / SBD})


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_coco_counts_listed_and_retained(tmp_path: Path, year: str) -> None:
    objects = [
        annotation(1, 1, 1, [square(0, 0, 2)]),
        annotation(2, 1, 3, [square(0, 0, 2)]),
        annotation(3, 2, 3, [square(0, 0, 2)]),
        annotation(4, 3, 1, {"counts": [0, 16], "size": [4, 4]}, crowd=1),
        annotation(5, 4, 56, [square(0, 0, 2)]),
    ]
    paths = write_coco(tmp_path, year, objects, images=[1, 2, 3, 4, 5], size=4)
    assert count_coco(paths, ["person", "car"]) == Counted({"train": 5, "val": 0, "retained": 2}, {}, [])
    assert count_coco(paths, ["person"]).counts["retained"] == 1


def test_coco_names_images_that_are_not_there(tmp_path: Path) -> None:
    paths = write_coco(tmp_path, "2017", [], images=[1, 2], size=4)
    write_zip(paths["train2017.zip"], {"train2017/000000000002.jpg": jpeg(4, 4), "train2017/other.jpg": b"x"})
    found = count_coco(paths, ["person"])
    assert found.counts == {"train": 2, "val": 0, "retained": 0}
    assert len(found.problems) == 1 and "lacks train2017/000000000001.jpg, though" in found.problems[0]


def _imagenet(folder: Path, **changes: object) -> Counted:
    settings = {
        "train": {"n02": {"n02_1.JPEG": jpeg(3, 3), "n02_2.JPEG": jpeg(3, 3)}, "n01": {"n01_1.JPEG": jpeg(3, 3)}},
        "val": [jpeg(3, 3)] * 3,
        "truth": [1, 2, 1],
        "synsets": [synset(1, "n02"), synset(2, "n01"), synset(3, "n00", children=2)],
    }
    return count_imagenet(write_imagenet(folder, **{**settings, **changes}))  # type: ignore[arg-type]


def test_imagenet(tmp_path: Path) -> None:
    assert _imagenet(tmp_path) == Counted({"classes": 2, "train": 3, "val": 3}, {}, [])


def test_imagenet_names_all_that_is_wrong(tmp_path: Path) -> None:
    train = {"n02": {"n02_1.JPEG": b"", "n02_2.JPEG": jpeg(3, 3)}, "n77": {"n77_1.JPEG": jpeg(3, 3)}}
    found = _imagenet(tmp_path, train=train, truth=[1, 2])
    assert found.counts == {"classes": 2, "train": 2, "val": 3}
    empty, unknown, unlabelled = found.problems
    assert "n02_1.JPEG" in empty and "n77.tar" in unknown
    assert "holds 3 images" in unlabelled and "2 lines" in unlabelled and "ILSVRC2012_val_00000003.JPEG" in unlabelled
