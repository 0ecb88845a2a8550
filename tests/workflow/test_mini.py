"""What `make reproduce` left here at the preset `mini`: learned, complete, left alone by a second call."""

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from exfuse.evaluation.results import read_confusions
from exfuse.spec.freshness import stale_jobs
from exfuse.spec.graph import Graph
from exfuse.spec.load import load

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

DIGEST_OF_ARCHIVES = "812cc18628afacdc4866ace62ee1a909db0149286fcbdbb4d0cfdb803649ea84"
"""SHA-256 over the names and digests of the archives that the preset makes."""

LARGEST_TOP1_ERROR = 0.40
SMALLEST_BASELINE_MIOU = 0.40
SMALLEST_GAIN_OVER_BACKGROUND = 0.10


@pytest.fixture(scope="module")
def base(repo_root: Path) -> Path:
    folder = repo_root / "results" / "mini"
    if not (folder / "report" / "index.html").is_file():
        pytest.skip("results/mini has not been made here; `make reproduce` makes it")
    if stale_jobs(Graph(load(repo_root, "mini"))):
        pytest.skip("results/mini was made from other settings; `make reproduce` brings it up to date")
    return folder


def _evaluations(base: Path) -> Iterator[tuple[str, Path]]:
    return ((path.parts[-4], path) for path in sorted(base.glob("runs/*/seed0/*/val.json")))


def test_every_backbone_learned(base: Path) -> None:
    errors = {
        path.parent.name: json.loads(path.read_text())["top1_error"] for path in base.glob("backbones/*/metrics.json")
    }
    assert len(errors) == 8
    assert max(errors.values()) <= LARGEST_TOP1_ERROR, errors


def test_baselines_on_all_levels_learned(base: Path) -> None:
    scores = {run: json.loads(path.read_text())["miou"] for run, path in _evaluations(base)}
    baselines = {run: score for run, score in scores.items() if run.startswith("gcn-") and run[-1] != "4"}
    assert len(baselines) == 5
    assert min(baselines.values()) >= SMALLEST_BASELINE_MIOU, baselines


def test_no_run_collapsed_to_background(base: Path) -> None:
    collapsed = {}
    for run, path in _evaluations(base):
        truth = read_confusions(path.with_name("confusions.npz"))[0].confusion.sum(axis=(0, 2))
        background = truth[0] / truth.sum() / np.count_nonzero(truth)  # IoU of background alone; the others score 0
        score = json.loads(path.read_text())["miou"]
        if score < background + SMALLEST_GAIN_OVER_BACKGROUND:
            collapsed[run] = (score, background)
    assert not collapsed


def test_only_the_test_servers_cells_are_open(base: Path) -> None:
    for number in range(1, 9):
        with open(base / "tables" / f"table{number}.csv", newline="") as lines:
            states = {row["status"] for row in csv.DictReader(lines)}
        assert states == ({"quoted", "waiting for the server's score"} if number == 8 else {"measured"})


def test_two_threads_of_jobs_fit_into_4_gb(base: Path) -> None:
    peaks = [json.loads(path.read_text()).get("peak_memory_mb", 0) for path in base.rglob("provenance.json")]
    assert 0 < 2 * max(peaks) < 4000


def test_a_second_call_has_nothing_to_do(base: Path, repo_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--config", "preset=mini"],
        cwd=repo_root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stderr


def test_the_archives_are_those_of_every_other_machine(base: Path, repo_root: Path) -> None:
    """One digest over all nine, so that a change of what is generated is seen, and meant."""
    archives = json.loads((repo_root / "data" / "mini.manifest.json").read_text())["outputs"]
    lines = "".join(f"{name} {file['sha256']}\n" for name, file in sorted(archives.items()))
    assert hashlib.sha256(lines.encode()).hexdigest() == DIGEST_OF_ARCHIVES
