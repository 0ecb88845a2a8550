"""GPUs are shared out by locks: different ones for jobs side by side, all or none, free again after a crash."""

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from exfuse.commands import gpus
from exfuse.commands.gpus import VISIBLE, leased, visible_gpus
from exfuse.errors import UserError
from exfuse.spec.settings import Hardware

HARDWARE = Hardware(threads=1, workers=0)
CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture(autouse=True)
def _three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "0, 2,GPU-5e")
    for name in ("SLURM_JOB_ID", "SLURM_STEP_ID", "RANK"):
        monkeypatch.delenv(name, raising=False)


def _hold(folder: Path, count: int, report: Any, end: Event) -> None:
    os.environ[VISIBLE] = "0,2,GPU-5e"
    os.environ.pop("SLURM_JOB_ID", None)
    with leased(HARDWARE, count, folder):
        report.put(os.environ[VISIBLE])
        end.wait()


class Holder:
    """A process with GPUs."""

    def __init__(self, folder: Path, count: int) -> None:
        self.report: Any = CONTEXT.Queue()
        self.end = CONTEXT.Event()
        self.process = CONTEXT.Process(target=_hold, args=(folder, count, self.report, self.end))
        self.process.start()

    def got(self) -> str:
        """What it sees."""
        return str(self.report.get(timeout=60))


def test_jobs_side_by_side_see_different_gpus(tmp_path: Path) -> None:
    holder = Holder(tmp_path, 1)
    assert holder.got() == "0"
    with leased(HARDWARE, 1, tmp_path):
        assert os.environ[VISIBLE] == "2"
    holder.end.set()
    holder.process.join()


def test_a_job_waits_until_all_that_it_needs_is_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = Holder(tmp_path, 2)
    assert holder.got() == "0,2"
    waiting = Holder(tmp_path, 2)
    time.sleep(1.0)
    assert waiting.report.empty()
    with leased(HARDWARE, 1, tmp_path):  # who waits holds none
        assert os.environ[VISIBLE] == "GPU-5e"
    os.kill(holder.process.pid or 0, signal.SIGKILL)
    assert waiting.got() == "0,2"
    waiting.end.set()
    waiting.process.join()


def test_more_than_there_are(tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match=r"takes 4 GPUs, and there are 3 here \(0, 2, GPU-5e\)")
    with refused, leased(HARDWARE, 4, tmp_path):
        pass


@pytest.mark.parametrize("why", ["cpu", "torchrun", "none"])
def test_nothing_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    hardware = HARDWARE
    if why == "cpu":
        hardware = Hardware(threads=1, workers=0, device="cpu")
    elif why == "torchrun":
        monkeypatch.setenv("RANK", "1")
    else:
        monkeypatch.setenv(VISIBLE, "")
    before = os.environ[VISIBLE]
    with leased(hardware, 1, tmp_path):
        assert os.environ[VISIBLE] == before
    assert not list(tmp_path.iterdir())


def test_gpus_are_found_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE)
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm", "sda"):
        (tmp_path / name).touch()
    assert visible_gpus(tmp_path) == ["0", "1"]


@pytest.mark.parametrize("rest", ["", "-1", "NoDevFiles", "7x"])
def test_what_follows_no_gpu_is_passed_over(monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    """As CUDA does; Slurm writes `NoDevFiles` where it gives no GPU."""
    monkeypatch.setenv(VISIBLE, f"3,MIG-1,{rest},1")
    assert visible_gpus() == ["3", "MIG-1"]


def _driver(folder: Path, minors: dict[str, tuple[int, str]]) -> tuple[Path, Path]:
    """Device files, and what NVIDIA's driver tells in /proc of the GPU in each slot."""
    for slot, (minor, uuid) in minors.items():
        (folder / "dev").mkdir(exist_ok=True)
        (folder / "dev" / f"nvidia{minor}").touch()
        (folder / "driver" / slot).mkdir(parents=True)
        told = f"Model: \t\t NVIDIA H100\nGPU UUID: \t {uuid}\nBus Location: \t {slot}\nDevice Minor: \t {minor}\n"
        (folder / "driver" / slot / "information").write_text(told)
    return folder / "dev", folder / "driver"


def test_a_gpu_with_two_names_is_one(tmp_path: Path) -> None:
    slots = {"0000:1b:00.0": (2, "GPU-aa11"), "0000:43:00.0": (0, "GPU-bb22"), "0000:52:00.0": (10, "GPU-????")}
    devices = _driver(tmp_path, slots)
    assert gpus._by_identity(["0", "1", "2"], *devices) == {"GPU-bb22": "0", "GPU-aa11": "1", "10": "2"}
    assert gpus._by_identity(["1", "GPU-aa11", "GPU-bb"], *devices) == {"GPU-aa11": "1", "GPU-bb22": "GPU-bb"}
    assert gpus._by_identity(["GPU-cc", "MIG-7", "9"], *devices) == {"GPU-cc": "GPU-cc", "MIG-7": "MIG-7", "9": "9"}


def test_jobs_of_one_allocation_share_what_slurm_gave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another step, and another allocation, may count its own GPUs from 0."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_STEP_ID", raising=False)
    with leased(HARDWARE):
        assert os.environ[VISIBLE] == "0"
        monkeypatch.setenv("SLURM_STEP_ID", "3")
        assert os.environ.pop(VISIBLE)
        monkeypatch.setenv(VISIBLE, "0,2,GPU-5e")
        with leased(HARDWARE):
            assert os.environ[VISIBLE] == "0"
            names = ["exfuse-gpus-slurm-7-3", "exfuse-gpus-slurm-7-batch"]
            assert [path.name for path in sorted(tmp_path.iterdir())] == names
    assert not list(tmp_path.iterdir())
    monkeypatch.delenv(VISIBLE)  # Slurm knows nothing of GPUs there, so that all of its jobs see all
    assert gpus._lock_folder() == gpus.LOCKS


def test_the_folder_of_a_step_stays_while_others_use_it(tmp_path: Path) -> None:
    place = tmp_path / f"{gpus.OF_A_STEP}7-3"
    with leased(HARDWARE, 1, place):
        os.environ[VISIBLE] = "0,2,GPU-5e"  # another job
        with leased(HARDWARE, 2, place):
            assert os.environ[VISIBLE] == "2,GPU-5e"
        assert sorted(path.name for path in place.iterdir()) == ["0.lock", "2.lock", "GPU-5e.lock"]
    assert not place.exists()


def test_the_lock_of_a_file_that_was_just_removed_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next job would lock a new file of this name, and both would hold the GPU."""
    removed = []

    def take(descriptor: int, place: Path) -> bool:
        if not removed:
            removed.append(place)
            place.unlink()
        return True

    monkeypatch.setattr(gpus, "is_taken", take)
    with leased(HARDWARE, 1, tmp_path):
        assert os.environ[VISIBLE] == "2"


def test_a_lock_that_is_taken_is_new(tmp_path: Path) -> None:
    """Programs that clean /tmp remove old files."""
    (tmp_path / "0.lock").touch()
    os.utime(tmp_path / "0.lock", (0, 0))
    with leased(HARDWARE, 1, tmp_path):
        assert time.time() - (tmp_path / "0.lock").stat().st_mtime < 60


def test_a_pipe_in_place_of_a_lock_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.lock")
    refused = pytest.raises(UserError, match=r"cannot lock .*0.lock: something else lies there")
    with refused, leased(HARDWARE, 1, tmp_path):
        pass


def test_a_folder_whose_maker_was_killed_is_opened_to_all(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir(mode=0o755)
    with leased(HARDWARE, 1, tmp_path / "locks"):
        assert (tmp_path / "locks").stat().st_mode & 0o7777 == 0o1777


def test_other_users_find_the_locks_and_can_add_theirs(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        with leased(HARDWARE, 1, tmp_path / "locks"):
            assert (tmp_path / "locks").stat().st_mode & 0o7777 == 0o1777
            assert (tmp_path / "locks" / "0.lock").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(mask)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_links_that_somebody_laid_are_not_followed(tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    locks = tmp_path / "locks"
    if what == "folder":
        locks.symlink_to(elsewhere)
    else:
        locks.mkdir()
        (locks / "0.lock").symlink_to(elsewhere / "made")
    refused = pytest.raises(UserError, match="locks")
    with refused, leased(HARDWARE, 1, locks):
        pass
    assert not list(elsewhere.iterdir())
