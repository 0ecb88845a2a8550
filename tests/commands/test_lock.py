"""One process a job: a second asks the first to end and takes over. Real processes, real signals."""

import errno
import fcntl
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exfuse.commands.lock import sole_worker
from exfuse.errors import UserError
from tests.disk import full_disk

WORKER = """
import signal, sys, time
from pathlib import Path
from exfuse.commands.lock import sole_worker
with sole_worker(Path(sys.argv[1])):
    if sys.argv[2] == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("working", flush=True)
    time.sleep(60)
"""


@contextmanager
def _working(place: Path, repo_root: Path, manner: str = "polite") -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(place), manner],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "working\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_the_holder_is_asked_to_end_and_the_next_takes_over(
    tmp_path: Path, repo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _working(tmp_path / "state" / "lock", repo_root) as process:
        with sole_worker(tmp_path / "state" / "lock", patience=20.0):
            assert process.wait(timeout=10) == -signal.SIGINT  # as by Ctrl-C
            assert (tmp_path / "state" / "lock").read_text() == f"{os.getpid()} on {platform.node()}"
        assert f"process {process.pid} still works on this job; asking it to end" in capsys.readouterr().err


def test_a_holder_that_does_not_end_is_named(tmp_path: Path, repo_root: Path) -> None:
    with _working(tmp_path / "lock", repo_root, "deaf") as process:
        began = time.monotonic()
        with pytest.raises(UserError, match=f"process {process.pid} on .* works on this job .* does not end; stop it"):
            sole_worker(tmp_path / "lock", patience=0.5).__enter__()
        assert 0.4 < time.monotonic() - began < 5.0
        assert process.poll() is None


def test_a_full_disk_names_the_lock(tmp_path: Path) -> None:
    told = pytest.raises(UserError, match=r"cannot write .*a\.lock: File too large")
    with full_disk(0), told, sole_worker(tmp_path / "a.lock"):
        pass


def test_a_crash_releases_the_lock(tmp_path: Path, repo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _working(tmp_path / "lock", repo_root) as process:
        process.kill()
        process.wait()
        with sole_worker(tmp_path / "lock", patience=0.0):
            pass
    assert capsys.readouterr().err == ""


def test_the_number_of_a_process_that_is_gone_asks_nobody(tmp_path: Path, repo_root: Path) -> None:
    """The lock may be held from another machine, where the number means another process."""
    with _working(tmp_path / "lock", repo_root) as process:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (tmp_path / "lock").write_text(f"{gone.pid} on {platform.node()}")
        with pytest.raises(UserError, match=f"process {gone.pid} on .* works on this job"):
            sole_worker(tmp_path / "lock", patience=0.5).__enter__()
        assert process.poll() is None


def test_another_job_is_not_disturbed(tmp_path: Path, repo_root: Path) -> None:
    with _working(tmp_path / "one.lock", repo_root) as process, sole_worker(tmp_path / "two.lock", patience=0.0):
        assert process.poll() is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*state/lock"):
        sole_worker(tmp_path / "state" / "lock").__enter__()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """As on some mounts of NFS and Lustre, which cannot be had here."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(UserError, match=r"cannot lock .*lock: .*no locks; have it mounted with them"):
        sole_worker(tmp_path / "lock").__enter__()
