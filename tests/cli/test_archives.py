"""What `exfuse data` says when archives are missing or damaged, or folders cannot be written."""

from pathlib import Path

import pytest

from tests.cli.conftest import left
from tests.params import Params
from tests.program import call

ARCHIVE = "VOCtrainval_11-May-2012.tar"


@pytest.mark.parametrize(
    ("publisher", "archive", "origin"),
    [
        ("voc", ARCHIVE, "host.robots.ox.ac.uk/pascal/VOC/voc2012"),
        ("voc-test", "VOC2012test.tar", "PASCAL VOC evaluation server"),
        ("sbd", "benchmark.tgz", "semantic_contours/benchmark.tgz"),
        ("coco", "train2014.zip", "cocodataset.org"),
        ("imagenet", "ILSVRC2012_img_train.tar", "image-net.org"),
    ],
)
def test_a_missing_archive_says_where_it_belongs_and_comes_from(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    publisher: str, archive: str, origin: str,
) -> None:  # fmt: skip
    assert call(monkeypatch, "--preset", "paper", "--data-root", "elsewhere", "data", "prepare", publisher) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"error: elsewhere/{archive} is missing.")
    assert origin in message
    assert "`data_root`" in message
    assert left(params.root) == set()


def test_the_test_set_without_its_archive_says_which_is_missing(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--preset", "paper", "data", "set", "test") == 1
    assert (
        "data/official/VOC2012test.tar is missing. Get VOC2012test.tar from the PASCAL VOC" in capsys.readouterr().err
    )
    assert left(params.root) == set()


def test_a_damaged_archive_names_both_checksums(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The md5 of "abc" is the test vector of RFC 1321; the expected one is VOC's."""
    params.put("datasets.yaml", "folders.official.archives.voc.0.size", 3)
    (params.root / "archives").mkdir()
    (params.root / "archives" / ARCHIVE).write_bytes(b"abc")
    assert call(monkeypatch, "--preset", "paper", "--data-root", "archives", "data", "prepare", "voc") == 1
    message = capsys.readouterr().err
    for word in (ARCHIVE, "900150983cd24fb0d6963f7d28e17f72", "6cd6e144f989b92b3379bac3b3de84fd"):
        assert word in message
    assert not (params.root / "results").exists()


def test_archives_that_cannot_be_written(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (params.root / "data").write_text("in the way")
    assert call(monkeypatch, "--preset", "smoke", "data", "archives") == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "cannot write data/smoke" in errors[0]
    assert (params.root / "data").read_text() == "in the way"


def test_results_that_cannot_be_written(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], real_archives: Path
) -> None:
    (params.root / "results").write_text("in the way")
    words = ("--preset", "paper", "--data", "subset", "--data-root", str(real_archives), "data", "prepare", "voc")
    assert call(monkeypatch, *words) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "cannot write results/paper/data/voc" in errors[0]
