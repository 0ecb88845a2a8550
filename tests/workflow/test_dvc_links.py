"""What lies in DVC's cache is never written through its links: not by trainings, nor by Snakemake's clocks."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import Clone
from tests.workflow.dvc_clone import DvcClone, base_of, copy_of, published

pytestmark = pytest.mark.workflow

DROP_FROM_BOUNDING_SET = 24  # prctl(2)
CAPABILITIES = (1, 2, 3)  # of root: to pass over permissions of writing, of reading, and of owners


@pytest.fixture
def recorded(
    repo_root: Path, finished: Clone, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[DvcClone]:
    """Results of `smoke`, recorded."""
    yield from copy_of(published(repo_root, finished, base_of(tmp_path_factory)), tmp_path / "recorded")


def _as_a_person() -> None:
    """Root may write what is protected; here it may not."""
    for capability in CAPABILITIES:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


def _call(clone: DvcClone, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=clone.root, env=clone.environment, preexec_fn=_as_a_person, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


def _times(clone: DvcClone) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in clone.objects()}


@pytest.mark.parametrize("kind", ["hardlink", pytest.param("symlink", marks=pytest.mark.long)])
def test_the_cache_is_never_written_through_a_link(recorded: DvcClone, kind: str) -> None:
    recorded.dvc("config", "--local", "cache.type", kind)
    recorded.dvc("checkout", "--quiet", "--relink")
    runs = recorded.root / "results/smoke/runs"
    linked = runs / "gcn-resnet50/seed0/trainaug/weights.safetensors"
    is_link = {"hardlink": linked.stat().st_nlink > 1, "symlink": linked.is_symlink()}
    assert is_link == {name: name == kind for name in is_link}
    before = _times(recorded)
    short = "  trainaug:\n    steps: {value: 2,"
    recorded.edit("params/presets/smoke.yaml", short, short.replace("2", "3"))

    _call(recorded, "snakemake", "--cores", "2", "results/smoke/runs/gcn-resnet50/seed0/trainaug/manifest.json")
    assert "runs/gcn-resnet50/seed0/trainaug" not in recorded.stale()
    _call(recorded, "dvc", "repro", "gcn-resnet50-4-seed0-trainaug")
    assert "runs/gcn-resnet50-4/seed0/trainaug" not in recorded.stale()
    forced = "results/smoke/data/sets/val.csv"
    _call(recorded, "snakemake", "--cores", "2", "--forcerun", forced, "--", forced)

    recorded.assert_whole_cache()
    assert {path: time for path, time in _times(recorded).items() if path in before} == before
    assert os.access(linked, os.W_OK)
    recorded.git("checkout", "--", "params")
    recorded.git("checkout", "--", "dvc.lock")
    recorded.dvc("checkout", "--quiet", "--force")
    recorded.assert_nothing_to_do()
