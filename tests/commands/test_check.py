"""`exfuse data check`: what is there, whole and as declared, and every single thing that is not."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.contents import png
from exfuse.commands.check import check
from exfuse.data.download.partial import part_of
from exfuse.data.mini import write_archives
from exfuse.errors import UserError
from tests.data.publishers import SBD_ROOT, VOC_ROOT, labels, sbd_members, voc_members, write_tar
from tests.params import Params, copy_params

VOC = "VOCtrainval_11-May-2012.tar"
SBD = "benchmark.tgz"
MASK, AREA = png(labels(4, 3, 1)), labels(4, 3, 1)
TRAIN, VAL, SBD_TRAIN, SBD_VAL = ("a", "b", "c"), ("d", "e"), ("a", "d", "f"), ("g",)

Run = Callable[..., tuple[str, str]]


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    return copy_params(repo_root, tmp_path)


@pytest.fixture
def run(params: Params, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on a folder; gives what it printed, and its last message."""

    def call(preset: str, *asked: str, quick: bool = False, **overrides: str) -> tuple[str, str]:
        capsys.readouterr()
        error = ""
        try:
            check(params.graph(preset, **overrides), asked, quick)  # type: ignore[arg-type]
        except UserError as problem:
            error = str(problem)
        return capsys.readouterr().out, error

    return call


def _small_archives(params: Params, voc: Path, sbd: Path) -> None:
    """VOC and SBD of a few images, declared as the official ones of preset `voc`."""
    write_tar(voc, voc_members(dict.fromkeys(TRAIN, MASK), dict.fromkeys(VAL, MASK), (4, 3)))
    write_tar(sbd, sbd_members(dict.fromkeys(SBD_TRAIN, AREA), dict.fromkeys(SBD_VAL, AREA), (4, 3)), "gz")
    for publisher, path in (("voc", voc), ("sbd", sbd)):
        _declare(params, publisher, path)
    params.put("datasets.yaml", "folders.official.counts.voc", {"train": 3, "val": 2})
    params.put("datasets.yaml", "folders.official.counts.sbd", {"train": 3, "val": 1})
    sets = {"train": 3, "trainaug": 5, "trainval": 5, "val": 2, "test": 7}
    params.put("datasets.yaml", "folders.official.sets", sets)


def _declare(params: Params, publisher: str, path: Path) -> None:
    at = f"folders.official.archives.{publisher}.0"
    params.put("datasets.yaml", f"{at}.size", path.stat().st_size)
    params.put("datasets.yaml", f"{at}.md5", hashlib.md5(path.read_bytes()).hexdigest())


def _declare_voc(params: Params, folder: Path, split: str, listed: bytes) -> None:
    """VOC's archive with another list, declared as the official one."""
    members = voc_members(dict.fromkeys(TRAIN, MASK), dict.fromkeys(VAL, MASK), (4, 3))
    members[f"{VOC_ROOT}/ImageSets/Segmentation/{split}.txt"] = listed
    _declare(params, "voc", write_tar(folder / VOC, members))


@pytest.fixture
def official(params: Params) -> Path:
    folder = params.root / "data" / "official"
    folder.mkdir(parents=True)
    _small_archives(params, folder / VOC, folder / SBD)
    return folder


def test_everything_right(run: Run, official: Path) -> None:
    out, error = run("voc")
    assert error == ""
    assert out.count("complete, md5 right") == 2
    for line in (
        "  train 3 of 3, val 2 of 2",
        "  train 3 of 3, val 1 of 1",
        "  trainaug 5 of 5, disjoint from VOC val (images of SBD left out that are in it: 1)",
        "  trainval 5 of 5",
        "  val 2 of 2",
        "coco (not needed by preset voc; name it to have it checked)",
        "  train 3 of 3, disjoint from VOC val",
        "  VOC2012test.tar is missing, not needed",
        "data folder 'official': nothing is wrong",
    ):
        assert line in out.splitlines()


def test_quick_reads_no_checksum(run: Run, official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfuse.spec.raw.md5", lambda *_: pytest.fail("read"))
    out, error = run("voc", quick=True)
    assert error == ""
    assert out.count("md5 not compared") == 2


def test_a_second_check_reads_no_checksum(run: Run, official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("voc")
    monkeypatch.setattr("exfuse.spec.raw.md5", lambda *_: pytest.fail("read again"))
    assert run("voc")[1] == ""


def test_a_truncated_archive(run: Run, official: Path) -> None:
    whole = (official / VOC).read_bytes()
    (official / VOC).write_bytes(whole[:5000])
    out, error = run("voc")
    assert error == f"data folder 'official': 1 problem: {VOC} is cut short: 5,000 of {len(whole):,} bytes."
    assert "Move or delete what is not the archive." in out
    assert "trainaug" not in out  # nothing is claimed that needs the damaged archive
    assert "train 3 of 3, val 1 of 1" in out


def test_a_wrong_md5(run: Run, official: Path) -> None:
    content = bytearray((official / VOC).read_bytes())
    content[-1] ^= 1
    (official / VOC).write_bytes(content)
    out, error = run("voc")
    verdict = f"{VOC} is damaged or another version: md5 {hashlib.md5(content).hexdigest()}, expected "
    assert error.startswith(f"data folder 'official': 1 problem: {verdict}")
    assert verdict in out


def test_a_count_off_by_one(run: Run, official: Path, params: Params) -> None:
    _declare_voc(params, official, "train", b"a\nb\n")
    out, error = run("voc")
    assert "  train 2 of 3, val 2 of 2  ← problem" in out
    for part in ("4 problems", "voc train 2 of 3", "set train has 2 of 3", "set trainaug has 4 of 5"):
        assert part in error


def test_all_problems_are_told_at_once(run: Run, official: Path, params: Params) -> None:
    (official / VOC).unlink()
    (official / VOC).mkdir()
    members = sbd_members(dict.fromkeys(SBD_TRAIN, AREA), dict.fromkeys(SBD_VAL, AREA), (4, 3))
    del members[f"{SBD_ROOT}/cls/f.mat"]
    write_tar(official / SBD, members, "gz")
    size = (official / SBD).stat().st_size
    params.put("datasets.yaml", "folders.official.archives.sbd.0.size", size)
    out, error = run("voc")
    assert f"{VOC} is a directory, not the archive" in out
    assert f"lacks {SBD_ROOT}/cls/f.mat" in out
    beginning, md5, end = error.split("; ")
    assert beginning == f"data folder 'official': 3 problems: {VOC} is a directory, not the archive"
    assert md5.startswith(f"{SBD} is damaged or another version: md5 ")
    assert end == "sbd is damaged."


def test_images_in_train_and_val(run: Run, official: Path, params: Params) -> None:
    _declare_voc(params, official, "val", b"d\na\n")
    out, error = run("voc")
    assert "  train 3 of 3, 1 of them in VOC val, such as a  ← problem" in out.splitlines()
    for name in ("train", "trainaug"):
        assert f"set {name} shares 1 images with VOC val, such as a" in error


def test_missing_archives_say_how_to_get_them(run: Run, official: Path) -> None:
    (official / VOC).unlink()
    part_of(official / SBD).write_bytes(b"x" * 1234)
    (official / SBD).unlink()
    out, error = run("paper", quick=True)
    assert f"  {VOC} is missing  ← problem\n  `exfuse data fetch voc` downloads it (from http" in out
    assert "unfinished download of 1,234 bytes, which `exfuse data fetch` goes on with" in out
    assert "Get ILSVRC2012_img_train.tar from image-net.org" in out
    assert error.startswith("data folder 'official': 8 problems: ")
    assert "VOC2012test.tar" not in error


def test_what_is_named_is_needed(run: Run, official: Path) -> None:
    out, error = run("voc", "voc-test")
    assert error == "data folder 'official': 1 problem: VOC2012test.tar is missing."
    assert VOC not in out
    assert "data folder 'official': nothing is wrong" in run("voc", "sbd")[0]


def test_what_is_not_needed_is_only_said_to_be_wrong(run: Run, official: Path) -> None:
    (official / "annotations_trainval2014.zip").write_bytes(b"x" * 5)
    (official / "train2014.zip").mkdir()
    (official / "val2014.zip").symlink_to("nowhere")
    out, error = run("voc")
    assert error == ""
    for line in (
        "  annotations_trainval2014.zip is cut short: 5 of 252,872,794 bytes, not needed",
        "  train2014.zip is a directory, not the archive, not needed",
        "  val2014.zip is a link that leads nowhere, not needed",
        "data folder 'official': nothing is wrong",
    ):
        assert line in out.splitlines()
    named = run("voc", "coco")[1]
    assert "3 problems" in named and "annotations_trainval2014.zip is cut short: 5 of 252,872,794 bytes" in named


def test_a_publisher_that_the_folder_lacks(run: Run) -> None:
    assert "has no archives of 'voc-test'" in run("mini", "voc-test", data="subset")[1]


def test_generated_archives(run: Run, params: Params) -> None:
    _, error = run("smoke")
    assert "9 problems" in error and f"{VOC} is missing" in error
    graph = params.graph("smoke")
    assert graph.spec.folder.generated is not None
    write_archives(graph.spec.folder.generated, graph.spec.archive_folder, lambda *_: None)
    out, error = run("smoke")
    assert error == ""
    for line in ("train 12, val 8 (made by the project)", "test 3 (made by the project)", "train 16, val 10"):
        assert line in out


def test_the_real_subset_is_what_it_is_declared_to_be(run: Run, real_archives: Path) -> None:
    out, error = run("smoke", data="subset", data_root=str(real_archives))
    assert error == ""
    for line in (
        "subset of official-2017: voc 160 of 2913, sbd 90 of 11355, coco 60 of 123287, imagenet 80 of 1331167 images",
        "  train 100 of 100, val 60 of 60",
        "  train 67 of 67, val 23 of 23",
        "  train 40 of 40, val 20 of 20",
        "  train 60 of 60, val 20 of 20, classes 80 of 80",
        "  trainaug 160 of 160, disjoint from VOC val (images of SBD left out that are in it: 10)",
    ):
        assert line in out.splitlines()
    assert "GCN's 109892 images less the 10582 of trainaug imply 99310 of 123287 (80.6%)" in out


def test_the_real_subset_is_not_taken_for_the_whole(run: Run, real_archives: Path) -> None:
    out, error = run("paper", quick=True, data="official-2017", data_root=str(real_archives))
    assert f"{VOC} is cut short: " in out
    assert "ILSVRC2012_img_train.tar is cut short" in error


def test_a_damaged_real_subset(run: Run, real_archives: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(real_archives, folder)
    folder.chmod(0o755)
    for name in (SBD, "val2017.zip", "ILSVRC2012_img_train.tar"):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).write_bytes(content[: len(content) * 2 // 3])
    out, error = run("smoke", data="subset", data_root=str(folder))
    assert "train 100 of 100, val 60 of 60" in out
    assert error == (
        "data folder 'subset': 4 problems: sbd cannot be read; coco cannot be read; imagenet train unknown of 60; "
        "imagenet is damaged."
    )


def test_undeclared_counts_are_said_to_be(run: Run, official: Path, params: Params) -> None:
    params.put("datasets.yaml", "folders.official.counts", {})
    params.put("datasets.yaml", "folders.official.sets", {})
    out, error = run("voc")
    assert error == ""
    assert "  train 3, val 2 (not declared)" in out and "  trainaug 5, disjoint" in out


def test_own_data_are_listed(run: Run, params: Params) -> None:
    params.put("datasets.yaml", "folders.mine", {"title": "my own", "own": {"classes": ["ground", "tree"]}})
    folder = params.root / "data" / "mine"
    for name, content in voc_members({"a": MASK, "b": MASK}, {"c": MASK}, (4, 3)).items():
        path = folder / name.removeprefix(f"{VOC_ROOT}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    out, error = run("voc", data="mine")
    assert (
        error == "" and "  train 2, val 1 (not declared); `exfuse data prepare own` opens and checks every one" in out
    )
    (folder / "SegmentationClass" / "b.png").unlink()
    out, error = run("voc", data="mine")
    assert "SegmentationClass/b" in out and "1 problem: the images cannot be listed" in error
