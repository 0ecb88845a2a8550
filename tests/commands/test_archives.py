"""Archives before they are read: every one that is missing or damaged, in one message that says what to do."""

import hashlib
from pathlib import Path

import pytest

from benchmarks.contents import png
from exfuse.commands.archives import whole_archives
from exfuse.commands.data import prepare
from exfuse.errors import UserError
from exfuse.files import read_csv, read_json
from tests.data.publishers import labels, voc_members, write_tar
from tests.params import Params, copy_params

VOC = "VOCtrainval_11-May-2012.tar"
LAYOUTS = {
    "official": ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip"),
    "official-2017": ("train2017.zip", "val2017.zip", "annotations_trainval2017.zip"),
}


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    return copy_params(repo_root, tmp_path)


@pytest.fixture
def folder(params: Params) -> Path:
    place = params.root / "archives"
    place.mkdir()
    return place


def complaint(params: Params, publisher: str, data: str = "official") -> str:
    with pytest.raises(UserError) as error:
        whole_archives(params.graph("paper", data=data, data_root="archives"), publisher)  # type: ignore[arg-type]
    message = str(error.value)
    assert "\n" not in message
    return message


def declare(params: Params, publisher: str, number: int, content: bytes, md5: str | None = None) -> None:
    at = f"folders.official.archives.{publisher}.{number}"
    params.put("datasets.yaml", f"{at}.size", len(content))
    params.put("datasets.yaml", f"{at}.md5", md5 or hashlib.md5(content, usedforsecurity=False).hexdigest())


def test_all_that_is_wrong_is_in_one_message(params: Params, folder: Path) -> None:
    (folder / "train2014.zip").write_bytes(b"twelve bytes")
    (folder / "val2014.zip").mkdir()
    message = complaint(params, "coco")
    assert f"{folder / 'train2014.zip'} is cut short: 12 of 13,510,573,713 bytes." in message
    assert f"{folder / 'val2014.zip'} is a directory, not the archive." in message
    assert f"{folder / 'annotations_trainval2014.zip'} is missing." in message
    assert "Move or delete what is not the archive." in message
    assert "http://images.cocodataset.org/zips/val2014.zip" in message
    assert "train2014.zip)" not in message
    assert "`exfuse data fetch coco` downloads them (from http" in message


def test_sizes_are_compared_before_checksums(params: Params, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfuse.commands.archive_state.md5_shown", lambda *_: pytest.fail("150 GB were read"))
    (folder / VOC).write_bytes(b"x")
    assert "is cut short: 1 of 1,999,639,040 bytes" in complaint(params, "voc")
    params.put("datasets.yaml", "folders.official.archives.voc.0.size", 1)
    (folder / VOC).write_bytes(b"xyz")
    assert "is another version: 3 bytes instead of 1" in complaint(params, "voc")


def test_a_wrong_checksum_names_both(params: Params, folder: Path) -> None:
    """The md5 of "abc" is the test vector of RFC 1321."""
    declare(params, "voc", 0, b"abc", md5="0" * 32)
    (folder / VOC).write_bytes(b"abc")
    expected = f"md5 900150983cd24fb0d6963f7d28e17f72, expected {'0' * 32}"
    assert f"{folder / VOC} is damaged or another version: {expected}." in complaint(params, "voc")
    declare(params, "voc", 0, b"abc")
    assert whole_archives(params.graph("paper", data_root="archives"), "voc") == {VOC: folder / VOC}


@pytest.mark.parametrize(("asked", "there"), [("official", "official-2017"), ("official-2017", "official")])
def test_the_other_year_of_coco_is_recognised(params: Params, folder: Path, asked: str, there: str) -> None:
    for name in LAYOUTS[there][1:]:
        (folder / name).write_bytes(b"x")
    assert "--data" not in complaint(params, "coco", asked)
    (folder / LAYOUTS[there][0]).write_bytes(b"x")
    assert f"`--data {there}`" in complaint(params, "coco", asked)


def test_what_needs_an_account_is_not_promised_by_fetch(params: Params, folder: Path) -> None:
    message = complaint(params, "imagenet")
    assert message.count(" is missing.") == 3
    assert "image-net.org" in message
    assert "exfuse data fetch" not in message


def test_the_declared_counts_hold_for_the_preparation(params: Params, folder: Path) -> None:
    mask = png(labels(6, 4, 9))
    write_tar(folder / VOC, voc_members({"a": mask}, {"b": mask}, (6, 4)))
    declare(params, "voc", 0, (folder / VOC).read_bytes())
    target = params.root / "results" / "paper" / "data" / "voc"
    with pytest.raises(UserError, match=r"1 images in `train`, expected 1464.*params/datasets\.yaml"):
        prepare(params.graph("paper", data_root="archives"), "voc", workers=1)
    assert not target.exists()
    params.put("datasets.yaml", "folders.official.counts.voc", {"train": 1, "val": 1})
    prepare(params.graph("paper", data_root="archives"), "voc", workers=1)
    assert [row["id"] for row in read_csv(target / "index.csv")] == ["a", "b"]
    assert read_json(target / "provenance.json")["counts"] == {"train": 1, "val": 1, "test": 0}
