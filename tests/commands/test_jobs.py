"""How a job begins: after the call before it, and not inside the remains of another program's `torchrun`."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exfuse.commands import jobs
from exfuse.errors import UserError
from exfuse.spec import manifest

HOLDER = """
import sys, time
from pathlib import Path
from exfuse.commands.lock import sole_worker
from exfuse.spec import manifest
lock, made, finishes = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "finishes"
with sole_worker(lock):
    try:
        print("working", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        if finishes:
            manifest.write(made, job="a/job", key="k", settings={}, upstream={}, outputs=[])
"""


def _job(folder: Path) -> tuple[Any, Any]:
    """A job that was made before, as the spec still asks for it."""
    job = SimpleNamespace(name="a/job", key="k", manifest=folder / "manifest.json", outputs=[])
    manifest.write(job.manifest, job=job.name, key=job.key, settings={}, upstream={}, outputs=[])
    return SimpleNamespace(layout=SimpleNamespace(lock=lambda name: folder / "lock")), job


@pytest.mark.parametrize("manner", ["finishes", "is-interrupted"])
def test_only_what_the_one_waited_for_has_made_counts(
    tmp_path: Path, repo_root: Path, manner: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its manifest may be older than both calls, which are to make it again (`--forcerun`)."""
    graph, job = _job(tmp_path)
    time.sleep(0.05)
    words = [sys.executable, "-c", HOLDER, str(tmp_path / "lock"), str(job.manifest), manner]
    with subprocess.Popen(words, cwd=repo_root, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "working\n"
        if manner == "finishes":
            with pytest.raises(SystemExit) as end, jobs._sole_worker(graph, job):
                pass
            assert end.value.code == 0
        else:
            with jobs._sole_worker(graph, job):
                pass
    assert ("has made it" in capsys.readouterr().err) == (manner == "finishes")


@pytest.mark.parametrize("left", [{"RANK": "0"}, {"RANK": "3", "WORLD_SIZE": "4"}])
def test_the_remains_of_another_torchrun(monkeypatch: pytest.MonkeyPatch, left: dict[str, str]) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert jobs._rank() is None
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=rf"RANK={left['RANK']}, .* without .*MASTER_ADDR, MASTER_PORT.*`unset RANK`"):
        jobs._rank()
