"""A training of the real program that is ended in the middle, the calls that go on with it, and one that two share."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from exfuse.files import read_csv
from exfuse.models.weights import load_weights
from tests.program import hear_ctrl_c
from tests.workflow.conftest import Clone

pytestmark = pytest.mark.workflow

WORDS = ["--preset", "smoke", "finetune", "gcn-resnet50", "trainaug", "--seed", "0"]
JOB = Path("results/smoke/runs/gcn-resnet50/seed0/trainaug")


class Training:
    """A process whose messages are read while it runs."""

    def __init__(self, clone: Clone) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "exfuse.cli", *WORDS],
            cwd=clone.root, env=clone.environment, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c,
        )  # fmt: skip
        self.messages = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        while character := self.process.stderr.read(1):
            self.messages += character

    def wait_for_steps(self) -> None:
        """Until the progress shows some."""
        while not re.search(r" [1-9]\d*/\d+ \[", self.messages):
            assert self.process.poll() is None, self.messages
            time.sleep(0.05)

    def end(self) -> int:
        """Its exit code."""
        code = self.process.wait()
        self._reader.join()
        return code


@pytest.fixture
def longer(clone: Clone) -> Clone:
    """A copy in which this training takes a few seconds."""
    clone.edit(
        "params/presets/smoke.yaml", "  trainaug:\n    steps: {value: 2,", "  trainaug:\n    steps: {value: 400,"
    )
    return clone


def test_ended_trainings_go_on_and_give_the_same_files(longer: Clone) -> None:
    undisturbed = Training(longer)
    assert undisturbed.end() == 0, undisturbed.messages
    names = ("weights.safetensors", "history.csv", "manifest.json")
    expected = {name: (longer.root / JOB / name).read_bytes() for name in names}
    for name in names:
        (longer.root / JOB / name).unlink()

    asked = Training(longer)
    asked.wait_for_steps()
    asked.process.send_signal(signal.SIGUSR1)
    assert asked.end() == 75
    assert re.search(
        r"interrupted: gcn-resnet50 trainaug: stopped after step \d+ of 400; its state is saved, and the next call",
        asked.messages,
    )
    assert not (longer.root / JOB / "weights.safetensors").exists()

    orphan = Training(longer)  # as a killed Snakemake leaves it
    orphan.wait_for_steps()
    heir = Training(longer)
    assert heir.end() == 0, heir.messages
    assert orphan.end() == 75
    assert f"process {orphan.process.pid} still works on this job; asking it to end" in heir.messages
    assert {name: (longer.root / JOB / name).read_bytes() for name in names} == expected
    state = longer.root / "results/smoke/state/runs/gcn-resnet50/seed0/trainaug"
    assert not (state / "training").exists()
    assert (state / "val" / "val.json").is_file()  # scored once, for `exfuse score` to take
    stretches = json.loads((longer.root / JOB / "provenance.json").read_text())["stretches"]
    begun = [stretch["from_step"] for stretch in stretches]
    assert len(begun) == 3 and 0 == begun[0] < begun[1] < begun[2]


def test_two_processes_train_what_one_trains(clone: Clone) -> None:
    """Batch norm over single images (smoke's batch is two); the seeds of both are the same, so are the samples."""
    short = "  trainaug:\n    steps: {value: 2,"
    clone.edit("params/presets/smoke.yaml", short, short.replace("value: 2", "value: 20"))
    batch = "    batch_size: {value: 2,"
    micro = '    micro_batch: {value: 1, source: assumption, why: "for two processes"}\n'
    clone.edit("params/presets/smoke.yaml", batch, micro + batch)
    kept = {}
    for size in (1, 2):
        shutil.rmtree(clone.root / JOB)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
        done = subprocess.run(
            [*command, "-m", "exfuse.cli", *WORDS],
            cwd=clone.root, env=clone.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        kept[size] = {
            "weights": load_weights(clone.root / JOB / "weights.safetensors"),
            "losses": [float(row["loss"]) for row in read_csv(clone.root / JOB / "history.csv")],
        }
    assert len(kept[1]["losses"]) == 20
    assert kept[2]["losses"] == pytest.approx(kept[1]["losses"], rel=1e-4)
    for name, tensor in kept[1]["weights"].items():
        torch.testing.assert_close(kept[2]["weights"][name], tensor, rtol=1e-2, atol=1e-3)
