"""What `profiles/slurm` asks of a cluster, without one: commands in Slurm's names take notes and refuse.

`test_slurm.py` runs jobs on a real one, which takes minutes and root.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import Clone

COMMANDS = {
    "sbatch": 'printf "%s\\n" "$@" >> "$NOTES"; echo "sbatch: error: refused" >&2; exit 1',
    "sinfo": 'echo "all*"',
    "squeue": "exit 0",
    "sacctmgr": "exit 1",
    "scancel": "exit 0",
}
TARGET = "results/smoke/models/architecture.json"


@pytest.mark.workflow
def test_a_job_reaches_sbatch_with_what_its_rule_takes(empty: Clone, tmp_path: Path) -> None:
    folder, notes = tmp_path / "bin", tmp_path / "notes"
    folder.mkdir()
    for name, body in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{empty.environment['PATH']}"
    options = ("--profile", "profiles/slurm", "--retries", "0", "--slurm-init-seconds-before-status-checks", "1")
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *options, "--config", "preset=smoke", "--", TARGET],
        cwd=empty.root,
        env={**empty.environment, "PATH": path, "NOTES": str(notes)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0 and "refused" in done.stdout + done.stderr
    asked = notes.read_text()
    for words in ("--signal=USR1@120", "--mem 2048", "-t 30", "--requeue"):
        assert words in asked.replace("\n", " "), asked
