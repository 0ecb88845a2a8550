"""Processes that share a training: started together, told of every signal, one exit code for all. Real processes."""

import os
import signal
import socket
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
other = 1 - int(rank)
while manner != "early" and not (folder / f"began-{other}-of-2").exists():  # it hears signals then
    time.sleep(0.01)
if manner == "rank-1-fails" and rank == "1":
    sys.exit(1)
if manner == "rank-0-is-stopped" and rank == "0":
    sys.exit(130)
if "rank-1-is-killed" in manner and rank == "1":
    os.kill(os.getpid(), signal.SIGKILL)
while not caught:
    time.sleep(0.01)
time.sleep(0.5 if rank == "0" else 0)  # the first saves
if manner in ("disk-full", "rank-1-is-killed-0-fails") and rank == "0":
    sys.exit(1)
(folder / f"saved-{rank}-{signal.Signals(caught[0]).name}").touch()
sys.exit({"rank-1-fails": 0, "rank-0-is-stopped": 130}.get(manner, 75))
"""
NODE = """
import sys
from exfuse import cli
from exfuse.commands import launch
from exfuse.spec.resources import Resources
from exfuse.spec.settings import Hardware
def program():
    launch.launch("a training", Resources(nodes=2), Hardware(threads=1, workers=0, device="cpu"))
import exfuse.cli.program
exfuse.cli.program.app = program
cli.main()
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


SENT = [(number, number.name) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]


@pytest.mark.parametrize(("number", "heard"), [*SENT, (signal.SIGHUP, "SIGTERM")])
def test_a_signal_reaches_all_and_they_have_time_to_save(
    tmp_path: Path, repo_root: Path, number: signal.Signals, heard: str
) -> None:
    with _launched(tmp_path, repo_root, "save") as process:
        process.send_signal(number)
        assert process.wait(timeout=60) == 75
    assert _names(tmp_path, "saved") == [f"saved-0-{heard}", f"saved-1-{heard}"]


def test_a_terminal_that_is_lost_does_not_matter_under_nohup(tmp_path: Path, repo_root: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which the launcher inherits
    try:
        with _launched(tmp_path, repo_root, "save") as process:
            process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            process.send_signal(signal.SIGUSR1)
            assert process.wait(timeout=60) == 75
    finally:
        signal.signal(signal.SIGHUP, before)
    assert _names(tmp_path, "saved") == ["saved-0-SIGUSR1", "saved-1-SIGUSR1"]


@pytest.mark.parametrize(
    ("manner", "code", "words"),
    [
        ("rank-1-fails", 1, ""),
        ("rank-1-is-killed", 75, "interrupted: a training: process 1 was killed; the memory may not have sufficed"),
        ("rank-1-is-killed-0-fails", 1, "error: a training: process 1 was killed; the memory may not have sufficed"),
        ("rank-0-is-stopped", 130, "interrupted"),
        ("disk-full", 1, ""),
        ("early", 130, "interrupted"),
    ],
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
    assert ("error" in said) == words.startswith("error")


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


def test_each_node_has_the_cores_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since Slurm 22.05 `srun` takes them from no one else."""
    monkeypatch.delenv(MASTER, raising=False)
    monkeypatch.setattr("os.environ", {**os.environ, "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "12"})
    became: list[str] = []

    def become(file: str, words: list[str]) -> None:
        became.extend(words)
        raise SystemExit

    monkeypatch.setattr("os.execvp", become)
    with pytest.raises(SystemExit):
        launch("a training", Resources(nodes=2), ON_CPU)
    assert became[0] == "srun" and {"--nodes=2", "--cpus-per-task=12", "--cpu-bind=none"} <= set(became)
    assert "SLURM_CPUS_PER_TASK" not in os.environ and os.environ["SLURM_JOB_ID"] == "7"


@contextmanager
def _first_node(repo_root: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    """The first of two nodes, whose partner does not come."""
    about = {MASTER: f"localhost:{port}", "SLURM_PROCID": "0", "SLURM_JOB_ID": "1", "PYTHONPATH": str(repo_root)}
    words = [sys.executable, "-c", NODE]
    with subprocess.Popen(words, env={**os.environ, **about}, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def test_nodes_that_cannot_meet(repo_root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        with _first_node(repo_root, taken.getsockname()[1]) as process:
            assert process.wait(timeout=60) == 1
            assert process.stderr is not None
            said = process.stderr.read()
    assert "error: the nodes of this training did not meet at localhost:" in said and "Traceback" not in said


def test_a_node_that_waits_for_another_hears_a_signal_at_once(repo_root: Path) -> None:
    port = _free_port()
    with _first_node(repo_root, port) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # until it waits
            with socket.socket() as probe:
                if probe.connect_ex(("localhost", port)) == 0:
                    break
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 130
        assert process.stderr is not None and process.stderr.read() == "interrupted before the training began\n"
