"""GPUs are shared out by locks: different ones for jobs side by side, all or none, free again after a crash."""

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from exfuse.commands.gpus import VISIBLE, leased, visible_gpus
from exfuse.errors import UserError
from exfuse.spec.settings import Hardware

HARDWARE = Hardware(threads=1, workers=0)
CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture(autouse=True)
def _three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "0, 2,GPU-5e")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


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


@pytest.mark.parametrize("why", ["cpu", "slurm", "none"])
def test_nothing_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    hardware = HARDWARE
    if why == "cpu":
        hardware = Hardware(threads=1, workers=0, device="cpu")
    elif why == "slurm":
        monkeypatch.setenv("SLURM_JOB_ID", "7")
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
