import csv
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from benchmarks.contents import synset
from exfuse.data.archives import read_member
from exfuse.data.imagenet import DEVKIT_ARCHIVE, TRAIN_ARCHIVE, VAL_ARCHIVE, prepare_imagenet
from exfuse.errors import UserError
from tests.data.publishers import tar_bytes, write_imagenet, write_tar

SYNSETS = [synset(1, "n00000030"), synset(2, "n00000010"), synset(3, "n00000020"), synset(4, "n00000005", children=3)]
"""ILSVRC ids out of WordNet order; the last is no leaf. Sorted: 10, 20, 30 are the classes 0, 1, 2."""
TRAIN = {
    "n00000020": {"n00000020_1.JPEG": b"twenty", "n00000020_2.JPEG": b"twenty again" * 99},
    "n00000010": {"n00000010_1.JPEG": b"ten"},
    "n00000030": {"n00000030_7.JPEG": b"thirty"},
}


def small(folder: Path, **changes) -> dict[str, Path]:
    parts = {"train": TRAIN, "val": [b"first", b"second"], "truth": [1, 3], "synsets": SYNSETS} | changes
    return write_imagenet(folder, **parts)


def real_labels(devkit: Path) -> tuple[dict[str, int], list[int]]:
    """Class of each WordNet id and of each validation image, by the devkit's own numbers."""
    with tarfile.open(devkit) as tar:
        names = {Path(member.name).name: member for member in tar if member.isfile()}
        meta = scipy.io.loadmat(io.BytesIO(tar.extractfile(names["meta.mat"]).read()), struct_as_record=False)
        truth = tar.extractfile(names["ILSVRC2012_validation_ground_truth.txt"]).read().split()
    wnid_of = {
        int(entry.ILSVRC2012_ID.item()): str(entry.WNID.item())
        for entry in meta["synsets"].ravel()
        if entry.num_children.item() == 0
    }
    position = {wnid: label for label, wnid in enumerate(sorted(wnid_of.values()))}
    return position, [position[wnid_of[int(number)]] for number in truth]


def test_the_real_subset_against_tarfile(real_archives: Path, tmp_path: Path) -> None:
    archives = {name: real_archives / name for name in (TRAIN_ARCHIVE, VAL_ARCHIVE, DEVKIT_ARCHIVE)}
    assert prepare_imagenet(archives, tmp_path / "imagenet") == {"train": 60, "val": 20, "classes": 80}
    position, truth = real_labels(archives[DEVKIT_ARCHIVE])
    expected = {"train": [], "val": []}
    with tarfile.open(archives[TRAIN_ARCHIVE]) as outer:
        for class_tar in outer:
            with tarfile.open(fileobj=outer.extractfile(class_tar)) as inner:
                for member in inner:
                    label = position[class_tar.name.removesuffix(".tar")]
                    expected["train"].append((member.name, label, inner.extractfile(member).read()))
    with tarfile.open(archives[VAL_ARCHIVE]) as tar:
        for member in tar:
            number = int(member.name[-len("00000000.JPEG") : -len(".JPEG")])
            expected["val"].append((member.name, truth[number - 1], tar.extractfile(member).read()))
    for split, archive in (("train", archives[TRAIN_ARCHIVE]), ("val", archives[VAL_ARCHIVE])):
        index = np.load(tmp_path / "imagenet" / f"{split}.npz")
        assert str(index["archive"]) == archive.name
        found = [
            (name.decode(), int(label), read_member(archive, int(offset), int(length)))
            for name, label, offset, length in zip(
                index["name"], index["label"], index["offset"], index["length"], strict=True
            )
        ]
        assert found == expected[split]


def test_labels_are_positions_of_sorted_wordnet_ids(tmp_path: Path) -> None:
    assert prepare_imagenet(small(tmp_path), tmp_path / "imagenet") == {"train": 4, "val": 2, "classes": 3}
    train = np.load(tmp_path / "imagenet" / "train.npz")
    assert train["label"].tolist() == [1, 1, 0, 2]
    assert np.load(tmp_path / "imagenet" / "val.npz")["label"].tolist() == [2, 1]
    assert {key: train[key].dtype.str[1:] for key in ("offset", "length", "label")} == {
        "offset": "i8",
        "length": "i4",
        "label": "i2",
    }
    assert train["name"].dtype.kind == "S"
    with open(tmp_path / "imagenet" / "classes.csv", newline="") as lines:
        assert [tuple(row.values()) for row in csv.DictReader(lines)] == [
            ("0", "n00000010", "words of n00000010"),
            ("1", "n00000020", "words of n00000020"),
            ("2", "n00000030", "words of n00000030"),
        ]


def test_the_index_is_the_same_each_time(tmp_path: Path) -> None:
    archives = small(tmp_path)
    for name in ("one", "two"):
        prepare_imagenet(archives, tmp_path / name)
    for name in ("train.npz", "val.npz", "classes.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": {"n00000005": {"a.JPEG": b"x"}}}, r"n00000005\.tar in .*img_train\.tar: it is no tar of one of"),
        ({"train": {"n00000010": {"a.JPEG": b""}}}, r"n00000010\.tar: a\.JPEG in .*img_train\.tar: it is empty"),
        ({"train": {"n00000010": {"a" * 65: b"x"}}}, r"img_train\.tar: its name is longer than the 64 bytes"),
        ({"train": {}}, "holds no class"),
        ({"val": [b"only"]}, r"img_val\.tar holds 1 images, but .*ground_truth\.txt.* has 2 lines"),
        ({"val": [b"a", b""]}, r"00000002\.JPEG in .*img_val\.tar: it is empty"),
        ({"truth": [1, 4]}, r"ground_truth\.txt in .*: line 2 is 4, which is the ILSVRC id of no class"),
        ({"synsets": [{"A": 1}]}, r"meta\.mat in .*no class table"),
        ({"synsets": [synset(1, "n1"), synset(2, "n1")]}, "same WordNet id twice"),
    ],
)
def test_bad_archives_are_named_and_leave_nothing(tmp_path: Path, changes: dict, message: str) -> None:
    archives = small(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        prepare_imagenet(archives, tmp_path / "prepared" / "imagenet")
    assert not (tmp_path / "prepared").exists() or list((tmp_path / "prepared").iterdir()) == []


def test_a_cut_class_is_named(tmp_path: Path) -> None:
    archives = small(tmp_path)
    inner = tar_bytes(TRAIN["n00000020"])
    write_tar(archives[TRAIN_ARCHIVE], {"n00000020.tar": inner[:1024]})
    with pytest.raises(UserError, match=r"img_train\.tar is damaged or cut short at or after n00000020"):
        prepare_imagenet(archives, tmp_path / "imagenet")


def test_a_cut_archive_is_noticed(tmp_path: Path) -> None:
    archives = small(tmp_path)
    for name in (TRAIN_ARCHIVE, VAL_ARCHIVE, DEVKIT_ARCHIVE):
        whole = archives[name].read_bytes()
        archives[name].write_bytes(whole[: min(len(whole) // 2, 1500)])
        with pytest.raises(UserError, match="is damaged or cut short"):
            prepare_imagenet(archives, tmp_path / "imagenet")
        archives[name].write_bytes(whole)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"classes": 1000}, r"devkit_t12\.tar\.gz: 3 classes, expected 1000"),
        ({"classes": 3, "train": 5}, r"img_train\.tar: 4 images in `train`, expected 5"),
        ({"train": 4, "val": 1}, r"img_val\.tar: 2 images in `val`, expected 1"),
    ],
)
def test_other_numbers_than_declared_are_named(tmp_path: Path, expected: dict[str, int], message: str) -> None:
    archives = small(tmp_path)
    with pytest.raises(UserError, match=message):
        prepare_imagenet(archives, tmp_path / "imagenet", expected=expected)
    assert not (tmp_path / "imagenet").exists()
