"""Snakemake starts no more jobs than there are GPUs for: it counts, and each job takes its own (commands/gpus.py)."""

import subprocess
import sys

import pytest

from tests.workflow.conftest import Clone

PRETRAINING = "results/paper/backbones/resnet50/manifest.json"


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("visible", "options", "taken"),
    [
        ("0,1", (), "gpus=2"),  # of the eight that the rule takes: no other fits beside it
        ("0,1", ("--resources", "gpus=1"), "gpus=1"),
        ("", (), "gpus=8"),  # nothing to count: what takes a GPU runs on the processor
    ],
)
def test_a_job_counts_as_many_as_there_are(empty: Clone, visible: str, options: tuple[str, ...], taken: str) -> None:
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", *options, "--config", "preset=paper", "--"]
    environment = {**empty.environment, "CUDA_VISIBLE_DEVICES": visible}
    done = subprocess.run(
        [*command, PRETRAINING], cwd=empty.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    job = next(part for part in done.stdout.split("rule ") if part.startswith("pretrain:"))
    assert f" {taken}," in job and "gres=gpu:8" in job
