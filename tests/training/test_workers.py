"""Loading processes end with their training, also where they hang, and are deaf to who ends a group of processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exfuse.training.interruption import SAME_SECONDS
from tests.program import hear_ctrl_c

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems do not tell a process of its parent's end"
)


def _wait(until: Callable[[], bool], seconds: float) -> float:
    begun = time.monotonic()
    while not until():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return time.monotonic() - begun


def _alive(process: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def hanging(tmp_path: Path, repo_root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A training whose two loading processes hang."""
    program = [sys.executable, "-m", "tests.training.hanging", tmp_path]
    process = subprocess.Popen(program, cwd=repo_root, preexec_fn=hear_ctrl_c, start_new_session=True)
    try:
        _wait(lambda: len(list(tmp_path.glob("*.hangs"))) == 2, 120)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _workers(folder: Path) -> list[int]:
    found = [int(path.stem) for path in folder.glob("*.hangs")]
    assert len(found) == 2 and all(map(_alive, found))
    return found


def test_a_killed_training_leaves_no_process(hanging: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    workers = _workers(tmp_path)
    os.kill(hanging.pid, signal.SIGKILL)
    hanging.wait()
    _wait(lambda: not any(map(_alive, workers)), 3)


def test_a_training_ends_though_its_loading_processes_hang(hanging: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    workers = _workers(tmp_path)
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
    time.sleep(0.5)
    assert hanging.poll() is None and all(map(_alive, workers))
    os.killpg(hanging.pid, signal.SIGINT)  # it may still be at the first step, and else waits for a batch
    time.sleep(SAME_SECONDS + 0.5)
    with suppress(ProcessLookupError):
        os.killpg(hanging.pid, signal.SIGINT)
    assert hanging.wait(40) != 0
    assert not any(map(_alive, workers))
