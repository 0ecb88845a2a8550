"""Preparations that are killed at random moments and started again: the same data, and no finished image made twice."""

import math
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import full_counts
from benchmarks.preparation import CHILD, IDENTITY, request
from exfuse.data.labels import VOC_CLASSES
from exfuse.data.preparation import prepare

KILLS = 10
IN_FLIGHT = 4
"""Images that may be on disk and not in the journal at a kill: the one that is being written, and one a worker."""

SHARED: dict[str, tuple[int, ...]] = {"voc": (), "sbd": (10, 10), "coco": ()}

Stamps = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Preparation:
    """Archives, and the means to prepare them in a process that can be killed."""

    publisher: str
    archives: dict[str, Path]
    folder: Path
    workers: int = 1

    @property
    def target(self) -> Path:
        return self.folder / "prepared" / self.publisher

    @property
    def messages(self) -> Path:
        return self.folder / "stderr.txt"

    def fork(self) -> int:
        """A child of this process, which has imported everything; gives its number."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setsid()
                os.dup2(os.open(self.messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
                sys.stderr = os.fdopen(2, "w", closefd=False)
                prepare(
                    self.publisher, self.archives, self.target,
                    class_names=VOC_CLASSES[1:], workers=self.workers, identity=IDENTITY,
                )  # fmt: skip
                sys.stderr.flush()
                code = 0
            finally:
                os._exit(code)
        return child

    def spawn(self) -> int:
        """A process of its own, with workers."""
        writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", CHILD, request(self.publisher, self.archives, self.target, self.workers)],
            {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(self.messages), writing, 0o644),
            ],
            setsid=True,
        )

    def finished_files(self) -> Stamps:
        """Inode and time of the images and masks that an unfinished preparation holds."""
        content = self.target.with_name(f".{self.publisher}.partial") / "content"
        return {name: stamp for name, stamp in _stamps(content).items() if name.startswith(("images/", "masks/"))}


def _stamps(folder: Path) -> Stamps:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _ends_before(child: int, moment: Callable[[], bool]) -> bool:
    """Waits until the moment has come; a child that ends before must have succeeded."""
    while not moment():
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return True
        time.sleep(0.002)
    return False


def _session(leader: int) -> list[int]:
    """Processes of a session that still live; workers of a killed process are among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


def _kill(child: int) -> None:
    """Kills a preparation, and it alone: what it started has to notice by itself."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    deadline = time.monotonic() + 10
    while lingering := _session(child):
        if time.monotonic() > deadline:
            for process in lingering:
                os.kill(process, signal.SIGKILL)
            pytest.fail(f"{len(lingering)} processes outlive the killed preparation")
        time.sleep(0.01)


def _moment(
    preparation: Preparation, shares: Sequence[float | None], began: float, duration: float
) -> Callable[[], bool]:
    """Whether the moment of the next kill has come: its share of the time has passed, or something is finished."""
    if not shares:
        return lambda: False
    share = shares[-1]
    if share is None:
        return lambda: bool(preparation.finished_files())
    return lambda: time.monotonic() >= began + share * duration


def _kill_ten_times(preparation: Preparation, start: Callable[[], int], seed: int) -> Iterator[Stamps]:
    """Kills at ten moments that divide an undisturbed run's time, and first when something is finished, whenever that
    is on this machine; yields what each finished run found of earlier ones.

    A run that ends before its moment is finished; then the next one starts from nothing and meets the same moment.
    """
    dice = random.Random(seed)
    shares: list[float | None] = [(step + dice.random()) / KILLS for step in range(KILLS)]
    dice.shuffle(shares)
    if preparation.publisher != "imagenet":
        shares.append(None)
    kept: Stamps = {}
    duration = math.inf
    undisturbed = True
    while True:
        began = time.monotonic()
        child = start()
        if not _ends_before(child, _moment(preparation, shares, began, duration)):
            _kill(child)
            shares.pop()
            kept, undisturbed = preparation.finished_files(), False
            continue
        if undisturbed:  # machines differ from minute to minute, so each such run is a new measure
            duration = 0.99 * (time.monotonic() - began)
        yield kept
        if not shares:
            return
        shutil.rmtree(preparation.target)
        kept, undisturbed = {}, True


def _check(preparation: Preparation, start: Callable[[], int], seed: int) -> int:
    """Compares every finished run with the undisturbed one; gives the number of files that restarts found."""
    expected: dict[str, bytes] = {}
    found = 0
    for kept in _kill_ten_times(preparation, start, seed):
        contents = _contents(preparation.target)
        expected = expected or contents
        assert contents == expected
        assert [path.name for path in preparation.target.parent.iterdir()] == [preparation.publisher]
        now = _stamps(preparation.target)
        redone = [name for name, stamp in kept.items() if now[name] != stamp]
        assert len(redone) <= IN_FLIGHT * preparation.workers, f"{len(redone)} of {len(kept)} finished files made again"
        if len(kept) > IN_FLIGHT * preparation.workers:
            assert "kept" in preparation.messages.read_text()
        found += len(kept)
    return found


@pytest.mark.parametrize("publisher", ["voc", "sbd"])
def test_ten_kills_and_restarts_give_the_same_data(publisher: str, memory: Path) -> None:
    write = full_counts.write_voc if publisher == "voc" else full_counts.write_sbd
    preparation = Preparation(publisher, write(memory, 300, 100, *SHARED[publisher]), memory)
    assert _check(preparation, preparation.fork, seed=1) > 0


@pytest.mark.slow
@pytest.mark.parametrize("publisher", ["sbd", "coco"])
def test_ten_kills_of_a_program_with_workers(publisher: str, memory: Path) -> None:
    write = full_counts.write_sbd if publisher == "sbd" else full_counts.write_coco
    preparation = Preparation(publisher, write(memory, 300, 100, *SHARED[publisher]), memory, workers=2)
    assert _check(preparation, preparation.spawn, seed=2) > 0


@pytest.mark.slow
def test_ten_kills_of_cocos_preparation(memory: Path) -> None:
    preparation = Preparation("coco", full_counts.write_coco(memory, 300, 100), memory)
    assert _check(preparation, preparation.fork, seed=3) > 0


@pytest.mark.slow
def test_ten_kills_of_imagenets_index(memory: Path) -> None:
    """Its few files appear at the end, so there is nothing to keep."""
    preparation = Preparation("imagenet", full_counts.write_imagenet(memory, 40, 100, 2000), memory)
    assert _check(preparation, preparation.fork, seed=4) == 0


def test_what_was_finished_may_be_damaged_before_the_restart(memory: Path) -> None:
    """A power cut leaves empty files and a torn journal; they are noticed by length and checksum."""
    preparation = Preparation("voc", full_counts.write_voc(memory, 200, 100), memory)
    assert _ends_before(preparation.fork(), lambda: False)
    expected = _contents(preparation.target)
    shutil.rmtree(preparation.target)
    child = preparation.fork()
    while sum(name.startswith("masks/") for name in preparation.finished_files()) < 20:
        time.sleep(0.005)
    _kill(child)
    partial = preparation.target.with_name(".voc.partial")
    images = sorted((partial / "content" / "images").iterdir())
    masks = sorted((partial / "content" / "masks").iterdir())
    images[0].write_bytes(b"")
    images[1].unlink()
    masks[0].write_bytes(bytes(len(masks[0].read_bytes())))
    journal = partial / "journal"
    journal.write_bytes(journal.read_bytes()[:-3])
    assert _ends_before(preparation.fork(), lambda: False)
    assert _contents(preparation.target) == expected
