"""The program in a process of its own: its verbs, its exit codes, and what it imports."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from exfuse import __version__
from tests.cli.conftest import left
from tests.params import Params
from tests.program import call

VERBS = (
    "data", "dvc", "pretrain", "finetune", "score", "submit", "trace", "costs", "probe", "plan", "table", "figure",
    "claims", "gallery", "report", "crate", "fidelity", "status", "times", "predict", "evaluate", "export", "info",
)  # fmt: skip


def _exfuse(repo_root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program in the current folder."""
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "COLUMNS": "200"}
    command = [sys.executable, "-m", "exfuse.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_help_lists_every_verb(repo_root: Path) -> None:
    done = _exfuse(repo_root, "--help")
    assert done.returncode == 0
    listed = re.findall(r"^│ ([a-z]+) ", done.stdout, re.MULTILINE)
    assert set(listed) == set(VERBS)


def test_version(repo_root: Path) -> None:
    done = _exfuse(repo_root, "--version")
    assert (done.returncode, done.stdout) == (0, f"exfuse {__version__}\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--preset", "mimi", "status"), ["unknown preset 'mimi'", "did you mean 'mini'?"]),
        (
            ("--preset", "paper", "data", "prepare", "voc"),
            ["data/official/VOCtrainval_11-May-2012.tar is missing", "host.robots.ox.ac.uk"],
        ),
        (("table", "tabel3"), ["unknown table 'tabel3'", "did you mean 'table3'?"]),
    ],
)
def test_a_users_error_is_one_line_and_exit_code_1(
    params: Params, repo_root: Path, words: tuple[str, ...], expected: list[str]
) -> None:
    done = _exfuse(repo_root, *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for word in expected:
        assert word in done.stderr
    assert left(params.root) == set()


def test_a_broken_spec_through_the_program(params: Params, repo_root: Path) -> None:
    params.put("tables.yaml", "table3.rows.6.cells.miou.measure.run", "exfuze")
    done = _exfuse(repo_root, "status")
    assert done.returncode == 1
    assert done.stderr == (
        "error: params/tables.yaml: table3, row '7', column 'miou': unknown run 'exfuze'; did you mean 'exfuse'?\n"
    )


class _Interrupting:
    """Finds modules; Ctrl-C is pressed while it looks for the verbs."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None, _target: object = None) -> None:
        if name == "exfuse.cli.program":
            raise KeyboardInterrupt


def test_ctrl_c_while_libraries_are_loaded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "exfuse.cli.program", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Interrupting, *sys.meta_path])
    assert call(monkeypatch, "--version") == 130
    assert capsys.readouterr().err == "interrupted; what is finished is kept\n"


def test_slurms_warning_before_a_training_hears_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    monkeypatch.setattr("exfuse.cli.program.app", lambda: signal.raise_signal(signal.SIGUSR1))
    try:
        assert call(monkeypatch, "times") == 130
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert capsys.readouterr().err == "interrupted; what is finished is kept\n"


FULL = "error: cannot write the output: No space left on device. What is finished is kept.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_for_the_output_is_one_message(repo_root: Path, unbuffered: str) -> None:
    """Where lines are kept back, the disk is asked when all is over."""
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "exfuse.cli", "--version"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_read_enough_is_no_error_to_speak_of(repo_root: Path, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "exfuse.cli", "--version"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr == ""


WITHOUT_TORCH = """
import sys
from exfuse import cli
sys.argv = ["exfuse", *sys.argv[1:]]
try:
    cli.main()
except SystemExit:
    pass
print(sorted({"torch", "torchvision", "timm", "matplotlib"} & set(sys.modules)))
"""


@pytest.mark.parametrize("words", [("status",), ("times",), ("table", "table8"), ("claims",)])
def test_what_only_reads_imports_no_torch(params: Params, repo_root: Path, words: tuple[str, ...]) -> None:
    """It costs two seconds; there are dozens of such jobs."""
    graph = params.graph("smoke")
    params.finish(graph, *(name for name in graph.jobs if name.startswith(("runs/", "backbones/"))))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "--preset", "smoke", *words],
        env={**os.environ, "PYTHONPATH": str(repo_root)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stderr == ""
