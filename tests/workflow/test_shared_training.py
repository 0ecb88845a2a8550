"""A training that two processes share, from the command line: its weights, its signals, and its orphans."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.workflow.conftest import Clone, copy_repository

CHANGES = """
runs: [gcn-resnet50-4]
resources: {finetune: {processes: 1}}
"""
COMMAND = ("--preset", "smoke", "finetune", "gcn-resnet50-4", "trainaug")
STAGE = Path("results/smoke/runs/gcn-resnet50-4/seed0/trainaug")


class Trainings:
    """One training, again and again, in a working copy."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.folder = clone.root / STAGE
        self._log = clone.root / "log"

    def start(self) -> "subprocess.Popen[bytes]":
        """Starts it, and waits until its first steps are done, or about to be."""
        with open(self._log, "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "exfuse.cli", *COMMAND],
                cwd=self.clone.root,
                env=self.clone.environment,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while b"step/s" not in self._log.read_bytes() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    def finish(self) -> int:
        """Runs it to its end, and gives the number of its stretches."""
        assert self.start().wait() == 0, self._log.read_text()
        return len(json.loads((self.folder / "provenance.json").read_text())["stretches"])

    def digest(self) -> str:
        """Of its weights."""
        return hashlib.sha256((self.folder / "weights.safetensors").read_bytes()).hexdigest()


@pytest.fixture
def trainings(repo_root: Path, tmp_path: Path) -> Trainings:
    clone = copy_repository(repo_root, tmp_path / "clone")
    clone.edit(
        "params/presets/smoke.yaml",
        "batch_size: {value: 2,",
        "micro_batch: {value: 2, source: a test}\n    batch_size: {value: 4,",
    )
    clone.edit("params/presets/smoke.yaml", "trainaug:\n    steps: {value: 2,", "trainaug:\n    steps: {value: 80,")
    with open(clone.root / "params" / "presets" / "smoke.yaml", "a", encoding="utf-8") as preset:
        preset.write(CHANGES)
    clone.smoke(str(STAGE / "manifest.json"))
    return Trainings(clone)


@pytest.mark.slow
@pytest.mark.workflow
def test_two_processes_end_as_one_whatever_interrupts_them(trainings: Trainings) -> None:
    alone = load_file(trainings.folder / "weights.safetensors")
    trainings.clone.edit("params/presets/smoke.yaml", "processes: 1", "processes: 2")
    assert trainings.finish() == 1
    together, digest = load_file(trainings.folder / "weights.safetensors"), trainings.digest()
    assert all(np.allclose(alone[name], together[name], rtol=1e-3, atol=1e-4) for name in alone)
    assert any(not np.array_equal(alone[name], together[name]) for name in alone)

    asked = trainings.start()
    asked.send_signal(signal.SIGTERM)
    assert asked.wait() == 75
    assert trainings.finish() == 2
    assert trainings.digest() == digest

    killed = trainings.start()
    os.kill(killed.pid, signal.SIGKILL)  # its processes save and end, which the next call waits for
    killed.wait()
    assert trainings.finish() == 2
    assert trainings.digest() == digest
