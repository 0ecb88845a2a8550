"""Processes that share a training: started together, told of every signal, one exit code for all. Real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exfuse.commands.gpus import VISIBLE
from exfuse.commands.launch import MASTER, launch
from exfuse.errors import UserError
from exfuse.spec.resources import Resources
from exfuse.spec.settings import Hardware

ON_CPU = Hardware(threads=1, workers=0, device="cpu")
LAUNCHER = """
import os, sys
from exfuse import cli
from exfuse.commands import launch
from exfuse.spec.resources import Resources
from exfuse.spec.settings import Hardware
launch._command = lambda: [sys.executable, *sys.argv[1:]]
def program():
    launch.launch("a training", Resources(processes=2), Hardware(threads=1, workers=0, device="cpu"))
import exfuse.cli.program
exfuse.cli.program.app = program
cli.main()
"""
TRAINING = """
import os, signal, sys, time
from pathlib import Path
from exfuse.commands.launch import end_with_launcher
folder, manner, rank = Path(sys.argv[1]), sys.argv[2], os.environ["RANK"]
caught = []
if manner != "early":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: caught.append(number))
end_with_launcher()
(folder / f"began-{rank}-of-{os.environ['WORLD_SIZE']}").write_text(str(os.getpid()))
if manner == "finish":
    sys.exit(0)
if manner == "rank-1-fails" and rank == "1":
    sys.exit(1)
if manner == "rank-1-is-killed" and rank == "1":
    os.kill(os.getpid(), signal.SIGKILL)
while not caught:
    time.sleep(0.01)
time.sleep(0.5 if rank == "0" else 0)  # the first saves
if manner == "disk-full" and rank == "0":
    sys.exit(1)
(folder / f"saved-{rank}-{signal.Signals(caught[0]).name}").touch()
sys.exit(75 if manner != "rank-1-fails" else 0)
"""


@contextmanager
def _launched(folder: Path, repo_root: Path, manner: str) -> "Iterator[subprocess.Popen[str]]":
    """The launcher, once both of its processes have begun."""
    script = folder / "training.py"
    script.write_text(TRAINING)
    words = [sys.executable, "-c", LAUNCHER, str(script), str(folder), manner]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            while len(list(folder.glob("began-*-of-2"))) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def _names(folder: Path, begin: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"{begin}-*"))


def test_all_end_well(tmp_path: Path, repo_root: Path) -> None:
    with _launched(tmp_path, repo_root, "finish") as process:
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None and process.stderr.read() == ""
    assert _names(tmp_path, "began") == ["began-0-of-2", "began-1-of-2"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_reaches_all_and_they_have_time_to_save(
    tmp_path: Path, repo_root: Path, number: signal.Signals
) -> None:
    with _launched(tmp_path, repo_root, "save") as process:
        process.send_signal(number)
        assert process.wait(timeout=60) == 75
    assert _names(tmp_path, "saved") == [f"saved-0-{number.name}", f"saved-1-{number.name}"]


@pytest.mark.parametrize(
    ("manner", "code", "words"),
    [("rank-1-fails", 1, ""), ("rank-1-is-killed", 75, ""), ("disk-full", 1, ""), ("early", 130, "interrupted")],
)
def test_how_it_ends_otherwise(tmp_path: Path, repo_root: Path, manner: str, code: int, words: str) -> None:
    """A failure outweighs what others saved; a signal before anyone can save is as Ctrl-C."""
    with _launched(tmp_path, repo_root, manner) as process:
        if manner in ("disk-full", "early"):
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == code
        assert process.stderr is not None
        said = process.stderr.read()
    assert words in said and "Traceback" not in said


def test_a_killed_launcher_takes_its_processes_along(tmp_path: Path, repo_root: Path) -> None:
    """They save: left alone, they would train on with GPUs that nobody holds for them."""
    with _launched(tmp_path, repo_root, "save") as process:
        process.kill()
        deadline = time.monotonic() + 20
        while len(_names(tmp_path, "saved")) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert _names(tmp_path, "saved") == ["saved-0-SIGTERM", "saved-1-SIGTERM"]


def test_too_few_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "0,1")
    with pytest.raises(UserError, match="a training takes 4 GPUs of each node, and 2 are visible here"):
        launch("a training", Resources(gpus=4), Hardware(threads=1, workers=0))


def test_several_nodes_need_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv(MASTER, raising=False)
    with pytest.raises(UserError, match=r"takes 2 nodes .* which only Slurm gives"):
        launch("a training", Resources(nodes=2), ON_CPU)
