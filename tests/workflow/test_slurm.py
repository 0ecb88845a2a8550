"""`profiles/slurm` on a real Slurm: what a cluster does to jobs changes no result."""

import hashlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from exfuse.files import read_csv
from tests.workflow.conftest import Clone, copy_repository
from tests.workflow.slurm import cluster, require_slurm

PRESET = """
extends: smoke
description: trainings that last long enough to be interrupted
backbone_weights: results/smoke/backbones
runs: [gcn-resnet50-4, gcn-resnet50-34, gcn-resnet50-234]
fine_tuning:
  common:
    batch_size: {value: 4, source: assumption, why: a test}
    micro_batch: {value: 2, source: assumption, why: a test}
  trainaug:
    steps: {value: 80, source: assumption, why: a test}
"""
INTERRUPTIONS = {
    "gcn-resnet50-4": ("scancel",),
    "gcn-resnet50-34": ("scontrol", "requeue"),
    "gcn-resnet50-234": ("scancel", "--signal=USR1"),
}
"""By run: cancelled, sent back to the queue, and warned as before the time is up."""
SUBMITTED = {"gcn-resnet50-4": 2, "gcn-resnet50-34": 1, "gcn-resnet50-234": 2}
"""Snakemake retries what was cancelled, and waits for what Slurm starts again."""
SLOW_DISK = """
import os, time
fsync = os.fsync
def slowly(descriptor):
    time.sleep(1.0)
    fsync(descriptor)
os.fsync = slowly
"""
"""Python's `sitecustomize`: saving a state takes seconds, in which all processes that wait for it have to live."""
SUBMISSION = r"submitted with SLURM jobid \d+ \(log: \S+/"
SHARED = "gcn-resnet50-234"
OFTEN = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")
SECONDS_TO_TRAIN = 180.0


class Site:
    """A working copy on a cluster of its own, and what people do there."""

    def __init__(self, clone: Clone, environment: dict[str, str]) -> None:
        self.root = clone.root
        self.started: list[subprocess.Popen[str]] = []
        self._environment = {**environment, "PYTHONPATH": str(clone.root), "OMP_NUM_THREADS": "1"}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Starts a command."""
        process = subprocess.Popen(
            words,
            cwd=self.root,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def snakemake(self, preset: str, *targets: str) -> "subprocess.Popen[str]":
        """Starts snakemake as on a login node, but for how often it asks Slurm."""
        program = str(Path(__file__).with_name("impatient.py"))
        options = ("--profile", "profiles/slurm", *OFTEN, "--config", f"preset={preset}")
        return self.start(sys.executable, program, *options, "--", *targets)

    def training(self, run: str) -> Path:
        """The folder of a run's stage."""
        return self.root / "results" / "queued" / "runs" / run / "seed0" / "trainaug"

    def manifest(self, run: str) -> str:
        """What snakemake is asked for, to have a run trained."""
        return str((self.training(run) / "manifest.json").relative_to(self.root))

    def trains(self, run: str) -> bool:
        """Whether a run's first steps are done, or about to be."""
        log = self.root / "results" / "queued" / "logs" / "runs" / run / "seed0" / "trainaug.log"
        return log.exists() and "step/s" in log.read_text()

    def job_of(self, run: str) -> str:
        """The number of the Slurm job that trains a run."""
        lines = finish(self.start("squeue", "--noheader", "--format=%i %k")).splitlines()
        jobs = {comment: number for number, comment in map(str.split, lines)}
        return jobs[f"rule_finetune_wildcards_{run}_0_trainaug"]

    def stretches(self, run: str) -> int:
        """How many processes, one after the other, trained a run."""
        return len(json.loads((self.training(run) / "provenance.json").read_text())["stretches"])

    def digest(self, run: str) -> str:
        """Of a run's weights."""
        return hashlib.sha256((self.training(run) / "weights.safetensors").read_bytes()).hexdigest()


def finish(process: "subprocess.Popen[str]") -> str:
    """What a command printed."""
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output[-6000:]
    return output


@pytest.fixture
def site(repo_root: Path, tmp_path: Path) -> Iterator[Site]:
    require_slurm()
    clone = copy_repository(repo_root, tmp_path / "clone")
    (clone.root / "params" / "presets" / "queued.yaml").write_text(PRESET)
    with cluster() as environment:
        made = Site(clone, environment)
        yield made
        for process in made.started:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.workflow
def test_what_a_cluster_does_changes_no_result(site: Site) -> None:
    _a_table_goes_through_slurm(site)
    _interrupted_trainings_end_as_those_left_alone(site)
    _two_nodes_share_a_training(site)


def _a_table_goes_through_slurm(site: Site) -> None:
    """From the archives to Table 2 of `smoke`; sets and the table itself are made where snakemake runs."""
    output = finish(site.snakemake("smoke", "results/smoke/tables/table2.csv"))
    rules = Counter(re.findall(SUBMISSION + r"rule_(\w+)/", output))
    assert rules == {"archives": 1, "prepare": 3, "pretrain": 2, "finetune": 2, "evaluate": 2}
    cells = read_csv(site.root / "results" / "smoke" / "tables" / "table2.csv")
    assert [cell["run"] for cell in cells if cell["measured"]] == [
        "resnet50",
        "gcn-resnet50",
        "resnet50-ss",
        "gcn-resnet50-ss",
    ]


def _interrupted_trainings_end_as_those_left_alone(site: Site) -> None:
    slow = site.root / "sitecustomize.py"
    slow.write_text(SLOW_DISK)
    snakemake = site.snakemake("queued", *map(site.manifest, INTERRUPTIONS))
    waiting, deadline = set(INTERRUPTIONS), time.monotonic() + SECONDS_TO_TRAIN
    while waiting:
        for run in filter(site.trains, sorted(waiting)):
            finish(site.start(*INTERRUPTIONS[run], site.job_of(run)))
            waiting.remove(run)
        assert time.monotonic() < deadline and snakemake.poll() is None, waiting
        time.sleep(0.2)
    output = finish(snakemake)
    assert Counter(re.findall(SUBMISSION + r"rule_finetune/(\S+)_0_trainaug/", output)) == SUBMITTED
    assert {run: site.stretches(run) for run in INTERRUPTIONS} == dict.fromkeys(INTERRUPTIONS, 2)
    slow.unlink()
    interrupted = {run: site.digest(run) for run in INTERRUPTIONS}
    command = (sys.executable, "-m", "exfuse.cli", "--preset", "queued", "finetune")
    for process in [site.start(*command, run, "trainaug") for run in INTERRUPTIONS]:
        finish(process)
    assert {run: site.stretches(run) for run in INTERRUPTIONS} == dict.fromkeys(INTERRUPTIONS, 1)
    assert {run: site.digest(run) for run in INTERRUPTIONS} == interrupted


def _two_nodes_share_a_training(site: Site) -> None:
    """The weights are those of one process but for the order of sums; what a job takes is part of no key."""
    alone = load_file(site.training(SHARED) / "weights.safetensors")
    with open(site.root / "params" / "presets" / "queued.yaml", "a", encoding="utf-8") as preset:
        preset.write("resources: {finetune: {nodes: 2}}\n")
    (site.training(SHARED) / "manifest.json").unlink()
    finish(site.snakemake("queued", site.manifest(SHARED)))
    together = load_file(site.training(SHARED) / "weights.safetensors")
    assert all(np.allclose(alone[name], together[name], rtol=1e-3, atol=1e-4) for name in alone)
    assert any(not np.array_equal(alone[name], together[name]) for name in alone)
