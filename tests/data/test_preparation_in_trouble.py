"""`exfuse data prepare` where archives are not what was declared, disks refuse, bombs wait, or two work at once."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import full_counts
from exfuse.data.labels import VOC_CLASSES
from exfuse.data.preparation import prepare
from tests.data import damage
from tests.data.damage import COCO_JSON, COCO_TRAIN, SBD, VOC
from tests.data.working_copy import WORDS, Copy, Tree, assert_refused, call, tree

# --- archives that are not the declared ones ---


@pytest.mark.parametrize(
    ("publisher", "archive", "declared", "words"),
    [
        ("voc", VOC, {"md5": "0" * 32}, ["md5", "0" * 32]),
        ("coco", COCO_TRAIN, {"md5": "0" * 32}, ["md5", "0" * 32]),
        ("voc", VOC, {"size": 1_999_639_040}, ["1,999,639,040"]),
    ],
)
def test_another_file_than_the_declared_one(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    publisher: str, archive: str, declared: dict[str, object], words: list[str],
) -> None:  # fmt: skip
    before = copy.prepared(publisher)
    for key, value in declared.items():
        copy.declare(f"archives.{publisher}.0.{key}", value)
    assert_refused(call(publisher, monkeypatch, capsys), archive, *words)
    assert copy.prepared(publisher) == before


@pytest.mark.parametrize(
    ("publisher", "count", "found"),
    [("voc", "train", 2), ("voc", "val", 1), ("sbd", "train", 2), ("coco", "train", 2), ("imagenet", "train", 3),
     ("imagenet", "classes", 2)],
)  # fmt: skip
def test_another_count_than_the_declared_one(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    publisher: str, count: str, found: int,
) -> None:  # fmt: skip
    before = copy.prepared(publisher)
    copy.declare(f"counts.{publisher}.{count}", 4321)
    assert_refused(call(publisher, monkeypatch, capsys), str(found), "4321", count, "datasets.yaml")
    assert copy.prepared(publisher) == before


def test_archives_that_are_missing_or_folders_are_all_named(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = copy.prepared("coco")
    (copy.root / "archives" / COCO_TRAIN).unlink()
    (copy.root / "archives" / COCO_JSON).unlink()
    (copy.root / "archives" / COCO_JSON).mkdir()
    assert_refused(call("coco", monkeypatch, capsys), COCO_TRAIN, "missing", COCO_JSON, "folder")
    assert copy.prepared("coco") == before


# --- bombs ---

JUNK, PHOTO = "benchmark_RELEASE/junk.bin", damage.coco_photo(7)
PEAK = """
from exfuse import cli
if __name__ == "__main__":
    try:
        cli.main()
    finally:
        print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize(
    ("publisher", "archive", "how"),
    [
        pytest.param("sbd", SBD, damage.put(damage.SBD_MAT, damage.mat_bomb()), id="mat"),
        pytest.param("sbd", SBD, damage.put(JUNK, damage.zeros()), id="gzip", marks=pytest.mark.slow),
        pytest.param("coco", COCO_TRAIN, damage.put(PHOTO, damage.zeros()), id="zip", marks=pytest.mark.slow),
    ],
)
def test_a_bomb_is_not_inflated(copy: Copy, publisher: str, archive: str, how: damage.Damage) -> None:
    copy.spoil(archive, how)
    assert (copy.root / "archives" / archive).stat().st_size < 1 << 20
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *WORDS, publisher], cwd=copy.root, env=copy.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert archive in done.stderr
    assert int(done.stdout.splitlines()[-1]) < 200 << 10, "KiB"


# --- disks ---


@dataclass(frozen=True)
class Disk:
    """A small file system in memory, in the place of ``results/``."""

    place: Path

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.place)], check=True)


@pytest.fixture
def disk(copy: Copy) -> Iterator[Disk]:
    """One megabyte, which holds what was prepared before."""
    place, aside = copy.root / "results", copy.root / "aside"
    place.rename(aside)
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here: " + mounted.stderr.decode().strip())
    try:
        shutil.copytree(aside, place, dirs_exist_ok=True)
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _without_provenance(prepared: Tree) -> Tree:
    return {name: content for name, content in prepared.items() if name not in ("provenance.json", "manifest.json")}


def _replace(copy: Copy, publisher: str, archives: dict[str, Path], train: int, val: int) -> Tree:
    """Declares other archives in the place of a publisher's; gives what has to come out of them."""
    copy.declare(f"counts.{publisher}", {"train": train, "val": val})
    expected = copy.root / "expected" / publisher
    prepare(publisher, archives, expected, class_names=VOC_CLASSES[1:])
    return tree(expected)


def test_a_disk_that_fills_up(copy: Copy, disk: Disk) -> None:
    expected = _replace(copy, "voc", full_counts.write_voc(copy.root / "archives", 150, 100), 150, 100)
    before = copy.prepared("voc")
    assert_refused(copy.run("voc"), "cannot write", "voc", "space")
    assert copy.prepared("voc") == before
    disk.remount("size=32m")
    assert copy.run("voc").code == 0
    assert _without_provenance(copy.prepared("voc")) == expected


@pytest.mark.parametrize("publisher", ["sbd", pytest.param("imagenet", marks=pytest.mark.slow)])
def test_files_that_may_not_grow(copy: Copy, publisher: str) -> None:
    """What a quota does: the system refuses to write beyond a size."""
    before = copy.prepared(publisher)
    refused = copy.run(publisher, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400)))
    assert_refused(refused, "cannot write", publisher)
    assert copy.prepared(publisher) == before
    assert copy.run(publisher).code == 0
    assert _without_provenance(copy.prepared(publisher)) == _without_provenance(before)


@pytest.mark.parametrize("publisher", ["voc", "imagenet"])
def test_a_read_only_target(
    copy: Copy, disk: Disk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], publisher: str
) -> None:
    before = copy.prepared(publisher)
    disk.remount("ro")
    assert_refused(call(publisher, monkeypatch, capsys), "cannot write", f"results/paper/data/{publisher}", "Read-only")
    assert copy.prepared(publisher) == before


# --- two at once ---


@pytest.mark.parametrize("workers", [("1", "2"), pytest.param(("2", "1"), marks=pytest.mark.slow)])
def test_the_second_of_two_preparations_takes_over(copy: Copy, workers: tuple[str, str]) -> None:
    expected = _replace(copy, "sbd", full_counts.write_sbd(copy.root / "archives", 120, 60, 20, 20), 120, 60)
    before = copy.prepared("sbd")
    with ExitStack() as stack:
        first = stack.enter_context(_started(copy, workers[0], "first"))
        _wait(lambda: _files_of_work(copy) > 20)
        first.send_signal(signal.SIGSTOP)  # it has to be at work when the second one comes
        second = stack.enter_context(_started(copy, workers[1], "second"))
        _wait(lambda: "asking it to end" in _said(copy, "second"))
        assert copy.prepared("sbd") == before
        first.send_signal(signal.SIGCONT)
        assert first.wait(60) not in (0, None)
        assert second.wait(60) == 0
    assert _without_provenance(copy.prepared("sbd")) == expected
    assert copy.others() == []
    said = _said(copy, "first")
    assert said.count("\n") == 1 and "Traceback" not in said, said


@contextmanager
def _started(copy: Copy, workers: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "exfuse.cli", *WORDS, "sbd", "--workers", workers]
    with open(copy.root / name, "wb") as stderr:
        process = subprocess.Popen(command, cwd=copy.root, env=copy.environment, stderr=stderr)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _said(copy: Copy, name: str) -> str:
    return (copy.root / name).read_text()


def _files_of_work(copy: Copy) -> int:
    """How many files lie in folders beside the prepared ones."""
    folder = copy.root / "results" / "paper" / "data"
    return sum(len(files) for name in copy.others() for _, _, files in os.walk(folder / name))


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
